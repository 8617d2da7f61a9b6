"""What a later report says otherwise: finding by finding, and whatever else a reader must know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.report.amendment import changes, versions
from engine.report.case import Gene
from engine.report.issue import issue_of
from engine.report.statement import Statement
from tests.builders.annotated import variant
from tests.builders.statements import LINEAGE, REGIONS, sign_out, statement, with_kin


def said(folder: Path, *rows: dict[str, Any], **facts: Any) -> Statement:
    return statement(folder, *rows, **facts)


def test_each_finding_that_came_went_or_changed_is_told(tmp_path: Path) -> None:
    likely = {"clinvar_classification": "likely_pathogenic", "clinvar_significance": "Likely_pathogenic"}
    before = said(tmp_path / "a", variant("PRNP", 3_100_000), variant("AVP", 3_082_646))
    after = said(tmp_path / "b", variant("PRNP", 3_100_000, **likely), variant("PRNP", 3_200_000, hgvs_c="N:c.7A>G"))
    told = changes(before, after)
    assert "classification was pathogenic, is likely pathogenic" in next(one for one in told if "Changed" in one)
    assert [one.split(":")[0] for one in told if "c.7A>G" in one] == ["Added"]
    assert any(one.startswith("No longer reported: AVP") for one in told)
    assert changes(after, after) == ()
    doubtful = said(tmp_path / "c", variant("PRNP", 3_100_000, filter="StrandBias"), variant("AVP", 3_082_646))
    (doubt,) = changes(before, doubtful)
    assert doubt.endswith("the call did not pass the filters (StrandBias).") and ".." not in doubt


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"phenotype": ("HP:0001250",)}, "The phenotype: was none, is HP:0001250."),
        ({"secondary_findings_consent": True}, "Consent to secondary findings: was absent, is given."),
        ({"ordered_genes": ("AVP",)}, "What was asked about: was none, is AVP."),
        ({"regions": replace(REGIONS, uncalled=(Gene("AVP"),))}, "Genes not fully called: was none, is AVP."),
        ({"overridden_checks": ("gvcf, x: let through",)}, "Failed checks let through: was none, is gvcf, x: let"),
        ({"lineage": replace(LINEAGE, reads={"a": "1"})}, "The report is about other reads"),
        ({"regions": replace(REGIONS, mean_coverage=99.0)}, "Figures of the calls or of the coverage changed"),
    ],
)  # fmt: skip
def test_what_changed_beside_the_findings_is_told(tmp_path: Path, facts: dict[str, Any], told: str) -> None:
    found = changes(said(tmp_path / "a"), said(tmp_path / "b", **facts))
    assert any(one.startswith(told) for one in found), found


def test_of_many_genes_those_that_came_and_went_are_told(tmp_path: Path) -> None:
    genes = tuple(Gene(f"G{number:02}") for number in range(94))
    before, after = replace(REGIONS, uncalled=genes), replace(REGIONS, uncalled=(*genes[1:], Gene("AVP")))
    told = changes(said(tmp_path / "a", regions=before), said(tmp_path / "b", regions=after))
    assert told == ("Genes not fully called: were 94, are 94; new: AVP; no more: G00.",)
    (fewer,) = changes(said(tmp_path / "c", regions=before), said(tmp_path / "d", regions=replace(before, uncalled=())))
    assert fewer.startswith("Genes not fully called: were 94, are 0; new: none; no more: G00, G01, ")
    assert fewer.endswith(", G19, and 74 more genes.")


def test_the_comparison_with_a_parent_is_a_change(tmp_path: Path) -> None:
    before = said(tmp_path / "a", father_id="DAD")
    after = said(tmp_path / "b", father_id="DAD", lineage=with_kin(LINEAGE, "father"))
    assert changes(before, after) == ("The calls were compared with those of the father.",)


def test_every_version_says_what_it_changed_in_the_one_before(tmp_path: Path) -> None:
    first, second = said(tmp_path / "a"), said(tmp_path / "b", variant("PRNP", 3_100_000))
    steps = (sign_out(first), sign_out(second, "amended", "Dr B", minute=5, reason="a re-analysis"))
    told = versions(issue_of(steps, second.digest), second, {first.digest: first, second.digest: second})
    assert [(one.number, one.status) for one in told] == [(1, "final"), (2, "amended")]
    assert told[0].changes == () and told[1].changes and told[1].changes[0].startswith("Added: PRNP")
    draft = versions(issue_of(steps, first.digest), first, {first.digest: first, second.digest: second})
    assert draft[2].signature is None and draft[2].changes and "No longer reported" in draft[2].changes[0]
    forgotten = versions(issue_of(steps, second.digest), second, {})
    assert forgotten[1].changes is None
