"""The cohort's tables: what dbt makes of all contributions, in one run for many samples."""

import dagster as dg

from engine.cohort.model_versions import model_versions
from engine.cohort.models import Model, cohort_models
from engine.ops.cohort import cohort_contribution
from engine.ops.dagster_op import build_cohort_tables
from engine.ops.services import Services
from genomics_assets.binding import OWNERS, column_schema


def _spec(model: Model, code_version: str) -> dg.AssetSpec:
    contribution = dg.AssetKey(cohort_contribution.name)
    return dg.AssetSpec(
        model.name,
        deps=[dg.AssetDep(contribution, partition_mapping=dg.AllPartitionMapping())],
        description=model.description,
        group_name="cohort_tables",
        kinds={"dbt", "duckdb"},
        owners=list(OWNERS),
        code_version=code_version,
        metadata=column_schema(model.columns),
    )


def cohort_tables() -> dg.AssetsDefinition:
    """All tables as one asset function: published together, if all their tests pass."""
    models, versions = cohort_models(), model_versions()
    return dg.multi_asset(
        name="cohort_tables",
        specs=[_spec(model, versions[model.name]) for model in models],
        check_specs=[dg.AssetCheckSpec(test, asset=model.name) for model in models for test in model.tests],
        required_resource_keys=set(Services.names()),
        description="Every cohort table in one dbt run; published together, if all tests pass.",
        pool="cohort",
    )(build_cohort_tables)
