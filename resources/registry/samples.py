"""How samples lie in the tables: rows in, values out, inside a transaction that the caller holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, bindparam, insert, select

from engine.person import Person
from engine.reads.conventions import QualityEncoding
from engine.reads.fingerprint import FileFingerprint
from engine.reads.lane import Lane
from engine.reads.registration import RegisteredSample
from resources.registry.contract import RegistryError
from resources.registry.tables import history, reads, samples

Files = dict[str, list[tuple[Any, ...]]]

_MANY = 500
_PERSON = tuple(field.name for field in fields(Person))
_OWN = tuple(field.name for field in fields(RegisteredSample) if field.name not in ("person", "lanes"))
_FINGERPRINT = tuple(field.name for field in fields(FileFingerprint))
_facts_of = attrgetter(*_PERSON)
_own_of = attrgetter(*_OWN)


def find_sample(db: Connection, sample_id: str) -> RegisteredSample:
    """One sample; RegistryError where it is not registered."""
    for sample in find_samples(db, [sample_id]):
        return sample
    raise RegistryError(
        "the sample is not registered",
        sample=sample_id,
        remedy="drop a sample sheet that names it into the landing zone",
    )


def find_samples(db: Connection, sample_ids: Sequence[str]) -> Iterator[RegisteredSample]:
    """The samples of these ids, in this order, those unknown left out."""
    yield from with_reads(db, sample_ids, reads_of(db, sample_ids))


def with_reads(db: Connection, sample_ids: Sequence[str], files: Files) -> Iterator[RegisteredSample]:
    """As :func:`find_samples`, the rows of their reads being known."""
    rows = {row.sample_id: tuple(row) for row in select_in(db, _SAMPLES, sample_ids)}
    for sample_id in sample_ids:
        if sample_id in rows:
            yield _from_row(rows[sample_id], files[sample_id])


def reads_of(db: Connection, sample_ids: Sequence[str]) -> Files:
    """The rows of each sample's files, read 1 and read 2 of one lane after the other."""
    files: Files = {}
    for row in select_in(db, _READS, sample_ids):
        files.setdefault(row.sample_id, []).append(tuple(row))
    return files


def _from_row(row: tuple[Any, ...], files: list[tuple[Any, ...]]) -> RegisteredSample:
    """The value of a row of ``_SAMPLES`` and rows of ``_READS``."""
    lanes = tuple(
        Lane(lane, Path(path1), Path(path2), md5_1, md5_2, encoding or QualityEncoding.DETECT)
        for (_, lane, path1, md5_1, encoding, *_), (_, _, path2, md5_2, *_) in zip(files[::2], files[1::2], strict=True)
    )
    own = dict(zip(_OWN, row[len(_PERSON) :], strict=True))
    return RegisteredSample(person=Person(*row[: len(_PERSON)]), lanes=lanes, **own)


def sample_row(sample: RegisteredSample) -> dict[str, object]:
    """A sample by column."""
    own = dict(zip(_OWN, _own_of(sample), strict=True))
    return own | dict(zip(_PERSON, _facts_of(sample.person), strict=True))


def read_rows(sample_id: str, lanes: Iterable[Lane], files: Iterable[FileFingerprint]) -> Iterator[dict[str, object]]:
    """The files of a sample by column; ``files`` go read 1, read 2 by lane."""
    named = (
        (position, mate, lane, path, md5)
        for position, lane in enumerate(lanes)
        for mate, path, md5 in ((1, lane.read1, lane.md5_read1), (2, lane.read2, lane.md5_read2))
    )
    for (position, mate, lane, path, md5), file in zip(named, files, strict=True):
        place = {"sample_id": sample_id, "position": position, "mate": mate, "lane": lane.name}
        stated = {"path": str(path), "md5": md5, "quality_encoding": lane.quality_encoding}
        yield place | stated | vars(file)


def fingerprints(files: Iterable[tuple[Any, ...]]) -> dict[str, FileFingerprint]:
    """The fingerprint of each file by its path, of rows of ``_READS``."""
    return {path: FileFingerprint(*facts) for _, _, path, _, _, *facts in files}


def among(column: Column[Any]) -> ColumnElement[bool]:
    """The condition that :func:`select_in` fills in."""
    return column.in_(bindparam("among", expanding=True))


def select_in(db: Connection, query: Select[Any], values: Sequence[str]) -> Iterator[Row[Any]]:
    """Rows for many keys, in portions below the databases' limits of bound values; ``query`` says :func:`among`."""
    for start in range(0, len(values), _MANY):
        yield from db.execute(query, {"among": values[start : start + _MANY]})


_SAMPLES = select(*(samples.c[name] for name in (*_PERSON, *_OWN))).where(among(samples.c.sample_id))
_READS = (
    select(*(reads.c[name] for name in ("sample_id", "lane", "path", "md5", "quality_encoding", *_FINGERPRINT)))
    .where(among(reads.c.sample_id))
    .order_by(reads.c.sample_id, reads.c.position, reads.c.mate)
)


def note(db: Connection, sample_id: str, event: str, **details: object) -> None:
    """Write down what happened to a sample."""
    db.execute(insert(history), note_row(sample_id, event, **details))


def note_row(sample_id: str, event: str, **details: object) -> dict[str, object]:
    """What happened to a sample, by column."""
    return {"recorded": utc_now(), "sample_id": sample_id, "event": event, "details": details}


def utc_now() -> str:
    """UTC time in ISO 8601 with microseconds, as all tables hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
