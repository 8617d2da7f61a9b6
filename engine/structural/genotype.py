"""Genotypes of structural variants from the reads over their breakpoints: those that go on, and those that are clipped.

An event of one copy leaves the other's reads going on over either breakpoint. How many molecules of a changed copy are
clipped depends on its kind: a deletion has one new junction, whose reads lie clipped on one side of it or the other; an
inversion two; an insertion two at one place; a tandem duplication one, while both of its outer ends go on as before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import pysam

from engine.structural.events import Kind, StructuralVariant

_CLIP: Final = 10
"""Bases clipped from which a read tells of a junction, and over a breakpoint from which it tells of none."""
_SLACK: Final = 10
"""Bases that a clip may be off the breakpoint."""
_LEAST_MAPPING: Final = 20
_LEFT_OUT: Final = 0x4 | 0x100 | 0x200 | 0x400 | 0x800
_MOST_QUALITY: Final = 200
_JUNCTIONS: Final[Mapping[Kind, int]] = {"DEL": 1, "DUP": 1, "INV": 2, "INS": 2}
_SURE_QUALITY: Final = 20
_SURE_READS: Final = 8
"""Pairs and split reads with which an event passes whatever the caller's model holds, where the reads over its
breakpoints say so with that quality."""
_ERROR: Final = 0.02
_HALF: Final = 0.5
_OF_DUPLICATION: Final = (_ERROR, 1 / 3, _HALF)
"""Share of clipped molecules with 0, 1 and 2 changed copies: outer ends of a duplication go on in all."""
_OF_OTHERS: Final = (_ERROR, _HALF, 1 - _ERROR)


@dataclass
class _Counts:
    """Reads at one event's breakpoints."""

    going_on: int = 0
    clipped: int = 0
    within: int = 0


def genotype_event(event: StructuralVariant, reads: pysam.AlignmentFile) -> StructuralVariant:
    """The event with genotype and its quality; as it was where no read tells, and for a BND.

    Args:
        event: found by a caller.
        reads: open, with index.
    """
    if event.kind == "BND":
        return event
    places = {event.start + 1} if event.kind == "INS" else {event.start + 1, event.end}
    counts = _Counts()
    for place in places:
        _count(reads, event, place, counts)
    changed = counts.clipped / _JUNCTIONS[event.kind] + counts.within / len(places)
    unchanged = counts.going_on / len(places)
    if changed + unchanged < 1:
        return event
    shares = _OF_DUPLICATION if event.kind == "DUP" else _OF_OTHERS
    likelihoods = [changed * math.log10(share) + unchanged * math.log10(1 - share) for share in shares]
    order = sorted(range(3), key=lambda copies: -likelihoods[copies])
    # the caller has seen it: no copy is no answer
    copies = next(copies for copies in order if copies)
    quality = 10 * (likelihoods[copies] - max(likelihoods[other] for other in range(3) if other != copies))
    present = 10 * (likelihoods[copies] - likelihoods[0])
    told_by_many = event.pairs + event.split_reads >= _SURE_READS and present >= _SURE_QUALITY
    return replace(
        event,
        genotype=("0/0", "0/1", "1/1")[copies],
        quality=max(0, min(_MOST_QUALITY, round(quality))),
        passes=event.passes or told_by_many,
    )


def clips_at(reads: pysam.AlignmentFile, event: StructuralVariant, place: int) -> tuple[int, int]:
    """Reads that are clipped before a 0-based place and go on behind it, and the other way round."""
    near = _SLACK + max(event.start_within, event.end_within)
    left = right = 0
    for read in reads.fetch(event.contig, max(0, place - near), place + near):
        if read.flag & _LEFT_OUT or read.mapping_quality < _LEAST_MAPPING or not read.cigartuples:
            continue
        at_left, at_right = _clips(read, place, near)
        left, right = left + at_left, right + at_right
    return left, right


def _count(reads: pysam.AlignmentFile, event: StructuralVariant, place: int, counts: _Counts) -> None:
    near = _SLACK + max(event.start_within, event.end_within)
    for read in reads.fetch(event.contig, max(0, place - near), place + near):
        if read.flag & _LEFT_OUT or read.mapping_quality < _LEAST_MAPPING or not read.cigartuples:
            continue
        start, end = read.reference_start, read.reference_end or read.reference_start
        if _holds_event(read, event):
            counts.within += 1
        elif any(_clips(read, place, near)):
            counts.clipped += 1
        elif start <= place - _CLIP and end >= place + _CLIP:
            counts.going_on += 1


def _holds_event(read: pysam.AlignedSegment, event: StructuralVariant) -> bool:
    """Whether the read's own alignment has it: an insertion or deletion of at least half its length, if known."""
    if not event.length:
        return False
    operator = {"DEL": 2, "INS": 1, "DUP": 1}.get(event.kind)
    return any(kind == operator and 2 * size >= event.length for kind, size in read.cigartuples or ())


def _clips(read: pysam.AlignedSegment, place: int, near: int) -> tuple[bool, bool]:
    """Whether the read is clipped at a place: before its first base, and behind its last."""
    cigar = read.cigartuples or [(0, 0)]
    start, end = read.reference_start, read.reference_end or read.reference_start
    left = cigar[0][0] in (4, 5) and cigar[0][1] >= _CLIP and abs(start - place) <= near
    right = cigar[-1][0] in (4, 5) and cigar[-1][1] >= _CLIP and abs(end - place) <= near
    return left, right
