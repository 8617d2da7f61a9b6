"""The mitochondrial contig as a circle: which one it is, and the reads at its cut ends aligned across the cut.

A reference cuts the circle in the middle of the control region, where persons differ most; reads across the cut are
clipped there, and calls beside it lost. Their templates are aligned once more to the circle cut on its other side.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pysam

from engine.align.aligner import open_aligner
from engine.align.index import build_index
from engine.align.pipeline import AlignmentOptions, align_reads
from engine.errors import ReferenceMismatchError
from engine.reads.lane import Lane
from engine.reference.genome import Reference, open_reference

NAMES = ("chrM", "MT", "M", "chrMT", "NC_012920.1", "rCRS")
"""What references call it."""
CUT = 500
"""Bases on either side of the cut that are called from the reads aligned again."""
_NEAR = 2 * CUT
"""Templates with a read so near the cut are aligned again: more than those over the bases called from them."""
_LONGEST = 30_000
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
_SECONDARY, _PRIMARY_MASK = 0x100, 0x900
_FIRST, _LAST = 0x40, 0x80


@dataclass(frozen=True)
class Circle:
    """The mitochondrial contig.

    Attributes:
        name: in the reference.
        bases: upper case, as the reference cuts it.
    """

    name: str
    bases: str

    @property
    def half(self) -> int:
        """Where it is cut to have the reference's cut in the middle."""
        return len(self.bases) // 2

    @property
    def turned(self) -> str:
        """The circle cut there."""
        return self.bases[self.half :] + self.bases[: self.half]


def find_circle(reference: Reference, name: str | None = None) -> Circle:
    """The mitochondrial contig of a reference.

    Args:
        reference: the genome.
        name: of the contig; one of :data:`NAMES` when absent.

    Raises:
        ReferenceMismatchError: there is none, or it is no mitochondrion's by its length.
    """
    known = {contig.name: contig.length for contig in reference.contigs}
    found = name or next((one for one in NAMES if one in known), None)
    if found not in known:
        raise ReferenceMismatchError(
            f"the reference has no contig {name}" if name else "the reference has no mitochondrial contig",
            file=reference.fasta,
            remedy=f"name it with --contig; it was looked for as {', '.join(NAMES)}",
        )
    if not 2 * _NEAR < known[found] < _LONGEST:
        raise ReferenceMismatchError(
            f"contig {found} has {known[found]:,} bases, which is no mitochondrion",
            file=reference.fasta,
            remedy="name the mitochondrial contig with --contig",
        )
    with reference.open() as fasta:
        return Circle(str(found), fasta.fetch(found).upper())


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
            for region in ((0, _NEAR), (length - _NEAR, length))
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
