"""Who may read which part of the data, held against what is declared, every hour; what drifted is an alarm."""

import dagster as dg

from genomics_assets.jobs import IN_PROCESS
from resources.access_lists import AccessLists
from resources.zones import told


@dg.asset_check(
    asset="work_list",
    name="access_as_declared",
    description="Whether every file and folder grants each role what it is declared to read, and nobody anything else."
    " What is less open than declared is opened; what is more open was changed by somebody, is shut, and is told.",
)
def access_as_declared(access: dg.ResourceParam[AccessLists]) -> dg.AssetCheckResult:
    """Applies what is declared: new folders are shut until then."""
    if not access.groups:
        return dg.AssetCheckResult(passed=True, description="No roles are declared.")
    found = access.apply()
    opened = [one for one in found if one.is_open]
    return dg.AssetCheckResult(
        passed=not opened,
        metadata={"shut": len(opened), "opened": len(found) - len(opened), "drift": dg.MetadataValue.md(told(found))},
        description=f"{len(opened):,} were more open than declared: find out who changed them." if opened else "",
    )


access_job = dg.define_asset_job(
    "access",
    selection=dg.AssetSelection.checks(access_as_declared),
    description="Applies access lists, and tells what had drifted.",
    executor_def=IN_PROCESS,
)
hourly_access = dg.ScheduleDefinition(
    name="hourly_access", job=access_job, cron_schedule="17 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING
)
