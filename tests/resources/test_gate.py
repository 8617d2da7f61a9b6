"""A gate that failed stays shut, whoever comes next, until the artifact changes or a person overrides it."""

from pathlib import Path

import pytest

from engine.errors import GateError, LakeError
from engine.person import Person, Sex
from engine.quality.thresholds import Threshold, ThresholdTable
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Receipt, Recipe
from resources.audit import AuditLog
from resources.gate import Gate
from resources.lake import Lake
from resources.sample_registry import SampleRegistry

TABLE = ThresholdTable(
    (
        Threshold("aligned_reads", "coverage", "mean_coverage", 20, None, "block", ""),
        Threshold("aligned_reads", "duplicates", "duplicate_fraction", 0, 0.3, "warn", ""),
        Threshold("variants", "titv", "titv", 1.5, 3.6, "block", ""),
    )
)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    for name in ("R1.fastq", "R2.fastq"):
        (tmp_path / name).write_text("@a\nA\n+\nI\n")
    lanes = (Lane("L001", tmp_path / "R1.fastq", tmp_path / "R2.fastq"),)
    registry.register([SampleEntry("S1", Person("P1", Sex.FEMALE), lanes)], sheet="sheet.csv", sheet_digest="0")
    return Gate(Lake(tmp_path / "lake"), registry, AuditLog(tmp_path / "audit.jsonl"), TABLE)


def publish(gate: Gate, asset: str, content: str = "x", inputs: dict[str, str] | None = None, **measures) -> Receipt:
    with gate.lake.work(asset, "S1") as work:
        (work.folder / "file").write_text(content)
        return work.publish(records=1, recipe=Recipe(inputs=inputs or {}), measures=measures)


def aligned(gate: Gate, coverage: float = 30, content: str = "x") -> Receipt:
    return publish(gate, "aligned_reads", content, mean_coverage=coverage, duplicate_fraction=0.5)


def test_a_good_artifact_passes_and_a_warning_does_not_hold_it(gate: Gate) -> None:
    receipt = aligned(gate)
    assert gate.require("aligned_reads", "S1") == receipt


def test_a_failed_check_refuses_every_later_use_and_the_audit_knows(gate: Gate) -> None:
    aligned(gate, coverage=7)
    for _ in range(2):
        with pytest.raises(GateError, match=r"sample S1: the gate of aligned_reads is shut: coverage: observed 7"):
            gate.require("aligned_reads", "S1")
    assert [entry.event.what for entry in gate.audit.entries(sample="S1")] == ["gate refused"] * 2


def test_nothing_of_a_withdrawn_sample_is_used_any_more(gate: Gate) -> None:
    aligned(gate)
    gate.registry.withdraw("S1", person="Dr Example", reason="consent taken back")
    with pytest.raises(GateError, match="sample S1: the sample was withdrawn"):
        gate.require("aligned_reads", "S1")


def test_what_was_never_made_does_not_pass(gate: Gate) -> None:
    with pytest.raises(LakeError, match="aligned_reads has not been made"):
        gate.require("aligned_reads", "S1")


def test_a_gate_upstream_that_shut_later_holds_what_was_made_before(gate: Gate) -> None:
    reads = aligned(gate)
    publish(gate, "variants", inputs={"aligned_reads": reads.data_version}, titv=2.0)
    strict = Threshold("aligned_reads", "coverage", "mean_coverage", 60, None, "block", "")
    stricter = Gate(gate.lake, gate.registry, gate.audit, ThresholdTable((strict, *TABLE.thresholds[2:])))
    gate.require("variants", "S1")
    with pytest.raises(GateError, match="aligned_reads is shut"):
        stricter.require("variants", "S1")


def test_an_artifact_of_an_older_upstream_version_is_refused_as_stale(gate: Gate) -> None:
    reads = aligned(gate)
    publish(gate, "variants", inputs={"aligned_reads": reads.data_version}, titv=2.0)
    aligned(gate, content="y")
    with pytest.raises(GateError, match="variants was made from aligned_reads"):
        gate.require("variants", "S1")


def test_an_override_names_person_and_reason_and_holds_for_one_version(gate: Gate) -> None:
    aligned(gate, coverage=18)
    gate.override("aligned_reads", "S1", "coverage", person="Dr Mendel", reason="a repeat draw is impossible")
    gate.require("aligned_reads", "S1")
    (entry,) = [entry for entry in gate.audit.entries() if entry.event.what == "gate override"]
    assert (entry.event.who, entry.event.details["reason"]) == ("Dr Mendel", "a repeat draw is impossible")
    assert gate.let_through("S1", "aligned_reads") == (
        "aligned_reads, coverage: observed 18, expected mean_coverage >= 20: "
        "let through by Dr Mendel (a repeat draw is impossible)",
    )
    aligned(gate, coverage=17, content="y")
    with pytest.raises(GateError, match="observed 17"):
        gate.require("aligned_reads", "S1")
    assert gate.let_through("S1", "aligned_reads") == ()


@pytest.mark.parametrize(
    ("check", "person", "reason", "said"),
    [
        ("coverage", "", "a repeat draw is impossible", "needs a person and a reason"),
        ("coverage", "Dr Mendel", "because", "needs a person and a reason"),
        ("duplicates", "Dr Mendel", "a warning needs no override", "no shut check 'duplicates'"),
        ("covrage", "Dr Mendel", "a repeat draw is impossible", "no shut check 'covrage'"),
    ],
)
def test_an_override_that_nobody_answers_for_is_refused(
    gate: Gate, check: str, person: str, reason: str, said: str
) -> None:
    aligned(gate, coverage=18)
    with pytest.raises(GateError, match=said):
        gate.override("aligned_reads", "S1", check, person=person, reason=reason)
    with pytest.raises(GateError, match="shut"):
        gate.require("aligned_reads", "S1")
