"""Polygenic scores as RiskAssessments, in the form of the guide's own example: the guide has no profile for them.

No probability is told and no level of risk: a score alone says neither.
"""

from __future__ import annotations

from engine.fhir.actors import Actors
from engine.fhir.codes import JsonObject
from engine.fhir.resources import Entries
from engine.report.issue import Status
from engine.report.statement import Statement


def add_risks(
    entries: Entries, statement: Statement, status: Status, study: JsonObject, actors: Actors, issued: str
) -> list[JsonObject]:
    """Add each score that has a sum.

    Args:
        entries: of the bundle.
        statement: what is said.
        status: of the report.
        study: that the score rests on.
        actors: the patient among them.
        issued: ISO 8601 with time zone.
    """
    sample, added = statement.case.sample, []
    for risk in statement.risks:
        if risk.total is None:
            continue
        told: JsonObject = {
            "identifier": [entries.identifier("risk", f"{sample}-{risk.score_id}")],
            "status": status,
            "method": {"text": f"Polygenic score {risk.score_id} of the PGS Catalog"},
            "code": {"text": risk.score_id},
            "subject": actors.patient,
            "occurrenceDateTime": statement.case.collected or issued,
            "basis": [study],
            "prediction": [{"outcome": {"text": risk.trait}, "rationale": f"{risk.sentence}."}],
        }
        told |= {"basedOn": actors.order} if actors.order else {}
        added.append(entries.add("RiskAssessment", f"{sample}|{risk.score_id}", told))
    return added
