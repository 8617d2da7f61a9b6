"""``python -m benchmarks.serial``: how much of aligning only one core can do, of the reads :mod:`benchmarks` simulated.

Counted in CPU seconds per million pairs are the main thread's, in which the lanes are put into batches and the BAM is
written, and what workers do while they hold Python's lock: making an object of every read and taking apart those of
the records. All else runs on threads without the lock. The reads go through once before, so that loading kernels and
touching memory for the first time do not count.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.inputs import RESULTS
from engine.align import bwa_mem3 as binding
from engine.align.aligner import open_aligner
from engine.align.index import ensure_index
from engine.align.pipeline import AlignmentOptions, align_reads
from engine.reads.lane import Lane
from engine.reference.genome import open_reference

CORES = 16


class _Stopwatch:
    """Adds up the CPU seconds that functions take on whatever thread calls them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def around(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function, timed."""

        def timed(given: Any) -> Any:
            before = time.thread_time()
            made = function(given)
            self.seconds.append(time.thread_time() - before)
            return made

        return timed


def main(arguments: Sequence[str] | None = None) -> int:
    """Print CPU seconds per million pairs, and what they mean at many cores."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serial", description=__doc__)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where python -m benchmarks wrote its reads")
    parser.add_argument("--threads", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--memory", type=int, default=64, help="MB of records before they go to disk (%(default)s)")
    given = parser.parse_args(arguments)
    fasta: Path = given.folder / "reference.fa"
    if not fasta.exists():
        print(f"no {fasta}: run python -m benchmarks --folder {given.folder} first", file=sys.stderr)
        return 1
    under_lock = _Stopwatch()
    for name in ("to_objects", "from_objects"):
        setattr(binding, name, under_lock.around(getattr(binding, name)))
    reference = open_reference(fasta)
    aligner = open_aligner("bwa-mem3", ensure_index(reference, given.folder / "index").prefix, reference.contigs)
    lane = Lane("L001", given.folder / "reads_1.fq.gz", given.folder / "reads_2.fq.gz")
    options = AlignmentOptions(threads=given.threads, memory=given.memory << 20)
    for _ in range(2):
        under_lock.seconds.clear()
        whole, main_thread = time.process_time(), time.thread_time()
        output = given.folder / "serial.bam"
        pairs = align_reads([lane], "S1", reference, aligner, output, options=options, log=lambda _: None).pairs
        whole, main_thread = time.process_time() - whole, time.thread_time() - main_thread
    objects = sum(under_lock.seconds)
    each, serial = 1e6 / pairs, main_thread + objects
    print(
        f"{pairs:,} pairs; CPU seconds per million: {whole * each:.1f} in all, {main_thread * each:.2f} of them in the"
    )
    print(f"main thread and {objects * each:.2f} under Python's lock. If none of these were done while others work,")
    print(f"{CORES} cores would do the work of {CORES / (1 + (CORES - 1) * serial / whole):.1f} (Amdahl).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
