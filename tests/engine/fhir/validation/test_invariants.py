"""Every invariant of the definitions refuses what breaks it; our own functions judge as FHIRPath does."""

import copy
from typing import Any

import pytest

from engine.fhir.validation.definitions import Rule, definitions
from engine.fhir.validation.invariants import BEYOND_FHIRPATHPY, ELSEWHERE, QUICK, Place, holds, holds_by_fhirpath
from engine.fhir.validation.validator import Validator

JsonObject = dict[str, Any]
VALIDATOR = Validator()
CODE = {"text": "x"}
OBSERVATION: JsonObject = {"resourceType": "Observation", "id": "o", "status": "final", "code": CODE}
PATIENT: JsonObject = {"resourceType": "Patient", "id": "p"}
PLAN: JsonObject = {"resourceType": "PlanDefinition", "id": "d", "status": "active"}
SEQUENCE: JsonObject = {"resourceType": "MolecularSequence", "id": "s", "coordinateSystem": 0}
REQUEST: JsonObject = {
    "resourceType": "ServiceRequest", "id": "r", "status": "active", "intent": "order",
    "subject": {"reference": "Patient/p"},
}  # fmt: skip
RISK: JsonObject = {
    "resourceType": "RiskAssessment", "id": "r", "status": "final", "subject": {"reference": "Patient/p"},
}  # fmt: skip
TASK: JsonObject = {"resourceType": "Task", "id": "t", "status": "requested", "intent": "proposal"}
UCUM = "http://unitsofmeasure.org"


def bundle(kind: str, *entries: JsonObject, **more: Any) -> JsonObject:
    return {"resourceType": "Bundle", "id": "b", "type": kind, **({"entry": list(entries)} if entries else {}), **more}


def entry(**more: Any) -> JsonObject:
    return {"fullUrl": "https://laboratory.invalid/Patient/p", "resource": PATIENT, **more}


def value(kind: str, **content: Any) -> JsonObject:
    """A patient with an extension that has a value of a type."""
    return PATIENT | {"extension": [{"url": "https://laboratory.invalid/x", f"value{kind}": content}]}


def timing(**repeat: Any) -> JsonObject:
    return OBSERVATION | {"effectiveTiming": {"repeat": repeat}}


def contained(*inner: JsonObject, **more: Any) -> JsonObject:
    return OBSERVATION | {"contained": list(inner), "subject": {"reference": "#in"}, **more}


def trigger(**more: Any) -> JsonObject:
    return PLAN | {"action": [{"trigger": [more]}]}


def needs(**more: Any) -> JsonObject:
    return PLAN | {"action": [{"input": [{"type": "Patient", **more}]}]}


