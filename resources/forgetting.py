"""What is removed for good on a person's word: files of an artifact, and with a person's key whatever names the person.

Receipts stay, which say what there was; who removed it and why is in the audit log before it happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from engine.receipt import Receipt
from resources.audit import AuditEntry, AuditLog
from resources.decisions import require_reason, withdrawals
from resources.lake import Lake
from resources.ledger import PUBLISHED

if TYPE_CHECKING:
    from resources.environment import Resources

DISCARDED, PROPOSED = "artifact discarded", "removal proposed"
"""Kinds of events in the audit log."""
ON_DEMAND = frozenset(
    {
        *("annotate_cohort", "merge_and_analyze", "cohort_overview", "ancestry_and_relatedness", "association"),
        *("risk_strata", "joint_call"),
    }
)
"""Artifacts of the whole cohort that are made when somebody asks for them: pages, and genotypes called together."""
_TABLES = "cohort_tables"
NAMES_PERSON = "fhir_bundle"
"""The artifact that names a person, once it is said who that is; measure ``identified`` says whether it does."""


def discard(lake: Lake, audit: AuditLog, receipt: Receipt, *, person: str, reason: str) -> None:
    """Remove the files of one version of an artifact; GateError without a person and a reason."""
    require_reason(person, reason, what="discarding an artifact", sample=receipt.sample)
    details = {"asset": receipt.asset, "data_version": receipt.data_version, "reason": reason}
    with audit.do(person, DISCARDED, receipt.sample, details):
        lake.discard(receipt)


def discard_made_of_withdrawn(platform: Resources) -> Iterator[Receipt]:
    """Discard what was made of the cohort, and is made again only when asked for, where a sample was withdrawn since.

    What the job ``cohort`` makes is made anew without the sample by itself.
    """
    last = max((datetime.fromisoformat(one.when) for one in withdrawals(platform.audit).values()), default=None)
    receipts = (platform.lake.receipt(asset) for asset in sorted(ON_DEMAND) if last)
    for receipt in filter(None, receipts):
        if last and _tables_of(platform.lake, receipt) <= last and platform.lake.is_whole(receipt):
            discard(platform.lake, platform.audit, receipt, person="system", reason="a sample was withdrawn since")
            yield receipt


def _tables_of(lake: Lake, receipt: Receipt) -> datetime:
    """When what an artifact was made of was: itself, or the cohort's tables that it read."""
    version = receipt.recipe.inputs.get(_TABLES)
    read = [one.created for one in lake.history(_TABLES) if one.data_version == version] if version else []
    return min(map(datetime.fromisoformat, (receipt.created, *read[-1:])))


def propose(audit: AuditLog, receipt: Receipt, *, person: str, reason: str) -> None:
    """Write down that a person wants the files of this version removed; GateError without a person and a reason."""
    require_reason(person, reason, what="proposing that an artifact goes", sample=receipt.sample)
    details = {"asset": receipt.asset, "data_version": receipt.data_version, "reason": reason}
    audit.record(person, PROPOSED, receipt.sample, details)


def proposed(audit: AuditLog, receipt: Receipt) -> AuditEntry | None:
    """The proposal that this version goes, absent where nobody proposed it."""
    return _last_of(audit, receipt, PROPOSED)


def discarded(audit: AuditLog, receipt: Receipt) -> AuditEntry | None:
    """The decision by which this version was discarded; absent where it was not, or was published again since."""
    return _last_of(audit, receipt, DISCARDED)


def _last_of(audit: AuditLog, receipt: Receipt, kind: str) -> AuditEntry | None:
    """What was said last of whether this version is there, where that is of the kind."""
    found = None
    for entry in audit.entries(sample=receipt.sample):
        details = entry.event.details
        if entry.event.what in (PUBLISHED, PROPOSED, DISCARDED) and (
            details.get("asset"),
            details.get("data_version"),
        ) == (receipt.asset, receipt.data_version):
            found = entry if entry.event.what == kind else None
    return found


def forget_person(platform: Resources, subject: str, *, person: str, reason: str) -> tuple[int, bool]:
    """Destroy a person's key and the bundles that name the person: how many those were, and whether there was a key.

    Raises:
        GateError: person or reason is missing.
        RegistryError: a sample of the person takes part.
    """
    platform.registry.require_forgettable(subject)
    removed = 0
    for receipt in list(_naming(platform, subject)):
        discard(platform.lake, platform.audit, receipt, person=person, reason=reason)
        removed += 1
    return removed, platform.identities.forget(subject, person=person, reason=reason)


def _naming(platform: Resources, subject: str) -> Iterator[Receipt]:
    """Every version of a bundle that names the person, where its files are still there."""
    for sample in platform.registry.samples():
        if sample.person.subject_id != subject:
            continue
        versions = {one.data_version: one for one in platform.lake.history(NAMES_PERSON, sample.sample_id)}
        yield from (one for one in versions.values() if one.measures.get("identified") and platform.lake.is_whole(one))
