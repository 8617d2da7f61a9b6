"""Gene models as Ensembl, GENCODE and RefSeq publish them, as features of one kind: Ensembl's.

The three say the same in other attributes: what GENCODE calls ``gene_type`` Ensembl calls ``biotype``, and RefSeq names
its features ``gene-TP53`` and ``rna-NM_000546.6``. What belongs to no gene or transcript (regions, alignments, start
codons) is left out. Lines of Ensembl's own are passed on as they are.

Sources: README of Ensembl's GFF3 files, GENCODE's "Format description", and NCBI's "RefSeq GFF3 format".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.errors import KnowledgeError
from engine.files.compressed import COPY_AGAIN
from engine.files.text import text_lines

_REMEDY = "give the GFF3 of Ensembl, GENCODE or RefSeq"
_PARTS = frozenset({"exon", "CDS", "five_prime_UTR", "three_prime_UTR", "UTR"})
# What lies in a transcript beside them, and is passed on.
_OTHER_PARTS = frozenset({"intron", "start_codon", "stop_codon", "stop_codon_redefined_as_selenocysteine", "protein"})
_GENES = frozenset({"gene", "ncRNA_gene", "pseudogene"})
_SYMBOL = re.compile(r";Name=([^;\n]+)")
_IS_BUILT = re.compile("(?:gene|transcript):").match
_EXCEPTION = re.compile("(?:^|;)(?:exception|part)=").search


class Feature(NamedTuple):
    """One line of a GFF3.

    Attributes:
        number: its line in the source, from 1.
        contig: as the source names it.
        source: who says so.
        kind: type of the feature (``gene``, ``mRNA``, ``exon``, ``CDS``).
        start: 1-based first base.
        end: last base, included.
        score: mostly ``.``.
        strand: ``+``, ``-``, ``.`` or ``?``.
        phase: of a CDS 0, 1 or 2, else ``.``.
        attributes: as Ensembl writes them.
        is_exception: the source says that it does not lie or read as others do (``exception=``, or a ``part=`` of
            several places).
    """

    number: int
    contig: str
    source: str
    kind: str
    start: int
    end: int
    score: str
    strand: str
    phase: str
    attributes: str
    is_exception: bool = False

    @property
    def id(self) -> str:
        """Its ID with its kind, such as ``gene:ENSG1``; empty without one."""
        return self._value("ID")

    @property
    def parents(self) -> list[str]:
        """Ids of the gene or the transcripts that it is part of."""
        return [parent for parent in self._value("Parent").split(",") if parent]

    def _value(self, key: str) -> str:
        return f";{self.attributes}".partition(f";{key}=")[2].partition(";")[0]

    @property
    def is_transcript(self) -> bool:
        """It is a transcript of whatever biotype."""
        return self.attributes.startswith("ID=transcript:")

    @property
    def is_gene(self) -> bool:
        """It is a gene of whatever biotype."""
        return self.attributes.startswith("ID=gene:")

    @property
    def is_part(self) -> bool:
        """It is an exon or a coding sequence of a transcript."""
        return self.kind in ("exon", "CDS") and "Parent=transcript:" in self.attributes

    @property
    def is_coding_transcript(self) -> bool:
        """It is a transcript that is said to make a protein."""
        return self.is_transcript and "biotype=protein_coding" in self.attributes.split(";")

    def line(self, contig: str) -> str:
        """The line on a contig of another name, without its end."""
        place = (str(self.start), str(self.end))
        return "\t".join([contig, self.source, self.kind, *place, self.score, self.strand, self.phase, self.attributes])


def read_features(gff3: Path) -> list[Feature]:
    """The genes, transcripts, exons and coding sequences of a GFF3, in its order.

    Args:
        gff3: of Ensembl, GENCODE or RefSeq; plain, gzip or bgzip.

    Raises:
        KnowledgeError: the file is missing, damaged, no GFF3, of another flavour, or lacks the gene or transcript that
            a line is part of.
    """
    features = list(feature_lines(gff3))
    convert = _flavour(gff3, features)
    converted = features if convert is None else list(convert(features))
    _require_parents(gff3, converted)
    return converted


def feature_lines(gff3: Path) -> Iterator[Feature]:
    """The lines of a GFF3, as they stand there, each judged by itself.

    Raises:
        KnowledgeError: the file is missing or damaged, or a line is none of a GFF3.
    """
    for number, line in enumerate(text_lines(gff3), start=1):
        line = line.rstrip("\n")
        if line.startswith("##FASTA"):
            return
        if line.startswith("#") or not line.strip():
            continue
        fields = line.split("\t")
        if problem := _problem(fields):
            remedy = _OF_GTF if _is_gtf(fields[-1]) else COPY_AGAIN
            raise KnowledgeError(
                f"this is no line of a GFF3: {problem}", file=gff3, place=f"line {number:,}", remedy=remedy
            )
        contig, source, kind, start, end, score, strand, phase, attributes = fields
        is_exception = _EXCEPTION(attributes) is not None
        place = (int(start), int(end))
        yield Feature(number, contig, source, kind, *place, score, strand, phase, attributes, is_exception)


def what_is_missing(features: Iterable[Feature]) -> str | None:
    """What a gene model needs for consequences and its features are without, absent where nothing is.

    A model of genes alone has no transcript that could be hit; one without coding sequences makes every coding variant
    a non-coding one.
    """
    kinds, is_coding = set[str](), False
    for feature in features:
        if feature.is_part:
            kinds.add(feature.kind)
        is_coding = is_coding or feature.is_coding_transcript
    if not kinds:
        return "exons and coding sequences of transcripts"
    return "coding sequences (CDS), and has transcripts of proteins" if is_coding and "CDS" not in kinds else None


def gene_symbols(gff3: Path) -> frozenset[str]:
    """Symbols of all genes of a gene model as it was built, without reading its transcripts."""
    genes = (line for line in text_lines(gff3) if "\tID=gene:" in line)
    return frozenset(found[1] for line in genes if (found := _SYMBOL.search(line)))


def _problem(fields: list[str]) -> str | None:
    if len(fields) != 9:
        return f"it has {len(fields)} columns, separated by tabs, and not 9"
    _, _, kind, start, end, score, strand, phase, attributes = fields
    if not (_is_number(start) and _is_number(end) and 1 <= int(start) <= int(end)):
        return f"{start!r} to {end!r} is no stretch of a contig"
    if strand not in ("+", "-", ".", "?"):
        return f"its strand is {strand!r}"
    if score != "." and not _is_decimal(score):
        return f"its score is {score!r}"
    if phase not in (("0", "1", "2") if kind == "CDS" else ("0", "1", "2", ".")):
        return f"its phase is {phase!r}"
    return None if "=" in attributes and not _is_gtf(attributes) else f"{attributes[:20]!r} are no attributes"


_is_gtf = re.compile(r'\s*\w+ "[^"]*";').match
_OF_GTF = "this is GTF: give the GFF3 that Ensembl, GENCODE and RefSeq publish beside it"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_decimal(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False


_Converter = Callable[[list[Feature]], Iterator[Feature]]


def _flavour(gff3: Path, features: list[Feature]) -> _Converter | None:
    """What makes Ensembl's features of the file's, absent where they are."""
    for feature in features:
        if feature.attributes.startswith(("ID=gene:", "ID=transcript:")):
            return None
        if "gene_type=" in feature.attributes:
            return _of_gencode
        if feature.attributes.startswith(("ID=gene-", "ID=rna-")):
            return _of_refseq
    raise KnowledgeError("the gene model holds no gene of a kind that is read here", file=gff3, remedy=_REMEDY)


def _attributes(text: str) -> dict[str, str]:
    return dict(item.strip().partition("=")[::2] for item in text.split(";") if "=" in item)


def _joined(**attributes: str | None) -> str:
    return ";".join(f"{key}={value}" for key, value in attributes.items() if value)


def _named_by_hgnc(number: str | None) -> str | None:
    """Ensembl's description of a gene with that number."""
    return f"[Source:HGNC Symbol%3BAcc:HGNC:{number}]" if number else None


