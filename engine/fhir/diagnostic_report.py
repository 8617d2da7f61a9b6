"""The report itself: what was found or not found, on what evidence, and what it cannot say."""

from __future__ import annotations

from engine.fhir.actors import Actors
from engine.fhir.codes import (
    ANNOTATION_TYPE,
    GENETICS,
    INCONCLUSIVE,
    NEGATIVE,
    POSITIVE,
    PROFILE,
    REPORT,
    JsonObject,
    concept,
    extension,
    named,
)
from engine.fhir.resources import Entries
from engine.report.issue import Status
from engine.report.statement import Outcome, Statement

OUTCOME = {Outcome.POSITIVE: POSITIVE, Outcome.NEGATIVE: NEGATIVE, Outcome.INCONCLUSIVE: INCONCLUSIVE}
"""LOINC's answer by the result in one word."""


def add_report(
    entries: Entries,
    statement: Statement,
    status: Status,
    amendment: str | None,
    results: list[JsonObject],
    actions: list[JsonObject],
    risks: list[JsonObject],
    study: JsonObject,
    actors: Actors,
    issued: str,
    page: JsonObject | None = None,
) -> JsonObject:
    """Add the DiagnosticReport, with the page that people read where there is one."""
    case = statement.case
    report: JsonObject = {
        "extension": [
            extension("genomic-study-reference", valueReference=study),
            *(extension("recommended-action", valueReference=action) for action in actions),
            *(extension("genomic-risk-assessment", valueReference=risk) for risk in risks),
            _note("test-methodology", statement.methods),
            _note("test-disclaimer", " ".join(statement.limits)),
            *(_note("test-disclaimer", words) for words in statement.failed_checks),
            *([_note("amendment", amendment)] if amendment else []),
        ],
        "identifier": [entries.identifier("report", case.sample)],
        "status": status,
        "category": [GENETICS],
        "code": named(REPORT),
        "subject": actors.patient,
        "effectiveDateTime": case.collected or issued,
        "issued": issued,
        "performer": [actors.laboratory],
        "specimen": [actors.specimen],
        "conclusion": " ".join(statement.conclusion),
        "conclusionCode": [OUTCOME[statement.outcome]],
    }
    if actors.order:
        report["basedOn"] = [actors.order]
    if actors.interpreter:
        report["resultsInterpreter"] = [actors.interpreter]
    if results:
        report["result"] = results
    if page:
        report["presentedForm"] = [page]
    return entries.add("DiagnosticReport", case.sample, report, profile="genomic-report")


def _note(kind: str, text: str) -> JsonObject:
    code = {"text": "Amendment"} if kind == "amendment" else concept(ANNOTATION_TYPE, kind)
    annotation = {"extension": [{"url": PROFILE + "annotation-code", "valueCodeableConcept": code}], "text": text}
    return extension("genomic-report-note", valueAnnotation=annotation)
