"""Who ends what a server started, when the server is gone: no process of it outlives it, however it died.

Every process of a server bears the server's mark in its environment (:data:`MARK`), and so does whatever it starts in
turn. The server ends them when it stops; the guard, a small process of its own, waits for the server's end and does
the same where the server was killed. It loads neither Dagster nor the engine.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from resources.process import ProcessMark

MARK = "GENOMICS_SERVER_PROCESS"
"""Environment variable of every process of a server: the server's own mark."""


def processes_of(server: ProcessMark) -> Iterator[int]:
    """Ids of the living processes that a server started, this one left out."""
    entry = f"{MARK}={server.text}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):  # it has ended, or is another user's
            if pid != os.getpid() and entry in (folder / "environ").read_bytes().split(b"\0") and ProcessMark.of(pid):
                yield pid


def end_processes_of(server: ProcessMark, *, within: float = 5.0) -> bool:
    """Kill whatever a server started, until nothing is left; False where something outlives even that."""
    deadline = time.monotonic() + within
    while left := list(processes_of(server)):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def await_end(process: ProcessMark) -> None:
    """Wait until a process has ended."""
    with suppress(OSError):  # it has ended already
        descriptor = os.pidfd_open(process.pid)
        if process.is_alive:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll()
        os.close(descriptor)


def main(server: ProcessMark) -> None:
    """Wait for the server's end, and end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the server ends it
    await_end(server)
    end_processes_of(server)


if __name__ == "__main__":
    found = ProcessMark.parse(sys.argv[1])
    if found:
        main(found)
