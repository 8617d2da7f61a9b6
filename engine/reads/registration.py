"""Whether what a sheet says of a sample is new, a change, nothing new, or a contradiction. Rules only, no storage.

The rules, in the order they are applied:

- A withdrawn sample stays withdrawn.
- Nothing new is said: unchanged. A failed sample whose files were copied again is tried again even so, because a
  repaired copy can look the same from outside.
- An outdated sheet (another sheet has spoken since, and this content has been in force before): unchanged.
- The sheet that spoke last was edited, or its files were replaced: changed, unless the sample changes its subject.
- Any other sheet must say in its column ``change`` what it means: to ``add`` lanes and facts to what is known
  (:func:`added`), which happens once, or to ``replace`` it; but where it can mean nothing but a top-up
  (:func:`tops_up`) it is one.
- Where lanes came by ``add``, no sheet takes them away but by ``replace``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from engine.errors import SampleSheetError
from engine.person import Person, Sex
from engine.reads.conventions import QualityEncoding
from engine.reads.fingerprint import FileFingerprint
from engine.reads.lane import Lane
from engine.reads.sample_sheet import Change, SampleEntry

_SAY_ADD = "say add in the column change"
_FIELDS = {"phenotype_hpo": "phenotype", "genes": "ordered_genes"}
"""Fields of a person by their columns, where the two differ."""


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
        name: the id as the laboratory writes it, absent where that is the sample id.
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
    name: str | None = None

    @property
    def run_key(self) -> str:
        """Equal for what needs one run only: names sample, content and attempt."""
        return f"{self.sample_id}-{self.content[:16]}-{self.attempt}"


def content_digest(entry: SampleEntry, fingerprints: Sequence[FileFingerprint]) -> str:
    """Digest of what the sheet says and of the files, wherever they lie; ``fingerprints`` go read 1, read 2 by lane."""
    files = [file.fingerprint for file in fingerprints]
    said = {
        "facts": _facts(entry.person),
        "lanes": [[lane.name, lane.md5_read1, lane.md5_read2, *_encoding(lane)] for lane in entry.lanes],
        "files": files,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _encoding(lane: Lane) -> list[str]:
    """The lane's encoding where it is stated: older digests know of none."""
    return [] if lane.quality_encoding is QualityEncoding.DETECT else [str(lane.quality_encoding)]


def added(entry: SampleEntry, stored: RegisteredSample) -> SampleEntry:
    """What a sheet that adds says, together with what is known: all lanes, and the facts that it fills in.

    A lane of the same files is the same lane; a lane to which the sheet gives no name gets the next number.

    Raises:
        SampleSheetError: the sheet is of another subject, or gives a known lane's name to other files.
    """
    subject = entry.person.subject_id
    if "subject_id" in entry.stated and subject != stored.person.subject_id:
        raise _refused(
            entry,
            f"the sample is registered for subject {stored.person.subject_id!r}, and {subject!r} cannot be added to it",
            "correct subject_id, or give another id to another sample",
        )
    facts = {_FIELDS.get(column, column): column for column in entry.stated}
    said = {field.name: getattr(entry.person, field.name) for field in fields(Person) if field.name in facts}
    lanes = {lane.name: lane for lane in stored.lanes}
    by_files = {(lane.read1, lane.read2): lane.name for lane in stored.lanes}
    for lane in entry.lanes:
        known = by_files.get((lane.read1, lane.read2))
        unnamed = lane.name in entry.unnamed_lanes
        name = known if known and unnamed else _free_name(lanes) if unnamed and lane.name in lanes else lane.name
        if known:
            lanes = {name if each == known else each: value for each, value in lanes.items()}
        elif name in lanes:
            raise _refused(
                entry,
                f"the same lane twice: {name!r} is registered with other files ({lanes[name].read1.name})",
                "give the new lane a name of its own, or say replace in the column change and list all lanes",
            )
        lanes[name] = replace(lane, name=name)
    return replace(
        entry,
        person=replace(stored.person, **said),
        lanes=tuple(lanes.values()),
        name=entry.name or stored.name,
    )


def tops_up(entry: SampleEntry, stored: RegisteredSample) -> bool:
    """Whether a sheet that says neither add nor replace can mean nothing but a top-up.

    It names the registered subject, lanes by other names and of other files, and no fact that differs.
    """
    if entry.unnamed_lanes or "subject_id" not in entry.stated or not _other_lanes(entry, stored):
        return False
    known, said = _facts(stored.person), _facts(entry.person)
    return all(said.get(column) == known.get(column) for column in entry.stated if column in said)


def _other_lanes(entry: SampleEntry, stored: RegisteredSample) -> bool:
    """Whether no lane of the sheet is a registered one, neither by name nor by files."""
    now, before = (
        {each for lane in lanes for each in (lane.name, lane.read1, lane.read2)}
        for lanes in (entry.lanes, stored.lanes)
    )
    return now.isdisjoint(before)


def _free_name(taken: Iterable[str]) -> str:
    names = set(taken)
    return next(name for name in (f"L{number:03}" for number in range(1, len(names) + 2)) if name not in names)


