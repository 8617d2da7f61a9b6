"""Where artifacts lie when nobody reads them: moved to cheaper tiers some time after a signed report, and brought back.

A policy says for which artifacts and after how many days. What is archived cannot be read until it is rehydrated: a
person asks for it, it takes hours, and a run that wants it meanwhile says so. What was asked for and what came of it is
in the audit log. Costs are told before and after by the prices that the policy states; there are none here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from engine.errors import GenomicsError, LakeError
from engine.receipt import Receipt
from resources.audit import AuditLog
from resources.contracts import load_contracts
from resources.decisions import require_reason
from resources.forgetting import discarded
from resources.lake.contract import Tier, TieredLake
from resources.registry import SampleRegistry

if TYPE_CHECKING:
    from resources.environment import Resources

MOVED, ASKED, BACK = "tier changed", "rehydration asked for", "rehydrated"
"""Kinds of events in the audit log."""
DOWN = (Tier.COOL, Tier.COLD, Tier.ARCHIVE)
"""Tiers that a policy may name, each cheaper to keep and dearer to read than the one before."""
_NEVER = frozenset({"findings", "statement", "clinical_report", "fhir_bundle", "variants"})
"""What a report is amended, shown and signed from stays where it can be read at once."""
_GIB = float(1 << 30)


class TieringError(GenomicsError):
    """Artifacts cannot be moved between tiers as asked."""


@dataclass(frozen=True)
class Policy:
    """What is moved when.

    Attributes:
        hold_days: days after the last signature for which nothing is moved.
        tiers: to which tier, by artifact.
        prices: of keeping a GiB for a month, by tier, in the laboratory's own currency.
    """

    hold_days: int
    tiers: Mapping[str, Tier]
    prices: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """An artifact that is due.

    Attributes:
        receipt: its.
        before: the tier in which it lies.
        after: that in which it is to lie.
    """

    receipt: Receipt
    before: Tier
    after: Tier

    @property
    def bytes(self) -> int:
        """Of its files."""
        return sum(file.bytes for file in self.receipt.files)


@dataclass(frozen=True)
class Pending:
    """A rehydration that was asked for and has not come to its end.

    Attributes:
        sample: the sample.
        asset: of it.
        data_version: that was asked for.
        since: UTC time, ISO 8601.
        person: who asked.
        tier: where that version lies now; absent where another has taken its place, or it was removed.
    """

    sample: str
    asset: str
    data_version: str
    since: str
    person: str
    tier: Tier | None

    @property
    def is_back(self) -> bool:
        """Whether nothing is to be waited for any more."""
        return self.tier not in (Tier.ARCHIVE, Tier.PENDING)


def read_policy(path: Path) -> Policy:
    """The policy in a YAML file.

    Raises:
        TieringError: it cannot be read, or says what cannot be meant.
    """
    try:
        told = yaml.safe_load(path.read_text())
        policy = Policy(
            hold_days=int(told["hold_days"]),
            tiers={str(asset): Tier(tier) for asset, tier in told["tiers"].items()},
            prices={str(tier): float(price) for tier, price in told.get("prices", {}).items()},
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise TieringError(
            f"the policy cannot be read ({error})", file=path, remedy="say hold_days, and tiers by artifact"
        ) from error
    unknown = sorted(set(policy.tiers) - _artifacts())
    if unknown:
        raise TieringError(
            f"the policy cannot be meant: a sample has no artifact {unknown[0]!r}", file=path, remedy="mend its name"
        )
    wrong = [asset for asset, tier in policy.tiers.items() if asset in _NEVER or tier not in DOWN]
    if wrong or policy.hold_days < 1 or set(told) - {"hold_days", "tiers", "prices"}:
        raise TieringError(
            "the policy cannot be meant",
            file=path,
            remedy=f"at least a day is held; tiers are {', '.join(DOWN)}; never moved are {', '.join(sorted(_NEVER))}",
        )
    return policy


def due(platform: Resources, policy: Policy, now: datetime | None = None) -> Iterator[Move]:
    """Artifacts whose sample's report was signed, and not since changed, longer ago than the policy holds."""
    tiered, last = tiers_of(platform), (now or datetime.now(UTC)) - timedelta(days=policy.hold_days)
    for sample in platform.registry.samples():
        if sample.withdrawn or not _is_settled(platform.registry, sample.sample_id, last):
            continue
        for asset, tier in policy.tiers.items():
            receipt = platform.lake.receipt(asset, sample.sample_id)
            if receipt is None or discarded(platform.audit, receipt) or _was_asked_for(platform.audit, receipt, last):
                continue
            if (before := tiered.tier(receipt)) in (Tier.HOT, *DOWN) and _order(before) < _order(tier):
                yield Move(receipt, before, tier)


def move(platform: Resources, moves: Iterator[Move], *, person: str, reason: str) -> list[Move]:
    """Move what is due, each written to the audit log first; what was moved."""
    require_reason(person, reason, what="moving artifacts to another tier")
    tiered, done = tiers_of(platform), []
    for one in moves:
        details = {
            "asset": one.receipt.asset,
            "data_version": one.receipt.data_version,
            "to": one.after,
            "reason": reason,
        }
        with platform.audit.do(person, MOVED, one.receipt.sample, details):
            tiered.move(one.receipt, one.after)
        done.append(one)
    return done


