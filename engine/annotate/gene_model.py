"""The gene model: transcripts of an Ensembl-style GFF3 as values, and where a genomic base lies in one.

What a variant does to a transcript is told in :mod:`engine.annotate.consequence`, how it is written in
:mod:`engine.annotate.hgvs`. Coordinates are 0-based half-open on the reference's contig.

>>> transcript = Transcript("T1.2", "T1", "GENE", "G1", None, "protein_coding", "chr1", -1,
...                         exons=((100, 110), (200, 220)), coding=(105, 210))
>>> [transcript.place(position) for position in (219, 200, 198, 109, 108)]
[(0, 0), (19, 0), (19, 2), (20, 0), (21, 0)]
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from urllib.parse import unquote

from engine.errors import KnowledgeError
from engine.files.compressed import COPY_AGAIN
from engine.files.text import text_lines
from engine.reference.gene_model_source import feature_lines

Span = tuple[int, int]

_CANONICAL_TAGS = ("MANE_Select", "Ensembl_canonical", "MANE_Plus_Clinical")


@dataclass(frozen=True)
class Transcript:
    """One transcript of the gene model.

    Attributes:
        name: accession with version, as HGVS names it (``ENST00000269305.9``); the model's own name without one.
        id: as the consequence caller names it: the GFF3's ID; on the second contig that has it (a pseudo-autosomal
            gene on X and Y) with the contig's name behind.
        gene: symbol, or the gene's id where it has no symbol.
        gene_id: the gene's id without version.
        hgnc_id: ``HGNC:nnnn``, absent where the gene model does not tell.
        biotype: Ensembl's, such as ``protein_coding``.
        contig: as in the reference.
        strand: 1 or -1.
        exons: 0-based half-open, ascending on the genome.
        coding: from the first to the last coding base on the genome, absent for a transcript without a protein.
        phase: bases that the first codon lacks, where the model's coding sequence starts inside a codon.
        protein: protein accession, absent where the gene model does not tell.
        tags: Ensembl's (``MANE_Select``, ``Ensembl_canonical``, ``basic``).
        selenoprotein: whether the gene model or the gene's name tells that TGA may code for selenocysteine.
        double: whether the GFF3 has its id on another contig, too.
    """

    name: str
    id: str
    gene: str
    gene_id: str
    hgnc_id: str | None
    biotype: str
    contig: str
    strand: int
    exons: tuple[Span, ...]
    coding: Span | None
    phase: int = 0
    protein: str | None = None
    tags: frozenset[str] = frozenset()
    selenoprotein: bool = False
    double: bool = False

    def __hash__(self) -> int:
        return hash((self.id, self.contig, self.exons[0]))

    @cached_property
    def start(self) -> int:
        """First base on the genome."""
        return self.exons[0][0]

    @cached_property
    def end(self) -> int:
        """One past the last base on the genome."""
        return self.exons[-1][1]

    @cached_property
    def length(self) -> int:
        """Bases of all exons."""
        return sum(end - start for start, end in self.exons)

    @cached_property
    def coding_places(self) -> Span:
        """The coding sequence in transcript bases, 0-based half-open; the empty span at 0 without a protein."""
        if self.coding is None:
            return (0, 0)
        first, last = self.coding[0], self.coding[1] - 1
        ends = sorted((self.place(first)[0], self.place(last)[0]))
        return (ends[0], ends[1] + 1)

    @cached_property
    def phase_shift(self) -> int:
        """Bases by which c. positions are counted on, so that an incomplete first codon is counted as a whole one."""
        return -self.phase % 3

    @property
    def start_unfinished(self) -> bool:
        """Whether the model's coding sequence begins behind the true start codon."""
        return self.phase > 0 or "cds_start_NF" in self.tags

    @property
    def reads_through(self) -> bool:
        """Whether the ribosome is known to read through a stop codon of this transcript."""
        return "stop_codon_readthrough" in self.tags

    @cached_property
    def coding_length(self) -> int:
        """Bases of the coding sequence, the stop codon among them."""
        start, end = self.coding_places
        return end - start

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return tuple(start for start, _ in self.exons)

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(end for _, end in self.exons)

    @cached_property
    def _before(self) -> tuple[int, ...]:
        """Exon bases that lie before each exon on the genome."""
        total, before = 0, []
        for start, end in self.exons:
            before.append(total)
            total += end - start
        return tuple(before)

    def place(self, position: int) -> tuple[int, int]:
        """Where a genomic base lies: the nearest transcript base (0-based) and the distance into the intron.

        The distance is 0 in an exon, positive when counted from the exon before, negative from the exon after, in
        the transcript's own direction. The middle base of an intron is counted from the exon before (HGVS).
        """
        exon = bisect_right(self._starts, position) - 1
        start, end = self.exons[exon]
        if position < end:
            return self._from_genome(self._before[exon] + position - start), 0
        left, right = position - end + 1, self._starts[exon + 1] - position
        from_left = left <= right if self.strand == 1 else left < right
        base = self._from_genome(self._before[exon + 1] - (1 if from_left else 0))
        distance = left if from_left else -right
        return base, distance * self.strand

    def _from_genome(self, base: int) -> int:
        return base if self.strand == 1 else self.length - 1 - base

    def clear_of_exons(self, start: int, end: int, margin: int) -> bool:
        """Whether a genomic span, and ``margin`` bases on either side of it, touches no exon."""
        index = bisect_right(self._starts, end + margin - 1) - 1
        return index < 0 or self.exons[index][1] + margin <= start

    def exon_number(self, start: int, end: int) -> int | None:
        """Number of the exon, from 1 in the transcript's direction, that a genomic span touches; absent in introns."""
        index = bisect_right(self._ends, start)
        if index == len(self.exons) or self.exons[index][0] >= end:
            return None
        return index + 1 if self.strand == 1 else len(self.exons) - index

    def intron_number(self, start: int, end: int) -> int | None:
        """Number of the intron, from 1 in the transcript's direction, that a genomic span touches; absent in exons."""
        index = max(bisect_right(self._starts, start) - 1, 0)
        if index + 1 == len(self.exons) or self._ends[index] >= end:
            return None
        return index + 1 if self.strand == 1 else len(self.exons) - 1 - index

    def numbered(self, start: int, end: int) -> tuple[str | None, str | None]:
        """Numbers of exon and intron that a genomic span touches, each with how many there are: ``8/11``."""
        exon, intron = self.exon_number(start, end), self.intron_number(start, end)
        count = len(self.exons)
        return f"{exon}/{count}" if exon else None, f"{intron}/{count - 1}" if intron else None

    @cached_property
    def junctions(self) -> tuple[int, ...]:
        """Borders between exons and introns, ascending: the base after each."""
        return tuple(sorted((*self._ends[:-1], *self._starts[1:])))

    def splice_distance(self, start: int, end: int) -> int | None:
        """Bases from a replaced span to the nearest border between exon and intron: 1 next to it on either side, 0
        across it; absent where the transcript has no intron. Of an insertion the bases between it and the border."""
        place = bisect_left(self.junctions, start)
        near = self.junctions[max(place - 1, 0) : place + 2]
        return min((_distance(start, end, border) for border in near), default=None)

    @cached_property
    def standing(self) -> str:
        """Why this transcript may speak for its gene: the best of its tags, or nothing."""
        return next((tag for tag in _CANONICAL_TAGS if tag in self.tags), "")

    @cached_property
    def rank(self) -> tuple[int, int, tuple[int, str]]:
        """Sorts a gene's transcripts: MANE Select, Ensembl canonical, longest coding sequence, lowest name."""
        tag = _CANONICAL_TAGS.index(self.standing) if self.standing else len(_CANONICAL_TAGS)
        return tag, -self.coding_length, (len(self.id), self.id)


