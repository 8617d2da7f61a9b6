"""Commands of the laboratory's own catalogue: deciding of an allele, and what was decided."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from console.choosing import find, person
from console.listing import print_table, since
from console.output import print_json
from engine.classify.decision import Decision, points_class
from resources.environment import Resources

_HEADER = ("NO.", "ALLELE", "CLASS", "CRITERIA", "BY", "DECIDED (UTC)", "SAMPLE", "STANDS", "COMMENT")


def decide(platform: Resources, chosen: argparse.Namespace) -> int:
    """Decide of an allele that a sample carries; all who carry it are asked for again."""
    decision, asked = platform.catalogue.decide(
        find(platform, chosen.sample),
        chosen.variant,
        classification=chosen.classification,
        criteria=chosen.criteria,
        comment=chosen.comment,
        person=person(chosen),
    )
    if chosen.json:
        print_json(asdict(decision) | {"asked": list(asked)})
        return 0
    told = decision.classification.replace("_", " ")
    print(f"{decision.allele} is {told} by decision {decision.number}; asked for again: {', '.join(asked)}")
    if decision.criteria and points_class(decision.criteria) != decision.classification:
        by_points = points_class(decision.criteria).replace("_", " ")
        print(f"by points these criteria add up to {by_points}; your word holds", file=sys.stderr)
    return 0


def decisions(platform: Resources, chosen: argparse.Namespace) -> int:
    """List what was decided, oldest first, of all alleles or of one."""
    every = platform.catalogue.every()
    standing = {one.number for one in platform.catalogue.current().values()}
    shown = [one for one in every if chosen.variant in (None, one.allele)]
    if chosen.json:
        print_json([asdict(one) | {"stands": one.number in standing} for one in shown])
    elif shown:
        print_table([_HEADER, *(_cells(one, one.number in standing) for one in shown)])
    print(
        f"{len(shown):,} decisions, of which {len(standing & {one.number for one in shown}):,} stand", file=sys.stderr
    )
    return 0


def _cells(one: Decision, stands: bool) -> tuple[str, ...]:
    criteria = ", ".join(one.criteria)
    told = one.classification.replace("_", " ")
    return (
        *(str(one.number), one.allele, told, criteria, one.person, since(one.recorded), one.sample or ""),
        *("yes" if stands else "no", one.comment),
    )
