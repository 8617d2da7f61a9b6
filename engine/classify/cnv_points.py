"""Points of ACMG and ClinGen for losses and gains, as far as the genes in them decide.

Counted are sections 1 to 3 of Riggs et al. 2020 (doi:10.1038/s41436-019-0686-8): whether there are genes, whether one
is known to cause disease by loss of one copy (ClinGen's haploinsufficiency score of 3) and how it is hit, and how many
there are. Not counted are regions known to be benign or triplosensitive, published cases, inheritance and phenotype
(sections 4 and 5): a person adds these, and the sum is no classification before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from engine.annotate.gene_model import Transcript
from engine.structural.events import StructuralVariant

NOT_COUNTED: Final = "known benign and triplosensitive regions, published cases, inheritance and phenotype"
_COUNTS: Final = {"DEL": ((35, "3C", 0.90), (25, "3B", 0.45)), "DUP": ((50, "3C", 0.90), (35, "3B", 0.45))}
"""Genes from which section 3 gives points."""
_CLASSES: Final = ((0.99, "pathogenic"), (0.90, "likely pathogenic"))
_MUCH: Final = 0.1
"""Of a protein, from which its loss in frame weighs more (Abou Tayoun et al. 2018)."""


@dataclass(frozen=True)
class Point:
    """One rule that was met.

    Attributes:
        code: of the rule, such as ``2A``.
        points: that it gives, of 1.
        gene: symbol of the gene that it goes by; empty for rules that go by none.
    """

    code: str
    points: float
    gene: str = ""


def points_of(
    event: StructuralVariant, transcripts: Sequence[Transcript], haploinsufficient: Collection[str]
) -> tuple[Point, ...]:
    """The rules that a loss or gain meets, one a section; none of another kind of event.

    Args:
        event: of one sample.
        transcripts: one of each gene.
        haploinsufficient: symbols of genes of which loss of one copy is known to cause disease.
    """
    if event.kind not in ("DEL", "DUP"):
        return ()
    inside = [one for one in transcripts if one.coding and one.contig == event.contig and _meets(event, one)]
    if not inside:
        return (Point("1B", -0.60),)
    rule = _loss if event.kind == "DEL" else _gain
    hits = [hit for one in inside if one.gene in haploinsufficient if (hit := rule(event, one))]
    most = max(hits, key=lambda hit: hit.points, default=None)
    return (Point("1A", 0.0), *([most] if most else []), _count(event, len({one.gene for one in inside})))


def _first(event: StructuralVariant) -> int:
    """0-based, the first base of it."""
    return event.start + 1


def _meets(event: StructuralVariant, one: Transcript) -> bool:
    return _first(event) < one.exons[-1][1] and one.start < event.end


def _count(event: StructuralVariant, genes: int) -> Point:
    code, points = next(((code, points) for least, code, points in _COUNTS[event.kind] if genes >= least), ("3A", 0.0))
    return Point(code, points)


def _loss(event: StructuralVariant, one: Transcript) -> Point:
    head, tail = _ends(event, one)
    lost = _coding_bases(event, one)
    if head and tail:
        return Point("2A", 1.0, one.gene)
    if head:
        return Point("2C-1", 0.90, one.gene) if lost else Point("2C-2", 0.0, one.gene)
    if tail:
        if not lost:
            return Point("2D-1", 0.0, one.gene)
        return Point("2D-3", 0.30, one.gene) if _exons(event, one) == 1 else Point("2D-4", 0.90, one.gene)
    return Point("2E", _within(event, one, _left_out(event, one), 0.90), one.gene)


def _gain(event: StructuralVariant, one: Transcript) -> Point:
    head, tail = _ends(event, one)
    if head and tail:
        return Point("2H", 0.0, one.gene)
    if head or tail:
        return Point("2J", 0.0, one.gene)
    # Depth alone does not show that the copies stand one behind the other.
    return Point("2I", _within(event, one, _coding_bases(event, one), 0.45 if event.by_depth else 0.90), one.gene)


def _within(event: StructuralVariant, one: Transcript, changed: int, of_shifted: float) -> float:
    """Both ends in one gene: by what it does to the frame, where decay of the mRNA follows, else by its share."""
    if not changed:
        return 0.0
    if changed % 3 and not _is_last_alone(event, one):
        return of_shifted
    return 0.45 if changed > _MUCH * _coding_length(one) else 0.30


def _ends(event: StructuralVariant, one: Transcript) -> tuple[bool, bool]:
    """Whether the transcript's beginning and its end lie in the event."""
    left, right = _first(event) <= one.start, event.end >= one.exons[-1][1]
    return (left, right) if one.strand > 0 else (right, left)


def _coding_exons(one: Transcript) -> list[tuple[int, int]]:
    assert one.coding is not None
    first, last = one.coding
    return [(max(start, first), min(end, last)) for start, end in one.exons if start < last and end > first]


def _coding_length(one: Transcript) -> int:
    return sum(end - start for start, end in _coding_exons(one))


def _coding_bases(event: StructuralVariant, one: Transcript) -> int:
    return sum(max(0, min(end, event.end) - max(start, _first(event))) for start, end in _coding_exons(one))


def _left_out(event: StructuralVariant, one: Transcript) -> int:
    """Coding bases that the mRNA lacks: of an exon that lost a splice site all, as it is skipped (Abou Tayoun 2018)."""
    assert one.coding is not None
    found = 0
    for start, end in one.exons:
        lost = max(start, _first(event)), min(end, event.end)
        if lost[0] < lost[1]:
            is_within = start <= _first(event) and event.end <= end
            begin, stop = lost if is_within else (start, end)
            found += max(0, min(stop, one.coding[1]) - max(begin, one.coding[0]))
    return found


def _exons(event: StructuralVariant, one: Transcript) -> int:
    return sum(start < event.end and _first(event) < end for start, end in one.exons)


def _is_last_alone(event: StructuralVariant, one: Transcript) -> bool:
    start, end = one.exons[-1] if one.strand > 0 else one.exons[0]
    return _exons(event, one) == 1 and start < event.end and _first(event) < end


def in_words(points: Sequence[Point], asked: Collection[str]) -> str:
    """The points in a sentence; genes that nobody asked about are not named."""
    rules = [f"{one.code} {one.points:.2f}{_whose(one, asked)}" for one in points]
    total = round(sum(one.points for one in points), 2)
    word = next((word for least, word in _CLASSES if total >= least), "uncertain")
    return (
        f"ACMG and ClinGen's points for copy number (Riggs 2020) by gene content alone: {', '.join(rules)}; together "
        f"{total:.2f}, {word}. Not counted: {NOT_COUNTED}."
    )


def _whose(one: Point, asked: Collection[str]) -> str:
    if not one.gene:
        return ""
    return f" ({one.gene if one.gene in asked else 'another gene'})"
