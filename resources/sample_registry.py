"""The sample registry: which samples there are, whose they are, which reads are theirs, and how far they have come.

The only place that knows who a patient is; everything else knows pseudonyms. One SQLite file (on a local disk: its
write-ahead log does not work over a network share), safe for several processes. Who may call what, and writing down
who did, is the caller's part (:mod:`resources.audit`); whether a sheet's word is accepted is decided in
:mod:`engine.reads.registration`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import SampleSheetError
from engine.person import Identity, Sex
from engine.reads.file_digests import FileDigests
from engine.reads.fingerprint import FileFingerprint, fingerprint
from engine.reads.registration import Outcome, RegisteredSample, SampleStatus
from engine.reads.sample_sheet import SampleEntry
from resources.sample_registry_schema import MIGRATIONS
from resources.sample_rows import (
    RegistryError,
    find_sample,
    find_samples,
    keep_digest,
    note,
    same_file,
    select_in,
    take_entry,
    utc_now,
)

_PATIENCE = 60.0
"""Seconds to wait for another process that uses the registry."""
_PAUSE = 0.02


@dataclass(frozen=True)
class Registration:
    """What became of the samples of a sheet, each named once.

    Attributes:
        new: ids of samples not known before.
        changed: ids of samples that need another run.
        unchanged: ids of samples of which nothing new was said.
        refused: one error for each sample that contradicts what is known.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: tuple[SampleSheetError, ...]


@dataclass(frozen=True)
class Family:
    """A sample and its kin, as far as registered and not withdrawn.

    Attributes:
        sample: the one asked for.
        father: absent where not registered.
        mother: absent where not registered.
        others: of the same family, or children, by sample id.
    """

    sample: RegisteredSample
    father: RegisteredSample | None
    mother: RegisteredSample | None
    others: tuple[RegisteredSample, ...]


@dataclass(frozen=True)
class Override:
    """A person's word that one version of an artifact may pass one failed check.

    Attributes:
        sample: sample id.
        asset: name of the asset.
        check: name of the check.
        data_version: the version it holds for, and no other.
        person: who gave it.
        reason: why.
        recorded: UTC time, ISO 8601.
    """

    sample: str
    asset: str
    check: str
    data_version: str
    person: str
    reason: str
    recorded: str


@dataclass(frozen=True)
class HistoryEntry:
    """Something that happened to a sample: UTC time, what, and details."""

    recorded: str
    sample: str
    event: str
    details: dict[str, Any]


