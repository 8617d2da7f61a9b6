"""The landing zone: where laboratories drop sample sheets and reads, and how the drops are found, a few at a time.

:meth:`LandingZone.scan` is made for a sensor: it registers at most so many samples, says where to go on in a small
cursor, and never takes what is still being written. What becomes of the samples is the registry's word
(:class:`resources.sample_registry.SampleRegistry`); no run is requested here.

A sheet is any ``*.csv`` in the zone. Sheets seen are read again in turn when there is nothing new, so that reads
which arrive later or are replaced are noticed although their sheet is the same.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import SampleSheetError
from engine.reads.sample_sheet import SampleEntry, SampleSheet, problem_report, read_sample_sheet
from resources.audit import AuditEvent, AuditLog
from resources.sample_registry import Registration, SampleRegistry

_REPORT = ".problems.txt"


@dataclass(frozen=True)
class Scan:
    """What one look at the landing zone gave.

    Attributes:
        registrations: what was registered, one for each sheet that was read.
        deferred: ids of samples whose files are still being written; they are looked at again.
        cursor: give it to the next scan.
        more: whether the limit was reached and something new is left.
    """

    registrations: tuple[Registration, ...]
    deferred: tuple[str, ...]
    cursor: str
    more: bool

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
class _Cursor:
    """Where the scan stands: what each sheet looked like when it was last read, and a sheet half done.

    Attributes:
        seen: size and time of change by sheet.
        last: the sheet read last, from which the round goes on.
        begun: the sheet that is half done, absent when there is none.
        digest: of the half-done sheet; when it differs, the sheet was edited and is begun anew.
        next: number of samples of it that are done.
    """

    seen: dict[str, list[int]] = field(default_factory=dict)
    last: str = ""
    begun: str | None = None
    digest: str = ""
    next: int = 0

    @classmethod
    def parse(cls, text: str | None) -> _Cursor:
        """A cursor that cannot be read means: begin anew, which only costs time."""
        try:
            return cls(**json.loads(text)) if text else cls()
        except (ValueError, TypeError):
            return cls()

    def text(self) -> str:
        return json.dumps(self.__dict__, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class _Step:
    """What one step into a sheet gave; ``done`` at its last sample."""

    registration: Registration
    deferred: tuple[str, ...]
    looked_at: int
    done: bool


class LandingZone:
    """One folder and all below it.

    Args:
        root: the folder.
        reports: folder for the problem reports, beside the sheets when absent.
        settle: seconds for which a file must not have changed before it counts as complete.
    """

    def __init__(self, root: Path, *, reports: Path | None = None, settle: float = 5.0) -> None:
        self.root = root
        self.reports = reports
        self.settle = settle

    def sheets(self) -> tuple[Path, ...]:
        """The complete sheets, by path. Hidden files and symbolic links are none, nor are files being written."""
        return tuple(self.root / name for name in sorted(self._complete_sheets()))

    def scan(self, cursor: str | None, registry: SampleRegistry, audit: AuditLog, *, limit: int = 500) -> Scan:
        """Register the next samples, at most ``limit``: of new and edited sheets first, then of the others in turn.

        Problems of a sheet are written beside it as ``<sheet>.problems.txt`` when the sheet is done, and audited
        when they differ from those reported before; the report goes when the problems have gone.
        """
        state, sheets = _Cursor.parse(cursor), self._complete_sheets()
        state.seen = {name: seen for name, seen in state.seen.items() if name in sheets}
        steps: list[_Step] = []
        for name in _round(state, sheets):
            left = limit - sum(step.looked_at for step in steps)
            if left <= 0:
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
        )

    def _step(self, name: str, state: _Cursor, limit: int, registry: SampleRegistry, audit: AuditLog) -> _Step:
        """Register the next samples of one sheet."""
        sheet = self._read(self.root / name, registry)
        if state.begun != name or state.digest != sheet.digest:
            state.begun, state.digest, state.next = name, sheet.digest, 0
            registry.forget_refusals(name)
        entries = sheet.samples[state.next : state.next + limit]
        settled = [self._reads_settled(entry) for entry in entries]
        ready = [entry for entry, complete in zip(entries, settled, strict=True) if complete]
        deferred = tuple(entry.sample_id for entry, complete in zip(entries, settled, strict=True) if not complete)
        registration = registry.register(ready, sheet=name, sheet_digest=sheet.digest)
        _audit_registration(audit, name, registration)
        state.next += len(entries)
        done = state.next >= len(sheet.samples)
        if done:
            state.begun, state.digest, state.next = None, "", 0
            self._report(name, sheet, registry, audit)
        return _Step(registration, deferred, max(len(entries), 1), done)

    def _read(self, path: Path, registry: SampleRegistry) -> SampleSheet:
        try:
            return read_sample_sheet(path, self.root, registered=registry.sexes())
        except SampleSheetError as error:
            return SampleSheet(path, (), (error,), "")

    def _report(self, name: str, sheet: SampleSheet, registry: SampleRegistry, audit: AuditLog) -> None:
        """Write, replace or remove the problem report of a sheet that is done."""
        refusals = registry.refusals(name)
        refused = {error.sample for error in refusals}
        whole = SampleSheet(
            sheet.path,
            tuple(entry for entry in sheet.samples if entry.sample_id not in refused),
            sheet.problems + refusals,
            sheet.digest,
        )
        report = (self.reports or self.root) / (name + _REPORT)
        before = report.read_text() if report.exists() else ""
        text = problem_report(whole) if whole.problems else ""
        if text == before:
            return
        details = {"sheet": name, "digest": sheet.digest, "problems": len(whole.problems)}
        if text:
            _write_whole(report, text)
            audit.record("landing zone", "sheet has problems", details=details)
        else:
            report.unlink()
            audit.record("landing zone", "sheet has no problems any more", details=details)

    def _complete_sheets(self) -> dict[str, list[int]]:
        """Size and time of change of each complete sheet, by path relative to the zone."""
        sheets = {}
        for path in self._csv_files():
            facts = self._facts_when_settled(path)
            if facts:
                sheets[path.relative_to(self.root).as_posix()] = [facts.st_size, facts.st_mtime_ns]
        return sheets

    def _csv_files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.lower().endswith(".csv") and not name.startswith("."):
                    yield Path(folder, name)

    def _facts_when_settled(self, path: Path) -> os.stat_result | None:
        """The facts of a regular file that did not change for a while.

        A time in the future, by another machine's clock, counts as settled too, as soon as it is far enough off.
        """
        try:
            facts = path.lstat()
        except FileNotFoundError:
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


def _audit_registration(audit: AuditLog, sheet: str, registration: Registration) -> None:
    named = (("sample registered", registration.new), ("sample changed", registration.changed))
    events = [AuditEvent("landing zone", what, sample_id, {"sheet": sheet}) for what, ids in named for sample_id in ids]
    if events:
        audit.record_all(events)


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(path)
