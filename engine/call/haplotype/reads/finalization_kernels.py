"""Kernels that make a region's reads ready for assembly: clip, order, reconcile mates. No I/O.

Source: ``AssemblyBasedCallerUtils.finalizeRegion``, ``ReadClipper``, ``ReadCoordinateComparator``,
``FragmentCollection`` and ``FragmentUtils`` of GATK.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
# ruff: noqa: SIM109
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.reads.clip_kernels import (
    NOT_FOUND,
    clip,
    read_index,
    reference_length,
    start_shift,
    unclip,
)
from engine.call.haplotype.reads.decoding_kernels import Naming
from engine.call.haplotype.reads.pileup_kernels import (
    HARD_CLIP,
    MATCH,
    MATE_UNMAPPED,
    NO_BOUNDARY,
    PAIRED,
    REVERSE,
    SOFT_CLIP,
    adaptor_boundary,
    fragment_is_known,
)
from engine.kernel import kernel

LOW_QUALITY = 9
"""Bases at or below it are cut off a read's ends."""
MATE_QUALITY = 20
"""Cap on bases that two mates agree on: half the phred quality of a PCR substitution error."""
MINIMUM_LENGTH = 10


# A read being clipped, as int64[5]: start and end on the reference, limits of its bases in the column, elements.
_START, _END, _FIRST, _LAST, _ELEMENTS = range(5)


@kernel
def _cut_left(read: NDArray[np.int64], cigar: NDArray[np.uint32], spare: NDArray[np.uint32], count: int) -> None:
    """Hard-clip the first ``count`` bases; all of them empties the read."""
    if count <= 0:
        return
    if count >= read[_LAST] - read[_FIRST]:
        read[_FIRST] = read[_LAST]
        return
    n = read[_ELEMENTS]
    read[_START] += start_shift(cigar, n, count)
    m = clip(cigar, n, 0, count, spare)
    for k in range(m):
        cigar[k] = spare[k]
    read[_ELEMENTS] = m
    read[_FIRST] += count
    read[_END] = read[_START] + reference_length(cigar, m)


@kernel
def _cut_right(read: NDArray[np.int64], cigar: NDArray[np.uint32], spare: NDArray[np.uint32], count: int) -> None:
    """Hard-clip the last ``count`` bases; all of them empties the read."""
    length = read[_LAST] - read[_FIRST]
    if count <= 0:
        return
    if count >= length:
        read[_FIRST] = read[_LAST]
        return
    m = clip(cigar, read[_ELEMENTS], length - count, length, spare)
    for k in range(m):
        cigar[k] = spare[k]
    read[_ELEMENTS] = m
    read[_LAST] -= count
    read[_END] = read[_START] + reference_length(cigar, m)


@kernel
def _cut_left_of(read: NDArray[np.int64], cigar: NDArray[np.uint32], spare: NDArray[np.uint32], position: int) -> None:
    """Hard-clip what lies at or left of a reference position (``hardClipByReferenceCoordinatesLeftTail``)."""
    index, stands = read_index(cigar, read[_ELEMENTS], read[_START], position)
    if index != NOT_FOUND:
        _cut_left(read, cigar, spare, index + 1 if stands else index)


@kernel
def _cut_right_of(read: NDArray[np.int64], cigar: NDArray[np.uint32], spare: NDArray[np.uint32], position: int) -> None:
    """Hard-clip what lies at or right of a reference position."""
    index, _ = read_index(cigar, read[_ELEMENTS], read[_START], position)
    if index != NOT_FOUND:
        _cut_right(read, cigar, spare, read[_LAST] - read[_FIRST] - index)


@kernel
def _cut_to_span(
    read: NDArray[np.int64],
    cigar: NDArray[np.uint32],
    spare: NDArray[np.uint32],
    span_start: int,
    span_end: int,
) -> None:
    """Hard-clip to ``[span_start, span_end)`` (``ReadClipper.hardClipToRegion``)."""
    if read[_START] >= span_end or read[_END] <= span_start:
        read[_FIRST] = read[_LAST]
        return
    begins_before = read[_START] < span_start
    if read[_END] > span_end:
        _cut_right_of(read, cigar, spare, span_end)
        if begins_before and (read[_FIRST] == read[_LAST] or span_start - 1 > read[_END] - 1):
            read[_FIRST] = read[_LAST]
            return
    if begins_before:
        _cut_left_of(read, cigar, spare, span_start - 1)


