"""Signing out: who reviewed and who signed what is said of a sample, and that nobody else did.

What is signed is the digest of the statement, so that whatever says something else is not signed. A step is an entry
in the audit log before it is a row in the registry, and a row that the log does not know counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import zip_longest

from engine.errors import GateError
from engine.report.issue import SignOut
from resources.audit import AuditEntry, AuditLog

REVIEWED = "report reviewed"
SIGNED = "report signed"


def entry_of(step: SignOut) -> tuple[str, dict[str, object]]:
    """What the audit log says of a step, and its details; who took it is the entry's person."""
    details = {name: value for name, value in asdict(step).items() if name not in ("sample", "person")}
    return SIGNED if step.signs else REVIEWED, details


def unfinished_steps(audit: AuditLog, sample: str, rows: Iterable[SignOut]) -> tuple[SignOut, ...]:
    """Steps that the audit log knows and the registry does not have yet, oldest first.

    Raises:
        GateError: the registry holds a step that the log does not know, or holds them in another order.
    """
    told = [step_of(entry) for entry in audit.entries_about(sample) if entry.event.what in (REVIEWED, SIGNED)]
    given = list(rows)
    if given == told[: len(given)]:
        return tuple(told[len(given) :])
    wrong = next(step for step, known in zip_longest(given, told) if step != known)
    raise GateError(
        f"the registry holds a sign-out by {wrong.person!r}, {wrong.recorded}, that is not the one the audit log knows",
        sample=sample,
        remedy="find out who wrote to the registry's database, or restore it from a backup",
    )


def step_of(entry: AuditEntry) -> SignOut:
    """The step that an entry tells of."""
    details = entry.event.details
    return SignOut(
        sample=str(entry.event.sample),
        digest=str(details.get("digest")),
        state=details.get("state", "preliminary"),
        person=entry.event.who,
        recorded=str(details.get("recorded")),
        reason=details.get("reason"),
    )


def utc_now() -> str:
    """When a step is taken: UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
