"""The landing zone: where laboratories drop sample sheets and reads, and how the drops are found, a few at a time.

:meth:`LandingZone.scan` is made for a sensor: it registers at most so many samples, says where to go on in a small
cursor, and never takes what is still being written. What becomes of the samples is the registry's word
(:class:`resources.registry.SampleRegistry`); no run is requested here.

A sheet is any file with a suffix of :data:`SHEETS` in the zone; what only looks like one (:data:`LIKE_SHEETS`, links,
folders that cannot be entered) is told in a report of its own. Sheets seen are read again in turn when there is
nothing new, so that reads which arrive later or are replaced are noticed although their sheet is the same.

One sheet that cannot be read, or whose report cannot be written, never stops the others: it is set aside and told.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import secrets
import stat
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import SampleSheetError
from engine.reads.sample_sheet import (
    PanelTable,
    SampleEntry,
    SampleSheet,
    notes_report,
    problem_report,
    read_sample_sheet,
)
from resources.audit import AuditEvent, AuditLog
from resources.cursor import Cursor
from resources.decisions import CHANGED, REGISTERED, withdrawn_ids
from resources.registry import Registration, SampleRegistry

SHEETS = (".csv", ".tsv", ".xlsx", ".xlsm")
LIKE_SHEETS = {
    ".xls": "save it as .xlsx or as CSV (UTF-8)",
    ".xlsb": "save it as .xlsx or as CSV (UTF-8)",
    ".ods": "save it as .xlsx or as CSV (UTF-8)",
    ".numbers": "export it as CSV",
    ".csv.gz": "unpack it",
    ".csv.zip": "unpack it",
    ".csv.txt": "give it a name that ends in .csv",
    ".tsv.txt": "give it a name that ends in .tsv",
    ".tab": "give it a name that ends in .tsv",
    ".csv.xlsx.zip": "unpack it",
}
"""Files that are not read although a person may think so, and what to do with them."""
_PERHAPS = ("", ".txt", ".text", ".dat")
"""Suffixes of files that are a sheet where their first line says so."""
_LOOKED_AT = (*SHEETS, *LIKE_SHEETS)
_PROBLEMS, _NOTES = ".problems.txt", ".notes.txt"
_LONGEST_NAME = 200
"""Bytes of a sheet's name that a report's name repeats; file systems allow 255 for the whole."""


@dataclass(frozen=True)
class Scan:
    """What one look at the landing zone gave.

    Attributes:
        registrations: what was registered, one for each sheet that was read.
        deferred: ids of samples whose files are still being written; they are looked at again.
        cursor: give it to the next scan.
        more: whether the limit was reached and something new is left.
        told: what could not be told in a report beside its sheet, for the log.
    """

    registrations: tuple[Registration, ...]
    deferred: tuple[str, ...]
    cursor: str
    more: bool
    told: tuple[SampleSheetError, ...] = ()

    @property
    def new(self) -> tuple[str, ...]:
        """Ids of all samples not known before."""
        return tuple(sample_id for each in self.registrations for sample_id in each.new)

    @property
    def changed(self) -> tuple[str, ...]:
        """Ids of all samples that need another run."""
        return tuple(sample_id for each in self.registrations for sample_id in each.changed)

    @property
    def refused(self) -> tuple[SampleSheetError, ...]:
        """What the registry refused; what is wrong with the sheets themselves is in their reports."""
        return tuple(error for each in self.registrations for error in each.refused)


@dataclass
class _Cursor(Cursor):
    """Where the scan stands: what each sheet looked like when it was last read, and a sheet half done.

    Attributes:
        seen: size and time of change by sheet.
        last: the sheet read last, from which the round goes on.
        begun: the sheet that is half done, absent when there is none.
        digest: of the half-done sheet; when it differs, the sheet was edited and is begun anew.
        next: number of samples of it that are done.
        untold: by sheet a digest of what was told in the log and the audit, because its report cannot be written.
    """

    seen: dict[str, list[int]] = field(default_factory=dict)
    last: str = ""
    begun: str | None = None
    digest: str = ""
    next: int = 0
    untold: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Step:
    """What one step into a sheet gave; ``done`` at its last sample."""

    registration: Registration
    deferred: tuple[str, ...]
    looked_at: int
    done: bool
    told: tuple[SampleSheetError, ...] = ()


@dataclass
class _Look:
    """What lies in the zone, by path relative to it: sheets, and what looks like one but is not read, with why."""

    sheets: list[str] = field(default_factory=list)
    strangers: dict[str, SampleSheetError] = field(default_factory=dict)


class LandingZone:
    """One folder and all below it.

    Args:
        root: the folder.
        reports: folder for the problem reports, beside the sheets when absent.
        settle: seconds for which a file must not have changed before it counts as complete.
        panels: reads the gene panels that a sheet's orders may name.
    """

    def __init__(
        self, root: Path, *, reports: Path | None = None, settle: float = 5.0, panels: PanelTable = lambda: None
    ) -> None:
        self.root = root
        self.reports = reports
        self.settle = settle
        self.panels = panels

    def sheets(self) -> tuple[Path, ...]:
        """The complete sheets, by path. Hidden files and symbolic links are none, nor are files being written."""
        return tuple(self.root / name for name in sorted(self._complete(self._look().sheets)))

    def judge(self, content: bytes, registry: SampleRegistry, folders: Collection[str]) -> SampleSheet:
        """What a sheet would say if it lay in the zone; it lies there, hidden, only while it is read.

        Args:
            content: of the sheet.
            registry: knows the samples of earlier ones.
            folders: relative to the zone; a sample that names reads of another is refused.

        Raises:
            OSError: the zone takes no files.
        """
        hidden = self.root / f".{secrets.token_hex(8)}.csv"
        try:
            hidden.write_bytes(content)
            return self._read(hidden, registry, [self.root / folder for folder in folders])
        finally:
            hidden.unlink(missing_ok=True)

    def put(self, name: str, content: bytes) -> None:
        """Put a sheet into the zone under a name, whole or not at all; one that lies there already stays as it is.

        Raises:
            OSError: the zone takes no files.
        """
        if not os.path.lexists(self.root / name):
            _write_whole(self.root / name, content)

    def problem_reports(self) -> tuple[Path, ...]:
        """The reports that say what is wrong with sheets, by path; none where every sheet is right."""
        return tuple(sorted((self.reports or self.root).rglob(f"*{_PROBLEMS}")))

    def scan(
        self,
        cursor: str | None,
        registry: SampleRegistry,
        audit: AuditLog,
        *,
        limit: int = 500,
        seconds: float = math.inf,
    ) -> Scan:
        """Register the next samples, at most ``limit``: of new and edited sheets first, then of the others in turn.

        After so many seconds no further sheet is begun: what is left is for the next scan.

        Problems of a sheet are written beside it as ``<sheet>.problems.txt`` when the sheet is done, and audited
        when they differ from those reported before; the report goes when the problems have gone. How a sheet was read
        is in ``<sheet>.notes.txt``, where that is not what one would take for granted.
        """
        until = time.monotonic() + seconds
        if gone := self._gone():
            return Scan((), (), cursor or _Cursor().text(), more=False, told=(gone,))
        state, look = _Cursor.parse(cursor), self._look()
        sheets = self._complete(look.sheets)
        state.seen = {name: seen for name, seen in state.seen.items() if name in sheets}
        state.untold = {name: seen for name, seen in state.untold.items() if name in sheets or name in look.strangers}
        told = [error for name, error in look.strangers.items() for error in self._stranger(name, error, state, audit)]
        steps: list[_Step] = []
        for name in _round(state, sheets):
            left = limit - sum(step.looked_at for step in steps)
            if left <= 0 or (steps and time.monotonic() > until):
                break
            step = self._step(name, state, left, registry, audit)
            steps.append(step)
            state.last = name
            if step.done and not step.deferred:
                state.seen[name] = sheets[name]
        return Scan(
            tuple(step.registration for step in steps),
            tuple(sample_id for step in steps for sample_id in step.deferred),
            state.text(),
            more=any(state.seen.get(name) != facts for name, facts in sheets.items()),
            told=(*told, *(error for step in steps for error in step.told)),
        )

    def _gone(self) -> SampleSheetError | None:
        """What keeps from looking at the zone at all; nothing is written into what may be a mount without its disk."""
        try:
            next(self.root.iterdir(), None)
        except OSError as error:
            return SampleSheetError(
                f"the landing zone cannot be entered ({error.strerror})",
                remedy="mount it, or make the folder, and let the platform read and write it",
                file=_printable(str(self.root)),
            )
        return None

    def _step(self, name: str, state: _Cursor, limit: int, registry: SampleRegistry, audit: AuditLog) -> _Step:
        """Register the next samples of one sheet; of one that was taken away meanwhile there are none."""
        sheet = self._read(self.root / name, registry)
        if not os.path.lexists(self.root / name):
            return _Step(Registration((), (), (), ()), (), 1, done=True)
        if state.begun != name or state.digest != sheet.digest:
            state.begun, state.digest, state.next = name, sheet.digest, 0
            registry.forget_refusals(name)
        entries = sheet.samples[state.next : state.next + limit]
        settled = [self._reads_settled(entry) for entry in entries]
        ready = [entry for entry, complete in zip(entries, settled, strict=True) if complete]
        deferred = tuple(entry.sample_id for entry, complete in zip(entries, settled, strict=True) if not complete)
        with audit.deed() as deed:
            registration = registry.register(
                ready,
                sheet=name,
                sheet_digest=sheet.digest,
                barred=withdrawn_ids(audit),
                announce=lambda registration: deed.intend(*_events_of(name, registration)),
            )
        state.next += len(entries)
        done = state.next >= len(sheet.samples)
        told: tuple[SampleSheetError, ...] = ()
        if done:
            state.begun, state.digest, state.next = None, "", 0
            told = self._report(name, sheet, registry.refusals(name), state, audit)
        return _Step(registration, deferred, max(len(entries), 1), done, told)

    def _read(self, path: Path, registry: SampleRegistry, within: Collection[Path] | None = None) -> SampleSheet:
        try:
            return read_sample_sheet(path, self.root, within=within, registered=registry.sexes(), panels=self.panels)
        except SampleSheetError as error:
            return SampleSheet(path, (), (error,), "")
        except (OSError, ValueError, RecursionError, MemoryError) as error:
            unforeseen = SampleSheetError(
                f"the sheet cannot be read ({type(error).__name__}: {error})",
                remedy="save it as CSV (UTF-8) with commas, and tell those who keep the platform",
                file=path,
            )
            return SampleSheet(path, (), (unforeseen,), "")

    def _report(
        self,
        name: str,
        sheet: SampleSheet,
        refusals: tuple[SampleSheetError, ...],
        state: _Cursor,
        audit: AuditLog,
    ) -> tuple[SampleSheetError, ...]:
        """Write, replace or remove the reports of a sheet that is done; what could not be told there."""
        refused = {error.sample for error in refusals}
        whole = replace(
            sheet,
            samples=tuple(entry for entry in sheet.samples if entry.sample_id not in refused),
            problems=sheet.problems + refusals,
        )
        problems = problem_report(whole) if whole.problems else ""
        try:
            self._put_report(name, _NOTES, notes_report(whole))
            changed = self._put_report(name, _PROBLEMS, problems)
        except OSError as error:
            return self._untold(name, problems or notes_report(whole), error, whole.problems, state, audit)
        state.untold.pop(name, None)
        if changed:
            details = {"sheet": _printable(name), "digest": sheet.digest, "problems": len(whole.problems)}
            what = "sheet has problems" if problems else "sheet has no problems any more"
            audit.record("landing zone", what, details=details)
        return ()

    def _put_report(self, name: str, suffix: str, text: str) -> bool:
        """Let a report hold the text, or go where there is none; whether that is a change. OSError where it cannot."""
        report = (self.reports or self.root) / _report_name(name, suffix)
        if os.path.lexists(report) and not stat.S_ISREG(report.lstat().st_mode):  # to open a pipe would take for ever
            raise OSError(errno.EEXIST, "something that is no file stands there", str(report))
        try:
            before = report.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            before = ""
        if text and text != before:
            _write_whole(report, text.encode("utf-8", "backslashreplace"))
        elif before and not text:
            report.unlink()
        return text != before

    def _untold(
        self,
        name: str,
        text: str,
        error: OSError,
        problems: Sequence[SampleSheetError],
        state: _Cursor,
        audit: AuditLog,
    ) -> tuple[SampleSheetError, ...]:
        """What a report that cannot be written would have said, once: for the log, and in the audit."""
        digest = hashlib.sha256(f"{text}{error.strerror}".encode(errors="backslashreplace")).hexdigest()[:16]
        if state.untold.get(name) == digest:
            return ()
        state.untold[name] = digest
        place = (self.reports or self.root) / _report_name(name, _PROBLEMS)
        told = SampleSheetError(
            f"the report on the sheet cannot be written ({error.strerror or error})",
            remedy=f"let the platform write {_printable(str(place))}, or move away what stands there",
            file=_printable(name),
        )
        words = [str(each) for each in problems[:20]]
        details = {"sheet": _printable(name), "why": told.problem, "problems": [_printable(word) for word in words]}
        audit.record("landing zone", "report cannot be written", details=details)
        return (told, *problems)

    def _stranger(
        self, name: str, error: SampleSheetError, state: _Cursor, audit: AuditLog
    ) -> tuple[SampleSheetError, ...]:
        """Report what looks like a sheet and is not read."""
        return self._report(name, SampleSheet(self.root / name, (), (error,), ""), (), state, audit)

    def _complete(self, names: Iterable[str]) -> dict[str, list[int]]:
        """Size and time of change of each complete sheet, by path relative to the zone."""
        sheets = {}
        for name in names:
            facts = self._facts_when_settled(self.root / name)
            if facts:
                sheets[name] = [facts.st_size, facts.st_mtime_ns]
        return sheets

    def _look(self) -> _Look:
        """What lies in the zone, by path relative to it; hidden files and folders are none of ours."""
        look = _Look()

        def closed(error: OSError) -> None:
            name = os.path.relpath(error.filename, self.root)
            look.strangers[name] = _unread(name, f"the folder cannot be entered ({error.strerror})", "let it be read")

        for folder, folders, files in os.walk(self.root, onerror=closed):
            folders[:] = [name for name in folders if not name.startswith(".")]
            within = os.path.relpath(folder, self.root)
            place = "" if within == "." else f"{within}/"
            for each in folders:
                if each.lower().endswith(SHEETS):
                    name = f"{place}{each}"
                    look.strangers[name] = _unread(name, "a folder is named like a sheet", "rename the folder")
            for file in files:
                if _may_be_a_sheet(file):
                    path = os.path.join(folder, file)  # noqa: PTH118 - a string: there may be a million files
                    self._sort_out(f"{place}{file}", path, look)
        return look

    def _sort_out(self, name: str, path: str, look: _Look) -> None:
        low = name.lower()
        is_sheet = low.endswith(SHEETS)
        if is_sheet and os.path.islink(path):  # noqa: PTH114
            look.strangers[name] = _unread(name, "a symbolic link is not read", "copy the sheet itself here")
        elif is_sheet and _printable(name) != name:  # it cannot be kept in the registry, nor be shown
            problem = "the name of the sheet or of its folder is not UTF-8"
            look.strangers[name] = _unread(name, problem, "rename it with letters of ASCII")
        elif is_sheet and not _is_file(path):
            look.strangers[name] = _unread(
                name, "it is no file (a pipe, socket or device)", "copy the sheet itself here"
            )
        elif is_sheet:
            look.sheets.append(name)
        else:
            like = next((suffix for suffix in LIKE_SHEETS if low.endswith(suffix)), None)
            if like:
                problem = f"a file named *{like} is not read as a sample sheet"
                look.strangers[name] = _unread(name, problem, LIKE_SHEETS[like])
            elif os.path.splitext(low)[1] in _PERHAPS and _is_file(path) and _begins_like_a_sheet(path):  # noqa: PTH122
                problem = "the file begins like a sample sheet and is not read as one"
                look.strangers[name] = _unread(name, problem, "give it a name that ends in .csv or .tsv")

    def _facts_when_settled(self, path: Path) -> os.stat_result | None:
        """The facts of a regular file that did not change for a while.

        A time in the future, by another machine's clock, counts as settled too, as soon as it is far enough off.
        """
        try:
            facts = path.lstat()
        except OSError:
            return None
        settled = abs(time.time() - facts.st_mtime) >= self.settle
        return facts if settled and stat.S_ISREG(facts.st_mode) else None

    def _reads_settled(self, entry: SampleEntry) -> bool:
        return all(self._facts_when_settled(path) for lane in entry.lanes for path in (lane.read1, lane.read2))


def _round(state: _Cursor, sheets: dict[str, list[int]]) -> list[str]:
    """Every sheet once: new and edited ones, the half-done one before others, then the rest from where it stood."""
    begun = [state.begun] if state.begun in sheets else []
    new = sorted(name for name, facts in sheets.items() if state.seen.get(name) != facts)
    known = sorted(sheets.keys() - set(new))
    later = [name for name in known if name > state.last]
    order = [name for name in begun if name in new] + new + begun + later + known
    return list(dict.fromkeys(order))


def _events_of(sheet: str, registration: Registration) -> list[AuditEvent]:
    named = ((REGISTERED, registration.new), (CHANGED, registration.changed))
    return [
        AuditEvent("landing zone", what, sample_id, {"sheet": sheet, "attempt": registration.attempts[sample_id]})
        for what, ids in named
        for sample_id in ids
    ]


def _may_be_a_sheet(file: str) -> bool:
    """Whether a file's name is worth a look, by its suffix alone: nearly all are reads."""
    if file.startswith((".", "~$")) or file.endswith((_PROBLEMS, _NOTES)):
        return False
    low = file.lower()
    return low.endswith(_LOOKED_AT) or os.path.splitext(low)[1] in _PERHAPS  # noqa: PTH122


