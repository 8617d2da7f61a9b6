"""The structure of a message: what our walk over HL7's tables says, ``hl7apy`` says too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.hl7v2.check import structure_fault
from engine.hl7v2.encoding import END
from engine.hl7v2.message import build_message
from engine.hl7v2.structure import field_fault, order_fault, segment_fault
from tests.builders.annotated import variant
from tests.builders.hl7apy_judge import hl7apy_fault
from tests.builders.statements import statement


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The first segment of each name, and of each type of value, of a message; it is a message itself."""
    text = build_message(statement(tmp_path_factory.mktemp("m"), variant("AVP"))).text
    kept: dict[tuple[str, str], str] = {}
    for line in text.split(END)[:-1]:
        kept.setdefault((line[:3], line.split("|")[2] if line.startswith("OBX") else ""), line)
    order = ["MSH", "PID", "ORC", "OBR", "NTE", "OBX", "SPM"]
    lines = sorted(kept.values(), key=lambda line: order.index(line[:3]))
    assert structure_fault(END.join(lines)) is None and hl7apy_fault(END.join(lines)) is None
    return lines


def spoilt(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Every field emptied, given other words, and said twice, or with a component or a subcomponent too many."""
    for at, line in enumerate(lines):
        fields = line.split("|")
        for number in range(2 if line.startswith("MSH") else 1, len(fields)):
            value = fields[number]
            kinds = {
                "emptied": "",
                "twice": f"{value}~{value}",
                "longer": value + "^" * 30 + "x",
                "deeper": value + "&x" * 30,
                "other": "?",
            }
            for what in ["emptied", "other", list(kinds)[1 + (at + number) % 3]] if value else ["other"]:
                new = kinds[what]
                yield (
                    f"{line[:3]}-{number} {what}",
                    [*lines[:at], "|".join([*fields[:number], new, *fields[number + 1 :]]), *lines[at + 1 :]],
                )
    for at in range(1, len(lines)):
        yield f"without {lines[at][:7]}", [*lines[:at], *lines[at + 1 :]]
        yield f"{lines[at][:7]} too early", [lines[0], lines[at], *lines[1:at], *lines[at + 1 :]]
        yield f"{lines[at][:7]} again", [*lines, lines[at]]


def test_whatever_is_spoilt_both_say_the_same(short: list[str]) -> None:
    differ = {}
    refused = 0
    for what, lines in spoilt(short):
        ours, theirs = (judge(END.join(lines)) for judge in (structure_fault, hl7apy_fault))
        refused += ours is not None
        if (ours is None) != (theirs is None):
            differ[what] = (ours, theirs)
    assert differ == {} and refused > 50


def test_faults_are_named_by_their_place() -> None:
    assert order_fault(["MSH", "PID", "OBX"], "ORU_R01") == "ORU_R01_ORDER_OBSERVATION is missing"
    # PID begins a second patient, who lacks it.
    assert order_fault(["MSH", "OBR", "PID"], "ORU_R01") == "ORU_R01_ORDER_OBSERVATION is missing"
    assert order_fault(["MSH", "OBR", "MSH"], "ORU_R01") == "MSH, segment 3, has no place"
    assert order_fault(["MSH"], "XYZ_Z01") == "XYZ_Z01 is no message"
    assert segment_fault(["OBX", "1", "NM", "", "", "1"], "NM") == "OBX_3 is missing"
    assert segment_fault(["OBX", "1", "NM", "a", "", "x", *[""] * 5, "F"], "NM") == "OBX_5: no NM"
    assert field_fault("1^2^3^4^5^6^7", "CE") == "CE has 6 parts"
    assert field_fault("A&B&C&D", "CX") is not None
