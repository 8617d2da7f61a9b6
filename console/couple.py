"""``genomics couple``: two samples side by side, and what a child of the two may have by what was told of them."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from console.choosing import find
from console.output import plain, print_json
from engine.errors import GenomicsError
from engine.report.couple import couple
from resources.environment import Resources
from resources.said_before import statement_of


def coupled(platform: Resources, chosen: argparse.Namespace) -> int:
    """Compare what two reports say of recessive and X-linked conditions."""
    names = [find(platform, name) for name in (chosen.one, chosen.other)]
    if names[0] == names[1]:
        raise GenomicsError("a couple is two people", sample=names[0], remedy="name two samples")
    told = couple(*(statement_of(platform, name) for name in names))
    if chosen.json:
        print_json({"samples": names} | asdict(told))
        return 0
    for risk in told.risks:
        print(plain(f"{risk.gene} ({risk.inheritance}): {risk.chance}; {', '.join(risk.conditions)}"))
        for name, variants in zip(names, risk.variants, strict=True):
            print(plain(f"  {name}: {', '.join(variants) or 'nothing told'}"))
        for doubt in risk.doubts:
            print(plain(f"  {doubt}"))
    if not told.risks:
        print("No gene is told of in both by which a child may be affected.")
    for line in (*(f"Not compared: {one}" for one in told.not_compared), *told.limits):
        print(plain(line))
    return 0
