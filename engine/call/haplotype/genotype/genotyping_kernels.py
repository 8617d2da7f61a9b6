"""Kernels of genotyping: likelihoods of alleles from those of haplotypes, of genotypes from those of alleles.

Source: specification 11.3-11.6; GATK's ``AlleleLikelihoods`` and ``GenotypeLikelihoodCalculator``. No I/O.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.numerics import approximate_log10_sum, phred_scaled
from engine.kernel import kernel

_INFORMATIVE = 0.2


@kernel
def allele_likelihoods(
    values: NDArray[np.float64],
    read_start: NDArray[np.int64],
    read_end: NDArray[np.int64],
    carriers: NDArray[np.bool_],
    low: int,
    high: int,
    with_non_reference: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Likelihoods of a site's alleles for the reads that overlap ``[low, high)``.

    Args:
        values: float64[k, h], log10 likelihood of read given haplotype.
        read_start: int64[k], first reference base of the realigned read.
        read_end: int64[k], one past its last.
        carriers: bool[a, h], haplotypes of each allele.
        low: first reference base that counts as overlap.
        high: one past the last.
        with_non_reference: add a last column for alleles that nobody assembled.

    Returns:
        rows: int64[n], the overlapping reads; and float64[n, alleles], best over the allele's haplotypes.
    """
    alleles = carriers.shape[0]
    rows = np.empty(values.shape[0], np.int64)
    count = 0
    for row in range(values.shape[0]):
        if read_start[row] < high and read_end[row] > low:
            rows[count] = row
            count += 1
    likelihoods = np.full((count, alleles + 1 if with_non_reference else alleles), -np.inf)
    for n in range(count):
        for allele in range(alleles):
            for haplotype in range(values.shape[1]):
                if carriers[allele, haplotype]:
                    likelihoods[n, allele] = max(likelihoods[n, allele], values[rows[n], haplotype])
    if with_non_reference:
        fill_non_reference(likelihoods, np.ones(alleles + 1, np.bool_))
    return rows[:count].copy(), likelihoods


@kernel
def fill_non_reference(likelihoods: NDArray[np.float64], considered: NDArray[np.bool_]) -> None:
    """Fill the last column: by read, the median likelihood of the considered alleles worse than the best one.

    Where all are as good as the best, its likelihood.

    Args:
        likelihoods: float64[n, alleles], log10, by read; the last column is filled.
        considered: bool[alleles].
    """
    last = likelihoods.shape[1] - 1
    worse = np.empty(last)
    for n in range(likelihoods.shape[0]):
        best = likelihoods[n, 0]
        for allele in range(1, last):
            best = max(best, likelihoods[n, allele])
        count = 0
        for allele in range(last):
            value = likelihoods[n, allele]
            if considered[allele] and value < best:
                place = count
                while place > 0 and worse[place - 1] > value:
                    worse[place] = worse[place - 1]
                    place -= 1
                worse[place] = value
                count += 1
        if count == 0:
            likelihoods[n, last] = best
        elif count % 2 == 1:
            likelihoods[n, last] = worse[count // 2]
        else:
            lower, upper = worse[count // 2 - 1], worse[count // 2]
            likelihoods[n, last] = lower if lower == upper else lower + 0.5 * (upper - lower)


@kernel
def genotype_phred(
    likelihoods: NDArray[np.float64], counts: NDArray[np.int64], log10_sums: NDArray[np.float64]
) -> NDArray[np.int64]:
    """PLs of the genotypes, from the likelihoods of their alleles for each read.

    Args:
        likelihoods: float64[n, alleles].
        counts: int64[genotypes, alleles], copies of each allele; the ploidy is their sum.
        log10_sums: float64[], the table of ``approximate_log10_sum``.
    """
    reads = likelihoods.shape[0]
    ploidy = counts[0, 0]
    log10_likelihoods = np.empty(counts.shape[0])
    for genotype in range(counts.shape[0]):
        first, second, distinct = -1, -1, 0
        for allele in range(counts.shape[1]):
            if counts[genotype, allele] > 0:
                second = allele if distinct == 1 else second
                first = allele if distinct == 0 else first
                distinct += 1
        total = 0.0
        if distinct == 1:
            for n in range(reads):
                total += likelihoods[n, first]
        elif distinct == 2:
            log10_first = math.log10(counts[genotype, first])
            log10_second = math.log10(counts[genotype, second])
            for n in range(reads):
                total += approximate_log10_sum(
                    likelihoods[n, first] + log10_first, likelihoods[n, second] + log10_second, log10_sums
                )
            total -= reads * math.log10(ploidy)
        else:
            total = _of_many_alleles(likelihoods, counts[genotype]) - reads * math.log10(ploidy)
        log10_likelihoods[genotype] = total
    phred = np.empty(counts.shape[0], np.int64)
    phred_scaled(log10_likelihoods, phred)
    return phred


@kernel
def _of_many_alleles(likelihoods: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Log10 likelihood of the reads under a genotype of three alleles or more, not divided by the ploidy."""
    total = 0.0
    for n in range(likelihoods.shape[0]):
        best, mixed = -np.inf, 0.0
        for allele in range(counts.size):
            best = max(best, likelihoods[n, allele])
        for allele in range(counts.size):
            mixed += counts[allele] * 10.0 ** (likelihoods[n, allele] - best)
        total += math.log10(mixed) + best
    return total


@kernel
def supported_alleles(likelihoods: NDArray[np.float64], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """By read, the wanted allele that it supports, -1 where two are within 0.2 of each other.

    Args:
        likelihoods: float64[n, alleles], log10, by read.
        wanted: bool[alleles].
    """
    supported = np.empty(likelihoods.shape[0], np.int64)
    for n in range(likelihoods.shape[0]):
        best, best_value, second = -1, -np.inf, -np.inf
        for allele in range(likelihoods.shape[1]):
            value = likelihoods[n, allele]
            if not wanted[allele]:
                continue
            if best < 0 or value > best_value:
                best, second, best_value = allele, best_value, value
            elif value > second:
                second = value
        supported[n] = best if best_value - second > _INFORMATIVE else -1
    return supported