def costs(moves: list[Move], policy: Policy) -> tuple[float, float] | None:
    """What the artifacts cost a month before and after; absent where the policy states no price of a tier."""
    wanted = {tier for one in moves for tier in (one.before, one.after)}
    if not wanted <= set(policy.prices):
        return None
    before, after = (
        sum(one.bytes / _GIB * policy.prices[tier] for one, tier in ((one, getattr(one, which)) for one in moves))
        for which in ("before", "after")
    )
    return before, after


def rehydrate(platform: Resources, sample: str, *, person: str, reason: str) -> list[Receipt]:
    """Ask for everything of a sample that lies in the archive; what that was.

    Raises:
        TieringError: the lake has no tiers, or nothing of the sample is archived.
        RegistryError: the sample is not registered, or was withdrawn.
    """
    require_reason(person, reason, what="rehydrating artifacts", sample=sample)
    platform.registry.participant(sample)
    tiered = tiers_of(platform)
    receipts = [one for asset in platform.lake.assets(sample) if (one := platform.lake.receipt(asset, sample))]
    there = [one for one in receipts if not discarded(platform.audit, one)]
    archived = [one for one in there if tiered.tier(one) is Tier.ARCHIVE]
    if not archived:
        raise TieringError("nothing of it lies in the archive", sample=sample, remedy="genomics tiers shows what does")
    for receipt in archived:
        details = {"asset": receipt.asset, "data_version": receipt.data_version, "reason": reason}
        with platform.audit.do(person, ASKED, sample, details):
            tiered.move(receipt, Tier.HOT)
    return archived


def pending(platform: Resources) -> list[Pending]:
    """Rehydrations that were asked for and whose end is not yet noted, oldest first."""
    return [Pending(*key, *asked, tier_now(platform, *key)) for key, asked in _open(platform.audit).items()]


def tier_now(platform: Resources, sample: str, asset: str, data_version: str) -> Tier | None:
    """Where a version lies; absent where another is current, or its files were removed or are damaged."""
    tiered = tiers_of(platform)
    with suppress(LakeError):
        receipt = platform.lake.receipt(asset, sample)
        if receipt and receipt.data_version == data_version and not discarded(platform.audit, receipt):
            return tiered.tier(receipt)
    return None


def note_ended(platform: Resources) -> list[str]:
    """Ask anew for a run of samples of which nothing is pending any more, and note what came back; their ids.

    What is noted is asked for no more, so that it is noted last. Of a sample that takes part no more it is noted alone.
    """
    waiting = pending(platform)
    ended = sorted({one.sample for one in waiting} - {one.sample for one in waiting if not one.is_back})
    taking_part = platform.registry.orders() if ended else {}
    for sample in ended:
        if sample in taking_part:
            platform.registry.ask_again(sample, cause=BACK, why="what was archived can be read again")
        for one in waiting:
            if one.sample == sample:
                details = {"asset": one.asset, "data_version": one.data_version}
                platform.audit.record("system", BACK, sample, details)
    return [sample for sample in ended if sample in taking_part]


def tiers_of(platform: Resources) -> TieredLake:
    """The deployment's lake; TieringError where it has no tiers."""
    if not isinstance(platform.lake, TieredLake):
        raise TieringError(
            "a lake on this machine's disk has no tiers", remedy="keep the lake in Azure: GENOMICS_ENV, GENOMICS_LAKE"
        )
    return platform.lake


def _is_settled(registry: SampleRegistry, sample: str, last: datetime) -> bool:
    steps = registry.sign_outs(sample)
    return bool(steps) and steps[-1].signs and datetime.fromisoformat(steps[-1].recorded) < last


def _was_asked_for(audit: AuditLog, receipt: Receipt, last: datetime) -> bool:
    """Whether somebody wanted this version back so lately that it is not moved away again."""
    return any(
        entry.event.what == ASKED
        and entry.event.details["data_version"] == receipt.data_version
        and datetime.fromisoformat(entry.when) > last
        for entry in audit.entries(sample=receipt.sample)
    )


def _open(audit: AuditLog) -> dict[tuple[str, str, str], tuple[str, str]]:
    """When and by whom each version was asked for that is not noted to have come back."""
    found: dict[tuple[str, str, str], tuple[str, str]] = {}
    for entry in audit.standing(ASKED, BACK):
        details = entry.event.details
        key = (str(entry.event.sample), str(details["asset"]), str(details["data_version"]))
        found.pop(key, None)
        if entry.event.what == ASKED:
            found[key] = (entry.when, entry.event.who)
    return found


def _artifacts() -> frozenset[str]:
    from engine.ops.artifact import artifacts_of_samples

    load_contracts()
    return artifacts_of_samples()


def _order(tier: Tier) -> int:
    return (Tier.HOT, *DOWN).index(tier)
