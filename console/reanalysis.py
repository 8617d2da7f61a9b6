"""Commands of re-analysis: what changed of whom, and what would be said under other knowledge."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from console.choosing import find
from console.listing import print_table, since
from console.output import plain, print_json
from engine.errors import KnowledgeError
from resources.environment import Resources
from resources.said_before import changes_of, replay

_HEADER = ("SAMPLE", "CHANGED (UTC)", "GENE", "ALLELE", "WAS", "IS", "WHY")


def changes(platform: Resources, chosen: argparse.Namespace) -> int:
    """List every finding that was told otherwise than before, of the samples named or of all."""
    named = [find(platform, name) for name in chosen.samples]
    every = sorted(platform.registry.ids()) if platform.settings.data.is_dir() else []
    found = [change for sample in named or every for change in changes_of(platform, sample)]
    found.sort(key=lambda change: (change.changed, change.sample, change.allele))
    if chosen.json:
        print_json([asdict(change) for change in found])
    elif found:
        cells = [
            (one.sample, since(one.changed), one.gene, one.allele, one.before, one.after, one.why) for one in found
        ]
        print_table([_HEADER, *cells])
    print(f"{len(found):,} changes of findings in {len(named or every):,} samples", file=sys.stderr)
    return 0


def replayed(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show what would be said of a sample under other releases, beside what is said; nothing of it is published."""
    name = find(platform, chosen.sample)
    told = replay(platform, name, dict(map(_release, chosen.knowledge)))
    if chosen.json:
        said = {
            when: {
                "digest": one.digest,
                "outcome": str(one.outcome),
                "conclusion": list(one.conclusion),
                "findings": [finding.headline for finding in one.findings],
            }
            for when, one in (("then", told.then), ("now", told.now))
        }
        print_json({"sample": name, "knowledge": chosen.knowledge, **said, "differs": list(told.differs)})
        return 0
    for when, one in ((f"under {', '.join(chosen.knowledge)}", told.then), ("as published", told.now)):
        print(f"{name} {when}: {one.outcome}")
        for finding in one.findings:
            print(f"  {plain(finding.headline)}")
    for line in told.differs or ("Both say the same.",):
        print(plain(line))
    return 0


def _release(text: str) -> tuple[str, str]:
    part, equals, release = text.partition("=")
    if not (part and equals and release):
        raise KnowledgeError(f"{text!r} names no release", remedy="write it as clinvar=2024-12-15")
    return part, release
