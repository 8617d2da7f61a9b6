"""Coded values as HL7 v2 writes them: the same codes as in the FHIR bundle, under the names of HL7's table 0396.

Source of the names: table 0396 as of HL7's package ``hl7.terminology.r4`` 7.0.1. A system that the table does not have
is named as a local one, ``99`` and its own name.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.fhir.codes import (
    CLINVAR,
    DBSNP,
    ENSEMBL,
    HGNC,
    HPO,
    LOINC,
    MONDO,
    OMIM,
    RXNORM,
    SEQUENCE_ONTOLOGY,
    UCUM,
    JsonObject,
)
from engine.hl7v2.encoding import Encoded, components, escape, repeated

LONGEST = 199
"""Characters of a string (ST) at most (v2.5.1, 2.A.74)."""

_NAMES = {
    LOINC: "LN",
    HGNC: "HGNC-Symb",
    CLINVAR: "CLINVAR-V",
    ENSEMBL: "ensembl-T",
    RXNORM: "RXNORM",
    UCUM: "UCUM",
    DBSNP: "99dbSNP",
    HPO: "99HPO",
    MONDO: "99MONDO",
    OMIM: "99OMIM",
    SEQUENCE_ONTOLOGY: "99SO",
}
_BY_OBSERVATION = {
    "48004-6": "HGVS.c",
    "48005-3": "HGVS.p",
    "81290-9": "HGVS.g",
    "48013-7": "refSeq-G",
    "51958-7": "refSeq-T",
}
"""Of systems that FHIR has once and HL7 v2 several times, as what they name."""


class Value(NamedTuple):
    """What an OBX says.

    Attributes:
        kind: OBX-2.
        text: OBX-5.
        unit: OBX-6.
    """

    kind: str
    text: Encoded
    unit: Encoded = Encoded("")


def coded(concept: JsonObject, observation: str = "") -> Encoded:
    """A CodeableConcept as CWE: its codings, at most two, and what was said where that is more.

    >>> coded({"coding": [{"system": LOINC, "code": "LA6706-1", "display": "Heterozygous"}]})
    'LA6706-1^Heterozygous^LN'
    >>> coded({"text": "risk factor"})
    '^^^^^^^^risk factor'
    """
    known = [one for one in concept.get("coding", []) if _system(one, observation)][:2]
    parts = [part for one in known for part in (one["code"], _display(one), _system(one, observation))]
    said = concept.get("text") or next((_display(one) for one in concept.get("coding", [])), "")
    original = said if said not in parts else ""
    return components(*parts, *[""] * (8 - len(parts)), original)


def observation_id(code: JsonObject) -> Encoded:
    """OBX-3 and OBR-4: what is observed."""
    return coded(code)


def value_of(components_: list[JsonObject], observation: str) -> Value:
    """The value of Observation components of one code; several are repetitions.

    A name or an allele that is longer than a coded value may be is told as text.
    """
    if "valueCodeableConcept" in components_[0]:
        concepts = [one["valueCodeableConcept"] for one in components_]
        values = [coded(one, observation) for one in concepts]
        if all(len(part) <= LONGEST for value in values for part in value.split("^")):
            return Value("CWE", repeated(*values))
        return Value("TX", repeated(*(words(one) for one in concepts)))
    (component,) = components_
    if "valueQuantity" in component:
        quantity = component["valueQuantity"]
        unit = components(quantity["code"], quantity["unit"], _NAMES[quantity["system"]])
        return Value("NM", number(quantity["value"]), Encoded("") if quantity["code"] == "1" else unit)
    if "valueRange" in component:
        ends = component["valueRange"]
        return Value("NR", components(*(number(ends[end]["value"]) for end in ("low", "high"))))
    return text(component["valueString"])


def text(said: str) -> Value:
    """A string, or a longer text."""
    value = escape(said)
    return Value("ST" if len(value) <= LONGEST else "TX", value)


def number(value: float) -> Encoded:
    """A number in at most 16 characters.

    >>> number(15), number(8 / 15), number(3_888_572)
    ('15', '0.533333', '3888572')
    """
    return escape(str(value) if isinstance(value, int) else f"{value:.6g}")


def words(concept: JsonObject) -> str:
    """A CodeableConcept as people read it."""
    return str(concept.get("text") or _display(concept["coding"][0]))


def _system(coding: JsonObject, observation: str) -> str | None:
    own = _NAMES.get(coding["system"])
    return own or _BY_OBSERVATION.get(observation)


def _display(coding: JsonObject) -> str:
    return str(coding.get("display") or coding["code"])
