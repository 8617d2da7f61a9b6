"""A job executed in this process, by the deployment's Dagster instance: what ``make demo`` does."""

from __future__ import annotations

import dagster as dg

from genomics_assets.run_process import process_tags
from resources.sample_runs import RUN_KEY


def run_here(
    instance: dg.DagsterInstance, job: str, sample: str | None = None, run_key: str | None = None
) -> dg.ExecuteInProcessResult:
    """Execute a job to its end, whatever fails; nothing is printed."""
    from genomics_assets.definitions import defs

    return defs.resolve_job_def(job).execute_in_process(
        instance=instance,
        partition_key=sample,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags=process_tags() | ({RUN_KEY: run_key} if run_key else {}),
    )


def problems_of(done: dg.ExecuteInProcessResult) -> list[str]:
    """What failed, each with its step, as the platform says it."""
    return [_problem(event) for event in done.all_events if event.is_step_failure]


def _problem(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    user = data.user_failure_data
    told = user.description if user and user.description else data.error.message.strip() if data.error else "failed"
    return f"{event.step_key}: {told}"
