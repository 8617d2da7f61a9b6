"""What sensors note in the registry when a run has ended, without a daemon; with one: tests/end_to_end."""

import errno
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from engine.person import Person, Sex
from engine.reads.lane import Lane
from engine.reads.registration import SampleStatus
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Recipe
from genomics_assets import attempts, sample_runs
from genomics_assets.sensors import sample_sheets
from resources.audit import AuditLog
from resources.environment import Settings
from resources.knowledge import Knowledge
from resources.lake import LocalLake
from resources.landing_zone import LandingZone
from resources.registry import SampleRegistry
from resources.structured_log import StructuredLog
from tests.builders.queued import ORIGIN


@pytest.fixture
def registry(tmp_path: Path) -> SampleRegistry:
    """One sample whose run was requested."""
    reads = tuple(tmp_path / name for name in ("R1.fastq", "R2.fastq"))
    for path in reads:
        path.write_text("@a\nA\n+\nI\n")
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    entry = SampleEntry("S1", Person("P1", Sex.FEMALE), (Lane("L001", *reads),))
    registry.register([entry], sheet="sheet.csv", sheet_digest="0")
    registry.take_waiting(1)
    return registry


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    """Every part is there."""
    lake = LocalLake(tmp_path / "lake")
    source = tmp_path / "genome.yaml"
    source.write_text("name: x\nbuild: GRCh38\nfasta: genome.fa\n")
    knowledge = Knowledge.declared(str(source), lake, tmp_path)
    for part in knowledge.parts:
        with lake.work(part) as work:
            (work.folder / "file").write_text(part)
            work.publish(records=1, recipe=Recipe(), measures={})
    return knowledge


def tick_of(
    instance: dg.DagsterInstance, folder: Path, registry: SampleRegistry, knowledge: Knowledge
) -> dg.SensorResult | dg.SkipReason:
    """One tick of the sensor that looks for sample sheets."""
    result = sample_sheets(
        dg.build_sensor_context(instance),
        landing_zone=LandingZone(folder / "landing"),
        registry=registry,
        audit=AuditLog(folder / "audit.jsonl"),
        knowledge=knowledge,
        events=StructuredLog(folder / "events.jsonl"),
        settings=Settings.from_environment({"GENOMICS_DATA": str(folder)}),
    )
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_samples_wait_for_knowledge_that_is_not_as_published_and_the_tick_says_so(
    registry: SampleRegistry, knowledge: Knowledge, tmp_path: Path
) -> None:
    registry.retry("S1", person="Dr Example")
    (tmp_path / "lake" / "shared" / "reference_genome" / "receipt.json").write_text("")
    with dg.instance_for_test() as instance:
        result = tick_of(instance, tmp_path, registry, knowledge)
    assert not result.run_requests
    assert "the receipt cannot be read, it is empty" in str(result.skip_reason)


def test_the_partition_of_a_withdrawn_sample_goes(
    registry: SampleRegistry, knowledge: Knowledge, tmp_path: Path
) -> None:
    def tick(instance: dg.DagsterInstance) -> list[tuple[str, list[str]]]:
        result = tick_of(instance, tmp_path, registry, knowledge)
        return [(type(each).__name__, list(each.partition_keys)) for each in result.dynamic_partitions_requests or ()]

    with dg.instance_for_test() as instance:
        registry.retry("S1", person="Dr Example")
        assert tick(instance) == [("AddDynamicPartitionsRequest", ["S1"])]
        instance.add_dynamic_partitions("samples", ["S1"])
        assert tick(instance) == []
        registry.withdraw("S1", person="Dr Example", reason="consent taken back")
        assert tick(instance) == [("DeleteDynamicPartitionsRequest", ["S1"])]
        instance.delete_dynamic_partition("samples", "S1")
        assert tick(instance) == []


def test_a_run_tells_whose_it_is_and_since_when_its_sample_waits(
    registry: SampleRegistry, knowledge: Knowledge, tmp_path: Path
) -> None:
    registry.retry("S1", person="Dr Example")
    with dg.instance_for_test() as instance:
        (request,) = tick_of(instance, tmp_path, registry, knowledge).run_requests or ()
    registered, asked = (datetime.fromisoformat(request.tags[f"genomics/{name}"]) for name in ("registered", "asked"))
    assert registered <= asked <= datetime.now(UTC)
    assert (request.tags["genomics/sender"], request.tags["genomics/precedence"]) == (".", "routine")


