"""Tokens by which programs use the service: who gave one, for what, until when, and whether it still holds.

A token is an entry of the audit log and lies nowhere else, so that none can be given or widened without one. The log
holds its SHA-256 alone; the token itself, of 32 random bytes, is shown once to whoever made it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath

from engine.errors import GenomicsError
from resources.audit import AuditEntry, AuditLog
from resources.decisions import require_reason

GIVEN, TAKEN = "token given", "token withdrawn"
"""Kinds of events in the audit log."""
MOST_DAYS = 366
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MARK = "genomics_"
"""How a token begins, so that scanners of texts for secrets know it."""


class TokenError(GenomicsError):
    """A token cannot be given or withdrawn."""


class Scope(StrEnum):
    """What a token lets a program do."""

    SUBMIT = "submit"
    STATE = "state"
    CANCEL = "cancel"
    RESULTS = "results"


@dataclass(frozen=True)
class ApiToken:
    """A token as the audit log has it.

    Attributes:
        name: of the program that holds it.
        digest: SHA-256 of the token, hex.
        scopes: what it lets the program do.
        teams: whose cases it is about.
        every_case: whether it is about every case, whatever the team.
        folders: of the landing zone, relative to it, whose reads it lets the program hand in; ``.`` is all of it.
        expires: UTC time from which it does not hold any more, ISO 8601 to the second.
        person: who gave it.
        withdrawn: UTC time at which it was withdrawn, absent while it was not.
    """

    name: str
    digest: str
    scopes: frozenset[Scope]
    teams: frozenset[str]
    every_case: bool
    folders: frozenset[str]
    expires: str
    person: str
    withdrawn: str | None = None

    def fault(self, now: datetime) -> str:
        """Why it does not hold at that time, in words; empty where it does."""
        if self.withdrawn:
            return "the token was withdrawn"
        return "the token has expired" if now >= datetime.fromisoformat(self.expires) else ""


@dataclass(frozen=True)
class ApiTokens:
    """The tokens of a deployment.

    Attributes:
        audit: where they are.
    """

    audit: AuditLog

    def all(self) -> tuple[ApiToken, ...]:
        """Every token that was ever given, in that order."""
        told: dict[str, ApiToken] = {}
        for entry in self.audit.entries_of(GIVEN, TAKEN):
            details = entry.event.details
            if entry.event.what == GIVEN:
                told[str(details["digest"])] = _given(entry)
            elif before := told.get(str(details["digest"])):
                told[before.digest] = _withdrawn(before, entry.when)
        return tuple(told.values())

    def find(self, token: str) -> ApiToken | None:
        """The token that was shown, whether it still holds or not; absent where none was given that is the same."""
        digest = _digest(token)
        return next((one for one in self.all() if one.digest == digest), None)

    def give(
        self,
        name: str,
        scopes: Collection[Scope],
        *,
        days: int,
        person: str,
        teams: Collection[str] = (),
        every_case: bool = False,
        folders: Collection[str] = (),
    ) -> str:
        """Make a token; it is kept nowhere, and this answer is the only time that it is told.

        Args:
            name: of the program: letters ``a-z``, digits and hyphens.
            scopes: what it may do.
            days: for how long it holds.
            person: who gives it.
            teams: whose cases it is about.
            every_case: whether it is about every case.
            folders: of the landing zone, whose reads it may hand in; ``.`` is all of it.

        Raises:
            TokenError: the name is none or in use, a folder is none of the landing zone, or the token would be for
                nothing or for too long.
        """
        if not _NAME.fullmatch(name):
            raise TokenError(f"{name!r} names no program", remedy="use at most 40 of a-z, 0-9 and -")
        if not scopes or not (teams or every_case):
            raise TokenError(
                f"the token {name!r} would be for nothing", remedy="name its scopes, and teams or all cases"
            )
        if not 1 <= days <= MOST_DAYS:
            raise TokenError(f"a token holds for 1 to {MOST_DAYS} days, not {days}", remedy="give a new one in time")
        own = sorted({_folder(one) for one in folders})
        if (Scope.SUBMIT in scopes) != bool(own):
            raise TokenError(
                f"a token names folders if, and only if, it submits: {name!r} does not",
                remedy="name the folders of the landing zone whose reads it may hand in, or . for all of it",
            )
        now = datetime.now(UTC)
        if any(one.name == name and not one.fault(now) for one in self.all()):
            raise TokenError(f"the program {name!r} has a token", remedy="withdraw it first, or use another name")
        token = _MARK + secrets.token_urlsafe(32)
        told = {
            "token": name,
            "digest": _digest(token),
            "scopes": sorted(scopes),
            "teams": sorted(teams),
            "every_case": every_case,
            "folders": own,
            "expires": (now + timedelta(days=days)).isoformat(timespec="seconds"),
        }
        self.audit.record(person, GIVEN, None, told)
        return token

    def withdraw(self, name: str, *, person: str, reason: str) -> ApiToken:
        """Let a program's token hold no more, from now on.

        Raises:
            TokenError: the program has none that holds.
            GateError: person or reason is missing.
        """
        require_reason(person, reason, what="withdrawing a token")
        now = datetime.now(UTC)
        standing = [one for one in self.all() if one.name == name and not one.fault(now)]
        if not standing:
            raise TokenError(f"the program {name!r} has no token that holds", remedy="genomics tokens lists them")
        self.audit.record(person, TAKEN, None, {"token": name, "digest": standing[0].digest, "reason": reason.strip()})
        return _withdrawn(standing[0], now.isoformat(timespec="seconds"))


def _given(entry: AuditEntry) -> ApiToken:
    details: Mapping[str, object] = entry.event.details
    scopes, teams, folders = details["scopes"], details["teams"], details.get("folders", [])
    assert isinstance(scopes, list) and isinstance(teams, list) and isinstance(folders, list)
    return ApiToken(
        name=str(details["token"]),
        digest=str(details["digest"]),
        scopes=frozenset(Scope(one) for one in scopes),
        teams=frozenset(map(str, teams)),
        every_case=bool(details["every_case"]),
        folders=frozenset(map(str, folders)),
        expires=str(details["expires"]),
        person=entry.event.who,
    )


def _folder(told: str) -> str:
    """A folder of the landing zone in its shortest spelling; TokenError where it cannot be one."""
    path = PurePosixPath(told)
    if not told or not told.isprintable() or path.is_absolute() or ".." in path.parts:
        raise TokenError(
            f"{told!r} is no folder of the landing zone", remedy="write its path relative to the landing zone"
        )
    return str(path)


def _withdrawn(token: ApiToken, when: str) -> ApiToken:
    return replace(token, withdrawn=when)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
