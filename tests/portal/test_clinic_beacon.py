"""The Beacon by HTTP: what the command answers, with its counts, its refusals and its entry in the audit log."""

from __future__ import annotations

import argparse
import json
from typing import Any

import jsonschema
import pytest

from console.beacon import beacon
from engine.cohort.beacon import SCHEMA
from engine.errors import GenomicsError
from portal.clinic import trail
from portal.clinic.admission import ROOT
from portal.clinic.rights import Role
from resources.studies import ASKED
from tests.builders.clinic import ACCESS, WARD, Clinic, clinic_of, platform_of
from tests.builders.contributions import contribute, contribution
from tests.builders.deployment import Deployment
from tests.builders.sheets import entry

AT = f"{ROOT}/api/ga4gh/beacon/v2/g_variants"
COMMON, RARE = ("chr20", 3_082_707, "C", "A"), ("chr20", 3_082_710, "G", "T")
SIGN = "HP:0000873"
CARRIERS, RARE_CARRIERS, OTHERS, UNASKED = 12, 4, 9, 3


@pytest.fixture(scope="module")
def clinic(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    """A cohort of 21 who agreed to general research, and of carriers who did not."""
    folder = tmp_path_factory.mktemp("beacon")
    platform = platform_of(made_case, folder)
    agreed = [f"B{number}" for number in range(CARRIERS + OTHERS)]
    silent = [f"N{number}" for number in range(UNASKED)]
    signs = dict.fromkeys(agreed[:7], (SIGN,))
    entries = [
        entry(folder / "reads", name, research_consent=("GRU",), phenotype=signs.get(name, ())) for name in agreed
    ]
    entries += [entry(folder / "reads", name) for name in silent]
    platform.registry.register(entries, sheet="beacon.csv", sheet_digest="0")
    for number, name in enumerate((*agreed, *silent)):
        calls = [(*COMMON, 1, 2)] if number < CARRIERS or name in silent else []
        calls += [(*RARE, 1, 2)] if number < RARE_CARRIERS else []
        contribute(platform.warehouse, name, contribution(name, calls))
    return clinic_of(platform, ACCESS)


def parameters(allele: tuple[str, int, str, str] = COMMON, **more: str) -> dict[str, str]:
    contig, position, ref, alt = allele
    told = {"assemblyId": "GRCh38", "referenceName": contig, "start": str(position - 1)}
    return told | {"referenceBases": ref, "alternateBases": alt} | more


def by_command(clinic: Clinic, sent: dict[str, str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the command answers to the same question."""
    words = [f"{name}={value}" for name, value in sent.items() if name in parameters()]
    options = {
        "parameter": words,
        "filter": [one for one in (sent.get("filters"),) if one],
        "granularity": sent.get("requestedGranularity", "count"),
        "purpose": sent.get("purpose", "GRU"),
        "id": "",
        "person": "at the console",
    }
    capsys.readouterr()
    assert beacon(clinic.platform, argparse.Namespace(**options)) == 0
    answered: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answered


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (parameters(), {"exists": True, "numTotalResults": 10}),
        (parameters(requestedGranularity="boolean"), {"exists": True}),
        (parameters(RARE), {"exists": False, "numTotalResults": 0}),
        (parameters(RARE, requestedGranularity="boolean"), {"exists": False}),
        (parameters(filters=SIGN), {"exists": True, "numTotalResults": 5}),
        (parameters(filters="HP:0000118"), {"exists": True, "numTotalResults": 5}),
        (parameters(purpose="HMB"), {"exists": True, "numTotalResults": 10}),
        (parameters(skip="0", limit="10"), {"exists": True, "numTotalResults": 10}),
    ],
)
def test_a_beacon_answers_as_the_command_does_and_writes_the_same_down(
    clinic: Clinic, capsys: pytest.CaptureFixture[str], sent: dict[str, str], told: dict[str, Any]
) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD, name="Dr Asking")
    before = clinic.number
    answer = client.get(AT, params=sent)
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), SCHEMA)
    assert answer.json()["responseSummary"] == told
    assert answer.json() == by_command(clinic, sent, capsys)
    access, asked, by_hand = clinic.written(trail.ACCESS, ASKED, after=before)
    assert access.event.what == trail.ACCESS, "who asked in which role, before the question"
    assert (asked.event.who, by_hand.event.who) == ("Dr Asking", "at the console")
    assert asked.event.details == by_hand.event.details and asked.event.details["question"] == "beacon"
    assert not any(f'"{name}{number}"' in answer.text for name in "BN" for number in range(25))


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ({}, "the request lacks assemblyId, referenceName, start"),
        (parameters() | {"assemblyId": "GRCh37"}, "there is nothing of 'GRCh37' here"),
        (parameters() | {"start": "-1"}, "start is '-1'"),
        (parameters() | {"start": "9" * 5000}, "start is '9999"),
        (parameters() | {"alternateBases": "N"}, "is no allele"),
        (parameters(end="3082710"), "nothing is answered by end"),
        (parameters(geneId="AVP"), "nothing is answered by geneId"),
        (parameters(requestedGranularity="record"), "nothing is answered as 'record'"),
        (parameters(purpose="fun"), "'fun' is no purpose of research"),
        (parameters(filters="tall"), "'tall' cannot be asked for"),
        (parameters(filters="HP:9999999"), "has no sign HP:9999999"),
        (parameters(filters="HP:0000873,HP:0000118"), "2 filters are given"),
    ],
)
def test_a_question_that_has_no_answer_is_refused_with_what_is_wrong(
    clinic: Clinic, sent: dict[str, str], problem: str
) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    answer = client.get(AT, params=sent)
    assert answer.status_code == 400 and problem in answer.json()["error"], answer.text


def test_a_parameter_that_is_given_twice_is_not_answered_by_one_of_them(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.GENETICIST, WARD)
    answer = client.get(AT, params=[*parameters().items(), ("start", "5")])
    assert answer.status_code == 400 and "start is '3082706,5'" in answer.json()["error"]


def test_without_a_cohort_a_beacon_says_so(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = clinic_of(platform_of(made_case, tmp_path_factory.mktemp("no-cohort")), ACCESS)
    client, _ = empty.visit(Role.BIOINFORMATICIAN, every_case=True)
    answer = client.get(AT, params=parameters())
    assert answer.status_code == 409 and "no sample has contributed to the cohort" in answer.json()["error"]
    with pytest.raises(GenomicsError, match="no sample has contributed"):
        beacon(
            empty.platform,
            argparse.Namespace(
                parameter=[f"{name}={value}" for name, value in parameters().items()],
                **{"filter": [], "granularity": "count", "purpose": "GRU", "id": "", "person": "x"},
            ),
        )


def test_the_service_says_what_it_is(clinic: Clinic) -> None:
    client, _ = clinic.visit(Role.CLINICIAN, WARD)
    told = client.get(f"{ROOT}/api/ga4gh/beacon/v2/service-info").json()
    assert told["type"] == {"group": "org.ga4gh", "artifact": "beacon", "version": "2.0.0"}
