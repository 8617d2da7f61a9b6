"""One sample's structural variants: found by junctions and by depth, told as what they are, genotyped, written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.genome import Reference
from engine.structural.depth import DepthEvent, count_depths, find_depth_events
from engine.structural.dysgu import call_with_dysgu, dysgu_version
from engine.structural.events import StructuralVariant, as_duplication, write_events
from engine.structural.genotype import genotype_event

Caller = Literal["dysgu", "depth"]
_USUAL: Final = {Sex.MALE: {"X": 1, "Y": 1}, Sex.FEMALE: {"X": 2, "Y": 0}}
_WITHIN: Final = 300
"""Bases by which depth places an end, on either side."""
_ALIKE: Final = 0.5
"""Of either of two events that both are of, from which they are one."""
_SURE: Final = 30
"""Phred of a depth event, from which it passes."""
NO_DEPTH: Final = "targets were sequenced and not the genome, or too little of it"
"""Why depth tells nothing of copies."""


@dataclass(frozen=True)
class StructuralCalls:
    """What was found of one sample.

    Attributes:
        events: by junctions, then those by depth of which no junction tells.
        has_depth: whether depth could tell of copies (else :data:`NO_DEPTH`).
    """

    events: tuple[StructuralVariant, ...]
    has_depth: bool


def call_structural(
    reads: Path, reference: Reference, *, sex: Sex = Sex.UNKNOWN, threads: int = 1, caller: Caller = "dysgu"
) -> StructuralCalls:
    """Find the structural variants of one sample, with genotypes.

    Args:
        reads: sorted, indexed BAM or CRAM of pairs.
        reference: the genome it was aligned to.
        sex: of the person, by whom the usual copies of X and Y are told; of an unknown one depth says nothing there.
        threads: cores to use.
        caller: ``dysgu`` for junctions and depth, ``depth`` for depth alone.

    Raises:
        ToolError: the caller of junctions is absent or failed.
        AlignmentFileError: the reads are damaged.
    """
    junctions = _by_junctions(reads, reference, threads) if caller == "dysgu" else []
    depth = _by_depth(reads, reference, sex)
    further = (event for event in depth or () if not _is_told(event, junctions))
    return StructuralCalls((*junctions, *further), has_depth=depth is not None)


def _by_junctions(reads: Path, reference: Reference, threads: int) -> list[StructuralVariant]:
    import pysam

    found = call_with_dysgu(reads, reference.fasta, threads=threads)
    with (
        reference.open() as fasta,
        pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as alignments,
    ):
        return [genotype_event(as_duplication(event, fasta), alignments) for event in found]


def _by_depth(reads: Path, reference: Reference, sex: Sex) -> list[StructuralVariant] | None:
    """Gains and losses; absent where depth cannot tell of them."""
    known = _USUAL.get(sex, {})
    usual = {contig.name: known.get(bare_contig(contig.name), 2) for contig in reference.contigs} if known else {}
    depths = count_depths(reads, reference.fasta)
    with reference.open() as fasta:
        found = find_depth_events(depths, usual=usual, fasta=fasta)
    if found is None:
        return None
    return [as_variant(event, usual.get(event.contig, 2)) for event in found if usual or _is_autosome(event)]


def _is_autosome(event: DepthEvent) -> bool:
    return bare_contig(event.contig).isdecimal()


def as_variant(event: DepthEvent, usual: int) -> StructuralVariant:
    """A gain or loss by depth as a structural variant, where a person has so many copies usually."""
    genotype = "./."
    if usual == 2 and event.copies < 4:
        genotype = {0: "1/1", 1: "0/1", 3: "0/1"}[event.copies]
    return StructuralVariant(
        kind="DEL" if event.copies < usual else "DUP",
        contig=event.contig,
        start=max(0, event.start - 1),
        end=event.end,
        length=event.end - event.start,
        genotype=genotype,
        quality=event.quality,
        pairs=0,
        split_reads=0,
        probability=1 - 10 ** (-event.quality / 10),
        passes=event.quality >= _SURE,
        start_within=_WITHIN,
        end_within=_WITHIN,
        copies=event.copies,
        by_depth=True,
    )


def _is_told(event: StructuralVariant, junctions: Sequence[StructuralVariant]) -> bool:
    """Whether a junction tells of the same stretch, more exactly."""
    for other in junctions:
        common = min(event.end, other.end) - max(event.start, other.start)
        same = (event.contig, event.kind) == (other.contig, other.kind) and other.passes
        if same and common >= _ALIKE * max(event.length, other.length):
            return True
    return False


def write_structural(
    path: Path, sample: str, events: Sequence[StructuralVariant], reference: Reference, *, caller: Caller = "dysgu"
) -> int:
    """Write them as VCF 4.4, bgzip with its index; gives how many."""
    source = dysgu_version() if caller == "dysgu" else "depth alone"
    with reference.open() as fasta:
        return write_events(path, sample, events, fasta, source=source)
