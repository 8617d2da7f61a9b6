"""The kernel that finds where records begin in bytes of BAM that may end within one. No I/O."""

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import sequence_at
from engine.reads.unaligned import int32_at

WHOLE, BROKEN = range(2)

_SMALLEST, _LARGEST = 33, 1 << 28


@kernel
def _is_whole(data: NDArray[np.uint8], at: int) -> bool:
    """Whether a record's lengths agree with each other, so that its fields may be read."""
    size, bases = int32_at(data, at), int32_at(data, at + 20)
    if bases < 0 or data[at + 12] == 0:
        return False
    return sequence_at(data, at) + (bases + 1) // 2 + bases <= at + 4 + size


@kernel
def record_limits(data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
    """int64[n + 1], where each complete record begins and the last one ends, and whether the next one is broken.

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
        at += 4 + size
        count += 1
        offset[count] = at
    return offset[: count + 1].copy(), outcome
