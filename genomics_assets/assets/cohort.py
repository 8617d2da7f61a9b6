"""Cohort: each sample's contribution, and the tables that dbt makes of all contributions in one run."""

import dagster as dg

from engine import ops
from engine.cohort.columns import TABLES
from engine.cohort.tables import Model, cohort_models
from genomics_assets.binding import OWNERS, asset_from_op

cohort_contribution = asset_from_op(
    ops.cohort_contribution,
    group="cohort_calls",
    kinds={"deltalake", "parquet"},
    description="What one sample adds to the cohort, appended to the Delta tables exactly once: the alleles it "
    "carries, where it was not called, what is known of it and how good it is. A position without coverage is "
    "missing, not reference.",
    columns=[dg.TableColumn(name, kind, description) for name, kind, description in TABLES["calls"]],
)


def _spec(model: Model) -> dg.AssetSpec:
    columns = [dg.TableColumn(column.name, column.type, column.description) for column in model.columns]
    return dg.AssetSpec(
        model.name,
        deps=[dg.AssetDep(cohort_contribution.key, partition_mapping=dg.AllPartitionMapping())],
        description=model.description,
        group_name="cohort",
        kinds={"dbt", "duckdb"},
        owners=list(OWNERS),
        metadata={"dagster/column_schema": dg.TableSchema(columns=columns)},
    )


cohort_tables = dg.multi_asset(
    name="cohort_tables",
    specs=[_spec(model) for model in cohort_models()],
    check_specs=[dg.AssetCheckSpec(test, asset=model.name) for model in cohort_models() for test in model.tests],
    required_resource_keys={"settings", "lake", "warehouse"},
    description="Every cohort table in one dbt run; published together, if all tests pass.",
    pool="cohort",
)(ops.cohort_tables)
