"""What becomes of a withdrawn sample in Dagster: its runs end, then its partition goes.

A run whose partition went while it was under way would end in an error of Dagster's about partition ranges. So the
partition stays until no run of the sample is under way; one whose process is known is ended at once, any other ends at
its next artifact, since the gate lets nothing of the sample through.
"""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from genomics_assets.partitions import SAMPLES
from genomics_assets.run_process import PROCESS, SLURM
from resources.sample_runs import PARTITION

_OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_NOT_OVER = [status for status in dg.DagsterRunStatus if status not in _OVER]
_IN_A_QUEUE = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
_KNOWN_BY = (".dagster/grpc_info", PROCESS, SLURM)
"""Tags of a run whose process the launcher can end."""


def end_withdrawn(instance: dg.DagsterInstance, withdrawn: Collection[str]) -> list[str]:
    """End what runs of withdrawn samples; those whose partition may go now, in order.

    Args:
        instance: Dagster's.
        withdrawn: ids of samples that were withdrawn.
    """
    gone = set(withdrawn) & set(instance.get_dynamic_partitions(str(SAMPLES.name)))
    if not gone:
        return []
    return [sample for sample in sorted(gone) if not _end_runs(instance, sample)]


def _end_runs(instance: dg.DagsterInstance, sample: str) -> int:
    """Ask the sample's runs to end; how many were not over."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_NOT_OVER, tags={PARTITION: sample}))
    for run in runs:
        _end(instance, run)
    return len(runs)


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    can_be_ended = run.status in _IN_A_QUEUE or any(tag in run.tags for tag in _KNOWN_BY)
    if can_be_ended and run.status != dg.DagsterRunStatus.CANCELING:
        instance.report_engine_event("The sample was withdrawn: its run is ended.", run)
        instance.run_coordinator.cancel_run(run.run_id)