@kernel
def _release_soft_clips(read: NDArray[np.int64], cigar: NDArray[np.uint32], spare: NDArray[np.uint32]) -> None:
    """Take soft clips as matches; what would lie before the contig is cut off."""
    n = read[_ELEMENTS]
    ahead = 0
    for k in range(n):
        operator = cigar[k] & 15
        if operator == SOFT_CLIP:
            ahead += np.int64(cigar[k] >> 4)
        elif operator != HARD_CLIP:
            break
    m = unclip(cigar, n, spare)
    for k in range(m):
        cigar[k] = spare[k]
    read[_ELEMENTS] = m
    read[_START] -= ahead
    read[_END] = read[_START] + reference_length(cigar, m)
    if read[_START] < 0:
        before = -read[_START]
        _cut_left(read, cigar, spare, before)
        read[_START] = 0
        read[_END] = reference_length(cigar, read[_ELEMENTS])


@kernel
def _cut_soft_clips(read: NDArray[np.int64], cigar: NDArray[np.uint32], spare: NDArray[np.uint32]) -> None:
    left = 0
    right = 0
    aligned = False
    for k in range(read[_ELEMENTS]):
        operator = cigar[k] & 15
        if operator == SOFT_CLIP:
            if aligned:
                right += np.int64(cigar[k] >> 4)
            else:
                left += np.int64(cigar[k] >> 4)
        elif operator != HARD_CLIP:
            aligned = True
    _cut_right(read, cigar, spare, right)
    _cut_left(read, cigar, spare, left)


@kernel
def _cut_low_quality(
    read: NDArray[np.int64],
    cigar: NDArray[np.uint32],
    spare: NDArray[np.uint32],
    qualities: NDArray[np.uint8],
) -> None:
    first, last = read[_FIRST], read[_LAST]
    left, right = first, last - 1
    while right >= first and qualities[right] <= LOW_QUALITY:
        right -= 1
    while left < last and qualities[left] <= LOW_QUALITY:
        left += 1
    if left > right:
        read[_FIRST] = read[_LAST]
        return
    _cut_right(read, cigar, spare, last - 1 - right)
    _cut_left(read, cigar, spare, left - first)


@kernel
def _cut_adaptor(
    flag: int,
    mate_start: int,
    template_length: int,
    read: NDArray[np.int64],
    cigar: NDArray[np.uint32],
    spare: NDArray[np.uint32],
) -> None:
    boundary = adaptor_boundary(flag, read[_START], read[_END], mate_start, template_length)
    if boundary == NO_BOUNDARY or not read[_START] <= boundary < read[_END]:
        return
    if flag & REVERSE:
        _cut_left_of(read, cigar, spare, boundary)
    else:
        _cut_right_of(read, cigar, spare, boundary)


@kernel
def _finalize_read(
    flag: int,
    mate_start: int,
    template_length: int,
    qualities: NDArray[np.uint8],
    span_start: int,
    span_end: int,
    read: NDArray[np.int64],
    cigar: NDArray[np.uint32],
    spare: NDArray[np.uint32],
) -> bool:
    """Clip one read for a region; false if nothing of it is left there."""
    first, final = cigar[0] & 15, cigar[read[_ELEMENTS] - 1] & 15
    if first == SOFT_CLIP or first == HARD_CLIP or final == SOFT_CLIP or final == HARD_CLIP:
        if fragment_is_known(flag, read[_START], read[_END], mate_start, template_length):
            _release_soft_clips(read, cigar, spare)
        else:
            _cut_soft_clips(read, cigar, spare)
    _cut_low_quality(read, cigar, spare, qualities)
    if read[_FIRST] == read[_LAST] or read[_START] >= read[_END]:
        return False
    _cut_adaptor(flag, mate_start, template_length, read, cigar, spare)
    if read[_FIRST] == read[_LAST]:
        return False
    _cut_to_span(read, cigar, spare, span_start, span_end)
    return read[_FIRST] < read[_LAST] and read[_START] < read[_END]


