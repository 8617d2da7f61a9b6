"""One sample's structural variants: found by junctions and by depth, told as what they are, genotyped, written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.call.ploidy import PloidyPart, ploidy_of
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.bundle import Contig
from engine.reference.genome import Reference
from engine.reference.intervals import Interval
from engine.structural.depth import CopiesAlong, DepthEvent, Depths, copies_along, count_depths
from engine.structural.dysgu import call_with_dysgu, dysgu_version
from engine.structural.events import StructuralVariant, as_duplication, write_events
from engine.structural.genotype import genotype_event
from engine.structural.inserted_copies import inserted_copies, insertion_by_clips
from engine.structural.target_copies import TargetCopies, TargetEvent

if TYPE_CHECKING:
    import pysam

Caller = Literal["dysgu", "depth"]
_USUAL: Final = {Sex.MALE: {"X": 1, "Y": 1}, Sex.FEMALE: {"X": 2, "Y": 0}}
_LEFT_OUT: Final = {True: frozenset({"MT"}), False: frozenset({"MT", "X", "Y"})}
"""Contigs, by whether the sex is known."""
_WITHIN: Final = 300
"""Bases by which depth places an end, on either side."""
_ALIKE: Final = 0.5
"""Of either of two events that both are of, from which they are one."""
SURE: Final = 30
"""Phred of a depth event, from which it passes."""
_CHANGED: Final = 0.4
"""Copies by which a stretch must differ from the usual number for a junction over it to be believed."""
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
    copies = _copies(reads, reference, sex)
    junctions = _by_junctions(reads, reference, threads, copies) if caller == "dysgu" else []
    depth = () if copies is None else copies.gains_and_losses()
    further = (event for event in depth if not _is_told(event, junctions))
    return StructuralCalls((*junctions, *further), has_depth=copies is not None)


def _by_junctions(reads: Path, reference: Reference, threads: int, copies: _Copies | None) -> list[StructuralVariant]:
    import pysam

    allowed = copies.allow if copies else lambda _: True
    lengths = {contig.name: contig.length for contig in reference.contigs if bare_contig(contig.name) != "MT"}
    found = [
        _within(event, lengths[event.contig])
        for event in call_with_dysgu(reads, reference.fasta, threads=threads)
        if event.contig in lengths  # the mitochondrion is a circle: where it is cut all its reads tell of an event
    ]
    with (
        reference.open() as fasta,
        pysam.AlignmentFile(str(reads), reference_filename=str(reference.fasta)) as alignments,
    ):
        told = inserted_copies([as_duplication(event, fasta) for event in found], allowed)
        genotyped = [
            genotype_event(insertion_by_clips(event, alignments, is_allowed=allowed(event)), alignments)
            for event in told
        ]
    return [event if allowed(event) else replace(event, passes=False) for event in genotyped]


def _within(event: StructuralVariant, length: int) -> StructuralVariant:
    """The event on a contig of that length, whose last bases callers place an event behind."""
    if event.end <= length:
        return event
    start = min(event.start, length - 1)
    spans = event.kind in ("DEL", "DUP", "INV")
    return replace(event, start=start, end=length, length=length - start - 1 if spans else event.length)


@dataclass(frozen=True)
class _Copies:
    """Copies along a sample's genome, beside those that the person has usually."""

    along: CopiesAlong
    parts: Mapping[str, Sequence[PloidyPart]]

    def usual(self, contig: str, position: int) -> int:
        """Copies at a place, if nothing happened."""
        return next(part.copies for part in self.parts[contig] if position < part.interval.end)

    def gains_and_losses(self) -> list[StructuralVariant]:
        """What is more or less."""
        return [as_variant(event, self.usual(event.contig, event.start)) for event in self.along.events(self.usual)]

    def allow(self, event: StructuralVariant) -> bool:
        """Whether depth does not contradict it: a loss or gain of a stretch whose copies are as usual."""
        if event.kind not in ("DEL", "DUP") or event.contig not in self.parts:
            return True
        copies = self.along.median(Interval(event.contig, event.start + 1, event.end))
        if copies is None:
            return True
        change = copies - self.usual(event.contig, event.start)
        return change < -_CHANGED if event.kind == "DEL" else change > _CHANGED


