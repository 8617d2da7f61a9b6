"""What people decide about samples beside overrides: another run, withdrawal, and taking part again.

A decision names a person and a reason, is written to the audit log before it takes effect
(:meth:`resources.audit.AuditLog.deed`), and holds from then on: what the log says last of a sample decides whether it
takes part, whatever became of the registry.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from engine.errors import GateError
from engine.reads.registration import RegisteredSample
from resources.audit import AuditEntry, AuditEvent, AuditLog
from resources.registry import SampleRegistry
from resources.structured_log import StructuredLog
from resources.warehouse import Warehouse

REGISTERED, CHANGED = "sample registered", "sample changed"
RETRIED, WITHDRAWN, REINSTATED = "retry", "withdraw", "reinstate"
"""Kinds of events in the audit log."""
_REASON = 10
"""Characters of a reason, at least."""


def require_reason(person: str, reason: str, *, what: str, sample: str | None = None) -> None:
    """GateError unless somebody answers for a decision, in words."""
    if not person.strip() or len(reason.strip()) < _REASON:
        raise GateError(
            f"{what} needs a person and a reason",
            sample=sample,
            remedy="give --person and a --reason of at least ten characters",
        )


@dataclass(frozen=True)
class Decisions:
    """What can be decided in one deployment.

    Attributes:
        audit: where decisions are written down.
        registry: where they hold.
        warehouse: which a withdrawn sample leaves.
        events: which it leaves as well.
    """

    audit: AuditLog
    registry: SampleRegistry
    warehouse: Warehouse
    events: StructuredLog

    def retry(self, sample: str, *, person: str, reason: str) -> RegisteredSample:
        """Ask for another run of a sample as it is.

        Raises:
            RegistryError: the sample is not registered, or was withdrawn.
        """
        with self.audit.deed() as deed:
            return self.registry.retry(
                sample,
                person=person,
                reason=reason,
                announce=lambda asked: deed.intend(
                    AuditEvent(person, RETRIED, sample, {"reason": reason, "attempt": asked.attempt})
                ),
            )

    def withdraw(self, sample: str, *, person: str, reason: str) -> None:
        """Take a sample out of everything that is computed from now on, and out of what all samples share.

        Raises:
            GateError: person or reason is missing.
            RegistryError: the sample is not registered.
            LakeError: its rows cannot be taken out; the sample is withdrawn, and they are taken out at the next start.
        """
        require_reason(person, reason, sample=sample, what="a withdrawal")
        with self.audit.deed() as deed:
            event = AuditEvent(person, WITHDRAWN, sample, {"reason": reason})
            self.registry.withdraw(sample, person=person, reason=reason, announce=lambda _: deed.intend(event))
            self._take_out(sample)

    def complete_withdrawal(self, entry: AuditEntry) -> None:
        """Let a withdrawal hold that a fault cut short, or that the registry has lost.

        Raises:
            LakeError: as :meth:`withdraw`.
        """
        sample, reason = str(entry.event.sample), str(entry.event.details.get("reason", ""))
        if any(each.sample_id == sample for each in self.registry.samples()):
            self.registry.withdraw(sample, person=entry.event.who, reason=reason)
        self._take_out(sample)

    def _take_out(self, sample: str) -> None:
        self.warehouse.remove(sample)
        with suppress(OSError):  # as telling it: a disk that takes nothing stops nothing, and its runs' end tries again
            self.events.leave({sample})

    def reinstate(self, sample: str, *, person: str, reason: str) -> RegisteredSample:
        """Undo a withdrawal: the sample takes part again, and is run.

        Raises:
            GateError: person or reason is missing.
            RegistryError: the sample is not registered, or was not withdrawn.
        """
        require_reason(person, reason, sample=sample, what="undoing a withdrawal")
        with self.audit.deed() as deed:
            event = AuditEvent(person, REINSTATED, sample, {"reason": reason})
            return self.registry.reinstate(sample, person=person, reason=reason, announce=lambda _: deed.intend(event))


def withdrawals(audit: AuditLog) -> dict[str, AuditEntry]:
    """The decision by which each sample that is withdrawn was, by sample id, as the audit log has them."""
    standing: dict[str, AuditEntry] = {}
    for entry in audit.standing(WITHDRAWN, REINSTATED):
        if entry.event.sample is None:
            continue
        if entry.event.what == WITHDRAWN:
            standing[entry.event.sample] = entry
        else:
            standing.pop(entry.event.sample, None)
    return standing


def withdrawn_ids(audit: AuditLog) -> frozenset[str]:
    """Ids of the samples that the audit log says are withdrawn."""
    return frozenset(withdrawals(audit))
