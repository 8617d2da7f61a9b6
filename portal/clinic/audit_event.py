"""An entry of the audit log as FHIR R4 AuditEvent, after IHE's Basic Audit Log Patterns (BALP 1.1).

https://profiles.ihe.net/ITI/BALP: a read of a patient's data names client, server and user, the patient by pseudonym,
and the request.
"""

from __future__ import annotations

from typing import Any

from portal.clinic import trail
from resources.audit import AuditEntry

_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_OBJECT = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_LOGINS = {trail.ENTERED: ("110122", "Login"), trail.LEFT: ("110123", "Logout")}
_FAILED = "8"
"""Outcome of what was refused (minor failure)."""


def audit_event(entry: AuditEntry, system: str) -> dict[str, Any]:
    """The resource.

    Args:
        entry: of the audit log.
        system: URI below which the laboratory's identifiers are unique.
    """
    event, details = entry.event, entry.event.details
    login = _LOGINS.get(event.what)
    told: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"audit-{entry.number}",
        "type": _coding(_DICOM, "110114", "User Authentication")
        if login
        else _coding(_TYPE, "rest", "RESTful Operation"),
        "subtype": [_coding(_DICOM, *login) if login else {"display": event.what}],
        "action": _action(entry),
        "recorded": entry.when,
        "outcome": _FAILED if event.what == trail.DENIED else "0",
        "agent": [_user(entry), _server(entry)],
        "source": {"observer": {"display": "genomics"}, "site": system},
    }
    if reason := details.get("reason"):
        told["outcomeDesc"] = str(reason)
    if purpose := details.get("purpose"):
        told["purposeOfEvent"] = [{"coding": [_coding(_REASON, str(purpose))]}]
    if entities := _entities(entry, system):
        told["entity"] = entities
    return told


def _action(entry: AuditEntry) -> str:
    """Read, or execute what changes something or signs in."""
    reads = entry.event.what in (trail.ACCESS, trail.DENIED) and entry.event.details.get("method") == "GET"
    return "R" if reads else "E"


def _user(entry: AuditEntry) -> dict[str, Any]:
    details = entry.event.details
    user: dict[str, Any] = {
        "type": {"coding": [_coding(_ROLE_CLASS, "IRCP", "information recipient")]},
        "who": {"display": entry.event.who},
        "requestor": True,
    }
    if role := details.get("role"):
        user["role"] = [{"text": str(role)}]
    if address := details.get("address"):
        user["network"] = {"address": str(address), "type": "2"}
    return user


def _server(entry: AuditEntry) -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(_DICOM, "110152", "Destination Role ID")]},
        "who": {"display": entry.account or "genomics"},
        "requestor": False,
    }


def _entities(entry: AuditEntry, system: str) -> list[dict[str, Any]]:
    details = entry.event.details
    told: list[dict[str, Any]] = []
    if entry.event.sample:
        what = {"identifier": {"system": f"{system}/sample", "value": entry.event.sample}}
        told.append(
            {"what": what, "type": _coding(_OBJECT, "1", "Person"), "role": _coding(_OBJECT_ROLE, "1", "Patient")}
        )
    if route := details.get("route"):
        asked = " ".join(str(part) for part in (details.get("method"), route, details.get("detail")) if part)
        told.append({"type": _coding(_OBJECT, "2", "System Object"), "name": asked})
    return told


def _coding(system: str, code: str, display: str = "") -> dict[str, str]:
    return {"system": system, "code": code} | ({"display": display} if display else {})
