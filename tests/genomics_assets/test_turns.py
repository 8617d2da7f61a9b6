"""The order in which Dagster's own queue starts runs, by our ``dagster.yaml`` and the tags that the sensor gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._serdes import ConfigurableClass

from genomics_assets.instance import prepare_instance
from genomics_assets.turns import turns
from resources.environment import Settings
from resources.precedence import Queue, QueueError, read_queue
from resources.registry import SampleRegistry
from tests.builders.queued import ORIGIN
from tests.builders.sheets import entry

FILE = """
senders:
  ward: {precedence: urgent}
  oncology: {share: 3}
  biobank: {precedence: research, at_once: 1}
at_once: 2
"""


class Begins(RunLauncher, ConfigurableClass):
    """Lets a run begin; the test ends it."""

    @property
    def inst_data(self) -> None:
        return None

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Begins:
        return cls()

    def launch_run(self, context: LaunchRunContext) -> None:
        _tell(self._instance, context.dagster_run, "PIPELINE_START")

    def terminate(self, run_id: str) -> bool:
        return False


class Laboratory:
    """Senders that drop sheets, and a machine that takes runs from Dagster's queue."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, queue: Queue) -> None:
        self._folder, self._instance, self._queue = folder, instance, queue
        self._registry = SampleRegistry(folder / "samples.sqlite")
        self._daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)

    def drop(self, sender: str, count: int) -> None:
        """A sheet of so many samples, asked for as the sensor does it."""
        begin = len(self._registry.samples())
        names = [f"{sender}-{begin + number}" for number in range(count)]
        entries = [entry(self._folder / "reads", name) for name in names]
        self._registry.register(entries, sheet=f"{sender}/{begin}.csv", sheet_digest="0")
        waiting = self._registry.take_waiting(1000)
        assert len(waiting) == count
        told = turns(self._instance, self._queue, waiting)
        for one in waiting:
            tags = {**told[one.sample_id], "dagster/partition": one.sample_id}
            self._instance.add_run(
                dg.DagsterRun("sample", status=dg.DagsterRunStatus.QUEUED, tags=tags, remote_job_origin=ORIGIN)
            )

    def works(self, rounds: int = 100) -> list[list[str]]:
        """Whose runs go at once, until nothing waits or so many rounds have passed; each ends before the next begin."""
        seen = []
        for _ in range(rounds):
            context = SimpleNamespace(instance=self._instance, create_request_context=lambda: None)
            list(self._daemon.run_iteration(context))  # type: ignore[arg-type]
            going = self._instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            if not going:
                return seen
            seen.append(sorted(run.tags["genomics/sender"] for run in going))
            for run in going:
                _tell(self._instance, run, "PIPELINE_SUCCESS")
        return seen


def _tell(instance: dg.DagsterInstance, run: dg.DagsterRun, event: str) -> None:
    """The storage of runs alone, which the queue reads: each run's own log takes longer than the rest of the test."""
    instance.run_storage.handle_run_event(run.run_id, dg.DagsterEvent(event, run.job_name), datetime.now(UTC))


@contextmanager
def laboratory(folder: Path, text: str | None, at_a_time: int) -> Iterator[Laboratory]:
    file = folder / "queue.yaml"
    file.write_text(text or "")
    named = {"GENOMICS_QUEUE": str(file)} if text else {}
    variables = {"GENOMICS_DATA": str(folder / "data"), "GENOMICS_MAX_RUNS": str(at_a_time), **named}
    settings = Settings.from_environment(variables)
    home = prepare_instance(settings)
    configuration = yaml.safe_load((home / "dagster.yaml").read_text())
    configuration["run_launcher"] = {"module": __name__, "class": "Begins"}
    (home / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Laboratory(folder, instance, settings.queue)


@pytest.fixture(autouse=True)
def home_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")


def flat(rounds: Sequence[Sequence[str]]) -> list[str]:
    return [sender for one in rounds for sender in one]


def test_what_is_urgent_goes_first_though_it_comes_last_and_research_goes_last(tmp_path: Path) -> None:
    with laboratory(tmp_path, FILE, 1) as here:
        here.drop("biobank", 3)
        here.drop("clinic", 2)
        assert flat(here.works(1)) == ["clinic"]
        here.drop("ward", 2)
        assert flat(here.works()) == ["ward", "ward", "clinic", "biobank", "biobank", "biobank"]


def test_two_of_one_sender_do_not_wait_for_all_of_another(tmp_path: Path) -> None:
    with laboratory(tmp_path, None, 2) as here:
        here.drop("many", 14)
        here.works(3)
        here.drop("few", 2)
        began = flat(here.works())
    assert len(began) == 10, "nothing is lost"
    assert max(place for place, sender in enumerate(began) if sender == "few") <= 5


def test_who_comes_later_has_no_more_than_a_share_however_much_it_brings(tmp_path: Path) -> None:
    with laboratory(tmp_path, None, 1) as here:
        here.drop("first", 10)
        here.works(4)
        here.drop("second", 10)
        began = flat(here.works(4))
        assert abs(began.count("first") - began.count("second")) <= 1
        here.drop("first", 3)
        began = flat(here.works(6))
        assert abs(began.count("first") - began.count("second")) <= 1


def test_a_sender_of_a_larger_share_has_so_much_more(tmp_path: Path) -> None:
    with laboratory(tmp_path, FILE, 1) as here:
        here.drop("clinic", 8)
        here.drop("oncology", 8)
        began = flat(here.works(8))
    assert began.count("oncology") in (5, 6, 7)


def test_nobody_runs_more_at_once_than_is_said_and_a_lone_sender_has_the_whole_machine(tmp_path: Path) -> None:
    with laboratory(tmp_path, FILE, 6) as here:
        here.drop("biobank", 3)
        here.drop("clinic", 5)
        here.drop("oncology", 3)
        rounds = here.works()
        assert [one.count("biobank") for one in rounds] == [1, 1, 1]
        assert [one.count("clinic") for one in rounds] == [2, 2, 1]
        assert rounds[0].count("oncology") == 3
        here.drop("oncology", 8)
        assert [len(one) for one in here.works()] == [6, 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- ward", "senders, at_once, or both"),
        ("sender: {}", "senders, at_once, or both"),
        ("senders: {ward: {priority: 3}}", "of ward can be said: precedence, share, at_once"),
        ("senders: {ward: {precedence: fast}}", "the precedence of ward is 'fast', none of urgent"),
        ("senders: {ward: {share: 0}}", "share of ward is 0, no number from 1 to 100"),
        ("senders: {ward: {at_once: yes}}", "at_once of ward is True, no number"),
        ("senders: {a/b: {share: 2}}", "'a/b' is no name of a folder"),
        ("senders: {..: {share: 2}}", "'..' is no name of a folder"),
        ("senders: {ward: {}, ward: {}}", "the key 'ward' is given twice"),
        ("at_once: 1.5", "at_once is 1.5, no number"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_name(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "queue.yaml"
    file.write_text(text)
    with pytest.raises(QueueError, match=rf"queue\.yaml: (?s:.*){told}(?s:.*)Remedy: "):
        read_queue(file)
    with pytest.raises(QueueError, match=r"cannot be read"):
        read_queue(tmp_path / "absent.yaml")
