"""Taking a sheet's word on some samples: read what is known at once, judge each sample, write what follows at once.

Statements go out by table, not by sample: ten thousand samples are as many rows, but a few dozen statements.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from engine.errors import SampleSheetError
from engine.person import Sex
from engine.reads.fingerprint import FileFingerprint
from engine.reads.lane import Lane
from engine.reads.registration import (
    Outcome,
    RegisteredSample,
    SampleStatus,
    added,
    content_digest,
    differences,
    judge,
    tops_up,
)
from engine.reads.sample_sheet import Change, SampleEntry
from resources.registry.contract import Registration
from resources.registry.samples import (
    among,
    fingerprints,
    note_row,
    read_rows,
    reads_of,
    sample_row,
    select_in,
    utc_now,
    with_reads,
)
from resources.registry.tables import contents, history, reads, refusals, samples, subjects

Files = list[FileFingerprint] | SampleSheetError
Rows = list[dict[str, Any]]

_CONTENTS = select(contents).where(among(contents.c.sample_id))
_SEXES = select(subjects.c.subject_id, subjects.c.sex).where(among(subjects.c.subject_id))


class SheetWord:
    """The word of one sheet, within a transaction that writes alone.

    What is known is kept up as samples are taken, so that two samples of one person in a sheet must agree as well.
    """

    def __init__(
        self,
        db: Connection,
        sheet: str,
        sheet_digest: str,
        entries: Sequence[SampleEntry],
        barred: Collection[str] = (),
    ) -> None:
        self._barred = barred
        ids = [entry.sample_id for entry in entries]
        self._db, self._sheet, self._sheet_digest, self._ids = db, sheet, sheet_digest, ids
        files = reads_of(db, ids)
        self._samples = {sample.sample_id: sample for sample in with_reads(db, ids, files)}
        self._files = {name: fingerprints(of_sample) for name, of_sample in files.items()}
        self._contents = {(row.sample_id, row.content) for row in select_in(db, _CONTENTS, ids)}
        people = list({entry.person.subject_id for entry in entries})
        self._sexes: dict[str, Sex] = {row.subject_id: row.sex for row in select_in(db, _SEXES, people)}
        self._outcomes: dict[str, Outcome] = {}
        self._refused: dict[str, tuple[int, SampleSheetError]] = {}
        self._new_samples: dict[str, RegisteredSample] = {}
        self._changed_samples: dict[str, RegisteredSample] = {}
        self._new_contents: list[tuple[str, str]] = []
        self._new_subjects: set[str] = set()
        self._changed_subjects: set[str] = set()
        self._reads: dict[str, Rows] = {}
        self._notes: Rows = []

    def take(self, entry: SampleEntry, files: Files) -> None:
        """Judge one sample; ``files`` are its fingerprints, read 1 and read 2 by lane, or why there are none."""
        try:
            if isinstance(files, SampleSheetError):
                raise files
            self._outcomes[entry.sample_id] = self._judged(entry, files)
        except SampleSheetError as error:
            self._refused[entry.sample_id] = entry.line, error.about(file=self._sheet)

    def keep(self) -> Registration:
        """Write what follows from the samples taken, and say what became of them."""
        self._write_samples()
        self._write_reads()
        self._insert(contents, [{"sample_id": name, "content": content} for name, content in self._new_contents])
        self._insert(history, self._notes)
        self._write_refusals()
        named = {outcome: [name for name, each in self._outcomes.items() if each is outcome] for outcome in Outcome}
        return Registration(
            tuple(named[Outcome.NEW]),
            tuple(named[Outcome.CHANGED]),
            tuple(named[Outcome.UNCHANGED]),
            tuple(error for _, error in self._refused.values()),
            {name: self._samples[name].attempt for name in (*named[Outcome.NEW], *named[Outcome.CHANGED])},
        )

    def _judged(self, entry: SampleEntry, files: list[FileFingerprint]) -> Outcome:
        stored = self._samples.get(entry.sample_id)
        if stored is None and entry.sample_id in self._barred:
            raise SampleSheetError(
                "the sample was withdrawn",
                remedy="give a new sample id, or remove the row",
                sample=entry.sample_id,
                place=f"line {entry.line}",
            )
        alone = content_digest(entry, files)
        moved = self._lanes_again(stored, files) if stored else frozenset()
        if stored and entry.change is Change.NO and self._is_top_up(entry, stored, alone, again=bool(moved)):
            entry = replace(entry, change=Change.ADD)
        adds = _added_mark(alone) if entry.change is Change.ADD else None
        if stored and adds:
            entry, files = self._with_known(entry, files, stored)
        content = content_digest(entry, files)
        known = self._files.get(entry.sample_id, {})
        outcome = judge(
            entry,
            stored,
            content=content,
            sheet=self._sheet,
            said_before=not {(entry.sample_id, content), (entry.sample_id, adds)}.isdisjoint(self._contents),
            touched=[file.modified for file in known.values()] != [file.modified for file in files],
            subject_sex=self._sexes.get(entry.person.subject_id, Sex.UNKNOWN),
            composed=any(of == entry.sample_id and _is_added_mark(each) for of, each in self._contents),
            merged=True,
            moved=moved,
        )
        if adds:
            self._keep_content(entry.sample_id, adds)
        if outcome is not Outcome.UNCHANGED:
            self._keep_sample(entry, content, stored)
            self._keep_reads(entry, files)
            self._note(entry.sample_id, str(outcome), content=content, **differences(entry, stored))
        elif stored and stored.content == content and _lost(stored.lanes):
            self._keep_reads(entry, files)
            self._note(entry.sample_id, "reads moved")
        return outcome

    def _lanes_again(self, stored: RegisteredSample, files: list[FileFingerprint]) -> frozenset[str]:
        """Registered lanes that a sheet names again by their content, wherever the files lie and whatever their lane.

        Files that were moved, their lane renamed, are no lane beside the registered one: its reads would count twice.
        """
        known, prints = self._files.get(stored.sample_id, {}), [file.fingerprint for file in files]
        pairs = set(zip(prints[::2], prints[1::2], strict=True))
        return frozenset(
            lane.name
            for lane in stored.lanes
            if tuple(known[str(path)].fingerprint for path in (lane.read1, lane.read2)) in pairs
        )

    def _is_top_up(self, entry: SampleEntry, stored: RegisteredSample, alone: str, *, again: bool) -> bool:
        """Whether a sheet that does not say so adds, or has added before.

        ``alone`` is the digest of what it says, ``again`` whether it names a registered lane's very files.

        What was once in force by itself is an outdated sheet, whose lanes another one has replaced.
        """
        if entry.unnamed_lanes or stored.withdrawn or (entry.sample_id, alone) in self._contents:
            return False
        added_before = (entry.sample_id, _added_mark(alone)) in self._contents
        return added_before or (self._sheet != stored.sheet and not again and tops_up(entry, stored))

    def _with_known(
        self, entry: SampleEntry, files: list[FileFingerprint], stored: RegisteredSample
    ) -> tuple[SampleEntry, list[FileFingerprint]]:
        """A sheet that adds, together with what is known, and the files of all lanes."""
        both = added(entry, stored)
        by_path = self._files[entry.sample_id] | dict(zip(map(str, _paths(entry.lanes)), files, strict=True))
        return both, [by_path[str(path)] for path in _paths(both.lanes)]

    def _keep_sample(self, entry: SampleEntry, content: str, stored: RegisteredSample | None) -> None:
        self._keep_subject(entry.person.subject_id, entry.person.sex)
        now = RegisteredSample(
            sample_id=entry.sample_id,
            person=entry.person,
            lanes=entry.lanes,
            sheet=self._sheet,
            sheet_digest=self._sheet_digest,
            content=content,
            attempt=stored.attempt + 1 if stored else 1,
            status=SampleStatus.WAITING,
            registered=utc_now(),
            withdrawn=stored.withdrawn if stored else None,
            name=entry.name or (stored.name if stored else None),
        )
        is_new = stored is None or entry.sample_id in self._new_samples
        (self._new_samples if is_new else self._changed_samples)[entry.sample_id] = now
        self._samples[entry.sample_id] = now
        self._keep_content(entry.sample_id, content)

    def _keep_content(self, sample_id: str, content: str) -> None:
        if (sample_id, content) not in self._contents:
            self._contents.add((sample_id, content))
            self._new_contents.append((sample_id, content))

    def _keep_subject(self, subject_id: str, sex: Sex) -> None:
        known = self._sexes.get(subject_id)
        if known is None:
            self._new_subjects.add(subject_id)
        elif subject_id not in self._new_subjects:
            self._changed_subjects.add(subject_id)
        self._sexes[subject_id] = known if known and sex is Sex.UNKNOWN else sex

    def _keep_reads(self, entry: SampleEntry, files: list[FileFingerprint]) -> None:
        self._reads[entry.sample_id] = list(read_rows(entry.sample_id, entry.lanes, files))
        self._files[entry.sample_id] = dict(zip(map(str, _paths(entry.lanes)), files, strict=True))
        if entry.sample_id in self._samples:
            self._samples[entry.sample_id] = replace(self._samples[entry.sample_id], lanes=entry.lanes)

    def _note(self, sample_id: str, event: str, **details: object) -> None:
        self._notes.append(note_row(sample_id, event, sheet=self._sheet, **details))

    def _write_samples(self) -> None:
        self._insert(subjects, [self._subject(name) | {"given": ()} for name in sorted(self._new_subjects)])
        self._update(subjects, "subject_id", [self._subject(name) for name in sorted(self._changed_subjects)])
        self._insert(samples, [sample_row(sample) for sample in self._new_samples.values()])
        self._update(samples, "sample_id", [sample_row(sample) for sample in self._changed_samples.values()])

    def _subject(self, subject_id: str) -> dict[str, Any]:
        return {"subject_id": subject_id, "sex": self._sexes[subject_id]}

    def _write_reads(self) -> None:
        old = [{"of": name} for name in self._reads if name not in self._new_samples]
        if old:
            self._db.execute(delete(reads).where(reads.c.sample_id == bindparam("of")), old)
        self._insert(reads, [row for rows in self._reads.values() for row in rows])

    def _write_refusals(self) -> None:
        ours = refusals.c.sheet == self._sheet
        standing: Iterable[str] = self._db.execute(select(refusals.c.sample_id).where(ours)).scalars()
        gone = [{"of": name} for name in set(standing) & set(self._ids)]
        if gone:
            self._db.execute(delete(refusals).where(ours, refusals.c.sample_id == bindparam("of")), gone)
        self._insert(refusals, [self._refusal(name, *refused) for name, refused in self._refused.items()])

    def _refusal(self, sample_id: str, line: int, error: SampleSheetError) -> dict[str, Any]:
        words = {"line": line, "problem": error.problem, "remedy": error.remedy}
        return {"sheet": self._sheet, "sample_id": sample_id, **words}

    def _insert(self, table: Any, rows: Rows) -> None:
        if rows:
            self._db.execute(insert(table), rows)

    def _update(self, table: Any, key: str, rows: Rows) -> None:
        """Set all columns given of the rows that have these keys."""
        if rows:
            values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != key}
            query = update(table).where(table.c[key] == bindparam("of")).values(values)
            self._db.execute(query, [{**row, "of": row[key]} for row in rows])


def _added_mark(content: str) -> str:
    return f"add:{content}"


def _is_added_mark(content: str) -> bool:
    return content.startswith("add:")


def _paths(lanes: Iterable[Lane]) -> Iterator[Path]:
    """Read 1 and read 2 of one lane after the other."""
    for lane in lanes:
        yield from (lane.read1, lane.read2)


def _lost(lanes: tuple[Lane, ...]) -> bool:
    return not all(path.exists() for path in _paths(lanes))
