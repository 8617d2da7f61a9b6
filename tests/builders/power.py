"""A server that is cut off as by a power failure: every process of it killed at once, and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from engine.reads.registration import SampleStatus
from resources.environment import PROJECT, build_resources
from resources.sample_runs import RunState, open_runs
from tests.builders.deployment import BIN, Deployment


class Site:
    """A deployment and its server, which may be on or off.

    Args:
        deployment: what is served.
    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.resources = build_resources(deployment.settings)
        self.log = deployment.folder / "server.log"
        self.port = free_port()
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server as a script does in the background, with a terminal's output in a file."""
        stream: IO[bytes]
        with self.log.open("ab") as stream:
            self.server = subprocess.Popen(
                [str(BIN / "python"), "-m", "demo.serve", "--port", str(self.port)],
                cwd=PROJECT,
                env=self.deployment.variables,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                preexec_fn=_deaf,
            )

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """End the server as Ctrl-C does, at any time of its life; its exit code, and how many seconds that took."""
        assert self.server
        self.wait("Python itself", lambda: not is_deaf(self.server.pid), 10)
        began = time.monotonic()
        self.server.send_signal(number)
        code = self.server.wait(60)
        return code, time.monotonic() - began

    def cut(self) -> int:
        """Kill every process of the deployment at once, the server first; how many there were."""
        count = self._kill()
        if self.server:
            self.server.wait(10)
        # No power cut spares what a process started while others were killed.
        self.wait("the end of all processes", lambda: not self._kill(), 10)
        return count

    def _kill(self) -> int:
        """Kill the processes that are there now; how many there were."""
        found = self.processes()
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return len(found)

    def processes(self) -> list[int]:
        """Ids of all living processes that were started for the deployment, those of other programs included."""
        mark = f"GENOMICS_DATA={self.deployment.settings.data}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return sorted(found)

    def deaf(self) -> list[str]:
        """Command lines of the processes that do not hear INT or TERM."""
        found = []
        for pid in self.processes():
            with suppress(OSError):
                if is_deaf(pid):
                    found.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip())
        return found

    def statuses(self) -> dict[str, SampleStatus]:
        """How far each sample has come, by the registry."""
        return {sample.sample_id: sample.status for sample in self.resources.registry.samples()}

    def runs(self, sample: str) -> bool:
        """Whether a run of the sample is under way, by Dagster's own record.

        The registry is told by a sensor, every ten seconds, and never of a run that took less.
        """
        if sample not in self.statuses():
            return False  # nor is Dagster's own state made perhaps
        with open_runs(self.deployment.settings.dagster_home) as runs:
            found = runs.of_samples([sample]).get(sample) if runs else None
        return found is not None and found.state is RunState.RUNNING

    def await_end(self, samples: int, seconds: float = 300) -> dict[str, SampleStatus]:
        """Wait until so many samples have come to an end."""

        def ended() -> bool:
            found = self.statuses()
            ends = (SampleStatus.DONE, SampleStatus.FAILED)
            return len(found) >= samples and all(status in ends for status in found.values())

        self.wait("the end of every sample", ended, seconds)
        return self.statuses()

    def wait(self, what: str, done: Callable[[], Any], seconds: float = 120) -> None:
        """Wait until ``done`` is true."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s; {self.statuses()}\n{self.said()}"
            time.sleep(0.2)

    def said(self) -> str:
        """The last of what the terminal shows, and of the logs behind it."""
        logs = [self.log, *sorted((self.deployment.settings.data / "logs").glob("*.log"))]
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in logs)


def is_deaf(pid: int) -> bool:
    """Whether a process ignores INT or TERM."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = (line.split()[1] for line in status if line.startswith("SigIgn"))
    return bool(int(mask, 16) & (1 << signal.SIGINT - 1 | 1 << signal.SIGTERM - 1))


def _deaf() -> None:
    """Ignore what a script's background job may; whatever it starts inherits that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def free_port() -> int:
    """A TCP port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
