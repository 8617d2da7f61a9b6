"""What Dagster knows of runs of samples: which one was asked for last, whether it runs, and in which words it failed.

Read from Dagster's own state; nothing here decides what a run means for a sample (:mod:`resources.work_list`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.dagster_state import REMEDY, DagsterStateError, require_whole

if TYPE_CHECKING:
    import dagster as dg

RUN_KEY = "genomics/run_key"
"""Tag of a run that the platform asked for: the sample, its content and the attempt."""
PARTITION = "dagster/partition"
_PAGE = 500
_FEW = 20
"""Samples or runs that are asked for by name; of more, all are read at once."""
_SILENT = 180.0
"""Seconds after which a daemon that beats every half minute is not there any more."""
_REMEDY = ". Remedy: "
_OWN_KIND = re.compile(r"^dagster\.[\w.]+: ")
"""What stands before the message of an error of Dagster's own."""


class RunState(StrEnum):
    """How far a run has come."""

    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    CANCELED = "canceled"
    DONE = "done"


_STATES = {
    "QUEUED": RunState.QUEUED,
    "NOT_STARTED": RunState.QUEUED,
    "MANAGED": RunState.QUEUED,
    "STARTING": RunState.QUEUED,
    "SUSPENDED": RunState.QUEUED,
    "STARTED": RunState.RUNNING,
    "CANCELING": RunState.RUNNING,
    "SUCCESS": RunState.DONE,
    "FAILURE": RunState.FAILED,
    "CANCELED": RunState.CANCELED,
}
"""By Dagster's words for the status of a run."""
_UNDER_WAY = (RunState.QUEUED, RunState.RUNNING)
_ORDER = {RunState.RUNNING: 0, RunState.QUEUED: 1}
"""Which run of a sample is told where it has several; of the others the one asked for last."""


@dataclass(frozen=True)
class Run:
    """A run as Dagster has it.

    Attributes:
        run: its id.
        job: its name; of what a person materialized by hand, a name of Dagster's own.
        state: how far it has come.
        since: UTC time of that, ISO 8601 to the second.
        asked: UTC time at which it was asked for.
        key: the run key that the platform asked for it with, absent where a person started it.
    """

    run: str
    job: str
    state: RunState
    since: str
    asked: str
    key: str | None

    @property
    def under_way(self) -> bool:
        """Whether it is queued or runs."""
        return self.state in _UNDER_WAY


@dataclass(frozen=True)
class Failure:
    """Why a run failed.

    Attributes:
        step: the step that failed, empty where the run failed as a whole.
        problem: the error in its own words, without the remedy.
        remedy: what the error says to do, empty where it says nothing.
    """

    step: str
    problem: str
    remedy: str


class Runs:
    """The runs of one Dagster instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance

    def of_samples(self, samples: Collection[str]) -> dict[str, Run]:
        """The run of each sample that runs, else that is queued, else the one asked for last.

        Samples without one are left out.
        """
        found: dict[str, Run] = {}
        wanted = set(samples)
        for record in self._by_importance(wanted) if wanted else ():
            sample = record.dagster_run.tags.get(PARTITION)
            if sample in wanted:
                found[sample] = _run(record)
                wanted.discard(sample)
                if not wanted:
                    break
        return found

    def _by_importance(self, samples: Collection[str]) -> Iterator[dg.RunRecord]:
        """Runs that run, then those that are queued, then all; of few samples theirs alone, read at once."""
        if len(samples) <= _FEW:
            own = list(self._records(_filter(samples)))
            return iter(sorted(own, key=lambda one: _ORDER.get(_STATES[one.dagster_run.status.value], len(_ORDER))))
        looks = (_filter(None, RunState.RUNNING), _filter(None, RunState.QUEUED), _filter(None))
        return chain.from_iterable(map(self._records, looks))

    def under_way(self, sample: str) -> list[str]:
        """Ids of the sample's runs that are queued or run, in order."""
        return sorted(run.run_id for run in self._not_over(sample))

    def end(self, sample: str, why: str) -> list[str]:
        """Ask the sample's runs to end, as Dagster's pages do; ids of those that will, or were asked before, in order.

        Args:
            sample: its id.
            why: for the run's log, a sentence.
        """
        return sorted(run.run_id for run in self._not_over(sample) if self._end(run, why))

    def _not_over(self, sample: str) -> Sequence[dg.DagsterRun]:
        import dagster as dg

        statuses = [dg.DagsterRunStatus(name) for name, state in _STATES.items() if state in _UNDER_WAY]
        return self._instance.get_runs(dg.RunsFilter(statuses=statuses, tags={PARTITION: sample}))

    def _end(self, run: dg.DagsterRun, why: str) -> bool:
        if run.status.value == "CANCELING":
            return True
        self._instance.report_engine_event(why, run)
        return bool(self._instance.run_coordinator.cancel_run(run.run_id))

    def last_of(self, job: str) -> Run | None:
        """The run of a job that was asked for last."""
        import dagster as dg

        records = self._instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
        return _run(records[0]) if records else None

    def step_of(self, run: str) -> str:
        """The step that a run is at; empty where it is between two."""
        for step in self._instance.get_run_step_stats(run):
            if step.start_time and not step.end_time:
                return _asset(step.step_key)
        return ""

    def failure(self, run: str) -> Failure | None:
        """Why a run failed; absent where it says nothing."""
        import dagster as dg

        records = self._instance.get_records_for_run(run, of_type=dg.DagsterEventType.RUN_FAILURE, limit=1).records
        return _failure(records[0].event_log_entry) if records else None

    def is_served(self) -> bool:
        """Whether Dagster's daemon, which asks for runs and starts them, has lately said that it lives."""
        beats = self._instance.get_daemon_heartbeats().values()
        return any(time.time() - beat.timestamp < _SILENT for beat in beats)

    def failures(self, runs: Collection[str]) -> Mapping[str, Failure]:
        """Why each of these runs failed, by run id; a run that says nothing is left out."""
        import dagster as dg

        wanted, cursor, found = set(runs), None, {}
        if len(wanted) <= _FEW:
            return {run: told for run in wanted if (told := self.failure(run))}
        while wanted:
            page = self._instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=_PAGE, cursor=cursor)
            for record in page.records:
                if record.run_id in wanted:
                    wanted.discard(record.run_id)
                    found[record.run_id] = _failure(record.event_log_entry)
            if not page.has_more:
                break
            cursor = page.cursor
        return found

    def _records(self, filters: dg.RunsFilter) -> Iterator[dg.RunRecord]:
        """The runs, the one asked for last first."""
        cursor = None
        while page := self._instance.get_run_records(filters, limit=_PAGE, cursor=cursor):
            yield from page
            if len(page) < _PAGE:
                return
            cursor = page[-1].dagster_run.run_id


