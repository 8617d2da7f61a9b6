"""A bundle as transactions: none too large, every reference to what is there, the report last."""

from pathlib import Path

import pytest

from engine.fhir.check import faults, validator
from engine.fhir.transactions import (
    WITHDRAWN,
    addressed,
    amending,
    content_digests,
    mark,
    marked,
    marking,
    references_in,
    transactions,
    withdrawn,
)
from engine.fhir.validation.problem import Problem
from tests.builders.report_bundle import report_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict:
    return report_bundle(tmp_path_factory.mktemp("report"), findings=7)


@pytest.mark.parametrize("most", [2, 5, 11, 20, 49, 500])
def test_each_reference_leads_into_the_same_transaction_or_an_earlier_one(bundle: dict, most: int) -> None:
    resources = addressed(bundle)
    parts = transactions(resources, most=most)
    there: set[str] = set()
    for part in parts:
        assert 0 < len(part["entry"]) <= most
        inside = {entry["fullUrl"] for entry in part["entry"]}
        for entry in part["entry"]:
            assert set(references_in(entry["resource"])) <= inside | there
        there |= {entry["request"]["url"] for entry in part["entry"]}
    assert there == set(resources) and len(there) == sum(len(part["entry"]) for part in parts)


@pytest.mark.parametrize("most", [2, 20, 49])
def test_the_report_comes_when_all_that_it_names_is_there(bundle: dict, most: int) -> None:
    last = transactions(addressed(bundle), most=most)[-1]["entry"]
    kinds = [entry["resource"]["resourceType"] for entry in last]
    assert "DiagnosticReport" in kinds and set(kinds[kinds.index("DiagnosticReport") + 1 :]) <= {"Provenance"}
    assert len(last) == min(most, len(addressed(bundle)))


def test_a_report_beyond_what_azure_takes_is_split_below_500(tmp_path: Path) -> None:
    """Thirty variants of one gene: each lies to every other in some way."""
    resources = addressed(report_bundle(tmp_path, findings=30))
    first, last = transactions(resources, most=500)
    assert len(resources) > 500 and len(last["entry"]) == 500
    assert [str(one) for one in faults(first)] == []
    there = {entry["request"]["url"] for entry in first["entry"]}
    inside = {entry["fullUrl"] for entry in last["entry"]}
    assert {name for entry in last["entry"] for name in references_in(entry["resource"])} <= there | inside
    assert "DiagnosticReport" not in {place.partition("/")[0] for place in there}


def test_a_report_that_fits_is_one_transaction_that_follows_every_profile(bundle: dict) -> None:
    (whole,) = transactions(addressed(bundle), most=500)
    assert [str(one) for one in faults(whole)] == []


@pytest.mark.parametrize("most", [2, 5, 20])
def test_an_amendment_in_several_transactions_holds_the_report_back_until_the_last(bundle: dict, most: int) -> None:
    resources = addressed(bundle)
    report = next(place for place in resources if place.startswith("DiagnosticReport/"))
    new = {place for place in resources if place.startswith("Device/")}
    parts, guarded = amending(resources, report, resources.keys() - new, most=most)
    first, last = parts[:-guarded], parts[-guarded:]
    assert {entry["request"]["url"] for part in first for entry in part["entry"]} == new
    assert all(0 < len(part["entry"]) <= most for part in parts) and len(last) > 1
    told = [{entry["request"]["url"]: entry["resource"] for entry in part["entry"]} for part in last]
    assert [one[report]["status"] for one in told] == ["registered"] * (len(told) - 1) + ["final"]
    written = [place for one in told for place in one if place != report]
    assert sorted(written) == sorted(resources.keys() - new - {report})
    assert [str(fault) for part in last for fault in validator().bundle(part, is_whole=False) if _is_error(fault)] == []


def test_an_amendment_that_fits_is_one_transaction_beside_what_is_new(bundle: dict) -> None:
    resources = addressed(bundle)
    report = next(place for place in resources if place.startswith("DiagnosticReport/"))
    parts, guarded = amending(resources, report, resources.keys(), most=500)
    assert (len(parts), guarded) == (1, 1) and not any("registered" in str(part) for part in parts)


@pytest.mark.parametrize("most", [5, 499])
def test_every_transaction_of_a_report_can_write_its_mark_anew_and_each_writes_another(bundle: dict, most: int) -> None:
    resources = addressed(bundle)
    report = next(place for place in resources if place.startswith("DiagnosticReport/"))
    parts = [marking(report), *(marked(part, report) for part in transactions(resources, most=most))]
    marks = [part["entry"][0] for part in parts]
    assert {one["request"]["url"] for one in marks} == {mark(report)[0]}
    assert len({str(one["resource"]) for one in marks}) == len(parts)
    assert [str(one) for part in parts for one in validator().bundle(part, is_whole=False) if _is_error(one)] == []


def test_what_is_taken_back_says_so_and_follows_its_profile_where_that_allows_it(bundle: dict) -> None:
    resources = addressed(bundle)
    for place, resource in resources.items():
        if place.partition("/")[0] in WITHDRAWN:
            back = withdrawn(resource)
            assert back is not None and back["status"] == WITHDRAWN[resource["resourceType"]]
            assert "<p>No longer reported: " in back["text"]["div"] and withdrawn(back) is None
            assert ("profile" in back.get("meta", {})) == (resource["resourceType"] != "Task" and "meta" in resource)
            assert [str(fault) for fault in validator().resource(back) if _is_error(fault)] == []


def _is_error(problem: Problem) -> bool:
    return problem.severity == "error"


def test_nothing_is_no_transaction() -> None:
    assert transactions({}, most=500) == []


def test_what_the_hospital_has_is_referred_to_and_not_sent(bundle: dict) -> None:
    (patient,) = (entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Patient")
    resources = addressed(bundle, {patient["fullUrl"]: "Patient/4711"})
    assert patient["request"]["url"] not in resources
    (report,) = (one for one in resources.values() if one["resourceType"] == "DiagnosticReport")
    assert report["subject"] == {"reference": "Patient/4711"}
    (whole,) = transactions(resources, most=500)
    subjects = {entry["resource"]["subject"]["reference"] for entry in whole["entry"] if "subject" in entry["resource"]}
    assert subjects == {"Patient/4711"}


def test_contents_differ_exactly_where_something_was_changed(tmp_path: Path, bundle: dict) -> None:
    amended = addressed(report_bundle(tmp_path, findings=7, signatures=2))
    before, after = content_digests(addressed(bundle)), content_digests(amended)
    changed = {place.partition("/")[0] for place in after if before.get(place) != after[place]}
    assert set(before) == set(after)
    assert (
        changed == {"DiagnosticReport", "Observation", "Procedure", "Provenance", "Task"} & changed
        and "DiagnosticReport" in changed
    )
    assert "DocumentReference" not in changed and "Patient" not in changed