INNER = PATIENT | {"id": "in"}
PERCENT = {"value": 1, "unit": "%", "system": UCUM, "code": "%"}
BREAKS: dict[tuple[str, str], JsonObject] = {
    ("age-1", "Age"): value("Age", value=1),
    ("att-1", "Attachment"): value("Attachment", data="eA=="),
    ("bdl-1", "Bundle"): bundle("collection", total=1),
    ("bdl-10", "Bundle"): bundle("document", entry(), identifier={"system": "urn:x", "value": "y"}),
    ("bdl-11", "Bundle"): bundle(
        "document", entry(), identifier={"system": "urn:x", "value": "y"}, timestamp="2026-01-01T00:00:00Z"
    ),
    ("bdl-12", "Bundle"): bundle("message", entry()),
    ("bdl-2", "Bundle"): bundle("collection", entry(search={"mode": "match"})),
    ("bdl-3", "Bundle"): bundle("transaction", entry()),
    ("bdl-4", "Bundle"): bundle("collection", entry(response={"status": "200"})),
    ("bdl-5", "Bundle"): bundle("collection", {"fullUrl": "https://laboratory.invalid/Patient/p"}),
    ("bdl-7", "Bundle"): bundle("collection", entry(), entry()),
    ("bdl-8", "Bundle"): bundle("collection", entry(fullUrl="https://laboratory.invalid/Patient/p/_history/1")),
    ("bdl-9", "Bundle"): bundle("document", entry(), timestamp="2026-01-01T00:00:00Z"),
    ("cnt-3", "Count"): value("Count", value=1.5, system=UCUM, code="1"),
    ("cpt-2", "ContactPoint"): value("ContactPoint", value="+45 12345678"),
    ("dis-1", "Distance"): value("Distance", value=1),
    ("dom-2", "Observation"): contained(INNER | {"contained": [PATIENT]}),
    ("dom-3", "Observation"): OBSERVATION | {"contained": [INNER]},
    ("dom-4", "Observation"): contained(INNER | {"meta": {"versionId": "1"}}),
    ("dom-5", "Observation"): contained(INNER | {"meta": {"security": [{"code": "x"}]}}),
    ("dom-6", "Observation"): OBSERVATION,
    ("drq-1", "PlanDefinition"): needs(codeFilter=[{"path": "code", "searchParam": "code", "code": [{"code": "x"}]}]),
    ("drq-2", "PlanDefinition"): needs(
        dateFilter=[{"path": "date", "searchParam": "date", "valueDateTime": "2026-01-01"}]
    ),
    ("drt-1", "Duration"): value("Duration", value=1, code="h"),
    ("exp-1", "Expression"): value("Expression", language="text/cql"),
    ("inv-1", "Parameters"): {"resourceType": "Parameters", "parameter": [{"name": "x"}]},
    ("inv-1", "Task"): TASK | {"authoredOn": "2026-01-02", "lastModified": "2026-01-01"},
    ("msq-3", "MolecularSequence"): SEQUENCE | {"coordinateSystem": 2},
    ("msq-5", "MolecularSequence"): SEQUENCE
    | {"referenceSeq": {"referenceSeqString": "ACGT", "chromosome": CODE, "windowStart": 1, "windowEnd": 2}},
    ("msq-6", "MolecularSequence"): SEQUENCE | {"referenceSeq": {"windowStart": 1, "windowEnd": 2}},
    ("obs-3", "Observation"): OBSERVATION | {"referenceRange": [{"type": CODE}]},
    ("obs-6", "Observation"): OBSERVATION | {"valueString": "x", "dataAbsentReason": CODE},
    ("obs-7", "Observation"): OBSERVATION
    | {"code": {"coding": [{"system": "urn:x", "code": "y"}]}, "valueString": "x"}
    | {"component": [{"code": {"coding": [{"system": "urn:x", "code": "y"}]}, "valueString": "z"}]},
    ("org-1", "Organization"): {"resourceType": "Organization", "id": "o", "active": True},
    ("org-2", "Organization"): {"resourceType": "Organization", "name": "x", "address": [{"use": "home", "text": "y"}]},
    ("org-3", "Organization"): {
        "resourceType": "Organization",
        "name": "x",
        "telecom": [{"use": "home", "system": "phone", "value": "1"}],
    },
    ("pat-1", "Patient"): PATIENT | {"contact": [{"gender": "male"}]},
    ("pdf-0", "PlanDefinition"): PLAN | {"name": "not a name"},
    ("per-1", "Period"): value("Period", start="2026-01-02", end="2026-01-01"),
    ("prr-1", "ServiceRequest"): REQUEST | {"orderDetail": [CODE]},
    ("qty-3", "Quantity"): value("Quantity", value=1, code="1"),
    ("ras-1", "RiskAssessment"): RISK | {"prediction": [{"probabilityRange": {"low": PERCENT | {"code": "1"}}}]},
    ("ras-2", "RiskAssessment"): RISK | {"prediction": [{"probabilityDecimal": 101}]},
    ("rat-1", "Ratio"): value("Ratio", numerator={"value": 1}),
    ("ref-1", "Reference"): OBSERVATION | {"subject": {"reference": "#nothing"}},
    ("rng-2", "Range"): value("Range", low={"value": 2}, high={"value": 1}),
    ("tim-1", "Timing"): timing(duration=1),
    ("tim-10", "Timing"): timing(timeOfDay=["10:00:00"], when=["HS"]),
    ("tim-2", "Timing"): timing(period=1),
    ("tim-4", "Timing"): timing(duration=-1, durationUnit="h"),
    ("tim-5", "Timing"): timing(period=-1, periodUnit="h"),
    ("tim-6", "Timing"): timing(periodMax=2),
    ("tim-7", "Timing"): timing(durationMax=2),
    ("tim-8", "Timing"): timing(countMax=2),
    ("tim-9", "Timing"): timing(offset=1),
    ("trd-1", "PlanDefinition"): trigger(type="data-added", data=[{"type": "Patient"}], timingDate="2026-01-01"),
    ("trd-2", "PlanDefinition"): trigger(
        type="named-event", name="x", condition={"language": "text/cql", "expression": "true"}
    ),
    ("trd-3", "PlanDefinition"): trigger(type="named-event"),
}
"""What breaks each invariant, by its key and what it is a rule of."""
HOLDS = (
    value("Attachment", contentType="text/plain", data="eA=="),
    value("Period", start="2026-01-01", end="2026-01-02"),
    value("Range", low={"value": 1}, high={"value": 2}),
    contained(INNER),
    REQUEST | {"code": CODE, "orderDetail": [CODE]},
    TASK | {"authoredOn": "2026-01-01", "lastModified": "2026-01-02"},
    OBSERVATION | {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}},
    {"resourceType": "Organization", "id": "o", "name": "x"},
    RISK | {"prediction": [{"outcome": CODE, "rationale": "a sum alone"}]},
    RISK | {"prediction": [{"probabilityDecimal": 100}]},
)
"""What breaks none of those that nothing above keeps."""
RULES = {number: rule for number, rule in enumerate(definitions().rules) if rule.key not in ELSEWHERE}


