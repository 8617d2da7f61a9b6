"""Runs of samples in a deployment's own Dagster state: real ones that fail as they are told to, and ones under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from engine.ops.dagster_op import clear_failure
from genomics_assets.instance import prepare_instance
from resources.environment import Resources
from resources.sample_runs import PARTITION, RUN_KEY


@contextmanager
def instance_of(platform: Resources) -> Iterator[dg.DagsterInstance]:
    """The deployment's Dagster instance, as ``make serve`` prepares it."""
    with dg.DagsterInstance.from_config(str(prepare_instance(platform.settings))) as instance:
        yield instance


def tags_of(platform: Resources, sample: str) -> dict[str, str]:
    """The tags of the run that the platform asks for now."""
    return {PARTITION: sample, RUN_KEY: platform.registry.sample(sample).run_key}


def execute(
    platform: Resources,
    sample: str,
    error: Exception | None = None,
    *,
    step: str = "gvcf",
    by_hand: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> str:
    """A run of one step, which does something and raises the error as an artifact's op does; returns its id."""

    @dg.op(name=step)
    def made() -> None:
        meanwhile()
        with clear_failure(sample):
            if error:
                raise error

    @dg.job(name="__ASSET_JOB" if by_hand else "sample")
    def job() -> None:
        made()

    tags = {PARTITION: sample} if by_hand else tags_of(platform, sample)
    with instance_of(platform) as instance:
        return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id


def add_run(platform: Resources, sample: str, status: dg.DagsterRunStatus, *, job: str = "sample") -> str:
    """A run of that status, which nobody executes; returns its id."""
    tags = tags_of(platform, sample) if sample else {}
    with instance_of(platform) as instance:
        return instance.add_run(dg.DagsterRun(job, status=status, tags=tags)).run_id
