"""What happens as JSON lines, for programs that watch: when, which process, run, sample, step, asset, how it ended.

Nothing in it is anybody's words: errors are told by their kind, requests by method and status. What is neither a number
nor looks like a name of ours is left out, so that no identity, path or question can stand there. The words are in the
run's own log and in the processes' logs.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

FILE = Path("logs") / "events.jsonl"
"""In the data folder."""
MOST_BYTES = 50_000_000
"""Then the file becomes ``events.older.jsonl``, in place of an earlier one."""
FIELDS = frozenset(
    {"process", "run", "job", "sample", "step", "asset", "check", "passed", "error", "method", "status"}
    | {"milliseconds", "code"}
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-\[\]]{0,127}")


class StructuredLog:
    """One file that every process of a deployment adds to.

    Args:
        path: the file; :data:`FILE` of the data folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def tell(
        self, event: str, *, level: str = "info", at: float | None = None, **about: str | int | bool | None
    ) -> None:
        """Add one line. A disk that takes none stops nothing: who watches notices the silence.

        Args:
            event: what happened, as a program knows it.
            level: ``info``, ``warning`` or ``error``.
            at: seconds since 1970; now where absent.
            about: of :data:`FIELDS`; what is absent or no name is left out.
        """
        unknown = about.keys() - FIELDS
        if unknown:
            raise ValueError(f"no fields of the structured log: {sorted(unknown)}")
        when = datetime.fromtimestamp(at, UTC) if at else datetime.now(UTC)
        told: dict[str, object] = {"time": when.isoformat(timespec="milliseconds"), "level": level, "event": event}
        told |= {name: value for name, value in about.items() if _may_stand(value)}
        with suppress(OSError):
            self._add(json.dumps(told) + "\n")

    def _add(self, line: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line)
            file.flush()
            if file.tell() > MOST_BYTES and self.path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                self.path.replace(self.path.with_suffix(".older.jsonl"))


def _may_stand(value: str | int | None) -> bool:
    return isinstance(value, int) or (value is not None and _NAME.fullmatch(value) is not None)
