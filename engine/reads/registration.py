"""Whether what a sheet says of a sample is new, a change, nothing new, or a contradiction. Rules only, no storage.

The rules, in the order they are applied:

- A withdrawn sample stays withdrawn.
- Nothing new is said: unchanged. A failed sample whose files were copied again is tried again even so, because a
  repaired copy can look the same from outside.
- An outdated sheet (another sheet has spoken since, and this content has been in force before): unchanged.
- The sheet that spoke last was edited, or its files were replaced: changed, unless the sample changes its subject.
- Any other sheet must say ``change`` to replace what is known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import SampleSheetError
from engine.person import Person, Sex
from engine.reads.fingerprint import FileFingerprint
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry


class SampleStatus(StrEnum):
    """How far a sample has come."""

    WAITING = "waiting"
    REQUESTED = "requested"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


class Outcome(StrEnum):
    """What became of a sheet's word on one sample."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class RegisteredSample:
    """A sample as the registry knows it.

    Attributes:
        sample_id: pseudonym and partition key.
        person: what the sheet says of the person.
        lanes: in the order of the sheet.
        sheet: the sheet that spoke last, relative to the landing zone.
        sheet_digest: sha256 of that sheet.
        content: digest of all that was said and of the files' fingerprints; equal content needs no new run.
        attempt: counts runs asked for, from 1; a change or a retry is the next.
        status: how far the current attempt has come.
        registered: UTC time, ISO 8601, of the last change.
        withdrawn: UTC time of withdrawal, absent while the sample takes part.
    """

    sample_id: str
    person: Person
    lanes: tuple[Lane, ...]
    sheet: str
    sheet_digest: str
    content: str
    attempt: int
    status: SampleStatus
    registered: str
    withdrawn: str | None

    @property
    def run_key(self) -> str:
        """Equal for what needs one run only: names sample, content and attempt."""
        return f"{self.sample_id}-{self.content[:16]}-{self.attempt}"


def content_digest(entry: SampleEntry, fingerprints: Sequence[FileFingerprint]) -> str:
    """Digest of what the sheet says and of the files, wherever they lie; ``fingerprints`` go read 1, read 2 by lane."""
    files = [file.fingerprint for file in fingerprints]
    said = {
        "facts": _facts(entry.person),
        "lanes": [[lane.name, lane.md5_read1, lane.md5_read2] for lane in entry.lanes],
        "files": files,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def judge(
    entry: SampleEntry,
    stored: RegisteredSample | None,
    *,
    content: str,
    sheet: str,
    said_before: bool,
    touched: bool,
    subject_sex: Sex,
) -> Outcome:
    """Decide on one sample.

    Args:
        entry: what the sheet says.
        stored: what the registry knows, ``None`` for a sample it does not know.
        content: digest of what the sheet says.
        sheet: the sheet that speaks.
        said_before: whether this content was in force once.
        touched: whether a file's time of change differs from the one known.
        subject_sex: sex of the subject as known from other samples.

    Raises:
        SampleSheetError: the sheet contradicts what is known.
    """
    if stored and stored.withdrawn:
        if content == stored.content:
            return Outcome.UNCHANGED
        raise _refused(entry, "the sample was withdrawn", "give a new sample id, or remove the row")
    if stored and content == stored.content:
        return Outcome.CHANGED if stored.status is SampleStatus.FAILED and touched else Outcome.UNCHANGED
    if stored and said_before and sheet != stored.sheet:
        return Outcome.UNCHANGED
    if not entry.change:
        _refuse_contradiction(entry, stored, sheet, subject_sex)
    return Outcome.CHANGED if stored else Outcome.NEW


def _refuse_contradiction(entry: SampleEntry, stored: RegisteredSample | None, sheet: str, subject_sex: Sex) -> None:
    say_so = "say yes in the column change if this replaces it"
    said = entry.person
    if stored and said.subject_id != stored.person.subject_id:
        raise _refused(entry, f"the sample is registered for subject {stored.person.subject_id!r}", say_so)
    if stored and sheet != stored.sheet:
        differ = ", ".join(_differences(said, stored.person)) or "reads"
        raise _refused(
            entry,
            f"duplicate sample id: registered by sheet {stored.sheet!r} with other {differ}",
            f"give another id to another sample, or {say_so}",
        )
    if Sex.UNKNOWN not in (said.sex, subject_sex) and said.sex != subject_sex and not stored:
        raise _refused(
            entry,
            f"sex is {said.sex}, but subject {said.subject_id!r} is registered as {subject_sex}",
            f"correct sex or subject_id, or {say_so}",
        )


def _differences(said: Person, known: Person) -> list[str]:
    one, other = _facts(said), _facts(known)
    return [name for name in (one | other) if one.get(name) != other.get(name)]


def _facts(person: Person) -> dict[str, object]:
    """The facts by their columns. Columns that came later count only where filled, so that older digests hold."""
    later: dict[str, object] = {"genes": list(person.ordered_genes), "panel": person.panel}
    always: dict[str, object] = {
        "subject_id": person.subject_id,
        "sex": str(person.sex),
        "family_id": person.family_id,
        "father_id": person.father_id,
        "mother_id": person.mother_id,
        "phenotype_hpo": list(person.phenotype),
        "order_id": person.order_id,
        "secondary_findings_consent": person.secondary_findings_consent,
    }
    return always | {name: value for name, value in later.items() if value}


def _refused(entry: SampleEntry, problem: str, remedy: str) -> SampleSheetError:
    return SampleSheetError(problem, remedy=remedy, sample=entry.sample_id, place=f"line {entry.line}")
