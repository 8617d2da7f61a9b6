"""Telling how far a long computation has come: records per second and time left, at most every few seconds.

>>> import io, logging
>>> progress = Progress("aligning", total=100, unit="reads", log=print, interval=0.0, clock=iter([0.0, 2.0]).__next__)
>>> progress.advance(50)
aligning: 50 of 100 reads (50%), 25 reads/s, 2 s left
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock

LOG: Callable[[str], None] = logging.getLogger(__name__).info


class Progress:
    """A counter that speaks up now and then; safe to advance from several threads.

    Args:
        task: what is being done, as a present participle ("aligning").
        total: how many units there will be, ``None`` where it is not known.
        unit: what is counted, in the plural.
        log: takes each line; the default writes to this module's logger at level INFO.
        interval: seconds between two lines.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        task: str,
        *,
        total: int | None = None,
        unit: str = "reads",
        log: Callable[[str], None] = LOG,
        interval: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task, self.total, self.unit = task, total, unit
        self.done = 0
        self._log, self._interval, self._clock = log, interval, clock
        self._lock = Lock()
        self._started = self._spoke = clock()

    def advance(self, count: int) -> None:
        """Count ``count`` more units and say so if it is time."""
        with self._lock:
            self.done += count
            now = self._clock()
            if now - self._spoke < self._interval:
                return
            self._spoke = now
            line = self._line(now)
        self._log(line)

    def _line(self, now: float) -> str:
        rate = self.done / max(now - self._started, 1e-9)
        if not self.total:
            return f"{self.task}: {self.done:,} {self.unit}, {rate:,.0f} {self.unit}/s"
        left = max(self.total - self.done, 0) / max(rate, 1e-9)
        share = f"{self.done:,} of {self.total:,} {self.unit} ({self.done / self.total:.0%})"
        return f"{self.task}: {share}, {rate:,.0f} {self.unit}/s, {left:,.0f} s left"
