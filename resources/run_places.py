"""Where runs go: processes of the server, Slurm's machines, or what a file of Dagster's own words names.

>>> run_place(None).launcher["class"], run_place("slurm:--partition=long").launcher["config"]
('WatchedRunLauncher', {'options': '--partition=long'})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.errors import GenomicsError
from engine.files.strict_yaml import load_yaml


class RunPlaceError(GenomicsError):
    """It cannot be told where runs are to go."""


@dataclass(frozen=True)
class RunPlace:
    """One.

    Attributes:
        launcher: as it stands under ``run_launcher`` in ``dagster.yaml``.
        elsewhere: whether runs go on other machines, and outlive the server.
        starts_within: seconds within which a run that was launched begins, 0 where it may wait for ever.
    """

    launcher: Mapping[str, Any]
    elsewhere: bool
    starts_within: int


def run_place(setting: str | None) -> RunPlace:
    """What a setting names: nothing for here, ``slurm``, ``slurm:OPTIONS`` of sbatch, or a YAML file.

    Raises:
        RunPlaceError: it is none of these, or the file does not say module and class.
    """
    kind, _, options = (setting or "").partition(":")
    if not setting:
        # Dagster's launcher cannot ask after the health of a run's process; ours can.
        return RunPlace({"module": "genomics_assets.run_launcher", "class": "WatchedRunLauncher"}, False, 300)
    if kind == "slurm":
        told = {"module": "genomics_assets.slurm_launcher", "class": "SlurmRunLauncher", "config": {"options": options}}
        return RunPlace(told, True, 0)
    return RunPlace(_of_file(Path(setting).expanduser()), True, 3600)


def _of_file(path: Path) -> Mapping[str, Any]:
    try:
        told = load_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _refused(path, f"it cannot be read: {error}") from error
    known = {"module", "class", "config"}
    if not isinstance(told, dict) or not {"module", "class"} <= told.keys() <= known:
        raise _refused(
            path, "it does not say module and class of a launcher of Dagster's, with config where it has any"
        )
    return told


def _refused(path: Path, problem: str) -> RunPlaceError:
    return RunPlaceError(
        problem,
        file=path,
        remedy="set GENOMICS_RUNS to slurm, slurm: with options of sbatch, or a file as in deploy/runs",
    )
