"""Partners side by side: what a child of two people may have, and what cannot be told of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.person import Sex
from engine.report.case import Gene
from engine.report.couple import Couple, couple
from engine.report.statement import Statement
from tests.builders.annotated import variant
from tests.builders.statements import REGIONS, statement

OPEN = replace(REGIONS, studied=(), uncalled=())


def said(folder: Path, sample: str, *rows: dict[str, Any], **facts: Any) -> Statement:
    told = statement(folder / sample, *rows, **{"regions": OPEN, **facts})
    findings = tuple(replace(one, row={**one.row, "sample_id": sample}) for one in told.findings)
    return replace(told, case=replace(told.case, sample=sample), findings=findings)


def pair(folder: Path, one: Any, other: Any, **facts: Any) -> Couple:
    return couple(said(folder, "A", *one), said(folder, "B", *other, sex=Sex.MALE, **facts))


def test_two_carriers_of_a_recessive_gene_are_told_with_both_variants(tmp_path: Path) -> None:
    found = pair(tmp_path, [variant("PANK2")], [variant("PANK2", 3_899_500), variant("SLC4A11", 3_210_000)])
    (risk,) = found.risks
    assert (risk.gene, risk.inheritance, risk.chance, risk.doubts) == ("PANK2", "AR", "1/4 of children", ())
    assert all("heterozygous" in each[0] for each in risk.variants) and risk.conditions
    assert found.limits and not found.not_compared


def test_two_copies_are_always_passed_on_and_unknown_phase_is_said(tmp_path: Path) -> None:
    both = variant("PANK2", copies=2, genotype="1/1")
    assert pair(tmp_path / "a", [both], [variant("PANK2")]).risks[0].chance == "1/2 of children"
    two = [variant("PANK2"), variant("PANK2", 3_899_500)]
    (risk,) = pair(tmp_path / "b", two, [variant("PANK2")]).risks
    assert risk.chance == "at least 1/4 of children" and "unknown phase" in risk.doubts[0]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"ordered_genes": ("AVP",)}, "was not asked about"),
        ({"regions": replace(OPEN, uncalled=(Gene("PANK2"),))}, "could not be called"),
        ({"regions": replace(OPEN, studied=(Gene("AVP"),))}, "within the regions studied"),
    ],
)
def test_what_was_not_seen_in_the_partner_is_not_taken_for_free_of_it(
    tmp_path: Path, facts: dict[str, Any], why: str
) -> None:
    found = pair(tmp_path, [variant("PANK2")], [], **facts)
    assert not found.risks
    (told,) = found.not_compared
    assert told.startswith("PANK2: A carries a variant; in B ") and why in told


def test_genes_that_want_of_consent_leaves_out_are_not_taken_for_free(tmp_path: Path) -> None:
    carried = variant("ATP7B", 52_520_000, contig="13")
    (told,) = pair(tmp_path / "without", [carried], []).not_compared
    assert told.startswith("ATP7B: A carries a variant; in B genes of ACMG SF") and "consent" in told
    assert not pair(tmp_path / "with", [carried], [], secondary_findings_consent=True).not_compared


def test_a_condition_of_unknown_inheritance_is_told_as_not_compared(tmp_path: Path) -> None:
    found = pair(tmp_path, [variant("NOBODY1")], [variant("NOBODY1")])
    assert not found.risks
    assert [told.partition(" of a ")[0] for told in found.not_compared] == [
        f"NOBODY1: {sample} carries a variant" for sample in "AB"
    ]
    assert all("inheritance is not known" in told for told in found.not_compared)


def test_a_gene_that_is_dominant_is_no_matter_of_a_couple(tmp_path: Path) -> None:
    found = pair(tmp_path, [variant("PRNP", 4_680_000)], [variant("PRNP", 4_680_000)])
    assert not found.risks and not found.not_compared


def x_linked(folder: Path, name: str, sex: Sex, *zygosity: str, **facts: Any) -> Statement:
    told = said(folder, name, *(variant("PANK2") for _ in zygosity), sex=sex, **facts)
    named = [{**one, "inheritance": "XL"} for one in (told.findings[0].row["conditions"] if zygosity else ())]
    rows = tuple(
        replace(one, row={**one.row, "gene": "MECP2", "zygosity": kind, "conditions": named})
        for one, kind in zip(told.findings, zygosity, strict=False)
    )
    return replace(told, findings=rows)


def test_x_linked_variants_follow_the_sexes(tmp_path: Path) -> None:
    mother, father = x_linked(tmp_path, "M", Sex.FEMALE, "heterozygous"), x_linked(tmp_path, "F", Sex.MALE)
    assert couple(mother, father).risks[0].chance == "1/2 of sons"
    ill = x_linked(tmp_path, "I", Sex.MALE, "hemizygous")
    healthy = x_linked(tmp_path, "H", Sex.FEMALE)
    assert couple(healthy, ill).risks[0].chance == "no son by this, daughters carriers"
    assert couple(ill, mother).risks[0].chance == "1/2 of sons, 1/2 of daughters affected"
    unstated = x_linked(tmp_path, "U", Sex.UNKNOWN)
    assert couple(mother, unstated).risks[0].chance == "not decided"


def test_x_linked_variants_beside_a_partner_who_was_not_asked_about_are_doubted(tmp_path: Path) -> None:
    asked = {"ordered_genes": ("AVP",)}
    ill = x_linked(tmp_path, "I", Sex.MALE, "hemizygous")
    for mother, doubts in (
        (x_linked(tmp_path, "H", Sex.FEMALE), ()),
        (x_linked(tmp_path, "N", Sex.FEMALE, **asked), ("in N the gene was not asked about",)),
    ):
        assert couple(mother, ill).risks[0].doubts == doubts
    carrier = x_linked(tmp_path, "M", Sex.FEMALE, "heterozygous")
    (risk,) = couple(carrier, x_linked(tmp_path, "F", Sex.MALE, **asked)).risks
    assert (risk.chance, risk.doubts) == ("1/2 of sons", ("in F the gene was not asked about",))
