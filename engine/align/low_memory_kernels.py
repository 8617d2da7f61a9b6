"""Kernels over bwa's transform in two bits a row: bwa-mem3's checkpoints, and the walk that samples the suffix array.
No I/O.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.align.index_kernels import SA_SAMPLING
from engine.kernel import kernel


@kernel
def checkpoints_of(words: NDArray[np.uint32], sentinel: int, rows: int, checkpoints: NDArray[np.uint64]) -> None:
    """Counts and masks of :func:`engine.align.index_kernels.fm_index` from bwa's transform.

    Args:
        words: uint32[words], per 128 letters 8 words of counts and 8 of letters, the first in the highest bits (bwa's
            bwt.h); the sentinel is left out.
        sentinel: its row.
        rows: letters and the sentinel.
        checkpoints: uint64[rows // 64 + 1, 8], zero; written.
    """
    counts = np.zeros(4, dtype=np.uint64)
    letter = 0
    for row in range(rows):
        if row & 63 == 0:
            for base in range(4):
                checkpoints[row >> 6, base] = counts[base]
        if row == sentinel:
            continue
        word = words[(letter >> 7) * 16 + 8 + ((letter & 127) >> 4)]
        base = (word >> np.uint32((~letter & 15) << 1)) & np.uint32(3)
        counts[base] += np.uint64(1)
        checkpoints[row >> 6, 4 + base] |= np.uint64(1) << np.uint64(63 - (row & 63))
        letter += 1
    if rows & 63 == 0:
        for base in range(4):
            checkpoints[rows >> 6, base] = counts[base]


@kernel
def walk(
    checkpoints: NDArray[np.uint64],
    less: NDArray[np.int64],
    suffixes: NDArray[np.int64],
    rows: NDArray[np.int64],
    stops: NDArray[np.int64],
    steps: int,
    high: NDArray[np.int8],
    low: NDArray[np.uint32],
    sentinel: int,
) -> int:
    """Take some steps of each walk in turn, from a suffix to the one that is one letter longer.

    Args:
        checkpoints: uint64[rows // 64 + 1, 8], as :func:`checkpoints_of` makes them.
        less: int64[4], how many letters are smaller.
        suffixes: int64[walks], where each walk stands in the text; moved on.
        rows: int64[walks], the row of each; moved on, to -1 behind the sentinel.
        stops: int64[walks], the suffix at which each ends; that one is another's.
        steps: of each walk at most.
        high: int8[rows // 8 + 1], bits 32 and above of the suffix of every eighth row; written.
        low: uint32[rows // 8 + 1], its bits below; written.
        sentinel: the row of suffix 0.

    Returns:
        Suffixes seen in all walks.
    """
    seen = 0
    for _ in range(steps):
        moved = 0
        for one in range(len(rows)):
            suffix, row = suffixes[one], rows[one]
            if suffix <= stops[one]:
                continue
            if row % SA_SAMPLING == 0:
                high[row // SA_SAMPLING] = suffix >> 32
                low[row // SA_SAMPLING] = suffix & 0xFFFFFFFF
            suffixes[one] = suffix - 1
            rows[one] = -1 if row == sentinel else _before(checkpoints, less, row)
            moved += 1
        if moved == 0:
            break
        seen += moved
    return seen


@kernel
def _before(checkpoints: NDArray[np.uint64], less: NDArray[np.int64], row: int) -> int:
    """The LF mapping: the row of the suffix that is one letter longer."""
    block = checkpoints[row >> 6]
    inside = np.uint64(row & 63)
    shift = np.uint64(63) - inside
    one = np.uint64(1)
    base = np.int64((block[5] >> shift) & one) + 2 * np.int64((block[6] >> shift) & one)
    base += 3 * np.int64((block[7] >> shift) & one)
    earlier = (block[4 + base] >> shift) >> one
    found: int = 1 + less[base] + np.int64(block[base]) + _ones(earlier)
    return found


@kernel
def _ones(bits: np.uint64) -> np.int64:
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))
