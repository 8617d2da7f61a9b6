"""What a haplotype changes in the reference: its events, read off its CIGAR (specification 9.1).

Events are facts of single haplotypes; which of them make a site, and how alleles of several haplotypes are
merged there, belongs to genotyping. Rules are those of GATK's ``EventMap`` without merging of neighbouring SNPs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    DELETION,
    INSERTION,
    SOFT_CLIP,
    is_aligned,
    length_of,
    operator_of,
)
from engine.call.haplotype.columns import HaplotypeColumns
from engine.kernel import kernel


class EventColumns(NamedTuple):
    """The events of haplotypes, one row an event, those of a haplotype together and ascending by start.

    An event replaces reference bases ``[start, end)`` by its alternate bases. A SNP replaces one base by one; an
    insertion replaces its anchor by the anchor and what follows; a deletion keeps the anchor alone. No two events of
    one haplotype share a start.

    Attributes:
        event_offset: int64[h + 1], rows of each haplotype.
        start: int64[e], 0-based first reference base.
        end: int64[e], one past the last reference base.
        alternate_offset: int64[e + 1], row limits in ``alternate``.
        alternate: uint8[], ASCII upper case, one of ACGT.
    """

    event_offset: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    alternate_offset: NDArray[np.int64]
    alternate: NDArray[np.uint8]


@kernel
def events_of(haplotypes: HaplotypeColumns, reference: NDArray[np.uint8], reference_start: int) -> EventColumns:
    """Every event of every haplotype.

    Args:
        haplotypes: each with its CIGAR.
        reference: uint8[], ASCII bases around the haplotypes; reaching one base further left keeps a deletion at
            their start.
        reference_start: 0-based position of its first base.
    """
    count = haplotypes.base_offset.size - 1
    most = haplotypes.bases.size + 2 * haplotypes.cigar.size
    events = EventColumns(
        np.zeros(count + 1, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.zeros(most + 1, np.int64),
        np.empty(most, np.uint8),
    )
    total = 0
    for row in range(count):
        bases = haplotypes.bases[haplotypes.base_offset[row] : haplotypes.base_offset[row + 1]]
        cigar = haplotypes.cigar[haplotypes.cigar_offset[row] : haplotypes.cigar_offset[row + 1]]
        on_reference = haplotypes.start - reference_start
        total = _walk(cigar, bases, reference, on_reference, reference_start, events, total)
        events.event_offset[row + 1] = total
    return EventColumns(
        events.event_offset,
        events.start[:total].copy(),
        events.end[:total].copy(),
        events.alternate_offset[: total + 1].copy(),
        events.alternate[: events.alternate_offset[total]].copy(),
    )


@kernel
def _walk(
    cigar: NDArray[np.uint32],
    bases: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    on_reference: int,
    reference_start: int,
    events: EventColumns,
    first: int,
) -> int:
    """Append the events of one haplotype from row ``first`` on; returns the row behind the last."""
    total = first
    on_bases = 0
    for n in range(cigar.size):
        operator = operator_of(cigar[n])
        length = length_of(cigar[n])
        if is_aligned(operator):
            for i in range(length):
                old = reference[on_reference + i]
                new = bases[on_bases + i]
                if old != new and _is_regular(old) and _is_regular(new):
                    start = reference_start + on_reference + i
                    total = _add(events, first, total, start, start + 1, new, bases[:0], reference, reference_start)
            on_reference += length
            on_bases += length
        elif operator == INSERTION:
            inserted = bases[on_bases : on_bases + length]
            inside = 0 < n < cigar.size - 1 and on_reference > 0
            if inside and _is_regular(reference[on_reference - 1]) and _all_regular(inserted):
                start = reference_start + on_reference - 1
                anchor = reference[on_reference - 1]
                total = _add(events, first, total, start, start + 1, anchor, inserted, reference, reference_start)
            on_bases += length
        elif operator == DELETION:
            if on_reference > 0 and _all_regular(reference[on_reference - 1 : on_reference + length]):
                start = reference_start + on_reference - 1
                end = reference_start + on_reference + length
                anchor = reference[on_reference - 1]
                total = _add(events, first, total, start, end, anchor, bases[:0], reference, reference_start)
            on_reference += length
        elif operator == SOFT_CLIP:
            on_bases += length
    return total


@kernel
def _add(
    events: EventColumns,
    first: int,
    total: int,
    start: int,
    end: int,
    base: int,
    inserted: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    reference_start: int,
) -> int:
    """Append an event, or combine it with the haplotype's last one when that has the same start."""
    if total > first and events.start[total - 1] == start:
        # A SNP's base replaces the anchor of the indel, an insertion's bases stay before those of a deletion.
        total -= 1
        events.end[total] = max(end, events.end[total])
        at = events.alternate_offset[total + 1]
    else:
        events.start[total] = start
        events.end[total] = end
        at = events.alternate_offset[total]
        events.alternate[at] = base
        at += 1
    events.alternate[at : at + inserted.size] = inserted
    at += inserted.size
    begin = events.alternate_offset[total]
    while (
        events.end[total] - start > 1
        and at - begin > 1
        and events.alternate[at - 1] == reference[events.end[total] - 1 - reference_start]
    ):
        events.end[total] -= 1
        at -= 1
    events.alternate_offset[total + 1] = at
    return total + 1


@kernel
def _is_regular(base: int) -> bool:
    return base in (ord("A"), ord("C"), ord("G"), ord("T"))


@kernel
def _all_regular(bases: NDArray[np.uint8]) -> bool:
    regular = True
    for base in bases:
        regular &= _is_regular(base)
    return regular
