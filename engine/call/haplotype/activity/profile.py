"""How likely it is that a position differs from the reference, before any assembly.

The reads' pileup is weighed as "reference or anything else" (specification sections 2-4 of GATK's
``HaplotypeCallerEngine.isActive``); turning the profile into regions is :mod:`.regions`' business.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.activity import profile_kernels as kernels
from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.numerics import (
    LOG10_CORRECT,
    LOG10_ERROR,
    LOG10_ONE_THIRD,
    LOG10_SUM_TABLE,
    approximate_log10_sum,
)

_REFERENCE_PSEUDOCOUNT = 10.0
_SNP_PSEUDOCOUNT = 0.01
_FEWEST_COPIES = 2
"""Of one copy too many true variants would go unnoticed (``MINIMUM_PUTATIVE_PLOIDY_FOR_ACTIVE_REGION_DISCOVERY``)."""


@dataclass(frozen=True)
class Activity:
    """Activity of consecutive positions.

    Attributes:
        start: 0-based position of the first.
        probability: float64[n], that the position is not homozygous reference.
        spread: int16[n], bases to either side over which high-quality soft clips repeat it, 0 for none.
    """

    start: int
    probability: NDArray[np.float64]
    spread: NDArray[np.int16]


@functools.cache
def element_likelihoods(ploidy: int) -> NDArray[np.float64]:
    """What one pileup element adds to the log10 likelihoods of 0..ploidy alternate copies.

    Returns:
        float64[2, 256, ploidy + 1]: for a reference (0) or alternate (1) element, by base quality; the common
        divisor ``ploidy`` of every element is left to the caller.
    """
    table = np.empty((2, 256, ploidy + 1))
    for quality in range(256):
        right, wrong = LOG10_CORRECT[quality], LOG10_ERROR[quality] + LOG10_ONE_THIRD
        for kind, (reference, other) in enumerate(((right, wrong), (wrong, right))):
            table[kind, quality, 0] = reference + math.log10(ploidy)
            table[kind, quality, ploidy] = other + math.log10(ploidy)
            for copies in range(1, ploidy):
                table[kind, quality, copies] = approximate_log10_sum(
                    reference + math.log10(ploidy - copies), other + math.log10(copies), LOG10_SUM_TABLE
                )
    return table


@functools.cache
def _prior(ploidy: int) -> NDArray[np.float64]:
    return np.array(
        [
            (
                math.log(math.comb(ploidy, copies))
                + math.lgamma(copies + _SNP_PSEUDOCOUNT)
                + math.lgamma(ploidy - copies + _REFERENCE_PSEUDOCOUNT)
            )
            / math.log(10.0)
            for copies in range(ploidy + 1)
        ]
    )


def activity(reads: ReadColumns, reference: NDArray[np.uint8], start: int, ploidy: int = 2) -> Activity:
    """The activity of every position of a stretch.

    Args:
        reads: all reads that overlap the stretch, in coordinate order, as aligned.
        reference: uint8[n], upper-case bases of the stretch.
        start: 0-based position of its first base.
        ploidy: copies of the stretch in one cell; one counts as two here.
    """
    copies = max(_FEWEST_COPIES, ploidy)
    size = reference.size
    result = Activity(start, np.zeros(size), np.zeros(size, np.int16))
    marked = np.zeros(size + 1, np.uint8)
    kernels.mark_alternates(reads, reference, start, marked)
    row_of, next_marked = np.empty(size, np.int32), np.empty(size + 1, np.int32)
    rows = kernels.index_marked(marked, row_of, next_marked)
    likelihoods = np.zeros((rows, copies + 1))
    depth, clip_count = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    clip_mean = np.zeros(rows)
    kernels.accumulate(
        reads,
        reference,
        start,
        row_of,
        next_marked,
        element_likelihoods(copies),
        likelihoods,
        depth,
        clip_count,
        clip_mean,
    )
    kernels.probabilities(
        row_of,
        likelihoods,
        depth,
        clip_mean,
        _prior(copies),
        math.log10(copies),
        result.probability,
        result.spread,
    )
    return result
