"""What the validator sees that is in no profile: ids, references, extensions, and a bundle as a whole."""

import copy
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.fhir.validation.primitives import is_plain
from engine.fhir.validation.validator import Validator
from tests.builders.guide import guide_examples

JsonObject = dict[str, Any]
VALIDATOR = Validator()
PATIENT: JsonObject = {"resourceType": "Patient", "id": "p1", "gender": "female"}
OBSERVATION: JsonObject = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"}}
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/"


def told(resource: JsonObject) -> list[str]:
    return [str(problem) for problem in VALIDATOR.resource(resource) if problem.severity == "error"]


def told_of(*resources: JsonObject, **more: Any) -> list[str]:
    entries = [
        {"fullUrl": f"urn:uuid:{number:08}-0000-4000-8000-000000000000", "resource": one}
        for number, one in enumerate(resources)
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return [str(problem) for problem in VALIDATOR.bundle(bundle, **more) if problem.severity == "error"]


FIRST = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("change", "message"), [
    ({"id": "a b"}, "Patient/a b: Patient.id is no id"),
    ({"id": "x" * 65}, f"Patient/{'x' * 65}: Patient.id is no id"),
    ({"birthDate": "2026-02-30"}, "Patient/p1: Patient.birthDate is no date of the calendar"),
    ({"birthDate": "26-02-03"}, "Patient/p1: Patient.birthDate is no date"),
    ({"active": "yes"}, "Patient/p1: Patient.active is no boolean: a str"),
    ({"gender": "woman"}, 'Patient/p1: Patient.gender has no code of the required value set administrative-gender: '
                          '"woman"'),
    ({"name": {"text": "x"}}, "Patient/p1: Patient.name is not a list and has to be one"),
    ({"deceasedBoolean": True, "deceasedDateTime": "2026-01-01"}, "Patient/p1: Patient.deceased[x] is there in more "
                                                                  "than one type"),
    ({"deceasedString": "no"}, "Patient/p1: Patient.deceasedString is a string; it may be boolean, dateTime"),
    ({"link": [{"other": {"reference": "Patient/p2"}}]}, "Patient/p1: Patient.link[0].type is missing (at least 1, "
                                                         "found 0)"),
    ({"generalPractitioner": [{"reference": "nobody"}]}, "Patient/p1: Patient.generalPractitioner[0] is no reference: "
                                                         "'nobody'"),
    ({"managingOrganization": {"reference": "Patient/p2"}}, "Patient/p1: Patient.managingOrganization leads to a "
                                                            "Patient; it may lead to Organization"),
    ({"identifier": [{"system": "urn:oid:1.2.3", "value": "1"}]}, "Patient/p1: Patient.identifier[0].system holds no "
                                                                "OID"),
    ({"identifier": [{"system": "urn:oid:1.2.0.04", "value": "1"}]}, "Patient/p1: Patient.identifier[0].system holds "
                                                                   "no OID"),
    ({"identifier": [{"system": "urn:uuid:1", "value": "1"}]}, "Patient/p1: Patient.identifier[0].system holds no "
                                                              "UUID"),
    ({"identifier": [{"system": "ours", "value": "1"}]}, "Patient/p1: Patient.identifier[0].system is no absolute URI"),
    ({"maritalStatus": {"coding": [{"system": "ours", "code": "1"}]}}, "Patient/p1: Patient.maritalStatus."
                                                                       "coding[0].system is no absolute URI"),
    ({"meta": {"profile": [GUIDE + "variant"]}},
     f"Patient/p1: Patient.meta.profile is of a Observation: {GUIDE}variant"),
    ({"extension": [{"url": GUIDE + "genomic-report-note", "valueAnnotation": {"text": "x"}}]},
     f"Patient/p1: Patient.extension[0] may stand on DiagnosticReport only: {GUIDE}genomic-report-note"),
    ({"modifierExtension": [{"url": "https://laboratory.invalid/not", "valueBoolean": True}]},
     "Patient/p1: Patient.modifierExtension[0] changes the meaning in a way that is not known: "
     "https://laboratory.invalid/not"),
], ids=lambda one: next(iter(one)) if isinstance(one, dict) else "")  # fmt: skip
def test_a_message_names_resource_and_element(change: JsonObject, message: str) -> None:
    assert told(PATIENT) == []
    assert message in told(PATIENT | change)


def test_a_resource_of_no_known_type_is_refused() -> None:
    assert told({"resourceType": "Bird"}) == ["Bird: resourceType is none of those known here: 'Bird'"]
    assert told_of({"id": "x"}) == ["resource/x: resourceType is none of those known here: None"]


def test_extensions_of_others_may_stand_anywhere_with_a_value() -> None:
    assert told(PATIENT | {"extension": [{"url": "https://hospital.invalid/ward", "valueString": "7"}]}) == []
    assert told(PATIENT | {"extension": [{"url": "https://hospital.invalid/ward", "valueWard": "7"}]})


def test_a_primitive_may_say_more_of_itself_and_nothing_else() -> None:
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    assert told(PATIENT | {"_birthDate": absent}) == []
    assert "Patient/p1: Patient._birthDate.foo is no element here" in told(PATIENT | {"_birthDate": {"foo": 1}})


