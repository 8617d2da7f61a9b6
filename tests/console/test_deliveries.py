"""``genomics deliver`` and ``genomics deliveries``: from the signature to a FHIR server and a receiver of HL7 v2."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from console.cli import main
from console.submissions import WRITTEN
from engine.fhir.transactions import references_in
from engine.person import Identity
from engine.receipt import Recipe
from engine.report.issue import SignOut
from engine.report.statement import Statement
from engine.report.statement_file import PILEUPS_SUFFIX, SUFFIX, write_pileups, write_statement
from resources.environment import Resources, Settings, build_resources
from resources.sign_out import event_of
from tests.builders.fhir_server import Faults, faulty, sekmet
from tests.builders.mllp import receiving
from tests.builders.report_bundle import report_statement
from tests.builders.sheets import entry


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sekmet(tmp_path_factory.mktemp("ehr")) as base:
        yield base


@pytest.fixture
def platform(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """S1 with a statement that nobody has signed."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    monkeypatch.setenv("GENOMICS_FHIR_URL", url)
    made = build_resources(Settings.from_environment())
    made.registry.register([entry(tmp_path / "reads", "S1")], sheet="run.csv", sheet_digest="0")
    publish(made, report_statement(tmp_path / "r"))
    return made


def publish(platform: Resources, said: Statement) -> None:
    with platform.lake.work("statement", "S1") as work:
        write_statement(said, work.folder / f"S1{SUFFIX}")
        write_pileups((), work.folder / f"S1{PILEUPS_SUFFIX}")
        work.publish(records=1, recipe=Recipe({}), measures={"statement_digest": said.digest})


def sign(platform: Resources) -> None:
    digest = str(platform.lake.require("statement", "S1").measures["statement_digest"])
    step = SignOut("S1", digest, "final", "Dr B", "2126-11-27T10:00:00.000001+00:00")
    with platform.audit.deed() as deed:
        platform.registry.sign_out(step, after=0, announce=lambda taken: deed.intend(event_of(taken)))


