"""Kernels that replace base qualities by recalibrated ones. No I/O.

Source: specification section 16.3 (GATK's ``BQSRReadTransformer``). Cycles and contexts are those of the whole read
as stored, clipped bases included.
"""

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import REVERSE, flag_of, sequence_at
from engine.reads.unaligned import int32_at
from engine.recalibrate.covariate_kernels import (
    LOWEST_QUALITY,
    NO_GROUP,
    contexts,
    cycle_of,
    group_of,
    unpack_bases,
)
from engine.recalibrate.table import QUALITIES

APPLIED, UNKNOWN_GROUP, CYCLE_TOO_LARGE = range(3)
"""How a batch ended: all replaced, or stopped at a read whose group the table does not have, or at too long a read."""

_HIGHEST = 93
_ABSENT = 255


@kernel
def recalibrate_read(
    codes: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    flag: int,
    group: int,
    quality: NDArray[np.int16],
    context_shift: NDArray[np.int16],
    cycle_shift: NDArray[np.int16],
    context: NDArray[np.uint8],
) -> bool:
    """Replace the qualities of one read; False, and nothing replaced, where it is longer than the largest cycle.

    Args:
        codes: uint8[], the read's bases as codes, as stored.
        qualities: uint8[], phred, replaced.
        flag: FLAG.
        group: row of the read group in the table.
        quality: int16[], as in ``Corrections``.
        context_shift: int16[], as in ``Corrections``.
        cycle_shift: int16[], as in ``Corrections``.
        context: uint8[], room for the read's contexts.
    """
    length = len(qualities)
    largest_cycle = cycle_shift.shape[2] // 2
    if length > largest_cycle:
        return False
    contexts(codes, qualities, 0, length, flag & REVERSE != 0, context)
    for i in range(length):
        reported = qualities[i]
        if reported < LOWEST_QUALITY or reported >= QUALITIES:
            continue
        cycle = cycle_of(i, 0, length, flag) + largest_cycle
        corrected = np.int64(quality[group, reported]) + context_shift[group, reported, context[i]]
        corrected += cycle_shift[group, reported, cycle]
        qualities[i] = min(max(corrected, 1), _HIGHEST)
    return True


@kernel
def recalibrate_records(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ids: NDArray[np.uint8],
    id_offset: NDArray[np.int64],
    group_of_id: NDArray[np.int32],
    quality: NDArray[np.int16],
    context_shift: NDArray[np.int16],
    cycle_shift: NDArray[np.int16],
) -> tuple[int, int]:
    """Replace the qualities of the packed BAM records that begin at ``starts``; how it ended and at which record.

    Args:
        data: uint8[], packed records, changed in place.
        starts: int64[n], where each begins.
        ids: uint8[], read group IDs end to end.
        id_offset: int64[g + 1], their limits.
        group_of_id: int32[g], row of the table of each ID.
        quality: int16[], as in ``Corrections``, as are the next two.
        context_shift: int16[].
        cycle_shift: int16[].
    """
    longest = 0
    for row in range(len(starts)):
        longest = max(longest, int32_at(data, starts[row] + 20))
    codes = np.empty(longest, dtype=np.uint8)
    context = np.empty(longest, dtype=np.uint8)
    for row in range(len(starts)):
        at = starts[row]
        bases = int32_at(data, at + 20)
        quality_at = sequence_at(data, at) + (bases + 1) // 2
        if bases == 0 or data[quality_at] == _ABSENT:
            continue
        group = group_of(data, at, ids, id_offset, group_of_id)
        if group == NO_GROUP:
            return UNKNOWN_GROUP, row
        unpack_bases(data, at, codes)
        qualities = data[quality_at : quality_at + bases]
        if not recalibrate_read(
            codes, qualities, flag_of(data, at), group, quality, context_shift, cycle_shift, context
        ):
            return CYCLE_TOO_LARGE, row
    return APPLIED, 0
