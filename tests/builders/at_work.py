"""Processes at work on pieces (:mod:`engine.machines`), and something that happens to them meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import psutil


def processes(of: Path) -> list[psutil.Process]:
    """Processes at work on a piece whose task lies below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "engine.machines.perform" in words and str(of) in words[-1]:
            found.append(process)
    return found


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended, waited for or not."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def soon(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Beside(Thread):
    """Something that happens while calls are made; its failure is the test's."""

    def __init__(self, deed: Callable[[], None]) -> None:
        super().__init__()
        self._deed, self._error = deed, None

    def run(self) -> None:
        try:
            self._deed()
        except BaseException as error:
            self._error = error

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        self.join()
        if self._error and kind is None:
            raise self._error