def test_partitions_come_back_where_dagsters_own_state_was_lost(
    registry: SampleRegistry, knowledge: Knowledge, tmp_path: Path
) -> None:
    registry.take_waiting(10)
    registry.mark("S1", SampleStatus.DONE)
    with dg.instance_for_test() as instance:
        result = tick_of(instance, tmp_path, registry, knowledge)
    assert isinstance(result, dg.SensorResult) and result.dynamic_partitions_requests
    assert [list(each.partition_keys) for each in result.dynamic_partitions_requests] == [["S1"]]
    assert not result.run_requests


def test_the_partition_of_a_withdrawn_sample_stays_until_its_runs_have_ended(
    registry: SampleRegistry, knowledge: Knowledge, tmp_path: Path
) -> None:
    """One in the queue is ended, one started by hand ends by itself: a partition that goes under it ends it badly.

    What they told programs until then goes with it.
    """
    events = StructuredLog(tmp_path / "events.jsonl")
    registry.withdraw("S1", person="Dr Example", reason="consent taken back")
    tags = {"dagster/partition": "S1"}
    with dg.instance_for_test(overrides=QUEUED_RUNS) as instance:
        instance.add_dynamic_partitions("samples", ["S1", "S2"])
        runs = {
            status: instance.add_run(dg.DagsterRun("sample", status=status, tags=tags, remote_job_origin=ORIGIN))
            for status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED)
        }

        def tick() -> list[list[str]]:
            result = tick_of(instance, tmp_path, registry, knowledge)
            return [list(each.partition_keys) for each in result.dynamic_partitions_requests or ()]

        def status(run: dg.DagsterRun) -> dg.DagsterRunStatus:
            found = instance.get_run_by_id(run.run_id)
            assert found
            return found.status

        assert tick() == []
        assert status(runs[dg.DagsterRunStatus.QUEUED]) == dg.DagsterRunStatus.CANCELED
        assert status(runs[dg.DagsterRunStatus.STARTED]) == dg.DagsterRunStatus.STARTED
        told = instance.all_logs(runs[dg.DagsterRunStatus.QUEUED].run_id)
        assert any("The sample was withdrawn: its run is ended." in (entry.message or "") for entry in told)
        instance.report_run_failed(runs[dg.DagsterRunStatus.STARTED])
        for sample in ("S1", "S10"):
            events.tell("run_failure", sample=sample)
        assert tick() == [["S1"]]
        assert [json.loads(line)["sample"] for line in events.path.read_text().splitlines()] == ["S10"]


@pytest.mark.parametrize("fault", ["registry", "disk"])
def test_a_tick_that_cannot_be_done_says_why_in_a_line_and_is_tried_again(
    registry: SampleRegistry, knowledge: Knowledge, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "landing"))

    if fault == "registry":
        whole = (tmp_path / "samples.sqlite").read_bytes()
        (tmp_path / "samples.sqlite").write_bytes(b"not a database" * 100)
    else:
        monkeypatch.setattr(LandingZone, "scan", full)
    with dg.instance_for_test() as instance:
        result = tick_of(instance, tmp_path, registry, knowledge)
        assert isinstance(result, dg.SkipReason)
        told = str(result.skip_message)
        assert ("it is damaged" if fault == "registry" else "the disk is full") in told
        assert "Remedy: " in told and "\n" not in told
        if fault == "registry":
            for path in tmp_path.glob("samples.sqlite-*"):
                path.unlink()
            (tmp_path / "samples.sqlite").write_bytes(whole)
        monkeypatch.undo()
        again = tick_of(instance, tmp_path, registry, knowledge)
        assert isinstance(again, dg.SensorResult)


def test_a_clock_that_was_put_back_holds_no_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    cursor = sample_runs._Cursor(runs=now, requests=now)
    assert cursor.as_of(now + 5) == cursor == cursor.as_of(now - 5)
    assert cursor.as_of(now - 86400) == sample_runs._Cursor()
    record = dg.RunRecord(
        storage_id=1,
        dagster_run=dg.DagsterRun("knowledge", status=dg.DagsterRunStatus.FAILURE),
        create_timestamp=datetime.fromtimestamp(now, UTC),
        update_timestamp=datetime.fromtimestamp(now, UTC),
        start_time=now,
        end_time=now,
    )
    failed = attempts.Attempts("knowledge", "x", "tag", begun=1, failed=1, last=record)
    assert isinstance(failed.ask(now), dg.SkipReason)
    assert isinstance(failed.ask(now - 86400), dg.RunRequest)


QUEUED_RUNS = {
    "run_coordinator": {
        "module": "dagster._core.run_coordinator.queued_run_coordinator",
        "class": "QueuedRunCoordinator",
    }
}
