"""The cohorts of studies: selected anew from the cohort as it is, each in a new version where its members changed."""

import dagster as dg

from engine.cohort.columns import STUDY_COHORT_COLUMNS
from engine.cohort.models import cohort_models
from engine.ops.dagster_op import clear_failure, table_value
from engine.ops.services import Services
from engine.ops.shown import MOST_ROWS, Shown
from engine.ops.studies import ASSET, refresh
from genomics_assets.binding import OWNERS, column_schema


@dg.asset(
    name=ASSET,
    group_name="cohort",
    deps=[model.name for model in cohort_models()],
    required_resource_keys=set(Services.names()),
    description="The cohorts that studies defined, each in its versions: definition, purpose, data versions and number "
    "of members. Members are in the Delta table study_members; no list leaves but by `genomics cohort export`.",
    owners=list(OWNERS),
    kinds={"parquet", "deltalake"},
    metadata=column_schema(STUDY_COHORT_COLUMNS),
    pool="cohort",
)
def study_cohorts(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Select all, and tell what changed."""
    services = Services.of(context.resources)
    with clear_failure(None):
        receipt, made = refresh(services, context.log.info)
        current = services.studies.current()
    rows: list[dict[str, str | int]] = [
        {"cohort": name, "cohort_version": one.version, "purpose": one.definition.purpose, "made": one.recorded[:19]}
        for name, one in current.items()
    ]
    shown = tuple(column for column in STUDY_COHORT_COLUMNS if rows and column.name in rows[0])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(receipt.data_version),
        metadata={
            "cohorts": table_value(Shown(shown, rows[:MOST_ROWS])),
            "new versions": ", ".join(map(str, made)) or "none",
            "path": dg.MetadataValue.path(str(services.lake.folder(receipt))),
        },
    )
