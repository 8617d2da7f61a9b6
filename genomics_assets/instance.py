"""Dagster's own state: the folder, and how its instance is set up for this deployment.

Its files are written anew from the settings at each start, so that they never disagree with them.
"""

import os
from pathlib import Path

import yaml

from resources.dagster_storage import hand_over, storage_configuration
from resources.environment import Settings
from resources.privacy import close_to_others, keep_private
from resources.sample_runs import PARTITION
from resources.structured_log import FILE

MODULE, CODE_LOCATION = "genomics_assets.definitions", "genomics_assets"
"""The module of the definitions, and the name of the code location that it makes."""
MADE = ".made"
"""In ``DAGSTER_HOME``: its databases were made, and may hold what is worth keeping."""
WORKSPACE = "workspace.yaml"
"""In ``DAGSTER_HOME``: the code location as Dagster's commands load it, wherever the platform is installed."""


def prepare_instance(settings: Settings) -> Path:
    """Write ``dagster.yaml`` and the workspace; point this process and its children there; returns ``DAGSTER_HOME``.

    The data folder is closed to others than its owner and group, with all that lies in it.
    """
    keep_private()
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    settings.landing.mkdir(parents=True, exist_ok=True)
    close_to_others(settings.data, delivered=(settings.landing,))
    _write(home / "dagster.yaml", _configuration(settings))
    _write(
        home / WORKSPACE, {"load_from": [{"python_module": {"module_name": MODULE, "location_name": CODE_LOCATION}}]}
    )
    os.environ["DAGSTER_HOME"] = str(home)
    hand_over(settings.dagster_storage)
    return home


def hand_down(settings: Settings) -> None:
    """Let this process and its children mean this deployment, whatever was served last."""
    os.environ |= {"GENOMICS_DATA": str(settings.data), "GENOMICS_REFERENCE": settings.reference}


def _write(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(yaml.safe_dump(content, sort_keys=False))
    temporary.replace(path)


def _configuration(settings: Settings) -> dict[str, object]:
    return {
        "telemetry": {"enabled": False},
        "python_logs": {
            "dagster_handler_config": {
                "handlers": {
                    "events": {
                        "class": "genomics_assets.run_events.RunEvents",
                        "level": "DEBUG",
                        "path": str(settings.data / FILE),
                    },
                    **_traces(settings),
                }
            }
        },
        "nux": {"enabled": False},  # the web UI does not ask its first visitor for an e-mail address
        "concurrency": {
            "runs": {
                "max_concurrent_runs": settings.max_runs,
                # Of two runs of one sample the second would wait for the first anyway, and hold a place meanwhile.
                "tag_concurrency_limits": [
                    {"key": PARTITION, "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
                    *settings.queue.limits,
                ],
            },
            "pools": {"default_limit": 1, "granularity": "op"},
        },
        **_storage(settings),
        "run_launcher": dict(settings.runs.launcher),
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": settings.runs.starts_within,
            "cancel_timeout_seconds": 60,
            "poll_interval_seconds": 10,
            "free_slots_after_run_end_seconds": 10,
        },
        "retention": {
            "schedule": {"purge_after_days": 30},
            "sensor": {"purge_after_days": {"skipped": 7, "failure": 30, "success": 30}},
        },
    }


def _traces(settings: Settings) -> dict[str, object]:
    """The handler that makes them, where there are to be any."""
    kind = "genomics_assets.run_traces.RunTraces"
    return {"traces": {"class": kind, "level": "DEBUG", "place": settings.traces}} if settings.traces else {}


def _storage(settings: Settings) -> dict[str, object]:
    """Where Dagster keeps its state, and what steps print."""
    told: dict[str, object] = {}
    if settings.dagster_storage:
        told["storage"] = storage_configuration(settings.dagster_storage)
    else:
        # Dagster's event log on SQLite compiles its statements anew at each use; ours keeps them.
        told["event_log_storage"] = {
            "module": "genomics_assets.event_log",
            "class": "EventLog",
            "config": {"base_dir": str(settings.dagster_home / "history" / "runs")},
        }
    if settings.compute_logs:
        staged = settings.dagster_home / "compute_logs"
        told["compute_logs"] = {
            "module": "genomics_assets.compute_logs",
            "class": "BlobComputeLogs",
            "config": {"container_url": settings.compute_logs, "local_dir": str(staged)},
        }
    return told
