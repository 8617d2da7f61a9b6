"""The code location: assets, checks, jobs, sensors and the resources of this deployment, put together.

Nothing heavy is imported here; libraries are loaded by the ops that need them.
"""

import warnings

import dagster as dg

# Checks by partition are what lets one failed sample stop alone; Dagster still calls them a preview.
warnings.filterwarnings("ignore", category=dg.PreviewWarning, message=".*partitions_def.*")

from genomics_assets import checks  # noqa: E402
from genomics_assets.assets import alignment, annotation, calls, cohort, interpretation, knowledge, reads  # noqa: E402
from genomics_assets.jobs import JOBS  # noqa: E402
from genomics_assets.sensors import SENSORS  # noqa: E402
from resources.environment import Settings, build_resources  # noqa: E402

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([knowledge, reads, alignment, calls, annotation, interpretation, cohort]),
    asset_checks=dg.load_asset_checks_from_package_module(checks),
    jobs=JOBS,
    sensors=SENSORS,
    resources=build_resources(Settings.from_environment()),
)
