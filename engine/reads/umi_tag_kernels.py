"""Kernels that give alignments their UMI as the tag ``RX:Z:`` (SAM optional fields specification). No I/O.

Where a UMI stands in a name: :mod:`engine.reads.umi_kernels`. As the specification asks, two of them are joined by a
hyphen; BCL Convert's ``r`` (before one that it reversed) is no base and is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import NAME
from engine.reads.umi_kernels import umi_start
from engine.reads.unaligned import put_int32, uint32_at

_REVERSED, _PLUS, _HYPHEN = 114, 43, 45
_HEAD = np.frombuffer(b"RXZ", dtype=np.uint8)


@kernel
def _letters(data: NDArray[np.uint8], first: int, last: int) -> int:
    """Letters of the UMI ``data[first:last]`` without BCL Convert's marks."""
    count = 0
    for at in range(first, last):
        count += data[at] != _REVERSED
    return count


@kernel
def with_umi_tag(data: NDArray[np.uint8], offset: NDArray[np.int64]) -> Any:
    """The records with the UMI at the end of their names as their last tag.

    Args:
        data: uint8[], BAM records.
        offset: int64[n + 1], where each begins and the last one ends.

    Returns:
        data uint8[], offset int64[n + 1]. A record whose name ends in no UMI stays as it is.
    """
    n = len(offset) - 1
    moved = np.zeros(n + 1, dtype=np.int64)
    for i in range(n):
        last = offset[i] + NAME + data[offset[i] + 12] - 1
        letters = _letters(data, umi_start(data, offset[i] + NAME, last), last)
        moved[i + 1] = moved[i] + offset[i + 1] - offset[i] + (letters + len(_HEAD) + 1 if letters else 0)
    tagged = np.empty(moved[n], dtype=np.uint8)
    for i in range(n):
        at, to, size = offset[i], moved[i], offset[i + 1] - offset[i]
        tagged[to : to + size] = data[at : at + size]
        added = moved[i + 1] - to - size
        if added:
            put_int32(tagged, to, uint32_at(data, at) + added)
            to += size
            for letter in _HEAD:
                tagged[to] = letter
                to += 1
            last = at + NAME + data[at + 12] - 1
            for place in range(umi_start(data, at + NAME, last), last):
                if data[place] != _REVERSED:
                    tagged[to] = _HYPHEN if data[place] == _PLUS else data[place]
                    to += 1
            tagged[to] = 0
    return tagged, moved