def _distance(start: int, end: int, border: int) -> int:
    if start == end:
        return abs(border - start)
    return max(border - end, start - border, -1) + 1


@dataclass(frozen=True)
class GeneModel:
    """All transcripts of a reference.

    Attributes:
        transcripts: by :attr:`Transcript.id`.
    """

    transcripts: dict[str, Transcript]

    @cached_property
    def representatives(self) -> dict[tuple[str, str], Transcript]:
        """By contig and gene id the transcript that speaks for the gene (see :attr:`Transcript.rank`)."""
        chosen: dict[tuple[str, str], Transcript] = {}
        for transcript in self.transcripts.values():
            gene = transcript.contig, transcript.gene_id
            other = chosen.get(gene)
            if other is None or transcript.rank < other.rank:
                chosen[gene] = transcript
        return chosen

    @cached_property
    def order(self) -> dict[str, int]:
        """Number of each transcript, by its id, in the order of the gene model."""
        return {name: number for number, name in enumerate(self.transcripts)}

    @property
    def has_doubles(self) -> bool:
        """Whether transcripts on several contigs share an id of the GFF3."""
        return any(transcript.double for transcript in self.transcripts.values())

    @cached_property
    def by_gene(self) -> dict[tuple[str, str], list[Transcript]]:
        """Transcripts by contig and gene symbol; a symbol alone may stand for genes in many places (``Y_RNA``)."""
        genes: dict[tuple[str, str], list[Transcript]] = {}
        for transcript in self.transcripts.values():
            genes.setdefault((transcript.contig, transcript.gene), []).append(transcript)
        return genes

    def genes_at(self, contig: str, start: int, end: int) -> list[str]:
        """Symbols of the genes that a genomic span touches, along the contig."""
        starts, spans, reach = self._along.get(contig, ([], [], []))
        found = []
        index = bisect_left(starts, end)
        while index and reach[index - 1] > start:
            index -= 1
            if spans[index][1] > start:
                found.append(spans[index][2])
        return list(dict.fromkeys(reversed(found)))

    @cached_property
    def _along(self) -> dict[str, tuple[list[int], list[tuple[int, int, str]], list[int]]]:
        """By contig: starts of the transcripts, their extents and genes, and how far all up to each one reach."""
        extents: dict[str, list[tuple[int, int, str]]] = {}
        for one in self.transcripts.values():
            extents.setdefault(one.contig, []).append((one.start, one.end, one.gene))
        along = {}
        for contig, spans in extents.items():
            spans.sort()
            reach = list(itertools.accumulate((end for _, end, _ in spans), max))
            along[contig] = ([start for start, _, _ in spans], spans, reach)
        return along


