"""A run knows its process; one whose process is gone is ended in words, by the launcher or when a server starts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from genomics_assets.dead_runs import end_dead_runs, open_instance
from genomics_assets.instance import prepare_instance
from genomics_assets.run_launcher import WatchedRunLauncher
from genomics_assets.run_process import ENDED_BY, PROCESS, TO_BEGIN, in_one_process, is_gone, process_tags
from resources.environment import Settings
from resources.process import ProcessMark

STARTED, STARTING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING
CANCELING, QUEUED = dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.NOT_STARTED


LISTENING = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); print('listening', flush=True); time.sleep(60)"
)
"""A process that a signal ends, also where whoever started the tests ignores it: that is inherited."""


@dg.op
def look(context: dg.OpExecutionContext) -> None:
    run = context.instance.get_run_by_id(context.run_id)
    assert run is not None
    context.log.info(run.tags[PROCESS])
    assert ProcessMark.parse(run.tags[PROCESS]) == ProcessMark.own()


@dg.job(executor_def=in_one_process)
def job() -> None:
    look()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """As make serve sets it up."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # and back, when prepare_instance has set it
    home = prepare_instance(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    with open_instance(home) as instance:
        yield instance


@pytest.fixture
def dead() -> dict[str, str]:
    """Tags of a run whose process has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = ProcessMark.of(child.pid)
    assert mark
    child.communicate()
    return {PROCESS: mark.text}


def add(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str]) -> str:
    return instance.add_run(dg.DagsterRun("sample", status=status, tags=tags)).run_id


def found(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run
    return run


def test_a_run_begins_with_its_process_in_its_tags(instance: dg.DagsterInstance) -> None:
    with dg.execute_job(dg.reconstructable(job), instance=instance) as done:
        assert done.success
    assert found(instance, done.run_id).tags[PROCESS] == ProcessMark.own().text


def test_the_launcher_ends_a_run_whose_process_is_gone_and_no_other(
    instance: dg.DagsterInstance, dead: dict[str, str]
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchedRunLauncher) and launcher.supports_check_run_worker_health
    gone, living = add(instance, STARTED, dead), add(instance, STARTED, process_tags())
    for run in (gone, living):
        launcher.check_run_worker_health(found(instance, run))
    assert found(instance, gone).status == dg.DagsterRunStatus.FAILURE
    assert found(instance, gone).tags[ENDED_BY] == "alone"
    assert found(instance, living).status == STARTED
    (event,) = instance.get_records_for_run(gone, of_type=dg.DagsterEventType.RUN_FAILURE).records
    assert "The process of this run is gone" in str(event.event_log_entry.dagster_event)


def test_a_run_that_has_just_begun_is_given_time_to_say_who_it_is(instance: dg.DagsterInstance) -> None:
    record = instance.get_run_record_by_id(add(instance, STARTED, {}))
    assert record and not is_gone(record)
    assert is_gone(record, now=record.update_timestamp.timestamp() + TO_BEGIN + 1)


def test_ending_a_run_whose_process_is_gone_cancels_it(instance: dg.DagsterInstance, dead: dict[str, str]) -> None:
    run = add(instance, CANCELING, dead)
    assert instance.run_launcher.terminate(run)
    assert found(instance, run).status == dg.DagsterRunStatus.CANCELED


def test_ending_a_run_of_the_command_line_signals_its_process(instance: dg.DagsterInstance) -> None:
    child = subprocess.Popen([sys.executable, "-c", LISTENING], stdout=subprocess.PIPE)
    assert child.stdout and child.stdout.readline() == b"listening\n"
    mark = ProcessMark.of(child.pid)
    assert mark
    run = add(instance, STARTED, {PROCESS: mark.text})
    assert instance.run_launcher.terminate(run)
    assert child.wait(10) == -15
    child.stdout.close()


def test_a_server_ends_the_runs_of_the_one_before_and_lets_others_live(
    instance: dg.DagsterInstance, dead: dict[str, str]
) -> None:
    runs = {
        "killed": add(instance, STARTED, dead),
        "being started": add(instance, STARTING, {}),
        "to be canceled": add(instance, CANCELING, dead),
        "of a terminal": add(instance, STARTED, process_tags()),
        "queued": add(instance, QUEUED, {}),
    }
    end_dead_runs(instance)
    told = {name: found(instance, run).status.value for name, run in runs.items()}
    assert told == {
        "killed": "FAILURE",
        "being started": "FAILURE",
        "to be canceled": "CANCELED",
        "of a terminal": "STARTED",
        "queued": "NOT_STARTED",
    }
    assert found(instance, runs["killed"]).tags[ENDED_BY] == "with the server"
    assert end_dead_runs(instance) == []


def test_databases_that_a_killed_process_had_begun_to_make_are_made_anew(tmp_path: Path) -> None:
    begun = tmp_path / "history" / "runs"
    begun.mkdir(parents=True)
    (begun / "index.db").write_bytes(b"SQLite format 3\0 and no more")
    (tmp_path / "history" / "runs.db").write_bytes(b"SQLite format 3\0 and no more")
    with open_instance(tmp_path) as instance:
        assert instance.get_runs_count() == 0
    assert (tmp_path / f"history.half-made-{os.getpid()}").is_dir()
    (tmp_path / "history" / "runs.db").write_bytes(b"no database")
    with pytest.raises(Exception, match="database"):
        open_instance(tmp_path)
