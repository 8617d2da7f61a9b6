"""What a server does before its daemon starts: runs of the server before it, which ended with it, are ended in words.

A run that is going elsewhere (``dagster job execute`` in a terminal) lives on. As a program it is the first step of
``make serve``, and the one that makes Dagster's databases: two processes that do so at once spoil them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dagster as dg
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from genomics_assets.instance import MADE
from genomics_assets.messages import tell
from genomics_assets.run_launcher import WatchedRunLauncher
from genomics_assets.run_process import PROCESS, SLURM, WITH_THE_SERVER, end_run, is_gone, unfinished
from resources.sample_runs import unreadable


def end_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """End every run that has no process, while no daemon runs that could just be starting one.

    Runs that another launcher than ours gave away live on without this server; that launcher looks after them.
    """
    ended: list[dg.DagsterRun] = []
    if not isinstance(instance.run_launcher, WatchedRunLauncher):
        return ended
    for record in unfinished(instance):
        if not record.dagster_run.tags.keys() & {PROCESS, SLURM} or is_gone(record):
            end_run(instance, record.dagster_run, WITH_THE_SERVER)
            ended.append(record.dagster_run)
    return ended


def open_instance(home: Path) -> dg.DagsterInstance:
    """Dagster's instance; databases that a killed process had only begun to make, and nobody used, are made anew."""
    made = home / MADE
    try:
        instance = dg.DagsterInstance.from_config(str(home))
    except Exception:
        if made.exists():
            raise
        for folder in ("history", "schedules"):
            if (home / folder).exists():
                (home / folder).rename(home / f"{folder}.half-made-{os.getpid()}")
        instance = dg.DagsterInstance.from_config(str(home))
    made.touch()
    return instance


def main() -> None:
    """End them, and say how many there were."""
    home = Path(os.environ["DAGSTER_HOME"])
    try:
        with open_instance(home) as instance:
            ended = end_dead_runs(instance)
    except (SQLAlchemyError, dg.DagsterError, CommandError) as error:
        tell(str(unreadable(home, error)))
        sys.exit(1)
    if ended:
        tell(f"{len(ended)} runs ended with the server before this one; their samples are asked for again")


if __name__ == "__main__":
    main()
