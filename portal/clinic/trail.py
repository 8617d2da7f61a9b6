"""What the audit log holds of the portal: every access, denial and sign-in, and the glass that was broken.

An entry is written before the answer is given; what cannot be entered is not answered. Broken glass is read from here
and kept nowhere else, so that it holds across a restart and nobody can break it without an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from engine.errors import GateError
from portal.clinic.rights import Action, Decision
from portal.clinic.visits import Visit
from resources.audit import AuditEntry, AuditLog
from resources.decisions import require_reason

ENTERED, LEFT = "portal entered", "portal left"
ACCESS, DENIED, BROKEN = "portal access", "portal access denied", "glass broken"
"""Kinds of events in the audit log."""
GLASS_SECONDS = 3600
"""How long broken glass stays broken."""
TREATMENT, EMERGENCY = "TREAT", "BTG"
"""Purposes of use, as HL7's v3 ActReason has them."""
_LOOKED_THROUGH = 20_000


@dataclass(frozen=True)
class Asked:
    """A request, as far as the audit log tells of it.

    Attributes:
        method: of HTTP.
        route: the path with its parameters unfilled.
        address: whence it came.
        detail: what of the case was asked for: a variant, a file, a range of bytes; empty where that is all.
    """

    method: str
    route: str
    address: str
    detail: str = ""


def write_access(
    audit: AuditLog, visit: Visit, action: Action, asked: Asked, decision: Decision, sample: str | None
) -> None:
    """Enter what was asked and whether it was allowed."""
    purpose = EMERGENCY if decision.by_broken_glass else TREATMENT
    told = {"action": action.value, "role": visit.person.role.value, "visit": visit.name, **vars(asked)}
    told |= {"purpose": purpose} if decision.allowed else {"reason": decision.reason}
    kept = {name: value for name, value in told.items() if value}
    audit.record(visit.person.name, ACCESS if decision.allowed else DENIED, sample, kept)


def write_entrance(audit: AuditLog, visit: Visit, address: str, *, left: bool = False) -> None:
    """Enter that somebody came in, or left."""
    told = {"role": visit.person.role.value, "provider": visit.provider, "visit": visit.name, "address": address}
    audit.record(visit.person.name, LEFT if left else ENTERED, None, told)


def break_glass(audit: AuditLog, visit: Visit, sample: str, reason: str) -> None:
    """Enter that somebody sees a case that is not theirs, and why.

    Raises:
        GateError: the reason says nothing.
    """
    if not reason.strip().isprintable() or len(reason) > 500:
        raise GateError("a reason is one line of at most 500 letters", sample=sample, remedy="write it shorter")
    require_reason(visit.person.name, reason, sample=sample, what="breaking the glass")
    told = {"reason": reason.strip(), "role": visit.person.role.value, "visit": visit.name, "purpose": EMERGENCY}
    audit.record(visit.person.name, BROKEN, sample, told)


def is_broken(audit: AuditLog, visit: Visit, sample: str) -> bool:
    """Whether this person has broken the glass over the case in this visit, and that still holds."""
    due = (datetime.now(UTC) - timedelta(seconds=GLASS_SECONDS)).isoformat(timespec="microseconds")
    return any(
        entry.when >= due and entry.event.who == visit.person.name and entry.event.details.get("visit") == visit.name
        for entry in audit.entries_of(BROKEN, sample=sample)
    )


@dataclass(frozen=True)
class Search:
    """What is looked for in the audit log; of an absent field everything.

    Attributes:
        sample: sample id.
        who: part of the person's name, whatever its case.
        what: a kind of event.
        since: first day, ``2026-11-28``.
        until: last day.
    """

    sample: str = ""
    who: str = ""
    what: str = ""
    since: str = ""
    until: str = ""

    def matches(self, entry: AuditEntry) -> bool:
        """Whether an entry is looked for."""
        day, event = entry.when[:10], entry.event
        return (
            (not self.sample or event.sample == self.sample)
            and self.who.casefold() in event.who.casefold()
            and (not self.what or event.what == self.what)
            and (not self.since or day >= self.since)
            and (not self.until or day <= self.until)
        )


def found(audit: AuditLog, search: Search, most: int) -> list[AuditEntry]:
    """The newest entries that are looked for, newest first; of the log's last 20,000 where no sample is named."""
    entries: Iterable[AuditEntry] = (
        reversed(list(audit.entries_about(search.sample)))
        if search.sample
        else islice(_until(audit.newest(), search.since), _LOOKED_THROUGH)
    )
    return list(islice((entry for entry in entries if search.matches(entry)), most))


def _until(entries: Iterator[AuditEntry], since: str) -> Iterator[AuditEntry]:
    """Entries, newest first, until one is older than is asked for."""
    for entry in entries:
        if since and entry.when[:10] < since:
            return
        yield entry