@contextmanager
def open_runs(dagster_home: Path) -> Iterator[Runs | None]:
    """The runs of the deployment whose Dagster state lies there; nothing, and nothing is made, where there is none.

    Raises:
        DagsterStateError: the state cannot be read, now or within the context.
    """
    if not (dagster_home / "dagster.yaml").is_file():
        yield None
        return
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
            yield Runs(instance)
    except (SQLAlchemyError, dg.DagsterError) as error:
        raise unreadable(dagster_home, error) from error


def unreadable(dagster_home: Path, error: Exception) -> DagsterStateError:
    """An error of Dagster's or of its database as one that names the file, where one is damaged, and what to do."""
    try:
        require_whole(dagster_home)
    except DagsterStateError as damage:
        return damage
    return DagsterStateError(
        f"Dagster's own state cannot be read: {_first_line(error)}", file=dagster_home, remedy=REMEDY
    )


def _filter(samples: Collection[str] | None, state: RunState | None = None) -> dg.RunsFilter:
    """Runs of some samples, or of all where absent, that are in a state, or in whichever."""
    import dagster as dg

    statuses = [dg.DagsterRunStatus(name) for name, one in _STATES.items() if one is state]
    tags = {PARTITION: sorted(samples)} if samples is not None else None
    return dg.RunsFilter(statuses=statuses or None, tags=tags)


def _run(record: dg.RunRecord) -> Run:
    run = record.dagster_run
    state = _STATES[run.status.value]
    ended = state not in _UNDER_WAY
    began = record.end_time if ended else record.start_time if state is RunState.RUNNING else None
    asked = record.create_timestamp.timestamp()
    return Run(run.run_id, run.job_name, state, _utc(began or asked), _utc(asked), run.tags.get(RUN_KEY))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _failure(entry: Any) -> Failure:
    """What a run's failure event says: of the step that failed first, in the words of the error that it raised."""
    event = entry.dagster_event
    data = event.event_specific_data
    first = data.first_step_failure_event if data else None
    if first is None:
        words = data.error.message if data and data.error else event.message or ""
        return _told("", words)
    failed = first.step_failure_data
    described = failed.user_failure_data.description if failed.user_failure_data else None
    return _told(_asset(first.step_key or ""), described or _innermost(failed.error))


def _innermost(error: Any) -> str:
    """The message of the error that began it: what a library said, and not the frame that Dagster put around it."""
    while error is not None and error.cause is not None:
        error = error.cause
    return _OWN_KIND.sub("", str(error.message)) if error is not None else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _told(step: str, words: str) -> Failure:
    problem, _, remedy = " ".join(words.split()).partition(_REMEDY)
    return Failure(step, problem.rstrip("."), remedy.rstrip("."))


def _asset(step: str) -> str:
    """The asset that a step makes or judges."""
    return step.removesuffix("_gate")
