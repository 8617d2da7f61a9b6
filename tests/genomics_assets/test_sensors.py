"""What sensors note in the registry when a run has ended, without a daemon; with one: tests/end_to_end."""

from pathlib import Path

import dagster as dg
import pytest

from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry, Sex
from genomics_assets.sensors import RUN_KEY, sample_canceled, sample_failed
from resources.registration import SampleStatus
from resources.sample_registry import SampleRegistry


@pytest.fixture
def registry(tmp_path: Path) -> SampleRegistry:
    """One sample whose run was requested."""
    reads = tuple(tmp_path / name for name in ("R1.fastq", "R2.fastq"))
    for path in reads:
        path.write_text("@a\nA\n+\nI\n")
    registry = SampleRegistry(tmp_path / "samples.sqlite")
    entry = SampleEntry("S1", "P1", Sex.FEMALE, (Lane("L001", *reads),))
    registry.register([entry], sheet="sheet.csv", sheet_digest="0")
    registry.take_waiting(1)
    return registry


def ended(status: dg.DagsterRunStatus, event: str, run_key: str) -> dg.RunStatusSensorContext:
    run = dg.DagsterRun("sample", status=status, tags={"dagster/partition": "S1", RUN_KEY: run_key})
    told = dg.DagsterEvent(event, "sample")
    with dg.instance_for_test() as instance:
        return dg.build_run_status_sensor_context("sensor", told, instance, run)


def test_a_canceled_run_leaves_the_sample_failed(registry: SampleRegistry) -> None:
    context = ended(dg.DagsterRunStatus.CANCELED, "PIPELINE_CANCELED", registry.sample("S1").run_key)
    sample_canceled(context, registry=registry)
    assert registry.sample("S1").status is SampleStatus.FAILED


def test_a_run_that_was_overtaken_does_not_speak_for_the_new_one(registry: SampleRegistry) -> None:
    old = registry.sample("S1").run_key
    registry.retry("S1", person="Dr Example")
    context = ended(dg.DagsterRunStatus.FAILURE, "PIPELINE_FAILURE", old)
    sample_failed(context.for_run_failure(), registry=registry)
    assert registry.sample("S1").status is SampleStatus.WAITING
