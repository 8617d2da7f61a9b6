"""Studies' cohorts: named, in versions, with their members; and each question about them, and each list that left.

A version is entered in the audit log before it is kept, and one that the log does not know counts for nothing. Whoever
is withdrawn is taken out of every version; the version keeps how many it had, and the digest of its list. Lists leave
with those alone whose consent covers the purpose on the day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from engine.cohort.study import Selection, StudyError, StudyVersion, members_digest
from engine.consent import ConsentError, permits, purpose_of
from engine.errors import GateError
from resources.audit import AuditEntry, AuditEvent, AuditLog
from resources.decisions import require_reason
from resources.registry import SampleRegistry
from resources.registry.studies import StudyLedger

MADE, ASKED, RELEASED = "study cohort made", "cohort queried", "sample list released"
"""Kinds of events in the audit log."""


@dataclass(frozen=True)
class Release:
    """A list that may leave.

    Attributes:
        version: of the cohort.
        purpose: for which it leaves.
        members: sample ids of those who agreed to it, in order.
        withdrawn: how many of the version's members were withdrawn since.
        without_consent: how many others did not agree to the purpose, or no longer.
    """

    version: StudyVersion
    purpose: str
    members: tuple[str, ...]
    withdrawn: int
    without_consent: int


@dataclass(frozen=True)
class Studies:
    """The studies' cohorts of one deployment.

    Attributes:
        audit: where everything is written down.
        registry: who takes part, and what they agreed to.
        ledger: where versions are kept.
    """

    audit: AuditLog
    registry: SampleRegistry
    ledger: StudyLedger

    def keep(self, selection: Selection, data_versions: Mapping[str, str], *, person: str, reason: str) -> StudyVersion:
        """Keep what was selected as the cohort's next version; the last one stands where nothing differs from it.

        Raises:
            GateError: person or reason is missing.
        """
        require_reason(person, reason, what="a cohort")
        made = StudyVersion(
            *(selection.definition, 0, data_versions, selection.steps, selection.digest, len(selection.members)),
            *(person.strip(), reason.strip()),
        )
        with self.audit.deed() as deed:
            return self.ledger.keep(made, selection.members, announce=lambda one: deed.intend(event_of(one)))

    def every(self, name: str | None = None) -> Sequence[StudyVersion]:
        """All versions, or those of one cohort, by name and number.

        Raises:
            GateError: the registry holds a version that the audit log does not know, or not so.
        """
        versions = self.ledger.every(name)
        told = [identity_of(entry) for entry in self.audit.standing(MADE)]
        for one in versions:
            if _identity(one) not in told:
                raise GateError(
                    f"the registry holds the cohort {one}, which the audit log does not have so",
                    remedy="find out who wrote to the registry's database; restore it from a backup",
                )
        return versions

    def current(self) -> Mapping[str, StudyVersion]:
        """The last version of each cohort, by name; errors as of :meth:`every`."""
        return {one.name: one for one in self.every()}

    def version(self, name: str, number: int | None = None) -> StudyVersion:
        """One version, the last where no number is given; StudyError where it is not there."""
        found = [one for one in self.every(name) if number in (None, one.version)]
        if not found:
            known = sorted({one.name for one in self.ledger.every()})
            near = get_close_matches(name, [one for one in known if one != name], n=1)
            there = f"did you mean {near[0]}? " if near else ""
            wanted = name if number is None else f"{name} version {number}"
            raise StudyError(
                f"there is no cohort {wanted!r}", remedy=f"{there}`genomics cohort list` shows all there are"
            )
        return found[-1]

    def members(self, version: StudyVersion) -> tuple[str, ...]:
        """The members who were not withdrawn since, in order.

        Raises:
            GateError: the list is not the one that was kept.
        """
        found = self.ledger.members(version.name, version.version)
        if len(found) > version.member_count or (
            len(found) == version.member_count and members_digest(found) != version.members_digest
        ):
            raise GateError(
                f"the members of the cohort {version} are not those that were selected",
                remedy="find out who wrote to the registry's database; restore it from a backup",
            )
        gone = set(self.registry.withdrawn())
        return tuple(one for one in found if one not in gone)

    def asked(self, who: str, what: str, details: Mapping[str, Any] | None = None) -> None:
        """Write down a question about the cohort before it is answered."""
        self.audit.record(who, ASKED, None, {"question": what, **(details or {})})

    def release(self, version: StudyVersion, purpose: str, *, person: str, reason: str) -> Release:
        """The list of a version's members that may leave for a purpose; who is on it is written down for each sample.

        Raises:
            ConsentError: nobody's consent covers the purpose today, or it is none.
            GateError: person or reason is missing.
        """
        require_reason(person, reason, what="a list of samples")
        wanted, members = purpose_of(purpose), self.members(version)
        today = datetime.now(UTC).date().isoformat()
        agreed = tuple(
            one for one in members if permits(self.registry.sample(one).person.research_consent, wanted, today)
        )
        release = Release(version, wanted, agreed, version.member_count - len(members), len(members) - len(agreed))
        if not agreed:
            raise ConsentError(
                f"of the {version.member_count:,} members of {version} nobody agreed to {wanted}, or no longer",
                remedy="ask for a purpose that their consent covers, or for their consent (column research_consent)",
            )
        self.audit.record_all(_told(release, person, reason))
        return release


def _told(release: Release, person: str, reason: str) -> list[AuditEvent]:
    """One entry about the list, and one about each sample on it."""
    what = {"cohort": release.version.name, "version": release.version.version, "purpose": release.purpose}
    whole = what | {"members": len(release.members), "list": members_digest(release.members), "reason": reason}
    return [
        AuditEvent(person, RELEASED, None, whole),
        *(AuditEvent(person, RELEASED, sample, what) for sample in release.members),
    ]


def event_of(version: StudyVersion) -> AuditEvent:
    """What the audit log says of a version."""
    details = {
        "cohort": version.name,
        "version": version.version,
        "definition": version.definition.digest,
        "list": version.members_digest,
        "criteria": version.definition.criteria,
        "purpose": version.definition.purpose,
        "reason": version.reason,
    }
    return AuditEvent(version.person, MADE, None, details)


def identity_of(entry: AuditEntry) -> tuple[Any, ...]:
    """What names a version that an entry tells of."""
    return tuple(entry.event.details.get(name) for name in ("cohort", "version", "definition", "list"))


def _identity(version: StudyVersion) -> tuple[Any, ...]:
    return version.name, version.version, version.definition.digest, version.members_digest


def is_kept(versions: Collection[StudyVersion], entry: AuditEntry) -> bool:
    """Whether a version that an entry tells of is among those that are kept."""
    return identity_of(entry) in map(_identity, versions)
