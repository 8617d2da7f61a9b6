"""Artifacts in cheaper tiers: what is due, its costs, what was asked back; and removing an artifact, by two people."""

from __future__ import annotations

import argparse
from pathlib import Path

from console.choosing import find, person
from console.output import print_json
from engine.errors import GenomicsError
from resources.environment import Resources
from resources.forgetting import discard, propose, proposed
from resources.tiering import costs, due, move, pending, read_policy, rehydrate


def tiers(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show what a policy would move and what that costs, and what is on its way back; with ``--apply``, move it."""
    policy = read_policy(chosen.policy) if chosen.policy else None
    waiting = pending(platform)
    moves = list(due(platform, policy)) if policy else []
    if chosen.apply:
        if not policy or not chosen.reason:
            chosen.usage("--apply wants a --policy and a --reason")
        moves = move(platform, iter(moves), person=person(chosen), reason=chosen.reason)
    money = costs(moves, policy) if policy else None
    if chosen.json:
        rows = [{"sample": m.receipt.sample, "asset": m.receipt.asset, "from": m.before, "to": m.after} for m in moves]
        print_json({"moves": rows, "costs": money, "pending": [vars(one) for one in waiting]})
        return 0
    for one in moves:
        done = "moved" if chosen.apply else "due"
        print(f"{one.receipt.sample} {one.receipt.asset}: {one.bytes:,} bytes, {one.before} to {one.after}, {done}")
    size = sum(one.bytes for one in moves)
    told = f", {money[0]:,.2f} a month before and {money[1]:,.2f} after" if money else ""
    print(f"{len(moves):,} artifacts, {size:,} bytes{told}")
    for back in waiting:
        lies = back.tier or "another version has taken its place, or it was removed"
        print(f"{back.sample} {back.asset}: asked back by {back.person}, {back.since}; {lies}")
    return 0


def bring_back(platform: Resources, chosen: argparse.Namespace) -> int:
    """Ask for what of a sample lies in the archive; the sample is asked for again when all is back."""
    name = find(platform, chosen.sample)
    asked = rehydrate(platform, name, person=person(chosen), reason=chosen.reason)
    if chosen.json:
        print_json({"sample": name, "assets": [one.asset for one in asked]})
    else:
        print(f"{name}: {', '.join(one.asset for one in asked)} asked back; genomics tiers shows when it can be read")
    return 0


def remove(platform: Resources, chosen: argparse.Namespace) -> int:
    """Propose that an artifact's files go, or, as another person, confirm it: then they go, and the receipt stays."""
    name, who = find(platform, chosen.sample), person(chosen)
    receipt = platform.lake.receipt(chosen.asset, name)
    if receipt is None:
        raise GenomicsError(f"{chosen.asset} has not been made", sample=name, remedy="name one of genomics sample")
    before = proposed(platform.audit, receipt)
    if before is None or before.event.who == who:
        propose(platform.audit, receipt, person=who, reason=chosen.reason)
        said, told = "proposed", f"{name} {chosen.asset}: proposed by {who}; it goes when another person says the same"
    else:
        discard(platform.lake, platform.audit, receipt, person=who, reason=chosen.reason)
        said, told = "removed", f"{name} {chosen.asset}: removed by {before.event.who} and {who}; its receipt stays"
    if chosen.json:
        print_json({"sample": name, "asset": chosen.asset, "outcome": said})
    else:
        print(told)
    return 0


def add_to(tiers_: argparse.ArgumentParser, back: argparse.ArgumentParser, gone: argparse.ArgumentParser) -> None:
    """The options of the three commands."""
    tiers_.add_argument("--policy", type=Path, metavar="FILE", help="YAML: hold_days; tiers by artifact; prices")
    tiers_.add_argument("--apply", action="store_true", help="move what is due")
    tiers_.add_argument("--person", help="who decides (default: the user logged in)")
    tiers_.add_argument("--reason", help="why, in a sentence")
    for sub in (back, gone):
        sub.add_argument("sample", metavar="SAMPLE", help="the sample's id")
        sub.add_argument("--person", help="who decides (default: the user logged in)")
        sub.add_argument("--reason", required=True, help="why, in a sentence")
    gone.add_argument("asset", metavar="ASSET", help="the artifact")
