"""What people say to each other about a case or one of its variants, in threads and by name.

A comment is an entry of the audit log and lies nowhere else, so that none can be changed or taken away. Who wrote one
may take it back, for a reason; it stays where it is, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engine.errors import GateError
from resources.audit import AuditEntry, AuditLog
from resources.decisions import require_reason

COMMENTED, TAKEN_BACK = "comment", "comment taken back"
"""Kinds of events in the audit log."""
LONGEST = 2000
"""Characters of a comment, at most."""


@dataclass(frozen=True)
class Comment:
    """One comment.

    Attributes:
        number: of its entry in the audit log.
        sample: of which case.
        allele: of which variant of the case; empty where it is about the case.
        text: as it was written.
        person: who wrote it.
        recorded: when; UTC, ISO 8601.
        answers: number of the comment that it answers, absent of the first of a thread.
        taken_back: when its author took it back, absent while it stands.
        reason: why; empty while it stands.
    """

    number: int
    sample: str
    allele: str
    text: str
    person: str
    recorded: str
    answers: int | None = None
    taken_back: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Comments:
    """The comments of a deployment.

    Attributes:
        audit: where they are.
    """

    audit: AuditLog

    def of(self, sample: str, allele: str | None = None) -> tuple[Comment, ...]:
        """Comments of a case, or of one of its variants, in the order of their threads.

        Args:
            sample: of which case.
            allele: of which variant; empty for what is about the case alone, absent for everything.
        """
        told = _told(self.audit.entries_of(COMMENTED, TAKEN_BACK, sample=sample), sample)
        return tuple(one for one in _threaded(told.values()) if allele in (None, one.allele))

    def add(self, sample: str, text: str, *, person: str, allele: str = "", answers: int | None = None) -> Comment:
        """Write a comment down.

        Args:
            sample: of which case.
            text: what is said.
            person: by whom.
            allele: of which variant; empty where it is about the case. An answer is about what its thread is about.
            answers: number of the comment that it answers.

        Raises:
            GateError: nothing is said, or too much, or what it answers is no comment of this case.
        """
        said = text.strip()
        if not said or len(said) > LONGEST or not person.strip():
            raise GateError(
                f"a comment has a person, and 1 to {LONGEST:,} characters",
                sample=sample,
                remedy="write it shorter" if said else "write something",
            )
        about = self._of(sample, answers).allele if answers is not None else allele
        details = {"text": said, "allele": about} | ({"answers": answers} if answers is not None else {})
        number = self.audit.record(person, COMMENTED, sample, details).entries
        return self._of(sample, number)

    def take_back(self, sample: str, number: int, *, person: str, reason: str) -> Comment:
        """Take a comment back: it stays to be read as one that no longer stands.

        Raises:
            GateError: there is no such comment, it is another person's or was taken back before, or no reason is given.
        """
        require_reason(person, reason, sample=sample, what="taking a comment back")
        comment = self._of(sample, number)
        if comment.person != person or comment.taken_back:
            whose = "was taken back before" if comment.person == person else f"is {comment.person}'s"
            raise GateError(
                f"comment {number} {whose}", sample=sample, remedy="take back your own comments; answer those of others"
            )
        self.audit.record(person, TAKEN_BACK, sample, {"comment": number, "reason": reason.strip()})
        return self._of(sample, number)

    def _of(self, sample: str, number: int) -> Comment:
        told = _told(self.audit.entries_of(COMMENTED, TAKEN_BACK, sample=sample), sample)
        if number not in told:
            raise GateError(f"the case has no comment {number}", sample=sample, remedy="open the case's comments again")
        return told[number]


def depths(comments: Iterable[Comment]) -> dict[int, int]:
    """How deep each comment stands in its thread, by number; 0 of what answers nothing."""
    found: dict[int, int] = {}
    for one in comments:
        found[one.number] = 0 if one.answers is None else found.get(one.answers, -1) + 1
    return found


def _told(entries: Iterable[AuditEntry], sample: str) -> dict[int, Comment]:
    """A case's comments as they stand, by number, oldest first."""
    found: dict[int, Comment] = {}
    for entry in entries:
        event = entry.event
        if event.what == COMMENTED:
            told = event.details
            found[entry.number] = Comment(
                entry.number, sample, told["allele"], told["text"], event.who, entry.when, told.get("answers")
            )
        elif (number := event.details["comment"]) in found:
            found[number] = replace(found[number], taken_back=entry.when, reason=event.details["reason"])
    return found


def _threaded(comments: Iterable[Comment]) -> Iterator[Comment]:
    """Each comment with the answers to it behind it."""
    answers: dict[int | None, list[Comment]] = {}
    for one in comments:
        answers.setdefault(one.answers, []).append(one)
    waiting = answers.get(None, [])[::-1]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += answers.get(one.number, [])[::-1]
