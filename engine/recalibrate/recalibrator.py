"""Recalibrated qualities in place of reported ones, in records on their way to a file or to the caller.

GATK's ``BQSRReadTransformer`` (specification 16.3): every read is changed, whatever its flags; qualities below 6 stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError
from engine.reads.bam_records import ReadGroup
from engine.recalibrate.read_groups import group_ids
from engine.recalibrate.table import RecalibrationTable


class Recalibrator:
    """Changes the records of one file by one table; safe to use from several threads.

    Args:
        table: counted over this file, or over all files of the same read groups.
        read_groups: of the file's header.
        file: named in errors.
    """

    def __init__(self, table: RecalibrationTable, read_groups: Sequence[ReadGroup], file: Path) -> None:
        self._table, self._file = table, file
        self._groups = group_ids(read_groups, table.read_groups)

    def apply(self, data: NDArray[np.uint8], starts: NDArray[np.int64]) -> None:
        """Replace qualities in place.

        Args:
            data: uint8[], packed BAM records.
            starts: int64[n], where the records to change begin, each with its length ahead.

        Raises:
            AlignmentFileError: a read is of a group that the table does not know, or longer than its largest cycle.
        """
        from engine.recalibrate.apply_kernels import APPLIED, recalibrate_records

        groups, corrections = self._groups, self._table.corrections
        outcome, row = recalibrate_records(
            data,
            starts,
            groups.ids,
            groups.offset,
            groups.row,
            corrections.quality,
            corrections.context_shift,
            corrections.cycle_shift,
        )
        if outcome != APPLIED:
            raise self._refused(data, int(starts[row]), outcome)

    def _refused(self, data: NDArray[np.uint8], at: int, outcome: int) -> AlignmentFileError:
        from engine.recalibrate.apply_kernels import UNKNOWN_GROUP

        name = data[at + 36 : at + 35 + int(data[at + 12])].tobytes().decode("latin-1")
        if outcome == UNKNOWN_GROUP:
            known = ", ".join(self._table.read_groups) or "none"
            problem, remedy = f"is of no read group that the table knows ({known})", "make the table from this file"
        else:
            problem = f"is longer than the largest cycle, {self._table.maximum_cycle}"
            remedy = "make the table with a larger maximum cycle, or leave recalibration off for long reads"
        return AlignmentFileError(f"read {name!r} {problem}", file=self._file, remedy=remedy)