@dataclass
class _Draft:
    """A transcript while its lines are being read."""

    attributes: dict[str, str]
    contig: str
    strand: int
    exons: list[Span]
    coding: list[tuple[int, int, int]]
    protein: str | None = None
    selenoprotein: bool = False


_Key = tuple[str, str]
"""Contig, and the id of a transcript in the GFF3."""
# How gene models mark selenocysteine: GENCODE's GFF3 and Ensembl's GTF by a feature, RefSeq by the CDS's transl_except.
_SELENOCYSTEINE = frozenset({"stop_codon_redefined_as_selenocysteine", "selenocysteine"})
_RECODED = "aa:sec"


def read_gene_model(gff3: Path) -> GeneModel:
    """Read an Ensembl-style GFF3 (plain, gzip or bgzip); a coding sequence without exons is its own.

    Raises:
        KnowledgeError: the file is damaged or holds no transcript.
    """
    genes: dict[str, dict[str, str]] = {}
    drafts: dict[_Key, _Draft] = {}
    parts: list[tuple[str, str, int, int, _Key, str]] = []
    try:
        for contig, kind, start, end, strand, phase, attributes in _features(gff3):
            if attributes.startswith("ID=gene:"):
                genes[attributes[8:].partition(";")[0]] = _attributes(attributes)
            elif attributes.startswith("ID=transcript:"):
                facts = _attributes(attributes)
                key = contig, facts["ID"].partition(":")[2]
                drafts[key] = _Draft(facts, contig, -1 if strand == "-" else 1, [], [])
            elif kind in ("exon", "CDS") or kind.lower() in _SELENOCYSTEINE:
                parts.append((kind, phase, start, end, (contig, _parent(attributes)), attributes))
    except (ValueError, IndexError) as error:
        for _ in feature_lines(gff3):  # it names the line, and in words
            pass
        raise KnowledgeError(f"the gene model is damaged: {error}", file=gff3, remedy=COPY_AGAIN) from error
    for kind, phase, start, end, parent, attributes in parts:
        if (draft := drafts.get(parent)) is not None:
            _add_part(draft, kind, phase, (start, end), attributes)
    transcripts = _transcripts(drafts, genes)
    if not transcripts:
        raise KnowledgeError("the gene model holds no transcript", file=gff3, remedy="give an Ensembl-style GFF3")
    return GeneModel(transcripts)


def _add_part(draft: _Draft, kind: str, phase: str, span: Span, attributes: str) -> None:
    if kind == "exon":
        draft.exons.append(span)
        return
    draft.selenoprotein = draft.selenoprotein or kind != "CDS" or _RECODED in attributes.lower()
    if kind == "CDS":
        draft.coding.append((*span, int(phase) if phase.isdigit() else 0))
        draft.protein = draft.protein or _attributes(attributes).get("protein_id")


