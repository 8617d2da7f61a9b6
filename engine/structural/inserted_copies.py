"""Insertions of what stands elsewhere on a contig, as mobile elements are, told as such.

A caller of junctions sees two: one from the place of the insertion to either end of what was copied. Those of a copy in
the same orientation look like a deletion and a tandem duplication of all that lies between, hundreds of kilobases that
nobody lost or gained; those of a copy turned round look like two inversions.

::

    reference   ---[copied]-------------------P----
    sample      ---[copied]-------------------P[copied]----
    junctions       ^a    ^b     P to a: DUP a..P; b to P: DEL b..P

Of one junction alone the reads tell: where the copy was put in they are clipped on either side, where it was taken from
on one side only, while an inversion's are on either side at both of its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine.structural.events import StructuralVariant
from engine.structural.genotype import clips_at

if TYPE_CHECKING:
    import pysam

_NEAR: Final = 50
"""Bases by which two junctions may disagree about the place of the insertion."""
_LONGEST: Final = 20_000
"""Bases of what was copied."""
_SURE: Final = 8
"""Pairs and split reads of both junctions, with which the insertion passes."""
_LEAST_CLIPS: Final = 3
_LEAST_SHARE: Final = 0.2
"""Reads clipped on the one side, and of those on the other, from which a place has a junction on either side."""
_LEAST_INVERTED: Final = 500
"""Bases of an inversion, from which its two ends have reads of their own."""
_PAIRS: Final = (frozenset({"DEL", "DUP"}), frozenset({"INV"}))


def inserted_copies(
    events: Sequence[StructuralVariant], allowed: Callable[[StructuralVariant], bool] = lambda _: True
) -> list[StructuralVariant]:
    """The events, each pair of junctions that is an insertion of a copy as this one.

    Args:
        events: of one sample.
        allowed: whether depth does not contradict a deletion or duplication; one that is borne out stays.
    """
    candidates = [
        one for one in events if one.kind in ("DEL", "DUP", "INV") and (one.kind == "INV" or not _sure(one, allowed))
    ]
    found: list[StructuralVariant] = []
    used: set[int] = set()
    for number, one in enumerate(candidates):
        for other in candidates[number + 1 :]:
            if id(one) in used or id(other) in used:
                continue
            insertion = _insertion(one, other)
            if insertion is not None:
                used |= {id(one), id(other)}
                found.append(insertion)
    return [event for event in events if id(event) not in used] + found


def _sure(event: StructuralVariant, allowed: Callable[[StructuralVariant], bool]) -> bool:
    """Whether it is a loss or gain of its own: the caller holds it for there, and depth bears it out."""
    return event.passes and allowed(event)


def _insertion(one: StructuralVariant, other: StructuralVariant) -> StructuralVariant | None:
    """What two junctions are together, absent where they are two."""
    if one.contig != other.contig or frozenset({one.kind, other.kind}) not in _PAIRS:
        return None
    length, shared = (abs(one.start - other.start), one.end) if abs(one.end - other.end) <= _NEAR else (0, 0)
    if not length and abs(one.start - other.start) <= _NEAR:
        length, shared = abs(one.end - other.end), one.start + 1
    if not _NEAR < length <= min(_LONGEST, one.length / 2, other.length / 2):
        return None
    if one.kind != other.kind and not _is_in_order(one, other):
        return None
    pairs, split_reads = one.pairs + other.pairs, one.split_reads + other.split_reads
    return replace(
        one,
        kind="INS",
        start=shared - 1,
        end=shared,
        length=length,
        genotype="./.",
        quality=0,
        pairs=pairs,
        split_reads=split_reads,
        probability=max(one.probability, other.probability),
        passes=one.passes or other.passes or pairs + split_reads >= _SURE,
        inserted="",
        begins="",
    )


def _is_in_order(one: StructuralVariant, other: StructuralVariant) -> bool:
    """Whether what was copied begins where the duplication does and ends where the deletion does (or the reverse)."""
    deletion, duplication = (one, other) if one.kind == "DEL" else (other, one)
    return duplication.start < deletion.start if abs(one.end - other.end) <= _NEAR else duplication.end > deletion.end


def insertion_by_clips(
    event: StructuralVariant, alignments: pysam.AlignmentFile, *, is_allowed: bool
) -> StructuralVariant:
    """The event, a junction of an insertion as this one, of unknown length.

    Args:
        event: found by a caller.
        alignments: open, with index.
        is_allowed: whether depth does not contradict it; a deletion or duplication is looked at only where it does.
    """
    looked_at = event.length >= _LEAST_INVERTED if event.kind == "INV" else not is_allowed
    if event.kind not in ("DEL", "DUP", "INV") or not looked_at:
        return event
    places = (event.start + 1, event.end)
    clips = {place: clips_at(alignments, event, place) for place in places}
    both_sided = [place for place, counts in clips.items() if _is_both_sided(*counts)]
    if len(both_sided) != 1 or (event.kind == "INV" and min(map(min, clips.values()))):
        return event  # of an inversion's other end too few reads may tell
    return replace(
        event,
        kind="INS",
        start=both_sided[0] - 1,
        end=both_sided[0],
        length=0,
        genotype="./.",
        quality=0,
        passes=event.passes or event.pairs + event.split_reads >= _SURE,
    )


def _is_both_sided(left: int, right: int) -> bool:
    rarer, other = sorted((left, right))
    return rarer >= max(_LEAST_CLIPS, _LEAST_SHARE * other)
