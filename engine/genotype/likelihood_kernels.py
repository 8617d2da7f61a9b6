"""Kernels of joint genotyping: allele frequencies by expectation maximisation over all samples of a site.

Genotypes of a diploid sample are in VCF's order (AA, AB, BB, AC, ...), those of a haploid one are its alleles.
Source: GATK's AlleleFrequencyCalculator, described in docs/engine.md (QUAL and allele selection).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

LOG10_2 = math.log10(2.0)
CONVERGENCE = 0.1


@njit(nogil=True, cache=True)
def _posteriors(
    likelihoods: NDArray[np.float64],
    ploidy: int,
    log10_frequencies: NDArray[np.float64],
    posteriors: NDArray[np.float64],
) -> int:
    """Fill ``posteriors`` with one sample's log10 genotype posteriors; returns the number of genotypes."""
    alleles = log10_frequencies.size
    genotype = 0
    for second in range(alleles):
        for first in range(second + 1) if ploidy == 2 else range(second, second + 1):
            value = likelihoods[genotype] + log10_frequencies[second]
            if ploidy == 2:
                value += log10_frequencies[first]
                if first != second:
                    value += LOG10_2
            posteriors[genotype] = value
            genotype += 1
    best = posteriors[:genotype].max()
    total = 0.0
    for i in range(genotype):
        total += 10.0 ** (posteriors[i] - best)
    norm = best + math.log10(total)
    for i in range(genotype):
        posteriors[i] -= norm
    return genotype


@njit(nogil=True, cache=True)
def _log10_add(a: float, b: float) -> float:
    high = max(a, b)
    if high == -np.inf:
        return high
    return high + math.log10(10.0 ** (a - high) + 10.0 ** (b - high))


@njit(nogil=True, cache=True)
def _count_alleles(
    likelihoods: NDArray[np.float64],
    ploidies: NDArray[np.int64],
    log10_frequencies: NDArray[np.float64],
    posteriors: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> None:
    counts[:] = 0.0
    for sample in range(ploidies.size):
        _posteriors(likelihoods[sample], ploidies[sample], log10_frequencies, posteriors)
        genotype = 0
        for second in range(counts.size):
            for first in range(second + 1) if ploidies[sample] == 2 else range(second, second + 1):
                weight = 10.0 ** posteriors[genotype]
                counts[second] += weight
                if ploidies[sample] == 2:
                    counts[first] += weight
                genotype += 1


@njit(nogil=True, cache=True)
def allele_frequencies(
    likelihoods: NDArray[np.float64],
    ploidies: NDArray[np.int64],
    pseudocounts: NDArray[np.float64],
    spanning: int,
    counts: NDArray[np.float64],
    log10_absent: NDArray[np.float64],
) -> float:
    """Estimate allele counts; returns log10 of the probability that no sample has a variant.

    Args:
        likelihoods: float64[samples, genotypes], log10, of samples that have any.
        ploidies: int64[samples], 1 or 2.
        pseudocounts: float64[alleles], Dirichlet prior.
        spanning: index of ``*``, -1 where there is none; genotypes of it and the reference are no variant.
        counts: float64[alleles], filled with the expected number of copies.
        log10_absent: float64[alleles], filled with log10 of the probability that nobody has the allele.
    """
    alleles = pseudocounts.size
    frequencies = np.full(alleles, -math.log10(alleles))
    posteriors = np.empty(likelihoods.shape[1])
    previous = np.zeros(alleles)
    change = np.inf
    while change > CONVERGENCE:
        _count_alleles(likelihoods, ploidies, frequencies, posteriors, counts)
        change = np.abs(counts - previous).max()
        previous[:] = counts
        total = math.log10((pseudocounts + counts).sum())
        for allele in range(alleles):
            frequencies[allele] = math.log10(pseudocounts[allele] + counts[allele]) - total
    log10_absent[:] = 0.0
    no_variant = 0.0
    absent = np.empty(alleles)
    for sample in range(ploidies.size):
        _posteriors(likelihoods[sample], ploidies[sample], frequencies, posteriors)
        absent[:] = -np.inf
        reference_only = -np.inf
        genotype = 0
        for second in range(alleles):
            for first in range(second + 1) if ploidies[sample] == 2 else range(second, second + 1):
                value = posteriors[genotype]
                for allele in range(alleles):
                    if allele != first and allele != second:
                        absent[allele] = _log10_add(absent[allele], value)
                if (first == 0 or first == spanning) and (second == 0 or second == spanning):
                    reference_only = _log10_add(reference_only, value)
                genotype += 1
        no_variant += min(0.0, reference_only)
        for allele in range(alleles):
            log10_absent[allele] += min(0.0, absent[allele])
    if alleles == 2 and spanning < 0:
        log10_absent[1] = no_variant
    return no_variant
