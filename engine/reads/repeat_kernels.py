"""Kernels that find reads given twice: as both mates of a pair, or again in a file or a lane. No I/O."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

_BASIS, _PRIME = 14695981039346656037, 1099511628211
"""Of the hash FNV-1a (Fowler, Noll, Vo) in 64 bits."""
_FIRST_BASES = 64


@kernel
def equal_rows(
    base_offset1: NDArray[np.int64],
    bases1: NDArray[np.uint8],
    qualities1: NDArray[np.uint8],
    base_offset2: NDArray[np.int64],
    bases2: NDArray[np.uint8],
    qualities2: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Rows whose two reads are the same in bases and qualities; not where one base or N stands throughout.

    Args:
        base_offset1: int64[n + 1], limits of the first reads.
        bases1: uint8[], their bases, ASCII.
        qualities1: uint8[], their qualities.
        base_offset2: int64[n + 1], the same of the second reads.
        bases2: uint8[], their bases.
        qualities2: uint8[], their qualities.
    """
    n = len(base_offset1) - 1
    rows = np.empty(n, dtype=np.int64)
    found = 0
    for i in range(n):
        start1, start2 = base_offset1[i], base_offset2[i]
        length = base_offset1[i + 1] - start1
        if length != base_offset2[i + 1] - start2:
            continue
        same, varied = True, False
        for j in range(length):
            if bases1[start1 + j] != bases2[start2 + j] or qualities1[start1 + j] != qualities2[start2 + j]:
                same = False
                break
            varied |= bases1[start1 + j] != bases1[start1]
        if same and varied:
            rows[found] = i
            found += 1
    return rows[:found]


@kernel
def read_hashes(
    name_offset: NDArray[np.int64],
    names: NDArray[np.uint8],
    base_offset: NDArray[np.int64],
    bases: NDArray[np.uint8],
) -> NDArray[np.uint64]:
    """uint64[n], a hash of each read's name and first 64 bases.

    Args:
        name_offset: int64[n + 1], limits of the names.
        names: uint8[], the names end to end.
        base_offset: int64[n + 1], limits of the reads.
        bases: uint8[], their bases, ASCII.
    """
    n = len(name_offset) - 1
    hashes = np.empty(n, dtype=np.uint64)
    prime = np.uint64(_PRIME)
    for i in range(n):
        value = np.uint64(_BASIS)
        for j in range(name_offset[i], name_offset[i + 1]):
            value = (value ^ np.uint64(names[j])) * prime
        for j in range(base_offset[i], min(base_offset[i + 1], base_offset[i] + _FIRST_BASES)):
            value = (value ^ np.uint64(bases[j])) * prime
        value ^= value >> np.uint64(32)  # FNV's high bits vary least, and the lowest hashes are kept
        value *= np.uint64(0x9E3779B97F4A7C15)
        hashes[i] = value
    return hashes
