"""Kernels that measure records on their way to the file. No I/O.

The measures are those of Picard: CollectAlignmentSummaryMetrics, CollectInsertSizeMetrics, MeanQualityByCycle,
QualityScoreDistribution, and coverage as CollectHsMetrics counts it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import (
    DUPLICATE,
    FIRST,
    LAST,
    MATE_REVERSE,
    MATE_UNMAPPED,
    NOT_PRIMARY,
    PAIRED,
    PROPER_PAIR,
    REVERSE,
    UNMAPPED,
    cigar_at,
    contig_of,
    flag_of,
    reference_length,
    sequence_at,
    start_of,
    tag_end,
    tags_at,
)
from engine.reads.unaligned import int32_at, uint16_at, uint32_at

(
    READS,
    MAPPED,
    BASES,
    ALIGNED_BASES,
    CONFIDENT_READS,
    CONFIDENT_BASES,
    CONFIDENT_Q20_BASES,
    MISMATCHES,
    CONFIDENT_MISMATCHES,
    INDELS,
    PAIRED_ALIGNED,
    PROPER,
    CHIMERAS,
    CHIMERA_CANDIDATES,
    FORWARD,
    SOFT_CLIPPED,
    HARD_CLIPPED,
    N_BASES,
    GC_BASES,
    DUPLICATES,
    EXAMINED_BASES,
    LOW_MAPQ_BASES,
    DUPLICATE_BASES,
    LOW_QUALITY_BASES,
    OVERLAPPING_BASES,
) = range(25)
COUNTS = 25

FR, RF, TANDEM = range(3)
LONGEST_INSERT = 10_000
LONGEST_CYCLE = 512
QUALITIES = 94

_CONFIDENT = 20
_LARGEST_INSERT = 100_000
_COVERAGE_QUALITY = 20
_MATCH, _INSERTION, _DELETION, _SKIP, _SOFT, _HARD, _PAD, _EQUAL, _DIFFERENT = range(9)
_N_NUMBER, _C_NUMBER, _G_NUMBER = 15, 2, 4
_NM, _SA, _MQ = 0x4D4E, 0x4153, 0x514D


@kernel
def _integer_tag(data: NDArray[np.uint8], at: int) -> int:
    kind = data[at + 2]
    if kind == 67:  # C
        return int(data[at + 3])
    if kind == 99:  # c
        return int(data[at + 3]) - ((int(data[at + 3]) & 128) << 1)
    if kind == 83:  # S
        return uint16_at(data, at + 3)
    if kind == 115:  # s
        value = uint16_at(data, at + 3)
        return value - ((value & 0x8000) << 1)
    return int32_at(data, at + 3) if kind == 105 else uint32_at(data, at + 3)


@kernel
def _tags(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, bool]:
    """NM and MQ, -1 where absent, and whether there is SA."""
    edits, mate_mapq, split = -1, -1, False
    while at < end:
        tag = data[at] | data[at + 1] << 8
        if tag == _NM:
            edits = _integer_tag(data, at)
        elif tag == _MQ:
            mate_mapq = _integer_tag(data, at)
        elif tag == _SA:
            split = True
        at = tag_end(data, at, end)
    return edits, mate_mapq, split


@kernel
def _orientation(data: NDArray[np.uint8], at: int) -> int:
    """FR, RF or TANDEM of a pair mapped to one contig, seen from this read."""
    flag = flag_of(data, at)
    reverse, mate_reverse = flag & REVERSE != 0, flag & MATE_REVERSE != 0
    if reverse == mate_reverse:
        return TANDEM
    start, mate_start, length = start_of(data, at), int32_at(data, at + 28), int32_at(data, at + 32)
    if reverse:
        forward_five, reverse_five = mate_start + 1, start + reference_length(data, at)
    else:
        forward_five, reverse_five = start, start + length
    return FR if forward_five < reverse_five else RF


@kernel
def measure(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    lowest_mapq: int,
    counts: NDArray[np.int64],
    inserts: NDArray[np.int64],
    cycle_sum: NDArray[np.int64],
    cycle_count: NDArray[np.int64],
    quality_count: NDArray[np.int64],
    gc_count: NDArray[np.int64],
    length_count: NDArray[np.int64],
) -> Any:
    """Measure records; all but the first three arguments are added to.

    Args:
        data: uint8[], packed records, duplicates flagged.
        offset: int64[n + 1], where each begins.
        lowest_mapq: reads below it do not count as coverage.
        counts: int64[2, COUNTS], first reads (and unpaired ones) and second reads.
        inserts: int64[3, LONGEST_INSERT + 1], pairs by orientation and insert size, the last holding all beyond.
        cycle_sum: int64[2, LONGEST_CYCLE], sum of qualities by cycle of the sequencer.
        cycle_count: int64[2, LONGEST_CYCLE + 1], reads by length, the last holding all beyond.
        quality_count: int64[4, QUALITIES], bases by quality, to be summed over the four.
        gc_count: int64[101], reads by per cent of G and C.
        length_count: int64[2, LONGEST_INSERT + 1], reads by length.

    Returns:
        The stretches of reference that count as covered: int64[m, 4], contig, start, end, start of the read.
    """
    covered = np.empty((64 + 2 * len(offset), 4), dtype=np.int64)
    stretches = 0
    for i in range(len(offset) - 1):
        at = offset[i]
        flag = flag_of(data, at)
        has_bases = int32_at(data, at + 20) > 0
        if not flag & NOT_PRIMARY:
            row = 1 if flag & LAST else 0
            _measure_bases(data, at, row, counts[row], cycle_sum, cycle_count, quality_count, gc_count, length_count)
            if not flag & UNMAPPED and has_bases:
                _measure_alignment(data, at, offset[i + 1], counts[row])
                _measure_insert(data, at, inserts)
            counts[row, DUPLICATES] += flag & DUPLICATE != 0
        if flag & (UNMAPPED | 0x100 | 0x200) or not has_bases:
            continue
        row = 1 if flag & LAST else 0
        aligned, overlapping = _aligned_bases(data, at)
        counts[row, EXAMINED_BASES] += aligned
        if data[at + 13] < lowest_mapq:
            counts[row, LOW_MAPQ_BASES] += aligned
            continue
        if flag & DUPLICATE:
            counts[row, DUPLICATE_BASES] += aligned
            continue
        while stretches + int32_at(data, at + 20) + 1 > len(covered):
            covered = _twice_as_long(covered)
        first, stretches = stretches, _cover(data, at, covered, stretches)
        counted = 0
        for j in range(first, stretches):
            counted += covered[j, 2] - covered[j, 1]
        counts[row, OVERLAPPING_BASES] += overlapping
        counts[row, LOW_QUALITY_BASES] += aligned - overlapping - counted
    return covered[:stretches]


@kernel
def _aligned_bases(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Bases that lie on the reference, and how many of them where the mate is what counts."""
    position, stop = start_of(data, at), _overlap_start(data, at)
    cigar = cigar_at(data, at)
    aligned, overlapping = 0, 0
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator, size = element & 15, element >> 4
        if operator == _MATCH or operator >= _EQUAL:
            aligned += size
            overlapping += max(min(position + size - stop, size), 0)
            position += size
        elif operator in (_DELETION, _SKIP):
            position += size
    return aligned, overlapping


