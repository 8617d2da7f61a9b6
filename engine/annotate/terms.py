"""Consequence terms of the Sequence Ontology: order, accession and impact, as Ensembl ranks them.

The vocabulary is open. A term that is not in Ensembl's list is passed on as the consequence caller wrote it, ranks
below all that are, has impact MODIFIER and no accession; :mod:`engine.annotate.annotate` counts such terms.

>>> term("stop_gained").rank < term("synonymous_variant").rank < term("something_new").rank
True
>>> so_terms("splice_region&missense"), so_terms("NMD_transcript&something_new")
(('missense_variant', 'splice_region_variant'), ('NMD_transcript_variant', 'something_new'))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

INTERGENIC = "intergenic_variant"
INTRON = "intron_variant"
NMD = "NMD_transcript_variant"
SPLICE_REGION = "splice_region_variant"
TRUNCATED = "feature_truncation"


@dataclass(frozen=True)
class Term:
    """A consequence in the Sequence Ontology.

    Attributes:
        name: as VEP writes it.
        so: accession, absent for a term that Ensembl does not list.
        impact: Ensembl's class: HIGH, MODERATE, LOW or MODIFIER.
        rank: 0 is the most severe (Ensembl's order).
    """

    name: str
    so: str | None
    impact: str
    rank: int


# Ensembl 110, "Calculated variant consequences": order, accessions and impact. exon_loss_variant is not in the list and
# stands beside what it is akin to.
_TERMS = (
    ("transcript_ablation", "SO:0001893", "HIGH"),
    ("splice_acceptor_variant", "SO:0001574", "HIGH"),
    ("splice_donor_variant", "SO:0001575", "HIGH"),
    ("stop_gained", "SO:0001587", "HIGH"),
    ("frameshift_variant", "SO:0001589", "HIGH"),
    ("stop_lost", "SO:0001578", "HIGH"),
    ("start_lost", "SO:0002012", "HIGH"),
    ("exon_loss_variant", "SO:0001572", "HIGH"),
    ("transcript_amplification", "SO:0001889", "HIGH"),
    ("feature_elongation", "SO:0001907", "HIGH"),
    (TRUNCATED, "SO:0001906", "HIGH"),
    ("inframe_insertion", "SO:0001821", "MODERATE"),
    ("inframe_deletion", "SO:0001822", "MODERATE"),
    ("missense_variant", "SO:0001583", "MODERATE"),
    ("protein_altering_variant", "SO:0001818", "MODERATE"),
    ("splice_donor_5th_base_variant", "SO:0001787", "LOW"),
    (SPLICE_REGION, "SO:0001630", "LOW"),
    ("splice_donor_region_variant", "SO:0002170", "LOW"),
    ("splice_polypyrimidine_tract_variant", "SO:0002169", "LOW"),
    ("incomplete_terminal_codon_variant", "SO:0001626", "LOW"),
    ("start_retained_variant", "SO:0002019", "LOW"),
    ("stop_retained_variant", "SO:0001567", "LOW"),
    ("synonymous_variant", "SO:0001819", "LOW"),
    ("coding_sequence_variant", "SO:0001580", "MODIFIER"),
    ("mature_miRNA_variant", "SO:0001620", "MODIFIER"),
    ("5_prime_UTR_variant", "SO:0001623", "MODIFIER"),
    ("3_prime_UTR_variant", "SO:0001624", "MODIFIER"),
    ("non_coding_transcript_exon_variant", "SO:0001792", "MODIFIER"),
    (INTRON, "SO:0001627", "MODIFIER"),
    (NMD, "SO:0001621", "MODIFIER"),
    ("non_coding_transcript_variant", "SO:0001619", "MODIFIER"),
    ("coding_transcript_variant", "SO:0001968", "MODIFIER"),
    ("upstream_gene_variant", "SO:0001631", "MODIFIER"),
    ("downstream_gene_variant", "SO:0001632", "MODIFIER"),
    (INTERGENIC, "SO:0001628", "MODIFIER"),
    ("sequence_variant", "SO:0001060", "MODIFIER"),
)
TERMS = {name: Term(name, so, impact, rank) for rank, (name, so, impact) in enumerate(_TERMS)}
# How csq shortens the terms, where it is not the term less its "_variant".
_SHORT = {name.removesuffix("_variant"): name for name in TERMS} | {
    "5_prime_utr": "5_prime_UTR_variant",
    "3_prime_utr": "3_prime_UTR_variant",
    "non_coding": "non_coding_transcript_variant",
    "inframe_altering": "protein_altering_variant",
}


def term(name: str) -> Term:
    """What is known of a term; one that is not listed is the least severe."""
    return TERMS.get(name) or Term(name, None, "MODIFIER", len(TERMS))


def by_severity(names: Iterable[str]) -> tuple[str, ...]:
    """The names once each, the most severe first."""
    return _by_severity(tuple(names))


@lru_cache(maxsize=4096)
def _by_severity(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names), key=lambda name: (term(name).rank, name)))


@lru_cache(maxsize=4096)
def so_terms(text: str) -> tuple[str, ...]:
    """csq's terms, joined by ``&``, under the ontology's names; a ``*`` (behind an upstream stop) is taken off."""
    shortened = (short.lstrip("*") for short in text.split("&"))
    return by_severity(_SHORT.get(short, short) for short in shortened if short)
