"""Every constraint of every structure of HL7's guide: what breaks it is refused by its element's name."""

import json
import lzma
from collections import Counter

import pytest

from engine.fhir.validation.definitions import DEFINITIONS
from engine.fhir.validation.validator import Validator
from tests.builders.constraints import constraints, elements

GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/"
VALIDATOR = Validator()
KNOWN = VALIDATOR.known
STRUCTURES = KNOWN.urls(GUIDE)
KINDS = {"minimum", "maximum", "forbidden", "fixed", "codes", "type", "target"}


def errors(resource: dict) -> set[tuple[str, str]]:
    return {(one.element, one.message) for one in VALIDATOR.resource(resource) if one.severity == "error"}


def is_of_the_place(message: str) -> bool:
    """Whether an extension stands where it may not: they are all judged on a Patient here."""
    return "may stand on" in message


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda url: url.rpartition("/")[2])
def test_what_breaks_a_constraint_is_refused_by_the_name_of_its_element(structure: str) -> None:
    for one in constraints(KNOWN, structure):
        kept = errors(one.kept)
        assert {error for error in kept if not is_of_the_place(error[1])} == set(), one.name
        new = errors(one.broken) - kept
        assert any(one.is_named_by(place) for place, _ in new), f"{one.name}: {new}"


def test_every_kind_of_constraint_is_broken() -> None:
    kinds = Counter(one.kind for structure in STRUCTURES for one in constraints(KNOWN, structure))
    assert set(kinds) == KINDS and sum(kinds.values()) > 700


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda url: url.rpartition("/")[2])
def test_no_element_of_a_snapshot_is_left_out(structure: str) -> None:
    """The snapshot as the file has it, read without our trees: below what is forbidden nothing can be said."""
    told = json.loads(lzma.decompress(DEFINITIONS.read_bytes()))["structures"][structure]["elements"]
    forbidden = [one["id"] for one in told if one.get("max") == 0]
    expected = {one["id"] for one in told[1:] if not any(one["id"].startswith((f"{x}.", f"{x}:")) for x in forbidden)}
    assert expected - set(elements(KNOWN, structure)) == set()
