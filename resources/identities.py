"""Who the persons are behind the pseudonyms: said by people, kept by the registry alone, and each look written down.

No name, birth date or record number goes into the audit log: it says who looked up or stated whose identity, and why.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.person import Identity
from resources.audit import AuditEvent, AuditLog
from resources.registry import SampleRegistry

IDENTIFIED, LOOKED_UP = "subject identified", "identity looked up"
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
