"""Who and what a report is about: patient, specimen, order, laboratory and signing clinician."""

from __future__ import annotations

from dataclasses import dataclass

from engine.fhir.codes import HPO, IDENTIFIER_TYPE, JsonObject, concept
from engine.fhir.resources import Entries
from engine.person import Identity
from engine.report.case import CaseFacts, Laboratory
from engine.report.issue import SignOut
from engine.report.statement import Statement


@dataclass(frozen=True)
class Actors:
    """References to the resources every other one leans on.

    Attributes:
        patient: always there.
        specimen: always there.
        laboratory: always there.
        order: absent where the sample was not ordered.
        interpreter: absent while nobody has signed.
    """

    patient: JsonObject
    specimen: JsonObject
    laboratory: JsonObject
    order: JsonObject | None
    interpreter: JsonObject | None


def add_actors(entries: Entries, statement: Statement, signature: SignOut | None, identity: Identity | None) -> Actors:
    """Add them to the bundle."""
    case = statement.case
    patient = _add_patient(entries, case, identity)
    laboratory = entries.add("Organization", "laboratory", _laboratory(entries, case.laboratory))
    specimen = {"identifier": [entries.identifier("sample", case.sample)], "status": "available", "subject": patient}
    if case.written:
        specimen["accessionIdentifier"] = entries.identifier("accession", case.written)
    if case.collected:
        specimen["collection"] = {"collectedDateTime": case.collected}
    return Actors(
        patient=patient,
        specimen=entries.add("Specimen", case.sample, specimen),
        laboratory=laboratory,
        order=_add_order(entries, statement, patient) if case.person.order_id else None,
        interpreter=_add_interpreter(entries, signature) if signature else None,
    )


def _laboratory(entries: Entries, told: Laboratory) -> JsonObject:
    numbers = [{"system": told.identifier_system, "value": told.identifier}] if told.identifier else []
    organization: JsonObject = {
        "identifier": [entries.identifier("organization", "laboratory"), *numbers],
        "name": told.name,
    }
    reached = {"phone": told.phone, "email": told.email}
    telecom = [{"system": system, "value": value} for system, value in reached.items() if value]
    organization |= {"telecom": telecom} if telecom else {}
    return organization | ({"address": [{"text": told.address}]} if told.address else {})


def _add_patient(entries: Entries, case: CaseFacts, identity: Identity | None) -> JsonObject:
    person = case.person
    patient: JsonObject = {"identifier": [entries.identifier("subject", person.subject_id)], "gender": person.sex}
    if identity:
        known = {"text": identity.name, "family": identity.family, "given": list(identity.given)}
        name = {part: value for part, value in known.items() if value}
        patient |= {"name": [name]} if name else {}
        patient |= {"birthDate": identity.birth_date} if identity.birth_date else {}
        if identity.mrn:
            patient["identifier"].append(_record_number(identity))
    return entries.add("Patient", person.subject_id, patient)


def _record_number(identity: Identity) -> JsonObject:
    """The hospital's number of the person, by which its systems match the patient."""
    number: JsonObject = {"use": "usual", "type": concept(IDENTIFIER_TYPE, "MR", "Medical record number")}
    number |= {"system": identity.mrn_system} if identity.mrn_system else {}
    return number | {"value": identity.mrn}


def signs(statement: Statement) -> list[JsonObject]:
    """The signs that the order states, each by its code and, where it is known, its name."""
    return [concept(HPO, term, statement.signs.get(term)) for term in statement.case.person.phenotype]


def _add_order(entries: Entries, statement: Statement, patient: JsonObject) -> JsonObject:
    case = statement.case
    order: JsonObject = {
        "identifier": [entries.identifier("order", case.person.order_id or "")],
        "status": "active",
        "intent": "order",
        "code": {"text": "Germline sequencing"},
        "subject": patient,
    }
    if case.person.phenotype:
        order["reasonCode"] = signs(statement)
    return entries.add("ServiceRequest", case.person.order_id or "", order)


def _add_interpreter(entries: Entries, signature: SignOut) -> JsonObject:
    person = signature.person
    return entries.add(
        "Practitioner",
        person,
        {"identifier": [entries.identifier("practitioner", person)], "name": [{"text": person}]},
    )