def test_only_a_signed_report_is_delivered_and_only_once(
    platform: Resources, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deliver", "S1"]) == 1
    assert "sample S1: not delivered: the report is preliminary" in capsys.readouterr().err
    sign(platform)
    assert main(["deliver", "S1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("S1: ") and f"resources sent to {url} in 1 transactions" in told
    report = httpx.get(f"{url}/{told.split()[-1]}").json()
    assert (report["status"], report["meta"]["versionId"]) == ("final", "1")
    assert main(["deliver", "S1", "--json"]) == 0
    (again,) = json.loads(capsys.readouterr().out)
    assert again["fresh"] and again["report"] == told.split()[-1]
    assert main(["deliveries"]) == 0
    assert capsys.readouterr().out.startswith(f"S1\tsent\t{url}\tattempts 1\t")


def test_what_was_signed_alone_is_submitted_to_clinvar_and_written_down_first(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = report_statement(tmp_path / "r")
    word = {"decided_class": "pathogenic", "decided_at": "2026-11-20T10:00:00+00:00"}
    decided = [replace(one, row={**one.row, **word}) for one in said.findings]
    assert decided
    publish(platform, replace(said, findings=tuple(decided)))
    assert main(["clinvar", str(tmp_path / "none.json"), "--person", "Dr C"]) == 0
    assert json.loads((tmp_path / "none.json").read_text())["germlineSubmission"] == []
    sign(platform)
    assert main(["clinvar", str(tmp_path / "all.json"), "--person", "Dr C", "--json"]) == 0
    told = json.loads((tmp_path / "all.json").read_text())
    assert len(told["germlineSubmission"]) == len(decided)
    capsys.readouterr()
    assert main(["clinvar", str(tmp_path / "all.json"), "--person", "Dr C"]) == 1
    assert "the file is there already" in capsys.readouterr().err
    written = [entry.event for entry in platform.audit.entries_of(WRITTEN)]
    assert [(one.who, one.details["classifications"]) for one in written] == [("Dr C", 0), ("Dr C", len(decided))]
    platform.decisions.withdraw("S1", person="Dr B", reason="consent was withdrawn")
    assert main(["clinvar", str(tmp_path / "gone.json")]) == 0
    assert json.loads((tmp_path / "gone.json").read_text())["germlineSubmission"] == []


def test_what_did_not_arrive_waits_to_be_sent_again(
    platform: Resources, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(platform)
    monkeypatch.setattr("resources.hospital.Patience", lambda: _hurried())
    monkeypatch.setenv("GENOMICS_FHIR_URL", "http://127.0.0.1:9/fhir")
    assert main(["deliver", "S1"]) == 1
    assert "does not answer" in capsys.readouterr().err
    assert main(["deliveries", "--failed", "--json"]) == 0
    (letter,) = json.loads(capsys.readouterr().out)
    assert (letter["sample"], letter["state"]) == ("S1", "failed")
    assert main(["deliver", "--failed"]) == 1
    capsys.readouterr()


def test_a_signed_report_goes_to_both_systems_and_each_is_told(
    platform: Resources, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving("AE") as receiver:
        to = f"mllp://127.0.0.1:{receiver.port}"
        monkeypatch.setenv("GENOMICS_HL7", to)
        assert main(["deliver", "S1"]) == 1
        assert "sample S1: not delivered: the report is preliminary" in capsys.readouterr().err
        assert receiver.arrived == []
        sign(platform)
        assert main(["deliver", "S1"]) == 1
        told = capsys.readouterr()
        assert f"{url} has the report already" in told.out or "resources sent to" in told.out
        assert f"sample S1: {to} refused the message with AE" in told.err
        assert main(["deliveries", "--failed"]) == 0
        assert f"S1\trefused\t{to}\tattempts 1\t" in capsys.readouterr().out
        assert main(["deliver", "--failed", "--json"]) == 0
        fhir, hl7 = json.loads(capsys.readouterr().out)
        assert fhir["fresh"] and not hl7["fresh"] and (hl7["destination"], hl7["sent"]) == (to, 1)
        assert main(["deliver", "S1"]) == 0
        assert f"S1: {to} has the report already, as message {hl7['control_id']}" in capsys.readouterr().out
    assert list(receiver.taken) == [hl7["control_id"]] and len(receiver.arrived) == 2
    assert b"|F|" in receiver.taken[hl7["control_id"]] and b"Dr B" in receiver.taken[hl7["control_id"]]


def test_a_message_names_the_person_and_nothing_that_is_kept_does(
    platform: Resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry has it sealed; the bundle is not made here."""
    (tmp_path / "out").mkdir()
    monkeypatch.delenv("GENOMICS_FHIR_URL")
    monkeypatch.setenv("GENOMICS_HL7", str(tmp_path / "out"))
    subject = platform.registry.sample("S1").person.subject_id
    words = ("MRN-0815-4711", "Unmistakable", "1970-01-31")
    who = Identity(subject, mrn=words[0], mrn_system="urn:oid:1.2.3", family=words[1], birth_date=words[2])
    platform.identities.identify(who, person="Dr B", reason="told with the order")
    said = report_statement(tmp_path / "named", subject_id=subject)
    with platform.lake.work("statement", "S1") as work:
        write_statement(said, work.folder / f"S1{SUFFIX}")
        write_pileups((), work.folder / f"S1{PILEUPS_SUFFIX}")
        work.publish(records=1, recipe=Recipe({}), measures={"statement_digest": said.digest})
    sign(platform)
    assert main(["deliver", "S1"]) == 0
    assert f"S1: {tmp_path / 'out'} took the report as message " in capsys.readouterr().out
    (file,) = (tmp_path / "out").iterdir()
    assert "MRN-0815-4711^^^&1.2.3&ISO^MR" in file.read_text() and "Unmistakable^^^^^^L||19700131" in file.read_text()
    data = platform.settings.data
    kept = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert any(subject.encode() in content for content in kept.values()), "the search finds what is there"
    assert {path for path, content in kept.items() if any(word.encode() in content for word in words)} == set()
    assert platform.registry.identity(subject).family == words[1]
    looks = [
        one.event.details["purpose"] for one in platform.audit.entries(sample="S1") if "purpose" in one.event.details
    ]
    assert looks == ["hl7v2_delivery"]


def test_what_waits_is_sent_again_by_one_command_once_the_server_answers(
    platform: Resources, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(platform)
    monkeypatch.setattr("resources.hospital.Patience", lambda: _hurried())
    faults = Faults(share=1.0, kinds=("503",))
    with faulty(url, faults) as proxy:
        monkeypatch.setenv("GENOMICS_FHIR_URL", proxy)
        assert main(["deliver", "S1"]) == 1
        assert main(["deliveries", "--failed"]) == 0
        assert capsys.readouterr().out.startswith(f"S1\tfailed\t{proxy}\tattempts 1\t")
        faults.share = 0.0
        assert main(["deliver", "--failed"]) == 0
        assert f"to {proxy}" in capsys.readouterr().out
        assert main(["deliveries", "--failed"]) == 0
        assert capsys.readouterr().out == ""
        assert main(["deliver", "--failed"]) == 0
        assert "nothing waits to be sent again" in capsys.readouterr().err


def test_signed_reports_are_exported_for_import(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (
        "export",
        "S1",
        "--folder",
        str(tmp_path / "bulk"),
        "--base",
        "https://store.example.org/bulk/",
        "--json",
    )
    assert main(command) == 1
    assert "not exported: the report is preliminary" in capsys.readouterr().err
    sign(platform)
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reports"] == 1 and told["resources"]["DiagnosticReport"] == 1
    request = json.loads((tmp_path / "bulk" / "import.json").read_text())
    named = {part["part"][0]["valueString"]: part["part"][1]["valueUri"] for part in request["parameter"][2:]}
    assert named["Patient"] == "https://store.example.org/bulk/Patient.ndjson"
    written = {path: path.read_text() for path in (tmp_path / "bulk").glob("*.ndjson")}
    resources = [json.loads(line) for text in written.values() for line in text.splitlines()]
    there = {f"{one['resourceType']}/{one['id']}" for one in resources}
    assert len(there) == len(resources) and {name for one in resources for name in references_in(one)} <= there
    assert set(named.values()) == {f"https://store.example.org/bulk/{path.name}" for path in written}
    for kind, count in told["resources"].items():
        lines = (tmp_path / "bulk" / f"{kind}.ndjson").read_text().splitlines()
        assert [json.loads(line)["resourceType"] for line in lines] == [kind] * count


def test_without_a_server_nothing_is_delivered_and_it_is_said(
    platform: Resources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GENOMICS_FHIR_URL")
    assert main(["deliver", "S1"]) == 1
    assert "no FHIR server is named (GENOMICS_FHIR_URL)" in capsys.readouterr().err
    assert main(["deliver", "--failed"]) == 0
    assert main(["deliveries"]) == 0


def _hurried() -> object:
    from resources.fhir_server import Patience

    return Patience(attempts=2, first=0.001, timeout=1)
