"""What people are told without looking: runs that failed, gates that are shut, a queue that is stuck.

Which notices there are is read from the work list; which of them are news knows who sends them
(:mod:`genomics_assets.notifications`), and how they are sent is of :mod:`resources.channels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from resources.channels import Notice
from resources.work_list import State, Waits, WorkItem


def notices_of(items: Iterable[WorkItem], now: datetime, stuck_after: timedelta) -> tuple[Notice, ...]:
    """What the work list tells that a person should know.

    Args:
        items: of the work list.
        now: in UTC.
        stuck_after: how long a sample may wait for the platform before the queue counts as stuck.
    """
    items = list(items)
    failed = [_failed(item) for item in items if item.state is State.FAILED]
    shut = [_shut(item) for item in items if item.waits_for is Waits.GATE]
    return (*failed, *shut, *_stuck(items, now, stuck_after))


def job_failed(job: str, run: str, since: str) -> Notice:
    """Of a run that belongs to no sample: the knowledge, the cohort."""
    text = f"the job {job} failed: its last run in the web UI says why"
    return Notice("run failed", "", job, since, text, f"run {run}")


def _failed(item: WorkItem) -> Notice:
    text = f"sample {item.sample} failed at {item.stage}: genomics sample {item.sample} says why"
    key = f"failed {item.sample} {item.stage} {item.run or item.attempt}"
    return Notice("run failed", item.sample, item.stage, item.since, text, key)


def _shut(item: WorkItem) -> Notice:
    """With the check as the platform words it: name, observed and expected."""
    text = f"sample {item.sample} waits: {item.why}"
    return Notice("gate shut", item.sample, item.stage, item.since, text, f"gate {item.sample} {item.why}")


def _stuck(items: Sequence[WorkItem], now: datetime, after: timedelta) -> list[Notice]:
    """One notice for all samples that the platform should long have taken."""
    due = (now - after).isoformat(timespec="seconds")
    waiting = [item for item in items if _waits_for_us(item) and item.since and item.since < due]
    if not waiting:
        return []
    oldest = min(waiting, key=lambda item: (item.since, item.sample))
    count = f"{len(waiting)} samples wait" if len(waiting) > 1 else "a sample waits"
    text = f"{count} for the platform, {oldest.sample} longest: since {oldest.since}"
    key = f"stuck {oldest.sample} {oldest.since}"
    return [Notice("queue stuck", oldest.sample, oldest.stage, oldest.since, text, key)]


def _waits_for_us(item: WorkItem) -> bool:
    return item.state is State.QUEUED or item.waits_for in (Waits.RUN, Waits.KNOWLEDGE)
