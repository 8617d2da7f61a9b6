"""What is put right before anything runs: effects that a fault cut short, and withdrawals that the registry forgot.

An intent without outcome is settled by looking whether its effect took place. What a person asked for and did not
happen is told, to be asked for again; a withdrawal is completed, since it must hold. A registry that was lost or
restored from an old backup learns of withdrawals from the audit log again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from engine.errors import GenomicsError
from resources.audit import DONE, NOT_DONE, AuditEntry, AuditError
from resources.catalogue import CLASSIFIED, decision_of
from resources.decisions import CHANGED, REGISTERED, REINSTATED, RETRIED, WITHDRAWN, withdrawals
from resources.forgetting import DISCARDED, discard_made_of_withdrawn
from resources.identities import DESTROYED, FORGOTTEN, IDENTIFIED, ROTATED, forgotten
from resources.lake.contract import Tier
from resources.ledger import OVERRIDDEN, PUBLISHED, row_digest
from resources.power_bi import REFRESHED
from resources.registry import RegistryError
from resources.sign_out import REVIEWED, SIGNED, step_of
from resources.studies import MADE, is_kept
from resources.tiering import ASKED, MOVED, tier_now

if TYPE_CHECKING:
    from resources.environment import Resources


def recover(platform: Resources) -> tuple[str, ...]:
    """Put right what can be, and say what was.

    Raises:
        AuditError: the audit log does not hold what its anchor says, so that nothing can be concluded from it.
    """
    platform.audit.require_end()
    if not platform.audit.path.exists():
        return ()
    return (
        *_settled(platform),
        *_withdrawn_again(platform),
        *_discarded(platform),
        *_forgotten_again(platform),
        *_sealed(platform),
    )


def described(entry: AuditEntry) -> str:
    """An entry in words."""
    event = entry.event
    of = f" of {event.sample}" if event.sample else ""
    asset = f" {event.details['asset']}" if "asset" in event.details else ""
    return f"{event.what}{asset}{of}, by {event.who}, {entry.when}"


def _discarded(platform: Resources) -> Iterator[str]:
    for receipt in discard_made_of_withdrawn(platform):
        yield f"{receipt.asset} of {receipt.created} was discarded: a sample was withdrawn since; make it again"


def _settled(platform: Resources) -> Iterator[str]:
    if not platform.audit.open_intents():
        return
    with platform.audit.nobody_acts() as alone:
        for entry in platform.audit.open_intents() if alone else ():
            yield f"{described(entry)}: {_settled_or_left(platform, entry)}"


def _settled_or_left(platform: Resources, entry: AuditEntry) -> str:
    """What became of an intent. One that cannot be settled keeps nobody from what else there is to do."""
    settle = _SETTLED_BY.get(entry.event.what)
    if settle is None:
        return "nobody noted that it was done, and this release cannot find out"
    try:
        return settle(platform, entry)
    except AuditError:
        raise
    except GenomicsError as error:
        return f"cannot be completed now, and is tried again at the next start: {error}"


def _settle_override(platform: Resources, entry: AuditEntry) -> str:
    rows = platform.registry.overrides(str(entry.event.sample))
    found = any(row_digest(row) == entry.event.details.get("row") for row in rows)
    return _note(platform, entry, happened=found, otherwise="give the override again, if it is to hold")


def _settle_sign_out(platform: Resources, entry: AuditEntry) -> str:
    happened = step_of(entry) in platform.registry.sign_outs(str(entry.event.sample))
    return _note(platform, entry, happened=happened, otherwise="sign again, if it is to hold")


def _settle_decision(platform: Resources, entry: AuditEntry) -> str:
    decision = decision_of(entry)
    happened = decision in platform.registry.decisions(decision.build)
    return _note(platform, entry, happened=happened, otherwise="decide it again, if it is to hold")


def _settle_study(platform: Resources, entry: AuditEntry) -> str:
    happened = is_kept(platform.studies.ledger.every(), entry)
    return _note(platform, entry, happened=happened, otherwise="define the cohort again, if it is to be there")


def _settle_attempt(platform: Resources, entry: AuditEntry) -> str:
    try:
        reached = platform.registry.sample(str(entry.event.sample)).attempt
    except RegistryError:
        reached = 0
    happened = reached >= int(entry.event.details.get("attempt", 0))
    again = "ask for it again" if entry.event.what == RETRIED else "the sheet is read again by itself"
    return _note(platform, entry, happened=happened, otherwise=again)


def _settle_withdrawal(platform: Resources, entry: AuditEntry) -> str:
    platform.decisions.complete_withdrawal(entry)
    platform.audit.settle(entry, DONE, "completed after a fault")
    return "was cut short, and is completed"


def _settle_reinstatement(platform: Resources, entry: AuditEntry) -> str:
    happened = str(entry.event.sample) not in platform.registry.withdrawn()
    return _note(platform, entry, happened=happened, otherwise="decide it again, if it is to hold")


def _settle_publication(platform: Resources, entry: AuditEntry) -> str:
    details, sample = entry.event.details, entry.event.sample
    asset, digest = str(details["asset"]), str(details["receipt"])
    if platform.lake.in_force(asset, sample) == digest:
        return _note(platform, entry, happened=True)
    platform.gate.ledger.abandon(asset, sample, digest)
    if any(each.number == entry.number for each in platform.audit.open_intents()):  # another one followed it
        return _note(platform, entry, happened=False, otherwise="a later one holds")
    return "was not finished, the version before it holds; the next run of the sample makes it again"


def _settle_identity(platform: Resources, entry: AuditEntry) -> str:
    said = platform.registry.identified(str(entry.event.details["subject"]))
    happened = (said or "") >= str(entry.event.details["identified"])
    return _note(platform, entry, happened=happened, otherwise="say it again")


def _settle_forgetting(platform: Resources, entry: AuditEntry) -> str:
    _forget(platform, str(entry.event.details["subject"]))
    platform.audit.settle(entry, DONE, "completed after a fault")
    return "was cut short, and is completed"


def _settle_rotation(platform: Resources, entry: AuditEntry) -> str:
    happened = set(platform.registry.key_counts()) <= {str(entry.event.details["current"])}
    return _note(platform, entry, happened=happened, otherwise="rotate again: genomics keys --rotate")


def _settle_destruction(platform: Resources, entry: AuditEntry) -> str:
    platform.registry.destroy_key(str(entry.event.details["key"]))
    platform.audit.settle(entry, DONE, "completed after a fault")
    return "was cut short, and is completed"


def _settle_discarding(platform: Resources, entry: AuditEntry) -> str:
    for receipt in platform.lake.history(str(entry.event.details["asset"]), entry.event.sample):
        if receipt.data_version == entry.event.details["data_version"]:
            platform.lake.discard(receipt)
    platform.audit.settle(entry, DONE, "completed after a fault")
    return "was cut short, and is completed"


def _settle_tier(platform: Resources, entry: AuditEntry) -> str:
    details = entry.event.details
    lies_in = tier_now(platform, str(entry.event.sample), str(details["asset"]), str(details["data_version"]))
    happened = lies_in == details["to"] if entry.event.what == MOVED else lies_in not in (None, Tier.ARCHIVE)
    return _note(platform, entry, happened=happened, otherwise="ask for it again, if it is to be there")


def _settle_refresh(platform: Resources, entry: AuditEntry) -> str:
    return _note(platform, entry, happened=False, otherwise="the next run of gold_snapshot asks for it again")


def _note(platform: Resources, entry: AuditEntry, *, happened: bool, otherwise: str = "") -> str:
    """Write down whether an effect took place, and say so."""
    if happened:
        platform.audit.settle(entry, DONE, "found to have taken place")
        return "was done; only its note was missing"
    platform.audit.settle(entry, NOT_DONE, "found not to have taken place")
    return f"did not take place; {otherwise}"


def _withdrawn_again(platform: Resources) -> Iterator[str]:
    """Withdrawals that the registry has forgotten, made to hold again."""
    standing = withdrawals(platform.audit)
    if not standing:
        return
    known = {sample.sample_id: sample.withdrawn for sample in platform.registry.samples()}
    for sample, entry in standing.items():
        if sample in known and known[sample] is None:
            platform.decisions.complete_withdrawal(entry)
            yield f"{sample} was withdrawn by {entry.event.who}, {entry.when}, which the registry had lost: it is again"


def _forgotten_again(platform: Resources) -> Iterator[str]:
    """Persons whose key came back with a registry from an old backup, forgotten again."""
    for subject, entry in forgotten(platform.audit).items():
        if platform.registry.is_readable(subject) and _forget(platform, subject):
            yield f"{subject} was forgotten by {entry.event.who}, {entry.when}, which the registry had lost: again"


def _forget(platform: Resources, subject: str) -> bool:
    try:
        return platform.registry.forget_person(subject)
    except RegistryError:  # a sample of the person was reinstated: somebody decided otherwise since
        return False


def _sealed(platform: Resources) -> Iterator[str]:
    if count := platform.registry.seal_identities():
        yield f"the identities of {count:,} persons, which an earlier release kept in the clear, are sealed"


_SETTLED_BY: dict[str, Callable[[Resources, AuditEntry], str]] = {
    OVERRIDDEN: _settle_override,
    REVIEWED: _settle_sign_out,
    SIGNED: _settle_sign_out,
    CLASSIFIED: _settle_decision,
    MADE: _settle_study,
    RETRIED: _settle_attempt,
    REGISTERED: _settle_attempt,
    CHANGED: _settle_attempt,
    WITHDRAWN: _settle_withdrawal,
    REINSTATED: _settle_reinstatement,
    IDENTIFIED: _settle_identity,
    FORGOTTEN: _settle_forgetting,
    ROTATED: _settle_rotation,
    DESTROYED: _settle_destruction,
    DISCARDED: _settle_discarding,
    MOVED: _settle_tier,
    REFRESHED: _settle_refresh,
    ASKED: _settle_tier,
    PUBLISHED: _settle_publication,
}
