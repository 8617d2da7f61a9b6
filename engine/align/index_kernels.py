"""Kernels that turn sequence into bwa's packed forms and a suffix array into its FM-index. No I/O.

The FM-index is that of Li & Durbin 2009 (doi:10.1093/bioinformatics/btp324) in the layout of bwa-mem2 (Vasimuddin
et al. 2019, doi:10.1109/IPDPS.2019.00041): per 64 rows of the transform a checkpoint of the four counts and four
bit masks, and every eighth suffix array value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

AMBIGUOUS = 4
SA_SAMPLING = 8

_LCG_FACTOR, _LCG_STEP, _LCG_MASK = 0x5DEECE66D, 0xB, (1 << 48) - 1
SEED = 11
"""bwa's seed for the bases that stand in for ambiguous ones; also written into ``.ann``."""


def base_codes() -> NDArray[np.uint8]:
    """2-bit code of each ASCII letter, ``AMBIGUOUS`` for all but ACGT."""
    codes = np.full(256, AMBIGUOUS, dtype=np.uint8)
    for code, letters in enumerate((b"Aa", b"Cc", b"Gg", b"Tt")):
        codes[list(letters)] = code
    return codes


BASE_CODES = base_codes()


@kernel
def replace_ambiguous(codes: NDArray[np.uint8], state: int) -> int:
    """Put pseudo-random bases for ambiguous ones, by POSIX ``lrand48`` as bwa does; returns the generator's state.

    Args:
        codes: uint8[n], bases as codes 0 to 3, above that ambiguous; replaced in place.
    """
    for i in range(len(codes)):
        if codes[i] == AMBIGUOUS:
            state = (state * _LCG_FACTOR + _LCG_STEP) & _LCG_MASK
            codes[i] = (state >> 17) & 3
    return state


@kernel
def pack(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Four bases a byte, the first in the highest bits: the body of ``.pac``.

    Args:
        codes: uint8[n], bases as codes 0 to 3.
    """
    packed = np.zeros((len(codes) + 3) // 4, dtype=np.uint8)
    for i in range(len(codes)):
        packed[i >> 2] |= codes[i] << ((3 - (i & 3)) << 1)
    return packed


@kernel
def fm_index(text: NDArray[np.uint8], suffixes: NDArray[Any]) -> Any:
    """The FM-index of ``text`` (codes 0 to 3) followed by a sentinel.

    Args:
        text: uint8[n].
        suffixes: int32[n] or int64[n], the suffix array of ``text`` without the sentinel.

    Returns:
        checkpoints uint64[(n + 1) // 64 + 1, 8] (four counts before the block, four masks, first row in the highest
        bit); sampled suffix array int64[(n + 1) // 8 + 1]; the row whose transform is the sentinel.
    """
    rows = len(text) + 1
    checkpoints = np.zeros((rows // 64 + 1, 8), dtype=np.uint64)
    sampled = np.zeros(rows // SA_SAMPLING + 1, dtype=np.int64)
    counts = np.zeros(4, dtype=np.uint64)
    sentinel = -1
    for row in range(rows):
        if row & 63 == 0:
            _put_counts(checkpoints, row >> 6, counts)
        suffix = len(text) if row == 0 else suffixes[row - 1]
        if row % SA_SAMPLING == 0:
            sampled[row // SA_SAMPLING] = suffix
        if suffix == 0:
            sentinel = row
        else:
            base = text[suffix - 1]
            counts[base] += np.uint64(1)
            checkpoints[row >> 6, 4 + base] |= np.uint64(1) << np.uint64(63 - (row & 63))
    if rows & 63 == 0:
        _put_counts(checkpoints, rows >> 6, counts)
    return checkpoints, sampled, sentinel


@kernel
def _put_counts(checkpoints: NDArray[np.uint64], block: int, counts: NDArray[np.uint64]) -> None:
    for base in range(4):
        checkpoints[block, base] = counts[base]
