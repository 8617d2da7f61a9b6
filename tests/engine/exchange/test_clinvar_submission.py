"""A submission to ClinVar: what was decided and signed, once an allele, and nothing of anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.exchange.clinvar_submission import Signed, submission
from tests.builders.annotated import variant
from tests.builders.statements import statement


def decided(
    folder: Path,
    classification: str | None,
    at: str = "2026-11-20T08:00:00+00:00",
    *,
    subject: str = "P1",
    **changed: Any,
) -> Signed:
    (one,) = statement(folder, variant("PANK2", **changed)).findings
    word = {"decided_class": classification, "decided_at": at, "decided_comment": "of Ada Lovelace's family"}
    return Signed({**one.row, **word}, "GRCh37", subject)


def test_a_decision_is_a_record_in_clinvars_words(tmp_path: Path) -> None:
    told = submission([decided(tmp_path, "likely_pathogenic")])
    (record,) = told["germlineSubmission"]
    assert record["germlineClassification"] == {
        "germlineClassificationDescription": "Likely pathogenic",
        "dateLastEvaluated": "2026-11-20",
    }
    place = record["variantSet"]["variant"][0]["chromosomeCoordinates"]
    assert place == {"assembly": "GRCh37", "chromosome": "20", "start": 3_899_000, "stop": 3_899_000,
                     "referenceAllele": "C", "alternateAllele": "T"}  # fmt: skip
    (condition,) = record["conditionSet"]["condition"]
    assert condition["db"] in ("MONDO", "OMIM") and condition["id"]


def test_an_allele_of_two_persons_is_one_record_of_the_last_decision(tmp_path: Path) -> None:
    first = decided(tmp_path / "1", "likely_pathogenic")
    later = decided(tmp_path / "2", "pathogenic", "2026-11-25T08:00:00+00:00", subject="P2")
    again = decided(tmp_path / "3", "pathogenic", "2026-11-24T08:00:00+00:00", subject="P2")
    (record,) = submission([later, first, again])["germlineSubmission"]
    assert record["germlineClassification"]["germlineClassificationDescription"] == "Pathogenic"
    assert record["observedIn"][0]["numberOfIndividuals"] == 2


def test_what_nobody_decided_is_left_out_and_nobody_is_named(tmp_path: Path) -> None:
    both = [decided(tmp_path / "1", None), decided(tmp_path / "2", "benign", position=3_900_000)]
    text = json.dumps(submission(both))
    assert text.count("localID") == 1 and "Lovelace" not in text and "S1" not in text and "P1" not in text
