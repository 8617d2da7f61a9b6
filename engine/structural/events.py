"""One structural variant, whoever found it, and how it is written: VCF 4.4 with symbolic alleles.

An insertion of what stands beside it is a tandem duplication, and is told as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.files.calls_index import index_calls
from engine.release import engine_release

if TYPE_CHECKING:
    import pysam

Kind = Literal["DEL", "DUP", "INV", "INS", "BND"]
BY_JUNCTIONS, BY_DEPTH = "structural variants", "copy number by depth"
X_AND_Y_BY_DEPTH = "copy number of X and Y by depth"
"""What is looked for, in words."""

_ALIKE = 0.95
"""Of an insertion's bases equal to those beside it, from which it is a duplication."""
_TELLING = 30
"""First bases of an insertion, from which they tell whether it is what stands beside it."""
_OFF = 10
"""Bases by which the place of such an insertion may be off: as many may be alike at both ends."""
_SURE = 5
_HEADER = (
    '##FILTER=<ID=low_probability,Description="The caller holds it for less likely than not, or depth is as usual">',
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind: DEL, DUP, INV, INS or BND">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">',
    '##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length in bases">',
    '##INFO=<ID=SVCLAIM,Number=A,Type=String,Description="J: told by its junctions, D: by depth">',
    '##INFO=<ID=CIPOS,Number=.,Type=Integer,Description="Interval of 95% around POS">',
    '##INFO=<ID=CIEND,Number=.,Type=Integer,Description="Interval of 95% around END">',
    '##INFO=<ID=SVINSSEQ,Number=1,Type=String,Description="Inserted bases, as far as they are known">',
    '##ALT=<ID=DEL,Description="Deletion">',
    '##ALT=<ID=DUP,Description="Tandem duplication">',
    '##ALT=<ID=INV,Description="Inversion">',
    '##ALT=<ID=INS,Description="Insertion">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality (Phred)">',
    '##FORMAT=<ID=PE,Number=1,Type=Integer,Description="Pairs that tell of it">',
    '##FORMAT=<ID=SR,Number=1,Type=Integer,Description="Split reads that tell of it">',
    '##FORMAT=<ID=CN,Number=1,Type=Float,Description="Copies in the cell, by depth">',
    '##FORMAT=<ID=PROB,Number=1,Type=Float,Description="Probability that it is there, by the caller\'s model">',
)


@dataclass(frozen=True)
class StructuralVariant:
    """One event of one sample.

    Attributes:
        kind: ``BND`` joins two places that are neither neighbours nor on one contig.
        contig: where.
        start: 0-based, the base before the event.
        end: one past its last base; ``start + 1`` for an insertion or a BND.
        length: bases that are deleted, doubled, turned round or put in; 0 for a BND and where it is not known.
        genotype: ``0/1``, ``1/1``, or ``./.`` where it is not told.
        quality: of the genotype, Phred.
        pairs: that tell of it.
        split_reads: that tell of it.
        probability: that it is there, 0 to 1, as the caller's model holds.
        passes: whether the caller holds it for there.
        start_within: interval of 95% around the start, in bases on either side.
        end_within: the same of the end.
        inserted: bases of an insertion, empty where unknown.
        mate: of a BND, the ALT of VCF, with ``N`` for the base before it; empty otherwise.
        copies: of the stretch in the cell, absent where depth was not asked.
        by_depth: whether the depth alone tells of it, and no junction.
        begins: of an insertion that is not known whole, its first bases.
        maybe_before: bases before the start that may be in it as well: between targets nothing was read.
        maybe_behind: bases behind the end that may be.
    """

    kind: Kind
    contig: str
    start: int
    end: int
    length: int
    genotype: str
    quality: int
    pairs: int
    split_reads: int
    probability: float
    passes: bool
    start_within: int = 0
    end_within: int = 0
    inserted: str = ""
    mate: str = ""
    copies: int | None = None
    by_depth: bool = False
    begins: str = ""
    maybe_before: int = 0
    maybe_behind: int = 0


