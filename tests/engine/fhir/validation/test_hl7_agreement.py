"""Our validator beside HL7's own (``make hapi``): that accepts what we send, and refuses what we refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.fhir.check import faults
from engine.fhir.validation.validator import Validator
from engine.person import Identity
from tests.builders.guide import follow_the_guide, guide_examples
from tests.builders.hl7_validator import Message, is_installed, judge, ours
from tests.builders.mutants import mutants
from tests.builders.report_bundle import report_bundle

JsonObject = dict[str, Any]
EVERY = 97
"""Of so many mutants of the guide's examples one is judged here."""
OURS_ALONE = {"reference target", "unknown extension"}
"""What HL7's validator does not refuse: it does not see where a reference leads, and was told to let extensions be."""
SYSTEMS = {
    "urn:oid:1.2.3": False,
    "urn:oid:1.2.3.4": True,
    "urn:oid:2.999": False,
    "urn:oid:1.02.3.4": False,
    "urn:oid:2.16.840.1.113883.4.7": True,
    "urn:uuid:1": False,
    "urn:uuid:2DA8005D-C0F8-536B-A53C-6AA433021AF5": False,
    "urn:uuid:2da8005d-c0f8-536b-a53c-6aa433021af5": True,
    "https://laboratory.invalid": True,
    "ours": False,
}
"""Systems of identifiers, and whether they are good."""
WHO = Identity(
    "P1", mrn="4711", mrn_system="urn:oid:1.2.3.4", family="Example", given=("Ada",), birth_date="1970-01-31"
)


def patient(system: str) -> JsonObject:
    return {"resourceType": "Patient", "id": "p", "identifier": [{"system": system, "value": "4711"}]}


@pytest.mark.parametrize("system", SYSTEMS)
def test_systems_of_identifiers_are_judged(system: str) -> None:
    told = [one for one in Validator().resource(patient(system)) if one.severity == "error"]
    assert bool(told) is not SYSTEMS[system]


@pytest.fixture(scope="module")
def installed() -> None:
    if not is_installed():
        pytest.skip("needs HL7's validator: make hapi")


@pytest.fixture(scope="module")
def broken(installed: None) -> list[JsonObject]:
    validator, examples = Validator(), follow_the_guide(guide_examples())
    made = [
        mutant.resource
        for example in examples.values()
        for profile in example["meta"]["profile"]
        for mutant in mutants(validator.known, profile.partition("|")[0], example)
        if mutant.what not in OURS_ALONE
    ]
    return made[::EVERY]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, broken: list[JsonObject]) -> dict[str, list[Message]]:
    """What HL7's validator says of bundles of ours, identifiers and broken resources, by file's name."""
    folder = tmp_path_factory.mktemp("hl7")
    bundles = {
        "bundle-draft": report_bundle(folder / "r", signatures=0),
        "bundle-signed": report_bundle(folder / "r", findings=7, identity=WHO),
        "bundle-amended": report_bundle(folder / "r", signatures=2),
    }
    assert not any(faults(bundle) for bundle in bundles.values())
    resources = bundles | {f"system-{number}": patient(system) for number, system in enumerate(SYSTEMS)}
    resources |= {f"broken-{number}": one for number, one in enumerate(broken)}
    for name, resource in resources.items():
        (folder / f"{name}.json").write_text(json.dumps(resource))
    told: dict[str, list[Message]] = {name: [] for name in resources}
    for message in judge(sorted(folder.glob("*.json"))):
        told[Path(message.file).stem].append(message)
    return told


def test_hl7_has_no_error_for_our_bundles_and_no_warning_that_is_ours_to_mend(said: dict[str, list[Message]]) -> None:
    assert [str(one) for name in said if name.startswith("bundle") for one in ours(said[name])] == []


def test_hl7_judges_systems_of_identifiers_as_we_do(said: dict[str, list[Message]]) -> None:
    refused = {system: any(one.is_error for one in said[f"system-{n}"]) for n, system in enumerate(SYSTEMS)}
    assert refused == {system: not is_good for system, is_good in SYSTEMS.items()}


def test_hl7_refuses_what_we_refuse(said: dict[str, list[Message]], broken: list[JsonObject]) -> None:
    taken = [number for number in range(len(broken)) if not any(one.is_error for one in said[f"broken-{number}"])]
    assert len(broken) > 50 and [str(broken[number]) for number in taken] == []
