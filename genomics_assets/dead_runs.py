"""What a server does before its daemon starts: runs of the server before it, which ended with it, are ended in words.

A run that is going elsewhere (``dagster job execute`` in a terminal) lives on. As a program it is the first step of
``make serve``, and the one that makes Dagster's databases: two processes that do so at once spoil them.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from genomics_assets.messages import tell
from genomics_assets.run_process import PROCESS, WITH_THE_SERVER, end_run, is_gone, unfinished


def end_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """End every run that has no process, while no daemon runs that could just be starting one."""
    ended = []
    for record in unfinished(instance):
        if PROCESS not in record.dagster_run.tags or is_gone(record):
            end_run(instance, record.dagster_run, WITH_THE_SERVER)
            ended.append(record.dagster_run)
    return ended


def open_instance(home: Path) -> dg.DagsterInstance:
    """Dagster's instance; databases that a killed process had only begun to make, and nobody used, are made anew."""
    made = home / ".made"
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
    with open_instance(Path(os.environ["DAGSTER_HOME"])) as instance:
        ended = end_dead_runs(instance)
    if ended:
        tell(f"{len(ended)} runs ended with the server before this one; their samples are asked for again")


if __name__ == "__main__":
    main()
