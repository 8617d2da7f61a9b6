"""Signing out: who reviewed and who signed what is said of a sample, and that nobody else did.

What is signed is the digest of the statement, so that whatever says something else is not signed. A step is entered
in the audit log before it holds; a row of the registry that the log does not know counts for nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from engine.errors import GateError
from engine.report.issue import SignOut
from resources.audit import NOT_DONE, AuditEntry, AuditEvent, AuditLog
from resources.registry import SampleRegistry

REVIEWED = "report reviewed"
SIGNED = "report signed"
"""Kinds of events in the audit log."""


def event_of(step: SignOut) -> AuditEvent:
    """What the audit log says of a step."""
    details = {name: value for name, value in asdict(step).items() if name not in ("sample", "person")}
    return AuditEvent(step.person, SIGNED if step.signs else REVIEWED, step.sample, details)


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


def confirmed_steps(audit: AuditLog, registry: SampleRegistry, sample: str) -> tuple[SignOut, ...]:
    """A sample's reviews and signatures, oldest first, each of them in the audit log and none of the log's missing.

    Raises:
        GateError: the registry holds a step that nobody took, or lacks one.
    """
    for last in (False, True):  # another process may take a step between the two readings
        rows = registry.sign_outs(sample)
        begun, done = _told(audit, sample)
        unknown = [row for row in rows if row not in begun]
        missing = [step for step in done if step not in rows]
        if not unknown and not missing:
            return rows
        if last:
            raise _disagreement(sample, (unknown or missing)[0], known="registry" if unknown else "audit log")
    raise AssertionError("the second reading returns or raises")


def _told(audit: AuditLog, sample: str) -> tuple[list[SignOut], list[SignOut]]:
    """The steps that the log says were begun, and those of them that it says were finished."""
    undone = {number for entry in audit.entries_of(NOT_DONE) for number in entry.of}
    unfinished = {entry.number for entry in audit.open_intents()}
    entries = [
        entry
        for entry in audit.entries_about(sample)
        if entry.event.what in (REVIEWED, SIGNED) and entry.number not in undone
    ]
    return [step_of(one) for one in entries], [step_of(one) for one in entries if one.number not in unfinished]


def _disagreement(sample: str, step: SignOut, *, known: str) -> GateError:
    other = {"registry": "audit log", "audit log": "registry"}[known]
    what = "signature" if step.signs else "review"
    return GateError(
        f"the {known} holds a {what} by {step.person!r}, {step.recorded}, that the {other} does not have",
        sample=sample,
        remedy="find out who wrote to the registry's database; restore it from a backup",
    )


def utc_now() -> str:
    """When a step is taken: UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
