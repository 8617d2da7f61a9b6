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
from functools import lru_cache
from pathlib import Path

from engine.annotate.gene_model import GeneModel, Transcript
from engine.errors import KnowledgeError, ToolError
from engine.htslib import run_bcftools
from engine.reference.accessions import bare_contig

INTERGENIC = "intergenic_variant"
# NCBI's number of the vertebrate mitochondrial code.
_MITOCHONDRIAL_CODE = "2"


@dataclass(frozen=True)
class Term:
    """A consequence in the Sequence Ontology.

    Attributes:
        name: as VEP writes it.
        so: accession.
        impact: Ensembl's class: HIGH, MODERATE, LOW or MODIFIER.
        rank: 0 is the most severe (Ensembl's order).
    """

    name: str
    so: str
    impact: str
    rank: int


# Ensembl, "Calculated variant consequences": order, accessions and impact.
_TERMS = (
    ("splice_acceptor_variant", "SO:0001574", "HIGH"),
    ("splice_donor_variant", "SO:0001575", "HIGH"),
    ("stop_gained", "SO:0001587", "HIGH"),
    ("frameshift_variant", "SO:0001589", "HIGH"),
    ("stop_lost", "SO:0001578", "HIGH"),
    ("start_lost", "SO:0002012", "HIGH"),
    ("exon_loss_variant", "SO:0001572", "HIGH"),
    ("feature_elongation", "SO:0001907", "HIGH"),
    ("feature_truncation", "SO:0001906", "HIGH"),
    ("inframe_insertion", "SO:0001821", "MODERATE"),
    ("inframe_deletion", "SO:0001822", "MODERATE"),
    ("missense_variant", "SO:0001583", "MODERATE"),
    ("protein_altering_variant", "SO:0001818", "MODERATE"),
    ("splice_region_variant", "SO:0001630", "LOW"),
    ("start_retained_variant", "SO:0002019", "LOW"),
    ("stop_retained_variant", "SO:0001567", "LOW"),
    ("synonymous_variant", "SO:0001819", "LOW"),
    ("coding_sequence_variant", "SO:0001580", "MODIFIER"),
    ("5_prime_UTR_variant", "SO:0001623", "MODIFIER"),
    ("3_prime_UTR_variant", "SO:0001624", "MODIFIER"),
    ("non_coding_transcript_exon_variant", "SO:0001792", "MODIFIER"),
    ("non_coding_transcript_variant", "SO:0001619", "MODIFIER"),
    ("intron_variant", "SO:0001627", "MODIFIER"),
    ("intergenic_variant", "SO:0001628", "MODIFIER"),
)
TERMS = {name: Term(name, so, impact, rank) for rank, (name, so, impact) in enumerate(_TERMS)}
# How csq shortens the terms, where it is not the term less its "_variant".
_SHORT = {term.removesuffix("_variant"): term for term in TERMS} | {
    "5_prime_utr": "5_prime_UTR_variant",
    "3_prime_utr": "3_prime_UTR_variant",
    "non_coding": "non_coding_transcript_variant",
    "inframe_altering": "protein_altering_variant",
    "intergenic": INTERGENIC,
}


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
        return TERMS[self.terms[0]].rank

    @property
    def impact(self) -> str:
        """Ensembl's class of the worst term."""
        return TERMS[self.terms[0]].impact


def call_consequences(vcf: Path, fasta: Path, gene_model: Path, folder: Path, contigs: Sequence[str]) -> list[Path]:
    """Write ``vcf`` with INFO/BCSQ; the mitochondrion apart, whose genetic code is another.

    A record whose REF is not what the FASTA reads is passed through; judging REF is the caller's business.

    Args:
        vcf: indexed, one alternate allele a record.
        fasta: the reference, with index.
        gene_model: Ensembl-style GFF3.
        folder: for the results.
        contigs: of the reference.

    Returns:
        BGZF files that hold the records one after the other.

    Raises:
        KnowledgeError: csq cannot read the gene model.
        ToolError: csq failed.
    """
    mitochondrion = next((name for name in contigs if bare_contig(name) == "MT" and _has_records(vcf, name)), None)
    parts = [folder / "consequences.vcf.gz"]
    if mitochondrion is None:
        _run_csq(vcf, fasta, gene_model, parts[0])
        return parts
    parts.append(folder / "mitochondrial_consequences.vcf.gz")
    _run_csq(vcf, fasta, gene_model, parts[0], "-t", f"^{mitochondrion}")
    _run_csq(vcf, fasta, gene_model, parts[1], "-t", mitochondrion, "-C", _MITOCHONDRIAL_CODE)
    return parts


def _has_records(vcf: Path, contig: str) -> bool:
    import pysam

    with pysam.VariantFile(str(vcf)) as opened:
        return contig in opened.header.contigs and next(opened.fetch(contig), None) is not None


def _run_csq(vcf: Path, fasta: Path, gene_model: Path, output: Path, *options: str) -> None:
    files = ["-f", str(fasta), "-g", str(gene_model), "-o", str(output), "-O", "z1"]
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


_SPLICE_REGION = ("splice_region_variant",)


def parse_bcsq(value: str) -> Judgement:
    """Read a BCSQ value; a term that hides behind an upstream stop (``*``) counts like any other."""
    hits, genes = [], []
    for item in value.split(",") if value else ():
        terms, _, rest = item.partition("|")
        fields = rest.split("|")
        if len(fields) > 1 and fields[1]:
            hits.append(Hit(fields[1], _so_terms(terms)))
        elif fields[0]:
            genes.append(fields[0])
    return Judgement(tuple(hits), tuple(genes))


def complete(judgement: Judgement, contig: str, start: int, end: int, model: GeneModel) -> list[Hit]:
    """csq's hits, and for each gene concerned the transcripts that csq passes over because only their place is hit.

    A splice region within an intron is an intron variant too, as VEP has it. Where csq says nothing at all, be it that
    it does not understand the allele, the genes at the place are concerned.

    Args:
        judgement: of the record.
        contig: of the record.
        start: 0-based first replaced base.
        end: one past the last; equal to ``start`` for an insertion.
        model: whose transcripts csq judged.
    """
    last = max(end, start + 1)
    hits = {hit.transcript: hit for hit in judgement.hits}
    genes = {model.transcripts[name].gene for name in hits if name in model.transcripts} | set(judgement.genes)
    for gene in sorted(genes) or model.genes_at(contig, start, last):
        for transcript in model.by_gene.get((contig, gene), ()):
            hit = hits.get(transcript.id)
            if hit is None and transcript.start < last and start < transcript.end:
                hits[transcript.id] = Hit(transcript.id, (_place_term(transcript, start, end),))
            elif hit and hit.terms == _SPLICE_REGION and transcript.clear_of_exons(start, last, 0):
                hits[transcript.id] = Hit(transcript.id, (*_SPLICE_REGION, "intron_variant"))
    return list(hits.values())


def _place_term(transcript: Transcript, start: int, end: int) -> str:
    if transcript.exon_number(start, max(end, start + 1)) is None:
        return "intron_variant"
    if transcript.coding is None:
        return "non_coding_transcript_exon_variant"
    if transcript.coding[0] <= start < transcript.coding[1]:
        return "coding_sequence_variant"
    before = start < transcript.coding[0]
    return "5_prime_UTR_variant" if before == (transcript.strand == 1) else "3_prime_UTR_variant"


@lru_cache(maxsize=4096)
def _so_terms(text: str) -> tuple[str, ...]:
    names = {_SHORT[short.lstrip("*")] for short in text.split("&")}
    return tuple(sorted(names, key=lambda name: TERMS[name].rank))


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
