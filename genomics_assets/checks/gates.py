"""The checks of one stage: each row of the threshold table as an asset check that shows the gate's verdict.

A failed blocking check stops the run; the gate itself (``resources/gate.py``) judges again before every later use.
"""

from collections.abc import Iterator

import dagster as dg

from engine.quality.thresholds import load_thresholds
from genomics_assets.partitions import SAMPLES
from resources.environment import Settings


def gate_checks(asset: str) -> dg.AssetChecksDefinition:
    """All checks of an asset, evaluated in one step."""
    thresholds = load_thresholds(Settings.from_environment().thresholds).of(asset)
    specs = [
        dg.AssetCheckSpec(
            row.name,
            asset=asset,
            description=f"{row.meaning} Expected: {row.expectation}.",
            blocking=row.severity == "block",
            partitions_def=SAMPLES,
        )
        for row in thresholds
    ]

    @dg.multi_asset_check(name=f"{asset}_gate", specs=specs, required_resource_keys={"gate"})
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        sample, gate = context.partition_key, context.resources.gate
        for verdict in gate.judge(asset, sample):
            name = verdict.threshold.name
            overridden = verdict.blocks and gate.overridden(asset, sample, name)
            yield dg.AssetCheckResult(
                check_name=name,
                asset_key=asset,
                passed=verdict.passed or overridden,
                severity=dg.AssetCheckSeverity.ERROR if verdict.blocks else dg.AssetCheckSeverity.WARN,
                description=f"{verdict}{' (overridden)' if overridden else ''}",
                metadata={
                    "observed": "not measured" if verdict.observed is None else verdict.observed,
                    "expected": verdict.threshold.expectation,
                    "applies": verdict.applies,
                    "overridden": overridden,
                },
            )

    return checks
