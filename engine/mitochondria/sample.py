"""One sample's mitochondrial genome from its reads to calls: which steps, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.mitochondria.across_the_cut import across_the_cut
from engine.mitochondria.calls import LEAST_FRACTION, MitochondrialCall, call_circle
from engine.mitochondria.circle import NAMES, Circle, find_circle
from engine.mitochondria.deletions import LargeDeletion, find_deletions
from engine.mitochondria.pileup import pile_up
from engine.mitochondria.reads import reads_of_circle
from engine.mitochondria.vcf import write_calls
from engine.reference.bundle import Contig
from engine.reference.genome import Reference


@dataclass(frozen=True)
class MitochondrialGenome:
    """What the reads say of the circle.

    Attributes:
        sample: its name.
        circle: the contig.
        calls: alleles that differ from the reference.
        deletions: large ones.
        mean_molecules: over the circle.
    """

    sample: str
    circle: Circle
    calls: Sequence[MitochondrialCall]
    deletions: Sequence[LargeDeletion]
    mean_molecules: float

    @property
    def heteroplasmic(self) -> int:
        """Passing small calls that not all molecules have."""
        return sum(call.filter == "PASS" and call.genotype != "1" for call in self.calls)

    def copies(self, autosomes: float | None) -> float | None:
        """Circles a cell: molecules over those of two autosomes; absent where these were not seen."""
        return 2 * self.mean_molecules / autosomes if autosomes else None


def has_circle(contigs: Sequence[Contig]) -> bool:
    """Whether a reference has a mitochondrial contig by its name."""
    return any(contig.name in NAMES for contig in contigs)


def call_mitochondria(
    reads: Path,
    reference: Reference,
    *,
    contig: str | None = None,
    sample: str | None = None,
    least_fraction: float = LEAST_FRACTION,
    threads: int = 1,
) -> MitochondrialGenome:
    """Call the circle of one sample.

    Args:
        reads: sorted, indexed BAM or CRAM.
        reference: the genome it was aligned to.
        contig: the mitochondrial one; by its name when absent.
        sample: what it is to be called; as the reads say when absent.
        least_fraction: heteroplasmy below which nothing is called.
        threads: for the templates that are aligned again.

    Raises:
        GenomicsError: reads or reference cannot be used, or no read is on the circle.
    """
    circle = find_circle(reference, contig)
    name = reads_of_circle(reads, reference, circle, sample=sample)
    length = len(circle.bases)
    straight = pile_up(reads, circle.name, length, fasta=reference.fasta)
    with across_the_cut(reads, reference, circle, threads=threads) as turned_reads:
        turned = None if turned_reads is None else pile_up(turned_reads, circle.name, length)
    calls = call_circle(circle, straight, turned, least_fraction=least_fraction)
    deletions = find_deletions(reads, circle, fasta=reference.fasta)
    return MitochondrialGenome(name, circle, calls, deletions, float(straight.depth.mean()))


def write_mitochondria(path: Path, found: MitochondrialGenome, contigs: Sequence[Contig]) -> int:
    """Write the calls as VCF, bgzip with its index; gives how many."""
    lines = [f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs]
    return write_calls(path, found.sample, found.circle, found.calls, found.deletions, contigs=lines)
