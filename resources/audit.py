"""The audit log: who did what to which sample, when, and why; append-only and chained, so that tampering shows.

One JSON object per line; each carries the sha256 of the line before it, and the account of the operating system under
which it was written, whoever the person says to be. Several processes may write (a file lock orders them) and every
entry is on disk before :meth:`AuditLog.record` returns. The log holds pseudonyms only: what is written in ``details``
must name no patient.

An effect is written down before it happens (:meth:`AuditLog.deed`): its intent, then the effect, then that it is done.
What a killed process or a full disk leaves without outcome is found (:meth:`AuditLog.open_intents`) and settled
(:mod:`resources.recovery`).

A chain cannot show that its last lines were cut off; the anchor can (:mod:`resources.anchor`). A log that does not hold
what its anchor says takes no entry more until a person has looked.

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
import pwd
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import GenomicsError
from engine.storage import StorageError, storage_told
from resources.anchor import Anchor, AuditHead

__all__ = ["DONE", "NOT_DONE", "AuditEntry", "AuditError", "AuditEvent", "AuditHead", "AuditLog", "Deed"]

DONE, NOT_DONE = "done", "not done"
"""Outcomes of an intent; ``details`` say of which entries."""
ACCEPTED = "audit log accepted as it is"
_FOLLOWS = "follows"
_BEGINNING = "0" * 64
_SEALED = "unfinished line sealed"
_TAIL_STEP = 1 << 16
_NOBODY = 0xFFFFFFFF
"""What Linux tells as the login of a process that no login began."""


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
        account: of the operating system, that wrote it; absent in entries of the first release.
        is_intent: whether it was written before the effect, so that an outcome follows.
    """

    number: int
    when: str
    event: AuditEvent
    account: str | None = None
    is_intent: bool = False

    @property
    def of(self) -> range:
        """Numbers of the entries of which this one tells the outcome; none where it is no outcome."""
        of = self.event.details.get("entries")
        return range(of[0], of[1] + 1) if isinstance(of, list) and len(of) == 2 else range(0)


@dataclass
class _Seen:
    """What was found while looking through the log.

    Attributes:
        inode: of the file that was looked through.
        end: how far, in bytes.
        by_sample: where the lines about each sample begin, by the sample as JSON.
        by_what: where the lines of each kind begin, by the kind as JSON.
        open: intents without outcome, by number.
    """

    inode: int = 0
    end: int = 0
    by_sample: dict[bytes, list[int]] = field(default_factory=dict)
    by_what: dict[bytes, list[int]] = field(default_factory=dict)
    open: dict[int, AuditEntry] = field(default_factory=dict)

    def take(self, line: bytes) -> None:
        """The next line."""
        sample, what = _sample_and_what_in(line)
        self.by_sample.setdefault(sample, []).append(self.end)
        self.by_what.setdefault(what, []).append(self.end)
        self.end += len(line)
        if b'"outcome":' in line or b'"entries":[' in line:
            self._take_outcome(_parse(line))

    def _take_outcome(self, entry: AuditEntry | None) -> None:
        if entry and entry.is_intent:
            self.open[entry.number] = entry
        for number in entry.of if entry else ():
            self.open.pop(number, None)


