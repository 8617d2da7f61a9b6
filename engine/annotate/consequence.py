"""What each variant does to each transcript: ``bcftools csq`` over a gene model, in the Sequence Ontology's terms.

csq runs with localized predictions (``--local-csq``): each record is judged on its own, as VEP and ClinVar do, so that
a consequence depends neither on the neighbours nor on the phase and is the same for everybody who carries the allele.
``--greedy 1`` keeps a transcript in whose intron the variant lies when it hits the exon of another. How a variant is
named on a transcript is the business of :mod:`engine.annotate.hgvs`.

>>> [hit.terms for hit in parse_bcsq("*missense|TP53|T1|protein_coding|-,splice_region&intron|TP53|T2|x").hits]
[('missense_variant',), ('splice_region_variant', 'intron_variant')]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.annotate.gene_model import GeneModel, Transcript, write_without_doubles
from engine.annotate.terms import INTRON, NMD, SPLICE_REGION, by_severity, so_terms, term
from engine.errors import KnowledgeError, ToolError
from engine.htslib import run_bcftools
from engine.reference.accessions import bare_contig

# NCBI's number of the vertebrate mitochondrial code.
_MITOCHONDRIAL_CODE = "2"
# All that csq says of a transcript without a coding sequence; the place tells whether it is an exon.
_NO_CODING = ("non_coding_transcript_variant",)
_NMD_BIOTYPE = "nonsense_mediated_decay"


@dataclass(frozen=True)
class Hit:
    """What a variant does to one transcript.

    Attributes:
        transcript: :attr:`engine.annotate.gene_model.Transcript.id`.
        terms: names of the terms, the most severe first.
    """

    transcript: str
    terms: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Severity of the worst term; 0 is the most severe."""
        return term(self.terms[0]).rank

    @property
    def impact(self) -> str:
        """Ensembl's class of the worst term."""
        return term(self.terms[0]).impact


def call_consequences(
    vcf: Path, fasta: Path, gene_model: Path, model: GeneModel, folder: Path, contigs: Sequence[str]
) -> list[Path]:
    """Write ``vcf`` with INFO/BCSQ; the mitochondrion apart, whose genetic code is another.

    A record whose REF is not what the FASTA reads is passed through; judging REF is the caller's business. Records are
    judged where the caller put them, as VEP does, and are to be left-aligned afterwards: at an exon's border an
    insertion or deletion that fits in several places is told by the place it was called at.

    Args:
        vcf: indexed, one alternate allele a record, as :func:`engine.annotate.normalise.split_alleles` writes it.
        fasta: the reference, with index.
        gene_model: Ensembl-style GFF3.
        model: what :func:`engine.annotate.gene_model.read_gene_model` read from it.
        folder: for the results.
        contigs: of the reference.

    Returns:
        BCF files that hold the records one after the other.

    Raises:
        KnowledgeError: csq cannot read the gene model.
        ToolError: csq failed.
    """
    if model.has_doubles:
        own_ids = folder / "own_ids.gff3"
        write_without_doubles(gene_model, own_ids)
        gene_model = own_ids
    mitochondrion = next((name for name in contigs if bare_contig(name) == "MT" and _has_records(vcf, name)), None)
    parts = [folder / "consequences.bcf"]
    if mitochondrion is None:
        _run_csq(vcf, fasta, gene_model, parts[0])
        return parts
    parts.append(folder / "mitochondrial_consequences.bcf")
    _run_csq(vcf, fasta, gene_model, parts[0], "-t", f"^{mitochondrion}")
    _run_csq(vcf, fasta, gene_model, parts[1], "-t", mitochondrion, "-C", _MITOCHONDRIAL_CODE)
    return parts


def _has_records(vcf: Path, contig: str) -> bool:
    import pysam

    with pysam.VariantFile(str(vcf)) as opened:
        return contig in opened.header.contigs and next(opened.fetch(contig), None) is not None


def _run_csq(vcf: Path, fasta: Path, gene_model: Path, output: Path, *options: str) -> None:
    files = ["-f", str(fasta), "-g", str(gene_model), "-o", str(output), "-O", "u"]
    how = ["--local-csq", "--greedy", "1", "--samples", "-", "--ncsq", "512", "--force", "--no-version", "-v", "0"]
    try:
        run_bcftools("csq", *how, *options, *files, str(vcf))
    except ToolError as error:
        if "gff" not in error.problem.lower():
            raise
        raise KnowledgeError(error.problem, file=gene_model, remedy="give an Ensembl-style GFF3") from error


@dataclass(frozen=True)
class Judgement:
    """What csq says of one record.

    Attributes:
        hits: by transcript, in csq's order.
        genes: genes of which it only says that the record lies within (``intron|TP53||protein_coding``).
    """

    hits: tuple[Hit, ...]
    genes: tuple[str, ...]


