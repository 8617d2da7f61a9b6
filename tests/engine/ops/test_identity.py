"""Who the person is: looked up when the bundle is written, written down, and in no other file but the registry's."""

from __future__ import annotations

import json

from engine.ops.artifact import Published
from engine.ops.report import fhir_bundle
from engine.person import Identity
from resources.identities import LOOKED_UP
from tests.engine.ops.conftest import MOTHER, Family, Seen

WORDS = ("MRN-0815-4711", "Unmistakable", "Adalberta", "1970-01-31")


def test_once_people_say_who_it_is_the_bundle_alone_names_the_person(family: Family) -> None:
    platform, data = family.resources, family.deployment.settings.data
    subject = platform.registry.sample(MOTHER).person.subject_id
    mrn, name, given, birth_date = WORDS
    who = Identity(subject, mrn=mrn, mrn_system="urn:oid:1.2.3.4", family=name, given=(given,), birth_date=birth_date)
    platform.identities.identify(who, person="Dr Example", reason="the hospital told it with the order")
    seen = family.make(fhir_bundle, MOTHER)
    assert isinstance(seen, Seen)
    (path,) = [platform.lake.path(seen.receipt, file.name) for file in seen.receipt.files]
    (patient,) = [
        entry["resource"]
        for entry in json.loads(path.read_text())["entry"]
        if entry["resource"]["resourceType"] == "Patient"
    ]
    assert patient["birthDate"] == birth_date and patient["name"] == [{"family": name, "given": [given]}]
    assert (patient["identifier"][-1]["system"], patient["identifier"][-1]["value"]) == ("urn:oid:1.2.3.4", mrn)
    naming = {
        file for file in data.rglob("*") if file.is_file() and any(word.encode() in file.read_bytes() for word in WORDS)
    }
    assert path in naming and {file.parent for file in naming - {path}} <= {data / "registry"}
    assert looks(family) == ["fhir_bundle"]
    again = fhir_bundle.make(platform, MOTHER, log=lambda _: None)
    assert isinstance(again, Published) and again.fresh and looks(family) == ["fhir_bundle"]


def looks(family: Family) -> list[str]:
    """What for, each time that the mother's identity was looked up."""
    entries = family.resources.audit.entries(sample=MOTHER)
    return [entry.event.details["purpose"] for entry in entries if entry.event.what == LOOKED_UP]


def test_without_a_word_of_people_nothing_is_looked_up(family: Family) -> None:
    assert family.seen[MOTHER, "fhir_bundle"].receipt.recipe.parameters["identified"] is None
