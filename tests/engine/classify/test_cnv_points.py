"""Points for losses and gains by gene content: each rule of Riggs 2020 that genes decide, by an event that meets it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.annotate.gene_model import Transcript
from engine.classify.cnv_points import Point, in_words, points_of
from engine.classify.further import structural_findings
from engine.classify.question import Question
from engine.structural.events import StructuralVariant

EXONS = ((1_000, 1_100), (2_000, 2_100), (3_000, 3_100), (4_000, 4_400))
GENE = Transcript("T1.1", "T1", "GENE", "G1", None, "protein_coding", "chr1", 1, EXONS, (1_050, 4_200))
"""450 coding bases: 50, 100, 100 and 200."""
BACKWARDS = replace(GENE, strand=-1)


def event(kind: str, start: int, end: int, **more: object) -> StructuralVariant:
    """From the 0-based first base to one past the last."""
    made = StructuralVariant("DEL", "chr1", start - 1, end, end - start, "0/1", 99, 8, 5, 0.9, True)
    return replace(made, kind=kind, **more)  # type: ignore[arg-type]


def met(one: StructuralVariant, transcript: Transcript = GENE) -> tuple[str, float]:
    (_, rule, _) = points_of(one, [transcript], {"GENE"})
    return rule.code, rule.points


@pytest.mark.parametrize(
    ("start", "end", "forwards", "backwards"),
    [
        (900, 5_000, ("2A", 1.0), ("2A", 1.0)),
        (1_000, 4_400, ("2A", 1.0), ("2A", 1.0)),
        (900, 2_050, ("2C-1", 0.90), ("2D-4", 0.90)),
        (900, 1_040, ("2C-2", 0.0), ("2D-1", 0.0)),
        (900, 1_500, ("2C-1", 0.90), ("2D-3", 0.30)),
        (4_300, 5_000, ("2D-1", 0.0), ("2C-2", 0.0)),
        (3_500, 5_000, ("2D-3", 0.30), ("2C-1", 0.90)),
        (2_500, 5_000, ("2D-4", 0.90), ("2C-1", 0.90)),
        (1_900, 2_500, ("2E", 0.90), ("2E", 0.90)),  # 100 bases: out of frame
        (2_010, 2_040, ("2E", 0.30), ("2E", 0.30)),  # 30 of 450 bases, in frame
        (2_010, 2_070, ("2E", 0.45), ("2E", 0.45)),  # 60 of 450 bases, in frame
        (2_070, 2_500, ("2E", 0.90), ("2E", 0.90)),  # 30 bases and a splice site: the exon of 100 bases is skipped
        (3_060, 3_300, ("2E", 0.90), ("2E", 0.90)),
        (1_090, 1_300, ("2E", 0.90), ("2E", 0.45)),  # of the exon 50 bases are coding; the last has no decay behind it
        (4_050, 4_060, ("2E", 0.30), ("2E", 0.90)),  # shifts the frame; in the last exon without decay
        (1_200, 1_300, ("2E", 0.0), ("2E", 0.0)),  # intron
    ],
)
def test_a_loss_is_told_by_how_it_hits_the_gene(
    start: int, end: int, forwards: tuple[str, float], backwards: tuple[str, float]
) -> None:
    assert met(event("DEL", start, end)) == forwards
    assert met(event("DEL", start, end), BACKWARDS) == backwards


def test_a_gain_is_told_by_how_it_hits_the_gene() -> None:
    assert met(event("DUP", 900, 5_000)) == ("2H", 0.0)
    assert met(event("DUP", 900, 2_050)) == ("2J", 0.0)
    assert met(event("DUP", 1_900, 2_500)) == ("2I", 0.90)
    assert met(event("DUP", 1_900, 2_500, by_depth=True)) == ("2I", 0.45), "depth shows no tandem"


@pytest.mark.parametrize(
    ("kind", "genes", "rule"),
    [
        ("DEL", 24, Point("3A", 0.0)),
        ("DEL", 25, Point("3B", 0.45)),
        ("DEL", 35, Point("3C", 0.90)),
        ("DUP", 34, Point("3A", 0.0)),
        ("DUP", 35, Point("3B", 0.45)),
        ("DUP", 50, Point("3C", 0.90)),
    ],
)
def test_genes_are_counted(kind: str, genes: int, rule: Point) -> None:
    several = [replace(GENE, id=f"T{number}", gene=f"G{number}") for number in range(genes)]
    assert points_of(event(kind, 900, 5_000), several, set()) == (Point("1A", 0.0), rule)


def test_no_gene_at_all_speaks_against_it_and_other_kinds_have_no_points() -> None:
    assert points_of(event("DEL", 6_000, 7_000), [GENE], {"GENE"}) == (Point("1B", -0.60),)
    assert points_of(event("INV", 900, 5_000), [GENE], {"GENE"}) == ()


def test_the_worst_hit_counts_once() -> None:
    other = replace(GENE, id="T2", gene="OTHER")
    points = points_of(event("DEL", 900, 5_000), [GENE, other], {"GENE", "OTHER"})
    assert [one.code for one in points] == ["1A", "2A", "3A"]


def test_a_finding_tells_its_points_and_names_no_gene_that_nobody_asked_about() -> None:
    other = replace(GENE, id="T2", gene="OTHER")
    asked = Question(("GENE",), None, is_open=False)
    whole = event("DEL", 900, 5_000)
    (told,) = structural_findings([whole], [GENE, other], asked, {"OTHER"})
    assert told.notes[-1] == (
        "ACMG and ClinGen's points for copy number (Riggs 2020) by gene content alone: 1A 0.00, 2A 1.00 (another "
        "gene), 3A 0.00; together 1.00, pathogenic. Not counted: known benign and triplosensitive regions, published "
        "cases, inheritance and phenotype."
    )
    assert "2A 1.00 (GENE)" in structural_findings([whole], [GENE], asked, {"GENE"})[0].notes[-1]
    assert "Riggs" not in structural_findings([whole], [GENE], asked, None)[0].notes[-1]
    assert "together 0.90, likely pathogenic" in in_words([Point("2C-1", 0.9, "A")], [])
    assert "together 0.45, uncertain" in in_words([Point("2E", 0.45, "A")], [])