def _unversioned(name: str) -> tuple[str, str | None]:
    """Id and version; GENCODE's names of a gene's second copy on Y stay whole, so that they remain apart."""
    bare, _, version = name.partition(".")
    return (bare, version) if version.isdigit() else (name, None)


def _of_gencode(features: list[Feature]) -> Iterator[Feature]:
    for feature in features:
        facts = _attributes(feature.attributes)
        parent, version = _unversioned(facts.get("Parent", ""))
        if feature.kind == "gene":
            gene, version = _unversioned(facts["ID"])
            yield feature._replace(attributes=_joined(
                ID=f"gene:{gene}", Name=facts.get("gene_name"), biotype=facts.get("gene_type"),
                description=_named_by_hgnc(facts.get("hgnc_id", "").rpartition(":")[2]), gene_id=gene, version=version,
            ))  # fmt: skip
        elif feature.kind == "transcript":
            name, version = _unversioned(facts["ID"])
            yield feature._replace(attributes=_joined(
                ID=f"transcript:{name}", Parent=f"gene:{parent}", Name=facts.get("transcript_name"),
                biotype=facts.get("transcript_type", facts.get("gene_type")), tag=facts.get("tag"), transcript_id=name,
                version=version,
            ))  # fmt: skip
        elif feature.kind in _PARTS:
            yield _part(feature, parent, facts)


