"""What happens as JSON lines, for programs that watch: when, which process, run, sample, step, asset, how it ended.

Nothing in it is anybody's words: errors are told by their kind, requests by method and status. What is neither a number
nor looks like a name of ours is left out, so that no identity, path or question can stand there. The words are in the
run's own log and in the processes' logs. A sample that is withdrawn leaves it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

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
            self.add_line(json.dumps(told) + "\n")

    def leave(self, samples: Collection[str]) -> int:
        """Take out every line about these samples, whoever wrote it; how many there were.

        The file is replaced as a whole, so that a fault leaves the old one or the new one.

        Raises:
            OSError: the folder takes no file; no line has left.
        """
        if not samples or not self.path.parent.is_dir():
            return 0
        with self._held():
            return sum(_without(path, samples) for path in (self._older, self.path) if path.exists())

    @property
    def _older(self) -> Path:
        return self.path.with_suffix(".older.jsonl")

    def add_line(self, line: str) -> None:
        """Add a line as it is, with its end; OSError where the disk takes none."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._held() as file:
            file.write(line)
            file.flush()
            if file.tell() > MOST_BYTES:
                self.path.replace(self._older)

    @contextmanager
    def _held(self) -> Iterator[IO[str]]:
        """The file, open to be added to, for one process at a time."""
        while True:
            with self.path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_at(file, self.path):
                    yield file
                    return


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether an open file still is the one of that name: while one waits for it, it may be replaced."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _without(path: Path, samples: Collection[str]) -> int:
    """Replace a log by one without the lines about some samples; how many those were. One without any stays."""
    kept = path.with_suffix(".kept")
    left = _copied_without(path, samples, kept)
    if left:
        kept.replace(path)
    else:
        kept.unlink()
    return left


def _copied_without(path: Path, samples: Collection[str], kept: Path) -> int:
    left = 0
    with path.open() as lines, kept.open("w") as file:
        for line in lines:
            if _is_about(line, samples):
                left += 1
            else:
                file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return left


def _is_about(line: str, samples: Collection[str]) -> bool:
    if not any(sample in line for sample in samples):
        return False
    try:
        return json.loads(line).get("sample") in samples
    except ValueError:  # a full disk cut it short
        return True


def _may_stand(value: str | int | None) -> bool:
    return isinstance(value, int) or (value is not None and _NAME.fullmatch(value) is not None)
