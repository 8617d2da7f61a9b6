"""Genes and coding transcripts out of ideogram's caches, as the lines of an Ensembl-style GFF3.

Only ``demo/derive.py`` needs this: the caches are compact and a few of their parts are misplaced, so that every
transcript is tried against the sequence before it is believed. Positions here are those of GFF3, 1-based, ends
included.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from demo.slices import CONTIG, SLICES, Slice

UNTRANSLATED_5, EXON, UNTRANSLATED_3 = range(3)
"""Kinds of parts in the cache of gene structures."""
PROTEIN_CODING = "0"
STOPS = ("TAA", "TAG", "TGA")
HGNC = {
    "AVP": "894",
    "DDRGK1": "16110",
    "GNRH2": "4420",
    "ITPA": "6176",
    "MAVS": "29233",
    "MRPS26": "14045",
    "OXT": "8528",
    "PANK2": "15894",
    "PDYN": "8820",
    "PRND": "15748",
    "PRNP": "9449",
    "SLC4A11": "16438",
}
"""HGNC's numbers (CC0) of the genes on the slices: Ensembl's description of a gene has it, the cache does not."""


@dataclass(frozen=True)
class Transcript:
    """A transcript on the genome.

    Attributes:
        name: Ensembl's transcript name, such as ``PANK2-201``.
        strand: ``+`` or ``-``.
        exons: first and last base of each, from left to right.
        coding: the same of each coding part.
    """

    name: str
    strand: str
    exons: tuple[tuple[int, int], ...]
    coding: tuple[tuple[int, int], ...]

    def moved(self, bases: int) -> "Transcript":
        """The same transcript so many bases to the right."""
        exons, coding = (tuple((s + bases, e + bases) for s, e in parts) for parts in (self.exons, self.coding))
        return Transcript(self.name, self.strand, exons, coding)

    def is_whole(self, sequence: str, offset: int) -> bool:
        """Whether the coding sequence is a start, whole codons and one stop, at the end; ``offset`` is 0-based."""
        bases = "".join(sequence[start - 1 - offset : end - offset] for start, end in self.coding)
        if self.strand == "-":
            bases = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
        codons = [bases[i : i + 3] for i in range(0, len(bases), 3)]
        first_stop = next((number for number, codon in enumerate(codons, start=1) if codon in STOPS), None)
        return bases.startswith("ATG") and len(bases) % 3 == 0 and first_stop == len(codons)


def gene_model_lines(
    genes: Iterable[Sequence[str]], structures: Iterable[Sequence[str]], sequences: Sequence[str]
) -> Iterator[str]:
    """The GFF3 lines of every gene that lies within a slice and has a whole protein, by position.

    Args:
        genes: rows of the gene cache: chromosome, start, length, number in Ensembl, symbol.
        structures: rows of the cache of structures: transcript name, start within the gene, biotype, strand, parts
            as kind, start within the transcript and length less one.
        sequences: of :data:`demo.slices.SLICES`.
    """
    placed = dict(zip(SLICES, sequences, strict=True))
    by_symbol: dict[str, list[Sequence[str]]] = {}
    for row in structures:
        if row[2] == PROTEIN_CODING:
            by_symbol.setdefault(row[0].rpartition("-")[0], []).append(row)
    for row in sorted((row for row in genes if row[0] == "20"), key=lambda row: int(row[1])):
        start, end = int(row[1]), int(row[1]) + int(row[2])
        piece = next((piece for piece in SLICES if piece.start < start and end <= piece.end), None)
        if piece is None:
            continue
        transcripts = [transcript_of(structure, start) for structure in by_symbol.get(row[4], [])]
        whole = _whole(transcripts, end, piece, placed[piece])
        if whole:
            yield from _gene_lines(f"ENSG{int(row[3]):011d}", row[4], start, end, whole)


def transcript_of(row: Sequence[str], gene_start: int) -> Transcript:
    """A row of the cache of structures on the genome; ``gene_start`` is the gene's first base."""
    origin = gene_start + int(row[1])
    parts = [(int(kind), origin + int(s), origin + int(s) + int(length)) for kind, s, length in map(_split, row[4:])]
    exons = tuple(sorted((start, end) for kind, start, end in parts if kind == EXON))
    untranslated = sorted((start, end) for kind, start, end in parts if kind != EXON)
    return Transcript(row[0], row[3], exons, tuple(piece for exon in exons for piece in _less(exon, untranslated)))


def _split(part: str) -> list[str]:
    return part.split(";")


def _less(exon: tuple[int, int], holes: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """An exon without its untranslated parts."""
    start, end = exon
    for hole_start, hole_end in holes:
        if hole_end < start or hole_start > end:
            continue
        if hole_start > start:
            yield start, hole_start - 1
        start = max(start, hole_end + 1)
    if start <= end:
        yield start, end


def _whole(transcripts: Sequence[Transcript], gene_end: int, piece: Slice, sequence: str) -> list[Transcript]:
    """The transcripts that make a protein where the cache puts them, or else all moved by the same few bases.

    The cache counts from its own leftmost transcript, and ITPA's gene begins 630 bases left of that.
    """
    room = gene_end - max((transcript.exons[-1][1] for transcript in transcripts), default=gene_end)
    for bases in range(room + 1):
        moved = [transcript.moved(bases) for transcript in transcripts]
        whole = [transcript for transcript in moved if transcript.is_whole(sequence, piece.start)]
        if whole and (not bases or len(whole) == len(transcripts)):
            return whole
    return []


def _gene_lines(gene: str, symbol: str, start: int, end: int, transcripts: Sequence[Transcript]) -> Iterator[str]:
    strand = transcripts[0].strand
    number = f"description=[Source:HGNC Symbol%3BAcc:HGNC:{HGNC[symbol]}];" if symbol in HGNC else ""
    facts = f"ID=gene:{gene};Name={symbol};biotype=protein_coding;{number}gene_id={gene}"
    yield _gff("gene", start, end, strand, facts)
    for transcript in transcripts:
        name = transcript.name
        attributes = f"ID=transcript:{name};Parent=gene:{gene};Name={name};biotype=protein_coding;transcript_id={name}"
        yield _gff("mRNA", transcript.exons[0][0], transcript.exons[-1][1], strand, attributes)
        for exon in transcript.exons:
            yield _gff("exon", *exon, strand, f"Parent=transcript:{name}")
        done = 0
        for first, last in transcript.coding if strand == "+" else reversed(transcript.coding):
            yield _gff("CDS", first, last, strand, f"ID=CDS:{name};Parent=transcript:{name}", phase=str(-done % 3))
            done += last - first + 1


def _gff(kind: str, start: int, end: int, strand: str, attributes: str, phase: str = ".") -> str:
    return "\t".join([CONTIG, "ensembl", kind, str(start), str(end), ".", strand, phase, attributes])
