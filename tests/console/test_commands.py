"""``genomics``: what each command shows and changes, and what it says where it cannot."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from console.cli import main, parser
from engine.errors import LakeError, VariantFileError
from engine.reads.registration import SampleStatus
from engine.reads.sample_names import safe_id
from engine.receipt import Receipt, Recipe
from resources.environment import Resources, Settings, build_resources
from tests.builders.deployment import let_settle
from tests.builders.runs import add_run, execute
from tests.builders.sheets import entry, said_anew

WHY = ("--person", "Dr Example", "--reason", "the order asks for one gene")


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Three registered samples: S0001 with a shallow alignment, S0002 failed, S0003 waiting."""
    monkeypatch.setenv("GENOMICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GENOMICS_REFERENCE", "demo")
    made = build_resources(Settings.from_environment())
    entries = [entry(tmp_path / "reads", sample) for sample in ("S0001", "S0002", "S0003")]
    made.registry.register(entries, sheet="run 7.csv", sheet_digest="0")
    made.registry.mark("S0002", SampleStatus.FAILED)
    publish(made, "S0001", "aligned_reads", mean_coverage=7.5)
    return made


def publish(platform: Resources, sample: str, asset: str, **measures: float) -> Receipt:
    with platform.lake.work(asset, sample) as work:
        (work.folder / "file").write_text("ACGT")
        return work.publish(records=4, recipe=Recipe(), measures=measures)


def test_samples_are_listed_for_people_and_for_programs(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["samples"]) == 0
    printed = capsys.readouterr()
    header, *lines = printed.out.splitlines()
    assert header.split()[:4] == ["SAMPLE", "STATE", "STAGE", "SINCE"]
    assert [line.split()[:2] for line in lines] == [["S0001", "waiting"], ["S0002", "failed"], ["S0003", "waiting"]]
    assert printed.err == f"3 samples in {platform.settings.data}: 2 waiting, 1 failed\n"
    assert main(["samples", "--json"]) == 0
    told = {sample["sample"]: sample for sample in json.loads(capsys.readouterr().out)}
    assert told["S0002"]["state"] == "failed" and told["S0002"]["todo"] == "genomics retry S0002 --reason ..."
    assert told["S0001"]["waits_for"] == "knowledge" and "reference_genome" in told["S0001"]["why"]
    assert {sample["sheet"] for sample in told.values()} == {"run 7.csv"}