class Deed:
    """An effect that is written down before it happens.

    Made by :meth:`AuditLog.deed`. Whoever acts calls :meth:`intend` when all is judged and right before the effect: in
    a database's transaction, before it is committed.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._intended: list[tuple[AuditHead, list[AuditEvent]]] = []

    def intend(self, *events: AuditEvent) -> None:
        """Write down what is about to be done; what is raised means that it must not be done."""
        if events:
            self._intended.append((self._log._write(events, intent=True), list(events)))

    def _note_done(self) -> None:
        """Where this cannot be written, the intent stays without outcome, and is settled later."""
        with suppress(StorageError):
            self._log._write([_outcome(DONE, head.entries, events) for head, events in self._intended])


class AuditLog:
    """The log in one file; the folder is made when the first event is recorded.

    Args:
        path: of the file.
        anchor: where its head is kept; a log without one cannot show that its end was cut off.
    """

    def __init__(self, path: Path, anchor: Anchor | None = None) -> None:
        self.path = path
        self.anchor = anchor
        self._seen = _Seen()
        self._looking = threading.Lock()

    def record(
        self, who: str, what: str, sample: str | None = None, details: Mapping[str, Any] | None = None
    ) -> AuditHead:
        """Write one event and return the head of the log after it, once it is on disk."""
        return self.record_all([AuditEvent(who, what, sample, details or {})])

    def record_all(self, events: Iterable[AuditEvent]) -> AuditHead:
        """Write several events with one flush to disk, or none of them if one cannot be written."""
        return self._write(list(events))

    @contextmanager
    def deed(self) -> Iterator[Deed]:
        """What is done within is written down before, by :meth:`Deed.intend`, and after.

        Where the effect raises, its intent is left without outcome: whether anything came of it is found out by who
        settles it, not guessed here.
        """
        with self._acting(fcntl.LOCK_SH):
            deed = Deed(self)
            yield deed
            deed._note_done()

    @contextmanager
    def do(
        self, who: str, what: str, sample: str | None = None, details: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """:meth:`deed` with one event, intended at once."""
        with self.deed() as deed:
            deed.intend(AuditEvent(who, what, sample, details or {}))
            yield

    @contextmanager
    def nobody_acts(self) -> Iterator[bool]:
        """Whether no process is between an intent and its outcome; none begins one before this ends."""
        with ExitStack() as held:
            alone = True
            try:
                held.enter_context(self._acting(fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                alone = False
            yield alone

    def open_intents(self) -> list[AuditEntry]:
        """Effects of which nothing says whether they took place, oldest first."""
        if not self._is_there():
            return []
        with self.path.open("rb") as file:
            return list(self._looked_through(file).open.values())

    def settle(self, intent: AuditEntry, outcome: str, found: str) -> None:
        """Write down what became of an intent without outcome: ``DONE`` or ``NOT_DONE``, and how that is known."""
        event = _outcome(outcome, intent.number, [intent.event], found=found)
        self._write([AuditEvent("recovery", event.what, event.sample, event.details)])

    def _write(self, events: Iterable[AuditEvent], *, intent: bool = False, accepting: bool = False) -> AuditHead:
        """Append events; ``accepting``: whatever the anchor says."""
        with storage_told(self.path), self._locked(accepting=accepting) as file:
            head = self._seal(file, _head_of(file))
            lines = []
            for event in events:
                line = _line(event, head, intent=intent)
                lines.append(line)
                head = AuditHead(head.entries + 1, _sha256(line), head.end + len(line) + 1)
            if lines:
                _append(file, b"".join(line + b"\n" for line in lines))
                if self.anchor:
                    self.anchor.move(head)
            return head

    def head(self) -> AuditHead:
        """How far the log has come, for keeping elsewhere."""
        if not self._is_there():
            return AuditHead(0, _BEGINNING)
        with self.path.open("rb") as file:
            return _head_of(file)

    def missing(self) -> str | None:
        """What is wrong where the log does not hold what its anchor says; one look at its end, no reading."""
        if self.anchor is None:
            return None
        if kept := self.anchor.read():
            return self._missing(kept)
        was_anchored = self._was_anchored()
        if not self.anchor.exists():
            return "the audit log's anchor is gone" if was_anchored else None
        kept = self.anchor.read()  # another process has just put it down
        return self._missing(kept) if kept else "the audit log's anchor was changed, or its key is gone"

    def _missing(self, kept: AuditHead) -> str | None:
        if kept.entries == 0:
            return None
        if not self._is_there():
            return f"the audit log is gone, and once had {kept.entries:,} entries"
        with self.path.open("rb") as file:
            return _missing(file, kept)

    def _was_anchored(self) -> bool:
        """Whether an anchor was there when the last entry was written: the first release had none, and no account."""
        if not self._is_there():
            return False
        with self.path.open("rb") as file:
            return any(entry.account for entry in map(_parse, _last_lines(file)) if entry)

    def require_end(self) -> None:
        """Nothing, where the log holds what its anchor says.

        Raises:
            AuditError: lines were cut off, or the log was emptied, removed or written anew, or the anchor was.
        """
        if problem := self.missing():
            raise AuditError(
                problem,
                remedy=f"keep what is there as evidence and tell the security officer; restore {self.path.parent} from"
                " the newest backup, or, where a person has looked and goes on without: genomics audit --accept"
                " --reason ...",
                file=self.path,
            )

    def accept(self, who: str, reason: str) -> str:
        """Go on with a log that does not hold what its anchor says, on a person's word; what was wrong.

        Raises:
            AuditError: nothing is wrong, so that nothing is to be accepted.
        """
        problem = self.missing()
        if problem is None or self.anchor is None:
            raise AuditError("the audit log holds what its anchor says", remedy="leave it as it is", file=self.path)
        kept = self.anchor.read()
        anchored = {"entries": kept.entries, "digest": kept.digest} if kept else None
        details = {"reason": reason, "problem": problem, "anchored": anchored}
        self._write([AuditEvent(who, ACCEPTED, details=details)], accepting=True)
        return problem

    def entries(self, *, sample: str | None = None) -> Iterator[AuditEntry]:
        """What was written, oldest first; with ``sample``, of that sample alone. Nothing is verified here."""
        if sample is not None:
            yield from self.entries_about(sample)
        elif self._is_there():
            with self.path.open("rb") as file:
                yield from filter(None, map(_parse, file))

    def newest(self) -> Iterator[AuditEntry]:
        """What was written, newest first, read from the end as far as is asked for. Nothing is verified here."""
        if self._is_there():
            with self.path.open("rb") as file:
                yield from filter(None, map(_parse, _lines_backwards(file)))

    def samples_since(self, mark: str) -> tuple[str, frozenset[str] | None]:
        """The samples that were written of since a mark, and the mark of now; read from the end, as far as the mark.

        Args:
            mark: as an earlier look gave it back, empty at the first one.

        Returns:
            The mark of the newest entry that names a sample, empty where none does; and the samples, absent where the
            log does not hold the mark, so that nobody knows which.
        """
        newest, found = "", set[str]()
        for entry in self.newest():
            if entry.event.sample is None:
                continue
            at = f"{entry.number} {entry.when}"
            newest = newest or at
            if at == mark:
                return newest, frozenset(found)
            if not mark:
                break
            found.add(entry.event.sample)
            if mark.partition(" ")[0] == str(entry.number):
                break
        return newest, None

    def entries_about(self, sample: str | None) -> Iterator[AuditEntry]:
        """What was written of one sample, or of none, oldest first; found without reading the rest of the log again.

        The log is looked through once, and what was added since each time.
        """
        if self._is_there():
            with self.path.open("rb") as file:
                positions = self._looked_through(file).by_sample.get(_quoted(sample), [])
                yield from (entry for entry in _read_at(file, positions) if entry.event.sample == sample)

    def entries_of(self, *kinds: str, sample: str | None = None) -> Iterator[AuditEntry]:
        """What was written of some kinds of events, oldest first; found as :meth:`entries_about` finds.

        Args:
            kinds: of events.
            sample: of which sample, of whichever where absent; no other sample's lines are read.
        """
        if self._is_there():
            with self.path.open("rb") as file:
                seen = self._looked_through(file)
                positions = {position for kind in kinds for position in seen.by_what.get(_quoted(kind), [])}
                if sample is not None:
                    positions.intersection_update(seen.by_sample.get(_quoted(sample), []))
                found = (entry for entry in _read_at(file, sorted(positions)) if entry.event.what in kinds)
                yield from (entry for entry in found if sample in (None, entry.event.sample))

    def standing(self, *kinds: str) -> list[AuditEntry]:
        """As :meth:`entries_of`, without those of which it was found that they did not take place."""
        undone = {number for entry in self.entries_of(NOT_DONE) for number in entry.of}
        return [entry for entry in self.entries_of(*kinds) if entry.number not in undone]

    def _looked_through(self, file: BinaryIO) -> _Seen:
        """What is known of the log, of what was added since the last look as well; threads look one after another."""
        with self._looking:
            facts = os.fstat(file.fileno())
            if facts.st_ino != self._seen.inode or facts.st_size < self._seen.end:
                self._seen = _Seen(facts.st_ino)
            file.seek(self._seen.end)
            for line in file:
                if line.endswith(b"\n"):  # another one is still being written
                    self._seen.take(line)
            return self._seen

    def verify(self, anchor: AuditHead | None = None) -> int:
        """The number of lines, if every one is as it was written.

        Args:
            anchor: a head kept earlier, which the log must still hold; the one of its own anchor where absent.

        Raises:
            AuditError: a line was changed, removed, added or moved, or lines that ``anchor`` covers are missing.
        """
        head, unfinished = AuditHead(0, _BEGINNING), False
        anchor = anchor or (self.anchor.read() if self.anchor else None)
        if self._is_there():
            with self.path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    unfinished = self._verify_line(number, raw, head, unfinished)
                    head = AuditHead(number, _sha256(raw.rstrip(b"\n")))
                    if anchor and anchor.entries == number and anchor.digest != head.digest:
                        raise self._broken(number, "the line is not the one that was anchored")
        if anchor and anchor.entries > head.entries:
            raise self._broken(head.entries, f"{anchor.entries - head.entries} lines are missing at the end")
        self.require_end()
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

    def _is_there(self) -> bool:
        """Whether there is a log; AuditError where something else stands there, which might be read for ever."""
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(facts.st_mode):
            raise AuditError(
                "the audit log is no file",
                file=self.path,
                remedy="put the log back from a backup, and find out who put something else in its place",
            )
        return True

    @contextmanager
    def _locked(self, *, accepting: bool) -> Iterator[BinaryIO]:
        """The log, for one process alone; not one that lost what its anchor says, unless that is accepted."""
        if not accepting:
            self.require_end()  # before a log that is gone would be made anew
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._is_there()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "rb+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self.anchor and not self.anchor.exists() and not accepting:
                self.anchor.move(_head_of(file))
            yield file

    @contextmanager
    def _acting(self, operation: int) -> Iterator[None]:
        """Hold the lock that tells those who act from those who settle; a process that dies lets go of it."""
        path = self.path.with_name(f".{self.path.name}.acting")
        with storage_told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "rb+", buffering=0) as lock:
            fcntl.flock(lock, operation)
            yield

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
        return AuditHead(head.entries + 1, _sha256(line), head.end + len(line) + 2)


def _line(event: AuditEvent, head: AuditHead, *, intent: bool = False) -> bytes:
    entry = {
        "account": account(),
        "number": head.entries + 1,
        "when": datetime.now(UTC).isoformat(timespec="microseconds"),
        "who": event.who,
        "what": event.what,
        "sample": event.sample,
        "details": dict(event.details),
        "previous": head.digest,
    } | ({"outcome": _FOLLOWS} if intent else {})
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _outcome(outcome: str, last: int, events: list[AuditEvent], **more: str) -> AuditEvent:
    """What became of events that were intended together, of which ``last`` is the number of the last."""
    samples, kinds = {event.sample for event in events}, list(dict.fromkeys(event.what for event in events))
    details = {"entries": [last - len(events) + 1, last], "what": ", ".join(kinds), **more}
    return AuditEvent(events[0].who, outcome, samples.pop() if len(samples) == 1 else None, details)


@cache
def account() -> str:
    """The account of the operating system that this process runs under, and who logged in where that is another."""
    own = os.getuid()
    login = own
    with suppress(OSError, ValueError):
        login = int(Path("/proc/self/loginuid").read_text())
    return _name_of(own) if login in (own, _NOBODY) else f"{_name_of(own)}, logged in as {_name_of(login)}"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _append(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file.fileno(), rest) :]
    os.fsync(file.fileno())


def _head_of(file: BinaryIO) -> AuditHead:
    """Read the last line backwards; the number comes from the last entry, so the file need not be read whole."""
    lines = _last_lines(file)
    end = file.seek(0, os.SEEK_END)
    if not lines:
        return AuditHead(0, _BEGINNING, end)
    last = _parse(lines[-1])
    if last:
        return AuditHead(last.number, _sha256(lines[-1]), end)
    before = _parse(lines[-2]) if len(lines) > 1 else None
    return AuditHead((before.number if before else 0) + 1, _sha256(lines[-1]), end)


def _missing(file: BinaryIO, kept: AuditHead) -> str | None:
    """What is wrong where a log does not hold a head that it once had."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return f"the audit log is empty, and once had {kept.entries:,} entries"
    if size < kept.end:
        return f"the audit log ends at entry {_head_of(file).entries:,}, and once had {kept.entries:,}"
    if [_sha256(line) for line in _last_lines(file, kept.end)[-1:]] != [kept.digest]:
        return f"entry {kept.entries:,} of the audit log is not the one that was written"
    return None


