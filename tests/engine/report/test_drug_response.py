"""What is said of drugs: where it was asked for, and nothing that the genotypes leave open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import ReportError
from engine.report.amendment import changes
from engine.report.drug_response import NOT_LOOKED_FOR, Pharmacogene, read_drug_response
from engine.report.issue import Issue
from engine.report.page import render
from engine.report.statement import Statement
from engine.report.statement_file import read_statement, write_statement
from tests.builders.annotated import variant
from tests.builders.drugs import AMBIGUOUS, POOR, drug_response, write_pharmacogenes
from tests.builders.statements import statement


def gene(said: Statement, symbol: str) -> Pharmacogene:
    assert said.drug_response is not None
    (found,) = [one for one in said.drug_response.genes if one.gene == symbol]
    return found


@pytest.fixture
def poor(tmp_path: Path) -> Statement:
    """A poor metabolizer of CYP2C19's drugs."""
    return statement(tmp_path, variant("AVP"), drugs=drug_response(tmp_path))


@pytest.fixture
def open_(tmp_path: Path) -> Statement:
    """TPMT with two solutions, and NUDT15 with a position that was not called."""
    return statement(tmp_path, drugs=drug_response(tmp_path, AMBIGUOUS, missing=["rs116855232"]))


def test_what_is_concluded_is_told_at_a_glance_with_what_guidelines_say(poor: Statement) -> None:
    assert gene(poor, "CYP2C19").headline == "CYP2C19 *2/*2: Poor Metabolizer"
    assert any(
        line.startswith("Drug response was looked for in 6 genes: 5 called, 1 not called. ") for line in poor.conclusion
    )
    assert poor.drug_response is not None
    (clopidogrel,) = [one for one in poor.drug_response.advice if one.drug == "clopidogrel"]
    assert clopidogrel.matters and clopidogrel.phenotypes == {"CYP2C19": "Poor Metabolizer"}
    assert (clopidogrel.rxnorm, clopidogrel.level) == ("32968", "A") and clopidogrel.text
    (review,) = [step for step in poor.next_steps if step.kind == "medication_review"]
    assert "clopidogrel" in review.text and review.reasons == ("CYP2C19",)
    assert "capecitabine" not in review.text, "under a usual phenotype nothing is done otherwise"


def test_a_gene_that_was_not_called_has_no_alleles(poor: Statement) -> None:
    not_called = gene(poor, "CYP2D6")
    assert (not_called.status, not_called.diplotypes, not_called.phenotype) == ("not called", (), None)
    assert not_called.headline.startswith("CYP2D6: not called: a VCF does not tell")
    assert "*1/*1" not in not_called.headline
    assert poor.next_steps[-1].text.endswith("CYP2D6.")


def test_two_solutions_of_different_phenotypes_are_told_and_conclude_nothing(open_: Statement) -> None:
    tpmt = gene(open_, "TPMT")
    assert tpmt.diplotypes == ("*1/*3A", "*3B/*3C") and (tpmt.phenotype, tpmt.activity_score) == (None, None)
    assert tpmt.headline == "TPMT *1/*3A or *3B/*3C: no phenotype: solutions differ in phenotype"
    assert "Possible: Intermediate Metabolizer with *1/*3A; Poor Metabolizer with *3B/*3C." in tpmt.sentences
    assert open_.drug_response is not None and not open_.drug_response.for_gene("TPMT")
    assert not any("TPMT" in one.phenotypes and one.phenotypes["TPMT"] for one in open_.drug_response.advice)


def test_a_position_that_was_not_called_is_told_with_what_it_leaves_open(open_: Statement) -> None:
    nudt15 = gene(open_, "NUDT15")
    assert nudt15.phenotype is None and nudt15.not_excluded == ("*3",)
    assert nudt15.uncalled == ("rs116855232 (chr13:48,045,719): no record, and the gVCF does not call it",)
    page = render(open_, Issue())
    assert "rs116855232 (chr13:48,045,719)" in page and "Poor Metabolizer if *3 is there" in page


def test_nothing_is_told_where_nobody_asked(tmp_path: Path) -> None:
    drugs = drug_response(tmp_path)
    silent = statement(tmp_path / "a", variant("AVP"), drugs=drugs, drug_response=False)
    without = statement(tmp_path / "b", variant("AVP"))
    assert silent.drug_response is None and silent.digest == without.digest
    assert silent.conclusion == without.conclusion and silent.limits == without.limits
    assert "Drug response" not in render(silent, Issue()) and "clopidogrel" not in render(silent, Issue())


def test_asked_for_where_no_alleles_are_declared_is_said_so(tmp_path: Path) -> None:
    said = statement(tmp_path, drug_response=True)
    assert f"{NOT_LOOKED_FOR}." in said.conclusion and f"{NOT_LOOKED_FOR}." in render(said, Issue())


def test_a_statement_with_it_is_read_as_it_was_written(poor: Statement, open_: Statement, tmp_path: Path) -> None:
    for said in (poor, open_):
        write_statement(said, tmp_path / "s.json")
        assert read_statement(tmp_path / "s.json") == said


def test_another_release_that_says_the_same_amends_nothing(tmp_path: Path) -> None:
    path = write_pharmacogenes(tmp_path / "a.json")
    told = json.loads(path.read_text())
    told["guidelines"]["version"] = "0.99"
    for one in told["samples"][0]["genes"]:
        one["definition"]["version"] = "0.99"
    (tmp_path / "b.json").write_text(json.dumps(told))
    before, after = (
        statement(tmp_path / name, drugs=read_drug_response(tmp_path / f"{name}.json", "S1")) for name in "ab"
    )
    assert before.digest == after.digest and before.drug_response != after.drug_response


def test_an_amendment_names_the_gene_and_the_drugs(tmp_path: Path) -> None:
    before, after = (statement(tmp_path, drugs=drug_response(tmp_path, one)) for one in ({}, POOR))
    told = changes(before, after)
    assert "Drug response: was CYP2C19 *38/*38: Normal Metabolizer; is CYP2C19 *2/*2: Poor Metabolizer." in told
    assert any(line.startswith("What guidelines say changed for ") and "clopidogrel" in line for line in told)
    asked = changes(statement(tmp_path), after)
    assert "Drug response: was not asked for, is told." in asked


@pytest.mark.parametrize("damage", ["format", "sample", "text"])
def test_a_document_of_something_else_is_refused(damage: str, tmp_path: Path) -> None:
    path = write_pharmacogenes(tmp_path / "p.json")
    told = json.loads(path.read_text())
    told |= {"format": 2} if damage == "format" else {}
    path.write_text("{" if damage == "text" else json.dumps(told))
    with pytest.raises(ReportError, match="calls of pharmacogenes cannot be read"):
        read_drug_response(path, "S2" if damage == "sample" else "S1")
