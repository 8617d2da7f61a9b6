"""The dossier: a gene is negative only where it was asked about, seen as a whole, and nothing in it awaits anybody."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from engine.classify.further import Further, FurtherFinding
from engine.errors import ReportError
from engine.person import Sex
from engine.report.cancer_dossier import gene_states, sex_of, statements, told_standing
from engine.report.canrisk import GENES
from engine.report.case import Gene
from engine.report.exon_coverage import ExonCoverage
from engine.risk.distribution import Distribution
from engine.risk.knowledge import Population
from engine.risk.sample import ToldScore
from engine.risk.score import SampleScore
from tests.builders.annotated import variant
from tests.builders.statements import REGIONS, statement

WHOLE = replace(REGIONS, studied=(), uncalled=())


def result(folder: Path, *rows: dict[str, Any], gene: str = "BRCA2", **facts: Any) -> tuple[str, str]:
    asked = {"ordered_genes": GENES, "regions": WHOLE, **facts}
    states = gene_states(statement(folder, *rows, **asked), [])
    return next((one.result, one.why_not) for one in states if one.gene == gene)


def test_what_is_found_and_what_is_not(tmp_path: Path) -> None:
    assert result(tmp_path / "a", variant("BRCA2")) == ("S:P", "")
    assert result(tmp_path / "b", variant("BRCA1")) == ("S:N", "")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"ordered_genes": ("BRCA1",)}, "the gene was not asked about"),
        ({"regions": replace(WHOLE, uncalled=(Gene("BRCA2"),))}, "parts of the gene could not be called"),
        ({"regions": replace(WHOLE, studied=(Gene("BRCA1"),))}, "the gene does not lie within the regions studied"),
        ({"ordered_genes": ()}, "without consent to them"),
        (
            {"further": Further(findings=(FurtherFinding("k", "structural variant", ("BRCA2",), "h", "s"),))},
            "a person decides",
        ),
    ],
)
def test_what_was_not_seen_or_not_decided_is_not_negative(tmp_path: Path, facts: dict[str, Any], why: str) -> None:
    told, said = result(tmp_path, **facts)
    assert told == "0:0" and why in said


def test_a_call_that_failed_a_filter_has_to_be_confirmed_first(tmp_path: Path) -> None:
    told, why = result(tmp_path, variant("BRCA2", filter="AltBias"))
    assert told == "0:0" and "confirmed" in why


def test_the_statements_tell_what_was_tested_and_that_no_risk_is_told(tmp_path: Path) -> None:
    said = statement(tmp_path, ordered_genes=("BRCA1",), regions=WHOLE)
    exon = ExonCoverage("BRCA1", "T1", 1, "17", 1, 100, 100, 100, 0, 0, 3)
    states = gene_states(said, [exon])
    assert next(one.line for one in states if one.gene == "BRCA1").endswith("97 of 100 bases called")
    told = " ".join(statements(said, states, []))
    assert "Tested: BRCA1," in told and "not to be taken for negative: BRCA2" in told
    for words in ("rules out neither", "overall risk", "no substitute for visits", "has not been measured"):
        assert words in told
    with pytest.raises(ReportError, match="nobody stated"):
        sex_of(statement(tmp_path / "u", sex=Sex.UNKNOWN))


def scores(folder: Path, total: float | None = 1.5, alpha: float | None = 0.4) -> Path:
    population = Population("Europeans", Distribution(1.0, 0.25, alpha))
    told = ToldScore(SampleScore("S1", "PGS000001", total, 70, 77), "breast cancer", 0, 0, population)
    path = folder / "S1.polygenic_scores.json"
    path.write_text(json.dumps([asdict(told)]))
    return path


def test_a_score_is_told_by_its_own_distribution(tmp_path: Path) -> None:
    told = told_standing(scores(tmp_path), "BC", "PGS000001")
    assert told.line == "polygenic score PGS000001 (BC): z 2.00, alpha 0.4, beside Europeans"


@pytest.mark.parametrize(
    ("facts", "name", "problem"),
    [({}, "PGS9", "not computed"), ({"total": None}, "PGS000001", "no sum"), ({"alpha": None}, "PGS000001", "alpha")],
)
def test_a_score_without_sum_or_alpha_is_refused(
    tmp_path: Path, facts: dict[str, Any], name: str, problem: str
) -> None:
    with pytest.raises(ReportError, match=problem):
        told_standing(scores(tmp_path, **facts), "BC", name)
