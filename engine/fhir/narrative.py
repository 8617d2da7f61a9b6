"""What a resource says, for people: the narrative that a reader without our software is shown.

Made of the resource alone, so it says nothing that the resource does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from engine.fhir.codes import JsonObject

_XHTML = "http://www.w3.org/1999/xhtml"
_NOT_OF_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs that no XML may hold, escaped or not (XML 1.0, production 2): with one, a server refuses the whole bundle."""


def narrative(resource: JsonObject) -> JsonObject:
    """The narrative of a resource, made of what it says.

    >>> narrative({"resourceType": "Organization", "name": "Smith & Daughters"})["div"]
    '<div xmlns="http://www.w3.org/1999/xhtml"><p>Smith &amp; Daughters</p></div>'
    """
    told = _TOLD.get(resource["resourceType"], _kind)
    lines = "".join(f"<p>{_text(line)}</p>" for line in told(resource) if line.strip())
    return {"status": "generated", "div": f'<div xmlns="{_XHTML}">{lines}</div>'}


def _text(line: str) -> str:
    return escape(_NOT_OF_XML.sub("\N{REPLACEMENT CHARACTER}", line), quote=False)


def _kind(resource: JsonObject) -> Iterator[str]:
    yield resource["resourceType"]


def _basic(resource: JsonObject) -> Iterator[str]:
    yield _words(resource["code"])


def _patient(resource: JsonObject) -> Iterator[str]:
    named = [_name(one) for one in resource.get("name", [])] or [_number(resource)]
    yield ", ".join([*named, str(resource["gender"]), *([resource["birthDate"]] if "birthDate" in resource else [])])


def _practitioner(resource: JsonObject) -> Iterator[str]:
    yield from (_name(one) for one in resource["name"])


def _organization(resource: JsonObject) -> Iterator[str]:
    yield resource["name"]


def _specimen(resource: JsonObject) -> Iterator[str]:
    taken = resource.get("collection", {}).get("collectedDateTime")
    yield f"Specimen {_number(resource)}" + (f", taken {taken}" if taken else "")


def _order(resource: JsonObject) -> Iterator[str]:
    yield f"{_words(resource['code'])}, order {_number(resource)}"
    yield ", ".join(_words(one) for one in resource.get("reasonCode", []))


def _device(resource: JsonObject) -> Iterator[str]:
    names = [one["name"] for one in resource["deviceName"]]
    yield " ".join([*names, *(one["value"] for one in resource["version"])])


def _document(resource: JsonObject) -> Iterator[str]:
    yield f"{resource['description']}: {', '.join(one['attachment']['title'] for one in resource['content'])}"


def _procedure(resource: JsonObject) -> Iterator[str]:
    titles = [one["valueString"] for one in resource.get("extension", []) if "valueString" in one]
    yield ", ".join(titles) or _words(resource.get("code", {})) or "Procedure"


def _observation(resource: JsonObject) -> Iterator[str]:
    value = _value(resource)
    yield _words(resource["code"]) + (f": {value}" if value else "")
    parts = (f"{_words(one['code'])}: {_value(one)}" for one in resource.get("component", []))
    yield "; ".join(parts)
    yield from (one["text"] for one in resource.get("note", []))


def _report(resource: JsonObject) -> Iterator[str]:
    yield f"{_words(resource['code'])}, {resource['status']}, issued {resource['issued']}"
    yield resource["conclusion"]


def _risk(resource: JsonObject) -> Iterator[str]:
    yield from (one["rationale"] for one in resource["prediction"])


def _task(resource: JsonObject) -> Iterator[str]:
    yield _words(resource["code"])
    yield resource.get("description", "")


def _provenance(resource: JsonObject) -> Iterator[str]:
    used = [one["what"]["display"] for one in resource.get("entity", []) if "display" in one["what"]]
    yield f"How {len(resource['target']):,} resources were made, recorded {resource['recorded']}"
    yield "With " + ", ".join(used) if used else ""


_TOLD: dict[str, Callable[[JsonObject], Iterator[str]]] = {
    "Basic": _basic,
    "Patient": _patient,
    "Practitioner": _practitioner,
    "Organization": _organization,
    "Specimen": _specimen,
    "ServiceRequest": _order,
    "Device": _device,
    "DocumentReference": _document,
    "Procedure": _procedure,
    "Observation": _observation,
    "DiagnosticReport": _report,
    "RiskAssessment": _risk,
    "Task": _task,
    "Provenance": _provenance,
}


def _number(resource: JsonObject) -> str:
    return str(resource["identifier"][0]["value"])


def _name(name: JsonObject) -> str:
    return str(name.get("text") or " ".join([*name.get("given", []), name.get("family", "")])).strip()


def _value(told: JsonObject) -> str:
    """The value of an Observation or a component, in words."""
    value: Any = ""
    for key, one in told.items():
        if key.startswith("value"):
            value = one
            break
    if not isinstance(value, dict):
        return str(value)
    if "coding" in value or "text" in value:
        return _words(value)
    if "low" in value or "high" in value:
        ends = [str(value[end]["value"]) for end in ("low", "high") if end in value]
        return " to ".join(dict.fromkeys(ends))
    unit = value.get("unit", "")
    return f"{value.get('value', '')} {unit if unit != '1' else ''}".strip()


def _words(concept: JsonObject) -> str:
    """A CodeableConcept as a person reads it."""
    coded = [str(one.get("display") or one.get("code", "")) for one in concept.get("coding", ())]
    text = concept.get("text")
    if text and text not in coded:
        return str(text)
    return coded[0] if len(coded) == 1 else ", ".join(dict.fromkeys(coded))
