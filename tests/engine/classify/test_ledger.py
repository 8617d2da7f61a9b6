"""Ledgers of evidence: valid by GA4GH's own models, replayed to the class that was told, compared line by line."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.acmg.combination import combine
from engine.acmg.criteria import CODES, Criterion, Strength
from engine.classify.decision import Decision
from engine.classify.findings import Subject, select_reportable
from engine.classify.ledger import SUFFIX, criteria_of, differences, read_ledger, replayed, statements
from engine.errors import ClassificationError, VariantFileError
from engine.reference.bundle import ReferenceBundle
from tests.builders.pank2 import annotated, pank2_bundle
from tests.builders.people import person

va_spec = pytest.importorskip("ga4gh.va_spec.acmg_2015", reason="ga4gh.va-spec is not installed: make dev")
KNOWN = "3918695-G-A"
WEAKEST_LAST = [one for one in Strength if one is not Strength.STAND_ALONE]
STRENGTHS = {code: [Strength.STAND_ALONE] if code == "BA1" else WEAKEST_LAST for code in CODES}
"""GA4GH's model has no weaker BA1."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> ReferenceBundle:
    return pank2_bundle(tmp_path_factory.mktemp("pank2"))


def made(bundle: ReferenceBundle, folder: Path, *decisions: Decision) -> tuple[list[Any], list[Any]]:
    """Findings of a person with a known allele of PANK2, and the ledger beside them."""
    table = annotated(bundle, folder / "annotated", KNOWN)
    select_reportable(table, Subject(person(ordered_genes=("PANK2",)), decisions=decisions), bundle, folder, "S1")
    return pq.read_table(folder / "S1.findings.parquet").to_pylist(), read_ledger(folder / f"S1{SUFFIX}")


def row(*criteria: Criterion) -> dict[str, Any]:
    """A finding of which nothing but these criteria is known."""
    added = combine(criteria)
    return {
        "build": "GRCh38", "allele": "20-1-A-C", "gene": "G", "hgvs_c": None, "hgvs_g": None, "conditions": [],
        "acmg_class": str(added.by_points).lower().replace(" ", "_"), "acmg_points": added.points,
        "acmg_rule_set": "1", "decided_class": None,
        "acmg_criteria": [
            {"code": one.code, "strength": str(one.strength), "sentence": "x", "source": "ClinVar", "version": "1",
             "record": "7"} for one in criteria
        ],
    }  # fmt: skip


def test_the_ledger_beside_findings_is_valid_and_says_what_they_say(bundle: ReferenceBundle, tmp_path: Path) -> None:
    decided = Decision(
        "GRCh38", f"20-{KNOWN}", "pathogenic", ("PS3=M",), "Assayed.", "Dr A", "2026-11-28T08:00:00+00:00"
    )
    (finding,), told = made(bundle, tmp_path, decided)
    assert [one["id"].rpartition(":")[2] for one in told] == ["criteria", "decision"]
    for one in told:
        va_spec.VariantPathogenicityStatement(**one)
    assert replayed(told[0]).lower().replace(" ", "_") == finding["acmg_class"]
    assert [str(one) for one in criteria_of(told[1])] == ["PS3=M"]
    assert told[1]["contributions"][0]["contributor"]["name"] == "Dr A"
    assert told[1]["classification"]["primaryCoding"]["code"] == "pathogenic"


@given(st.dictionaries(st.sampled_from(CODES), st.integers(0, 3), min_size=1, max_size=6))
def test_whatever_is_met_is_valid_and_replayed_to_its_class(met: dict[str, int]) -> None:
    criteria = [Criterion(code, STRENGTHS[code][-1 - number % len(STRENGTHS[code])]) for code, number in met.items()]
    told = row(*criteria)
    (statement,) = statements([told])
    for line in statement["hasEvidenceLines"]:
        va_spec.VariantPathogenicityEvidenceLine(**line)
    assert criteria_of(statement) == tuple(criteria)
    assert replayed(statement).lower().replace(" ", "_") == told["acmg_class"]


def test_two_ledgers_are_compared_line_by_line() -> None:
    pvs1, pm2 = Criterion("PVS1", Strength.VERY_STRONG), Criterion("PM2", Strength.SUPPORTING)
    (before,), (after,) = statements([row(pvs1)]), statements([row(Criterion("PVS1", Strength.MODERATE), pm2)])
    assert differences(before, before) == ()
    assert differences(before, after) == (
        "likely pathogenic became uncertain significance",
        "PM2 not met became P",
        "PVS1 VS became M",
    )


def test_a_ledger_that_was_changed_no_longer_adds_up_to_its_class() -> None:
    (statement,) = statements([row(Criterion("PVS1", Strength.VERY_STRONG), Criterion("PM2", Strength.MODERATE))])
    assert replayed(statement) == "Pathogenic"
    del statement["hasEvidenceLines"][1]
    assert replayed(statement) == "Likely Pathogenic"
    statement["hasEvidenceLines"][0]["strengthOfEvidenceProvided"]["primaryCoding"]["code"] = "huge"
    with pytest.raises(ClassificationError, match="a line of evidence for PVS1 has the strength 'huge'"):
        replayed(statement)


@pytest.mark.parametrize("text", ["", "{}", '[{"type": "Line"}]', "[1]"])
def test_what_is_no_ledger_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(VariantFileError, match=r"ledger cannot be read|no list of statements"):
        read_ledger(tmp_path / "x.json")
