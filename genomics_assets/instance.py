"""Dagster's own state: the folder, and how its instance is set up for this deployment.

Its files are written anew from the settings at each start, so that they never disagree with them.
"""

import os
from pathlib import Path

import yaml

from resources.environment import Settings

_CODE_LOCATION = {"module_name": "genomics_assets.definitions", "location_name": "genomics_assets"}
WORKSPACE = "workspace.yaml"
"""In ``DAGSTER_HOME``: the code location as web server and daemon load it, wherever the platform is installed."""


def prepare_instance(settings: Settings) -> Path:
    """Write ``dagster.yaml`` and the workspace; point this process and its children there; returns ``DAGSTER_HOME``."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    settings.landing.mkdir(parents=True, exist_ok=True)
    _write(home / "dagster.yaml", _configuration(settings))
    _write(home / WORKSPACE, {"load_from": [{"python_module": _CODE_LOCATION}]})
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _write(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(yaml.safe_dump(content, sort_keys=False))
    temporary.replace(path)


def _configuration(settings: Settings) -> dict[str, object]:
    return {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},  # the web UI does not ask its first visitor for an e-mail address
        "concurrency": {
            "runs": {"max_concurrent_runs": settings.max_runs},
            "pools": {"default_limit": 1, "granularity": "op"},
        },
        # Fails a run that does not start. One whose process is gone after its start is not found: the default launcher
        # cannot ask after a worker's health.
        "run_monitoring": {"enabled": True, "start_timeout_seconds": 300, "poll_interval_seconds": 30},
        "retention": {
            "schedule": {"purge_after_days": 30},
            "sensor": {"purge_after_days": {"skipped": 7, "failure": 30, "success": 30}},
        },
    }
