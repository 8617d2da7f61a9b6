"""Dagster's launcher, able to say whether a run's process lives, and to end a run whose code server is gone.

Named in ``dagster.yaml`` (:mod:`genomics_assets.instance`); the daemon's run monitoring asks it about each run.
"""

from __future__ import annotations

import signal
from contextlib import suppress

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

from genomics_assets.run_process import ALONE, PROCESS, end_run, is_gone
from resources.process import ProcessMark


class WatchedRunLauncher(DefaultRunLauncher):
    """Starts runs as Dagster does by default, and watches their processes by the mark in their tags."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It can."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process lives; a run without one is ended here, in words of our own."""
        record = self._instance.get_run_record_by_id(run.run_id)
        if record is None or record.dagster_run.is_finished or not is_gone(record):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        end_run(self._instance, record.dagster_run, ALONE)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND)

    def terminate(self, run_id: str) -> bool:
        """End a run, also one that the code server does not know: of the command line, or of an earlier server."""
        with suppress(Exception):  # the code server may be gone, and with it Dagster's only way
            if super().terminate(run_id):  # type: ignore[no-untyped-call]
                return True
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        mark = ProcessMark.parse(run.tags.get(PROCESS, ""))
        if mark is not None and mark.tell(signal.SIGTERM):
            return True
        if mark is not None and not mark.is_alive:
            end_run(self._instance, run, ALONE)
            return True
        return False
