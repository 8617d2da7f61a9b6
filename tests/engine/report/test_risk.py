"""What is said of polygenic scores, from a scoring file and calls to page, bundle and message."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.fhir.bundle import build_bundle
from engine.fhir.check import check_bundle, faults
from engine.hl7v2.check import structure_fault
from engine.hl7v2.message import build_message
from engine.report.amendment import changes
from engine.report.issue import Issue
from engine.report.page import render
from engine.report.risk import LIMIT, StatedRisk, risk_of
from engine.report.statement import Statement
from engine.report.statement_file import read_statement, write_statement
from engine.risk.distribution import Distribution
from engine.risk.score import SampleScore
from tests.builders.annotated import variant
from tests.builders.statements import statement

SUM = SampleScore("S1", "PGS000001", 1.5, 76, 77)
TOLD = risk_of(SUM, "breast carcinoma", Distribution(1.0, 0.25), "women of the study <A&B>")
UNKNOWN = risk_of(SampleScore("S1", "PGS000802", None, 3, 95), "stroke", Distribution(0.0, 1.0), "anybody")


@pytest.fixture
def said(tmp_path: Path) -> Statement:
    return statement(tmp_path, variant("AVP"), risks=[TOLD, UNKNOWN])


def test_a_sum_is_told_with_what_was_known_and_where_it_lies() -> None:
    assert TOLD.sentence == (
        "Polygenic score PGS000001 (breast carcinoma): sum 1.5 by 76 of 77 variants; "
        "2.00 standard deviations above the mean of women of the study <A&B>, percentile 98"
    )
    below = risk_of(SUM, "x", Distribution(2.0, 1.0), "p").standing
    assert below == "0.50 standard deviations below the mean of p, percentile 31"
    assert risk_of(SUM, "x", Distribution(9.0, 1.0), "p").standing.endswith("of p, below percentile 1")
    assert risk_of(SUM, "x", Distribution(-9.0, 1.0), "p").standing.endswith("of p, above percentile 99")


def test_without_a_distribution_or_a_population_nothing_is_said_of_where_it_lies() -> None:
    for one in (risk_of(SUM, "x"), risk_of(SUM, "x", Distribution(1.0, 1.0))):
        assert (one.z, one.population) == (
            None,
            None,
        ) and one.standing == "where it lies among people is not known here"
    assert (UNKNOWN.total, UNKNOWN.z) == (None, None) and "not computed, 3 of 95 variants are known" in UNKNOWN.sentence


def test_the_page_has_a_section_where_there_are_scores_and_none_elsewhere(said: Statement, tmp_path: Path) -> None:
    page = render(said, Issue())
    assert '<h2 id="risk">Polygenic scores</h2>' in page and "women of the study &lt;A&amp;B&gt;" in page
    assert "not computed" in page and f"{TOLD.sentence}." in said.conclusion and said.limits[-1] == LIMIT
    without = statement(tmp_path / "b", variant("AVP"))
    assert "Polygenic" not in render(without, Issue()) and LIMIT not in without.limits


def test_the_bundle_has_a_risk_assessment_that_the_report_names(said: Statement) -> None:
    bundle = build_bundle(said)
    assert [str(fault) for fault in faults(bundle)] == [] and not check_bundle(bundle).problems
    named = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
    ((name, risk),) = [(name, one) for name, one in named.items() if one["resourceType"] == "RiskAssessment"]
    assert risk["prediction"] == [{"outcome": {"text": "breast carcinoma"}, "rationale": f"{TOLD.sentence}."}]
    (report,) = [one for one in named.values() if one["resourceType"] == "DiagnosticReport"]
    (told,) = [one for one in report["extension"] if one["url"].endswith("/genomic-risk-assessment")]
    assert told["valueReference"]["reference"] == name
    made = [one["target"] for one in named.values() if one["resourceType"] == "Provenance"]
    assert any({"reference": name} in targets for targets in made)


def test_the_message_tells_it_in_words(said: Statement) -> None:
    message = build_message(said)
    assert structure_fault(message.text) is None and "Polygenic score PGS000001 (breast carcinoma)" in message.text


def test_a_statement_with_scores_is_read_as_it_was_written(said: Statement, tmp_path: Path) -> None:
    write_statement(said, tmp_path / "s.json")
    assert read_statement(tmp_path / "s.json") == said


def test_another_sum_amends_the_report_and_is_named(said: Statement, tmp_path: Path) -> None:
    other = StatedRisk("PGS000001", "breast carcinoma", 1.25, 76, 77)
    after = statement(tmp_path / "b", variant("AVP"), risks=[other, UNKNOWN])
    assert after.digest != said.digest
    (told,) = changes(said, after)
    assert told == f"Polygenic score PGS000001: was {TOLD.sentence}; is {other.sentence}."
