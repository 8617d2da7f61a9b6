"""``python -m benchmarks.hostile``: hostile strings at each door that takes words; ends with 1 where one gets through.

The strings are those of the tests (:mod:`tests.builders.hostile`), and more of them: parts of paths, commands, markup,
formulas and control codes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tests.builders.hostile import hostile_strings
from tests.builders.hostile_doors import as_cells, as_sample_names, in_fhir, in_headers, on_pages

DOORS = {
    "names of samples": as_sample_names,
    "cells of sample sheets": as_cells,
    "words in VCF headers": in_headers,
    "words in FHIR resources": in_fhir,
    "words on the portal's pages": on_pages,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all, print what became of them with the seconds of CPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--each", type=int, default=100_000, help="strings at each door (default %(default)s)")
    parser.add_argument("--seed", type=int, default=16)
    chosen, through = parser.parse_args(arguments), 0
    print(
        "| hostile strings as | tried | refused | accepted wrongly | shown unescaped | s |\n|---|---|---|---|---|---|"
    )
    for name, door in DOORS.items():
        before = os.times().user
        found = door(hostile_strings(chosen.each, chosen.seed))
        wrong, unescaped = len(found.accepted_wrongly), len(found.unescaped)
        through += wrong + unescaped
        seconds = os.times().user - before
        print(f"| {name} | {found.strings:,} | {found.refused:,} | {wrong:,} | {unescaped:,} | {seconds:.1f} |")
    return int(through > 0)


if __name__ == "__main__":
    sys.exit(main())
