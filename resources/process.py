"""Which process it was: what a note keeps of a process, so that anybody can tell later whether it still lives.

A process id alone is used again after a while, and by every boot anew; with the boot and the moment at which the
process began it names one process for ever.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_BOOT = _PROC / "sys" / "kernel" / "random" / "boot_id"
_STATE, _STARTED = 0, 19
"""Places in ``/proc/PID/stat`` behind the program's name, which may hold blanks and brackets (proc(5))."""
_ENDED = ("Z", "X", "x")


@dataclass(frozen=True)
class ProcessMark:
    """One process of this machine, or of its container.

    Attributes:
        pid: process id.
        started: when it began, in clock ticks since the boot.
        boot: id of that boot.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessMark | None:
        """The process that has this id now; absent where there is none, or it has ended and only waits to be read."""
        try:
            facts = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        return None if facts[_STATE] in _ENDED else cls(pid, int(facts[_STARTED]), boot_id())

    @classmethod
    def own(cls) -> ProcessMark:
        """This process."""
        mark = cls.of(os.getpid())
        assert mark is not None  # it runs
        return mark

    @classmethod
    def parse(cls, text: str) -> ProcessMark | None:
        """What :meth:`text` wrote; absent where it is something else."""
        pid, _, rest = text.partition(" ")
        started, _, boot = rest.partition(" ")
        return cls(int(pid), int(started), boot) if pid.isdigit() and started.isdigit() and boot else None

    @property
    def text(self) -> str:
        """In one line."""
        return f"{self.pid} {self.started} {self.boot}"

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self == ProcessMark.of(self.pid)

    def tell(self, number: signal.Signals) -> bool:
        """Send it a signal; False where it has ended, or is another user's."""
        with suppress(OSError):
            if self.is_alive:
                os.kill(self.pid, number)
                return True
        return False


def boot_id() -> str:
    """Names this boot of the machine."""
    return _BOOT.read_text().strip()
