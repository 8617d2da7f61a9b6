"""Likelihoods of reads given haplotypes, and which reads no haplotype explains (specification 10.2-10.4).

Turns the pair HMM's numbers into what genotyping uses; what the numbers mean for alleles is not decided here.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import HaplotypeColumns, ReadColumns
from engine.call.haplotype.likelihood.pair_hmm import single_precision_likelihoods
from engine.call.haplotype.likelihood.pair_hmm_inputs import pair_hmm_qualities
from engine.kernel import kernel

_LARGEST_DIFFERENCE: Final = 4.5
"""Between a read's best and worst haplotype, log10: the chance 10**-4.5 that the read is mapped elsewhere."""
_ERRORS_PER_BASE: Final = 0.02
_MOST_ERRORS: Final = 2.0
_LOG10_OF_AN_ERROR: Final = -4.0


class ReadLikelihoods(NamedTuple):
    """How well each haplotype explains the reads that any of them explains.

    Attributes:
        rows: int64[k], rows of the reads that were kept, ascending.
        values: float64[k, h], log10 likelihood of a kept read given a haplotype, none more than 4.5 below the
            best of its row.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float64]


def read_likelihoods(reads: ReadColumns, haplotypes: HaplotypeColumns) -> ReadLikelihoods:
    """Likelihood of every read given every haplotype, without the reads that fit none of them.

    Args:
        reads: clipped to the haplotypes' span.
        haplotypes: sorted by length, then bases, for speed.
    """
    qualities, gap_open = pair_hmm_qualities(reads.mapq, reads.base_offset, reads.bases, reads.qualities)
    values = single_precision_likelihoods(
        reads.base_offset, reads.bases, qualities, gap_open, haplotypes.base_offset, haplotypes.bases
    )
    return explained(reads.base_offset, values)


@kernel
def explained(base_offset: NDArray[np.int64], values: NDArray[np.float64]) -> ReadLikelihoods:
    """Cap the likelihoods of every read and drop the reads that no haplotype explains.

    Args:
        base_offset: int64[n + 1], row limits of the reads' bases.
        values: float64[n, h], log10 likelihoods, NaN for those below the range of single precision; overwritten.
    """
    rows = np.empty(values.shape[0], np.int64)
    kept = 0
    for row in range(values.shape[0]):
        if capped(values[row]) >= least_likelihood(base_offset[row + 1] - base_offset[row]):
            for haplotype in range(values.shape[1]):
                values[kept, haplotype] = values[row, haplotype]
            rows[kept] = row
            kept += 1
    return ReadLikelihoods(rows[:kept].copy(), values[:kept].copy())


@kernel
def capped(values: NDArray[np.float64]) -> float:
    """Raise one read's likelihoods to at most 4.5 below the best of them, in place; give the best.

    NaN stands for values below the range of single precision, about -64: such a value is either capped, or the
    read has no better one and is to be dropped, so that it need not be known exactly.

    Args:
        values: float64[haplotypes], log10.
    """
    best = -np.inf
    for value in values:
        if value > best:
            best = value
    for haplotype in range(values.size):
        if not values[haplotype] >= best - _LARGEST_DIFFERENCE:
            values[haplotype] = best - _LARGEST_DIFFERENCE
    return best


@kernel
def least_likelihood(length: int) -> float:
    """The best likelihood that a read of so many bases must reach to count as explained by a haplotype."""
    return _LOG10_OF_AN_ERROR * min(_MOST_ERRORS, math.ceil(length * _ERRORS_PER_BASE))