def _read_at(file: BinaryIO, positions: Iterable[int]) -> Iterator[AuditEntry]:
    for position in positions:
        file.seek(position)
        entry = _parse(file.readline())
        if entry:
            yield entry


def _last_lines(file: BinaryIO, end: int | None = None) -> list[bytes]:
    """The last two lines before ``end``, or as many as there are, without line ends."""
    position = file.seek(0, os.SEEK_END) if end is None else end
    tail = b""
    while position and tail.rstrip(b"\n").count(b"\n") < 2:
        step = min(_TAIL_STEP, position)
        position -= step
        file.seek(position)
        tail = file.read(step) + tail
    return tail.rstrip(b"\n").split(b"\n")[-2:] if tail else []


def _lines_backwards(file: BinaryIO) -> Iterator[bytes]:
    """Lines from the last to the first, without line ends; one that is still being written is left out."""
    position = file.seek(0, os.SEEK_END)
    rest = b""
    while position:
        step = min(_TAIL_STEP, position)
        position -= step
        file.seek(position)
        rest, *lines = (file.read(step) + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line)
    if rest:
        yield rest


def _parse(line: bytes) -> AuditEntry | None:
    try:
        found = json.loads(line)
        event = AuditEvent(found["who"], found["what"], found["sample"], found["details"])
        is_intent = found.get("outcome") == _FOLLOWS
        return AuditEntry(int(found["number"]), str(found["when"]), event, found.get("account"), is_intent)
    except (ValueError, KeyError, TypeError):
        return None


def _quoted(text: str | None) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _sample_and_what_in(line: bytes) -> tuple[bytes, bytes]:
    """The sample and the kind of a line as JSON. The last such fields are the entry's own: keys are sorted, quotes
    escaped."""
    before, _, rest = line.rpartition(b',"sample":')
    sample, _, rest = rest.partition(b',"what":')
    return (sample, rest.partition(b',"when":')[0]) if before else (b"", b"")


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
