"""The kernel that counts bases and mismatches by covariate over packed BAM records. No I/O.

Source: specification section 16.1 (GATK's ``BaseRecalibrationEngine``).
"""

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
# ruff: noqa: SIM109

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import REVERSE, cigar_at, flag_of, sequence_at, start_of
from engine.reads.unaligned import int32_at, uint16_at, uint32_at
from engine.recalibrate.covariate_kernels import (
    LOWEST_QUALITY,
    NO_CONTEXT,
    NO_GROUP,
    NOT_A_BASE,
    base_at_position,
    cigar_fits,
    contexts,
    cycle_of,
    group_of,
    is_counted,
    unpack_bases,
    usable_stretch,
)
from engine.recalibrate.table import QUALITIES

COUNTED, CYCLE_TOO_LARGE, BEYOND_CONTIG, QUALITY_TOO_HIGH = range(4)
"""How a batch ended: all counted, or stopped at a record with too long a read, beyond its contig, or no phred."""

_MATCH, _INSERTION, _DELETION, _SOFT, _EQUAL = 0, 1, 2, 4, 7


@kernel
def count_records(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    reference: NDArray[np.uint8],
    known_start: NDArray[np.int32],
    known_end: NDArray[np.int32],
    ids: NDArray[np.uint8],
    id_offset: NDArray[np.int64],
    group_of_id: NDArray[np.int32],
    by_cycle: NDArray[np.int64],
    by_context: NDArray[np.int64],
) -> tuple[int, int]:
    """Add records of one contig to the counts; how it ended and at which record.

    Args:
        data: uint8[], packed records.
        offset: int64[n + 1], where each begins.
        reference: uint8[], the contig's bases as codes.
        known_start: int32[k], first positions of known sites, sorted, sites disjoint.
        known_end: int32[k], one past their last positions.
        ids: uint8[], read group ids end to end.
        id_offset: int64[g + 1], their limits.
        group_of_id: int32[g], row of the table of each id.
        by_cycle: int64[groups, qualities, 2 * maximum cycle + 1, 2], bases and mismatches, added to.
        by_context: int64[groups, qualities, 16, 2], added to.
    """
    longest = 0
    for row in range(len(offset) - 1):
        longest = max(longest, int32_at(data, offset[row] + 20))
    codes = np.empty(longest, dtype=np.uint8)
    context = np.empty(longest, dtype=np.uint8)
    state = np.empty(longest, dtype=np.uint8)
    largest_cycle = by_cycle.shape[2] // 2
    for row in range(len(offset) - 1):
        at = offset[row]
        if not is_counted(data, at) or not cigar_fits(data, at):
            continue
        group = group_of(data, at, ids, id_offset, group_of_id)
        start, stop = usable_stretch(data, at)
        if group == NO_GROUP or start >= stop:
            continue
        if stop - start > largest_cycle:
            return CYCLE_TOO_LARGE, row
        bases = int32_at(data, at + 20)
        quality_at = sequence_at(data, at) + (bases + 1) // 2
        qualities = data[quality_at : quality_at + bases]
        unpack_bases(data, at, codes)
        if not _compare(data, at, codes, reference, state):
            return BEYOND_CONTIG, row
        _mark_known(data, at, start, stop, known_start, known_end, state)
        flag = flag_of(data, at)
        contexts(codes, qualities, start, stop, flag & REVERSE != 0, context)
        for i in range(start, stop):
            quality = qualities[i]
            if state[i] == _LEFT_OUT or codes[i] == NOT_A_BASE or quality < LOWEST_QUALITY:
                continue
            if quality >= QUALITIES:
                return QUALITY_TOO_HIGH, row
            cycle = cycle_of(i, start, stop, flag) + largest_cycle
            by_cycle[group, quality, cycle, 0] += 1
            by_cycle[group, quality, cycle, 1] += state[i]
            if context[i] != NO_CONTEXT:
                by_context[group, quality, context[i], 0] += 1
                by_context[group, quality, context[i], 1] += state[i]
    return COUNTED, 0


_EQUAL_BASE, _MISMATCH, _LEFT_OUT = 0, 1, 2


@kernel
def _compare(
    data: NDArray[np.uint8],
    at: int,
    codes: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    state: NDArray[np.uint8],
) -> bool:
    """Compare each aligned base with the reference, others count as equal; False where the contig ends before."""
    cigar, position, base = cigar_at(data, at), start_of(data, at), 0
    for k in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * k)
        operator, length = element & 15, element >> 4
        if operator == _MATCH or operator >= _EQUAL:
            if position < 0 or position + length > len(reference):
                return False
            for i in range(length):
                state[base + i] = _MISMATCH if codes[base + i] != reference[position + i] else _EQUAL_BASE
            position += length
            base += length
        elif operator == _INSERTION or operator == _SOFT:
            for i in range(length):
                state[base + i] = _EQUAL_BASE
            base += length
        elif operator == _DELETION:
            position += length
    return True


@kernel
def _mark_known(
    data: NDArray[np.uint8],
    at: int,
    start: int,
    stop: int,
    known_start: NDArray[np.int32],
    known_end: NDArray[np.int32],
    state: NDArray[np.uint8],
) -> None:
    """Leave out the bases of ``[start, stop)`` at known sites, and those beside a deletion a site begins or ends in."""
    first, last = _aligned_limits(data, at, start, stop)
    site = np.searchsorted(known_end, first + 1)
    while site < len(known_start) and known_start[site] <= last:
        begin = start
        if known_start[site] >= first:
            begin = max(start, base_at_position(data, at, known_start[site], False))
        end = stop - 1
        if known_end[site] - 1 <= last:
            end = min(end, base_at_position(data, at, known_end[site] - 1, True))
        for i in range(begin, end + 1):
            state[i] = _LEFT_OUT
        site += 1


@kernel
def _aligned_limits(data: NDArray[np.uint8], at: int, start: int, stop: int) -> tuple[int, int]:
    """Reference positions of the first and the last aligned base of ``[start, stop)``; crossed where there is none."""
    cigar, position, base = cigar_at(data, at), start_of(data, at), 0
    first, last = 1, 0
    for k in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * k)
        operator, length = element & 15, element >> 4
        if operator == _MATCH or operator >= _EQUAL:
            low, high = max(base, start), min(base + length, stop)
            if low < high:
                if first > last:
                    first = position + low - base
                last = position + high - 1 - base
            position += length
            base += length
        elif operator == _INSERTION or operator == _SOFT:
            base += length
        elif operator == _DELETION:
            position += length
    return first, last
