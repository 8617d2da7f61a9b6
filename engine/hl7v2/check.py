"""Judging a message before it leaves: its structure, segments, fields and data types are those of HL7 v2.5.1.

The judge is ``hl7apy``, which knows HL7's own tables of the version and nothing of how the message was written. It
takes what an OBX says for a string, whatever OBX-2 says of it; so each value is shown to it by itself, as the type that
OBX-2 names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.errors import ReportError
from engine.hl7v2.encoding import END
from engine.hl7v2.message import Message

VERSION = "2.5.1"
_KIND, _VALUE = 2, 5
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
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.exceptions import HL7apyException
    from hl7apy.parser import parse_message

    lines = [line.split("|") for line in message.split(END) if line]
    values = [fields for fields in lines if fields[0] == "OBX" and len(fields) > _VALUE and fields[_VALUE]]
    said = END.join("|".join(_without_value(fields)) for fields in lines)
    where = "its segments"
    try:
        parsed = parse_message(said, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
        parsed.validate()
        if _segments(parsed.to_er7()) != _segments(said):
            return f"{where}: some have no place"
        for fields in values:
            where = f"OBX of {fields[3]}, {fields[_KIND]}"
            _check_value(fields[_KIND], fields[_VALUE])
    except (HL7apyException, ValueError, AttributeError, KeyError, IndexError) as error:
        return f"{where}: {type(error).__name__}"
    return None


def _segments(message: str) -> list[str]:
    return [line[:3] for line in message.split(END) if line]


def _without_value(fields: list[str]) -> Iterator[str]:
    is_observation = fields[0] == "OBX"
    for number, field in enumerate(fields):
        yield "" if is_observation and number == _VALUE else field


def _check_value(kind: str, value: str) -> None:
    from hl7apy import load_reference
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.core import is_base_datatype
    from hl7apy.factories import datatype_factory
    from hl7apy.parser import parse_field

    strict = VALIDATION_LEVEL.STRICT
    for one in value.split("~"):
        if is_base_datatype(kind, VERSION):
            if "^" in one or "&" in one:
                raise ValueError(f"{kind} has no components")
            datatype_factory(kind, one, VERSION, strict)
            continue
        parts = load_reference(kind, "Datatypes_Structs", VERSION)
        reference = ("sequence", parts, kind, None, None, -1)
        field = parse_field(_DOCUMENT.sub("data", one), "OBX_5", VERSION, None, strict, reference)
        field.validate()
