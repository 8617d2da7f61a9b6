"""What ``hl7apy`` itself says of a message, by its own walk over its own objects.

It takes what an OBX says for a string, whatever OBX-2 says of it; so each value is shown to it by itself, as the type
that OBX-2 names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hl7apy import load_reference
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import is_base_datatype
from hl7apy.exceptions import HL7apyException
from hl7apy.factories import datatype_factory
from hl7apy.parser import parse_field, parse_message

from engine.hl7v2.encoding import END
from engine.hl7v2.structure import VERSION

_KIND, _VALUE = 2, 5
_DOCUMENT = re.compile(r"(?<=\^Base64\^)[A-Za-z0-9+/]+={0,2}$")


def hl7apy_fault(message: str) -> str | None:
    """What is wrong with a message, absent where nothing is."""
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
