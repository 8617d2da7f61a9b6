"""How the parts of a gene model lie to each other: what cannot be is refused with its line, what does not fit is told.

What the source itself marks as an exception (RefSeq's ``exception=trans-splicing``, ``ribosomal slippage``, differences
between transcript and genome) may lie otherwise. Coordinates are those of GFF3: 1-based, ends included.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from engine.errors import KnowledgeError
from engine.files.compressed import COPY_AGAIN
from engine.reference.gene_model_source import Feature

EXAMPLES = 5
"""So many transcripts are named."""
_Key = tuple[str, str]
"""Contig, and the id of a gene or transcript on it: one id may stand on X and on Y."""


def require_layout(gff3: Path, features: Sequence[Feature]) -> None:
    """Refuse a gene model that contradicts itself.

    Args:
        gff3: named in the error.
        features: all of its genes, transcripts and parts.

    Raises:
        KnowledgeError: a transcript stands twice on a contig, or lies outside its gene; its exons overlap.
    """
    exceptions = {(one.contig, name) for one in features if one.is_exception for name in (one.id, *one.parents) if name}
    for feature, transcript, problem in (*_transcript_problems(features), *_exon_problems(features)):
        if (feature.contig, transcript) not in exceptions:
            raise KnowledgeError(problem, file=gff3, place=f"line {feature.number:,}", remedy=COPY_AGAIN)


_Problem = tuple[Feature, str, str]
"""The line, its transcript, and what is wrong."""


def _transcript_problems(features: Iterable[Feature]) -> Iterator[_Problem]:
    genes: dict[_Key, tuple[int, int]] = {}
    for gene in features:
        if gene.is_gene:
            start, end = genes.get((gene.contig, gene.id), (gene.start, gene.end))
            genes[gene.contig, gene.id] = min(start, gene.start), max(end, gene.end)
    first: dict[_Key, int] = {}
    for one in features:
        if not one.is_transcript:
            continue
        line = first.setdefault((one.contig, one.id), one.number)
        if line != one.number:
            yield one, one.id, f"{one.id} stands twice on {one.contig}: in line {line:,}, too"
        for parent in one.parents:
            start, end = genes.get((one.contig, parent), (one.start, one.end))
            if one.start < start or one.end > end:
                places = f"{one.start:,}-{one.end:,} reaches beyond its {parent} of {start:,}-{end:,}"
                yield one, one.id, f"{one.id} of {places}"


def _exon_problems(features: Iterable[Feature]) -> Iterator[_Problem]:
    for (_, transcript), exons in _parts(features, "exon").items():
        for one, other in pairwise(exons):
            if other.start <= one.end:
                places = f"{one.start:,}-{one.end:,} and {other.start:,}-{other.end:,}"
                yield other, transcript, f"exons of {transcript} overlap: {places}"


def broken_coding_sequences(features: Sequence[Feature]) -> list[str]:
    """Transcripts whose coding sequence cannot be read on from one part to the next, each in words with its line.

    The phase of a part is not what the lengths of those before it leave: ``bcftools csq`` passes over the transcript.
    Or two parts overlap or lie in one exon, as ribosomal slippage is written, or one lies outside the exons: places in
    it are counted as if the sequence ran through.
    """
    exons = _parts(features, "exon")
    told = []
    for (contig, transcript), parts in _parts(features, "CDS").items():
        if (broken := _first_broken(parts, exons.get((contig, transcript)) or parts)) is not None:
            told.append(f"{transcript.partition(':')[2]} (line {broken.number:,})")
    return told


def _first_broken(parts: Sequence[Feature], exons: Sequence[Feature]) -> Feature | None:
    starts = [exon.start for exon in exons]
    held = [bisect_right(starts, part.start) - 1 for part in parts]
    for part, number in zip(parts, held, strict=True):
        if number < 0 or part.end > exons[number].end:
            return part
    for (one, place), (after, place_after) in pairwise(zip(parts, held, strict=True)):
        before, behind = (after, one) if one.strand == "-" else (one, after)
        due = (int(before.phase) - (before.end - before.start + 1)) % 3
        if place == place_after or one.end >= after.start or int(behind.phase) != due:
            return behind
    return None


def broken_coding_sequences_told(count: int, examples: Sequence[str]) -> str:
    """A warning in one line."""
    return (
        f"the coding sequence of {count:,} transcripts cannot be read on from part to part (phases that do not fit its"
        " lengths; parts that overlap, share an exon as of ribosomal slippage, or lie outside the exons): what a"
        " variant in it does to the protein is not told, or as if the sequence ran through:"
        f" {', '.join(examples)}{', ...' if count > len(examples) else ''}"
    )


def _parts(features: Iterable[Feature], kind: str) -> dict[_Key, list[Feature]]:
    """Parts of each transcript, ascending."""
    parts: dict[_Key, list[Feature]] = {}
    for feature in features:
        if feature.kind == kind and feature.is_part:
            for parent in feature.parents:
                parts.setdefault((feature.contig, parent), []).append(feature)
    for own in parts.values():
        own.sort(key=lambda part: part.start)
    return parts
