"""Who sends, who receives, and whose report it is: the segments MSH and PID, and who performed the test."""

from __future__ import annotations

from dataclasses import dataclass

from engine.hl7v2.encoding import DELIMITERS, Encoded, components, escape, moment, repeated, segment, subcomponents
from engine.person import Identity, Sex
from engine.report.case import CaseFacts, Laboratory

APPLICATION = "genomics-assets"
GENOMICS_COMPONENT = components("LRI_CG_Component", "", "2.16.840.1.113883.9.195.3", "ISO")
"""The component of the guide Laboratory Results Interface (LRI) that says how genomic results are coded."""
_SEX = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.UNKNOWN: "U"}
_PSEUDONYM, _OFFICIAL = "S", "L"


@dataclass(frozen=True)
class Address:
    """Where a message goes.

    Attributes:
        application: MSH-5, as the hospital names it.
        facility: MSH-6, as the hospital names it.
        processing: ``P`` production, ``T`` training or ``D`` debugging.
    """

    application: str = ""
    facility: str = ""
    processing: str = "P"


def header(laboratory: Laboratory, address: Address, sent: str, control_id: str) -> str:
    """MSH of an unsolicited result.

    Args:
        laboratory: who sends.
        address: who receives.
        sent: ISO 8601 with time zone.
        control_id: at most 20 characters.
    """
    fields: dict[int, str | None] = {
        1: Encoded(DELIMITERS),
        2: escape(APPLICATION),
        3: authority(laboratory.system),
        4: address.application,
        5: address.facility,
        6: moment(sent),
        8: components("ORU", "R01", "ORU_R01"),
        9: control_id,
        10: address.processing,
        11: "2.5.1",
        17: "UNICODE UTF-8",
        20: GENOMICS_COMPONENT,
    }
    return segment("MSH", fields)


def authority(system: str, parts: bool = False) -> Encoded:
    """Who assigned an identifier, by URI or OID (HD); of a component its parts.

    >>> authority("urn:oid:1.2.3"), authority("https://mrn.example.org", parts=True)
    ('^1.2.3^ISO', '&https://mrn.example.org&URI')
    """
    oid = system.removeprefix("urn:oid:")
    join = subcomponents if parts else components
    return join("", oid, "URI" if oid == system else "ISO")


def entity(identifier: str | None, system: str = "", parts: bool = False) -> Encoded:
    """An identifier and who assigned it (EI); of a component its parts."""
    if not identifier:
        return Encoded("")
    oid = system.removeprefix("urn:oid:")
    kind = "" if not system else "URI" if oid == system else "ISO"
    return (subcomponents if parts else components)(identifier, "", oid, kind)


def patient(case: CaseFacts, identity: Identity | None) -> str:
    """PID: the hospital's number and name where people have said who it is, the laboratory's pseudonym always."""
    own = _number(case.person.subject_id, f"{case.laboratory.system}/subject", "PI")
    numbers = [own]
    if identity and identity.mrn:
        numbers.insert(0, _number(identity.mrn, identity.mrn_system, "MR"))
    fields: dict[int, str | None] = {1: "1", 3: repeated(*numbers), 5: _name(identity)}
    if identity and identity.birth_date:
        fields[7] = moment(identity.birth_date)
    return segment("PID", fields | {8: _SEX[case.person.sex]})


def _number(value: str, system: str | None, kind: str) -> Encoded:
    return components(value, "", "", authority(system, parts=True) if system else "", kind)


def _name(identity: Identity | None) -> Encoded:
    """Family and given names; a whole name alone stands in place of the family's."""
    if identity is None or not (identity.name or identity.family or identity.given):
        return components("", "", "", "", "", "", _PSEUDONYM)
    family = identity.family or ("" if identity.given else identity.name)
    first, *others = identity.given or ("",)
    return components(family, first, " ".join(others), "", "", "", _OFFICIAL)


def performer(laboratory: Laboratory) -> dict[int, str | None]:
    """OBX-23 and OBX-24: who performed the test, and where."""
    assigned = authority(laboratory.identifier_system, parts=True) if laboratory.identifier_system else ""
    kind = "XX" if laboratory.identifier else ""
    name = components(laboratory.name, "", "", "", "", assigned, kind, "", "", laboratory.identifier)
    return {23: name, 24: components(laboratory.address)}
