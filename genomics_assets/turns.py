"""Turns in Dagster's queue for the runs of samples that are asked for: see :mod:`resources.precedence`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from engine.reads.registration import RegisteredSample
from genomics_assets.jobs import sample_job
from resources.precedence import PRECEDENCE, SENDER, TURN, Queue

_Status = dg.DagsterRunStatus
_WAITING = [_Status.QUEUED, _Status.NOT_STARTED]
_BEGUN = [_Status.STARTING, _Status.STARTED, _Status.CANCELING, _Status.SUCCESS, _Status.FAILURE]
_LATELY = 20
"""Runs that are looked at for how far the machine is: more than go at a time on most."""


def turns(
    instance: dg.DagsterInstance, queue: Queue, asked: Iterable[RegisteredSample]
) -> dict[str, Mapping[str, str]]:
    """Tags for the run of each sample, by its id: sender, precedence, turn and priority.

    A sender's next run begins where its last one that still waits ends, and no earlier than the turn of what runs now.
    """
    found: dict[str, Mapping[str, str]] = {}
    next_turn: dict[str, int] = {}
    for sample in asked:
        sender = queue.sender_of(sample.sheet)
        if sender not in next_turn:
            next_turn[sender] = max(
                _turn_of_what_runs(instance, queue.precedence(sender)), _end(instance, queue, sender)
            )
        found[sample.sample_id] = queue.tags(sender, next_turn[sender])
        next_turn[sender] += queue.step(sender)
    return found


def _turn_of_what_runs(instance: dg.DagsterInstance, precedence: str) -> int:
    """The highest turn of those that began or ended last."""
    begun = dg.RunsFilter(job_name=sample_job.name, statuses=_BEGUN, tags={PRECEDENCE: precedence})
    records = instance.get_run_records(begun, limit=_LATELY, order_by="update_timestamp")
    return max((_turn(record) for record in records), default=0)


def _end(instance: dg.DagsterInstance, queue: Queue, sender: str) -> int:
    """Where the last run of a sender ends that waits; 0 where none waits."""
    waiting = dg.RunsFilter(job_name=sample_job.name, statuses=_WAITING, tags={SENDER: sender})
    records = instance.get_run_records(waiting, limit=1)
    return max((_turn(record) + queue.step(sender) for record in records), default=0)


def _turn(record: dg.RunRecord) -> int:
    told = record.dagster_run.tags.get(TURN, "")
    return int(told) if told.isdigit() else 0
