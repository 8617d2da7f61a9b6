"""Backing a deployment up, and restoring it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from console.choosing import person
from console.listing import empty
from console.output import print_json
from resources.backup import Made, back_up
from resources.backup import restore as restored
from resources.environment import Resources
from resources.recovery import recover


def backup(platform: Resources, chosen: argparse.Namespace) -> int:
    """Copy registry, audit log, lake and cohort as of one moment; what an earlier backup there has is linked to it."""
    if not platform.settings.data.is_dir():
        raise empty(platform)
    return _tell(back_up(platform, chosen.to, person=person(chosen)), "backed up", chosen)


def restore(platform: Resources, chosen: argparse.Namespace) -> int:
    """Put a backup into an empty data folder; withdrawals that a newer audit log there tells of hold again."""
    code = _tell(restored(platform, chosen.folder, person=person(chosen)), "restored", chosen)
    for told in recover(platform):
        print(told)
    return code


def add_to(backup_: argparse.ArgumentParser, restore_: argparse.ArgumentParser) -> None:
    """The options of the two commands."""
    backup_.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="takes a folder for each backup")
    restore_.add_argument("folder", type=Path, metavar="BACKUP", help="a backup's own folder")
    for command in (backup_, restore_):
        command.add_argument("--person", help="who does it (default: the user logged in)")


def _tell(made: Made, done: str, chosen: argparse.Namespace) -> int:
    if chosen.json:
        print_json(asdict(made) | {"folder": str(made.folder)})
        return 0
    print(f"{made.folder}: {made.files:,} files, {made.bytes:,} bytes {done}, {made.linked:,} of them linked")
    for one in made.left_out:
        print(f"  not in it: {one}")
    if made.naming:
        bundles = "1 bundle that names a person" if made.naming == 1 else f"{made.naming:,} bundles that name persons"
        print(f"  in the clear in it: {bundles}; keep it where nobody else reads")
    return 0
