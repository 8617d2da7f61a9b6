"""How frequent alleles are among samples, and how sure it is that a site varies at all (specification 12.1-12.3).

Takes the genotype likelihoods of one sample or many, of any ploidies; it neither makes them nor decides what is
written. GATK: ``AlleleFrequencyCalculator`` (4.1 and later).

>>> import numpy as np
>>> found = allele_frequencies([SampleLikelihoods(2, np.array([[934, 0, 1248]]))], reference_length=1, alternates=["T"])
>>> round(found.quality, 2), found.counts
(926.64, (1,))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.call.haplotype.genotype_index import genotype_alleles, genotype_counts, genotypes_of_subset

SPANNING_DELETION: Final = "*"
NON_REFERENCE: Final = "<NON_REF>"

_REFERENCE_PSEUDOCOUNT: Final = 10.0
"""Heterozygosity 0.001 divided by the square of its standard deviation 0.01."""
_SNP_PSEUDOCOUNT: Final = 0.01
_INDEL_PSEUDOCOUNT: Final = 0.00125
_CONVERGED: Final = 0.1
_EPSILON: Final = 1e-10


@dataclass(frozen=True, eq=False)
class SampleLikelihoods:
    """Genotype likelihoods of samples of one ploidy.

    Attributes:
        ploidy: copies of the contig in each of these samples.
        phred: int64[samples, genotypes], PLs in VCF order over the site's alleles.
    """

    ploidy: int
    phred: NDArray[np.int64]


@dataclass(frozen=True)
class AlleleFrequencies:
    """What the samples together say of a site.

    Attributes:
        log10_no_variant: log10 probability that no sample carries an alternate allele; spanning deletions, which
            belong to another site, are not counted as such.
        log10_absent: by alternate, log10 probability that no sample carries it.
        counts: by alternate, most likely number of copies over all samples (MLEAC).
    """

    log10_no_variant: float
    log10_absent: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def quality(self) -> float:
        """QUAL of the site as variant, phred."""
        return -10.0 * self.log10_no_variant + 0.0

    @property
    def reference_quality(self) -> float:
        """QUAL of the site as not variant, phred."""
        missing = -math.expm1(self.log10_no_variant * math.log(10.0))
        return math.inf if missing <= 0.0 else -10.0 * math.log10(missing) + 0.0

    def is_plausible(self, alternate: int, confidence: float) -> bool:
        """Whether alternate number ``alternate`` (from 0) is present with at least this phred confidence."""
        return self.log10_absent[alternate] + _EPSILON < -0.1 * confidence


def allele_frequencies(
    samples: Sequence[SampleLikelihoods], *, reference_length: int, alternates: Sequence[str]
) -> AlleleFrequencies:
    """Expectation maximisation of the allele frequencies and what follows from them.

    Args:
        samples: likelihoods of all samples that have them, grouped by ploidy; at least one.
        reference_length: bases of the reference allele.
        alternates: alternate alleles as written in a VCF.
    """
    alleles = 1 + len(alternates)
    tables = tuple(_genotypes(group.ploidy, alleles) for group in samples)
    prior = np.array([_REFERENCE_PSEUDOCOUNT, *(_pseudocount(one, reference_length) for one in alternates)])
    spanning = 1 + alternates.index(SPANNING_DELETION) if SPANNING_DELETION in alternates else -1
    counts = np.zeros(alleles)
    log10_frequencies = np.full(alleles, -math.log10(alleles))
    change = math.inf
    while change > _CONVERGED:
        new_counts = np.zeros(alleles)
        for group, table in zip(samples, tables, strict=True):
            _add_counts(group.phred, table, log10_frequencies, new_counts)
        change = float(np.abs(new_counts - counts).max())
        counts = new_counts
        log10_frequencies = np.log10((prior + counts) / (prior + counts).sum())
    absent = np.zeros(alleles)
    for group, table in zip(samples, tables, strict=True):
        _add_absence(group.phred, table, log10_frequencies, spanning, absent)
    no_variant = float(absent[0])
    biallelic = alleles == 2 and spanning < 0
    log10_absent = (no_variant,) if biallelic else tuple(float(value) for value in absent[1:])
    return AlleleFrequencies(no_variant, log10_absent, tuple(math.floor(count + 0.5) for count in counts[1:]))


def _pseudocount(alternate: str, reference_length: int) -> float:
    length = 0 if alternate.startswith("<") else len(alternate)
    return _SNP_PSEUDOCOUNT if length == reference_length else _INDEL_PSEUDOCOUNT


class _Genotypes(NamedTuple):
    """Genotypes of one ploidy: int64[genotypes, alleles] copies, and float64[genotypes] log10 of their orders."""

    counts: NDArray[np.int64]
    log10_orders: NDArray[np.float64]


@lru_cache(maxsize=256)
def _genotypes(ploidy: int, alleles: int) -> _Genotypes:
    counts = genotype_counts(ploidy, alleles)
    orders = [
        math.log10(math.factorial(ploidy)) - sum(math.log10(math.factorial(count)) for count in row)
        for row in counts.tolist()
    ]
    return _Genotypes(counts, np.array(orders))


@njit(nogil=True, cache=True)
def _posteriors(
    phred: NDArray[np.int64],
    genotypes: _Genotypes,
    log10_frequencies: NDArray[np.float64],
    posteriors: NDArray[np.float64],
) -> None:
    """Fill the log10 posterior of one sample's genotypes, normalised."""
    best = -np.inf
    for g in range(posteriors.size):
        value = genotypes.log10_orders[g] - phred[g] / 10.0
        for allele in range(log10_frequencies.size):
            if genotypes.counts[g, allele] > 0:
                value += genotypes.counts[g, allele] * log10_frequencies[allele]
        posteriors[g] = value
        best = max(best, value)
    total = 0.0
    for g in range(posteriors.size):
        total += 10.0 ** (posteriors[g] - best)
    for g in range(posteriors.size):
        posteriors[g] -= best + math.log10(total)


