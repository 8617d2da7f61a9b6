"""The command that writes the Power BI project of this deployment."""

from __future__ import annotations

import argparse
import sys

from console.output import print_json
from engine.dashboards.power_bi import NO_LAKE, NO_RELEASE, project, write_project
from engine.ops.dashboards import gold_snapshot
from resources.environment import Resources


def power_bi(platform: Resources, chosen: argparse.Namespace) -> int:
    """Write the project with the deployment's lake, current release and teams into a folder."""
    receipt = platform.lake.receipt(gold_snapshot.name)
    release = receipt.data_version if receipt else NO_RELEASE
    teams = tuple(platform.settings.teams.by_name)
    lake = (platform.settings.lake or NO_LAKE).replace(".blob.", ".dfs.")
    files = project(teams, lake=lake, release=release)
    write_project(chosen.folder, files)
    if chosen.json:
        print_json({"folder": str(chosen.folder), "files": len(files), "lake": lake, "release": release})
        return 0
    print(f"{chosen.folder}: {len(files)} files, release {release}, a role for each of {len(teams):,} teams")
    if platform.settings.lake is None:
        print("this lake lies on this machine: set LakeUrl to a container that it is copied to", file=sys.stderr)
    if receipt is None:
        print(
            "no snapshot is published yet: materialize gold_snapshot, and set Release to its version", file=sys.stderr
        )
    return 0
