"""Who the persons are behind the pseudonyms: said by people, sealed in the registry alone, and each look written down.

No name, birth date or record number goes into the audit log: it says who looked up or stated whose identity, and why.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.person import Identity
from resources.audit import AuditEntry, AuditEvent, AuditLog
from resources.decisions import require_reason
from resources.registry import SampleRegistry

IDENTIFIED, LOOKED_UP, FORGOTTEN = "subject identified", "identity looked up", "person forgotten"
ROTATED, DESTROYED = "keys rotated", "key destroyed"
"""Kinds of events in the audit log."""
_FIELDS = ("mrn", "mrn_system", "name", "family", "given", "birth_date")


@dataclass(frozen=True)
class Identities:
    """The identities of one deployment.

    Attributes:
        registry: where they are kept.
        audit: where each look is written down before it is answered.
    """

    registry: SampleRegistry
    audit: AuditLog

    def identified(self, subject_id: str) -> str | None:
        """When it was last said who a subject is, absent while nobody has; it names nobody, and is not written down."""
        return self.registry.identified(subject_id)

    def look_up(self, subject_id: str, *, who: str, purpose: str, sample: str | None = None) -> Identity:
        """Who a subject is.

        Args:
            subject_id: pseudonym of the person.
            who: the person, or the part of the platform, that asks.
            purpose: what for, in words.
            sample: the sample concerned.

        Raises:
            RegistryError: the subject is not registered.
        """
        self.audit.record(who, LOOKED_UP, sample, {"subject": subject_id, "purpose": purpose})
        return self.registry.identity(subject_id)

    def identify(self, identity: Identity, *, person: str, reason: str) -> None:
        """Say who a subject is, in place of what was said before.

        Raises:
            RegistryError: the subject is not registered, or the birth date is none.
        """
        told = {name: value for name in _FIELDS if (value := getattr(identity, name))}
        details = {"subject": identity.subject_id, "fields": sorted(told), "reason": reason}
        with self.audit.deed() as deed:
            self.registry.identify(
                identity.subject_id,
                mrn=identity.mrn,
                mrn_system=identity.mrn_system,
                name=identity.name,
                birth_date=identity.birth_date,
                family=identity.family,
                given=identity.given,
                announce=lambda when: deed.intend(AuditEvent(person, IDENTIFIED, None, details | {"identified": when})),
            )

    def forget(self, subject_id: str, *, person: str, reason: str) -> bool:
        """Destroy a person's key, after which nobody reads again what it sealed; whether there was one.

        Raises:
            GateError: person or reason is missing.
            RegistryError: a sample of the person takes part.
        """
        require_reason(person, reason, what="forgetting a person")
        event = AuditEvent(person, FORGOTTEN, None, {"subject": subject_id, "reason": reason})
        with self.audit.deed() as deed:
            return self.registry.forget_person(subject_id, announce=lambda: deed.intend(event))

    def rotate_keys(self, *, person: str, reason: str) -> str:
        """Wrap every person's key with a new key-encryption key; its full id. Earlier ones stay until destroyed."""
        require_reason(person, reason, what="rotating keys")
        with self.audit.deed() as deed:
            return self.registry.rotate_keys(
                announce=lambda current: deed.intend(
                    AuditEvent(person, ROTATED, None, {"current": current, "reason": reason})
                )
            )

    def destroy_key(self, by: str, *, person: str, reason: str) -> None:
        """End an earlier key-encryption key: a backup from its time then tells nobody who a person is.

        Raises:
            GateError: person or reason is missing.
            RegistryError: a person's key is still wrapped by it.
            SecretError: it is the current one, or no such key is there.
        """
        require_reason(person, reason, what="destroying a key")
        self.registry.require_idle_key(by)
        event = AuditEvent(person, DESTROYED, None, {"key": by, "reason": reason})
        with self.audit.deed() as deed:
            self.registry.destroy_key(by, announce=lambda: deed.intend(event))


def forgotten(audit: AuditLog) -> dict[str, AuditEntry]:
    """The decision by which each person who is forgotten was, by subject id, as the audit log has them."""
    standing: dict[str, AuditEntry] = {}
    for entry in audit.standing(FORGOTTEN, IDENTIFIED):
        subject = str(entry.event.details.get("subject"))
        if entry.event.what == FORGOTTEN:
            standing[subject] = entry
        else:
            standing.pop(subject, None)
    return standing
