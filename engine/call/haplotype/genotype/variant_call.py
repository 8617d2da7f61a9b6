"""What calling a region yields: one value for each variant record, free of any file format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhaseSet:
    """Physical phase of a call with others of its region.

    Attributes:
        genotype: ``0|1`` or ``1|0``, phase of the alternate as if the call were heterozygous (PGT).
        identifier: position, reference and alternate of the set's first call, ``10001661_T_C``, 1-based (PID).
        start: 0-based position of the set's first call (PS is one more).
    """

    genotype: str
    identifier: str
    start: int


@dataclass(frozen=True, slots=True)
class SiteAnnotations:
    """Evidence about a call beyond its likelihoods, over the reads counted in INFO DP.

    Attributes:
        depth: reads over the site, informative or not (INFO DP).
        mapq_squares: sum of the squares of their MAPQ (first part of RAW_MQandDP).
        mapq_depth: how many of them have a MAPQ (second part).
        base_quality_rank_sum: z score of base qualities, alternate against reference; None where it cannot be
            computed, as for the next two.
        mapq_rank_sum: z score of mapping qualities.
        read_position_rank_sum: z score of distances to the nearer end of the read.
        fisher_strand: phred of Fisher's exact test for strand bias (FS).
        strand_odds_ratio: SOR.
        quality_by_depth: QUAL by informative reads (QD), None without reads.
        excess_het: phred of the exact test for too many heterozygotes, None at other ploidies than 2.
    """

    depth: int
    mapq_squares: int
    mapq_depth: int
    base_quality_rank_sum: float | None
    mapq_rank_sum: float | None
    read_position_rank_sum: float | None
    fisher_strand: float
    strand_odds_ratio: float
    quality_by_depth: float | None
    excess_het: float | None


@dataclass(frozen=True, slots=True)
class VariantCall:
    """A genotyped site of one sample.

    Attributes:
        start: 0-based position of the first reference base.
        alleles: reference, then alternates; ``*`` for a deletion that began before, ``<NON_REF>`` last where
            reference confidence was asked for.
        quality: QUAL, not rounded.
        low_quality: QUAL is below the threshold asked for.
        genotype: allele indices, ascending unless phased; empty for a genotype that cannot be told.
        phased: the genotype's alleles are in the order of ``phase``.
        genotype_quality: GQ, not capped.
        phred_likelihoods: PL, in VCF order.
        allele_depths: informative reads by allele (AD), empty without a genotype.
        genotype_depth: informative reads (FORMAT DP), None without a genotype.
        strand_counts: informative reads: reference forward, reverse, alternate forward, reverse (SB; written with
            a genotype only).
        allele_counts: most likely copies of each alternate (MLEAC).
        allele_frequencies: their share of the genotype's alleles (MLEAF), NaN without a genotype.
        annotations: the INFO annotations.
        phase: None where the call is not phased with another.
    """

    start: int
    alleles: tuple[str, ...]
    quality: float
    low_quality: bool
    genotype: tuple[int, ...]
    phased: bool
    genotype_quality: int
    phred_likelihoods: tuple[int, ...]
    allele_depths: tuple[int, ...]
    genotype_depth: int | None
    strand_counts: tuple[int, int, int, int]
    allele_counts: tuple[int, ...]
    allele_frequencies: tuple[float, ...]
    annotations: SiteAnnotations
    phase: PhaseSet | None

    @property
    def end(self) -> int:
        """One past the last base of the reference allele."""
        return self.start + len(self.alleles[0])
