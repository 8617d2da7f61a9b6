"""``genomics beacon``: a question after GA4GH's Beacon v2 about the cohort, answered in JSON as it may leave.

Counted are those alone who agreed to the purpose and were not withdrawn; the question is written to the audit log
first.
"""

from __future__ import annotations

import argparse

from console.choosing import person
from console.output import print_json
from engine.cohort.beacon import BeaconQuestion, answer
from engine.cohort.study import define
from engine.ops.studies import look
from resources.environment import Resources


def beacon(platform: Resources, chosen: argparse.Namespace) -> int:
    """Answer one question."""
    parameters = dict(one.partition("=")[::2] for one in chosen.parameter)
    build = platform.knowledge.declaration.build
    question = BeaconQuestion.of(parameters, chosen.filter, chosen.granularity, build)
    asked = define("beacon", chosen.purpose, variants=[question.allele], phenotypes=question.filters)
    details = {"parameters": question.parameters, "filters": list(question.filters), "purpose": asked.purpose}
    platform.studies.asked(person(chosen), "beacon", details)
    selection, _ = look(platform, asked)
    *_, looked_at, carriers = (step.left for step in selection.steps)
    print_json(answer(question, carriers, looked_at, chosen.id))
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
    sub.add_argument("--purpose", default="GRU", help="who agreed to it is counted (default: GRU)")
    sub.add_argument("--id", default="org.example.laboratory", help="of the Beacon, a reversed domain name")
    sub.add_argument("--person", help="who asks (default: the user logged in)")