def as_duplication(event: StructuralVariant, fasta: pysam.FastaFile) -> StructuralVariant:
    """The event, an insertion of the bases before or behind it as the duplication that it is.

    Its bases being those beside it speaks for itself: it passes with :data:`_SURE` split reads, whatever the caller's
    model holds of it as an insertion. Of one that no read holds whole the first bases tell.
    """
    if not event.length:
        return event
    is_whole = len(event.inserted) >= event.length
    known, size = (event.inserted, len(event.inserted)) if is_whole else (event.begins, event.length)
    if event.kind != "INS" or len(known) < (1 if is_whole else _TELLING):
        return event
    off = (0,) if is_whole else range(-_OFF, _OFF + 1)
    for start in (event.start, event.start - size):
        if any(_stands_at(known, fasta, event.contig, start + 1 + shift) for shift in off):
            sure = event.passes or event.split_reads >= _SURE
            end = start + 1 + size
            return replace(event, kind="DUP", start=start, end=end, length=size, inserted="", begins="", passes=sure)
    return event


def _stands_at(bases: str, fasta: pysam.FastaFile, contig: str, place: int) -> bool:
    """Whether the reference has these bases from a 0-based place on, but for some."""
    if place < 0:
        return False
    there = fasta.fetch(contig, place, place + len(bases)).upper()
    equal = sum(one == other for one, other in zip(there, bases.upper(), strict=False))
    return len(there) == len(bases) and equal >= _ALIKE * len(bases)


def write_events(
    path: Path, sample: str, events: Iterable[StructuralVariant], fasta: pysam.FastaFile, *, source: str
) -> int:
    """Write events in the order of the reference, bgzip with its index; gives how many.

    Args:
        path: the file.
        sample: its only sample.
        events: in any order.
        fasta: the reference.
        source: name and version of the caller.
    """
    import pysam

    rank = {name: number for number, name in enumerate(fasta.references)}
    ordered = sorted(events, key=lambda event: (rank[event.contig], event.start, event.end, event.kind, event.mate))
    contigs = [
        f"##contig=<ID={name},length={length}>" for name, length in zip(fasta.references, fasta.lengths, strict=True)
    ]
    header: Sequence[str] = [
        "##fileformat=VCFv4.4",
        f"##source=genomics-engine structural {engine_release()}, {source}",
        *contigs,
        *_HEADER,
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", sample]),
    ]
    lines = [_line(number, event, fasta) for number, event in enumerate(ordered, start=1)]
    with pysam.BGZFile(str(path), "wb") as file:
        file.write("".join(f"{line}\n" for line in [*header, *lines]).encode())
    index_calls(path)
    return len(ordered)


def _line(number: int, event: StructuralVariant, fasta: pysam.FastaFile) -> str:
    reference = fasta.fetch(event.contig, event.start, event.start + 1).upper()
    alternate = event.mate.replace("N", reference, 1) if event.kind == "BND" else f"<{event.kind}>"
    info = [f"SVTYPE={event.kind}"]
    if event.kind != "BND":
        info += [f"END={event.end}", *([f"SVLEN={event.length}"] if event.length else [])]
    if event.kind in ("DEL", "DUP"):
        info.append(f"SVCLAIM={'D' if event.by_depth else 'J'}")
    before, behind = event.start_within + event.maybe_before, event.end_within + event.maybe_behind
    if before or behind:
        info += [f"CIPOS=-{before},{event.start_within}", f"CIEND=-{event.end_within},{behind}"]
    if event.inserted:
        info.append(f"SVINSSEQ={event.inserted}")
    values = f"{event.genotype}:{event.quality}:{event.pairs}:{event.split_reads}:{event.probability:.3f}"
    verdict = "PASS" if event.passes else "low_probability"
    fields = [event.contig, str(event.start + 1), f"sv{number}", reference, alternate, ".", verdict, ";".join(info)]
    if event.copies is not None:
        return "\t".join([*fields, "GT:GQ:PE:SR:PROB:CN", f"{values}:{event.copies}"])
    return "\t".join([*fields, "GT:GQ:PE:SR:PROB", values])
