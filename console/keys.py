"""The keys that lock the keys of persons: shown, rotated, and ended once nothing is locked by them."""

from __future__ import annotations

import argparse

from console.choosing import person
from console.listing import empty
from console.output import print_json
from resources.environment import Resources


def keys(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show which key wraps how many persons' keys; rotate it, or destroy one that wraps none any more."""
    if not platform.settings.data.is_dir():
        raise empty(platform)
    if (chosen.rotate or chosen.destroy) and not chosen.reason:
        chosen.usage("--rotate and --destroy want a --reason")
    if chosen.rotate:
        platform.identities.rotate_keys(person=person(chosen), reason=chosen.reason)
    if chosen.destroy:
        platform.identities.destroy_key(chosen.destroy, person=person(chosen), reason=chosen.reason)
    current, counts = platform.registry.current_key(), platform.registry.key_counts()
    told = [{"key": by, "persons": counts.get(by, 0), "current": by == current} for by in sorted({current, *counts})]
    if chosen.json:
        print_json(told)
        return 0
    for one in told:
        print(f"{one['key']}: wraps the keys of {one['persons']:,} persons{', current' if one['current'] else ''}")
    if chosen.destroy:
        print(f"{chosen.destroy} is destroyed: what it wrapped, in whichever backup, is opened by nobody again")
    return 0


def add_to(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument("--rotate", action="store_true", help="make a new key, and wrap every person's key with it")
    sub.add_argument("--destroy", metavar="KEY", help="end an earlier key, by its id, once it wraps nothing")
    sub.add_argument("--person", help="who decides (default: the user logged in)")
    sub.add_argument("--reason", help="why, in a sentence")