@pytest.mark.parametrize("named", BREAKS, ids="-".join)
def test_what_breaks_an_invariant_is_refused_by_its_key(named: tuple[str, str]) -> None:
    assert named[0] in {problem.rule for problem in VALIDATOR.resource(BREAKS[named])}


def test_there_is_no_invariant_that_nothing_here_breaks() -> None:
    assert {rule.key for rule in RULES.values()} == {key for key, _ in BREAKS}


@pytest.mark.parametrize("resource", [
    PATIENT | {"name": [{}]},
    PATIENT | {"name": [{"id": "x"}]},
    PATIENT | {"extension": [{"url": "https://laboratory.invalid/x"}]},
    PATIENT | {"extension": [{"url": "urn:x", "valueString": "y", "extension": [{"url": "urn:y", "valueCode": "z"}]}]},
    value("Range", low={"value": 1, "comparator": "<"}),
    PATIENT | {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script/>x</div>'}},
    PATIENT | {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"> </div>'}},
], ids=["ele-1", "ele-1 with an id", "ext-1 neither", "ext-1 both", "sqty-1", "txt-1", "txt-2"])  # fmt: skip
def test_rules_that_are_not_evaluated_by_fhirpath_hold_too(resource: JsonObject) -> None:
    assert [problem for problem in VALIDATOR.resource(resource) if problem.severity == "error"]


def test_our_functions_judge_as_fhirpath_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked of everything above, where it holds and where it is broken."""
    told: dict[str, set[tuple[bool, bool]]] = {}

    def both(rule: Rule, one: Any, path: str, place: Place) -> bool:
        quick = holds(rule, one, path, place)
        if rule.expression in QUICK and rule.key not in BEYOND_FHIRPATHPY:
            told.setdefault(rule.key, set()).add((quick, holds_by_fhirpath(rule, one, path, place)))
        return quick

    monkeypatch.setattr("engine.fhir.validation.validator.invariants.holds", both)
    for resource in (*BREAKS.values(), *HOLDS):
        Validator().resource(copy.deepcopy(resource))
    assert {key: answers for key, answers in told.items() if answers - {(True, True), (False, False)}} == {}
    both_ways = {key for key, answers in told.items() if len(answers) == 2}
    assert both_ways | BEYOND_FHIRPATHPY == {rule.key for rule in RULES.values() if rule.expression in QUICK}


def test_what_fhirpathpy_cannot_evaluate_holds_where_it_should() -> None:
    assert not BEYOND_FHIRPATHPY & {problem.rule for resource in HOLDS for problem in VALIDATOR.resource(resource)}


def test_a_period_is_in_order_across_time_zones() -> None:
    """fhirpathpy compares the text."""
    good = value("Period", start="2026-01-01T10:00:00+01:00", end="2026-01-01T09:30:00Z")
    bad = value("Period", start="2026-01-01T10:00:00-01:00", end="2026-01-01T10:30:00Z")
    assert ["per-1" in {one.rule for one in VALIDATOR.resource(period)} for period in (good, bad)] == [False, True]