def _transcripts(drafts: dict[_Key, _Draft], genes: dict[str, dict[str, str]]) -> dict[str, Transcript]:
    """By an id that is unique, whatever the GFF3's ids are."""
    times = Counter(name for _, name in drafts)
    transcripts: dict[str, Transcript] = {}
    for (contig, name), draft in drafts.items():
        draft.exons = draft.exons or [(start, end) for start, end, _ in draft.coding]
        if draft.exons:
            unique = f"{name}_{contig}" if name in transcripts else name
            transcripts[unique] = _transcript(name, unique, draft, genes, double=times[name] > 1)
    return transcripts


def write_without_doubles(gff3: Path, output: Path) -> None:
    """Write a GFF3 in which each gene and transcript has an id of its own; a transcript's is :attr:`Transcript.id`.

    Consequence callers take a second transcript of one id for the first.
    """
    first: dict[str, str] = {}

    def own(found: re.Match[str], contig: str) -> str:
        return found[0] if first.setdefault(found[1], contig) == contig else f"{found[0]}_{contig}"

    with output.open("w") as written:
        for line in text_lines(gff3):
            contig = line.partition("\t")[0]
            written.write(line if line.startswith("#") else _OWN_IDS.sub(partial(own, contig=contig), line))


_OWN_IDS = re.compile(r"(?<==)((?:gene|transcript):[^;\s]+)")


def _features(gff3: Path) -> Iterator[tuple[str, str, int, int, str, str, str]]:
    for line in text_lines(gff3):
        if line.startswith("#") or not line.strip():
            continue
        contig, _, kind, start, end, _, strand, phase, attributes = line.rstrip("\n").split("\t", 8)
        yield contig, kind, int(start) - 1, int(end), strand, phase, attributes


def _attributes(text: str) -> dict[str, str]:
    return {key: unquote(value) for key, _, value in (item.partition("=") for item in text.split(";"))}


def _parent(attributes: str) -> str:
    return attributes.partition("Parent=transcript:")[2].partition(";")[0]


def _transcript(name: str, unique: str, draft: _Draft, genes: dict[str, dict[str, str]], *, double: bool) -> Transcript:
    facts = draft.attributes
    gene_id = facts.get("Parent", "").partition(":")[2]
    gene = genes.get(gene_id, {})
    symbol = gene.get("Name", gene_id)
    coding = sorted(draft.coding)
    first = coding[0 if draft.strand == 1 else -1] if coding else (0, 0, 0)
    tags = frozenset(tag.strip().replace(" ", "_") for tag in facts.get("tag", "").split(",") if tag.strip())
    return Transcript(
        name=_accession(name, facts),
        id=unique,
        gene=symbol,
        gene_id=gene_id,
        hgnc_id=_hgnc_id(gene),
        biotype=facts.get("biotype") or facts.get("transcript_type") or facts.get("gene_biotype", ""),
        contig=draft.contig,
        strand=draft.strand,
        exons=tuple(sorted(draft.exons)),
        coding=(coding[0][0], coding[-1][1]) if coding else None,
        phase=first[2],
        protein=draft.protein,
        tags=tags,
        selenoprotein=draft.selenoprotein or "seleno" in tags or symbol in selenoprotein_genes(),
        double=double,
    )


# Ensembl's and RefSeq's transcripts and LRG's, with or without version; a gene's alias (TP53-201) is none.
_ACCESSION = re.compile(r"(?:ENS[A-Z]*T\d+|[NX][MR]_\d+|LRG_\d+t\d+)(?:\.\d+)?")


def _accession(name: str, facts: dict[str, str]) -> str:
    """The accession that the model tells wherever it tells it, with its version; else the model's own name."""
    told = (name, facts.get("transcript_id", ""), facts.get("Name", ""))
    accession = next((one for one in told if _ACCESSION.fullmatch(one)), name)
    version = facts.get("version") or facts.get("transcript_version", "")
    return f"{accession}.{version}" if version.isdigit() and "." not in accession else accession


@cache
def selenoprotein_genes() -> frozenset[str]:
    """Symbols of the 25 human genes with selenocysteine (Gladyshev et al. 2016, J Biol Chem 291:24036)."""
    return frozenset((Path(__file__).with_name("data") / "selenoprotein_genes.txt").read_text().split())


def _hgnc_id(gene: dict[str, str]) -> str | None:
    """From Ensembl's description: ``tumor protein p53 [Source:HGNC Symbol;Acc:HGNC:11998]``."""
    number = gene.get("description", "").partition("Acc:HGNC:")[2].rstrip("]")
    return f"HGNC:{number}" if number.isdigit() else None
