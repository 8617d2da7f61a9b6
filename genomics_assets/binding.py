"""Contracts as Dagster's assets, and thresholds as their checks: the one way in which both come to be."""

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from engine.ops.artifact import Contract
from engine.ops.dagster_op import op_of
from engine.ops.services import Settings
from engine.quality.thresholds import Threshold
from engine.tables import Column
from genomics_assets.partitions import SAMPLES
from resources.gate import Gate

OWNERS = ("team:laboratory-bioinformatics",)


def asset_of(contract: Contract, settings: Settings, parts: Collection[str]) -> dg.AssetsDefinition:
    """The asset that a contract makes: it bears the contract's name, and its dependencies are the contract's edges.

    Args:
        contract: one of :data:`genomics_assets.artifacts.ARTIFACTS`.
        settings: of the deployment.
        parts: the parts of knowledge that the deployment's reference has.
    """
    definition = dg.AssetsDefinition.from_op(
        op_of(contract, settings, parts),
        keys_by_output_name={"result": dg.AssetKey(contract.name)},
        partitions_def=SAMPLES if contract.by_sample else None,
    )
    schema = column_schema(contract.columns) if contract.columns else {}
    return definition.map_asset_specs(
        lambda spec: spec.replace_attributes(
            group_name=contract.stage,
            kinds=set(contract.kinds),
            description=contract.description,
            owners=list(OWNERS),
            metadata={**spec.metadata, **schema},
        )
    )


def column_schema(columns: Sequence[Column]) -> dict[str, dg.TableSchema]:
    """The columns of a table as the catalogue shows them, with unit, and what every value promises."""
    shown = [
        dg.TableColumn(
            column.name,
            column.type,
            column.description,
            dg.TableColumnConstraints(nullable=not column.required, unique=column.unique),
        )
        for column in columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=shown)}


def checks_of(contract: Contract, thresholds: Sequence[Threshold]) -> dg.AssetChecksDefinition:
    """The thresholds of an asset as checks that show the gate's verdicts, evaluated in one step.

    A failed blocking check stops the run; the gate itself (``resources/gate.py``) judges again before every later use.
    """
    asset, partitions = contract.name, SAMPLES if contract.by_sample else None
    specs = [
        dg.AssetCheckSpec(
            row.name,
            asset=asset,
            description=f"{row.meaning} Expected: {row.expectation}.",
            blocking=row.severity == "block",
            partitions_def=partitions,
        )
        for row in thresholds
    ]

    @dg.multi_asset_check(name=f"{asset}_gate", specs=specs)
    def checks(context: dg.AssetCheckExecutionContext, gate: dg.ResourceParam[Gate]) -> Iterator[dg.AssetCheckResult]:
        sample = context.partition_key if contract.by_sample else None
        for verdict in gate.judge(asset, sample):
            name = verdict.threshold.name
            overridden = verdict.blocks and sample is not None and gate.overridden(asset, sample, name)
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