@kernel
def _finalize_plain(
    flag: int,
    mate_start: int,
    template_length: int,
    qualities: NDArray[np.uint8],
    span_start: int,
    span_end: int,
    read: NDArray[np.int64],
    cigar: NDArray[np.uint32],
) -> bool:
    """:func:`_finalize_read` for a read that is one stretch of matches, as nine of ten are."""
    start, end = read[_START], read[_END]
    shift = read[_FIRST] - start
    while end > start and qualities[end - 1 + shift] <= LOW_QUALITY:
        end -= 1
    while start < end and qualities[start + shift] <= LOW_QUALITY:
        start += 1
    if start >= end:
        return False
    boundary = adaptor_boundary(flag, start, end, mate_start, template_length)
    if boundary != NO_BOUNDARY and start <= boundary < end:
        if flag & REVERSE:
            start = boundary + 1
        else:
            end = boundary
    start, end = max(start, span_start), min(end, span_end)
    if start >= end:
        return False
    n = 0
    if start > read[_START]:
        cigar[n] = np.uint32((start - read[_START]) << 4 | HARD_CLIP)
        n += 1
    cigar[n] = np.uint32((end - start) << 4 | MATCH)
    n += 1
    if end < read[_END]:
        cigar[n] = np.uint32((read[_END] - end) << 4 | HARD_CLIP)
        n += 1
    read[_START], read[_END] = start, end
    read[_FIRST], read[_LAST] = start + shift, end + shift
    read[_ELEMENTS] = n
    return True


@kernel
def _compare_names(name_offset: NDArray[np.int64], names: NDArray[np.uint8], a: int, b: int) -> int:
    begin_a, begin_b = name_offset[a], name_offset[b]
    length_a, length_b = name_offset[a + 1] - begin_a, name_offset[b + 1] - begin_b
    for k in range(min(length_a, length_b)):
        difference = np.int64(names[begin_a + k]) - np.int64(names[begin_b + k])
        if difference:
            return difference
    return length_a - length_b


@kernel
def _follows(reads: ReadColumns, naming: Naming, i: int, j: int) -> bool:
    """Whether row ``i`` stands behind ``j``, start and strand being equal: name, flag, MAPQ, mate, length."""
    if reads.name[i] != reads.name[j]:
        a, b = naming.template_row[reads.name[i]], naming.template_row[reads.name[j]]
        return _compare_names(naming.offset, naming.names, a, b) > 0
    if reads.flag[i] != reads.flag[j]:
        return reads.flag[j] < reads.flag[i]
    if reads.mapq[i] != reads.mapq[j]:
        return reads.mapq[j] < reads.mapq[i]
    if reads.flag[i] & reads.flag[j] & PAIRED:
        if reads.mate_contig[i] != reads.mate_contig[j]:
            return reads.mate_contig[j] < reads.mate_contig[i]
        if reads.mate_start[i] != reads.mate_start[j]:
            return reads.mate_start[j] < reads.mate_start[i]
    return reads.template_length[j] < reads.template_length[i]


