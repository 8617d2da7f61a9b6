"""How samples lie in the tables of the registry: rows in, values out, inside a transaction that the caller holds.

The registry's methods are in :mod:`resources.sample_registry`, the tables in :mod:`resources.sample_registry_schema`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import FastqError, GenomicsError
from engine.person import Person, Sex
from engine.reads.file_digests import FileDigests
from engine.reads.fingerprint import FileFingerprint
from engine.reads.lane import Lane
from engine.reads.registration import Outcome, RegisteredSample, SampleStatus, content_digest, judge
from engine.reads.sample_sheet import SampleEntry

_MANY = 500


class RegistryError(GenomicsError):
    """The sample registry does not hold what was asked of it, or cannot be used."""


def take_entry(
    db: sqlite3.Connection, entry: SampleEntry, files: list[FileFingerprint], sheet: str, sheet_digest: str
) -> Outcome:
    """Judge one sample of a sheet and keep what follows; SampleSheetError where the sheet contradicts the registry."""
    content = content_digest(entry, files)
    stored = next(iter(find_samples(db, [entry.sample_id])), None)
    subject = db.execute("SELECT sex FROM subjects WHERE subject_id = ?", (entry.person.subject_id,)).fetchone()
    before = db.execute(
        "SELECT 1 FROM contents WHERE sample_id = ? AND content = ?", (entry.sample_id, content)
    ).fetchone()
    times = db.execute(
        "SELECT modified FROM reads WHERE sample_id = ? ORDER BY position, mate", (entry.sample_id,)
    ).fetchall()
    outcome = judge(
        entry,
        stored,
        content=content,
        sheet=sheet,
        said_before=before is not None,
        touched=[row["modified"] for row in times] != [file.modified for file in files],
        subject_sex=Sex(subject["sex"]) if subject else Sex.UNKNOWN,
    )
    if outcome is Outcome.UNCHANGED:
        if stored and stored.content == content and _lost(stored.lanes):
            _keep_reads(db, entry, files)
            note(db, entry.sample_id, "reads moved", sheet=sheet)
    else:
        _keep(db, entry, files, content, sheet, sheet_digest)
        note(db, entry.sample_id, str(outcome), sheet=sheet, content=content)
    return outcome


def _lost(lanes: tuple[Lane, ...]) -> bool:
    return not all(path.exists() for lane in lanes for path in (lane.read1, lane.read2))


def _keep(
    db: sqlite3.Connection,
    entry: SampleEntry,
    files: list[FileFingerprint],
    content: str,
    sheet: str,
    sheet_digest: str,
) -> None:
    db.execute(
        "INSERT INTO subjects (subject_id, sex) VALUES (?1, ?2) ON CONFLICT (subject_id) DO UPDATE SET"
        " sex = CASE WHEN ?2 = 'unknown' THEN sex ELSE ?2 END",
        (entry.person.subject_id, entry.person.sex),
    )
    facts = {
        "sample_id": entry.sample_id,
        **_to_columns(entry.person),
        "sheet": sheet,
        "sheet_digest": sheet_digest,
        "content": content,
        "status": SampleStatus.WAITING,
        "registered": utc_now(),
    }
    columns, places = ", ".join(facts), ", ".join(f":{name}" for name in facts)
    updates = ", ".join(f"{name} = excluded.{name}" for name in facts if name != "sample_id")
    db.execute(
        f"INSERT INTO samples ({columns}, attempt) VALUES ({places}, 1)"
        f" ON CONFLICT (sample_id) DO UPDATE SET {updates}, attempt = attempt + 1",
        facts,
    )
    db.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (entry.sample_id, content))
    _keep_reads(db, entry, files)


def _keep_reads(db: sqlite3.Connection, entry: SampleEntry, files: list[FileFingerprint]) -> None:
    db.execute("DELETE FROM reads WHERE sample_id = ?", (entry.sample_id,))
    named = [
        (position, mate, lane.name, path, md5)
        for position, lane in enumerate(entry.lanes)
        for mate, path, md5 in ((1, lane.read1, lane.md5_read1), (2, lane.read2, lane.md5_read2))
    ]
    db.executemany(
        "INSERT INTO reads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        [
            (entry.sample_id, position, mate, name, str(path), md5, file.bytes, file.modified, file.fingerprint)
            for (position, mate, name, path, md5), file in zip(named, files, strict=True)
        ],
    )


def keep_digest(db: sqlite3.Connection, sample_id: str, file: FileDigests) -> None:
    """Keep one file's digest; FastqError where another sample that takes part has the same file."""
    owner = db.execute(
        "SELECT sample_id, lane, mate, withdrawn FROM digests JOIN samples USING (sample_id) WHERE sha256 = ?",
        (file.sha256,),
    ).fetchone()
    if owner and owner["sample_id"] != sample_id and owner["withdrawn"] is None:
        raise same_file(sample_id, file, f"read {owner['mate']} of lane {owner['lane']} of sample {owner['sample_id']}")
    db.execute(
        "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)",
        (file.sha256, sample_id, file.lane, file.mate, utc_now()),
    )
    db.execute(
        "UPDATE reads SET sha256 = ? WHERE sample_id = ? AND lane = ? AND mate = ?",
        (file.sha256, sample_id, file.lane, file.mate),
    )


