"""The quality gate between two stages: what has not passed does not go on, whoever starts the next run and whenever.

Asset checks show a verdict and stop the run they are part of. The gate judges again, from the receipts, each time an
artifact is about to be used, so that no later manual run walks past a failed check. Measures come from receipts,
bounds from the threshold table, overrides from the sample registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from engine.errors import GateError
from engine.quality.evaluation import CheckResult, evaluate
from engine.quality.thresholds import ThresholdTable
from engine.receipt import Receipt
from engine.report.issue import SignOut
from resources.audit import AuditEvent, AuditLog
from resources.decisions import require_reason
from resources.lake import Lake
from resources.ledger import (
    OVERRIDDEN,
    Ledger,
    missing_overrides,
    override_details,
    unknown_override,
    unknown_overrides,
)
from resources.registry import Override, SampleRegistry
from resources.sign_out import confirmed_steps


@dataclass(frozen=True)
class Gate:
    """The gate of one deployment.

    Attributes:
        lake: where receipts are read.
        registry: where overrides are kept.
        audit: where overrides and refusals are written down.
        thresholds: the table in force.
    """

    lake: Lake
    registry: SampleRegistry
    audit: AuditLog
    thresholds: ThresholdTable

    @cached_property
    def ledger(self) -> Ledger:
        """What the audit log tells of overrides."""
        return Ledger(self.audit)

    def judge(self, asset: str, sample: str | None) -> tuple[CheckResult, ...]:
        """The verdicts on the current artifact, overrides not considered."""
        return evaluate(self.thresholds.of(asset), self.lake.require(asset, sample).measures)

    def overridden(self, asset: str, sample: str, check: str) -> bool:
        """Whether a person let this version of the artifact through this check."""
        return any(override.check == check for override in self._overrides(asset, sample))

    def overridden_checks(self, sample: str, *assets: str) -> tuple[str, ...]:
        """In words, the failed checks on the current artifacts that a person let pass: which, who and why."""
        told = []
        for asset in assets:
            shut = {verdict.threshold.name: verdict for verdict in self.judge(asset, sample) if verdict.blocks}
            told += [
                f"{asset}, {shut[override.check]}: let through by {override.person} ({override.reason})"
                for override in self._overrides(asset, sample)
                if override.check in shut
            ]
        return tuple(told)

    def _overrides(self, asset: str, sample: str) -> list[Override]:
        """Those that hold for the current version of the artifact; GateError if the audit log does not know one."""
        version = self.lake.require(asset, sample).data_version
        given = self.registry.overrides(sample)
        found = [override for override in given if (override.asset, override.data_version) == (asset, version)]
        for override in found:
            self.ledger.check_override(override)
        return found

    def override_findings(self, sample: str) -> list[str]:
        """What the audit log says against a sample's overrides: rows that nobody gave, and given ones that are gone."""
        given = self.registry.overrides(sample)
        entries = self.ledger.overrides(sample)
        return [
            *(f"{sample}: {unknown_override(row)}" for row in unknown_overrides(entries, given)),
            *(
                f"{sample}: the override of {entry.event.details.get('asset')}.{entry.event.details.get('check')} by "
                f"{entry.event.who!r}, {entry.when}, is gone from the registry, or was changed there"
                for entry in missing_overrides(entries, given)
            ),
        ]

    def sign_outs(self, sample: str) -> tuple[SignOut, ...]:
        """Reviews and signatures of what was said of a sample, oldest first; GateError as of the audit log."""
        return confirmed_steps(self.audit, self.registry, sample)

    def require(self, asset: str, sample: str) -> Receipt:
        """The artifact's receipt if its sample takes part, and its gate and every gate before it are open.

        Raises:
            GateError: the sample was withdrawn, a blocking check fails here or upstream, or the artifact was made from
                another version of an upstream artifact than the current one.
            LakeError: an artifact is missing or damaged.
        """
        if self.registry.sample(sample).withdrawn:
            raise GateError("the sample was withdrawn", sample=sample, remedy="leave it alone")
        return self._open(asset, sample, {})

    def _open(self, asset: str, sample: str, opened: dict[str, Receipt]) -> Receipt:
        """The receipt, judged with all upstream of it; ``opened`` holds what this look has judged already."""
        if asset in opened:
            return opened[asset]
        receipt = self.lake.require(asset, sample)
        verdicts = evaluate(self.thresholds.of(asset), receipt.measures)
        shut = [v for v in verdicts if v.blocks and not self.overridden(asset, sample, v.threshold.name)]
        if shut:
            self.audit.record("system", "gate refused", sample, {"asset": asset, "checks": [str(v) for v in shut]})
            raise GateError(
                f"the gate of {asset} is shut: {'; '.join(map(str, shut))}",
                sample=sample,
                remedy=f"mend the sample, or: genomics override {sample} {asset} CHECK --reason ...",
            )
        for upstream, version in receipt.recipe.inputs.items():
            current = opened.get(upstream) or self.lake.receipt(upstream, sample)
            if current is None:
                continue  # knowledge, or another sample's: not part of this sample's chain
            if current.data_version != version:
                raise GateError(
                    f"{asset} was made from {upstream} {version[:12]}, but {current.data_version[:12]} is current",
                    sample=sample,
                    remedy=f"materialize {asset} again",
                )
            self._open(upstream, sample, opened)
        return opened.setdefault(asset, receipt)

    def override(self, asset: str, sample: str, check: str, *, person: str, reason: str) -> None:
        """Let the current version of an artifact through one failed check, on a person's word.

        The override holds for this data version alone: a recomputed artifact is judged anew.

        Raises:
            GateError: there is no such check, it did not fail, or person or reason is missing.
        """
        verdicts = {verdict.threshold.name: verdict for verdict in self.judge(asset, sample)}
        if check not in verdicts or not verdicts[check].blocks:
            failing = ", ".join(name for name, verdict in verdicts.items() if verdict.blocks) or "none"
            raise GateError(
                f"{asset} has no shut check {check!r}", sample=sample, remedy=f"name a shut check: {failing}"
            )
        require_reason(person, reason, sample=sample, what="an override")
        version = self.lake.require(asset, sample).data_version
        verdict = str(verdicts[check])
        with self.audit.deed() as deed:
            self.registry.override_gate(
                sample,
                asset,
                check,
                version,
                person=person,
                reason=reason,
                announce=lambda given: deed.intend(
                    AuditEvent(person, OVERRIDDEN, sample, {**override_details(given), "verdict": verdict})
                ),
            )
