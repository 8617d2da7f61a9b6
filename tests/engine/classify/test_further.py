"""What beside small variants is told of a person, and what is not because nobody asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.annotate.gene_model import Transcript
from engine.annotate.known_alleles import KnownAlleles
from engine.classify.further import (
    Further,
    homozygosity_findings,
    mitochondrial_findings,
    read_further,
    repeat_findings,
    structural_findings,
    uniparental_findings,
    write_further,
)
from engine.classify.question import Question
from engine.genotype.homozygosity import Run
from engine.mitochondria.deletions import LargeDeletion
from engine.structural.events import StructuralVariant

GENE = Transcript(
    "T1.1", "T1", "GENE", "G1", None, "protein_coding", "chr1", 1, ((1_000, 1_200), (2_000, 2_100)), (1_050, 2_050)
)
TP53 = replace(GENE, name="T2.1", id="T2", gene="TP53", exons=((5_000, 5_200),), coding=(5_000, 5_200))
DELETION = StructuralVariant("DEL", "chr1", 1_899, 2_300, 400, "0/1", 99, 8, 5, 0.9, True)
ASKED, OPEN = Question(("GENE",), None, is_open=False), Question()


def told(event: StructuralVariant, question: Question = ASKED) -> list[str]:
    return [one.headline for one in structural_findings([event], [GENE, TP53], question)]


def test_a_deletion_over_an_exon_is_told_with_its_copies() -> None:
    (found,) = structural_findings([DELETION], [GENE], ASKED)
    assert found.headline == "GENE: heterozygous deletion of 400 bases at chr1:1,901-2,300"
    assert (found.genes, found.position, found.end, found.copies, found.inner) == (("GENE",), 1_901, 2_300, 1, None)
    assert found.sentence.startswith("It touches 1 exon of GENE.")
    assert structural_findings([replace(DELETION, genotype="1/1")], [GENE], ASKED)[0].copies == 0
    doubled = replace(DELETION, kind="DUP")
    assert structural_findings([doubled], [GENE], ASKED)[0].copies == 3


def test_ends_that_are_not_sharp_have_two_ranges() -> None:
    (found,) = structural_findings([replace(DELETION, start_within=20, end_within=30)], [GENE], ASKED)
    assert (found.outer, found.inner) == ((1_881, 2_330), (1_921, 2_270))


@pytest.mark.parametrize(
    "event",
    [
        replace(DELETION, passes=False),
        replace(DELETION, start=1_300, end=1_700),  # within an intron
        replace(DELETION, contig="chr2"),
        replace(DELETION, start=4_900, end=5_300),  # over a gene that nobody asked about
    ],
)
def test_what_touches_no_exon_asked_about_is_not_told(event: StructuralVariant) -> None:
    assert told(event) == []


def test_an_open_question_leaves_genes_of_secondary_findings_out() -> None:
    assert told(DELETION, OPEN) and not told(replace(DELETION, start=4_900, end=5_300), OPEN)
    assert told(replace(DELETION, start=4_900, end=5_300), Question(("TP53",), None, is_open=False))


def test_an_insertion_is_told_within_an_exon() -> None:
    inserted = replace(DELETION, kind="INS", start=1_100, end=1_101, length=300, inserted="ACG" * 100)
    assert told(inserted) == ["GENE: heterozygous insertion of 300 bases at chr1:1,101"]
    (partly,) = structural_findings([replace(inserted, inserted="ACG")], [GENE], ASKED)
    assert partly.headline == "GENE: heterozygous insertion of about 300 bases at chr1:1,101"
    assert "estimated" in partly.notes[1]
    assert told(replace(inserted, length=0)) == ["GENE: heterozygous insertion of unknown length at chr1:1,101"]
    assert not told(replace(inserted, start=1_500, end=1_501))


LOCUS = {
    "id": "HD_HTT",
    "gene": "HTT",
    "disease": "Huntington disease",
    "place": "chr4:3074877-3074933",
    "motif": "CAG",
    "alleles": [
        {"units": 17.0, "low": 17.0, "high": 17.0, "by": "spanning reads"},
        {"units": 45.0, "low": 42.0, "high": None, "by": "entering reads"},
    ],
    "zygosity": "heterozygous",
    "state": "pathogenic range",
    "benign_max": 26,
    "pathogenic_min": 40,
}


@pytest.mark.parametrize(
    ("kind", "changed", "zygosity", "copies"),
    [
        ("DEL", {"genotype": "1/1"}, "hemizygous", 0),
        ("DUP", {"genotype": "1/1"}, "hemizygous", 2),
        ("DEL", {"genotype": "0/1"}, "", None),
        ("DUP", {"genotype": "./.", "by_depth": True, "copies": 3}, "hemizygous", 3),
    ],
)
def test_of_a_stretch_that_is_there_once_an_event_is_hemizygous(
    kind: str, changed: dict[str, Any], zygosity: str, copies: int | None
) -> None:
    """Junctions are genotyped as if there were two: a boy would have lost exons homozygously, or have four of them."""
    event = replace(DELETION, kind=kind, **changed)
    (found,) = structural_findings([event], [GENE], ASKED, usual=lambda _: 1)
    assert (found.zygosity, found.copies) == (zygosity, copies)
    assert (f": {zygosity} " in found.headline) if zygosity else found.headline.endswith(", of unknown zygosity")


def test_a_repeat_is_told_where_its_gene_was_asked_about_and_nowhere_else() -> None:
    (found,) = repeat_findings([LOCUS], Question(("HTT",), None, is_open=False))
    assert found.headline == "HTT: 42 to more units of CAG at chr4:3,074,877-3,074,933"
    assert (found.units, found.least_units, found.most_units, found.motif) == (45.0, 42.0, None, "CAG")
    assert "pathogenic (Huntington disease): from 40 units" in found.sentence
    assert repeat_findings([LOCUS], OPEN) == [] and repeat_findings([LOCUS], ASKED) == []
    assert repeat_findings([LOCUS | {"state": "normal"}], Question(("HTT",), None, is_open=False)) == []


def test_a_large_mitochondrial_deletion_is_told_with_its_share() -> None:
    (found,) = mitochondrial_findings("chrM", [], [LargeDeletion(8_482, 13_459, 30, 70.0)], KnownAlleles(None))
    assert found.headline == "chrM: 4,977 bases deleted at 8,483-13,459 in 30.0% of the molecules"
    assert (found.fraction, found.position, found.end) == (0.3, 8_483, 13_459)


def test_a_contig_of_one_parent_alone_is_told() -> None:
    told = "chr15 came from the mother alone, by 40 of 41 telling sites: look for imprinted genes there"
    (found,) = uniparental_findings(told)
    assert found.headline == "Uniparental disomy: chr15 came from the mother alone, by 40 of 41 telling sites"
    assert found.sentence == "Look for imprinted genes there."
    assert uniparental_findings("") == []


def test_much_homozygosity_is_told() -> None:
    runs = [Run("chr1", 0, 20_000_000, 5_000, 80.0), Run("chr2", 0, 5_000_000, 900, 80.0)]
    (found,) = homozygosity_findings(runs, 0.0625)
    assert found.headline == "6.2% of the autosomes lie in runs of homozygosity"
    assert "the longest of 20,000,000 bases" in found.sentence
    assert homozygosity_findings(runs, 0.01) == []


def test_what_is_told_is_kept(tmp_path: Path) -> None:
    findings = (*structural_findings([DELETION], [GENE], ASKED), *homozygosity_findings([Run("1", 0, 9, 1, 1.0)], 0.1))
    further = Further(findings, ("structural variants",), (("repeat expansions", "no loci"),))
    write_further(tmp_path / "f.json", further)
    assert read_further(tmp_path / "f.json") == further
