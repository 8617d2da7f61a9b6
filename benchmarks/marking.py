"""``python -m benchmarks.marking``: what the engine does to aligned reads, without the aligner.

Duplicates, sort, measures, BAM and index of the reads that :mod:`benchmarks` simulated and aligned before. The
aligner's records are kept in memory first, so that only what comes behind it is measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.inputs import RESULTS
from engine.align.aligner import Aligner, open_aligner
from engine.align.index import AlignerIndex, build_index
from engine.align.pipeline import AlignmentOptions, align_reads
from engine.reads.fastq import PairBatch
from engine.reads.lane import Lane
from engine.reads.records import Records
from engine.reference.genome import open_reference


class _Replay:
    """An aligner that gives again what another gave; the batches of reads are left alone."""

    def __init__(self, aligner: Aligner) -> None:
        self.name, self.version = aligner.name, aligner.version
        self.index: AlignerIndex = aligner.index
        self._aligner = aligner
        self._kept: list[Records] = []

    def align(self, batches: Iterable[PairBatch], *, read_group: str, threads: int) -> Iterator[Records]:
        if not self._kept:
            for records in self._aligner.align(batches, read_group=read_group, threads=threads):
                self._kept.append(records)
                yield records
            return
        yield from self._kept


def main() -> int:
    """Print CPU and wall seconds of what comes behind the aligner."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.marking", description=__doc__)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where python -m benchmarks wrote its reads")
    parser.add_argument("--threads", type=int, default=2, help="(%(default)s)")
    options = parser.parse_args()
    fasta: Path = options.folder / "reference.fa"
    if not fasta.exists():
        print(f"no {fasta}: run python -m benchmarks --folder {options.folder} first", file=sys.stderr)
        return 1
    reference = open_reference(fasta)
    lane = Lane("L001", options.folder / "reads_1.fq.gz", options.folder / "reads_2.fq.gz")
    with tempfile.TemporaryDirectory() as name:
        index = Path(name, "index")
        build_index(reference, index)
        aligner = _Replay(open_aligner("bwa-mem3", index, reference.contigs))
        settings = AlignmentOptions(threads=options.threads)
        pairs = 0
        for again in (False, True):
            cpu, wall = time.process_time(), time.monotonic()
            aligned = align_reads([lane], "S1", reference, aligner, Path(name, "S1.bam"), options=settings, log=_quiet)
            cpu, wall = time.process_time() - cpu, time.monotonic() - wall
            what = "duplicates, sort, measures, BAM and index" if again else "with the aligner"
            pairs = pairs or aligned.pairs  # the second time no FASTQ is read
            print(f"{what}: {pairs:,} pairs, {cpu:.1f} CPU s, {wall:.1f} s at {options.threads} threads")
    return 0


def _quiet(_: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
