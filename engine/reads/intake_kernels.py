"""The kernel that counts what a batch of reads says: bases and qualities by cycle, and reads that hold the adapter.

No I/O. The sums are whole numbers, so that batches may be counted in any order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

CYCLES = 1000
"""Cycles counted one by one; later bases of longer reads count in the totals only."""

OTHER = 4
"""Code of everything that is not A, C, G or T; those have codes 0 to 3."""

_ADAPTER_MASK = (1 << 26) - 1


def base_codes() -> NDArray[np.uint8]:
    """Code of each letter, in either case."""
    codes = np.full(256, OTHER, dtype=np.uint8)
    for code, letters in enumerate((b"Aa", b"Cc", b"Gg", b"Tt")):
        codes[list(letters)] = code
    return codes


BASE_CODES = base_codes()


def _packed(sequence: bytes) -> int:
    """A sequence as an integer, two bits a base, the last base lowest."""
    value = 0
    for letter in sequence:
        value = value << 2 | int(BASE_CODES[letter])
    return value


ADAPTER = b"AGATCGGAAGAGC"
"""With these 13 bases both adapters of Illumina's TruSeq kits begin (Illumina Adapter Sequences, 1000000002694)."""

ADAPTER_CODE = _packed(ADAPTER)


@kernel
def count_reads(
    base_offset: NDArray[np.int64],
    bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    codes: NDArray[np.uint8],
    base_counts: NDArray[np.int64],
    base_counts_by_cycle: NDArray[np.int64],
    quality_sum_by_cycle: NDArray[np.int64],
    quality_counts: NDArray[np.int64],
) -> int:
    """Add a batch to the counts; the number of its reads that hold the adapter without an error.

    Args:
        base_offset: int64[n + 1], row limits in ``bases`` and ``qualities``.
        bases: uint8[], ASCII.
        qualities: uint8[], phred.
        codes: uint8[256], code of each letter.
        base_counts: int64[5], added to.
        base_counts_by_cycle: int64[CYCLES, 5], added to.
        quality_sum_by_cycle: int64[CYCLES], added to.
        quality_counts: int64[256], added to.
    """
    with_adapter = 0
    for row in range(len(base_offset) - 1):
        start = base_offset[row]
        length = base_offset[row + 1] - start
        window, called, found = 0, 0, False
        for cycle in range(length):
            code = codes[bases[start + cycle]]
            quality = qualities[start + cycle]
            base_counts[code] += 1
            quality_counts[quality] += 1
            if cycle < CYCLES:
                base_counts_by_cycle[cycle, code] += 1
                quality_sum_by_cycle[cycle] += quality
            called = 0 if code == OTHER else called + 1
            window = (window << 2 | (code & 3)) & _ADAPTER_MASK
            found = found or (called >= 13 and window == ADAPTER_CODE)
        if found:
            with_adapter += 1
    return with_adapter