def differences(entry: SampleEntry, stored: RegisteredSample | None) -> dict[str, object]:
    """What changes when an entry takes the place of what is known, for the history; empty for a new sample."""
    if stored is None:
        return {}
    before, now = _facts(stored.person), _facts(entry.person)
    said = {name: [before.get(name), now.get(name)] for name in _differences(entry.person, stored.person)}
    old, new = ({lane.name: (lane.read1, lane.read2) for lane in each.lanes} for each in (stored, entry))
    lanes = {
        "lanes added": sorted(new.keys() - old.keys()),
        "lanes taken away": sorted(old.keys() - new.keys()),
        "lanes with other files": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }
    changed = {"facts": said, **lanes, "change": str(entry.change)}
    return {name: value for name, value in changed.items() if value and value != Change.NO}


def judge(
    entry: SampleEntry,
    stored: RegisteredSample | None,
    *,
    content: str,
    sheet: str,
    said_before: bool,
    touched: bool,
    subject_sex: Sex,
    composed: bool = False,
    merged: bool = False,
    moved: Collection[str] = (),
) -> Outcome:
    """Decide on one sample.

    Args:
        entry: what the sheet says; where it adds, together with what is known.
        stored: what the registry knows, ``None`` for a sample it does not know.
        content: digest of what the sheet says.
        sheet: the sheet that speaks.
        said_before: whether this content was in force once.
        touched: whether a file's time of change differs from the one known.
        subject_sex: sex of the subject as known from other samples.
        composed: whether lanes or facts of the sample came by ``add``.
        merged: whether :func:`added` has put the entry together with what is known.
        moved: registered lanes, by name, whose very files the sheet has under whatever path and lane.

    Raises:
        SampleSheetError: the sheet contradicts what is known.
    """
    if stored and stored.withdrawn:
        if content == stored.content:
            return Outcome.UNCHANGED
        raise _refused(entry, "the sample was withdrawn", "give a new sample id, or remove the row")
    if stored and content == stored.content:
        return Outcome.CHANGED if stored.status is SampleStatus.FAILED and touched else Outcome.UNCHANGED
    if stored and said_before and (sheet != stored.sheet or entry.change is Change.ADD):
        return Outcome.UNCHANGED
    if stored and entry.name and stored.name and entry.name != stored.name:
        raise _refused(
            entry, f"the id is that of {stored.name!r} already", "give it an id of 1 to 64 letters and digits"
        )
    if stored and entry.change is Change.ADD and not merged:
        raise _refused(entry, "the lanes cannot be added here", "say replace in the column change and list all lanes")
    if entry.change is Change.NO:
        _refuse_contradiction(entry, stored, sheet, subject_sex)
        _refuse_loss(entry, stored, composed, moved)
    return Outcome.CHANGED if stored else Outcome.NEW


def _refuse_contradiction(entry: SampleEntry, stored: RegisteredSample | None, sheet: str, subject_sex: Sex) -> None:
    said = entry.person
    if stored and said.subject_id != stored.person.subject_id:
        raise _refused(
            entry,
            f"the sample is registered for subject {stored.person.subject_id!r}",
            "correct subject_id; if all that is registered of the sample is wrong, say replace in the column change",
        )
    if stored and sheet != stored.sheet:
        differ = ", ".join(_differences(said, stored.person)) or "reads"
        raise _refused(
            entry,
            f"duplicate sample id: registered by sheet {stored.sheet!r} with other {differ}",
            f"give another id to another sample; if these lanes and facts come to those registered, {_SAY_ADD}; if they"
            " take the place of all of them, say replace and list every lane",
        )
    if Sex.UNKNOWN not in (said.sex, subject_sex) and said.sex != subject_sex and not stored:
        raise _refused(
            entry,
            f"sex is {said.sex}, but subject {said.subject_id!r} is registered as {subject_sex}",
            "correct sex or subject_id, or say replace in the column change",
        )


def _refuse_loss(entry: SampleEntry, stored: RegisteredSample | None, composed: bool, moved: Collection[str]) -> None:
    """A sheet that once added, and no longer says so, would leave its own lanes alone, as would one written over."""
    if stored and not composed and not moved and not entry.unnamed_lanes and _other_lanes(entry, stored):
        raise _refused(
            entry,
            f"the sheet has other lanes ({_named(entry.lanes)}) in place of those registered ({_named(stored.lanes)})",
            f"{_SAY_ADD}, if they come to these; or say replace, if they take their place",
        )
    if not stored or not composed:
        return
    kept = {(lane.read1, lane.read2) for lane in entry.lanes}
    lost = [lane.name for lane in stored.lanes if (lane.read1, lane.read2) not in kept and lane.name not in moved]
    if lost:
        raise _refused(
            entry,
            f"lanes that were added to the sample are not in this sheet: {', '.join(lost)}",
            f"{_SAY_ADD}, so that they stay; or say replace, if they are to go",
        )


def _named(lanes: Iterable[Lane]) -> str:
    return ", ".join(lane.name for lane in lanes)


def _differences(said: Person, known: Person) -> list[str]:
    one, other = _facts(said), _facts(known)
    return [name for name in (one | other) if one.get(name) != other.get(name)]


def _facts(person: Person) -> dict[str, object]:
    """The facts by their columns. Columns that came later count only where filled, so that older digests hold."""
    later: dict[str, object] = {
        "genes": list(person.ordered_genes),
        "panel": person.panel,
        "drug_response": person.drug_response,
        "research_consent": list(person.research_consent),
        "ancestry": person.ancestry,
        "polygenic_scores": person.polygenic_scores,
    }
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
