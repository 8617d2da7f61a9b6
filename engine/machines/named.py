"""Which machines a setting names.

>>> machines_named("") is None
True
>>> type(machines_named("slurm:--partition=long --account=genomics")).__name__
'SlurmMachines'
"""

from __future__ import annotations

from engine.errors import ToolError
from engine.machines.work import Machines


def machines_named(text: str) -> Machines | None:
    """``slurm``, ``slurm:OPTIONS``, ``dask:tcp://HOST:PORT``, or nothing for this machine; ToolError otherwise."""
    kind, _, more = text.partition(":")
    if kind == "slurm":
        from engine.machines.slurm import SlurmMachines

        return SlurmMachines(more)
    if kind == "dask" and more.startswith(("tcp://", "tls://")):
        from engine.machines.dask_cluster import DaskMachines

        return DaskMachines(more)
    if text:
        raise ToolError(
            f"there are no machines called {text!r}",
            remedy="write slurm, slurm: with options of sbatch, or dask:tcp://HOST:PORT",
        )
    return None
