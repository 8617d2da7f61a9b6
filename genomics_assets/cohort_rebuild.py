"""The nightly comparison of the cohort's sums, which follow each sample, with a scan of every sample's rows."""

import time

import dagster as dg

from engine.cohort.gold import differences
from genomics_assets.jobs import IN_PROCESS
from resources.warehouse import Warehouse

_SHOWN = 10
"""Differing rows that are shown of each table."""


@dg.asset_check(
    asset="cohort_allele_frequency",
    name="sums_equal_a_rebuild",
    description="Whether allele counts and missing copies, kept by adding and taking away what each sample changes, are"
    " what a scan of all samples makes of them.",
)
def sums_equal_a_rebuild(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Scans everything, so it runs at night and not with every build; then deletes what was superseded a day ago."""
    found = differences(warehouse.listing())
    swept = warehouse.sweep(time.time())
    return dg.AssetCheckResult(
        passed=not any(found.values()),
        metadata={
            **{table: dg.MetadataValue.md("\n".join(rows[:_SHOWN]) or "equal") for table, rows in found.items()},
            "superseded_files_deleted": swept,
        },
        description=""
        if not any(found.values())
        else "The sums differ from a scan. Move the folders allele_count and coverage_step of the cohort away: they"
        " are made anew of all samples by the next build.",
    )


cohort_rebuild_job = dg.define_asset_job(
    "cohort_rebuild",
    selection=dg.AssetSelection.checks(sums_equal_a_rebuild),
    description="Compares the cohort's sums with a scan of every sample's rows.",
    executor_def=IN_PROCESS,
)
nightly_cohort_rebuild = dg.ScheduleDefinition(
    name="nightly_cohort_rebuild",
    job=cohort_rebuild_job,
    cron_schedule="0 2 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