@njit(nogil=True, cache=True)
def _add_counts(
    phred: NDArray[np.int64],
    genotypes: _Genotypes,
    log10_frequencies: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> None:
    """Add each allele's expected copies in these samples."""
    posteriors = np.empty(phred.shape[1])
    for sample in range(phred.shape[0]):
        _posteriors(phred[sample], genotypes, log10_frequencies, posteriors)
        for g in range(posteriors.size):
            probability = 10.0 ** posteriors[g]
            for allele in range(counts.size):
                counts[allele] += genotypes.counts[g, allele] * probability


@njit(nogil=True, cache=True)
def _add_absence(
    phred: NDArray[np.int64],
    genotypes: _Genotypes,
    log10_frequencies: NDArray[np.float64],
    spanning: int,
    absent: NDArray[np.float64],
) -> None:
    """Add, by allele, the log10 probability that these samples lack it; at 0, that they lack every alternate."""
    posteriors = np.empty(phred.shape[1])
    without = np.empty(absent.size)
    for sample in range(phred.shape[0]):
        _posteriors(phred[sample], genotypes, log10_frequencies, posteriors)
        for allele in range(absent.size):
            best = -np.inf
            for g in range(posteriors.size):
                if _lacks(genotypes.counts[g], allele, spanning):
                    best = max(best, posteriors[g])
            total = 0.0
            for g in range(posteriors.size):
                if _lacks(genotypes.counts[g], allele, spanning):
                    total += 10.0 ** (posteriors[g] - best)
            without[allele] = min(0.0, best + math.log10(total))
        for allele in range(absent.size):
            absent[allele] += without[allele]


@njit(nogil=True, cache=True)
def _lacks(counts: NDArray[np.int64], allele: int, spanning: int) -> bool:
    copies = counts[allele]
    if allele == 0:
        copies = 0
        for other in range(1, counts.size):
            if other != spanning:
                copies += counts[other]
    return bool(copies == 0)


def subset_phred(ploidy: int, alleles: int, phred: NDArray[np.int64], kept: Sequence[int]) -> NDArray[np.int64]:
    """PLs over the ``kept`` alleles (indices, reference first), the best genotype at 0 again."""
    subset: NDArray[np.int64] = phred[..., genotypes_of_subset(ploidy, alleles, tuple(kept))]
    subset = subset - subset.min(axis=-1, keepdims=True)
    return subset


def likeliest_alternates(samples: Sequence[SampleLikelihoods], *, alternates: Sequence[str], most: int) -> list[int]:
    """Indices of the reference and of at most ``most`` alternates, those of the likeliest genotypes.

    An alternate earns, from each sample whose likeliest genotype contains it, that genotype's advantage over
    homozygous reference. ``<NON_REF>`` is kept besides. GATK: ``AlleleSubsettingUtils``.
    """
    alleles = 1 + len(alternates)
    proper = [index for index, alternate in enumerate(alternates, start=1) if alternate != NON_REFERENCE]
    if len(proper) <= most:
        return list(range(alleles))
    earned = np.zeros(alleles)
    for group in samples:
        genotypes = genotype_alleles(group.ploidy, alleles)
        for phred in group.phred:
            best = int(phred.argmin())
            for allele in set(genotypes[best]):
                earned[allele] += abs(int(phred[best]) - int(phred[0])) / 10.0
    kept = set(sorted(proper, key=lambda index: -earned[index])[:most])
    return [index for index in range(alleles) if index == 0 or index in kept or alternates[index - 1] == NON_REFERENCE]