def _part(feature: Feature, transcript: str, facts: dict[str, str]) -> Feature:
    protein = facts.get("protein_id") if feature.kind == "CDS" else None
    name = f"CDS:{protein or transcript}" if feature.kind == "CDS" else None
    return feature._replace(attributes=_joined(ID=name, Parent=f"transcript:{transcript}", protein_id=protein))


# RefSeq's types of transcripts that Ensembl's biotypes call otherwise.
_REFSEQ_BIOTYPES = {"mRNA": "protein_coding", "lnc_RNA": "lncRNA", "transcript": "processed_transcript"}


def _of_refseq(features: list[Feature]) -> Iterator[Feature]:
    """Genes and their transcripts; a coding sequence that lies in its gene directly is given a transcript."""
    told = [_attributes(feature.attributes) for feature in features]
    known = {facts.get("ID", "") for facts in told}
    # A microRNA lies in its precursor, which is the gene's transcript, and has an exon of its own.
    nested = {facts.get("ID", "") for facts in told if facts.get("Parent", "").startswith("rna-")}
    for feature, facts in zip(features, told, strict=True):
        name, parent = facts.get("ID", ""), facts.get("Parent", "")
        if feature.kind in _GENES and name.startswith("gene-"):
            yield feature._replace(attributes=_refseq_gene(name, facts))
        elif name.startswith("rna-") and parent.startswith("gene-") and parent in known:
            yield feature._replace(attributes=_refseq_transcript(feature.kind, name, parent, facts))
        elif feature.kind in _PARTS and parent.startswith("rna-") and parent not in nested:
            yield _part(feature, _refseq_name(parent), facts)
        elif feature.kind == "CDS" and parent.startswith("gene-") and parent in known and "exception" not in facts:
            yield from _whole_transcript(feature, parent, facts)


def _refseq_name(name: str) -> str:
    """An id without its prefix and, where nothing follows it, without its version."""
    return _unversioned(name.removeprefix("rna-"))[0]


def _refseq_gene(name: str, facts: dict[str, str]) -> str:
    numbers = [item.rpartition(":")[2] for item in facts.get("Dbxref", "").split(",") if item.startswith("HGNC:")]
    gene = name.removeprefix("gene-")
    return _joined(
        ID=f"gene:{gene}", Name=facts.get("gene", facts.get("Name", gene)),
        biotype=facts.get("gene_biotype", "protein_coding"),
        description=_named_by_hgnc(numbers[0] if numbers else None), gene_id=gene,
    )  # fmt: skip


