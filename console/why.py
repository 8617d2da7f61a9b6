"""``genomics why``: what became of one variant of a sample, and why it is or is not in the report."""

from __future__ import annotations

import argparse

from console.choosing import find
from console.output import plain, print_json
from resources.environment import Resources
from resources.explained import ABSENT, explain


def why(platform: Resources, chosen: argparse.Namespace) -> int:
    """Answer for one variant; exit code 1 where the sample has no such call."""
    name = find(platform, chosen.sample)
    answer = explain(platform, name, chosen.variant)
    if chosen.json:
        print_json({"sample": name} | vars(answer))
    else:
        print(
            plain(
                f"{name} {answer.variant}: {answer.outcome}. {answer.explanation[:1].upper()}{answer.explanation[1:]}"
            )
        )
    return 1 if answer.outcome in ABSENT else 0
