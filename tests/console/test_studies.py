"""``genomics cohort``: what is selected, shown and given out, and that each question is written down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from console.cli import main
from engine.cohort.beacon import SCHEMA
from engine.cohort.disclosure import TOLD, disclosed
from engine.ops.studies import MEMBERS
from resources.environment import Resources, Settings, build_resources
from resources.studies import ASKED, RELEASED
from tests.builders.contributions import contribute, contribution
from tests.builders.sheets import entry

WHY = ("--person", "Dr A", "--reason", "recurrence in families")
ALLELE = ("chr20", 3_082_707, "C", "A")
PEOPLE: dict[str, dict[str, Any]] = {
    "S1": {"sex": "female", "research_consent": ("GRU",), "ancestry": "EUR"},
    "S2": {"sex": "female", "research_consent": ("HMB",)},
    "S3": {"sex": "male", "research_consent": ("HMB",)},
    "S4": {"sex": "female"},
}


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Four samples in the cohort, two of which carry an allele, and one that has not come so far."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    made = build_resources(Settings.from_environment())
    entries = [entry(tmp_path / "reads", name, **facts) for name, facts in PEOPLE.items()]
    late = entry(tmp_path / "reads", "S5", research_consent=("GRU",))
    made.registry.register([*entries, late], sheet="run.csv", sheet_digest="0")
    for sample, copies in {"S1": 1, "S2": 2, "S3": 0, "S4": 1}.items():
        calls = [(*ALLELE, copies, 2)] if copies else []
        rows = contribution(sample, calls, measures={("aligned_reads", "mean_coverage"): 10.0 * int(sample[1])})
        contribute(made.warehouse, sample, rows)
    return made


def run(*words: str) -> int:
    return main(["cohort", *words])


def test_a_cohort_is_defined_shown_and_listed_and_its_list_leaves_with_consent(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("define", "carriers", "--purpose", "HMB", "--variant", "chr20-3082707-C-A", *WHY) == 0
    assert [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()] == [
        ["4", "in the cohort"],
        ["3", "consent to HMB"],
        ["2", "carries allele 20-3082707-C-A"],
        ["carriers", "version 1 has 2 members"],
    ]
    assert run("define", "women", "--purpose", "HMB", "--sex", "female", "--quality", "mean_coverage>=15", *WHY) == 0
    capsys.readouterr()
    assert run("list") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["COHORT", "VERSION", "MEMBERS"]
    assert [line.split()[:3] for line in lines] == [["carriers", "1", "2"], ["women", "1", "1"]]
    assert run("show", "carriers", "--json", "--person", "Dr B") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["members"], told["members_left"], set(told["data_versions"])) == (
        *(2, 2),
        {"calls", "samples", "measures", "persons", "carried"},
    )
    assert "S1" not in json.dumps(told), "no command but export names who is a member"
    file = tmp_path / "list.csv"
    assert run("export", "carriers", "--file", str(file), "--purpose", "GRU", *WHY) == 0
    assert file.read_text() == "sample_id\nS1\n" and "1 left out: did not agree to it" in capsys.readouterr().err
    about = json.loads(file.with_name("list.csv.json").read_text())
    assert (about["released_for"], about["members_written"], about["members_digest"]) == (
        *("GRU", 1),
        told["members_digest"],
    )
    counts = about["members"], about["left_out"], about["disclosure"]
    assert counts == (None, {"withdrawn": None, "without consent": None}, TOLD), "the file leaves with the list"
    audit = platform.audit
    asked = [(one.event.who, one.event.details["question"]) for one in audit.entries_of(ASKED)]
    assert asked[:2] == [("Dr A", "define")] * 2 and ("Dr B", "show") in asked and len(asked) == 4
    assert [one.event.sample for one in audit.entries_of(RELEASED)] == [None, "S1"]
    audit.verify()


def test_a_cohort_of_a_new_sample_is_a_new_version_and_the_old_list_is_still_there(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    run("define", "everybody", "--purpose", "GRU", *WHY)
    assert run("refresh") == 0 and "0 cohorts have other members" in capsys.readouterr().err
    contribute(platform.warehouse, "S5", contribution("S5"))
    assert run("refresh") == 0 and "everybody version 2 has 2 members" in capsys.readouterr().out
    studies = platform.studies
    assert [studies.members(one) for one in studies.every()] == [("S1",), ("S1", "S5")]
    assert len(platform.warehouse.files(MEMBERS)) == 1
    platform.decisions.withdraw("S1", person="Dr B", reason="asked for by the person")
    assert platform.warehouse.traces("S1") == []
    assert run("show", "everybody", "--version", "1") == 0
    assert "1 members, of whom 1 were withdrawn since" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("define", "x", "--purpose", "HMB", "--quality", "depth>3", *WHY), "measures: aligned_reads.mean_coverage"),
        (("define", "x", "--purpose", "HMB", "--phenotype", "HP:0001250", *WHY), "reference_genome has not been made"),
        (("define", "x", "--purpose", "HMB", "--person", "Dr A", "--reason", "why"), "needs a person and a reason"),
        (("show", "x"), "there is no cohort 'x'"),
        (("export", "x", "--file", "nowhere.csv", *WHY), "there is no cohort 'x'"),
    ],
)
def test_what_cannot_be_answered_is_told(
    platform: Resources, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert run(*words) == 1
    assert told in capsys.readouterr().err
    assert platform.studies.every() == ()


def test_counts_are_tried_without_keeping_anything(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("define", "men", "--purpose", "HMB", "--sex", "male", "--try", "--json", *WHY) == 0
    assert json.loads(capsys.readouterr().out)["steps"][-1] == {"criterion": "sex male", "left": 1}
    assert platform.studies.every() == () and platform.lake.receipt("study_cohorts") is None


ASKED_OF = ("assemblyId=GRCh38", "referenceName=chr20", "start=3082706", "referenceBases=C", "alternateBases=A")


@pytest.mark.parametrize(
    ("people", "others", "told"), [(0, 0, 0), (4, 9, 0), (5, 0, 5), (5, 4, 0), (12, 0, 10), (12, 5, 10)]
)
def test_a_beacon_answers_rounded_counts_of_those_who_agreed_and_none_of_a_few(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str], people: int, others: int, told: int
) -> None:
    platform.decisions.withdraw("S1", person="Dr B", reason="asked for by the person")
    samples = [f"B{number}" for number in range(people + others)]
    entries = [entry(tmp_path / "reads", name, research_consent=("GRU",)) for name in samples]
    platform.registry.register(entries, sheet="beacon.csv", sheet_digest="0")
    for name in samples[:people]:
        contribute(platform.warehouse, name, contribution(name, [(*ALLELE, 1, 2)]))
    for name in samples[people:]:
        contribute(platform.warehouse, name, contribution(name, []))
    assert main(["beacon", *ASKED_OF, "--person", "another laboratory"]) == 0
    answered = json.loads(capsys.readouterr().out)
    jsonschema.validate(answered, SCHEMA)
    assert answered["responseSummary"] == {"exists": told > 0, "numTotalResults": told}
    assert main(["beacon", *ASKED_OF, "--granularity", "boolean"]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    assert said["responseSummary"] == {"exists": told > 0}
    first = next(iter(platform.audit.entries_of(ASKED))).event
    assert (first.who, first.details["question"]) == ("another laboratory", "beacon")
    assert first.details["parameters"]["start"] == 3_082_706


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (ASKED_OF[1:], "the request lacks assemblyId"),
        (("assemblyId=GRCh37", *ASKED_OF[1:]), "there is nothing of 'GRCh37' here"),
        ((*ASKED_OF[:2], "start=-1", *ASKED_OF[3:]), "start is '-1'"),
        ((*ASKED_OF[:2], "start=2147483647", *ASKED_OF[3:]), "start is '2147483647'"),
        ((*ASKED_OF[:2], "start=999999999", *ASKED_OF[3:]), "is no allele"),
        ((*ASKED_OF, "end=3082707"), "nothing is answered by end"),
        ((*ASKED_OF, "--filter", "HP:0000873", "--filter", "HP:0000118"), "2 filters are given"),
        ((*ASKED_OF, "--granularity", "record"), "nothing is answered as 'record'"),
        ((*ASKED_OF, "--purpose", "fun"), "'fun' is no purpose of research"),
    ],
)
def test_a_beacon_refuses_what_it_does_not_answer(
    platform: Resources, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert main(["beacon", *words]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "of", "told"),
    [(0, None, None), (4, None, None), (5, None, 5), (7, None, 5), (8, None, 10), (98, 100, None), (100, 100, 100)],
)
def test_small_cells_and_their_complements_do_not_leave(count: int, of: int | None, told: int | None) -> None:
    assert disclosed(count, of) == told
