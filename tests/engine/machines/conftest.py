"""Dask's workers and Slurm's node, on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.machines import slurm as slurm_machines
from tests.builders.dask import Dask, dask_cluster
from tests.builders.slurm import Slurm, running_slurm


@pytest.fixture(autouse=True)
def outcomes_are_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_machines, "LOOKS_EVERY", 0.2)


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


@pytest.fixture(scope="package")
def controller() -> Iterator[Slurm]:
    with running_slurm() as running:
        yield running


@pytest.fixture
def on_slurm(controller: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    monkeypatch.setenv("SLURM_CONF", str(controller.configuration))
    return controller