class SampleRegistry:
    """The registry in one SQLite file, made at first use with access for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def register(self, entries: Sequence[SampleEntry], *, sheet: str, sheet_digest: str) -> Registration:
        """Take the word of a sheet on some of its samples, all in one transaction.

        Args:
            entries: good samples of the sheet.
            sheet: the sheet's path relative to the landing zone: what it said before may be changed by it.
            sheet_digest: sha256 of the sheet.
        """
        known = self._fingerprints([entry.sample_id for entry in entries])
        seen = {entry.sample_id: _look(entry, known) for entry in entries}
        outcomes: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
        refused: list[SampleSheetError] = []
        with self._write() as db:
            for entry in entries:
                db.execute("DELETE FROM refusals WHERE sheet = ? AND sample_id = ?", (sheet, entry.sample_id))
                files = seen[entry.sample_id]
                try:
                    if isinstance(files, SampleSheetError):
                        raise files
                    outcomes[take_entry(db, entry, files, sheet, sheet_digest)].append(entry.sample_id)
                except SampleSheetError as error:
                    refused.append(error.about(file=sheet))
                    row = (sheet, entry.sample_id, entry.line, error.problem, error.remedy)
                    db.execute("INSERT INTO refusals VALUES (?, ?, ?, ?, ?)", row)
        return Registration(
            tuple(outcomes[Outcome.NEW]),
            tuple(outcomes[Outcome.CHANGED]),
            tuple(outcomes[Outcome.UNCHANGED]),
            tuple(refused),
        )

    def refusals(self, sheet: str) -> tuple[SampleSheetError, ...]:
        """What stands against samples of a sheet, by line."""
        with self._read() as db:
            rows = db.execute("SELECT * FROM refusals WHERE sheet = ? ORDER BY line", (sheet,)).fetchall()
        return tuple(
            SampleSheetError(
                row["problem"], remedy=row["remedy"], sample=row["sample_id"], file=sheet, place=f"line {row['line']}"
            )
            for row in rows
        )

    def forget_refusals(self, sheet: str) -> None:
        """A sheet is about to be registered from its beginning: what stood against it before no longer counts."""
        with self._write() as db:
            db.execute("DELETE FROM refusals WHERE sheet = ?", (sheet,))

    def take_waiting(self, limit: int, *, patience: float = 600.0) -> tuple[RegisteredSample, ...]:
        """The next samples whose run is to be requested, oldest first.

        A sample taken is not given again for ``patience`` seconds; if it has not started by then, because whoever
        took it died, it is given again with the same run key.
        """
        now = time.time()
        with self._write() as db:
            rows = db.execute(
                "SELECT sample_id FROM samples WHERE withdrawn IS NULL AND"
                " (status = ? OR (status = ? AND requested < ?)) ORDER BY registered, sample_id LIMIT ?",
                (SampleStatus.WAITING, SampleStatus.REQUESTED, now - patience, limit),
            ).fetchall()
            ids = [row["sample_id"] for row in rows]
            db.executemany(
                "UPDATE samples SET status = ?, requested = ? WHERE sample_id = ?",
                [(SampleStatus.REQUESTED, now, sample_id) for sample_id in ids],
            )
            return tuple(find_samples(db, ids))

    def mark(self, sample_id: str, status: SampleStatus, *, run_key: str | None = None) -> bool:
        """Note how far a sample has come; False, and nothing noted, where the run is no longer the current one.

        Args:
            sample_id: the sample.
            status: running, failed or done.
            run_key: of the run that reports, so that a run overtaken by a change does not speak for the new one.
        """
        with self._write() as db:
            sample = find_sample(db, sample_id)
            if run_key is not None and run_key != sample.run_key:
                return False
            if status is not sample.status:
                db.execute("UPDATE samples SET status = ? WHERE sample_id = ?", (status, sample_id))
                note(db, sample_id, str(status), attempt=sample.attempt)
            return True

    def retry(self, sample_id: str, *, person: str, reason: str = "") -> RegisteredSample:
        """Ask for another run of a sample as it is."""
        with self._write() as db:
            sample = find_sample(db, sample_id)
            if sample.withdrawn:
                raise _withdrawn(sample)
            db.execute(
                "UPDATE samples SET status = ?, attempt = attempt + 1 WHERE sample_id = ?",
                (SampleStatus.WAITING, sample_id),
            )
            note(db, sample_id, "retry", person=person, reason=reason)
            return find_sample(db, sample_id)

    def withdraw(self, sample_id: str, *, person: str, reason: str) -> None:
        """Take a sample out: no run is requested for it again, and its reads may be registered under another id."""
        with self._write() as db:
            if not find_sample(db, sample_id).withdrawn:
                db.execute("UPDATE samples SET withdrawn = ? WHERE sample_id = ?", (utc_now(), sample_id))
                note(db, sample_id, "withdrawn", person=person, reason=reason)

    def sample(self, sample_id: str) -> RegisteredSample:
        """One sample; RegistryError where it is not registered."""
        with self._read() as db:
            return find_sample(db, sample_id)

    def participant(self, sample_id: str) -> RegisteredSample:
        """One sample that takes part; RegistryError where it is not registered or was withdrawn."""
        sample = self.sample(sample_id)
        if sample.withdrawn:
            raise _withdrawn(sample)
        return sample

    def samples(self, *, status: SampleStatus | None = None) -> tuple[RegisteredSample, ...]:
        """All samples, or those of one status, withdrawn ones included, by sample id."""
        with self._read() as db:
            rows = db.execute(
                "SELECT sample_id FROM samples WHERE ?1 IS NULL OR status = ?1 ORDER BY sample_id", (status,)
            )
            return tuple(find_samples(db, [row["sample_id"] for row in rows]))

    def withdrawn(self) -> tuple[str, ...]:
        """Ids of the samples that were withdrawn."""
        with self._read() as db:
            rows = db.execute("SELECT sample_id FROM samples WHERE withdrawn IS NOT NULL ORDER BY sample_id")
            return tuple(row["sample_id"] for row in rows)

    def sexes(self) -> dict[str, Sex]:
        """Stated sex by sample id, for judging the parents that a sheet names."""
        with self._read() as db:
            return {row["sample_id"]: Sex(row["sex"]) for row in db.execute("SELECT sample_id, sex FROM samples")}

    def family_of(self, sample_id: str) -> Family:
        """A sample with its parents, children and the others of its family."""
        with self._read() as db:
            sample = find_sample(db, sample_id)
            person = sample.person
            rows = db.execute(
                "SELECT sample_id FROM samples WHERE withdrawn IS NULL AND (sample_id IN (?1, ?2)"
                " OR family_id = ?3 OR father_id = ?4 OR mother_id = ?4) ORDER BY sample_id",
                (person.father_id, person.mother_id, person.family_id, sample_id),
            ).fetchall()
            kin = {each.sample_id: each for each in find_samples(db, [row["sample_id"] for row in rows])}
        kin.pop(sample_id, None)
        father = kin.pop(person.father_id, None) if person.father_id else None
        mother = kin.pop(person.mother_id, None) if person.mother_id else None
        return Family(sample, father, mother, tuple(kin.values()))

    def record_digests(self, sample_id: str, digests: Sequence[FileDigests]) -> None:
        """Keep the digests of all files of a sample, once they are verified.

        Raises:
            FastqError: the same lane twice: a file is known from another sample that is not withdrawn, or two files
                of this sample are the same.
        """
        first: dict[str, FileDigests] = {}
        for file in digests:
            other = first.setdefault(file.sha256, file)
            if other is not file:
                raise same_file(sample_id, file, f"read {other.mate} of lane {other.lane}")
        with self._write() as db:
            find_sample(db, sample_id)
            for file in digests:
                keep_digest(db, sample_id, file)

    def override_gate(
        self, sample_id: str, asset: str, check: str, data_version: str, *, person: str, reason: str
    ) -> None:
        """Record that a person lets one version of an artifact pass one check."""
        with self._write() as db:
            find_sample(db, sample_id)
            row = (sample_id, asset, check, data_version, person, reason, utc_now())
            db.execute("INSERT INTO overrides VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            note(db, sample_id, "gate override", asset=asset, check=check, person=person, reason=reason)

    def overrides(self, sample_id: str) -> tuple[Override, ...]:
        """The overrides given for a sample, oldest first."""
        with self._read() as db:
            rows = db.execute("SELECT * FROM overrides WHERE sample_id = ? ORDER BY rowid", (sample_id,))
            return tuple(Override(*row) for row in rows)

    def identify(
        self,
        subject_id: str,
        *,
        mrn: str | None,
        name: str | None,
        birth_date: str | None,
        family: str | None = None,
        given: tuple[str, ...] = (),
    ) -> None:
        """Say who a subject is, replacing what was said before; arguments as the fields of :class:`Identity`."""
        if birth_date is not None:
            _require_date(birth_date)
        with self._write() as db:
            changed = db.execute(
                "UPDATE subjects SET mrn = ?, name = ?, birth_date = ?, family = ?, given = ? WHERE subject_id = ?",
                (mrn, name, birth_date, family, json.dumps(given), subject_id),
            )
            if changed.rowcount == 0:
                raise _unknown_subject(subject_id)

    def identity(self, subject_id: str) -> Identity:
        """Who a subject is. The caller audits that it asked."""
        with self._read() as db:
            row = db.execute("SELECT * FROM subjects WHERE subject_id = ?", (subject_id,)).fetchone()
        if row is None:
            raise _unknown_subject(subject_id)
        return Identity(**dict(row) | {"sex": Sex(row["sex"]), "given": tuple(json.loads(row["given"]))})

    def history(self, sample_id: str) -> tuple[HistoryEntry, ...]:
        """What happened to a sample, oldest first."""
        with self._read() as db:
            rows = db.execute("SELECT * FROM history WHERE sample_id = ? ORDER BY number", (sample_id,))
            return tuple(
                HistoryEntry(row["recorded"], row["sample_id"], row["event"], json.loads(row["details"]))
                for row in rows
            )

    def _fingerprints(self, sample_ids: list[str]) -> dict[str, FileFingerprint]:
        """What is known of the samples' files, by path, so that an untouched file is not opened again."""
        with self._read() as db:
            rows = select_in(db, "SELECT path, bytes, modified, fingerprint FROM reads WHERE sample_id IN", sample_ids)
            return {row["path"]: FileFingerprint(row["bytes"], row["modified"], row["fingerprint"]) for row in rows}

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        db = self._begun("BEGIN")
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        db = self._begun("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        finally:
            db.close()

    def _begun(self, begin: str) -> sqlite3.Connection:
        """A connection in a transaction that holds its snapshot or write lock.

        SQLite does not wait by itself while another process makes the file, recovers it, or leaves it as its last
        user: a short "busy" is met at any opening and waited out here.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            db = None
            try:
                db = self._connect()
                db.execute(begin)
                db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                return db
            except sqlite3.DatabaseError as error:
                if db is not None:
                    db.close()
                busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if not busy or time.monotonic() > deadline:
                    raise RegistryError(
                        f"the registry cannot be opened ({error})",
                        file=self.path,
                        remedy="keep it on a local disk; if it is damaged, restore it from a backup",
                    ) from error
            time.sleep(_PAUSE)

    def _connect(self) -> sqlite3.Connection:
        if not self.path.exists():
            self._create()
        db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            if _schema_version(db) != len(MIGRATIONS):
                db.execute("PRAGMA journal_mode = WAL")
                self._migrate(db)
        except BaseException:
            db.close()
            raise
        return db

    def _create(self) -> None:
        """Make the file for its owner alone.

        An existing file is never opened here: closing it would drop the locks that SQLite holds in this process.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))

    def _migrate(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN EXCLUSIVE")
        version = _schema_version(db)
        if version > len(MIGRATIONS):
            raise RegistryError(
                f"the registry has schema {version}, this platform knows {len(MIGRATIONS)}",
                file=self.path,
                remedy="use the platform version that made it, or a newer one",
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")


def _look(entry: SampleEntry, known: dict[str, FileFingerprint]) -> list[FileFingerprint] | SampleSheetError:
    """The fingerprints of a sample's files, or why there are none."""
    files = [path for lane in entry.lanes for path in (lane.read1, lane.read2)]
    try:
        return [fingerprint(path, known.get(str(path))) for path in files]
    except OSError as error:
        return SampleSheetError(
            f"{error.filename} cannot be read ({error.strerror})",
            remedy="copy the file again, or check who may read it",
            sample=entry.sample_id,
            place=f"line {entry.line}",
        )


def _schema_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _require_date(text: str) -> None:
    try:
        datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise RegistryError(f"birth date {text!r} is no date", remedy="write it as YYYY-MM-DD") from None


def _withdrawn(sample: RegisteredSample) -> RegistryError:
    return RegistryError(
        "the sample was withdrawn",
        sample=sample.sample_id,
        remedy="leave it alone, or register its reads under a new sample id",
    )


def _unknown_subject(subject_id: str) -> RegistryError:
    return RegistryError(f"subject {subject_id!r} is not registered", remedy="register a sample of the subject first")