def _refseq_transcript(kind: str, name: str, parent: str, facts: dict[str, str]) -> str:
    bare, version = _unversioned(name.removeprefix("rna-"))
    return _joined(
        ID=f"transcript:{bare}", Parent=f"gene:{parent.removeprefix('gene-')}", Name=facts.get("Name"),
        biotype=_REFSEQ_BIOTYPES.get(kind, kind), tag=facts.get("tag", "").replace(" ", "_"), transcript_id=bare,
        version=version,
    )  # fmt: skip


def _whole_transcript(feature: Feature, parent: str, facts: dict[str, str]) -> Iterator[Feature]:
    """The mitochondrion's genes have no transcripts in RefSeq: their coding sequence is the transcript."""
    gene = parent.removeprefix("gene-")
    name = facts.get("protein_id", gene)
    attributes = _joined(ID=f"transcript:{name}", Parent=f"gene:{gene}", biotype="protein_coding", transcript_id=name)
    # Each part of a coding sequence brings it.
    yield feature._replace(kind="mRNA", phase=".", attributes=attributes, is_exception=True)
    yield feature._replace(kind="exon", phase=".", attributes=f"Parent=transcript:{name}")
    yield _part(feature, name, facts)


def _misplaced(feature: Feature) -> str | None:
    """What a gene, a transcript or one of its parts cannot be like."""
    is_part = f";{feature.attributes}".partition(";Parent=")[2].startswith("transcript:")
    if is_part and feature.kind not in _PARTS | _OTHER_PARTS:
        return f"{feature.kind!r} is no part of a transcript"
    if (is_part or feature.attributes.startswith(("ID=gene:", "ID=transcript:"))) and feature.strand not in ("+", "-"):
        return f"a gene lies on one strand, and the strand is {feature.strand!r}"
    return None


def _require_parents(gff3: Path, features: list[Feature]) -> None:
    """A transcript's gene and an exon's transcript are in the file: of a damaged one, some are not."""
    named = {item[3:] for item in (feature.attributes.partition(";")[0] for feature in features) if item[:3] == "ID="}
    transcripts = _Transcripts(features)
    for feature in features:
        if problem := _misplaced(feature):
            raise KnowledgeError(problem, file=gff3, place=f"line {feature.number:,}", remedy=COPY_AGAIN)
        for parent in filter(_IS_BUILT, feature.parents):
            problem = None if parent in named else f"a line is part of {parent}, which the file does not have"
            if problem := problem or transcripts.problem(feature, parent):
                raise KnowledgeError(problem, file=gff3, place=f"line {feature.number:,}", remedy=COPY_AGAIN)


class _Transcripts:
    """Where transcripts lie: by contig and id, for one id may stand on X and on Y."""

    def __init__(self, features: list[Feature]) -> None:
        self._places: dict[tuple[str, str], tuple[int, int, set[str]]] = {}
        for feature in features:
            if feature.attributes.startswith("ID=transcript:"):
                key = feature.contig, feature.attributes[3:].partition(";")[0]
                start, end, strands = self._places.get(key, (feature.start, feature.end, set()))
                self._places[key] = min(start, feature.start), max(end, feature.end), {*strands, feature.strand}

    def problem(self, part: Feature, parent: str) -> str | None:
        """What is wrong with where an exon or a coding sequence lies, absent where nothing is."""
        place = self._places.get((part.contig, parent))
        if place is None:
            return None
        start, end, strands = place
        if part.strand not in strands:
            return f"{part.kind} lies on the other strand than its {parent}"
        if part.start < start or part.end > end:
            return f"{part.kind} {part.start:,}-{part.end:,} reaches beyond its {parent} of {start:,}-{end:,}"
        return None
