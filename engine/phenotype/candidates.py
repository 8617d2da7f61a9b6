"""Genes in which a person carries a variant that may matter, from annotated calls, and how much it speaks for each.

A gene is a candidate by its strongest variant: one that ClinVar calls pathogenic, one of high impact (a truncation, a
splice site, a lost start), or one of moderate impact (a changed amino acid, a deletion in frame). What ClinVar calls
benign, what did not pass its filters, and alleles that the person does not carry make no candidate. Annotations are
read from INFO/ANN, which this engine, snpEff and others write, and INFO/CLNSIG.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.errors import VariantFileError
from engine.files.info import info_value
from engine.files.sample_values import alleles
from engine.files.variant_lines import PASSED, variant_lines, variant_records

IMPACT = {"HIGH": 2.0, "MODERATE": 0.0}
"""Added to the phenotype's score, in nats, by impact; what is of lower impact makes no candidate."""
KNOWN_PATHOGENIC = 4.0
_PATHOGENIC, _BENIGN = ("pathogenic", "likely_pathogenic"), ("benign", "likely_benign")


def candidate_genes(annotated: Path, sample: str | None = None) -> dict[str, float]:
    """What the strongest variant of each candidate gene adds to its score, in nats, by symbol.

    Args:
        annotated: VCF with INFO/ANN, plain, gzip or BGZF.
        sample: whose calls; needed where the file has those of several people. In a file without genotypes every
            allele counts as carried.

    Raises:
        VariantFileError: the file is damaged, is not annotated by the alleles of ALT, or does not tell whose calls to
            take.
    """
    column = _column(annotated, sample)
    evidence: dict[str, float] = {}
    annotations = records = 0
    for _, fields in variant_records(annotated, with_calls=True):
        records += 1
        info = fields[7]
        annotation = info_value(info, "ANN=")
        annotations += bool(annotation)
        _require_own_alleles(fields, annotation, annotated)
        carried = _carried(fields, column)
        if not annotation or not carried or fields[6] not in PASSED:
            continue
        known = _known(info_value(info, "CLNSIG="))
        if known is None:
            continue
        for gene, weight in _impacts(annotation, carried).items():
            evidence[gene] = max(evidence.get(gene, 0.0), weight + known)
    if records and not annotations:
        raise VariantFileError(
            "no record has INFO/ANN",
            file=annotated,
            remedy="annotate the calls first, or name genes with --genes",
        )
    return evidence


def _require_own_alleles(fields: list[str], annotation: str, annotated: Path) -> None:
    """Some write alleles in ANN without the base that an indel shares with REF, and none would be found."""
    told = {one.partition("|")[0] for one in annotation.split(",")} if annotation else set()
    # Of one allele beside another the specification writes both, with a hyphen between.
    if told and not {one.partition("-")[0].upper() for one in told} & set(fields[4].upper().split(",")):
        raise VariantFileError(
            f"INFO/ANN tells of {', '.join(sorted(told))[:40]} and of no allele of ALT ({fields[4][:40]})",
            file=annotated,
            place=f"{fields[0]}:{int(fields[1]):,}",
            remedy="annotate the calls again, with alleles as ALT has them (genomics-engine annotate, or snpEff)",
        )


def _column(annotated: Path, sample: str | None) -> int | None:
    """The column of the sample's genotypes, from 0; absent where there are none."""
    header = next((line for line in variant_lines(annotated) if line.startswith("#CHROM")), "")
    samples = header.rstrip("\n").split("\t")[9:]
    if (sample is None and len(samples) > 1) or (sample is not None and sample not in samples):
        raise VariantFileError(
            f"the calls are those of {', '.join(samples) or 'nobody'}",
            file=annotated,
            sample=sample,
            remedy="say with --sample whose calls to take",
        )
    if not samples:
        return None
    return 9 + (samples.index(sample) if sample else 0)


def _carried(fields: list[str], column: int | None) -> set[str]:
    """The alternate alleles of a record that the person has a copy of."""
    alternates = fields[4].upper().split(",")
    if column is None or fields[8].partition(":")[0] != "GT":
        return set(alternates)
    return {alternates[number - 1] for number in alleles(fields[8], fields[column]) or () if number}


def _known(significance: str) -> float | None:
    """What ClinVar adds, absent where it calls the allele benign."""
    words = set(significance.lower().replace("|", "/").split("/"))
    if words & set(_PATHOGENIC):
        return KNOWN_PATHOGENIC
    return None if words & set(_BENIGN) else 0.0


def _impacts(annotation: str, carried: set[str]) -> Mapping[str, float]:
    """The highest weight by gene of the transcripts that the carried alleles change."""
    weights: dict[str, float] = {}
    for one in annotation.split(","):
        allele, _, impact, gene, *_ = (*one.split("|"), "", "", "", "")
        if impact in IMPACT and gene and allele.upper() in carried:
            weights[gene] = max(weights.get(gene, 0.0), IMPACT[impact])
    return weights