def parse_bcsq(value: str) -> Judgement:
    """Read a BCSQ value; a term that hides behind an upstream stop (``*``) counts like any other.

    csq tells what it finds at an exon's border in an item apart (``missense|...,splice_region|...``): the items of one
    transcript are one hit.
    """
    hits: dict[str, tuple[str, ...]] = {}
    genes = []
    for item in value.split(",") if value else ():
        terms, _, rest = item.partition("|")
        fields = rest.split("|")
        if len(fields) > 1 and fields[1]:
            earlier = hits.get(fields[1])
            hits[fields[1]] = by_severity((*earlier, *so_terms(terms))) if earlier else so_terms(terms)
        elif fields[0]:
            genes.append(fields[0])
    judged = tuple(Hit(transcript, _without_contradiction(terms)) for transcript, terms in hits.items() if terms)
    return Judgement(judged, tuple(genes))


def _without_contradiction(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Of a new stop in the last codon of an unfinished coding sequence csq's local mode says that it is gained and that
    it is retained; judging whole haplotypes it says retained."""
    if "stop_retained_variant" in terms:
        return tuple(name for name in terms if name != "stop_gained")
    return terms


def complete(judgement: Judgement, contig: str, start: int, end: int, model: GeneModel) -> list[Hit]:
    """csq's hits, and for each gene at the place the transcripts that csq passes over because only their place is hit.

    A splice region's variant is one of the untranslated exon that it lies in, too. That it lies in an intron csq leaves
    to the place, where VEP adds ``intron_variant``; the number of the intron is told beside the terms either way. Of
    two genes in whose introns a variant lies csq tells one. All are in the order of the gene model.

    Args:
        judgement: of the record.
        contig: of the record.
        start: 0-based first replaced base.
        end: one past the last; equal to ``start`` for an insertion.
        model: whose transcripts csq judged.
    """
    last = max(end, start + 1)
    hits = {hit.transcript: hit for hit in judgement.hits if hit.terms != _NO_CODING}
    judged = {model.transcripts[hit.transcript].gene for hit in judgement.hits if hit.transcript in model.transcripts}
    for gene in judged.union(judgement.genes, model.genes_at(contig, start, last)):
        for transcript in model.by_gene.get((contig, gene), ()):
            hit = hits.get(transcript.id)
            if hit is None and transcript.start < last and start < transcript.end:
                hits[transcript.id] = Hit(transcript.id, place_terms(transcript, start, end))
            elif hit and _only_splice_region(hit.terms):
                hits[transcript.id] = Hit(transcript.id, _with_place(hit.terms, transcript, start, end))
    return sorted(hits.values(), key=lambda hit: model.order.get(hit.transcript, len(model.order)))


def _only_splice_region(terms: tuple[str, ...]) -> bool:
    return terms[0] == SPLICE_REGION and set(terms) <= {SPLICE_REGION, NMD}


def _with_place(terms: tuple[str, ...], transcript: Transcript, start: int, end: int) -> tuple[str, ...]:
    """A splice region's terms with the exon that it lies in; of coding bases csq tells."""
    place = _place_term(transcript, start, end)
    return terms if place in ("coding_sequence_variant", INTRON) else by_severity((*terms, place))


def place_terms(transcript: Transcript, start: int, end: int) -> tuple[str, ...]:
    """Terms of what is told by the place alone; what decays or has no protein is called so, as VEP does."""
    terms = [_place_term(transcript, start, end)]
    if transcript.coding is None and terms == [INTRON]:
        terms.append("non_coding_transcript_variant")
    if transcript.biotype == _NMD_BIOTYPE:
        terms.append(NMD)
    return by_severity(terms)


def _place_term(transcript: Transcript, start: int, end: int) -> str:
    if transcript.exon_number(start, max(end, start + 1)) is None:
        return INTRON
    if transcript.coding is None:
        return "non_coding_transcript_exon_variant"
    if transcript.coding[0] <= start < transcript.coding[1]:
        return "coding_sequence_variant"
    before = start < transcript.coding[0]
    return "5_prime_UTR_variant" if before == (transcript.strand == 1) else "3_prime_UTR_variant"


def representative(hits: list[Hit], model: GeneModel) -> tuple[Hit, Transcript] | None:
    """The hit that speaks for the variant; absent where no transcript is hit.

    Each gene speaks through its MANE Select transcript, else Ensembl's canonical one, else the one with the longest
    coding sequence (:attr:`Transcript.rank`); where that one is not hit, through the best of those that are. Among
    several genes the one whose spokesman is hit worst speaks, a protein-coding one first.
    """
    by_gene: dict[str, tuple[Hit, Transcript]] = {}
    for hit in hits:
        transcript = model.transcripts.get(hit.transcript)
        if transcript is None:
            continue
        other = by_gene.get(transcript.gene_id)
        if other is None or transcript.rank < other[1].rank:
            by_gene[transcript.gene_id] = (hit, transcript)
    if not by_gene:
        return None
    return min(by_gene.values(), key=lambda pair: (pair[0].rank, pair[1].coding is None, pair[1].gene, pair[1].id))
