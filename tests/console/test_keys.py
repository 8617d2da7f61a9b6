"""``genomics keys``, ``withdraw --forget``, ``send`` and ``receive``: what is locked, ended, and sent locked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from crypt4gh.keys import c4gh

from console.cli import main
from engine.person import Identity
from engine.receipt import Recipe
from engine.report.issue import SignOut
from engine.report.statement_file import PILEUPS_SUFFIX, SUFFIX, write_pileups, write_statement
from resources.environment import Resources, Settings, build_resources
from resources.registry import RegistryError
from resources.sign_out import event_of
from tests.builders.report_bundle import report_statement
from tests.builders.sheets import entry

WHY = ("--person", "Dr Example", "--reason", "consent was withdrawn")
SOUND = dict.fromkeys(("parse_errors", "unresolved_references", "unstable_ids"), 0)
ADA = Identity("P1", mrn="47", mrn_system="urn:oid:1.2.3.4", family="Example", given=("Ada",))


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """S1 and S2 of one person who is known, with a bundle that names the person and one that does not."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    made = build_resources(Settings.from_environment())
    made.registry.register(
        [entry(tmp_path / "reads", sample, subject_id="P1") for sample in ("S1", "S2")], sheet="a.csv", sheet_digest="0"
    )
    made.identities.identify(ADA, person="Dr Example", reason="told with the order")
    for sample, identified in (("S1", "2026-11-01"), ("S2", None)):
        with made.lake.work("fhir_bundle", sample) as work:
            (work.folder / f"{sample}.fhir.json").write_text("{}" if identified is None else '{"family": "Example"}')
            work.publish(records=1, recipe=Recipe(), measures={"identified": identified} | SOUND)
    return made


def test_keys_are_told_rotated_and_destroyed(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--json"]) == 0
    (before,) = json.loads(capsys.readouterr().out)
    assert (before["persons"], before["current"]) == (1, True)
    assert main(["keys", "--destroy", before["key"], *WHY]) == 1
    assert "still wraps the keys of 1 persons" in capsys.readouterr().err
    assert main(["keys", "--rotate", *WHY]) == 0
    assert main(["keys", "--destroy", before["key"], *WHY]) == 0
    assert "is destroyed" in capsys.readouterr().out
    assert platform.registry.identity("P1").family == "Example"


def test_a_person_is_forgotten_with_the_last_sample_when_named_twice(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["withdraw", "S1", "--forget", "P2", *WHY]) == 1
    assert "the sample is not one of 'P2'" in capsys.readouterr().err
    assert main(["withdraw", "S1", "--forget", "P1", *WHY]) == 1
    assert "other samples of P1 take part: S2" in capsys.readouterr().err
    assert platform.registry.withdrawn() == () and platform.registry.identity("P1").family == "Example"
    assert main(["withdraw", "S2", *WHY]) == 0
    assert main(["withdraw", "S1", "--forget", "P1", *WHY]) == 0
    assert "the key is destroyed, nobody reads again what it sealed; 1 bundles" in capsys.readouterr().out
    with pytest.raises(RegistryError, match="was destroyed"):
        platform.registry.identity("P1")
    data = platform.settings.data
    assert not [path for path in data.rglob("*") if path.is_file() and b'"family": "Example"' in path.read_bytes()]
    assert main(["verify", "S1", "S2"]) == 0
    assert "S1 fhir_bundle: removed by Dr Example" in capsys.readouterr().out


def test_what_is_sent_is_read_by_its_recipient_alone_and_written_down(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    c4gh.generate(tmp_path / "own.sec", tmp_path / "own.pub", b"", None)
    out, opened = tmp_path / "out", tmp_path / "in"
    command = ["send", "S1", "--artifact", "fhir_bundle", "--key", str(tmp_path / "own.pub"), "--to", str(out), *WHY]
    assert main(command) == 0
    assert "1 files of S1 are encrypted for SHA256:" in capsys.readouterr().out
    assert b"Example" not in (out / "S1.fhir.json.c4gh").read_bytes()
    (sent,) = [one.event for one in platform.audit.entries(sample="S1") if one.event.what == "files sent"]
    assert sent.who == "Dr Example" and list(sent.details["artifacts"]) == ["fhir_bundle"]
    assert main(["receive", str(out), "--key", str(tmp_path / "own.sec"), "--to", str(opened)]) == 0
    assert (opened / "S1.fhir.json").read_text() == '{"family": "Example"}'


def test_what_nobody_signed_is_sent_only_where_it_is_named(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = report_statement(tmp_path / "r")
    with platform.lake.work("statement", "S1") as work:
        write_statement(said, work.folder / f"S1{SUFFIX}")
        write_pileups((), work.folder / f"S1{PILEUPS_SUFFIX}")
        work.publish(records=1, recipe=Recipe(), measures={"statement_digest": said.digest})
    c4gh.generate(tmp_path / "own.sec", tmp_path / "own.pub", b"", None)
    command = ["send", "S1", "--key", str(tmp_path / "own.pub"), "--to", str(tmp_path / "out"), *WHY]
    assert main(command) == 1
    assert "has not been signed" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert not [one for one in platform.audit.entries(sample="S1") if one.event.what == "files sent"]
    step = SignOut("S1", said.digest, "final", "Dr B", "2126-11-27T10:00:00.000001+00:00")
    with platform.audit.deed() as deed:
        platform.registry.sign_out(step, after=0, announce=lambda taken: deed.intend(event_of(taken)))
    assert main(command) == 1
    assert "clinical_report has not been made" in capsys.readouterr().err, "signed, it is sent once its page is there"


def test_of_a_withdrawn_sample_nothing_is_sent(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    c4gh.generate(tmp_path / "own.sec", tmp_path / "own.pub", b"", None)
    assert main(["withdraw", "S1", *WHY]) == 0
    assert main(["send", "S1", "--key", str(tmp_path / "own.pub"), "--to", str(tmp_path / "out"), *WHY]) == 1
    assert "withdrawn" in capsys.readouterr().err and not (tmp_path / "out").exists()
