"""Runs of one sample, each a process forked from one that has loaded the platform already, killed on demand.

Loading Dagster and the libraries takes ten seconds, a tiny sample's run a few: forking is what makes dozens of killed
runs affordable. As a program it reads one line a run from standard input, the seconds after which to kill it (``inf``
for never), and answers with one JSON line.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resources.environment import PROJECT
from tests.builders.deployment import BIN, Deployment

HEAVY = (
    "demo.run",
    "deltalake",
    "duckdb",
    "engine.align.pipeline",
    "engine.annotate.annotate",
    "engine.call.caller",
    "engine.classify.findings",
    "engine.cohort.contribution",
    "engine.fhir.bundle",
    "engine.genotype.sample",
    "engine.quality.plots",
    "engine.reads.intake",
    "fhir.resources.R4B",
    "genomics_assets.definitions",
)
"""What the ops load when they run; none of it starts a thread, so that forking is safe."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        seconds: for how long it ran.
        killed: whether it was killed before its end.
        success: whether it came to a good end.
    """

    seconds: float
    killed: bool
    success: bool


@dataclass(frozen=True)
class Runner:
    """The process that runs are forked from, and the file that it and they write to."""

    process: subprocess.Popen[str]
    log: Path

    def said(self) -> str:
        """The last of what the runs wrote."""
        return self.log.read_text()[-4000:]

    def run(self, kill_after: float = math.inf) -> Outcome:
        """Run the sample to its end, or to the moment at which it is killed."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{kill_after}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.said()
        return Outcome(**json.loads(answer))


@contextmanager
def forked_runs(deployment: Deployment, sample: str) -> Iterator[Runner]:
    """A runner of one sample of a deployment."""
    path = deployment.folder / "runs.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            [str(BIN / "python"), "-m", "tests.builders.forked_runs", sample],
            cwd=PROJECT,
            env=deployment.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield Runner(process, path)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main(sample: str) -> None:
    """Serve runs until standard input ends."""
    for module in HEAVY:
        importlib.import_module(module)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what runs print goes to the log
    for line in sys.stdin:
        print(json.dumps(_fork(sample, float(line)).__dict__), file=answers, flush=True)


def _fork(sample: str, kill_after: float) -> Outcome:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(_run(sample))
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        seconds = time.monotonic() - started
        if ended:
            return Outcome(seconds, killed=False, success=os.waitstatus_to_exitcode(status) == 0)
        if seconds >= kill_after:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Outcome(seconds, killed=True, success=False)
        time.sleep(0.005)


def _run(sample: str) -> int:
    from demo.run import run_job

    try:
        result = run_job("sample", sample)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        return 2
    print("\n".join(result.problems), file=sys.stderr, flush=True)
    return 0 if result.success else 1


if __name__ == "__main__":
    main(sys.argv[1])
