"""Which process works on a run: noted by the run itself when it begins, so that a run whose process is gone is found.

Dagster's own launcher cannot ask after the health of a run's process, and a run started by ``dagster job execute``
knows no launcher at all. Every run, however it was started, begins with its executor, and this one writes the
process's mark (:class:`resources.process.ProcessMark`) into the run's tags.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

from engine.machines.slurm import is_over, states_of
from resources.process import ProcessMark

# Dagster still calls the handlers of ``dagster.yaml`` beta, by which runs are told to programs.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Handling yaml-defined logging configuration")

PROCESS = "genomics/process"
"""Tag: the mark of the process that works on the run."""
SLURM = "genomics/slurm"
"""Tag of a run that Slurm was given: the name of its job."""
ENDED_BY = "genomics/ended"
"""Tag of a run that was found without a process: one of :data:`ALONE` and :data:`WITH_THE_SERVER`."""
ALONE, WITH_THE_SERVER = "alone", "with the server"
TO_BEGIN = 120.0
"""Seconds from a run's start within which its tags have the mark."""
_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def process_tags() -> dict[str, str]:
    """The tags of a run on which this process works."""
    return {PROCESS: ProcessMark.own().text}


class _Marking(dg.Executor):
    """An executor that notes the process in the run's tags and leaves the work to another."""

    def __init__(self, worker: dg.Executor) -> None:
        self._worker = worker

    @property
    def retries(self) -> Any:
        return self._worker.retries

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        plan_context.instance.add_run_tags(plan_context.run_id, process_tags())
        yield from self._worker.execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=dg.in_process_executor.config_schema.as_field())
def in_one_process(context: dg.InitExecutorContext) -> dg.Executor:
    """All steps in the run's process, which is noted in the run's tags."""
    create = dg.in_process_executor.executor_creation_fn
    assert create is not None  # Dagster's own has one
    return _Marking(create(context))


def is_gone(record: dg.RunRecord, *, now: float | None = None) -> bool:
    """Whether the process of a run that has begun is gone; of one that Slurm was given, Slurm knows."""
    if name := record.dagster_run.tags.get(SLURM):
        states = states_of([name])
        return states is not None and is_over(states.get(name))
    mark = ProcessMark.parse(record.dagster_run.tags.get(PROCESS, ""))
    if mark is not None:
        return not mark.is_alive
    began = record.start_time or record.update_timestamp.timestamp()
    return (now or time.time()) - began > TO_BEGIN


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, how: str) -> None:
    """Let a run that has no process any more be what it is: canceled where that was asked, failed otherwise."""
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The run was to be canceled, and its process is gone.")
        return
    instance.add_run_tags(run.run_id, {ENDED_BY: how})
    instance.report_run_failed(run, REASONS[how])


def unfinished(instance: dg.DagsterInstance) -> list[dg.RunRecord]:
    """The runs that hold a place among those that run."""
    return list(instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)))


REASONS = {
    ALONE: "The process of this run is gone: it was killed (by a person, or for lack of memory) or it crashed. "
    "What was finished is kept; a sample is asked for again by itself.",
    WITH_THE_SERVER: "The server ended while this run was going (it was stopped or killed, or the power was cut). "
    "What was finished is kept; a sample is asked for again by itself.",
}