@kernel
def _twice_as_long(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    longer = np.empty((2 * rows.shape[0], rows.shape[1]), dtype=np.int64)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            longer[i, j] = rows[i, j]
    return longer


@kernel
def _measure_bases(
    data: NDArray[np.uint8],
    at: int,
    row: int,
    counts: NDArray[np.int64],
    cycle_sum: NDArray[np.int64],
    cycle_count: NDArray[np.int64],
    quality_count: NDArray[np.int64],
    gc_count: NDArray[np.int64],
    length_count: NDArray[np.int64],
) -> None:
    length = int32_at(data, at + 20)
    bases = sequence_at(data, at)
    qualities = bases + (length + 1) // 2
    gc, unknown = _count_bases(data, bases, length)
    _count_qualities(data, qualities, length, quality_count)
    cycles = min(length, LONGEST_CYCLE)
    if flag_of(data, at) & REVERSE:
        for i in range(cycles):
            cycle_sum[row, i] += data[qualities + length - 1 - i]
    else:
        for i in range(cycles):
            cycle_sum[row, i] += data[qualities + i]
    cycle_count[row, cycles] += 1
    counts[READS] += 1
    counts[BASES] += length
    counts[GC_BASES] += gc
    counts[N_BASES] += unknown
    length_count[row, min(length, LONGEST_INSERT)] += 1
    if length > unknown:
        gc_count[(200 * gc + length - unknown) // (2 * (length - unknown))] += 1


@kernel
def _count_bases(data: NDArray[np.uint8], bases: int, length: int) -> tuple[int, int]:
    """How many of the packed bases are G or C, and how many N; two bases a byte, the last half perhaps empty."""
    gc, unknown = 0, 0
    for i in range(bases, bases + (length + 1) // 2):
        first, second = data[i] & 0xF0, data[i] & 0x0F
        gc += (first == _C_NUMBER << 4) + (first == _G_NUMBER << 4) + (second == _C_NUMBER) + (second == _G_NUMBER)
        unknown += (first == _N_NUMBER << 4) + (second == _N_NUMBER)
    return gc, unknown


@kernel
def _count_qualities(data: NDArray[np.uint8], start: int, length: int, quality_count: NDArray[np.int64]) -> None:
    """Add to four histograms in turn: in one, runs of equal qualities would wait for each other's increments."""
    whole = length & ~3
    for i in range(start, start + whole, 4):
        quality_count[0, min(data[i], QUALITIES - 1)] += 1
        quality_count[1, min(data[i + 1], QUALITIES - 1)] += 1
        quality_count[2, min(data[i + 2], QUALITIES - 1)] += 1
        quality_count[3, min(data[i + 3], QUALITIES - 1)] += 1
    for i in range(start + whole, start + length):
        quality_count[0, min(data[i], QUALITIES - 1)] += 1


@kernel
def _measure_alignment(data: NDArray[np.uint8], at: int, end: int, counts: NDArray[np.int64]) -> None:
    flag, mapq = flag_of(data, at), data[at + 13]
    length = int32_at(data, at + 20)
    cigar, base = cigar_at(data, at), sequence_at(data, at) + (length + 1) // 2
    aligned, q20, gaps, gap_bases, soft, hard = 0, 0, 0, 0, 0, 0
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator, size = element & 15, element >> 4
        if operator == _MATCH or operator >= _EQUAL:
            aligned += size
            for j in range(base, base + size):
                q20 += data[j] >= 20
            base += size
        elif operator == _INSERTION:
            gaps, gap_bases, base = gaps + 1, gap_bases + size, base + size
        elif operator == _DELETION:
            gaps, gap_bases = gaps + 1, gap_bases + size
        elif operator == _SOFT:
            soft, base = soft + size, base + size
        elif operator == _HARD:
            hard += size
    edits, mate_mapq, split = _tags(data, tags_at(data, at), end)
    mismatches = max(edits - gap_bases, 0)
    counts[MAPPED] += 1
    counts[ALIGNED_BASES] += aligned
    counts[MISMATCHES] += mismatches
    counts[INDELS] += gaps
    counts[SOFT_CLIPPED] += soft
    counts[HARD_CLIPPED] += hard
    counts[FORWARD] += flag & REVERSE == 0
    if mapq >= _CONFIDENT:
        counts[CONFIDENT_READS] += 1
        counts[CONFIDENT_BASES] += aligned
        counts[CONFIDENT_Q20_BASES] += q20
        counts[CONFIDENT_MISMATCHES] += mismatches
    both = flag & PAIRED != 0 and flag & MATE_UNMAPPED == 0
    if both:
        counts[PAIRED_ALIGNED] += 1
        counts[PROPER] += flag & PROPER_PAIR != 0
        if mate_mapq < 0 or (mapq >= _CONFIDENT and mate_mapq >= _CONFIDENT):
            counts[CHIMERA_CANDIDATES] += 1
            counts[CHIMERAS] += split or _is_chimeric(data, at)
    elif mapq >= _CONFIDENT:
        counts[CHIMERA_CANDIDATES] += 1
        counts[CHIMERAS] += split


@kernel
def _is_chimeric(data: NDArray[np.uint8], at: int) -> bool:
    if contig_of(data, at) != int32_at(data, at + 24):
        return True
    return abs(int32_at(data, at + 32)) > _LARGEST_INSERT or _orientation(data, at) != FR


@kernel
def _measure_insert(data: NDArray[np.uint8], at: int, inserts: NDArray[np.int64]) -> None:
    """Each pair once, by its second read, duplicates left out."""
    flag, length = flag_of(data, at), abs(int32_at(data, at + 32))
    if flag & (FIRST | MATE_UNMAPPED | DUPLICATE) or not flag & PAIRED or length == 0:
        return
    if contig_of(data, at) == int32_at(data, at + 24):
        inserts[_orientation(data, at), min(length, LONGEST_INSERT)] += 1


@kernel
def _cover(data: NDArray[np.uint8], at: int, covered: NDArray[np.int64], stretches: int) -> int:
    """Append the stretches of bases of sufficient quality; the read that begins first ends where its mate begins."""
    position, stop = start_of(data, at), _overlap_start(data, at)
    cigar = cigar_at(data, at)
    length = int32_at(data, at + 20)
    base = sequence_at(data, at) + (length + 1) // 2
    begun = -1
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator, size = element & 15, element >> 4
        if operator == _MATCH or operator >= _EQUAL:
            for j in range(min(size, stop - position)):
                if data[base + j] >= _COVERAGE_QUALITY:
                    if begun < 0:
                        begun = position + j
                elif begun >= 0:
                    stretches = _put_stretch(data, at, covered, stretches, begun, position + j)
                    begun = -1
            position, base = position + size, base + size
        elif operator in (_INSERTION, _SOFT):
            base += size
        elif operator in (_DELETION, _SKIP):
            if begun >= 0:
                stretches = _put_stretch(data, at, covered, stretches, begun, min(position, stop))
                begun = -1
            position += size
        if position >= stop:
            break
    if begun >= 0:
        stretches = _put_stretch(data, at, covered, stretches, begun, min(position, stop))
    return stretches


@kernel
def _put_stretch(
    data: NDArray[np.uint8], at: int, covered: NDArray[np.int64], stretches: int, start: int, end: int
) -> int:
    row = covered[stretches]
    row[0], row[1], row[2], row[3] = contig_of(data, at), start, end, start_of(data, at)
    return stretches + 1


@kernel
def _overlap_start(data: NDArray[np.uint8], at: int) -> int:
    """Where the mate begins if it begins later on the same contig: from there on the mate is what counts."""
    flag = flag_of(data, at)
    everywhere = (1 << 31) - 1
    if not flag & PAIRED or flag & MATE_UNMAPPED or contig_of(data, at) != int32_at(data, at + 24):
        return everywhere
    start, mate_start = start_of(data, at), int32_at(data, at + 28)
    if mate_start > start or (mate_start == start and not flag & FIRST):
        return mate_start
    return everywhere


@kernel
def add_stretches(depth: NDArray[np.int32], base: int, covered: NDArray[np.int64], first: int, last: int) -> None:
    """Add one to the depth of every position of stretches ``[first, last)``; ``depth[0]`` is position ``base``.

    Args:
        depth: int32[n], added to.
        covered: int64[m, 4], contig, start, end, start of the read, as :func:`measure` gives them.
    """
    for i in range(first, last):
        for position in range(covered[i, 1] - base, covered[i, 2] - base):
            depth[position] += 1


@kernel
def summarise_depth(
    depth: NDArray[np.int32],
    base: int,
    end: int,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    thresholds: NDArray[np.int64],
    histogram: NDArray[np.int64],
    sums: NDArray[np.int64],
    reaching: NDArray[np.int64],
) -> None:
    """Take the final depth of ``[base, end)`` into the measures of the intervals on this contig.

    Args:
        depth: int32[], depth from position ``base`` on; positions beyond it have none.
        base: first position.
        end: one past the last position.
        starts: int64[k], intervals in order, apart from each other.
        ends: int64[k], their ends.
        thresholds: int64[t], depths asked for.
        histogram: int64[h], positions by depth, the last holding all beyond.
        sums: int64[k], sum of depths of each interval.
        reaching: int64[k, t], positions of each interval that reach each threshold.
    """
    first = np.searchsorted(ends, base, side="right")
    for k in range(first, len(starts)):
        if starts[k] >= end:
            break
        for position in range(max(starts[k], base), min(ends[k], end)):
            here = depth[position - base] if position - base < len(depth) else 0
            histogram[min(here, len(histogram) - 1)] += 1
            sums[k] += here
            for t in range(len(thresholds)):
                reaching[k, t] += here >= thresholds[t]
