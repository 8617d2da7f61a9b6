"""A gate that failed stays shut, whoever comes next, until the artifact changes or a person overrides it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import GateError, LakeError
from engine.person import Person, Sex
from engine.quality.thresholds import Threshold, ThresholdTable
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Receipt, Recipe
from resources.audit import DONE, AuditLog
from resources.gate import Gate
from resources.lake import LocalLake
from resources.ledger import PUBLISHED
from resources.registry import SampleRegistry
from tests.builders.editing import edit_in_place

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
    audit = AuditLog(tmp_path / "audit.jsonl")
    return Gate(LocalLake(tmp_path / "lake", audit), registry, audit, TABLE)


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
    assert [entry.event.what for entry in gate.audit.entries(sample="S1")] == [PUBLISHED, DONE, *["gate refused"] * 2]


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
    assert gate.overridden_checks("S1", "aligned_reads") == (
        "aligned_reads, coverage: observed 18, expected mean_coverage >= 20: "
        "let through by Dr Mendel (a repeat draw is impossible)",
    )
    aligned(gate, coverage=17, content="y")
    with pytest.raises(GateError, match="observed 17"):
        gate.require("aligned_reads", "S1")
    assert gate.overridden_checks("S1", "aligned_reads") == ()


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


KINDS = {
    "raw_reads": ["reads.json"],
    "aligned_reads": ["S1.bam", "S1.bam.bai", "S1.duplicate_metrics.txt"],
    "gvcf": ["S1.g.vcf.gz", "S1.g.vcf.gz.tbi", "S1.recalibration.table"],
    "variants": ["S1.vcf.gz"],
    "variant_consequences": ["S1.annotated.vcf.gz", "S1.consequences.parquet"],
    "annotated_variants": ["S1.annotated.parquet"],
    "findings": ["S1.findings.parquet"],
    "statement": ["S1.statement.json"],
    "clinical_report": ["S1.report.html"],
    "fhir_bundle": ["S1.fhir.json"],
    "cohort_contribution": ["calls.parquet", "missing.parquet"],
}
"""Files by artifact, as the ops write them."""


@pytest.mark.parametrize(("asset", "name"), [(asset, name) for asset, names in KINDS.items() for name in names])
@pytest.mark.parametrize("size", [40, 1 << 20])
def test_an_edit_that_leaves_size_and_time_is_refused_where_the_file_is_used(
    gate: Gate, asset: str, name: str, size: int
) -> None:
    with gate.lake.work(asset, "S1") as work:
        for file in KINDS[asset]:
            (work.folder / file).write_bytes(bytes(range(40)) * (size // 40))
        receipt = work.publish(records=1, recipe=Recipe(), measures={"mean_coverage": 30, "titv": 2.0})
    assert gate.require(asset, "S1") == receipt
    file = gate.lake.path(receipt, name)
    edit_in_place(file)
    with pytest.raises(LakeError) as refused:
        gate.require(asset, "S1")
    told = str(refused.value)
    assert told.startswith(f"sample S1: {file}: the content of {asset} differs from its receipt")
    assert f"Remedy: materialize {asset} again with recompute" in told
    with gate.lake.work(asset, "S1") as work, pytest.raises(LakeError, match="differs from its receipt"):
        work.fresh(Recipe())


def test_a_file_swapped_for_a_link_is_refused(gate: Gate, tmp_path: Path) -> None:
    file = gate.lake.path(aligned(gate), "file")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LakeError, match="differs from its receipt"):
        gate.require("aligned_reads", "S1")


OVERRIDE = ("S1", "aligned_reads", "coverage")


def shallow_and_overridden(gate: Gate) -> Receipt:
    receipt = aligned(gate, coverage=18)
    gate.override("aligned_reads", "S1", "coverage", person="Dr Mendel", reason="a repeat draw is impossible")
    gate.require("aligned_reads", "S1")
    return receipt


def by_hand(gate: Gate, statement: str, *values: str) -> None:
    """Write to the registry's database as somebody would who has it open."""
    with closing(sqlite3.connect(gate.audit.path.with_name("samples.sqlite"))) as database, database:
        database.execute(statement, values)


def test_an_override_inserted_by_hand_opens_nothing_and_is_named(gate: Gate) -> None:
    receipt = aligned(gate, coverage=18)
    row = (*OVERRIDE, receipt.data_version, "Dr Mendel", "a repeat draw is impossible", receipt.created)
    by_hand(gate, "INSERT INTO overrides VALUES (99, ?, ?, ?, ?, ?, ?, ?)", *row)
    with pytest.raises(GateError, match=r"sample S1: .*override of aligned_reads.coverage by 'Dr Mendel'.*not know"):
        gate.require("aligned_reads", "S1")
    (told,) = gate.override_findings("S1")
    assert "aligned_reads.coverage by 'Dr Mendel'" in told and "the audit log does not know" in told


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("person", "Dr Nobody"),
        ("reason", "a repeat draw was not asked for"),
        ("recorded", "2020-01-01T00:00:00.000000+00:00"),
    ],
)
def test_an_override_edited_by_hand_opens_nothing_and_is_named(gate: Gate, column: str, value: str) -> None:
    shallow_and_overridden(gate)
    assert gate.override_findings("S1") == []
    by_hand(gate, f"UPDATE overrides SET {column} = ?", value)
    with pytest.raises(GateError, match="the audit log does not know"):
        gate.require("aligned_reads", "S1")
    unknown, gone = gate.override_findings("S1")
    assert "the audit log does not know" in unknown and "is gone from the registry, or was changed there" in gone


def test_an_override_carried_to_a_new_version_or_check_by_hand_opens_nothing(gate: Gate) -> None:
    shallow_and_overridden(gate)
    newer = aligned(gate, coverage=17, content="y")
    by_hand(gate, "UPDATE overrides SET data_version = ?", newer.data_version)
    with pytest.raises(GateError, match="the audit log does not know"):
        gate.require("aligned_reads", "S1")


def test_an_override_removed_by_hand_is_named(gate: Gate) -> None:
    shallow_and_overridden(gate)
    by_hand(gate, "DELETE FROM overrides")
    (told,) = gate.override_findings("S1")
    assert "is gone from the registry" in told


def test_an_override_of_an_earlier_release_whose_entry_has_no_digest_holds(gate: Gate) -> None:
    receipt = aligned(gate, coverage=18)
    said = {"asset": "aligned_reads", "check": "coverage", "data_version": receipt.data_version}
    reason = "a repeat draw is impossible"
    gate.audit.record("Dr Mendel", "gate override", "S1", {**said, "reason": reason, "verdict": "observed 18"})
    gate.registry.override_gate(*OVERRIDE, receipt.data_version, person="Dr Mendel", reason=reason)
    assert gate.require("aligned_reads", "S1") == receipt
    assert gate.override_findings("S1") == []


def test_a_known_override_is_believed_without_reading_the_log(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = shallow_and_overridden(gate)
    monkeypatch.setattr(AuditLog, "entries_about", lambda *_, **__: pytest.fail("the log is read"))
    again = Gate(gate.lake, gate.registry, AuditLog(gate.audit.path), TABLE)
    assert again.require("aligned_reads", "S1") == receipt
