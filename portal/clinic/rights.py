"""Who may do what: the one decision that pages, API, byte ranges and downloads ask for.

A role gives actions; an action on a case also needs that the case is one of the person's teams', or that the person
has broken the glass over it.

>>> ward = Person("Dr Weber", Role.CLINICIAN, frozenset({"ward 3"}))
>>> decide(ward, Action.CASE, Case("S1", teams=frozenset({"ward 3"}))).allowed
True
>>> decide(ward, Action.CASE, Case("S2", teams=frozenset({"ward 4"}))).reason
'the case belongs to none of your teams'
>>> decide(ward, Action.SIGN, Case("S1", teams=frozenset({"ward 3"}))).reason
'a clinician may not sign a report'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is in the laboratory or the hospital."""

    BIOINFORMATICIAN = "bioinformatician"
    GENETICIST = "geneticist"
    CLINICIAN = "clinician"
    SECURITY_OFFICER = "security officer"
    ADMIN = "admin"
    SERVICE = "service"
    """A program, by a token: no person signs in as one."""


class Action(StrEnum):
    """What is done, worded to stand behind "may"."""

    ENTER = "enter the portal"
    LIST = "see the work list"
    CASE = "see a case"
    FINDINGS = "see findings"
    READS = "see reads"
    IDENTITY = "see who a person is"
    DRAFT = "read a report before it is signed"
    REPORT = "read a signed report"
    CLASSIFY = "classify a variant"
    COMMENT = "comment on a case"
    REVIEW = "review a report"
    SIGN = "sign a report"
    EXPORT = "take a case's data along"
    RETRY = "ask for another run"
    BREAK_GLASS = "break the glass"
    INBOX = "see what re-analysis changed"
    DELIVERIES = "see deliveries"
    DASHBOARDS = "see the dashboards"
    COHORT = "ask how many of the cohort carry an allele"
    AUDIT = "see who saw what"
    RIGHTS = "see who may do what"
    SERVICE = "use the service"
    SUBMIT = "submit samples"
    STATE = "ask where a sample stands"
    CANCEL = "end a sample's run"
    RESULTS = "fetch a sample's results"


OF_A_CASE = frozenset(
    {
        *(Action.CASE, Action.FINDINGS, Action.READS, Action.IDENTITY, Action.DRAFT, Action.REPORT),
        *(Action.CLASSIFY, Action.COMMENT, Action.REVIEW, Action.SIGN, Action.EXPORT, Action.RETRY),
        *(Action.STATE, Action.CANCEL, Action.RESULTS),
    }
)
"""Actions that also need the case to be one of the person's own, or the glass to be broken over it."""
BREAKABLE = frozenset({Action.CASE, Action.FINDINGS, Action.READS, Action.IDENTITY, Action.DRAFT, Action.REPORT})
"""Actions that broken glass opens: it is there to see, not to sign or to take along."""
_LABORATORY = frozenset({Action.ENTER, Action.LIST, Action.CASE, Action.FINDINGS, Action.READS, Action.DRAFT})
_REPORTS = frozenset({Action.REPORT, Action.INBOX, Action.DELIVERIES, Action.DASHBOARDS, Action.COHORT})
MAY: Mapping[Role, frozenset[Action]] = {
    Role.BIOINFORMATICIAN: _LABORATORY | _REPORTS | {Action.COMMENT, Action.RETRY},
    Role.GENETICIST: _LABORATORY
    | _REPORTS
    | {Action.IDENTITY, Action.CLASSIFY, Action.COMMENT, Action.REVIEW, Action.SIGN, Action.EXPORT, Action.BREAK_GLASS},
    Role.CLINICIAN: frozenset(
        {Action.ENTER, Action.LIST, Action.CASE, Action.IDENTITY, Action.REPORT, Action.BREAK_GLASS}
    ),
    Role.SECURITY_OFFICER: frozenset({Action.ENTER, Action.AUDIT, Action.RIGHTS}),
    Role.ADMIN: frozenset({Action.ENTER, Action.DELIVERIES, Action.RIGHTS}),
    Role.SERVICE: frozenset({Action.SERVICE, Action.SUBMIT, Action.STATE, Action.CANCEL, Action.RESULTS}),
}
"""What each role may do."""
BY_TOKEN = MAY[Role.SERVICE]
"""Actions that a token admits to and a cookie never; all others are the other way round."""


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in.

    Attributes:
        name: as it stands in the audit log.
        role: what they are.
        teams: whose cases are theirs.
        every_case: whether every case is, whatever the team.
        scopes: the only actions that a token lets a program do; absent of a person, whom the role alone bounds.
        folders: of the landing zone, relative to it, whose reads a program may hand in.
    """

    name: str
    role: Role
    teams: frozenset[str] = frozenset()
    every_case: bool = False
    scopes: frozenset[Action] | None = None
    folders: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """What decides about a case: its sample id, and the teams that it belongs to."""

    sample: str
    teams: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """Whether something may be done.

    Attributes:
        allowed: the answer.
        reason: why not, in words; empty where it may.
        breakable: whether this person could break the glass to do it all the same.
        by_broken_glass: whether it may be done only because the glass was broken.
    """

    allowed: bool
    reason: str = ""
    breakable: bool = False
    by_broken_glass: bool = False


def decide(person: Person, action: Action, case: Case | None = None, *, broken: bool = False) -> Decision:
    """Whether a person may do something.

    Args:
        person: who asks.
        action: what is to be done.
        case: on which case, absent where it concerns none.
        broken: whether this person has broken the glass over the case, and that still holds.
    """
    may = MAY[person.role]
    if action not in may:
        return Decision(False, f"{_with_article(person.role)} may not {action}")
    if person.scopes is not None and action not in person.scopes:
        return Decision(False, f"the token has no scope to {action}")
    if action not in OF_A_CASE or (case and is_own(person, case)):
        return Decision(True)
    if case is None:
        return Decision(False, "there is no such case")
    if broken and action in BREAKABLE:
        return Decision(True, by_broken_glass=True)
    breakable = Action.BREAK_GLASS in may and action in BREAKABLE
    return Decision(False, "the case belongs to none of your teams", breakable)


def is_own(person: Person, case: Case) -> bool:
    """Whether the case is one of the person's, the glass apart."""
    return person.every_case or bool(person.teams & case.teams)


def _with_article(role: Role) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