def _copies(reads: Path, reference: Reference, sex: Sex) -> _Copies | None:
    """Copies along the genome; absent where depth cannot tell of them."""
    depths = count_depths(reads, reference.fasta)
    with reference.open() as fasta:
        return _copies_of(depths, reference.contigs, sex, fasta)


def gains_and_losses(
    depths: Depths, contigs: Sequence[Contig], sex: Sex, fasta: pysam.FastaFile | None = None
) -> list[StructuralVariant] | None:
    """What of a genome's depths is more or less than the person has usually.

    Args:
        depths: of the sample.
        contigs: of the reference. The mitochondrion is left out: a cell has hundreds of it.
        sex: of the person; of an unknown one X and Y are left out.
        fasta: the reference, as :func:`engine.structural.depth.find_depth_events` takes it.

    Returns:
        Nothing where targets were sequenced, or too little.
    """
    copies = _copies_of(depths, contigs, sex, fasta)
    return None if copies is None else copies.gains_and_losses()


def _copies_of(depths: Depths, contigs: Sequence[Contig], sex: Sex, fasta: pysam.FastaFile | None) -> _Copies | None:
    told = [contig for contig in contigs if bare_contig(contig.name) not in _LEFT_OUT[sex is not Sex.UNKNOWN]]
    parts = {contig.name: _usual_parts(contig, sex) for contig in told}
    within = [part.interval for some in parts.values() for part in some]
    along = copies_along(depths, within=within, fasta=fasta)
    return None if along is None else _Copies(along, parts)


def usual_copies(pieces: Sequence[Interval], contigs: Sequence[Contig], sex: Sex) -> NDArray[np.int64]:
    """Copies that a person has of each piece, int64[pieces]; 0 where depth tells nothing, as on X of an unknown sex."""
    left_out = _LEFT_OUT[sex is not Sex.UNKNOWN]
    parts = {one.name: () if bare_contig(one.name) in left_out else tuple(_usual_parts(one, sex)) for one in contigs}
    usual = [
        next((part.copies for part in parts[piece.contig] if piece.start < part.interval.end), 0) for piece in pieces
    ]
    return np.array(usual, np.int64)


def with_targets(found: StructuralCalls, copies: TargetCopies, contigs: Sequence[Contig]) -> StructuralCalls:
    """The calls with gains and losses of targets of which no junction tells."""
    lengths = {contig.name: contig.length for contig in contigs}
    events = [_of_target(event, lengths[event.contig]) for event in copies.events]
    return replace(found, events=(*found.events, *(one for one in events if not _is_told(one, found.events))))


def _of_target(event: TargetEvent, length: int) -> StructuralVariant:
    """A gain or loss of targets as a structural variant: between the targets its ends are not known."""
    depth = DepthEvent(event.contig, event.start, event.end, event.copies, event.depth, event.pieces, event.quality)
    behind = length if event.behind is None else event.behind
    return replace(
        as_variant(depth, event.usual),
        start_within=0,
        end_within=0,
        maybe_before=event.start - event.before,
        maybe_behind=behind - event.end,
    )


def _usual_parts(contig: Contig, sex: Sex) -> list[PloidyPart]:
    """The stretches of a contig with one number of copies; the ends that X and Y share are known by build."""
    parts = ploidy_of(Interval(contig.name, 0, contig.length), contig.length, sex)
    if len(parts) > 1:
        return parts
    return [PloidyPart(parts[0].interval, _USUAL.get(sex, {}).get(bare_contig(contig.name), 2))]


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
        passes=event.quality >= SURE,
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
