r"""The structure of a message of HL7 v2.5.1: order of segments, fields, repetitions, components and data types.

HL7's own tables of the version are those that ``hl7apy`` carries, and a value of a primitive type is judged by
``hl7apy``'s reader of that type. The walk over them is ours: ``hl7apy`` builds an object for each component, and asks
for its tables again by each (1.4 s for a message of twenty findings, where this takes some hundredths). That both say
the same is held by the tests, message by message and fault by fault.

>>> field_fault("20261122100000+0000", "TS"), field_fault("yesterday", "TS")
(None, 'TS_1: no DTM')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

VERSION = "2.5.1"
_ANY = -1
"""A cardinality without an upper end."""
_VARIES = "varies"
_DELIMITERS = ("MSH_1", "MSH_2")
"""Fields that say what parts the others."""


@dataclass(frozen=True)
class _Part:
    """A part of a segment, a group or a data type.

    Attributes:
        name: as HL7 numbers it, such as ``OBX_5`` or ``CE_1``; of a segment or a group its own.
        least: how often it must be there.
        most: how often it may be there, or -1.
        kind: data type of a field or a component; empty of a segment or a group.
        parts: of a group, in their order.
    """

    name: str
    least: int
    most: int
    kind: str = ""
    parts: tuple[_Part, ...] = ()


def order_fault(names: Sequence[str], structure: str) -> str | None:
    """What is wrong with the order of a message's segments, absent where nothing is.

    Args:
        names: of the segments, three letters each.
        structure: of the message, such as ``ORU_R01``.
    """
    from hl7apy.v2_5_1 import ELEMENTS

    if structure not in ELEMENTS["Message"]:
        return f"{structure} is no message"
    if any(name not in ELEMENTS["Segment"] for name in names):
        return "one is none of the version"
    reached, fault = _follow(names, 0, _message(structure))
    if fault is None and reached < len(names):
        fault = f"{names[reached]}, segment {reached + 1}, has no place"
    return fault


def _follow(names: Sequence[str], at: int, parts: tuple[_Part, ...]) -> tuple[int, str | None]:
    """Take the segments that a group has, from one on: the segment after them, and what is wrong."""
    for part in parts:
        times = 0
        while at < len(names) and _begins(names[at], part) and (part.most == _ANY or times < part.most):
            times += 1
            if not part.parts:
                at += 1
                continue
            at, fault = _follow(names, at, part.parts)
            if fault is not None:
                return at, fault
        if times < part.least:
            return at, f"{part.name} is missing"
    return at, None


def _begins(name: str, part: _Part) -> bool:
    """Whether a segment is the first of what is there of a part."""
    if not part.parts:
        return name == part.name
    return name in _firsts(part)


@cache
def _firsts(part: _Part) -> frozenset[str]:
    """The segments that a group may begin with."""
    found: set[str] = set()
    for one in part.parts:
        found |= _firsts(one) if one.parts else {one.name}
        if one.least:
            break
    return frozenset(found)


def segment_fault(fields: Sequence[str], varying: str | None = None) -> str | None:
    """What is wrong with a segment's fields, absent where nothing is.

    Args:
        fields: its name and its fields from 1 on; of MSH the first is the delimiter.
        varying: data type of the field whose type another one names (OBX-5 by OBX-2).
    """
    parts = _segment(fields[0])
    if len(fields) - 1 > len(parts) and any(fields[len(parts) + 1 :]):
        return f"{fields[0]} has {len(parts)} fields"
    for number, part in enumerate(parts, start=1):
        value = fields[number] if number < len(fields) else ""
        times = _times(value, part)
        if len(times) < part.least:
            return f"{part.name} is missing"
        if part.most != _ANY and len(times) > part.most:
            return f"{part.name} stands {len(times)} times"
        kind = (varying or "") if part.kind == _VARIES else part.kind
        fault = next((fault for one in times if (fault := _time_fault(one, part, kind))), None)
        if fault:
            return fault
    return None


def _times(value: str, part: _Part) -> list[str]:
    """A field's repetitions."""
    if not value:
        return []
    return [value] if part.name in _DELIMITERS else value.split("~")


def _time_fault(value: str, part: _Part, kind: str) -> str | None:
    if part.name in _DELIMITERS or not value:
        return None
    fault = field_fault(value, kind)
    return f"{part.name}: {fault}" if fault else None


def field_fault(value: str, kind: str) -> str | None:
    """What is wrong with one repetition of a field of a data type, absent where nothing is; it repeats no value."""
    return _fault(value, kind, "^&")


def _fault(value: str, kind: str, delimiters: str) -> str | None:
    """Of a value that is parted by the first of the delimiters, its parts by the others."""
    if _is_primitive(kind):
        if any(one in value for one in "^&"):
            return f"{kind} has no components"
        return None if _reads(value, kind) else f"no {kind}"
    parts = _type(kind)
    if parts is None:
        return f"{kind} is no data type"
    if not delimiters:
        return f"{kind} within a component's part"
    values = value.split(delimiters[0])
    if len(values) > len(parts) and any(values[len(parts) :]):
        return f"{kind} has {len(parts)} parts"
    return next(_part_faults(values, parts, delimiters[1:]), None)


def _part_faults(values: Sequence[str], parts: Sequence[_Part], delimiters: str) -> Iterator[str]:
    for number, part in enumerate(parts):
        value = values[number] if number < len(values) else ""
        if not value and part.least:
            yield f"{part.name} is missing"
        if value and (fault := _fault(value, part.kind, delimiters)):
            yield f"{part.name}: {fault}"


def _reads(value: str, kind: str) -> bool:
    """Whether ``hl7apy`` reads a value as a primitive type."""
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.exceptions import HL7apyException
    from hl7apy.factories import datatype_factory

    try:
        datatype_factory(kind, value, VERSION, VALIDATION_LEVEL.STRICT)
    except (HL7apyException, ValueError):
        return False
    return True


@cache
def _is_primitive(kind: str) -> bool:
    from hl7apy.v2_5_1 import is_base_datatype

    return bool(is_base_datatype(kind))


@cache
def _message(structure: str) -> tuple[_Part, ...]:
    from hl7apy.v2_5_1 import ELEMENTS

    return _parts(ELEMENTS["Message"][structure][1], ELEMENTS["Group"])


def _parts(references: Sequence[Any], groups: Mapping[str, Any]) -> tuple[_Part, ...]:
    """Segments and groups of a message or a group; a group's own parts are looked up by its name."""
    return tuple(
        _Part(name, times[0], times[1], parts=_parts(groups[name][1], groups) if what == "GRP" else ())
        for name, _, times, what in references
    )


@cache
def _segment(name: str) -> tuple[_Part, ...]:
    from hl7apy.v2_5_1 import ELEMENTS

    return tuple(
        _Part(field, times[0], times[1], kind=told[2]) for field, told, times, _ in ELEMENTS["Segment"][name][1]
    )


@cache
def _type(kind: str) -> tuple[_Part, ...] | None:
    from hl7apy.v2_5_1 import ELEMENTS

    if kind not in ELEMENTS["Datatypes_Structs"]:
        return None
    return tuple(
        _Part(part, times[0], times[1], kind=told[2]) for part, told, times, _ in ELEMENTS["Datatypes_Structs"][kind]
    )
