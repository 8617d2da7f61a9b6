"""Judging a message before it leaves: its structure, segments, fields and data types are those of HL7 v2.5.1.

How a message is made is nothing to the judge: it reads the text anew (:mod:`engine.hl7v2.structure`).
"""

from __future__ import annotations

import re

from engine.errors import ReportError
from engine.hl7v2.encoding import END
from engine.hl7v2.message import Message
from engine.hl7v2.structure import VERSION, order_fault, segment_fault

_KIND, _VALUE = 2, 5
_STRUCTURE = "ORU_R01"
_TYPE = f"ORU^R01^{_STRUCTURE}"
_AT_TYPE, _AT_VERSION = 9, 12
"""Fields of MSH."""
_DOCUMENT = re.compile(r"(?<=\^Base64\^)[A-Za-z0-9+/]+={0,2}$")
"""The data of an encapsulated document, which is as long as the document is."""


def require_structure(message: Message, sample: str) -> None:
    """Refuse a message that is no ORU^R01.

    Raises:
        ReportError: it names the fault; values are not repeated, which may name the person.
    """
    if fault := structure_fault(message.text):
        raise ReportError(
            f"the HL7 message does not follow ORU^R01 of version {VERSION}: {fault}",
            sample=sample,
            remedy="keep the statement and report this: the message was not sent",
        )


def structure_fault(message: str) -> str | None:
    """What is wrong with a message, absent where nothing is."""
    segments = [_fields(line) for line in message.split(END) if line]
    head = [*segments[0], *[""] * _AT_VERSION] if segments else [""] * (_AT_VERSION + 1)
    if head[0] != "MSH" or head[_AT_TYPE] != _TYPE or head[_AT_VERSION] != VERSION:
        return f"its head does not say {_TYPE}, {VERSION}"
    if fault := order_fault([fields[0] for fields in segments], _STRUCTURE):
        return f"its segments: {fault}"
    for number, fields in enumerate(segments, start=1):
        if fault := _segment_fault(fields):
            return f"segment {number}: {fault}"
    return None


def _fields(line: str) -> list[str]:
    """Of MSH the delimiter is its first field."""
    name, *fields = line.split("|")
    return [name, "|", *fields] if name == "MSH" else [name, *fields]


def _segment_fault(fields: list[str]) -> str | None:
    """What an OBX says is judged as the type that it names."""
    if fields[0] != "OBX" or len(fields) <= _VALUE:
        return segment_fault(fields)
    told = [*fields[:_VALUE], _DOCUMENT.sub("data", fields[_VALUE]), *fields[_VALUE + 1 :]]
    return segment_fault(told, fields[_KIND])
