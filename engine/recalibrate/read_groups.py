"""Read groups of a header as the kernels look them up: a table has a row for each platform unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.reads.bam_records import ReadGroup


@dataclass(frozen=True)
class GroupIds:
    """Read group ids for the kernels.

    Attributes:
        ids: uint8[], ids end to end.
        offset: int64[n + 1], their limits.
        row: int32[n], row of the table of each id, -1 for one the table does not have.
    """

    ids: NDArray[np.uint8]
    offset: NDArray[np.int64]
    row: NDArray[np.int32]


def group_ids(read_groups: Sequence[ReadGroup], units: Sequence[str]) -> GroupIds:
    """A header's read groups with their rows in a table of these platform units."""
    row_of: Mapping[str, int] = {unit: row for row, unit in enumerate(units)}
    ids = [group.id.encode() for group in read_groups]
    offset = np.concatenate([[0], np.cumsum([len(each) for each in ids])]).astype(np.int64)
    rows = np.array([row_of.get(group.unit, -1) for group in read_groups], dtype=np.int32)
    return GroupIds(np.frombuffer(b"".join(ids), dtype=np.uint8), offset, rows)
