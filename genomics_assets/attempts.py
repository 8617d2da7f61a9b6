"""A request is not a result: a run of a job is asked for until one of them succeeded, later each time.

A run key is never used again by Dagster, not even after its run failed or was canceled; so the key holds the attempt.
What is asked for is named by a state (a digest); another state begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3600.0
"""Seconds after the first failure, and at most: each is twice the one before."""
_LOOKED_AT = 20
_HOW = {dg.DagsterRunStatus.CANCELED: "was canceled", dg.DagsterRunStatus.SUCCESS: "did not bring what was asked for"}


@dataclass(frozen=True)
class Attempts:
    """The runs of a job that were asked for one state.

    Attributes:
        job: its name.
        state: what they were asked for.
        tag: under which a run bears its state.
        begun: how many there were.
        failed: how many of the last ones failed or were canceled, one after the other.
        last: the run that ended last, absent where none has.
    """

    job: str
    state: str
    tag: str
    begun: int
    failed: int
    last: dg.RunRecord | None

    @property
    def succeeded(self) -> bool:
        """Whether the last run brought what was asked for."""
        return self.last is not None and self.failed == 0

    def ask(self, now: float | None = None) -> dg.RunRequest | dg.SkipReason:
        """The next run, or why not yet."""
        due, now = self._due(), now or time.time()
        put_back = due > now + LONGEST_PAUSE  # the clock was: no pause is as long
        if self.last is None or now >= due or put_back:
            key = f"{self.job}-{self.state}-{self.begun + 1}"
            return dg.RunRequest(run_key=key, tags={self.tag: self.state})
        how = _HOW.get(self.last.dagster_run.status, "failed")
        at = time.strftime("%H:%M:%S UTC", time.gmtime(due))
        return dg.SkipReason(
            f"The last run of the job {self.job} {how} ({self.last.dagster_run.run_id[:8]}; {self.failed} in a row); "
            f"it is tried again at {at}."
        )

    def _due(self) -> float:
        """When the next run may be asked for, seconds since 1970."""
        if self.last is None:
            return 0.0
        pause = min(FIRST_PAUSE * 2.0 ** max(self.failed - 1, 0), LONGEST_PAUSE)
        ended: float = self.last.end_time or self.last.update_timestamp.timestamp()
        return ended + pause


def attempts(instance: dg.DagsterInstance, job: str, tag: str, state: str) -> Attempts:
    """The runs that were asked for a state, and a run by hand after them, which counts as one."""
    asked = dg.RunsFilter(job_name=job, tags={tag: state})
    begun = instance.get_runs_count(asked)
    ended, failed = [], 0
    for record in _of_this_state(instance, job, tag, state) if begun else ():
        ended.append(record)
        if record.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
            break
        failed += 1
    return Attempts(job, state, tag, begun, failed, ended[0] if ended else None)


def _of_this_state(instance: dg.DagsterInstance, job: str, tag: str, state: str) -> Iterator[dg.RunRecord]:
    """Runs that have ended, the last first, back to the one that was asked for first, or that made something else."""
    by_hand = []
    for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=_LOOKED_AT):
        run = record.dagster_run
        of = run.tags.get(tag)
        if of not in (state, None) and run.status == dg.DagsterRunStatus.SUCCESS:
            return
        if not run.is_finished or of not in (state, None):
            continue
        if of is None:  # it counts if a run of this state was before it
            by_hand.append(record)
            continue
        yield from by_hand
        by_hand = []
        yield record


def is_under_way(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether a run of the job is queued or going."""
    return bool(instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNDER_WAY)))