def test_references_of_a_bundle_lead_somewhere() -> None:
    about = OBSERVATION | {"subject": {"reference": FIRST}}
    assert told_of(PATIENT, about) == []
    assert told_of(OBSERVATION, about) == [
        "Observation/o1: Observation.subject leads to a Observation; it may lead to Device, Group, Location, Patient"
    ]
    nowhere = OBSERVATION | {"subject": {"reference": "Patient/p2"}}
    assert told_of(PATIENT, nowhere) == ["Observation/o1: Observation.subject leads nowhere: Patient/p2"]
    assert told_of(PATIENT, nowhere, is_whole=False) == []


def test_what_a_report_lists_follows_the_guide() -> None:
    examples = guide_examples()
    report = copy.deepcopy(examples["DiagnosticReport-GenomicReportExample01"])
    report["result"] = [{"reference": FIRST}]
    assert not [one for one in told_of(OBSERVATION, report, is_whole=False) if "extension" not in one]


def test_a_profile_that_the_definitions_do_not_have_is_an_error_if_it_is_hl7s() -> None:
    assert told(PATIENT | {"meta": {"profile": ["https://hospital.invalid/patient"]}}) == []
    assert told(PATIENT | {"meta": {"profile": [GUIDE + "genom-report"]}}) == [
        f"Patient/p1: Patient.meta.profile names what is not known here: {GUIDE}genom-report"
    ]


def test_what_was_found_good_once_is_good_only_there() -> None:
    """The memory of a validator holds values by place: the same value is wrong elsewhere."""
    validator = Validator()
    code = {"coding": [{"system": "urn:x", "code": "x"}]}
    assert not [one for one in validator.resource(OBSERVATION | {"code": code}) if one.severity == "error"]
    found = validator.resource(OBSERVATION | {"code": code, "meta": {"profile": [GUIDE + "variant"]}})
    assert "Observation.code" in {problem.element for problem in found}


def test_what_was_found_good_in_a_slice_is_counted_each_time() -> None:
    validator = Validator()
    gene = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "51958-7"}]},
        "valueCodeableConcept": {"coding": [{"system": "http://www.ncbi.nlm.nih.gov/refseq", "code": "NM_1.1"}]},
    }
    variant = OBSERVATION | {"meta": {"profile": [GUIDE + "variant"]}, "component": [gene]}

    def too_often(components: int) -> list[str]:
        found = validator.resource(variant | {"component": [gene] * components})
        return [str(one) for one in found if "too often" in one.message]

    assert [len(too_often(count)) for count in (1, 1, 2, 2, 1)] == [0, 0, 1, 1, 0]


def test_what_a_reference_led_to_once_is_looked_at_again_in_another_bundle() -> None:
    validator = Validator()
    subject = {"reference": "urn:uuid:00000001-0000-4000-8000-000000000000"}

    def led(to: JsonObject) -> list[str]:
        one, other = (OBSERVATION | {"id": name, "subject": subject} for name in ("o1", "o2"))
        entries = [
            {"fullUrl": f"urn:uuid:0000000{number}-0000-4000-8000-000000000000", "resource": each}
            for number, each in enumerate([one, to, other])
        ]
        found = validator.bundle({"resourceType": "Bundle", "type": "collection", "entry": entries})
        return [problem.resource for problem in found if "leads to" in problem.message]

    assert led(PATIENT) == []
    assert led({"resourceType": "Organization", "id": "g", "name": "x"}) == ["Observation/o1", "Observation/o2"]


_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


@given(
    st.lists(
        st.lists(st.one_of(st.text(max_size=3), st.sampled_from(["&amp;", "&lt;", "]]>", "&nbsp;", "<b>", "</p>"])))
        .map("".join)
        .map("<p>{}</p>".format),
        max_size=3,
    ).map("".join)
)
@example("<p> </p>")
@example("<p>\u00a0</p>")
@example("<p>a]]&gt;b</p>")
def test_a_narrative_that_is_found_plain_is_one_that_the_parser_finds_good(paragraphs: str) -> None:
    narrative = _DIV.format(paragraphs)
    if is_plain(narrative):
        root = ElementTree.fromstring(narrative)
        assert {one.tag for one in root} == {"{http://www.w3.org/1999/xhtml}p"}
        assert any(text.strip() for text in root.itertext())


@pytest.mark.parametrize(
    "paragraphs",
    ["", "<p></p>", "<p> </p>", "<p>a</p>b", "<p>a&nbsp;b</p>", "<p>a]]>b</p>", "<p>\x01</p>", "<p>a<b/></p>"],
)
def test_no_narrative_is_found_plain_that_the_parser_has_to_see(paragraphs: str) -> None:
    assert is_plain(_DIV.format("<p>Smith &amp; Daughters, 1 &lt; 2</p>"))
    assert not is_plain(_DIV.format(paragraphs))


@pytest.mark.parametrize("broken", [
    {"component": "x"}, {"component": [None]}, {"component": [1]}, {"category": [{"coding": {}}]}, {"code": []},
    {"meta": []}, {"meta": {"profile": "x"}}, {"subject": "x"}, {"extension": [1]}, {"contained": [1]},
    {"component": [{"code": {"coding": ["x"]}}]}, {"subject": {"reference": 1}}, {"id": 1}, {"value": {}},
    {"valueQuantity": {"value": float("nan")}}, {"derivedFrom": [{"reference": {}}]},
], ids=str)  # fmt: skip
def test_whatever_json_holds_is_judged_and_never_breaks_the_validator(broken: JsonObject) -> None:
    profile = {"meta": {"profile": [GUIDE + "variant"]}}
    assert told(OBSERVATION | broken)
    assert told(OBSERVATION | profile | broken)
    assert told_of(OBSERVATION | profile | broken)
