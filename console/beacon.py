"""``genomics beacon``: a question after GA4GH's Beacon v2 about the cohort, answered in JSON as it may leave."""

from __future__ import annotations

import argparse

from console.choosing import person
from console.output import print_json
from resources.beacon import PURPOSE, BeaconRequest, ask
from resources.environment import Resources


def beacon(platform: Resources, chosen: argparse.Namespace) -> int:
    """Answer one question."""
    parameters = dict(one.partition("=")[::2] for one in chosen.parameter)
    asked = BeaconRequest(parameters, chosen.filter, chosen.granularity, chosen.purpose, chosen.id)
    print_json(ask(platform, asked, person=person(chosen)))
    return 0


def add_to(sub: argparse.ArgumentParser) -> None:
    """The command's options."""
    sub.add_argument(
        "parameter",
        nargs="+",
        metavar="NAME=VALUE",
        help="assemblyId, referenceName, start (0-based), referenceBases and alternateBases of the allele",
    )
    sub.add_argument("--filter", action="append", default=[], metavar="HPO", help="only people with the term")
    sub.add_argument("--granularity", default="count", help="boolean or count")
    sub.add_argument("--purpose", default=PURPOSE, help=f"who agreed to it is counted (default: {PURPOSE})")
    sub.add_argument("--id", default="", help="of the Beacon, a reversed domain name (default: the laboratory's)")
    sub.add_argument("--person", help="who asks (default: the user logged in)")
