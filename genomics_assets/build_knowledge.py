"""``python -m genomics_assets.build_knowledge``: build what the reference declares, here, and say what there is.

The server does the same by itself once a declared file is there (sensor ``knowledge_sources``); this is for whoever
wants to see it done before the first sample, or has no server.
"""

from __future__ import annotations

import sys

import dagster as dg

from engine.errors import GenomicsError
from genomics_assets.instance import hand_down, prepare_instance
from resources.deployment import as_served
from resources.environment import Resources, Settings, build_resources


def main() -> int:
    """Build, and print a line a part; 1 where one could not be built."""
    try:
        settings = Settings.from_environment(as_served())
        prepare_instance(settings)
        hand_down(settings)
        platform = build_resources(settings)
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    from genomics_assets.run_here import problems_of, run_here

    print(f"Building the knowledge of {platform.knowledge.declaration.name} ...", flush=True)
    with dg.DagsterInstance.get() as instance:
        done = run_here(instance, "knowledge")
    for line in built(platform):
        print(line)
    for problem in problems_of(done):
        print(problem, file=sys.stderr)
    return int(not done.success)


def built(platform: Resources) -> list[str]:
    """A line for each part that the reference declares: records, and the release it says it is of."""
    lines = []
    for part in platform.knowledge.parts:
        receipt = platform.lake.previous(part)
        if receipt is None:
            lines.append(f"  {part:<20} not built")
        else:
            release = receipt.measures.get("release") or "no release stated"
            lines.append(f"  {part:<20} {receipt.records:>14,} records   {release}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
