"""The code location: assets, checks, jobs, sensors and the resources of this deployment, put together.

The environment is read here, once, when Dagster loads the code location. Nothing heavy is imported; libraries are
loaded by the functions that need them.
"""

import logging
import warnings

import dagster as dg

# Checks by partition are what lets one failed sample stop alone; Dagster still calls them a preview.
warnings.filterwarnings("ignore", category=dg.PreviewWarning, message=".*partitions_def.*")

from genomics_assets.access import access_as_declared, access_job, hourly_access  # noqa: E402
from genomics_assets.artifacts import ARTIFACTS, KNOWLEDGE  # noqa: E402
from genomics_assets.binding import asset_of, checks_of  # noqa: E402
from genomics_assets.cohort_rebuild import (  # noqa: E402
    cohort_rebuild_job,
    nightly_cohort_rebuild,
    sums_equal_a_rebuild,
)
from genomics_assets.cohort_tables import cohort_tables  # noqa: E402
from genomics_assets.databricks import annotated_on  # noqa: E402
from genomics_assets.jobs import IN_PROCESS, JOBS  # noqa: E402
from genomics_assets.joint_calls import joint_call  # noqa: E402
from genomics_assets.notifications import notifications  # noqa: E402
from genomics_assets.reanalysis import (  # noqa: E402
    SAMPLES_BEHIND,
    knowledge_changes,
    knowledge_confirmations,
    reanalysis_job,
)
from genomics_assets.rehydrations import rehydrations  # noqa: E402
from genomics_assets.sensors import SENSORS  # noqa: E402
from genomics_assets.study_cohorts import study_cohorts  # noqa: E402
from genomics_assets.work_list import WORK_LIST, work_list_rows  # noqa: E402
from resources.deployment import as_served  # noqa: E402
from resources.environment import Settings, build_resources  # noqa: E402
from resources.recovery import recover  # noqa: E402


def build_definitions(settings: Settings) -> dg.Definitions:
    """The code location of a deployment; a part of knowledge that its reference does not declare is no asset of it.

    Every run loads it in a process of its own: so what a fault left is put right before anything runs.
    """
    resources = build_resources(settings)
    for told in recover(resources):
        logging.getLogger(__name__).warning(told)
    parts = resources.knowledge.parts
    thresholds = resources.gate.thresholds
    return dg.Definitions(
        assets=[
            *(asset_of(one, settings, parts) for one in ARTIFACTS if one not in KNOWLEDGE or one.name in parts),
            cohort_tables(),
            study_cohorts,
            joint_call,
            *([annotated_on(settings.databricks)] if settings.databricks else []),
            WORK_LIST,
            knowledge_confirmations,
            SAMPLES_BEHIND,
        ],
        asset_checks=[
            *(checks_of(one, rows) for one in ARTIFACTS if (rows := thresholds.of(one.name))),
            sums_equal_a_rebuild,
            access_as_declared,
        ],
        jobs=[*JOBS, reanalysis_job, cohort_rebuild_job, access_job],
        schedules=[nightly_cohort_rebuild, *([hourly_access] if resources.access.groups else [])],
        sensors=[
            *SENSORS,
            knowledge_changes,
            work_list_rows,
            *([rehydrations] if settings.lake else []),
            *([notifications] if settings.channels else []),
        ],
        resources=vars(resources),
        executor=IN_PROCESS,
    )


defs = build_definitions(Settings.from_environment(as_served()))
