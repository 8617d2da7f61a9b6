"""``genomics identify`` and ``genomics identity``: a table is taken row by row, and no message repeats what it says."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from console.cli import main
from engine.reads.sample_names import safe_id
from resources.environment import Resources, Settings, build_resources
from tests.builders.sheets import entry, said_anew

WHY = ("--person", "Dr Example", "--reason", "the hospital told it with the order")
TABLE = "sample_id,mrn,mrn_system,family,given,birth_date\n"


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """S1 and S2 of one person, and 23/0816 of another."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    made = build_resources(Settings.from_environment())
    entries = [entry(tmp_path / "reads", sample, subject_id="P1") for sample in ("S1", "S2")]
    written = said_anew(entry(tmp_path / "reads", str(safe_id("23/0816")), subject_id="P2"), name="23/0816")
    made.registry.register([*entries, written], sheet="run 7.csv", sheet_digest="0")
    return made


def test_a_table_says_who_persons_are_and_a_wrong_row_stops_no_other(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "who.csv"
    table.write_text(
        f"{TABLE}S1,47,1.2.3.4,Example,Ada,1970-01-31\nS9,MRN-of-Bea,1.2.3.4,Secret,Bea,\n23/0816,49,1.2.3.4,Beispiel,,31.1.70\n"
        "23/0816,49,1.2.3.4,Beispiel,Jörg,\n"
    )
    assert main(["identify", str(table), *WHY]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "P1 is identified: samples S1, S2",
        f"P2 is identified: samples {safe_id('23/0816')}",
        "2 identified, 2 refused; bundles name them when samples run next: genomics retry",
    ]
    assert "who.csv, line 3: the sample is not registered" in printed.err
    assert "who.csv, line 4: birth_date is no date" in printed.err
    assert not [word for word in ("Secret", "Beispiel", "MRN-of-Bea", "31.1.70") if word in printed.err]
    assert platform.registry.identity("P2").given == ("Jörg",)


def test_a_table_may_come_from_another_program(
    platform: Resources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"subject_id,mrn\nP1,47\n")))
    assert main(["identify", "-", "--mrn-system", "https://mrn.example.org", "--json", *WHY]) == 0
    assert json.loads(capsys.readouterr().out) == [{"subject": "P1", "samples": ["S1", "S2"]}]
    assert platform.registry.identity("P1").mrn_system == "https://mrn.example.org"


def test_a_look_at_an_identity_is_answered_and_written_down(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.registry.identify("P1", mrn="47", mrn_system="urn:oid:1.2.3.4", name="Ada Example", birth_date=None)
    assert main(["identity", "S2", *WHY]) == 0
    assert "mrn: 47\nname: Ada Example\nmrn system: urn:oid:1.2.3.4\n" in capsys.readouterr().out
    (look,) = platform.audit.entries(sample="S2")
    assert (look.event.who, look.event.details["purpose"]) == ("Dr Example", WHY[-1])


@pytest.mark.parametrize("command", [["identify", "who.csv"], ["identity", "S1"]])
def test_neither_goes_without_a_reason(
    platform: Resources, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--person", "Dr Example", "--reason", "why"]) == 1
    assert "needs a person and a reason" in capsys.readouterr().err


def test_a_table_that_is_not_there_is_told(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", "gone.csv", *WHY]) == 1
    told = capsys.readouterr().err
    assert "gone.csv" in told and "Traceback" not in told
