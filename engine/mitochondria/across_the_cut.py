"""Reads at the circle's cut ends, aligned across the cut.

A reference cuts the circle in the middle of the control region, where persons differ most; reads across the cut are
clipped there, and calls beside it lost. Their templates are aligned once more to the circle cut on its other side.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pysam

from engine.align.aligner import open_aligner
from engine.align.index import build_index
from engine.align.pipeline import AlignmentOptions, align_reads
from engine.mitochondria.circle import NEAR, Circle
from engine.reads.lane import Lane
from engine.reference.genome import Reference, open_reference

_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
_SECONDARY, _PRIMARY_MASK = 0x100, 0x900
_FIRST, _LAST = 0x40, 0x80


@contextmanager
def across_the_cut(reads: Path, reference: Reference, circle: Circle, *, threads: int = 1) -> Iterator[Path | None]:
    """A BAM file of the templates near the cut, aligned to the turned circle; absent where there are no pairs.

    Args:
        reads: sorted, indexed BAM or CRAM.
        reference: what it was aligned to.
        circle: its mitochondrial contig.
        threads: that align.
    """
    with TemporaryDirectory(prefix="mitochondria-") as name:
        folder = Path(name)
        lane = _write_pairs(reads, reference, circle, folder)
        if lane is None:
            yield None
            return
        fasta = folder / "turned.fa"
        fasta.write_text(f">{circle.name}\n{circle.turned}\n")
        turned = open_reference(fasta)
        build_index(turned, folder / "index")
        aligner = open_aligner("bwa-mem3", folder / "index", turned.contigs)
        yield align_reads(
            [lane],
            "turned",
            turned,
            aligner,
            folder / "turned.bam",
            options=AlignmentOptions(threads=threads),
            log=lambda _: None,
        ).path


def _write_pairs(reads: Path, reference: Reference, circle: Circle, folder: Path) -> Lane | None:
    """FASTQ of the whole pairs of which a read lies near the cut."""
    length = len(circle.bases)
    with pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta), check_sq=False) as file:
        near = {
            read.query_name
            for region in ((0, NEAR), (length - NEAR, length))
            for read in file.fetch(circle.name, *region)
            if not read.flag & _SECONDARY
        }
        mates: dict[str, dict[int, tuple[str, str]]] = {}
        for read in file.fetch(circle.name):
            if read.query_name in near and not read.flag & _PRIMARY_MASK and not read.is_duplicate:
                mates.setdefault(read.query_name, {})[read.flag & (_FIRST | _LAST)] = _as_sequenced(read)
    pairs = {name: both for name, both in mates.items() if both.keys() == {_FIRST, _LAST}}
    if not pairs:
        return None
    paths = [folder / f"R{mate}.fastq.gz" for mate in (1, 2)]
    for path, mate in zip(paths, (_FIRST, _LAST), strict=True):
        with gzip.open(path, "wt", compresslevel=1) as fastq:
            for number, both in enumerate(pairs.values()):
                fastq.write(f"@m{number}\n{both[mate][0]}\n+\n{both[mate][1]}\n")
    return Lane("L001", paths[0], paths[1])


def _as_sequenced(read: pysam.AlignedSegment) -> tuple[str, str]:
    bases, qualities = read.query_sequence or "", pysam.qualities_to_qualitystring(read.query_qualities or [])
    if read.is_reverse:
        return bases.translate(_COMPLEMENT)[::-1], str(qualities)[::-1]
    return bases, str(qualities)
