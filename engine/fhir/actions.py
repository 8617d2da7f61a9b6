"""What a report proposes to do next, as Tasks that the hospital's own system may take up."""

from __future__ import annotations

from collections.abc import Mapping

from engine.fhir.actors import Actors
from engine.fhir.codes import NEXT_STEP, JsonObject
from engine.fhir.resources import Entries
from engine.report.statement import Statement


def add_actions(
    entries: Entries, statement: Statement, meanings: Mapping[str, JsonObject], actors: Actors, issued: str
) -> list[JsonObject]:
    """Add a proposal for each next step.

    Args:
        entries: of the bundle.
        statement: what is said.
        meanings: by finding or pharmacogene, the Observation that says what it means.
        actors: patient and laboratory among them.
        issued: ISO 8601 with time zone.
    """
    added = []
    for number, step in enumerate(statement.next_steps):
        task: JsonObject = {
            "identifier": [entries.identifier("next-step", f"{statement.case.sample}-{number + 1}")],
            "status": "requested",
            "intent": "proposal",
            "code": NEXT_STEP.get(step.kind, {"text": step.kind.replace("_", " ").capitalize()}),
            "description": step.text,
            "for": actors.patient,
            "authoredOn": issued,
            "requester": actors.laboratory,
        }
        reasons = [meanings[name] for name in step.reasons if name in meanings]
        task |= {"reasonReference": reasons[0]} if reasons else {}
        key = f"next step|{statement.case.sample}|{number}"
        added.append(entries.add("Task", key, task, profile="followup-recommendation"))
    return added
