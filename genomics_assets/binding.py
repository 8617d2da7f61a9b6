"""Binding an engine op to an asset: the one way in which assets of this code location come to be."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from genomics_assets.partitions import SAMPLES

OWNERS = ("team:laboratory-bioinformatics",)


def asset_from_op(
    op: dg.OpDefinition,
    *,
    group: str,
    kinds: Iterable[str],
    description: str,
    columns: Sequence[dg.TableColumn] = (),
    by_sample: bool = True,
) -> dg.AssetsDefinition:
    """The asset that an op makes; it bears the op's name, and its dependencies are the op's inputs.

    Args:
        op: an op of ``engine/ops.py``.
        group: the stage it belongs to in the lineage graph.
        kinds: at most three file or tool kinds, shown as badges.
        description: what it is, for the catalogue, in Markdown.
        columns: the schema, where the artifact holds a table.
        by_sample: whether it is partitioned by sample.
    """
    definition = dg.AssetsDefinition.from_op(
        op,
        keys_by_output_name={"result": dg.AssetKey(op.name)},
        partitions_def=SAMPLES if by_sample else None,
    )
    metadata: Mapping[str, Any] = {"dagster/column_schema": dg.TableSchema(columns=list(columns))} if columns else {}
    return definition.map_asset_specs(
        lambda spec: spec.replace_attributes(
            group_name=group,
            kinds=set(kinds),
            description=description,
            owners=list(OWNERS),
            metadata={**spec.metadata, **metadata},
        )
    )
