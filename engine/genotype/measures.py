"""What a filtered VCF of one sample looks like as a whole: counts and ratios that give a bad sample away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from engine.files.variant_lines import variant_lines

BALANCE_BINS = 20
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
SUBSTITUTIONS = ("C>A", "C>G", "C>T", "T>A", "T>C", "T>G")
"""A substitution on either strand, named by its pyrimidine, as spectra of mutations are drawn."""
_TRANSITIONS = frozenset({("A", "G"), ("G", "A"), ("C", "T"), ("T", "C")})


@dataclass(frozen=True)
class VariantsSummary:
    """Measures of one sample's variants; those of kinds, ratios and qualities are over records that pass.

    Attributes:
        records: all records.
        pass_records: those no filter marks.
        pass_fraction: of the records; ``None`` without any.
        snps: passing records whose alternate alleles are single bases.
        indels: the other passing records.
        titv: transitions over transversions; ``None`` without transversions.
        het_hom_ratio: heterozygous over homozygous alternate SNPs; ``None`` without homozygous ones.
        mean_genotype_quality: of GQ; ``None`` without calls.
        median_genotype_quality: likewise.
        missing_fraction: share of all records without a genotype; ``None`` without records.
        uncovered_target_bases: target bases that no record of the gVCF covers.
        allele_balance_histogram: heterozygotes by the share of their reads with the alternate allele, in 20 equal
            bins from 0 to 1, for a plot.
        substitution_names: of the six kinds of substitution, named by the pyrimidine.
        substitution_counts: how many alternate alleles of passing SNPs are of each kind, for a plot.
        not_genotyped: records of the gVCF that could not be genotyped, because it has no likelihoods there.
        first_not_genotyped: place of the first of them, ``contig:position``; ``None`` without any.
        beyond_depth: records of the gVCF that tell of more reads of the alleles (AD) than of reads (DP).
        first_beyond_depth: place of the first of them, ``contig:position``; ``None`` without any.
        overlapping_blocks: reference blocks of the gVCF that reach over the record behind them.
        first_overlapping_block: place of the first of them, ``contig:position``; ``None`` without any.
    """

    records: int
    pass_records: int
    pass_fraction: float | None
    snps: int
    indels: int
    titv: float | None
    het_hom_ratio: float | None
    mean_genotype_quality: float | None
    median_genotype_quality: float | None
    missing_fraction: float | None
    uncovered_target_bases: int
    allele_balance_histogram: list[int]
    substitution_names: list[str]
    substitution_counts: list[int]
    not_genotyped: int = 0
    first_not_genotyped: str | None = None
    beyond_depth: int = 0
    first_beyond_depth: str | None = None
    overlapping_blocks: int = 0
    first_overlapping_block: str | None = None


@dataclass
class _Counts:
    records: int = 0
    passing: int = 0
    snps: int = 0
    transitions: int = 0
    transversions: int = 0
    heterozygous: int = 0
    homozygous: int = 0
    missing: int = 0
    qualities: list[int] = field(default_factory=list)
    balance: list[int] = field(default_factory=lambda: [0] * BALANCE_BINS)
    substitutions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUBSTITUTIONS, 0))


def measure_variants(vcf: Path, *, uncovered_target_bases: int = 0) -> VariantsSummary:
    """Walk a VCF of one sample once."""
    counts = _Counts()
    for line in variant_lines(vcf):
        if not line.startswith("#"):
            _count(counts, line.rstrip("\n").split("\t"))
    return VariantsSummary(
        records=counts.records,
        pass_records=counts.passing,
        pass_fraction=_ratio(counts.passing, counts.records),
        snps=counts.snps,
        indels=counts.passing - counts.snps,
        titv=_ratio(counts.transitions, counts.transversions),
        het_hom_ratio=_ratio(counts.heterozygous, counts.homozygous),
        mean_genotype_quality=fmean(counts.qualities) if counts.qualities else None,
        median_genotype_quality=float(median(counts.qualities)) if counts.qualities else None,
        missing_fraction=_ratio(counts.missing, counts.records),
        uncovered_target_bases=uncovered_target_bases,
        allele_balance_histogram=counts.balance,
        substitution_names=list(counts.substitutions),
        substitution_counts=list(counts.substitutions.values()),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _count(counts: _Counts, fields: list[str]) -> None:
    counts.records += 1
    call = dict(zip(fields[8].split(":"), fields[9].split(":"), strict=False))
    alleles = call["GT"].replace("|", "/").split("/")
    if "." in alleles:
        counts.missing += 1
        return
    if fields[6] not in ("PASS", "."):
        return
    counts.passing += 1
    if call.get("GQ", ".") != ".":
        counts.qualities.append(int(call["GQ"]))
    _count_balance(counts, alleles, call.get("AD", "."))
    alternates = [alt for alt in fields[4].split(",") if alt != "*"]
    if len(fields[3]) == 1 and all(len(alt) == 1 for alt in alternates):
        counts.snps += 1
        _count_snp(counts, fields[3], alternates, alleles)


def _count_snp(counts: _Counts, ref: str, alternates: Iterable[str], alleles: list[str]) -> None:
    for alt in alternates:
        change = f"{ref}>{alt}" if ref in "CT" else f"{ref}>{alt}".translate(_COMPLEMENT)
        if change in counts.substitutions:
            counts.substitutions[change] += 1
        if (ref, alt) in _TRANSITIONS:
            counts.transitions += 1
        else:
            counts.transversions += 1
    if len(set(alleles)) > 1:
        counts.heterozygous += 1
    elif alleles[0] != "0":
        counts.homozygous += 1


def _count_balance(counts: _Counts, alleles: list[str], depths: str) -> None:
    if len(set(alleles)) < 2 or "0" not in alleles or "." in depths:
        return
    reads = [int(depth) for depth in depths.split(",")]
    alternate = int(next(allele for allele in alleles if allele != "0"))
    total = reads[0] + reads[alternate]
    if total:
        counts.balance[min(BALANCE_BINS - 1, reads[alternate] * BALANCE_BINS // total)] += 1
