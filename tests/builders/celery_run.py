"""``.launchers/bin/python -m tests.builders.celery_run JOB ASSET...``: assets of a job of the platform's by Celery.

For the environment that ``make launchers`` makes: the instance is that of ``DAGSTER_HOME``, a worker is there. Prints
the run's status, and the id of the task that it was.
"""

from __future__ import annotations

import sys
import time

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher import LaunchRunContext


def main(job: str, *assets: str) -> None:
    """Launch a run as Dagster's queue does, and wait."""
    code = ReconstructableRepository.for_module("genomics_assets.definitions", "defs").get_reconstructable_job(job)
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(
            code.get_definition(),
            asset_selection=frozenset(map(dg.AssetKey, assets)),
            job_code_origin=code.get_python_origin(),
        )
        instance.report_dagster_event(dg.DagsterEvent("PIPELINE_STARTING", run.job_name), run.run_id)
        instance.run_launcher.launch_run(LaunchRunContext(run, None))
        while not (ended := instance.get_run_by_id(run.run_id)) or not ended.is_finished:
            time.sleep(0.2)
        print(ended.status.value, ended.tags["dagster-celery/task_id"])


if __name__ == "__main__":
    main(*sys.argv[1:])
