"""Running a program and saying what it cost: user and system CPU, wall time and peak memory, its children included."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one program used.

    Attributes:
        user: CPU seconds in user mode, of it and all it started.
        system: CPU seconds in the kernel.
        wall: seconds from start to end.
        peak_mb: resident memory of its largest process at its peak, MB.
    """

    user: float
    system: float
    wall: float
    peak_mb: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.user + other.user,
            self.system + other.system,
            self.wall + other.wall,
            max(self.peak_mb, other.peak_mb),
        )


class StepFailedError(Exception):
    """A program ended with an error; the message holds the end of what it said."""


def run(command: Sequence[str], log: Path, output: Path | None = None) -> Cost:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        log: takes what it says on standard error, and on standard output where ``output`` is absent.
        output: takes its standard output.

    Raises:
        StepFailedError: it ended with an error.
    """
    with log.open("wb") as said, (output or log).open("ab" if output is None else "wb") as written:
        started = time.monotonic()
        process = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=written, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        told = log.read_text(errors="replace").strip()[-600:]
        raise StepFailedError(f"{' '.join(command[:4])} ... ended with {process.returncode}: {told}")
    return Cost(used.ru_utime, used.ru_stime, wall, used.ru_maxrss / 1024)


def apart(make: Callable[..., None], *arguments: object) -> None:
    """Call a function in a process of its own: the peak of whoever starts a program counts as the program's."""
    maker = multiprocessing.get_context("spawn").Process(target=make, args=arguments)
    maker.start()
    maker.join()
    if maker.exitcode:
        raise RuntimeError(f"{make.__name__} ended with {maker.exitcode}")
