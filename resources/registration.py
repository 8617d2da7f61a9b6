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
from engine.person import Sex
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry
from resources.fingerprint import FileFingerprint


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
        subject_id: pseudonym of the person.
        sex: as stated by the lab.
        lanes: in the order of the sheet.
        family_id: absent where none was stated.
        father_id: sample id of the father, absent where he is not sequenced.
        mother_id: sample id of the mother, absent where she is not sequenced.
        phenotype: HPO terms in the order stated.
        order_id: the order that the report answers, absent where there is none.
        secondary_findings_consent: whether the person agreed to hear of secondary findings.
        sheet: the sheet that spoke last, relative to the landing zone.
        sheet_digest: sha256 of that sheet.
        content: digest of all that was said and of the files' fingerprints; equal content needs no new run.
        attempt: counts runs asked for, from 1; a change or a retry is the next.
        status: how far the current attempt has come.
        registered: UTC time, ISO 8601, of the last change.
        withdrawn: UTC time of withdrawal, absent while the sample takes part.
    """

    sample_id: str
    subject_id: str
    sex: Sex
    lanes: tuple[Lane, ...]
    family_id: str | None
    father_id: str | None
    mother_id: str | None
    phenotype: tuple[str, ...]
    order_id: str | None
    secondary_findings_consent: bool
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
        "facts": _facts(entry),
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
    if stored and entry.subject_id != stored.subject_id:
        raise _refused(entry, f"the sample is registered for subject {stored.subject_id!r}", say_so)
    if stored and sheet != stored.sheet:
        differ = ", ".join(_differences(entry, stored)) or "reads"
        raise _refused(
            entry,
            f"duplicate sample id: registered by sheet {stored.sheet!r} with other {differ}",
            f"give another id to another sample, or {say_so}",
        )
    if Sex.UNKNOWN not in (entry.sex, subject_sex) and entry.sex != subject_sex and not stored:
        raise _refused(
            entry,
            f"sex is {entry.sex}, but subject {entry.subject_id!r} is registered as {subject_sex}",
            f"correct sex or subject_id, or {say_so}",
        )


def _differences(entry: SampleEntry, stored: RegisteredSample) -> list[str]:
    said, known = _facts(entry), _facts(stored)
    return [name for name in said if said[name] != known[name]]


def _facts(sample: SampleEntry | RegisteredSample) -> dict[str, object]:
    return {
        "subject_id": sample.subject_id,
        "sex": str(sample.sex),
        "family_id": sample.family_id,
        "father_id": sample.father_id,
        "mother_id": sample.mother_id,
        "phenotype_hpo": list(sample.phenotype),
        "order_id": sample.order_id,
        "secondary_findings_consent": sample.secondary_findings_consent,
    }


def _refused(entry: SampleEntry, problem: str, remedy: str) -> SampleSheetError:
    return SampleSheetError(problem, remedy=remedy, sample=entry.sample_id, place=f"line {entry.line}")
