"""One sample's structural variants: found by a caller, told as what they are, genotyped, written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.reference.genome import Reference
from engine.structural.dysgu import call_with_dysgu, dysgu_version
from engine.structural.events import StructuralVariant, as_duplication, write_events
from engine.structural.genotype import genotype_event


def call_structural(reads: Path, reference: Reference, *, threads: int = 1) -> list[StructuralVariant]:
    """Find the structural variants of one sample, with genotypes.

    Args:
        reads: sorted, indexed BAM or CRAM of pairs.
        reference: the genome it was aligned to.
        threads: cores to use.

    Raises:
        ToolError: the caller is absent or failed.
    """
    import pysam

    found = call_with_dysgu(reads, reference.fasta, threads=threads)
    with (
        reference.open() as fasta,
        pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as alignments,
    ):
        return [genotype_event(as_duplication(event, fasta), alignments) for event in found]


def write_structural(path: Path, sample: str, events: Sequence[StructuralVariant], reference: Reference) -> int:
    """Write them as VCF 4.4, bgzip with its index; gives how many."""
    with reference.open() as fasta:
        return write_events(path, sample, events, fasta, source=dysgu_version())
