"""A job of the platform's as a task of Celery's: the launcher of ``deploy/runs``, a broker, a worker as that says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from resources.environment import PROJECT
from resources.run_places import run_place
from tests.builders.deployment import Deployment, tiny_deployment
from tests.builders.web import free_port

PROGRAMS = PROJECT / ".launchers" / "bin"
LAUNCHER = PROJECT / "deploy" / "runs" / "celery.yaml"
ASSETS = {"reference_genome", "gene_model"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PROGRAMS / "celery").exists(), reason="Celery is not installed: make launchers"),
    pytest.mark.skipif(
        not shutil.which("redis-server"), reason="redis-server is not installed (Debian: apt-get install redis-server)"
    ),
]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A broker on loopback, and the variables that name it."""
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with (tmp_path / "redis.log").open("w") as log:
        process = subprocess.Popen(["redis-server", *options], stdout=log, stderr=log)
    try:
        yield {
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
            "CELERY_RESULT_BACKEND": f"redis://127.0.0.1:{port}/1",
        }
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def deployment(tmp_path: Path, broker: dict[str, str]) -> Deployment:
    """One whose instance has the launcher of ``deploy/runs``, and is the platform's in all else."""
    made = tiny_deployment(tmp_path / "made", **broker)
    made.prepare()
    instance = Path(made.variables["DAGSTER_HOME"]) / "dagster.yaml"
    told = yaml.safe_load(instance.read_text()) | {"run_launcher": dict(run_place(str(LAUNCHER)).launcher)}
    instance.write_text(yaml.safe_dump(told))
    return made


def worker(deployment: Deployment, log: Path, running: ExitStack) -> None:
    """One as the launcher's file says, which ends with the context."""
    told = LAUNCHER.read_text().split('started by "')[1].split('"')[0]
    command = [str(PROGRAMS / "celery"), *shlex.split(told)[1:], "--loglevel", "INFO"]
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=PROJECT, env=deployment.variables, stdout=stream, stderr=stream)
    running.callback(process.wait, 60)
    running.callback(process.terminate)
    deadline = time.monotonic() + 60
    while " ready." not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def test_a_job_is_done_by_a_worker(deployment: Deployment, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with ExitStack() as running:
        worker(deployment, log, running)
        command = [PROGRAMS / "python", "-m", "tests.builders.celery_run", "knowledge", *ASSETS]
        done = subprocess.run(
            command, cwd=PROJECT, env=deployment.variables, capture_output=True, text=True, timeout=180, check=False
        )
        told = done.stdout.split()
    assert told[:1] == ["SUCCESS"], done.stderr[-3000:] + log.read_text()[-3000:]
    assert re.search(rf"\[{told[1]}\] succeeded", log.read_text()), "it was the worker"
    assert set(deployment.lake.assets()) == ASSETS
