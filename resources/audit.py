"""The audit log: who did what to which sample, when, and why; append-only and chained, so that tampering shows.

One JSON object per line; each carries the sha256 of the line before it. Several processes may write (a file lock
orders them) and every entry is on disk before :meth:`AuditLog.record` returns. The log holds pseudonyms only: what
is written in ``details`` must name no patient. A chain cannot show that its last lines were cut off: keep
:meth:`AuditLog.head` somewhere else from time to time and give it to :meth:`AuditLog.verify`.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     log = AuditLog(Path(folder) / "audit.jsonl")
...     _ = log.record("dr.jones", "gate override", "S1", {"reason": "repeat of a known good library"})
...     log.verify()
1
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import GenomicsError

_BEGINNING = "0" * 64
_SEALED = "unfinished line sealed"
_TAIL_STEP = 1 << 16


class AuditError(GenomicsError):
    """The audit log is not what was written to it."""


@dataclass(frozen=True)
class AuditEvent:
    """Something to be written down.

    Attributes:
        who: the person, or the part of the platform, that acted.
        what: what was done, in a few fixed words ("gate override").
        sample: sample id, absent where no sample is concerned.
        details: whatever JSON can hold; no patient identity.
    """

    who: str
    what: str
    sample: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditEntry:
    """An event as written.

    Attributes:
        number: 1-based line in the log.
        when: UTC time, ISO 8601 with microseconds.
        event: what was written down.
    """

    number: int
    when: str
    event: AuditEvent


@dataclass(frozen=True)
class AuditHead:
    """How far the log had come: the number of lines and the sha256 of the last one."""

    entries: int
    digest: str


@dataclass
class _Seen:
    """How far the log was looked through, and where the lines about each sample begin, by the sample as JSON."""

    inode: int = 0
    end: int = 0
    by_sample: dict[bytes, list[int]] = field(default_factory=dict)


class AuditLog:
    """The log in one file; the folder is made when the first event is recorded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = _Seen()

    def record(
        self, who: str, what: str, sample: str | None = None, details: Mapping[str, Any] | None = None
    ) -> AuditHead:
        """Write one event and return the head of the log after it, once it is on disk."""
        return self.record_all([AuditEvent(who, what, sample, details or {})])

    def record_all(self, events: Iterable[AuditEvent]) -> AuditHead:
        """Write several events with one flush to disk, or none of them if one cannot be written."""
        with self._locked() as file:
            head = self._seal(file, _head_of(file))
            lines = []
            for event in events:
                line = _line(event, head)
                lines.append(line)
                head = AuditHead(head.entries + 1, _sha256(line))
            if lines:
                _append(file, b"".join(line + b"\n" for line in lines))
            return head

    def head(self) -> AuditHead:
        """How far the log has come, for keeping elsewhere."""
        if not self.path.exists():
            return AuditHead(0, _BEGINNING)
        with self.path.open("rb") as file:
            return _head_of(file)

    def entries(self, *, sample: str | None = None) -> Iterator[AuditEntry]:
        """What was written, oldest first; with ``sample``, of that sample alone. Nothing is verified here."""
        if sample is not None:
            yield from self.entries_about(sample)
        elif self.path.exists():
            with self.path.open("rb") as file:
                yield from filter(None, map(_parse, file))

    def entries_about(self, sample: str | None) -> Iterator[AuditEntry]:
        """What was written of one sample, or of none, oldest first; found without reading the rest of the log again.

        The log is looked through once, and what was added since each time.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for position in self._positions(file).get(_quoted(sample), []):
                file.seek(position)
                entry = _parse(file.readline())
                if entry and entry.event.sample == sample:
                    yield entry

    def _positions(self, file: BinaryIO) -> dict[bytes, list[int]]:
        """Where the lines about each sample begin."""
        facts = os.fstat(file.fileno())
        if facts.st_ino != self._seen.inode or facts.st_size < self._seen.end:
            self._seen = _Seen(facts.st_ino)
        file.seek(self._seen.end)
        for line in file:
            if line.endswith(b"\n"):  # another one is still being written
                self._seen.by_sample.setdefault(_sample_in(line), []).append(self._seen.end)
                self._seen.end += len(line)
        return self._seen.by_sample

    def verify(self, anchor: AuditHead | None = None) -> int:
        """The number of lines, if every one is as it was written.

        Args:
            anchor: a head kept earlier; the log must still hold it.

        Raises:
            AuditError: a line was changed, removed, added or moved, or lines that ``anchor`` covers are missing.
        """
        head, unfinished = AuditHead(0, _BEGINNING), False
        if self.path.exists():
            with self.path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    unfinished = self._verify_line(number, raw, head, unfinished)
                    head = AuditHead(number, _sha256(raw.rstrip(b"\n")))
                    if anchor and anchor.entries == number and anchor.digest != head.digest:
                        raise self._broken(number, "the line is not the one that was anchored")
        if anchor and anchor.entries > head.entries:
            raise self._broken(head.entries, f"{anchor.entries - head.entries} lines are missing at the end")
        return head.entries

    def _verify_line(self, number: int, raw: bytes, head: AuditHead, unfinished: bool) -> bool:
        """Check one line against the head before it; True when it is one that a killed process left unfinished."""
        entry = _parse(raw)
        if entry is None or not raw.endswith(b"\n"):
            if unfinished:
                raise self._broken(number, "the line is not an entry")
            return True
        if entry.number != number or json.loads(raw)["previous"] != head.digest:
            raise self._broken(number, "the line does not follow from the line before it")
        if unfinished and entry.event.what != _SEALED:
            raise self._broken(number - 1, "the line is not an entry")
        return False

    def _broken(self, number: int, problem: str) -> AuditError:
        return AuditError(
            problem,
            remedy="keep the file as evidence, compare it with a backup, and tell the security officer",
            file=self.path,
            place=f"line {number}",
        )

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "rb+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _seal(self, file: BinaryIO, head: AuditHead) -> AuditHead:
        """End a line that a killed process left unfinished: it stays, and the chain says so."""
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return head
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return head
        line = _line(AuditEvent("audit", _SEALED), head)
        _append(file, b"\n" + line + b"\n")
        return AuditHead(head.entries + 1, _sha256(line))


def _line(event: AuditEvent, head: AuditHead) -> bytes:
    entry = {
        "number": head.entries + 1,
        "when": datetime.now(UTC).isoformat(timespec="microseconds"),
        "who": event.who,
        "what": event.what,
        "sample": event.sample,
        "details": dict(event.details),
        "previous": head.digest,
    }
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _append(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file.fileno(), rest) :]
    os.fsync(file.fileno())


def _head_of(file: BinaryIO) -> AuditHead:
    """Read the last line backwards; the number comes from the last entry, so the file need not be read whole."""
    lines = _last_lines(file)
    if not lines:
        return AuditHead(0, _BEGINNING)
    last = _parse(lines[-1])
    if last:
        return AuditHead(last.number, _sha256(lines[-1]))
    before = _parse(lines[-2]) if len(lines) > 1 else None
    return AuditHead((before.number if before else 0) + 1, _sha256(lines[-1]))


def _last_lines(file: BinaryIO) -> list[bytes]:
    """The last two lines, or as many as there are, without line ends."""
    position = file.seek(0, os.SEEK_END)
    tail = b""
    while position and tail.rstrip(b"\n").count(b"\n") < 2:
        step = min(_TAIL_STEP, position)
        position -= step
        file.seek(position)
        tail = file.read(step) + tail
    return tail.rstrip(b"\n").split(b"\n")[-2:] if tail else []


def _parse(line: bytes) -> AuditEntry | None:
    try:
        found = json.loads(line)
        event = AuditEvent(found["who"], found["what"], found["sample"], found["details"])
        return AuditEntry(int(found["number"]), str(found["when"]), event)
    except (ValueError, KeyError, TypeError):
        return None


def _quoted(text: str | None) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _sample_in(line: bytes) -> bytes:
    """The sample of a line as JSON. The last such field is the entry's own: keys are sorted, quotes escaped."""
    before, _, rest = line.rpartition(b',"sample":')
    return rest.partition(b',"what":')[0] if before else b""


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
