"""What an allele changes, each change in its only spelling, so that alleles are compared however they were written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from engine.annotate.edit import left_aligned
from engine.errors import ReferenceMismatchError
from engine.pharmacogenomics.definitions import Locus
from engine.reference.accessions import bare_contig

if TYPE_CHECKING:
    import pysam

REACH = 1000
"""Bases about an insertion or deletion within which it may be written elsewhere."""


class Change(NamedTuple):
    """One base changed, or bases inserted or deleted, in its only spelling.

    Attributes:
        position: 1-based.
        ref: replaced bases; the base before an insertion or deletion is part of it.
        alt: bases instead.
    """

    position: int
    ref: str
    alt: str

    @property
    def touched(self) -> range:
        """1-based positions of bases that are changed or deleted; of an insertion the base before it."""
        before = self.ref[:1] == self.alt[:1]
        start = self.position + (before and len(self.ref) > 1)
        return range(start, self.position + len(self.ref))

    @property
    def is_one_base(self) -> bool:
        """Whether one base is changed into another."""
        return len(self.ref) == len(self.alt) == 1


class Genome:
    """The reference's bases by position, for the contigs it has, whatever they are called."""

    def __init__(self, fasta: pysam.FastaFile) -> None:
        self._fasta = fasta
        self._names = {bare_contig(name): name for name in fasta.references}

    def __contains__(self, contig: str) -> bool:
        return bare_contig(contig) in self._names

    def bases(self, contig: str, start: int, end: int) -> str:
        """Bases, 0-based half-open, cut at the contig's ends."""
        bases: str = self._fasta.fetch(self._names[bare_contig(contig)], max(0, start), max(0, end))
        return bases.upper()


def changes(position: int, ref: str, alt: str, contig: str, genome: Genome | None) -> tuple[Change, ...]:
    """What an allele changes, each change in its only spelling.

    Args:
        position: 1-based, of REF's first base.
        ref: bases of the genome.
        alt: bases instead.
        contig: where.
        genome: without it insertions and deletions are trimmed but not moved.

    >>> changes(5, "AC", "GT", "1", None)
    (Change(position=5, ref='A', alt='G'), Change(position=6, ref='C', alt='T'))
    >>> changes(5, "CAT", "CATAT", "1", None)
    (Change(position=5, ref='C', alt='CAT'),)
    """
    if len(ref) == len(alt):
        pairs = zip(ref, alt, strict=True)
        return tuple(Change(position + n, a, b) for n, (a, b) in enumerate(pairs) if a != b)
    start = position - 1
    if genome is None:
        lead, sequence = start, ref
    else:
        lead = max(0, start - REACH)
        sequence = genome.bases(contig, lead, start + len(ref) + 1)
    moved, ref, alt = left_aligned(start - lead, ref, alt, sequence)
    return (Change(lead + moved, ref, alt),)


def require_bases(loci: Iterable[Locus], genome: Genome, source: str, build: str) -> None:
    """Refuse a reference that does not read what the definition says it reads.

    Raises:
        ReferenceMismatchError: REF of a place is not the reference's.
    """
    for locus in loci:
        if locus.contig not in genome:
            continue
        start = locus.position - 1
        read = genome.bases(locus.contig, start, start + len(locus.ref))
        if read != locus.ref:
            raise ReferenceMismatchError(
                f"the allele definitions ({source}, {build}) have {locus.ref} at {locus.label}, the reference reads"
                f" {read or 'nothing'}",
                place=f"{locus.contig}:{locus.position:,}",
                remedy=f"use the reference of {build} that the calls were made with",
            )
