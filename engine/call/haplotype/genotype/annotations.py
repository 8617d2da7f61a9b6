"""Annotations of a call: strand bias, rank sums, mapping quality, depth (specification 13).

Numbers only; how a VCF prints them is the writer's business. The functions of one table or one depth serve
genotyping of gVCFs too.

>>> round(fisher_strand((12, 13, 20, 10)), 3), round(strand_odds_ratio((12, 13, 20, 10)), 3)
(7.389, 1.506)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from engine.call.haplotype.genotype import annotation_kernels as kernels
from engine.call.haplotype.genotype.variant_call import SiteAnnotations

_SMALLEST_P_VALUE: Final = 1e-320
_FEWEST_FOR_STRAND_BIAS: Final = 2
_LARGEST_QUALITY_BY_DEPTH: Final = 35.0
_USUAL_QUALITY_BY_DEPTH: Final = 30.0


def fisher_strand(strands: Sequence[int]) -> float:
    """FS: phred of Fisher's exact test on reference forward, reverse, alternate forward, reverse."""
    if sum(strands) <= _FEWEST_FOR_STRAND_BIAS:
        return 0.0
    p_value = kernels.fisher_p_value(*strands)
    return -10.0 * math.log10(max(p_value, _SMALLEST_P_VALUE)) + 0.0


def strand_odds_ratio(strands: Sequence[int]) -> float:
    """SOR: symmetric odds ratio of the strands, weighted by how even each allele's own strands are."""
    a, b, c, d = (count + 1.0 for count in strands)
    ratio = (a / b) * (d / c) + (b / a) * (c / d)
    return math.log(ratio) + math.log(min(a, b) / max(a, b)) - math.log(min(c, d) / max(c, d))


def quality_by_depth(quality: float, depth: int) -> float | None:
    """QD: QUAL by the depth of the samples that vary; None without depth.

    Values from 35 on, an artefact of near-identical reads, become the usual 30. GATK scatters these at random
    around 30; here the same input gives the same output.
    """
    if depth == 0:
        return None
    by_depth = quality / depth
    return by_depth if by_depth < _LARGEST_QUALITY_BY_DEPTH else _USUAL_QUALITY_BY_DEPTH


def rank_sum_z(kind: int, value: float) -> float | None:
    """The z score of a rank sum test from what its kernel gave; None where there was nothing to compare."""
    if kind == kernels.NO_TEST or math.isnan(value):
        return None
    return value if kind == kernels.Z_SCORE else NormalDist().inv_cdf(value)


def site_annotations(observed: kernels.Observed, quality: float, genotype: Sequence[int]) -> SiteAnnotations:
    """The annotations of one call of one sample.

    Args:
        observed: what reads show there.
        quality: QUAL.
        genotype: allele indices, empty where it cannot be told.
    """
    z = [rank_sum_z(kind, value) for kind, value in zip(observed.kinds.tolist(), observed.values.tolist(), strict=True)]
    strands = observed.strands.tolist()
    varies = any(allele > 0 for allele in genotype)
    depth = (sum(observed.allele_depths.tolist()) or observed.depth) if varies else 0
    return SiteAnnotations(
        depth=observed.depth,
        mapq_squares=observed.mapq_squares,
        mapq_depth=observed.mapq_depth,
        base_quality_rank_sum=z[kernels.BASE_QUALITY],
        mapq_rank_sum=z[kernels.MAPQ],
        read_position_rank_sum=z[kernels.READ_POSITION],
        fisher_strand=fisher_strand(strands),
        strand_odds_ratio=strand_odds_ratio(strands),
        quality_by_depth=quality_by_depth(quality, depth),
        excess_het=0.0 if len(genotype) == 2 else None,
    )
