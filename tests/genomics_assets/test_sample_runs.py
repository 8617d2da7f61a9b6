"""What runs mean for samples: noted however a run was started, and asked for again where it was interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from engine.errors import FastqError
from engine.reads.registration import SampleStatus
from engine.receipt import Recipe
from genomics_assets.run_process import ALONE, ENDED_BY, WITH_THE_SERVER, end_run
from genomics_assets.sample_runs import LIMITS, look
from resources.environment import Resources, Settings, build_resources
from tests.builders.runs import add_run, execute, instance_of
from tests.builders.sheets import entry

STARTED, SUCCESS, CANCELED = (
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.CANCELED,
)


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    """S1, whose run was requested."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    made = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    made.registry.register([entry(tmp_path / "reads", "S1")], sheet="sheet.csv", sheet_digest="0")
    made.registry.take_waiting(1)
    yield made


def tick(platform: Resources, cursor: str | None = None) -> str | None:
    with instance_of(platform) as instance:
        return look(instance, platform, platform.registry, cursor).cursor


def kill(platform: Resources, how: str, *, job: str = "sample") -> None:
    """A run of S1 that was found without a process."""
    run_id = add_run(platform, "S1", STARTED, job=job)
    with instance_of(platform) as instance:
        run = instance.get_run_by_id(run_id)
        assert run
        end_run(instance, run, how)


def status(platform: Resources) -> SampleStatus:
    return platform.registry.sample("S1").status


def test_a_sample_runs_and_is_done(platform: Resources) -> None:
    add_run(platform, "S1", STARTED)
    cursor = tick(platform)
    assert status(platform) is SampleStatus.RUNNING
    execute(platform, "S1")
    assert tick(platform, cursor)
    assert status(platform) is SampleStatus.DONE


def test_what_failed_for_a_reason_of_its_own_stays_failed_and_says_why(platform: Resources) -> None:
    execute(platform, "S1", FastqError("read 2 ends before read 1", file="S1_R2.fastq", remedy="copy it again"))
    tick(platform)
    assert status(platform) is SampleStatus.FAILED
    assert "read 2 ends before read 1" in platform.registry.history("S1")[-1].details["why"]


def test_a_run_that_a_person_stopped_is_not_asked_for_again(platform: Resources) -> None:
    add_run(platform, "S1", CANCELED)
    tick(platform)
    assert status(platform) is SampleStatus.FAILED


def test_a_killed_run_is_asked_for_again_and_each_kill_is_counted_once(platform: Resources) -> None:
    kill(platform, WITH_THE_SERVER)
    cursor = tick(platform)
    tick(platform, cursor)
    tick(platform)
    sample = platform.registry.sample("S1")
    assert (sample.status, sample.attempt) == (SampleStatus.WAITING, 2)
    assert platform.registry.asked_again("S1", cause=WITH_THE_SERVER) == 1
    assert [sample.run_key for sample in platform.registry.take_waiting(1)] == [sample.run_key], "and at once"


def test_a_sample_whose_process_dies_by_itself_rests_and_fails_in_the_end(platform: Resources) -> None:
    for number in range(LIMITS[ALONE]):
        kill(platform, ALONE)
        tick(platform)
        assert status(platform) is SampleStatus.WAITING, number
        assert platform.registry.take_waiting(1) == (), "it rests first"
        platform.registry.give_back(["S1"])
    kill(platform, ALONE)
    tick(platform)
    assert status(platform) is SampleStatus.FAILED
    assert "interrupted 6 times" in platform.registry.history("S1")[-1].details["why"]


def test_a_run_that_never_began_is_asked_for_again(platform: Resources) -> None:
    run_id = add_run(platform, "S1", dg.DagsterRunStatus.STARTING)
    with instance_of(platform) as instance:
        run = instance.get_run_by_id(run_id)
        assert run
        instance.report_run_failed(run, "the code server could not be reached")
    tick(platform)
    (new, again) = platform.registry.history("S1")
    assert (new.event, again.event) == ("new", "asked again")
    assert "could not be reached" in again.details["why"]


def test_a_sample_whose_run_is_gone_with_dagsters_own_state_is_taken_again(
    platform: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(platform, "S1", dg.DagsterRunStatus.STARTED)
    tick(platform)
    monkeypatch.setattr("genomics_assets.sample_runs.LOST_AFTER", -1.0)
    tick(platform)
    assert status(platform) is SampleStatus.RUNNING, "its run is known"
    shutil.move(platform.settings.dagster_home, platform.settings.data / "damaged")
    tick(platform)
    assert status(platform) is SampleStatus.WAITING


def test_a_request_that_is_no_run_is_taken_again(platform: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    key = platform.registry.sample("S1").run_key
    tick(platform)
    assert status(platform) is SampleStatus.REQUESTED, "it may still come"
    monkeypatch.setattr("genomics_assets.sample_runs.LOST_AFTER", -1.0)
    tick(platform)
    assert [sample.run_key for sample in platform.registry.take_waiting(1)] == [key]
    add_run(platform, "S1", dg.DagsterRunStatus.NOT_STARTED)
    tick(platform)
    assert status(platform) is SampleStatus.REQUESTED, "it waits for its turn"


def test_a_run_overtaken_by_another_does_not_speak(platform: Resources) -> None:
    execute(platform, "S1", FastqError("the file is cut off", remedy="copy it again"))
    platform.registry.retry("S1", person="Dr Example")
    tick(platform)
    assert status(platform) is SampleStatus.WAITING


def test_a_partition_that_nobody_registered_disturbs_nothing(platform: Resources) -> None:
    with instance_of(platform) as instance:
        instance.add_run(dg.DagsterRun("sample", status=SUCCESS, tags={"dagster/partition": "NOBODY"}))
    execute(platform, "S1")
    tick(platform)
    assert status(platform) is SampleStatus.DONE


def test_a_run_by_hand_that_made_less_than_a_sample_mends_nothing(platform: Resources) -> None:
    execute(platform, "S1", FastqError("the file is cut off", remedy="copy it again"))
    tick(platform)
    with platform.lake.work("raw_reads", "S1") as work:
        (work.folder / "file").write_text("reads")
        work.publish(records=1, recipe=Recipe(), measures={})
    execute(platform, "S1", by_hand=True)
    tick(platform)
    assert status(platform) is SampleStatus.FAILED


def test_a_killed_run_of_the_command_line_is_asked_for_again_by_the_platform(platform: Resources) -> None:
    execute(platform, "S1", FastqError("the share is offline", remedy="mount it"))
    tick(platform)
    with instance_of(platform) as instance:
        run = instance.add_run(dg.DagsterRun("sample", status=STARTED, tags={"dagster/partition": "S1"}))
        end_run(instance, run, ALONE)
    tick(platform)
    assert status(platform) is SampleStatus.WAITING
    assert ENDED_BY and platform.registry.asked_again("S1", cause=ALONE) == 1
