"""Dagster's launcher for Slurm: each run is a job on whichever machine Slurm chooses, and is looked after by its name.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`). All machines see the data folder under the same path;
registry and Dagster's state lie in PostgreSQL. Slurm does not start a run anew whose node was lost: that the platform
does, as for any run that dies (:mod:`genomics_assets.sample_runs`), and it begins with what is published.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.launcher import LaunchRunContext
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from engine.errors import ToolError
from engine.machines.slurm import cancel, is_over, states_of, submit
from genomics_assets.run_launcher import WatchedRunLauncher
from genomics_assets.run_process import ALONE, SLURM, end_run

FOLDER = "slurm"
"""In ``DAGSTER_HOME``: script and output of each run's job."""
TO_APPEAR = 60.0
"""Seconds after its submission within which a job is known to every command of Slurm's."""
_NOT_BEGUN = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD")


class SlurmRunLauncher(WatchedRunLauncher, ConfigurableClass):
    """Starts runs by ``sbatch``.

    Args:
        options: for it, as on its command line.
    """

    def __init__(self, options: str = "", inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data=inst_data)
        self._options = shlex.split(options)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """What ``dagster.yaml`` says of it."""
        return {"options": dg.Field(str, is_required=False, default_value="")}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Any:
        """As ``dagster.yaml`` configures it."""
        return cls(config_value["options"], inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Submit the run; ToolError where Slurm does not take it, and then Dagster lets the run fail."""
        run = context.dagster_run
        name = f"genomics-{run.run_id}"
        # Before it is submitted: a job that begins at once is known as Slurm's from its first moment.
        self._instance.add_run_tags(run.run_id, {SLURM: name})
        script = self._script(run)
        output = script.with_suffix(".log")
        job = submit(
            f"--job-name={name}", "--no-requeue", f"--output={output}", "--ntasks=1", *self._options, str(script)
        )
        self._instance.report_engine_event(f"The run is with Slurm as job {job}; it prints to {output}.", run)

    def terminate(self, run_id: str) -> bool:
        """End a run: one that waits in Slurm at once, one that goes by asking its process to."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if SLURM not in run.tags:
            return super().terminate(run_id)
        self._instance.report_run_canceling(run)
        states = states_of([run.tags[SLURM]])
        cancel(run.tags[SLURM])
        if states is not None and (is_over(state := states.get(run.tags[SLURM])) or state in _NOT_BEGUN):
            self._instance.report_run_canceled(run)
        return True

    def _script(self, run: dg.DagsterRun) -> Path:
        origin = run.job_code_origin
        if origin is None:
            raise ToolError("the run does not say of which code it is", remedy="start it in the web UI again")
        asked = ExecuteRunArgs(
            job_origin=origin, run_id=run.run_id, instance_ref=self._instance.get_ref(), set_exit_code_on_failure=True
        )
        folder = Path(self._instance.root_directory) / FOLDER
        folder.mkdir(exist_ok=True)
        script = folder / f"{run.run_id}.sh"
        # By this Python and not by the name "dagster": a job's PATH is what the machine gives it.
        _, *arguments = asked.get_command_args()
        script.write_text(f"#!/bin/sh\nexec {shlex.join([sys.executable, '-m', 'dagster', *arguments])}\n")
        return script


def end_lost(instance: dg.DagsterInstance) -> list[str]:
    """End runs that were submitted, never began, and are not with Slurm any more; their ids.

    A controller that is killed forgets jobs of its last seconds.
    """
    starting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])
    old = time.time() - TO_APPEAR
    waiting = {
        record.dagster_run.tags[SLURM]: record.dagster_run
        for record in instance.get_run_records(starting)
        if SLURM in record.dagster_run.tags and record.update_timestamp.timestamp() < old
    }
    states = states_of(list(waiting)) if waiting else None
    if states is None:
        return []
    lost = [run for name, run in waiting.items() if is_over(states.get(name)) and _is_starting(instance, run)]
    for run in lost:
        end_run(instance, run, ALONE)
    return [run.run_id for run in lost]


def _is_starting(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Still: while Slurm was asked, it may have begun and ended."""
    now = instance.get_run_by_id(run.run_id)
    return now is not None and now.status == dg.DagsterRunStatus.STARTING