def same_file(sample_id: str, file: FileDigests, other: str) -> FastqError:
    """The error for a file whose content is known from elsewhere."""
    return FastqError(
        f"the same lane twice: the file has the content of {other}",
        sample=sample_id,
        file=file.path,
        place=f"read {file.mate} of lane {file.lane}",
        remedy="give each lane once; if the other sample was registered by mistake, withdraw it",
    )


def find_sample(db: sqlite3.Connection, sample_id: str) -> RegisteredSample:
    """One sample; RegistryError where it is not registered."""
    for sample in find_samples(db, [sample_id]):
        return sample
    raise RegistryError(
        "the sample is not registered",
        sample=sample_id,
        remedy="drop a sample sheet that names it into the landing zone",
    )


def find_samples(db: sqlite3.Connection, sample_ids: list[str]) -> Iterator[RegisteredSample]:
    """The samples of these ids, in this order, those unknown left out."""
    reads: dict[str, list[sqlite3.Row]] = {}
    for row in select_in(db, "SELECT * FROM reads WHERE sample_id IN", sample_ids):
        reads.setdefault(row["sample_id"], []).append(row)
    rows = {row["sample_id"]: row for row in select_in(db, "SELECT * FROM samples WHERE sample_id IN", sample_ids)}
    for sample_id in sample_ids:
        if sample_id in rows:
            files = sorted(reads[sample_id], key=lambda file: (file["position"], file["mate"]))
            yield _from_row(rows[sample_id], files)


def _from_row(row: sqlite3.Row, files: list[sqlite3.Row]) -> RegisteredSample:
    lanes = tuple(
        Lane(read1["lane"], Path(read1["path"]), Path(read2["path"]), read1["md5"], read2["md5"])
        for read1, read2 in zip(files[::2], files[1::2], strict=True)
    )
    return RegisteredSample(
        sample_id=row["sample_id"],
        person=_from_columns(row),
        lanes=lanes,
        sheet=row["sheet"],
        sheet_digest=row["sheet_digest"],
        content=row["content"],
        attempt=row["attempt"],
        status=SampleStatus(row["status"]),
        registered=row["registered"],
        withdrawn=row["withdrawn"],
    )


def _to_columns(person: Person) -> dict[str, object]:
    """A person's facts by column; several values in one are separated by semicolons."""
    return {
        name: ";".join(value) if isinstance(value, tuple) else int(value) if isinstance(value, bool) else value
        for name, value in vars(person).items()
    }


def _from_columns(row: sqlite3.Row) -> Person:
    facts = {each.name: row[each.name] for each in fields(Person)}
    several = {name: tuple(filter(None, facts[name].split(";"))) for name in ("phenotype", "ordered_genes")}
    consent = bool(facts["secondary_findings_consent"])
    return Person(**facts | several | {"sex": Sex(facts["sex"]), "secondary_findings_consent": consent})


def select_in(db: sqlite3.Connection, select: str, values: list[str]) -> Iterable[sqlite3.Row]:
    """Rows for many keys, in portions below SQLite's limit of bound values."""
    for start in range(0, len(values), _MANY):
        some = values[start : start + _MANY]
        yield from db.execute(f"{select} ({', '.join('?' * len(some))})", some)


def note(db: sqlite3.Connection, sample_id: str, event: str, **details: object) -> None:
    """Write down what happened to a sample."""
    db.execute(
        "INSERT INTO history (recorded, sample_id, event, details) VALUES (?, ?, ?, ?)",
        (utc_now(), sample_id, event, json.dumps(details, sort_keys=True)),
    )


def utc_now() -> str:
    """UTC time in ISO 8601 with microseconds, as all tables hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
