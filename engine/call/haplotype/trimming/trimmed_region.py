"""From an assembled region to the part of it that is genotyped (specification 9).

Finds the events that overlap the region, the span around them, and the haplotypes cut down to that span. Reads are
cut elsewhere; a region without events is left to the reference model.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    DELETION,
    INSERTION,
    is_aligned,
    length_of,
    operator_of,
    packed_element,
)
from engine.call.haplotype.columns import HaplotypeColumns
from engine.call.haplotype.trimming.events import EventColumns, events_of
from engine.kernel import kernel

SNP_PADDING: Final = 20
"""Bases kept on each side of a SNP."""
INDEL_PADDING: Final = 75
"""Bases kept on each side of an indel, a tandem repeat that it changes not counted."""


class TrimmedRegion(NamedTuple):
    """What is left of an assembly region for genotyping; all spans 0-based half-open.

    Attributes:
        variant_start: first base of the first event, within the region.
        variant_end: one past the last base of the last event, within the region.
        padded_start: first base of the haplotypes; reads are cut to the padded span too.
        padded_end: one past their last base.
        haplotypes: over the padded span, each sequence once, ascending by length, then bases.
        events: of ``haplotypes``, row by row.
    """

    variant_start: int
    variant_end: int
    padded_start: int
    padded_end: int
    haplotypes: HaplotypeColumns
    events: EventColumns


def trim(
    haplotypes: HaplotypeColumns,
    full_reference: NDArray[np.uint8],
    full_reference_start: int,
    region_start: int,
    region_end: int,
    padded_start: int,
    padded_end: int,
) -> TrimmedRegion | None:
    """Cut an assembled region down to its events.

    Args:
        haplotypes: from assembly, over the padded region.
        full_reference: bases that reach over the padded region on both sides where the contig does.
        full_reference_start: 0-based position of its first base.
        region_start: first base of the region, without padding.
        region_end: one past its last base.
        padded_start: first base of the padded region.
        padded_end: one past its last base.

    Returns:
        None when no event overlaps the region, or none survives the cut.
    """
    first, last, start, end = _spans(
        events_of(haplotypes, full_reference, full_reference_start),
        full_reference[: padded_end - full_reference_start],
        full_reference_start,
        region_start,
        region_end,
    )
    if first >= last:
        return None
    start, end = max(start, padded_start), min(end, padded_end)
    cut, events = _cut(haplotypes, full_reference, full_reference_start, start, end)
    several = len(cut.base_offset) > 2
    return TrimmedRegion(first, last, start, end, cut, events) if several else None


@kernel
def _cut(
    haplotypes: HaplotypeColumns, full_reference: NDArray[np.uint8], full_reference_start: int, start: int, end: int
) -> tuple[HaplotypeColumns, EventColumns]:
    cut = _cut_haplotypes(haplotypes, start, end)
    return cut, events_of(cut, full_reference, full_reference_start)


@kernel
def _spans(
    events: EventColumns, reference: NDArray[np.uint8], reference_start: int, region_start: int, region_end: int
) -> tuple[int, int, int, int]:
    """Variant span within the region, and padded span, of the events that overlap the region.

    The first is empty when there is none. ``reference`` ends where the padded region ends: a repeat is followed no
    further.
    """
    variant_start, variant_end = region_end, region_start
    padded_start, padded_end = region_end, region_start
    for row in range(events.start.size):
        start, end = events.start[row], events.end[row]
        if start >= region_end or end <= region_start:
            continue
        padding = SNP_PADDING
        alternate = events.alternate[events.alternate_offset[row] : events.alternate_offset[row + 1]]
        if alternate.size != end - start:
            begin = start - reference_start + 1
            deleted = reference[begin : end - reference_start]
            padding = INDEL_PADDING + _repeat_length(deleted, alternate[1:], reference[begin:])
        variant_start = min(variant_start, start)
        variant_end = max(variant_end, end)
        padded_start = min(padded_start, start - padding)
        padded_end = max(padded_end, end + padding)
    return max(variant_start, region_start), min(variant_end, region_end), padded_start, padded_end


@kernel
def _repeat_length(deleted: NDArray[np.uint8], inserted: NDArray[np.uint8], following: NDArray[np.uint8]) -> int:
    """Length of the longer allele's tandem repeat when an indel changes one that goes on behind it, else 0.

    GATK counts the units of the indel in front of ``following``, which begins with the deleted bases themselves
    (``GATKVariantContextUtils.getNumTandemRepeatUnits``).
    """
    longer = inserted if inserted.size > deleted.size else deleted
    unit = longer[: _unit_length(longer)]
    own = _leading_units(unit, deleted, deleted[:0])
    in_reference = _leading_units(unit, deleted, following) - own
    in_alternate = _leading_units(unit, inserted, following) - own
    if in_reference == 0 or in_alternate == 0:
        return 0
    return max(in_reference, in_alternate) * unit.size


@kernel
def _unit_length(bases: NDArray[np.uint8]) -> int:
    """Length of the shortest unit whose repetition is the whole of ``bases``."""
    for length in range(1, bases.size):
        if bases.size % length == 0 and (bases[length:] == bases[:-length]).all():
            return length
    return bases.size


@kernel
def _leading_units(unit: NDArray[np.uint8], bases: NDArray[np.uint8], more: NDArray[np.uint8]) -> int:
    """How many times ``unit`` occurs in a row at the start of ``bases`` followed by ``more``."""
    total = bases.size + more.size
    length = 0
    while length < total:
        base = bases[length] if length < bases.size else more[length - bases.size]
        if base != unit[length % unit.size]:
            break
        length += 1
    return length // unit.size


@kernel
def _cut_haplotypes(haplotypes: HaplotypeColumns, start: int, end: int) -> HaplotypeColumns:
    """Cut haplotypes to reference bases ``[start, end)``, each sequence once, in the order of GATK.

    Of equal sequences the reference is kept, else the first. One that begins or ends in a deletion is left out.
    """
    count = haplotypes.base_offset.size - 1
    limits = np.empty((count, 2), np.int64)
    order = np.empty(count, np.int64)
    kept = 0
    for row in range(count):
        if not _cut_bases(haplotypes, row, start, end, limits[row]):
            continue
        place = 0
        while place < kept and _compare(haplotypes.bases, limits[order[place]], limits[row]) < 0:
            place += 1
        if place < kept and _compare(haplotypes.bases, limits[order[place]], limits[row]) == 0:
            if row == haplotypes.reference:
                order[place] = row
            continue
        order[place + 1 : kept + 1] = order[place:kept].copy()
        order[place] = row
        kept += 1
    return _gathered(haplotypes, order[:kept], limits, start, end)


@kernel
def _cut_bases(haplotypes: HaplotypeColumns, row: int, start: int, end: int, limits: NDArray[np.int64]) -> bool:
    """Find the bases aligned to reference ``start`` and ``end - 1``; false when either is deleted."""
    on_reference = haplotypes.start
    on_bases = haplotypes.base_offset[row]
    found = 0
    for element in haplotypes.cigar[haplotypes.cigar_offset[row] : haplotypes.cigar_offset[row + 1]]:
        operator = operator_of(element)
        length = length_of(element)
        if is_aligned(operator):
            if on_reference <= start < on_reference + length:
                limits[0] = on_bases + start - on_reference
                found += 1
            if on_reference < end <= on_reference + length:
                limits[1] = on_bases + end - on_reference
                found += 1
            on_reference += length
            on_bases += length
        elif operator == INSERTION:
            on_bases += length
        elif operator == DELETION:
            on_reference += length
    return found == 2


@kernel
def _compare(bases: NDArray[np.uint8], one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """Order of two sequences by length, then bases: negative, zero or positive."""
    length: int = one[1] - one[0]
    longer: int = length - (other[1] - other[0])
    if longer != 0:
        return longer
    for i in range(length):
        base, other_base = bases[one[0] + i], bases[other[0] + i]
        if base != other_base:
            return -1 if base < other_base else 1
    return 0


@kernel
def _gathered(
    haplotypes: HaplotypeColumns, order: NDArray[np.int64], limits: NDArray[np.int64], start: int, end: int
) -> HaplotypeColumns:
    """The cut haplotypes as columns of their own."""
    base_offset = np.zeros(order.size + 1, np.int64)
    cigar_offset = np.zeros(order.size + 1, np.int64)
    for i in range(order.size):
        base_offset[i + 1] = base_offset[i] + limits[order[i], 1] - limits[order[i], 0]
    bases = np.empty(base_offset[-1], np.uint8)
    cigar = np.empty(haplotypes.cigar.size, np.uint32)
    reference = 0
    for i in range(order.size):
        row = order[i]
        if row == haplotypes.reference:
            reference = i
        bases[base_offset[i] : base_offset[i + 1]] = haplotypes.bases[limits[row, 0] : limits[row, 1]]
        on_reference = haplotypes.start
        count = cigar_offset[i]
        for element in haplotypes.cigar[haplotypes.cigar_offset[row] : haplotypes.cigar_offset[row + 1]]:
            operator = operator_of(element)
            length = length_of(element)
            if operator == INSERTION:
                kept = length if start < on_reference < end else 0
            else:
                kept = min(end, on_reference + length) - max(start, on_reference)
                on_reference += length
            if kept > 0:
                cigar[count] = packed_element(kept, operator)
                count += 1
        cigar_offset[i + 1] = count
    return HaplotypeColumns(
        start,
        end,
        reference,
        base_offset,
        bases,
        cigar_offset,
        cigar[: cigar_offset[-1]].copy(),
        haplotypes.kmer_size[order],
        haplotypes.score[order],
    )
