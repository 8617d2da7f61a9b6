"""A queued run as what it is: Dagster's pages call an asset "materializing" as soon as its run is asked for.

Its server counts a partition as in progress, and a run as an asset's, before the run has begun. Here both wait for the
beginning; until then the pages show what was there before, the list of runs says "queued", and so does the work list.
Two functions of ``dagster-graphql`` are wrapped, which a test holds against the real server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset
from dagster_graphql.implementation import fetch_runs
from dagster_graphql.schema import asset_graph

from resources.sample_runs import PARTITION

_NOT_BEGUN = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
_BEGUN = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
_HOLDS = 2.0
"""Seconds for which one look at the queue serves: a page asks for each of a dozen assets at once, every two seconds."""

_graph: Any = asset_graph
_subsets: Any = _graph.regenerate_and_check_partition_subsets
_runs: Any = fetch_runs._get_in_progress_runs_for_assets


def tell_queued_apart(instance: dg.DagsterInstance) -> None:
    """Let this process's web UI show nothing as materializing that waits in the queue of this instance."""
    queue = _Queue(instance)

    async def begun_subsets(*arguments: Any) -> tuple[Any, Any, Any]:
        materialized, failed, going = await _subsets(*arguments)
        return materialized, failed, going - DefaultPartitionsSubset(queue.waiting()) if going else going

    runs: Any = fetch_runs
    _graph.regenerate_and_check_partition_subsets = begun_subsets
    runs._get_in_progress_runs_for_assets = lambda *arguments: (_runs(*arguments)[0], {})


@dataclass
class _Queue:
    """What waits for its turn."""

    instance: dg.DagsterInstance
    looked: float = 0.0
    found: set[str] = field(default_factory=set)

    def waiting(self) -> set[str]:
        """Partitions of which a run is queued, and none has begun."""
        if not self.looked or time.monotonic() - self.looked > _HOLDS:
            queued = self._partitions(_NOT_BEGUN)
            self.found = queued - self._partitions(_BEGUN) if queued else queued
            self.looked = time.monotonic()
        return self.found

    def _partitions(self, statuses: list[dg.DagsterRunStatus]) -> set[str]:
        runs = self.instance.get_runs(dg.RunsFilter(statuses=statuses))
        return {run.tags[PARTITION] for run in runs if PARTITION in run.tags}
