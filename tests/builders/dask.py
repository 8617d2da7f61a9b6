"""A Dask scheduler and workers, each a process of its own on the loopback address."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders.web import free_port


@dataclass
class Dask:
    """A running cluster.

    Attributes:
        address: of its scheduler.
        scheduler: its process.
        workers: theirs, of which a test may kill some.
    """

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]
    _folder: Path
    _stack: ExitStack

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more, of one thread."""
        quiet = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60"]
        worker = self._start("worker", self.address, *quiet, "--local-directory", str(self._folder))
        self.workers.append(worker)
        return worker

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        name, *rest = command
        program = [sys.executable, "-m", "distributed.cli.dask_" + name, *rest, "--host", "127.0.0.1"]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(program, stdout=log, stderr=log)
        self._stack.callback(process.wait, 30)
        self._stack.callback(process.kill)
        return process


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[Dask]:
    """A cluster that answers; everything ends with the context."""
    if importlib.util.find_spec("distributed") is None:
        pytest.skip("Dask is not installed (extra dask)")
    from distributed import Client

    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        port = free_port()
        cluster = Dask(f"tcp://127.0.0.1:{port}", None, [], folder, stack)
        cluster.scheduler = cluster._start("scheduler", "--port", str(port), "--no-dashboard")
        for _ in range(workers):
            cluster.add_worker()
        deadline = time.monotonic() + 60
        while True:
            try:
                with Client(cluster.address, set_as_default=False, timeout=5) as client:
                    client.wait_for_workers(workers, 30)
                break
            except (OSError, TimeoutError):
                assert time.monotonic() < deadline, (folder / "log").read_text()
        yield cluster
