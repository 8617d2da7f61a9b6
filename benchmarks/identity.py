"""``python -m benchmarks.identity [--persons N] [--sites N] [--reads IN.bam --reference REF.fa --panel PREFIX]``.

What one more sample costs beside those that are there: a deployment's lake with so many published sketches, and one
sample compared with all of them as the platform does it (:class:`engine.ops.inputs.OthersOf`): receipts read and
vouched for, sketches read, pairs judged. With reads, what looking a panel up and estimating contamination costs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from engine.identity.relatives import Comparison, Sketched, compare
from engine.identity.sketch import file_name, pack, read_sketch, write_sketch
from engine.person import Person
from engine.receipt import Recipe
from resources.lake import LocalLake

Value = TypeVar("Value")
SITES_A_STRETCH = 4
_PANEL = "benchmark-panel"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=10_000)
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--reads", type=Path)
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--panel", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        lake = LocalLake(Path(name) / "lake")
        publish(lake, options.persons, options.sites)
        for persons in sorted({max(1, options.persons // 100), max(1, options.persons // 10), options.persons}):
            (found, reading), judging = one_more(lake, persons, options.sites)
            print(
                f"one sample beside {found.compared:,} at {options.sites:,} sites: receipts and sketches "
                f"{reading:.2f}, comparison {judging:.2f} CPU s",
                flush=True,
            )
    if options.reads:
        tell_contamination(options.reads, options.reference, options.panel)
    return 0


def publish(lake: LocalLake, persons: int, sites: int) -> None:
    """Publish an artifact with a sketch of each of so many strangers."""
    numbers = np.random.default_rng(1)
    frequency = numbers.uniform(0.1, 0.9, sites)
    for person in range(persons):
        copies = numbers.binomial(2, frequency).astype(np.int8)
        with lake.work("identity", _sample(person)) as work:
            write_sketch(pack(copies), work.folder / file_name(_sample(person), _PANEL))
            work.publish(records=sites, recipe=Recipe(), measures={})


def one_more(lake: LocalLake, persons: int, sites: int) -> tuple[tuple[Comparison, float], float]:
    """Compare the first person with so many others; seconds of reading them, and of comparing."""
    every, reading = _timed(lambda: [_sketched(lake, person) for person in range(persons)])
    stretch = np.arange(sites, dtype=np.int64) // SITES_A_STRETCH
    found, judging = _timed(lambda: compare(every[0], every[1:], stretch))
    return (found, reading), judging


def tell_contamination(reads: Path, reference: Path, prefix: Path) -> None:
    """Look a panel up in reads and estimate, in the asset's way."""
    from engine.call.haplotype.reads.source import ReadSource
    from engine.files.bgzf import LOOK_UP
    from engine.identity.contamination import estimate_contamination
    from engine.identity.panel import read_panel
    from engine.identity.sample import MOST_SITES, soon_found
    from engine.identity.site_bases import bases_of_reads

    whole = read_panel(prefix)
    panel = whole.some(soon_found(whole, MOST_SITES))
    source = ReadSource(reads, fasta=reference, sample=None, reads_per_start=0, read_ahead=LOOK_UP)
    bases_of_reads(source, panel.some(np.arange(min(20, len(panel)))), required=False)  # kernels are loaded
    bases, looking = _timed(lambda: bases_of_reads(source, panel))
    mixed, estimating = _timed(lambda: estimate_contamination(bases, panel))
    each = 1_000 * looking / bases.sites
    print(
        f"{bases.sites:,} of {len(panel):,} sites looked up at depth {mixed.average_depth:.0f}: {looking:.2f} CPU s "
        f"({each:.2f} ms a site); share and ancestries {estimating:.2f} CPU s: {mixed.freemix:.5f}"
    )


def _sample(person: int) -> str:
    return f"S{person:05d}"


def _sketched(lake: LocalLake, person: int) -> Sketched:
    receipt = lake.receipt("identity", _sample(person))
    assert receipt is not None  # it was published above
    path = lake.path(receipt, file_name(_sample(person), _PANEL))
    return Sketched(_sample(person), Person(f"subject-{person}"), read_sketch(path))


def _timed(compute: Callable[[], Value]) -> tuple[Value, float]:
    started = time.process_time()
    value = compute()
    return value, time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