def _is_file(path: str) -> bool:
    """Whether a path, no link, is that of a regular file: whoever opens a pipe waits for somebody to write to it."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return True  # gone, or not to be looked at: whoever reads it says so


def _begins_like_a_sheet(path: str) -> bool:
    """Whether the first line names columns of a sheet, or a section of Illumina's."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            line = file.read(2048).replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").strip().split(b"\n")[0].lower()
    except OSError:
        return False
    return line.startswith((b"[header]", b"[data]")) or (b"sample" in line and b"read1" in line.replace(b" ", b""))


def _unread(name: str, problem: str, remedy: str) -> SampleSheetError:
    return SampleSheetError(problem, remedy=remedy, file=_printable(name))


def _printable(text: str) -> str:
    """Text that can be written anywhere: bytes of a file name that are no UTF-8 are shown as ``\\udcfc``."""
    return text.encode("utf-8", "backslashreplace").decode()


def _report_name(name: str, suffix: str) -> str:
    """A report's path relative to the zone; a long name is cut, and told from others by a digest."""
    folder, slash, file = name.rpartition("/")
    encoded = os.fsencode(file)
    if len(encoded) > _LONGEST_NAME:
        digest = hashlib.sha256(encoded).hexdigest()[:8]
        file = os.fsdecode(encoded[: _LONGEST_NAME - 9]).encode("utf-8", "ignore").decode() + f"-{digest}"
    return f"{folder}{slash}{file}{suffix}"


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
