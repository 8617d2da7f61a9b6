"""An entry of the audit log as FHIR R4 AuditEvent, after IHE's Basic Audit Log Patterns (BALP 1.1).

https://profiles.ihe.net/ITI/BALP. What was read is told by the profile ``PatientRead``, or ``Read`` where it is of no
case: client, server and user, the patient by pseudonym, and what of the portal. BALP has profiles for what succeeded
alone; a denial, a sign-in and whatever changes anything are AuditEvents that claim none.
"""

from __future__ import annotations

from typing import Any

from portal.clinic import trail
from portal.clinic.rights import Action
from resources.audit import AuditEntry

_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_OBJECT = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_LOGINS = {trail.ENTERED: ("110122", "Login"), trail.LEFT: ("110123", "Logout")}
_FAILED = "4"
"""Outcome of what was refused (minor failure)."""
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_PROFILES = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
_ADDRESS, _URI = "2", "5"
"""Kinds of a network's point (FHIR R4, network-type)."""


def audit_event(entry: AuditEntry, system: str) -> dict[str, Any]:
    """The resource.

    Args:
        entry: of the audit log.
        system: URI below which the laboratory's identifiers are unique.
    """
    event, details = entry.event, entry.event.details
    told: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"audit-{entry.number}",
        **_kind(entry),
        "recorded": entry.when,
        "outcome": _FAILED if event.what == trail.DENIED else "0",
        "agent": [*_client(entry), _server(entry, system), _user(entry)],
        "source": {"observer": {"display": "genomics"}, "site": system},
    }
    if reason := details.get("reason"):
        told["outcomeDesc"] = str(reason)
    if purpose := details.get("purpose"):
        told["purposeOfEvent"] = [{"coding": [_coding(_REASON, str(purpose))]}]
    if entities := _entities(entry, system):
        told["entity"] = entities
    return told


def _kind(entry: AuditEntry) -> dict[str, Any]:
    """Type, subtype and action, and the profile that the resource is of."""
    what = entry.event.what
    if login := _LOGINS.get(what):
        kind = _coding(_DICOM, "110114", "User Authentication")
        return {"type": kind, "subtype": [_coding(_DICOM, *login)], "action": "E"}
    rest = {"type": _coding(_TYPE, "rest", "RESTful Operation")}
    asked = entry.event.details
    # Reads are asked for by POST too, by htsget, which changes nothing.
    is_read = asked.get("method") == "GET" or asked.get("action") == Action.READS
    if what not in (trail.ACCESS, trail.DENIED) or not is_read:
        return rest | {"subtype": [{"display": what}], "action": "E"}
    read = rest | {"subtype": [_coding(_INTERACTION, "read", "read"), {"display": what}], "action": "R"}
    if what == trail.DENIED or not asked.get("address"):
        return read
    return {"meta": {"profile": [f"{_PROFILES}.{'PatientRead' if entry.event.sample else 'Read'}"]}} | read


def _client(entry: AuditEntry) -> list[dict[str, Any]]:
    """The browser or program that asked, by its visit; nothing of what was not asked over the network."""
    address, visit = (entry.event.details.get(name) for name in ("address", "visit"))
    if not address:
        return []
    return [
        {
            "type": {"coding": [_coding(_DICOM, "110152", "Destination Role ID")]},
            "who": {"display": f"visit {visit}" if visit else "browser"},
            "requestor": False,
            "network": {"address": str(address), "type": _ADDRESS},
        }
    ]


def _server(entry: AuditEntry, system: str) -> dict[str, Any]:
    return {
        "type": {"coding": [_coding(_DICOM, "110153", "Source Role ID")]},
        "who": {"display": entry.account or "genomics"},
        "requestor": False,
        "network": {"address": system, "type": _URI},
    }


def _user(entry: AuditEntry) -> dict[str, Any]:
    details = entry.event.details
    user: dict[str, Any] = {
        "type": {"coding": [_coding(_ROLE_CLASS, "IRCP", "information recipient")]},
        "who": {"display": entry.event.who},
        "name": entry.event.who,
        "requestor": True,
    }
    if role := details.get("role"):
        user["role"] = [{"text": str(role)}]
    if purpose := details.get("purpose"):
        user["purposeOfUse"] = [{"coding": [_coding(_REASON, str(purpose))]}]
    return user


def _entities(entry: AuditEntry, system: str) -> list[dict[str, Any]]:
    details = entry.event.details
    told: list[dict[str, Any]] = []
    if entry.event.sample:
        what = {"type": "Patient", "identifier": {"system": f"{system}/sample", "value": entry.event.sample}}
        told.append(
            {"what": what, "type": _coding(_OBJECT, "1", "Person"), "role": _coding(_OBJECT_ROLE, "1", "Patient")}
        )
    if route := details.get("route"):
        asked = " ".join(str(part) for part in (details.get("method"), route, details.get("detail")) if part)
        told.append(
            {
                "what": {"identifier": {"system": f"{system}/portal", "value": str(route)}},
                "type": _coding(_OBJECT, "2", "System Object"),
                "role": _coding(_OBJECT_ROLE, "4", "Domain Resource"),
                "name": asked,
            }
        )
    return told


def _coding(system: str, code: str, display: str = "") -> dict[str, str]:
    return {"system": system, "code": code} | ({"display": display} if display else {})
