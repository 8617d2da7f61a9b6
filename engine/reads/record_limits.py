"""The kernel that finds where records begin in bytes of BAM that may end within one. No I/O."""

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import cigar_at, sequence_at
from engine.reads.unaligned import int32_at, uint16_at, uint32_at

WHOLE, BROKEN, UNEQUAL = range(3)

_TAKES_BASES = 0b110010011
"""Bits of the operators M, I, S, = and X."""
_SMALLEST, _LARGEST = 33, 1 << 28


@kernel
def _is_whole(data: NDArray[np.uint8], at: int) -> bool:
    """Whether a record's lengths agree with each other, so that its fields may be read."""
    size, bases = int32_at(data, at), int32_at(data, at + 20)
    if bases < 0 or data[at + 12] == 0:
        return False
    return sequence_at(data, at) + (bases + 1) // 2 + bases <= at + 4 + size


@kernel
def _agrees(data: NDArray[np.uint8], at: int) -> bool:
    """Whether CIGAR and bases are equally long. A record may have no bases at all (SAM specification 1.4, SEQ)."""
    bases, read = int32_at(data, at + 20), 0
    cigar = cigar_at(data, at)
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        if _TAKES_BASES >> (element & 15) & 1:
            read += element >> 4
    return read == bases or read == 0 or bases == 0


@kernel
def record_limits(data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
    """int64[n + 1], where each complete record begins and the last one ends, and what is wrong with the next one:
    nothing, its lengths contradict each other, or its CIGAR and its bases do.

    Args:
        data: uint8[], packed records.
    """
    offset = np.empty(len(data) // (4 + _SMALLEST) + 2, dtype=np.int64)
    count, at = 0, 0
    offset[0] = 0
    outcome = WHOLE
    while at + 4 <= len(data):
        size = int32_at(data, at)
        if size < _SMALLEST or size > _LARGEST:
            outcome = BROKEN
            break
        if at + 4 + size > len(data):
            break
        if not _is_whole(data, at):
            outcome = BROKEN
            break
        if not _agrees(data, at):
            outcome = UNEQUAL
            break
        at += 4 + size
        count += 1
        offset[count] = at
    return offset[: count + 1].copy(), outcome