def test_sheets_with_rows_that_were_not_taken_are_told(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    landing = platform.settings.landing
    landing.mkdir()
    (landing / "run 9.csv").write_text("sample_id,read1,read2\nS9,gone_R1.fastq,gone_R2.fastq\n")
    let_settle(landing)
    platform.landing_zone.scan(None, platform.registry, platform.audit)
    assert main(["samples"]) == 0
    assert capsys.readouterr().err.endswith(f"not taken: {landing / 'run 9.csv.problems.txt'}\n")


def test_a_failed_sample_is_told_in_the_words_of_its_error_wherever_it_is_shown(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(platform, "S0002", "No space left on device")
    words = "gvcf.tmp: No space left on device"
    for command in (["samples"], ["sample", "S0002"]):
        main(command)
        shown = capsys.readouterr().out
        assert f"{words} (to do: free some; then genomics retry S0002 --reason ...)" in shown
    main(["sample", "S0002", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["stage"], told["why"]) == ("failed", "gvcf", words)


def fail(platform: Resources, sample: str, problem: str) -> None:
    """A real run of the sample that fails so."""
    execute(platform, sample, VariantFileError(problem, file="gvcf.tmp", remedy="free some"))
    platform.registry.mark(sample, SampleStatus.FAILED)


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (["--state", "failed"], ["S0001", "S0002"]),
        (["--state", "failed", "--state", "waiting"], ["S0001", "S0002", "S0003"]),
        (["--stage", "gvcf"], ["S0001", "S0002"]),
        (["--why", "no SPACE"], ["S0002"]),
        (["--state", "waiting", "--why", "no space"], []),
    ],
)
def test_the_list_is_filtered(
    platform: Resources, capsys: pytest.CaptureFixture[str], filters: list[str], left: list[str]
) -> None:
    publish(platform, "S0001", "aligned_reads", **sound(platform, "aligned_reads"))
    fail(platform, "S0001", "the index ends early")
    fail(platform, "S0002", "No space left on device")
    assert main(["samples", "--json", *filters]) == 0
    printed = capsys.readouterr()
    assert [sample["sample"] for sample in json.loads(printed.out)] == left
    assert "3 samples in" in printed.err


def sound(platform: Resources, asset: str) -> dict[str, float]:
    """Measures that pass every check."""
    return {row.measure: row.minimum or row.maximum or 0 for row in platform.gate.thresholds.of(asset)}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["samples", "--stage", "gvfc"], "there is no stage 'gvfc'. Remedy: did you mean gvcf?"),
        (["samples", "--family", "F1"], "there is no family 'F1'. Remedy: There are none."),
        (["retry", "--failed", "--stage", "vairants", *WHY], "did you mean variants?"),
    ],
)
def test_a_filter_that_names_nothing_is_refused(
    platform: Resources, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(words) == 1
    assert told in capsys.readouterr().err


def test_a_sample_shows_its_artifacts_what_is_shut_and_its_history(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(platform, "S0001", "findings")
    assert main(["sample", "S0001"]) == 0
    shown = capsys.readouterr().out
    assert "aligned_reads: 4 records" in shown and "findings: 4 records" in shown
    assert "SHUT: mean_coverage: observed 7.5, expected mean_coverage >= 15" in shown
    assert main(["sample", "S0001", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    checks = {check["check"]: check for check in told["artifacts"][0]["checks"]}
    assert checks["mean_coverage"]["state"] == "SHUT" and checks["mean_coverage"]["observed"] == 7.5
    assert [event["event"] for event in told["history"]] == ["new"]


@pytest.mark.parametrize("typed", ["23/0816", " 23/0816 ", safe_id("23/0816")])
def test_a_sample_is_found_by_the_id_that_the_laboratory_writes(
    platform: Resources, tmp_path: Path, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(safe_id("23/0816"))
    written = replace(entry(tmp_path / "reads", name), name="23/0816")
    platform.registry.register([written], sheet="run 8.csv", sheet_digest="1")
    assert main(["sample", typed]) == 0
    assert capsys.readouterr().out.startswith(f"{name} (23/0816): waiting")
    assert main(["withdraw", typed, *WHY]) == 0
    assert platform.registry.sample(name).withdrawn


def test_an_override_lets_the_check_pass_and_the_log_knows_who(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["override", "S0001", "aligned_reads", "mean_coverage", *WHY]) == 0
    assert platform.gate.overridden("aligned_reads", "S0001", "mean_coverage")
    assert [entry.event.who for entry in platform.gate.ledger.overrides("S0001")] == ["Dr Example"]
    main(["sample", "S0001"])
    assert "overridden: mean_coverage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sample", "S001"), "sample S001: the sample is not registered. Remedy: did you mean S0001?"),
        (("sample", "s0003"), "did you mean S0003?"),
        (("withdraw", "zebra", *WHY), "not registered. Remedy: `genomics samples` lists every sample."),
        (("override", "S0001", "alined_reads", "mean_coverage", *WHY), "no asset with checks 'alined_reads'"),
        (("override", "S0001", "alined_reads", "mean_coverage", *WHY), "did you mean aligned_reads?"),
        (("override", "S0001", "aligned_reads", "coverage", *WHY), "did you mean mean_coverage?"),
        (("override", "S0001", "aligned_reads", "duplicate_fraction", *WHY), "has no shut check 'duplicate_fraction'"),
        (("retry", "../S0001", *WHY), "the sample is not registered"),
        (("verify", "S0O01"), "did you mean S0001?"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest_right_one(
    platform: Resources, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert main(words) == 1
    printed = capsys.readouterr()
    assert told in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert not platform.registry.withdrawn()


def test_of_several_samples_a_wrong_one_stops_no_other(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    platform.registry.withdraw("S0003", person="Dr Example", reason="consent withdrawn")
    assert main(["retry", "S0003", "S0001", "S9999", "S0002", *WHY]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["S0001 waits for attempt 2", "S0002 waits for attempt 2"]
    assert [line.split(":")[0] for line in printed.err.splitlines()] == ["sample S0003", "sample S9999"]


def test_all_that_failed_are_retried_at_one_word(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retry", "--failed", *WHY]) == 0
    assert capsys.readouterr().out == "S0002 waits for attempt 2\n"
    assert main(["retry", "--failed", *WHY]) == 0
    assert f"no such sample has failed in {platform.settings.data}" in capsys.readouterr().err


def test_all_that_failed_for_one_reason_are_retried_and_those_behind_a_shut_gate_are_not(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(platform, "S0001", "a check failed")  # its alignment is shallow: the gate is shut, another run ends there
    fail(platform, "S0002", "the index ends early")
    fail(platform, "S0003", "No space left on device")
    capsys.readouterr()
    assert main(["retry", "--failed", "--why", "no space", "--json", *WHY]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [{"sample": "S0003", "attempt": 2}]
    assert printed.err.startswith("S0001 is not asked for again: the gate of aligned_reads is shut")


def test_a_sample_whose_run_is_under_way_is_not_run_twice(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(platform, "S0001", dg.DagsterRunStatus.STARTED)
    assert main(["retry", "S0001", *WHY]) == 1
    assert "its run is running, since " in capsys.readouterr().err
    assert platform.registry.sample("S0001").attempt == 1


@pytest.mark.parametrize("words", [("retry", *WHY), ("retry", "S0001", "--failed", *WHY), ("verify", "S0001", "--all")])
def test_samples_are_named_or_meant_by_an_option_but_not_both(platform: Resources, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_an_artifact_that_cannot_be_read_hides_no_other(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt_file(platform, publish(platform, "S0001", "findings")).write_text("")
    assert main(["sample", "S0001"]) == 1
    shown = capsys.readouterr()
    assert "aligned_reads: 4 records" in shown.out and "new" in shown.out
    assert "the receipt cannot be read, it is empty" in shown.err and shown.err.count("\n") == 1
    assert main(["sample", "S0001", "--json"]) == 1
    told = {artifact["asset"]: artifact for artifact in json.loads(capsys.readouterr().out)["artifacts"]}
    assert "empty" in told["findings"]["problem"] and told["aligned_reads"]["checks"]


def test_verify_names_entries_that_were_cut_off_the_log(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its last entries the log is a sound chain, and the receipt before it looks like the last."""
    earlier = receipt_file(platform, platform.lake.require("aligned_reads", "S0001")).read_text()
    newer = receipt_file(platform, publish(platform, "S0001", "aligned_reads", mean_coverage=99.0))
    lines = platform.audit.path.read_text().splitlines(keepends=True)
    platform.audit.path.write_text("".join(lines[:-2]))
    newer.write_text(earlier)
    for command in (["verify", "S0001"], ["audit"]):
        assert main(command) == 1
        assert "2 lines are missing at the end" in capsys.readouterr().err
    with pytest.raises(LakeError, match="the audit log ends at entry 3, and once had 5"):
        platform.lake.require("aligned_reads", "S0001")


def test_verify_says_what_it_read(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--all"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("S0001 aligned_reads: 1 files as published ")
    assert printed.out.endswith("\n1 artifacts, 1 files, 4 bytes read: all as published\n")
    assert printed.err == "S0002: nothing is published yet\nS0003: nothing is published yet\n"


def test_verify_tells_every_damaged_artifact_and_reads_on(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    for asset in ("findings", "variants"):
        publish(platform, "S0001", asset)
    damaged = platform.lake.path(platform.lake.require("findings", "S0001"), "file")
    damaged.write_text("ACGA")
    assert main(["verify", "S0001"]) == 1
    printed = capsys.readouterr()
    assert "findings differs from its receipt" in printed.err and str(damaged) in printed.err
    assert "S0001 variants: 1 files as published" in printed.out
    assert printed.out.endswith("3 artifacts, 3 files, 12 bytes read: 1 NOT as published\n")
    assert main(["verify", "S0001", "--json"]) == 1
    assert {told["asset"]: told["whole"] for told in json.loads(capsys.readouterr().out)} == {
        "aligned_reads": True,
        "findings": False,
        "variants": True,
    }


def test_verify_names_an_edited_receipt_and_a_rolled_back_one(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    receipts = {asset: receipt_file(platform, publish(platform, "S0001", asset)) for asset in ("findings", "variants")}
    earlier = receipts["variants"].read_text()
    with platform.lake.work("variants", "S0001") as work:
        (work.folder / "file").write_text("TTTT")
        work.publish(records=4, recipe=Recipe(), measures={})
    receipts["variants"].write_text(earlier)
    receipts["findings"].write_text(receipts["findings"].read_text().replace('"records": 4', '"records": 5'))
    assert main(["verify", "S0001"]) == 1
    printed = capsys.readouterr()
    assert "S0001 findings: the receipt of findings was changed" in printed.err
    assert "S0001 variants: the receipt of variants was put back to an earlier one" in printed.err
    assert "S0001 aligned_reads: 1 files as published" in printed.out and "2 NOT as published" in printed.out


def test_verify_names_a_receipt_that_is_gone(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    receipt_file(platform, platform.lake.require("aligned_reads", "S0001")).unlink()
    assert main(["verify", "S0001"]) == 1
    assert "S0001 aligned_reads: the receipt of aligned_reads is gone" in capsys.readouterr().err


def receipt_file(platform: Resources, receipt: Receipt) -> Path:
    return platform.lake.folder(receipt).parent / "receipt.json"


def test_verify_names_an_override_that_the_audit_log_does_not_know(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    version = platform.lake.require("aligned_reads", "S0001").data_version
    reason = "the order asks for one gene"
    platform.registry.override_gate("S0001", "aligned_reads", "mean_coverage", version, person="Eve", reason=reason)
    assert main(["verify", "S0001"]) == 1
    assert "override of aligned_reads.mean_coverage by 'Eve'" in capsys.readouterr().err


def test_verify_reads_what_belongs_to_no_sample_too(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    with platform.lake.work("clinvar") as work:
        (work.folder / "clinvar.parquet").write_text("PAR1")
        receipt = work.publish(records=1, recipe=Recipe(), measures={})
    assert main(["verify", "--all"]) == 0
    assert "shared clinvar: 1 files as published" in capsys.readouterr().out
    platform.lake.path(receipt, "clinvar.parquet").write_text("PAR2")
    assert main(["verify", "--all"]) == 1
    assert "content of clinvar differs" in capsys.readouterr().err


def test_a_withdrawn_sample_is_shown_as_such(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["withdraw", "S0003", *WHY]) == 0
    assert platform.registry.withdrawn() == ("S0003",)
    capsys.readouterr()
    main(["samples"])
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["S0003", "withdrawn"]
    main(["sample", "S0003"])
    assert capsys.readouterr().out.startswith("S0003: withdrawn at ")


def test_what_a_person_changes_is_told_to_programs_too(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["override", "S0001", "aligned_reads", "mean_coverage", "--json", *WHY]) == 0
    told = {"sample": "S0001", "asset": "aligned_reads", "check": "mean_coverage", "overridden": True}
    assert json.loads(capsys.readouterr().out) == told
    assert main(["withdraw", "S0003", "--json", *WHY]) == 0
    assert json.loads(capsys.readouterr().out) == {"sample": "S0003", "state": "withdrawn"}


def leaves(command: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The commands that do something: of a group its own."""
    groups = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    below = [leaf for group in groups for one in group.choices.values() for leaf in leaves(one)]
    return below if groups else [command]


def test_every_command_has_json() -> None:
    commands = leaves(parser())
    assert len(commands) > 30 and [one.prog for one in commands if "--json" not in one.format_help()] == []


def test_an_id_that_the_laboratory_writes_is_suggested_where_it_was_mistyped(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_anew(entry(tmp_path / "reads", str(safe_id("23/0816"))), name="23/0816")
    platform.registry.register([said], sheet="run 8.csv", sheet_digest="1")
    assert main(["sample", "23/0861"]) == 1
    assert "did you mean 23/0816?" in capsys.readouterr().err


def test_a_sample_whose_row_was_refused_is_told_with_its_sheet(
    platform: Resources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = entry(tmp_path / "reads", "S0004")
    missing.lanes[0].read1.unlink()
    platform.registry.register([missing], sheet="run 8.csv", sheet_digest="1")
    assert main(["sample", "S0004"]) == 1
    assert "run 8.csv, line 2: " in capsys.readouterr().err


def test_a_fault_of_the_program_is_one_line_and_its_trace_is_in_a_file(
    platform: Resources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(type(platform.registry), "ids", lambda self: 1 / 0)
    assert main(["sample", "S0001"]) == 70
    told = capsys.readouterr().err
    assert told.startswith("genomics is at fault, not you: ZeroDivisionError") and told.count("\n") == 1
    trace = Path(told.split(" file ")[1].rstrip(".\n"))
    assert "Traceback" in trace.read_text()
    trace.unlink()


ODD = (
    "",
    " ",
    "-",
    "--",
    "..",
    "/",
    "S0001/..",
    "S0001\n",
    "\x1b[2J",
    "'; DROP TABLE samples; --",
    "é" * 300,
    "0",
    "%s",
)


@pytest.mark.parametrize("word", ODD)
@pytest.mark.parametrize(
    "command",
    [
        ["sample", "{}"],
        ["samples", "--stage", "{}"],
        ["samples", "--family", "{}"],
        ["samples", "--state", "{}"],
        ["samples", "--why", "{}"],
        ["override", "{}", "aligned_reads", "mean_coverage", *WHY],
        ["override", "S0001", "{}", "mean_coverage", *WHY],
        ["override", "S0001", "aligned_reads", "{}", *WHY],
        ["retry", "{}", *WHY],
        ["withdraw", "{}", *WHY],
        ["verify", "{}"],
        ["identify", "{}", *WHY],
        ["identity", "{}", *WHY],
        ["{}"],
    ],
    ids=lambda words: "-".join(word.strip("-") for word in words[:2]),
)
def test_whatever_is_typed_is_answered_in_a_line(
    platform: Resources, capsys: pytest.CaptureFixture[str], command: list[str], word: str
) -> None:
    try:
        code = main([part.replace("{}", word) for part in command])
    except SystemExit as ended:
        code = int(ended.code or 0)
    printed = capsys.readouterr()
    assert code in (0, 1, 2), printed.err
    assert "Traceback" not in printed.err and "at fault" not in printed.err
    assert code == 0 or printed.err.strip()


def test_words_that_are_no_text_are_refused(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["retry", "S0001", "--reason", "caf\udce9 was closed"])
    assert ended.value.code == 2 and "is no text in UTF-8" in capsys.readouterr().err


def test_dagsters_state_that_cannot_be_read_is_told_with_its_folder(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(platform, "S0001", dg.DagsterRunStatus.STARTED)
    (database,) = platform.settings.dagster_home.rglob("runs.db")
    database.write_bytes(b"no database " * 400)
    assert main(["samples"]) == 1
    told = capsys.readouterr().err
    assert str(platform.settings.dagster_home) in told and "Remedy: restore" in told and told.count("\n") == 1


def test_the_audit_logs_chain_is_verified(platform: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    main(["retry", "S0001", "S0002", *WHY])
    capsys.readouterr()
    assert main(["audit"]) == 0
    entries = len(list(platform.audit.entries()))
    assert capsys.readouterr().out == f"{platform.audit.path}: {entries} entries, chain unbroken\n"
    lines = platform.audit.path.read_text().splitlines(keepends=True)
    platform.audit.path.write_text("".join(lines[1:]))
    assert main(["audit"]) == 1
    assert "does not follow from the line before it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("samples",), 0),
        (("samples", "--state", "failed"), 0),
        (("samples", "--json"), 0),
        (("sample", "S0001"), 1),
        (("verify", "S0001"), 1),
        (("audit",), 1),
        (("retry", "S0001", *WHY), 1),
        (("withdraw", "S0001", *WHY), 1),
        (("override", "S0001", "aligned_reads", "mean_coverage", *WHY), 1),
    ],
)
def test_an_empty_deployment_is_told_with_its_path_and_nothing_is_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
) -> None:
    data = tmp_path / "nowhere"
    monkeypatch.setenv("GENOMICS_DATA", str(data))
    assert main(words) == code
    printed = capsys.readouterr()
    assert f"no samples in {data}. Remedy: drop a sample sheet into {data}/landing" in printed.err
    assert printed.out == ("[]\n" if "--json" in words else "")
    assert not data.exists()


def test_an_account_without_a_name_must_give_one(
    platform: Resources, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nameless() -> str:
        raise OSError("no username")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert main(["retry", "S0001", "--reason", "the share was offline"]) == 1
    assert "Remedy: give --person." in capsys.readouterr().err
    assert platform.registry.sample("S0001").attempt == 1


def test_the_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("genomics 0.")


def test_a_log_that_lost_its_end_stops_every_change_and_a_person_can_go_on(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = platform.audit.path.read_text().splitlines(keepends=True)
    platform.audit.path.write_text("".join(lines[:-1]))
    for words in (("retry", "S0001", *WHY), ("withdraw", "S0001", *WHY), ("audit",)):
        assert main(words) == 1
        told = capsys.readouterr()
        assert (not told.out and "audit --accept" in told.err) or "missing at the end" in told.err
    assert main(["samples"]) == 0, "what only reads goes on"
    told = capsys.readouterr()
    assert "S0001" in told.out and "once had 3" in told.err
    assert main(["audit", "--accept", "--reason", "no"]) == 1
    assert "needs a person and a reason" in capsys.readouterr().err
    assert main(["audit", "--accept", *WHY]) == 0
    assert "ends at entry 2, and once had 3" in capsys.readouterr().out
    assert main(["audit"]) == 0 and main(["retry", "S0001", *WHY]) == 0


def test_what_a_fault_left_is_told_before_anything_else(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError), platform.audit.do("Dr Example", "retry", "S0002", {"attempt": 2}):
        raise OSError
    assert main(["audit"]) == 0
    assert "without outcome: retry of S0002, by Dr Example" in capsys.readouterr().out
    assert main(["samples"]) == 0
    assert "retry of S0002, by Dr Example" in (told := capsys.readouterr().err) and "ask for it again" in told
    assert main(["audit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["without_outcome"] == []


def test_a_withdrawn_sample_takes_part_again_by_a_decision(
    platform: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["withdraw", "S0003", *WHY]) == 0
    assert main(["reinstate", "S0003", *WHY]) == 0
    assert "S0003 takes part again and waits for attempt 2" in capsys.readouterr().out
    assert platform.registry.withdrawn() == ()
    assert main(["reinstate", "S0003", *WHY]) == 1
    assert "the sample was not withdrawn" in capsys.readouterr().err
