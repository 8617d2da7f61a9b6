"""What the registry offers: which samples there are, whose they are, which reads are theirs, how far they have come.

Who may call what, and writing down who did, is the caller's part (:mod:`resources.audit`); whether a sheet's word is
accepted is decided in :mod:`engine.reads.registration`.

What a person decides, or a sheet says, is announced before it takes effect: ``announce`` is called with it within the
transaction, when all is judged and right before the commit. What it raises leaves everything as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from engine.classify.decision import Decision
from engine.errors import SampleSheetError
from engine.person import Identity, Sex
from engine.reads.file_digests import FileDigests
from engine.reads.fingerprint import FileFingerprint, fingerprint
from engine.reads.registration import RegisteredSample, SampleStatus
from engine.reads.sample_sheet import SampleEntry
from engine.report.issue import SignOut
from resources.keys import KeyEncryption
from resources.registry.contract import Family, HistoryEntry, Override, Registration, RegistryError
from resources.registry.database import Database
from resources.registry.digests import keep_digests, refuse_repeated
from resources.registry.samples import among, find_sample, find_samples, note, select_in, utc_now
from resources.registry.sealed import (
    clear_rows,
    erase,
    is_readable,
    kept_key,
    opened_identity,
    required_keys,
    seal_identity,
    seal_rows,
    wrap_again,
)
from resources.registry.sheet_word import Files, SheetWord
from resources.registry.tables import (
    decisions,
    history,
    overrides,
    person_keys,
    reads,
    refusals,
    samples,
    sign_outs,
    study_members,
    subjects,
)

_STEP = {
    **{name: name for name in ("state", "person", "recorded", "reason")},
    **{"sample_id": "sample", "report_digest": "digest"},
}
"""Field of a :class:`engine.report.issue.SignOut` by column."""
_DECISION = {field.name: field.name for field in fields(Decision) if field.name != "sample"} | {"sample_id": "sample"}
"""Field of a :class:`engine.classify.decision.Decision` by column."""


def _silent(_: object) -> None:
    """Announces nothing."""


FAR = 2 * 3600.0
"""Seconds ahead for which nothing is ever put off; a time beyond was written by a clock that went wrong."""
HOLD = 24 * 3600.0
"""Seconds that a sample waits for the runs of its parents at most."""
_UNDER_WAY = (SampleStatus.REQUESTED, SampleStatus.RUNNING)
_MANY = 500
_AGAIN = "asked again"
_FRESH_START = ("new", "changed", "retry", "done")
"""Events of the history after which nothing counts that was before."""


class SampleRegistry:
    """The sample registry.

    Args:
        location: the path of an SQLite file, made at first use, or the URL of a PostgreSQL database.
        keys: wrap the keys with which identities are sealed; without them none is taken, and none that is sealed told.

    Raises:
        RegistryError: the URL is none, or its driver is not installed; and from any method, the database cannot be
            used.
    """

    def __init__(self, location: Path | str, keys: KeyEncryption | None = None) -> None:
        self._database = open_database(location)
        self._keys = keys

    @property
    def database(self) -> Database:
        """Where it lies, for what is kept beside the samples."""
        return self._database

    def register(
        self,
        entries: Sequence[SampleEntry],
        *,
        sheet: str,
        sheet_digest: str,
        barred: Collection[str] = (),
        announce: Callable[[Registration], None] = _silent,
    ) -> Registration:
        """Take the word of a sheet on some of its samples, all in one transaction.

        Args:
            entries: good samples of the sheet.
            sheet: the sheet's path relative to the landing zone: what it said before may be changed by it.
            sheet_digest: sha256 of the sheet.
            barred: ids of samples that are known to be withdrawn, whether this registry knows of them or not.
            announce: called with what becomes of the samples.
        """
        known = self._fingerprints([entry.sample_id for entry in entries])
        seen = [_look(entry, known) for entry in entries]
        with self._database.writing() as db:
            word = SheetWord(db, sheet, sheet_digest, entries, barred)
            for entry, files in zip(entries, seen, strict=True):
                word.take(entry, files)
            registration = word.keep()
            announce(registration)
            return registration

    def refusals(self, sheet: str | None = None) -> tuple[SampleSheetError, ...]:
        """What stands against samples of a sheet, or of every sheet, by sheet and line."""
        query = select(refusals).order_by(refusals.c.sheet, refusals.c.line)
        with self._database.reading() as db:
            rows = db.execute(query if sheet is None else query.where(refusals.c.sheet == sheet)).all()
        return tuple(
            SampleSheetError(
                row.problem, remedy=row.remedy, sample=row.sample_id, file=row.sheet, place=f"line {row.line}"
            )
            for row in rows
        )

    def forget_refusals(self, sheet: str) -> None:
        """A sheet is about to be registered from its beginning: what stood against it before no longer counts."""
        with self._database.writing() as db:
            db.execute(delete(refusals).where(refusals.c.sheet == sheet))

    def take_waiting(self, limit: int) -> tuple[RegisteredSample, ...]:
        """The next samples whose run is to be requested, oldest first; each is given once (:meth:`give_back`).

        A sample waits for its parents' runs where they are registered and have not ended, for :data:`HOLD` seconds at
        most, and one that was asked for again for as long as was said then.
        """
        now = time.time()
        given = (
            select(samples.c.sample_id)
            .where(samples.c.withdrawn.is_(None), samples.c.status == SampleStatus.WAITING)
            .where(or_(samples.c.requested.is_(None), _is_past(now)), ~_held_by_parents(now))
            .order_by(samples.c.registered, samples.c.sample_id)
            .limit(limit)
        )
        with self._database.writing() as db:
            ids: list[str] = list(db.execute(given).scalars())
            for start in range(0, len(ids), _MANY):
                taken = update(samples).where(samples.c.sample_id.in_(ids[start : start + _MANY]))
                db.execute(taken.values(status=SampleStatus.REQUESTED, requested=now))
            return tuple(find_samples(db, ids))

    def requested(self, *, before: float) -> tuple[RegisteredSample, ...]:
        """Samples whose run was requested so long ago that it should be known, and has not ended, as far as is noted.

        Args:
            before: seconds since 1970.
        """
        asked = samples.c.status.in_(_UNDER_WAY)
        query = select(samples.c.sample_id).where(samples.c.withdrawn.is_(None), asked, _is_past(before))
        with self._database.reading() as db:
            return tuple(
                find_samples(db, list(db.execute(query.order_by(samples.c.requested, samples.c.sample_id)).scalars()))
            )

    def give_back(self, sample_ids: Sequence[str], *, status: SampleStatus = SampleStatus.REQUESTED) -> None:
        """Let requests be taken again, by the same run key, that nobody carried out, or whose run is gone altogether.

        Args:
            sample_ids: of the samples.
            status: that they have; one that has come further meanwhile is left alone.
        """
        with self._database.writing() as db:
            for start in range(0, len(sample_ids), _MANY):
                ours = samples.c.sample_id.in_(sample_ids[start : start + _MANY])
                lost = update(samples).where(ours, samples.c.status == status)
                db.execute(lost.values(status=SampleStatus.WAITING, requested=None))

    def mark(self, sample_id: str, status: SampleStatus, *, run_key: str | None = None, why: str = "") -> bool:
        """Note how far a sample has come; False, and nothing noted, where the run is no longer the current one.

        Args:
            sample_id: the sample.
            status: running, failed or done.
            run_key: of the run that reports, so that a run overtaken by a change does not speak for the new one.
            why: for the history.
        """
        with self._database.writing() as db:
            sample = find_sample(db, sample_id)
            if run_key is not None and run_key != sample.run_key:
                return False
            if status is not sample.status:
                db.execute(_of(sample_id).values(status=status))
                note(db, sample_id, str(status), attempt=sample.attempt, **({"why": why} if why else {}))
            return True

    def ask_again(
        self, sample_id: str, *, cause: str, why: str, pause: float = 0.0, run: str | None = None
    ) -> RegisteredSample:
        """Ask for another run by the platform's own decision.

        Args:
            sample_id: the sample.
            cause: in a word, by which such decisions are counted (:meth:`asked_again`).
            why: in words.
            pause: seconds before which the run is not requested.
            run: id of Dagster's run that led to it.
        """
        with self._database.writing() as db:
            sample = find_sample(db, sample_id)
            again = {"status": SampleStatus.WAITING, "attempt": sample.attempt + 1, "requested": time.time() + pause}
            db.execute(_of(sample_id).values(again))
            note(db, sample_id, _AGAIN, cause=cause, why=why, **({"run": run} if run else {}))
            return find_sample(db, sample_id)

    def asked_again(self, sample_id: str, *, cause: str) -> int:
        """How often a sample was asked for again for a cause since it last came to its end, was changed or retried."""
        count = 0
        for entry in reversed(self.history(sample_id)):
            if entry.event in _FRESH_START:
                break
            count += entry.event == _AGAIN and entry.details.get("cause") == cause
        return count

    def asked_since(self, sample_id: str, *, cause: str, since: str) -> bool:
        """Whether it was asked for again for a cause after a UTC time, ISO 8601 to the second."""
        return any(
            entry.event == _AGAIN and entry.details.get("cause") == cause and entry.recorded > since
            for entry in self.history(sample_id)
        )

    def retry(
        self,
        sample_id: str,
        *,
        person: str,
        reason: str = "",
        announce: Callable[[RegisteredSample], None] = _silent,
    ) -> RegisteredSample:
        """Ask for another run of a sample as it is; what it is then is announced, and returned."""
        with self._database.writing() as db:
            sample = find_sample(db, sample_id)
            if sample.withdrawn:
                raise _withdrawn(sample)
            again = {"status": SampleStatus.WAITING, "attempt": sample.attempt + 1, "requested": None}
            db.execute(_of(sample_id).values(again))
            note(db, sample_id, "retry", person=person, reason=reason)
            asked = find_sample(db, sample_id)
            announce(asked)
            return asked

    def withdraw(
        self,
        sample_id: str,
        *,
        person: str,
        reason: str,
        announce: Callable[[RegisteredSample], None] = _silent,
    ) -> None:
        """Take a sample out: no run is requested for it again, and its reads may be registered under another id."""
        with self._database.writing() as db:
            sample = find_sample(db, sample_id)
            if not sample.withdrawn:
                db.execute(_of(sample_id).values(withdrawn=utc_now()))
                db.execute(delete(study_members).where(study_members.c.sample_id == sample_id))
                note(db, sample_id, "withdrawn", person=person, reason=reason)
                announce(sample)

    def reinstate(
        self,
        sample_id: str,
        *,
        person: str,
        reason: str,
        announce: Callable[[RegisteredSample], None] = _silent,
    ) -> RegisteredSample:
        """Let a withdrawn sample take part again, with a run of its own.

        Raises:
            RegistryError: it was not withdrawn.
        """
        with self._database.writing() as db:
            sample = find_sample(db, sample_id)
            if not sample.withdrawn:
                raise RegistryError("the sample was not withdrawn", sample=sample_id, remedy="leave it as it is")
            again = {
                "withdrawn": None,
                "status": SampleStatus.WAITING,
                "attempt": sample.attempt + 1,
                "requested": None,
            }
            db.execute(_of(sample_id).values(**again))
            note(db, sample_id, "reinstated", person=person, reason=reason)
            announce(sample)
            return find_sample(db, sample_id)

    def sample(self, sample_id: str) -> RegisteredSample:
        """One sample; RegistryError where it is not registered."""
        with self._database.reading() as db:
            return find_sample(db, sample_id)

    def participant(self, sample_id: str) -> RegisteredSample:
        """One sample that takes part; RegistryError where it is not registered or was withdrawn."""
        sample = self.sample(sample_id)
        if sample.withdrawn:
            raise _withdrawn(sample)
        return sample

    def samples(
        self, *, status: SampleStatus | None = None, ids: Sequence[str] | None = None
    ) -> tuple[RegisteredSample, ...]:
        """All samples, or those of one status or of some ids, withdrawn ones included, by sample id."""
        query = select(samples.c.sample_id).order_by(samples.c.sample_id)
        if status is not None:
            query = query.where(samples.c.status == status)
        with self._database.reading() as db:
            if ids is None:
                return tuple(find_samples(db, list(db.execute(query).scalars())))
            known = [row.sample_id for row in select_in(db, query.where(among(samples.c.sample_id)), ids)]
            return tuple(find_samples(db, sorted(known)))

    def ids(self) -> dict[str, str | None]:
        """As the laboratory writes it, where that is another, by sample id: every sample, withdrawn ones included."""
        query = select(samples.c.sample_id, samples.c.name).order_by(samples.c.sample_id)
        with self._database.reading() as db:
            return {row.sample_id: row.name for row in db.execute(query)}

    def count(self, status: SampleStatus) -> int:
        """How many samples that take part have come this far."""
        query = select(func.count()).where(samples.c.status == status, samples.c.withdrawn.is_(None))
        with self._database.reading() as db:
            return int(db.execute(query).scalar_one())

    def orders(self) -> dict[str, tuple[tuple[str, ...], str | None]]:
        """The genes and the panel that each order asks about, by sample id: every sample that takes part."""
        query = select(samples.c.sample_id, samples.c.ordered_genes, samples.c.panel).where(
            samples.c.withdrawn.is_(None)
        )
        with self._database.reading() as db:
            return {row.sample_id: (tuple(row.ordered_genes), row.panel) for row in db.execute(query)}

    def begun(self) -> tuple[str, ...]:
        """Ids of the samples that take part and of which a run was asked for."""
        query = select(samples.c.sample_id).where(
            samples.c.status != SampleStatus.WAITING, samples.c.withdrawn.is_(None)
        )
        with self._database.reading() as db:
            return tuple(db.execute(query.order_by(samples.c.sample_id)).scalars())

    def withdrawn(self) -> tuple[str, ...]:
        """Ids of the samples that were withdrawn."""
        query = select(samples.c.sample_id).where(samples.c.withdrawn.is_not(None)).order_by(samples.c.sample_id)
        with self._database.reading() as db:
            return tuple(db.execute(query).scalars())

    def sexes(self) -> dict[str, Sex]:
        """Stated sex by sample id, for judging the parents that a sheet names."""
        with self._database.reading() as db:
            return {row.sample_id: row.sex for row in db.execute(select(samples.c.sample_id, samples.c.sex))}

    def family_of(self, sample_id: str) -> Family:
        """A sample with its parents, children and the others of its family."""
        with self._database.reading() as db:
            sample = find_sample(db, sample_id)
            person = sample.person
            parents = [parent for parent in (person.father_id, person.mother_id) if parent]
            related: list[ColumnElement[bool]] = [samples.c.sample_id.in_(parents)]
            related += [samples.c.father_id == sample_id, samples.c.mother_id == sample_id]
            related += [samples.c.family_id == person.family_id] if person.family_id else []
            query = select(samples.c.sample_id).where(samples.c.withdrawn.is_(None), or_(*related))
            ids: list[str] = list(db.execute(query.order_by(samples.c.sample_id)).scalars())
            kin = {each.sample_id: each for each in find_samples(db, ids)}
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
        refuse_repeated(sample_id, digests)
        with self._database.writing() as db:
            find_sample(db, sample_id)
            keep_digests(db, sample_id, digests)

    def override_gate(
        self,
        sample_id: str,
        asset: str,
        check: str,
        data_version: str,
        *,
        person: str,
        reason: str,
        announce: Callable[[Override], None] = _silent,
    ) -> None:
        """Record that a person lets one version of an artifact pass one check."""
        given = Override(sample_id, asset, check, data_version, person, reason, utc_now())
        columns = {"check_name" if name == "check" else name: value for name, value in vars(given).items()}
        with self._database.writing() as db:
            find_sample(db, sample_id)
            db.execute(insert(overrides).values(sample_id=columns.pop("sample"), **columns))
            note(db, sample_id, "gate override", asset=asset, check=check, person=person, reason=reason)
            announce(given)

    def overrides(self, sample_id: str) -> tuple[Override, ...]:
        """The overrides given for a sample, oldest first."""
        query = select(overrides).where(overrides.c.sample_id == sample_id).order_by(overrides.c.number)
        with self._database.reading() as db:
            return tuple(Override(*row[1:]) for row in db.execute(query))

    def sign_out(self, step: SignOut, *, after: int, announce: Callable[[SignOut], None] = _silent) -> None:
        """Record a review or a signature of what was said of a sample, announced before it holds.

        Args:
            step: the step.
            after: how many steps the person who takes it has seen; RegistryError where there are others by now.
            announce: called with the step.
        """
        taken = select(func.count()).select_from(sign_outs).where(sign_outs.c.sample_id == step.sample)
        with self._database.writing() as db:
            find_sample(db, step.sample)
            if db.execute(taken).scalar_one() != after:
                raise RegistryError(
                    "somebody else reviewed or signed the report meanwhile",
                    sample=step.sample,
                    remedy=f"look at it again: genomics report {step.sample}",
                )
            db.execute(insert(sign_outs).values({column: getattr(step, name) for column, name in _STEP.items()}))
            event = "report signed" if step.signs else "report reviewed"
            note(db, step.sample, event, digest=step.digest, person=step.person, state=step.state)
            announce(step)

    def sign_outs(self, sample_id: str) -> tuple[SignOut, ...]:
        """The reviews and signatures of a sample's reports, oldest first."""
        columns = [sign_outs.c[column].label(name) for column, name in _STEP.items()]
        query = select(*columns).where(sign_outs.c.sample_id == sample_id).order_by(sign_outs.c.number)
        with self._database.reading() as db:
            return tuple(SignOut(**row._mapping) for row in db.execute(query))

    def decide(
        self,
        decision: Decision,
        *,
        carriers: Collection[str],
        cause: str,
        announce: Callable[[Decision], None] = _silent,
    ) -> Decision:
        """Keep what a person decided of an allele, in the place of what was decided before, and ask carriers again.

        Args:
            decision: as decided; its number and the one that it supersedes are given here.
            carriers: samples whose path came to its end and whose interpretation reads the decision.
            cause: in a word, why they are asked for again.
            announce: called with the decision as it will be kept.
        """
        of_allele = select(func.max(decisions.c.number)).where(
            decisions.c.build == decision.build, decisions.c.allele == decision.allele
        )
        with self._database.writing() as db:
            last: int | None = db.execute(of_allele).scalar_one()
            whole: int = db.execute(select(func.max(decisions.c.number))).scalar_one() or 0
            kept = replace(decision, number=whole + 1, supersedes=last)
            values = {column: getattr(kept, name) for column, name in _DECISION.items()}
            db.execute(insert(decisions).values(values))
            why = f"{kept.person} judged {kept.allele} {kept.classification.replace('_', ' ')}"
            for sample in find_samples(db, sorted(carriers)):
                if sample.status is SampleStatus.DONE and not sample.withdrawn:
                    again = {"status": SampleStatus.WAITING, "attempt": sample.attempt + 1, "requested": None}
                    db.execute(_of(sample.sample_id).values(again))
                    note(db, sample.sample_id, _AGAIN, cause=cause, why=why)
            announce(kept)
            return kept

    def decisions(self, build: str) -> tuple[Decision, ...]:
        """Everything that was decided of alleles of a build, oldest first."""
        columns = [decisions.c[column].label(name) for column, name in _DECISION.items()]
        query = select(*columns).where(decisions.c.build == build).order_by(decisions.c.number)
        with self._database.reading() as db:
            return tuple(Decision(**row._mapping) for row in db.execute(query))

    def identify(
        self,
        subject_id: str,
        *,
        mrn: str | None,
        name: str | None,
        birth_date: str | None,
        mrn_system: str | None = None,
        family: str | None = None,
        given: tuple[str, ...] = (),
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Say who a subject is, replacing what was said before; arguments as the fields of :class:`Identity`.

        ``announce`` is told when it is said, right before it takes effect.
        """
        if birth_date is not None:
            _require_date(birth_date)
        now = utc_now()
        said: dict[str, Any] = {"mrn": mrn, "mrn_system": mrn_system, "name": name, "birth_date": birth_date}
        said |= {"family": family, "given": given}
        mine = subjects.c.subject_id == subject_id
        with self._database.writing() as db:
            if db.execute(select(subjects.c.subject_id).where(mine)).one_or_none() is None:
                raise _unknown_subject(subject_id)
            values = seal_identity(db, required_keys(self._keys), subject_id, said) | {"identified": now}
            db.execute(update(subjects).where(mine).values(values))
            announce(now)

    def identity(self, subject_id: str) -> Identity:
        """Who a subject is. The caller audits that it asked.

        Raises:
            RegistryError: the subject is not registered, or was forgotten.
        """
        with self._database.reading() as db:
            row = db.execute(select(subjects).where(subjects.c.subject_id == subject_id)).one_or_none()
            if row is None:
                raise _unknown_subject(subject_id)
            return Identity(**opened_identity(db, self._keys, row))

    def person_key(self, subject_id: str) -> bytes:
        """A subject's data key, 32 bytes, for what is sealed beside the registry; RegistryError once forgotten."""
        with self._database.reading() as db:
            return kept_key(db, required_keys(self._keys), subject_id)

    def forget_person(self, subject_id: str, *, announce: Callable[[], None] = lambda: None) -> bool:
        """Destroy a subject's data key, and with it whatever it sealed; whether anybody could read that until now.

        Raises:
            RegistryError: a sample of the subject takes part.
        """
        with self._database.writing() as db:
            _require_nobody_takes_part(db, subject_id)
            there_was = erase(db, subject_id)
            announce()
        self._database.purge()
        return there_was

    def require_forgettable(self, subject_id: str) -> None:
        """RegistryError where a sample of the subject takes part."""
        with self._database.reading() as db:
            _require_nobody_takes_part(db, subject_id)

    def is_readable(self, subject_id: str) -> bool:
        """Whether it can be read here who a subject is, sealed or not."""
        with self._database.reading() as db:
            return is_readable(db, subject_id)

    def forgotten(self, subject_id: str) -> str | None:
        """When a subject's key was destroyed; absent where it was not."""
        with self._database.reading() as db:
            query = select(person_keys.c.erased).where(person_keys.c.subject_id == subject_id)
            return db.execute(query).scalar_one_or_none()

    def current_key(self) -> str:
        """Full id of the key-encryption key that wraps now."""
        return required_keys(self._keys).current

    def key_counts(self) -> dict[str, int]:
        """How many persons' keys each key-encryption key wraps, by its full id."""
        by = person_keys.c.wrapped_by
        with self._database.reading() as db:
            rows = db.execute(select(by, func.count()).where(by.is_not(None)).group_by(by).order_by(by))
            return {row[0]: row[1] for row in rows}

    def rotate_keys(self, *, announce: Callable[[str], None] = lambda _: None) -> str:
        """Make another key-encryption key, and wrap every person's key with it; its full id, which is announced."""
        keys = required_keys(self._keys)
        current = keys.rotate()
        with self._database.writing() as db:
            wrap_again(db, keys)
            announce(current)
        self._database.purge()
        return current

    def require_idle_key(self, by: str) -> None:
        """RegistryError where a person's key is wrapped by it; SecretError where no earlier one of that id is there."""
        self._require_wraps_nothing(by)
        required_keys(self._keys).require_earlier(by)

    def destroy_key(self, by: str, *, announce: Callable[[], None] = lambda: None) -> None:
        """End an earlier key-encryption key, so that what it wrapped is opened in no backup either.

        Raises:
            RegistryError: a person's key is still wrapped by it.
            SecretError: it is the current one, or none of the place of keys.
        """
        keys = required_keys(self._keys)
        with self._database.writing():
            self._require_wraps_nothing(by)
            announce()
            keys.destroy(by)

    def _require_wraps_nothing(self, by: str) -> None:
        if held := self.key_counts().get(by):
            raise RegistryError(
                f"{by} still wraps the keys of {held:,} persons", remedy="rotate first: genomics keys --rotate"
            )

    def seal_identities(self) -> int:
        """Seal what an earlier release left in the clear; of how many persons."""
        with self._database.reading() as db:
            if not clear_rows(db):
                return 0
        with self._database.writing() as db:
            sealed = seal_rows(db, required_keys(self._keys))
        self._database.purge()
        return sealed

    def identified(self, subject_id: str) -> str | None:
        """When it was last said who a subject is; nothing where nobody has, or the subject is not registered."""
        with self._database.reading() as db:
            query = select(subjects.c.identified).where(subjects.c.subject_id == subject_id)
            return db.execute(query).scalar_one_or_none()

    def history(self, sample_id: str) -> tuple[HistoryEntry, ...]:
        """What happened to a sample, oldest first."""
        query = select(history).where(history.c.sample_id == sample_id).order_by(history.c.number)
        with self._database.reading() as db:
            return tuple(HistoryEntry(*row[1:]) for row in db.execute(query))

    def last_entries(self, ids: Sequence[str] | None = None) -> dict[str, HistoryEntry]:
        """What happened last to each sample, or to those of some ids, by sample id: all at once."""
        last = select(func.max(history.c.number)).group_by(history.c.sample_id)
        with self._database.reading() as db:
            if ids is None:
                rows = list(db.execute(select(history).where(history.c.number.in_(last))))
            else:
                chosen = last.where(among(history.c.sample_id))
                rows = list(select_in(db, select(history).where(history.c.number.in_(chosen)), ids))
            return {entry.sample: entry for entry in (HistoryEntry(*row[1:]) for row in rows)}

    def first_registered(self) -> dict[str, str]:
        """When each sample was registered first, by sample id: UTC time, ISO 8601."""
        with self._database.reading() as db:
            rows = db.execute(select(history.c.sample_id, func.min(history.c.recorded)).group_by(history.c.sample_id))
            return {str(sample): str(recorded) for sample, recorded in rows}

    def _fingerprints(self, sample_ids: list[str]) -> dict[str, FileFingerprint]:
        """What is known of the samples' files, by path, so that an untouched file is not opened again."""
        seen = select(reads.c.path, reads.c.bytes, reads.c.modified, reads.c.fingerprint)
        with self._database.reading() as db:
            rows = select_in(db, seen.where(among(reads.c.sample_id)), sample_ids)
            return {row.path: FileFingerprint(row.bytes, row.modified, row.fingerprint) for row in rows}


def _require_nobody_takes_part(db: Connection, subject_id: str) -> None:
    mine = select(samples.c.sample_id).where(samples.c.subject_id == subject_id, samples.c.withdrawn.is_(None))
    if others := sorted(map(str, db.execute(mine).scalars())):
        raise RegistryError(
            f"samples of the person take part: {', '.join(others)}",
            remedy="withdraw them first, if the person is to be forgotten",
        )


def open_database(location: Path | str) -> Database:
    """The database at a location; arguments and errors as of :class:`SampleRegistry`."""
    if isinstance(location, Path):
        from resources.registry.sqlite import SqliteDatabase

        return SqliteDatabase(location)
    from resources.registry.postgres import PostgresDatabase

    return PostgresDatabase(location)


def _held_by_parents(now: float) -> ColumnElement[bool]:
    """Whether a parent's run has not ended, and the sample has not waited for too long."""
    parent = samples.alias("parent")
    under_way = parent.c.status.in_((SampleStatus.WAITING, SampleStatus.REQUESTED, SampleStatus.RUNNING))
    is_parent = parent.c.sample_id.in_((samples.c.father_id, samples.c.mother_id))
    lately = datetime.fromtimestamp(now - HOLD, UTC).isoformat(timespec="microseconds")
    parents = select(parent.c.sample_id).where(is_parent, under_way, parent.c.withdrawn.is_(None))
    return and_(samples.c.registered > lately, parents.correlate(samples).exists())


def _is_past(now: float) -> ColumnElement[bool]:
    """Whether what was to be at ``requested`` is over: also where that is so far off that the clock was put back."""
    return or_(samples.c.requested <= now, samples.c.requested > now + FAR)


def _of(sample_id: str) -> Any:
    return update(samples).where(samples.c.sample_id == sample_id)


def _look(entry: SampleEntry, known: dict[str, FileFingerprint]) -> Files:
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