@kernel
def _coordinate_order(
    reads: ReadColumns, naming: Naming, start: NDArray[np.int64], rows: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Stable merge sort of the first ``count`` clipped reads (``ReadCoordinateComparator``).

    Two keys, of place and strand and of the name, tell almost all reads apart; the others are compared field by
    field.
    """
    place = np.empty(count, np.int64)
    name = np.empty(count, np.uint64)
    for i in range(count):
        row = rows[i]
        place[i] = start[i] * 2 + (1 if reads.flag[row] & REVERSE else 0)
        name[i] = naming.key[reads.name[row]]
    order = np.arange(count)
    other = np.empty(count, np.int64)
    width = 1
    while width < count:
        for low in range(0, count, 2 * width):
            middle, high = min(low + width, count), min(low + 2 * width, count)
            i, j = low, middle
            for k in range(low, high):
                right = i >= middle
                if not right and j < high:
                    a, b = order[i], order[j]
                    if place[a] != place[b]:
                        right = place[b] < place[a]
                    elif name[a] != name[b]:
                        right = name[b] < name[a]
                    else:
                        right = _follows(reads, naming, rows[a], rows[b])
                if right:
                    other[k] = order[j]
                    j += 1
                else:
                    other[k] = order[i]
                    i += 1
        order, other = other, order
        width *= 2
    return order


@kernel
def _copy_bases(source: NDArray[np.uint8], first: int, last: int, target: NDArray[np.uint8], to: int) -> None:
    count = last - first
    begin, end = source[first:last], target[to : to + count]
    for k in range(count):
        end[k] = begin[k]


@kernel
def _gather(
    reads: ReadColumns,
    rows: NDArray[np.int64],
    limits: NDArray[np.int64],
    cigar_at: NDArray[np.int64],
    cigars: NDArray[np.uint32],
    order: NDArray[np.int64],
) -> ReadColumns:
    """The clipped reads as columns of their own, in the given order."""
    count = order.size
    bases = 0
    elements = 0
    for i in order:
        bases += limits[i, _LAST] - limits[i, _FIRST]
        elements += limits[i, _ELEMENTS]
    start, end = np.empty(count, np.int64), np.empty(count, np.int64)
    flag, mapq = np.empty(count, np.uint16), np.empty(count, np.uint8)
    mate_start, mate_contig = np.empty(count, np.int64), np.empty(count, np.int32)
    template_length, name = np.empty(count, np.int32), np.empty(count, np.int32)
    base_offset, cigar_offset = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    letters, qualities = np.empty(bases, np.uint8), np.empty(bases, np.uint8)
    cigar = np.empty(elements, np.uint32)
    for k in range(count):
        i = order[k]
        row = rows[i]
        start[k], end[k] = limits[i, _START], limits[i, _END]
        flag[k] = reads.flag[row]
        mapq[k] = reads.mapq[row]
        mate_start[k] = reads.mate_start[row]
        mate_contig[k] = reads.mate_contig[row]
        template_length[k] = reads.template_length[row]
        name[k] = reads.name[row]
        to = base_offset[k]
        first, last = limits[i, _FIRST], limits[i, _LAST]
        _copy_bases(reads.bases, first, last, letters, to)
        _copy_bases(reads.qualities, first, last, qualities, to)
        base_offset[k + 1] = to + last - first
        to = cigar_offset[k]
        for e in range(limits[i, _ELEMENTS]):
            cigar[to + e] = cigars[cigar_at[i] + e]
        cigar_offset[k + 1] = to + limits[i, _ELEMENTS]
    return ReadColumns(
        start,
        end,
        flag,
        mapq,
        mate_start,
        mate_contig,
        template_length,
        name,
        base_offset,
        letters,
        qualities,
        cigar_offset,
        cigar,
    )


@kernel
def _reconcile(reads: ReadColumns, a: int, b: int) -> None:
    """Lower the qualities where two mates overlap (``adjustQualsOfOverlappingPairedFragments``)."""
    first, second = (a, b) if reads.start[a] < reads.start[b] else (b, a)
    if reads.end[first] <= reads.start[second]:
        return
    cigar = reads.cigar[reads.cigar_offset[first] : reads.cigar_offset[first + 1]]
    offset, _ = read_index(cigar, cigar.size, reads.start[first], reads.start[second])
    if offset == NOT_FOUND:
        return
    last_of_first, _ = read_index(cigar, cigar.size, reads.start[first], reads.end[first] - 1)
    cigar = reads.cigar[reads.cigar_offset[second] : reads.cigar_offset[second + 1]]
    last_of_second, _ = read_index(cigar, cigar.size, reads.start[second], reads.end[second] - 1)
    begin, _ = read_index(cigar, cigar.size, reads.start[second], reads.start[second])
    for k in range(min(last_of_first - offset, last_of_second - begin) + 1):
        i = reads.base_offset[first] + offset + k
        j = reads.base_offset[second] + begin + k
        if reads.bases[i] == reads.bases[j]:
            reads.qualities[i] = min(reads.qualities[i], MATE_QUALITY)
            reads.qualities[j] = min(reads.qualities[j], MATE_QUALITY)
        else:
            reads.qualities[i] = 0
            reads.qualities[j] = 0


@kernel
def _reconcile_mates(reads: ReadColumns) -> None:
    count = reads.start.size
    if count == 0:
        return
    lowest, highest = reads.name[0], reads.name[0]
    for name in reads.name:
        lowest, highest = min(lowest, name), max(highest, name)
    waiting = np.full(highest - lowest + 1, -1, np.int32)
    for i in range(count):
        flag = reads.flag[i]
        if not flag & PAIRED or flag & MATE_UNMAPPED:
            continue
        if reads.mate_start[i] < 0 or reads.mate_start[i] >= reads.end[i]:
            continue
        template = reads.name[i] - lowest
        if waiting[template] < 0:
            waiting[template] = i
        else:
            _reconcile(reads, waiting[template], i)
            waiting[template] = -1


class _Clipped(NamedTuple):
    """Reads that are left after clipping, in the order in which they were looked at.

    Attributes:
        rows: int64[n], row of each in the columns it came from.
        start: int64[n], 0-based start.
        limits: int64[n, 5], start, end, first and last base, number of CIGAR elements.
        cigar_at: int64[n + 1], row limits in ``cigars``.
        cigars: uint32[], packed CIGAR elements.
    """

    rows: NDArray[np.int64]
    start: NDArray[np.int64]
    limits: NDArray[np.int64]
    cigar_at: NDArray[np.int64]
    cigars: NDArray[np.uint32]


@kernel
def _room_for(reads: int, elements: int) -> _Clipped:
    """Room for reads of so many CIGAR elements, to each of which clipping adds three at most."""
    return _Clipped(
        np.empty(reads, np.int64),
        np.empty(reads, np.int64),
        np.empty((reads, 5), np.int64),
        np.zeros(reads + 1, np.int64),
        np.empty(elements + 3 * reads, np.uint32),
    )


@kernel
def _take(reads: ReadColumns, row: int, read: NDArray[np.int64], cigar: NDArray[np.uint32]) -> None:
    """Copy one read's limits and CIGAR to where they are clipped."""
    first = reads.cigar_offset[row]
    read[_ELEMENTS] = reads.cigar_offset[row + 1] - first
    for k in range(read[_ELEMENTS]):
        cigar[k] = reads.cigar[first + k]
    read[_START], read[_END] = reads.start[row], reads.end[row]
    read[_FIRST], read[_LAST] = reads.base_offset[row], reads.base_offset[row + 1]


@kernel
def _keep(kept: _Clipped, count: int, row: int, read: NDArray[np.int64], cigar: NDArray[np.uint32]) -> None:
    """Add a clipped read behind the ``count`` that are kept."""
    kept.rows[count] = row
    kept.start[count] = read[_START]
    for k in range(5):
        kept.limits[count, k] = read[k]
    used = kept.cigar_at[count]
    for k in range(read[_ELEMENTS]):
        kept.cigars[used + k] = cigar[k]
    kept.cigar_at[count + 1] = used + read[_ELEMENTS]


@kernel
def finalize(
    reads: ReadColumns, furthest: NDArray[np.int64], naming: Naming, span_start: int, span_end: int
) -> ReadColumns:
    """The reads of a region as assembly wants them: clipped, within the span, ordered, mates reconciled.

    Args:
        reads: of the contig, in coordinate order.
        furthest: int64[n], largest end up to each read.
        naming: of the reads.
        span_start: 0-based start of the padded region.
        span_end: its end.
    """
    low: int = np.searchsorted(furthest, span_start, side="right")
    high: int = np.searchsorted(reads.start, span_end, side="left")
    capacity = max(0, high - low)
    elements = reads.cigar_offset[high] - reads.cigar_offset[low] if capacity else 0
    kept = _room_for(capacity, elements)
    cigar, spare = np.empty(elements + 3, np.uint32), np.empty(elements + 3, np.uint32)
    read = np.empty(5, np.int64)
    qualities = reads.qualities
    count = 0
    for i in range(low, high):
        if reads.end[i] <= span_start:
            continue
        _take(reads, i, read, cigar)
        flag, template_length = np.int64(reads.flag[i]), np.int64(reads.template_length[i])
        mate_start = reads.mate_start[i]
        if read[_ELEMENTS] == 1 and cigar[0] & 15 == MATCH:
            left = _finalize_plain(flag, mate_start, template_length, qualities, span_start, span_end, read, cigar)
        else:
            left = _finalize_read(
                flag, mate_start, template_length, qualities, span_start, span_end, read, cigar, spare
            )
        if not left:
            continue
        _keep(kept, count, i, read, cigar)
        count += 1
    order = _coordinate_order(reads, naming, kept.start, kept.rows, count)
    out = _gather(reads, kept.rows, kept.limits, kept.cigar_at, kept.cigars, order)
    _reconcile_mates(out)
    return out


@kernel
def clip_to_span(reads: ReadColumns, naming: Naming, span_start: int, span_end: int) -> ReadColumns:
    """Hard-clip finalised reads to a smaller span, order them anew, drop those with nothing left."""
    total = reads.start.size
    kept = _room_for(total, reads.cigar.size)
    cigar, spare = np.empty(reads.cigar.size + 3, np.uint32), np.empty(reads.cigar.size + 3, np.uint32)
    read = np.empty(5, np.int64)
    count = 0
    for i in range(total):
        if reads.end[i] <= span_start or reads.start[i] >= span_end:
            continue
        _take(reads, i, read, cigar)
        _cut_to_span(read, cigar, spare, span_start, span_end)
        if read[_FIRST] == read[_LAST] or read[_START] >= span_end or read[_END] <= span_start:
            continue
        if read[_START] >= read[_END]:
            continue
        _keep(kept, count, i, read, cigar)
        count += 1
    order = _coordinate_order(reads, naming, kept.start, kept.rows, count)
    return _gather(reads, kept.rows, kept.limits, kept.cigar_at, kept.cigars, order)


@kernel
def passes(reads: ReadColumns, contig: int, passing: NDArray[np.bool_], long_enough: NDArray[np.bool_]) -> None:
    """Tell which reads are evidence: long enough, and no mate on another contig (``filterNonPassingReads``).

    Args:
        passing: bool[n], filled.
        long_enough: bool[n], filled.
    """
    for i in range(reads.start.size):
        length = reads.base_offset[i + 1] - reads.base_offset[i]
        long_enough[i] = length >= MINIMUM_LENGTH
        flag = np.int64(reads.flag[i])
        paired = flag & (PAIRED | MATE_UNMAPPED) == PAIRED
        passing[i] = long_enough[i] and not (paired and reads.mate_contig[i] != contig)


@kernel
def select(reads: ReadColumns, wanted: NDArray[np.bool_]) -> ReadColumns:
    """The wanted rows as columns of their own.

    Args:
        wanted: bool[n], by read.
    """
    count = 0
    for i in range(wanted.size):
        if wanted[i]:
            count += 1
    order = np.empty(count, np.int64)
    rows = np.arange(wanted.size)
    limits = np.empty((wanted.size, 5), np.int64)
    k = 0
    for i in range(wanted.size):
        if wanted[i]:
            order[k] = i
            k += 1
        limits[i, _START], limits[i, _END] = reads.start[i], reads.end[i]
        limits[i, _FIRST], limits[i, _LAST] = reads.base_offset[i], reads.base_offset[i + 1]
        limits[i, _ELEMENTS] = reads.cigar_offset[i + 1] - reads.cigar_offset[i]
    return _gather(reads, rows, limits, reads.cigar_offset, reads.cigar, order)


@kernel
def clip_and_split(
    reads: ReadColumns, naming: Naming, span_start: int, span_end: int, contig: int
) -> tuple[ReadColumns, ReadColumns]:
    """Finalised reads cut to a smaller span: those that are evidence, and those that only count for depth."""
    cut = clip_to_span(reads, naming, span_start, span_end)
    passing, long_enough = np.empty(cut.start.size, np.bool_), np.empty(cut.start.size, np.bool_)
    passes(cut, contig, passing, long_enough)
    for i in range(passing.size):
        long_enough[i] = long_enough[i] and not passing[i]
    return select(cut, passing), select(cut, long_enough)
