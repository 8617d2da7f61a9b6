"""Kernels: which base each read has at given places of the reference. No I/O."""

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.kernel import kernel

_CONSUMES_READ = 0b110010011
"""Bit by CIGAR operator (MIDNSHP=X): M, I, S, = and X take bases of the read."""
_CONSUMES_REFERENCE = 0b110001101
"""M, D, N, = and X take bases of the reference."""


@kernel
def bases_at(
    reads: ReadColumns, positions: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32]]:
    """The base of each read at each place that it has a base at.

    Args:
        reads: in coordinate order.
        positions: int64[p], sorted, 0-based.

    Returns:
        Of each base: int64[n] which place, uint8[n] its letter, uint8[n] its quality (Phred), int32[n] its template.
    """
    most = 0
    for read in range(reads.start.size):
        most += np.searchsorted(positions, reads.end[read]) - np.searchsorted(positions, reads.start[read])
    place = np.empty(most, np.int64)
    letter = np.empty(most, np.uint8)
    quality = np.empty(most, np.uint8)
    template = np.empty(most, np.int32)
    found = 0
    for read in range(reads.start.size):
        at = reads.start[read]
        base = reads.base_offset[read]
        next_place = np.searchsorted(positions, at)
        for element in range(reads.cigar_offset[read], reads.cigar_offset[read + 1]):
            operator = reads.cigar[element] & 15
            length = np.int64(reads.cigar[element] >> 4)
            on_read = _CONSUMES_READ >> operator & 1
            if _CONSUMES_REFERENCE >> operator & 1:
                while next_place < positions.size and positions[next_place] < at + length:
                    if on_read:
                        index = base + positions[next_place] - at
                        place[found] = next_place
                        letter[found] = reads.bases[index]
                        quality[found] = reads.qualities[index]
                        template[found] = reads.name[read]
                        found += 1
                    next_place += 1
                at += length
            if on_read:
                base += length
    return place[:found], letter[:found], quality[:found], template[:found]
