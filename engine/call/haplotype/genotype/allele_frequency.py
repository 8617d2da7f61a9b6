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
from numpy.typing import NDArray

from engine.call.haplotype.genotype.genotype_index import genotype_alleles, genotype_counts, genotypes_of_subset
from engine.kernel import kernel

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
    tables = [_genotypes(group.ploidy, alleles) for group in samples]
    spanning = 1 + alternates.index(SPANNING_DELETION) if SPANNING_DELETION in alternates else -1
    absent, counts = _maximised(
        samples[0].phred.ravel() if len(samples) == 1 else np.concatenate([group.phred.ravel() for group in samples]),
        np.array([len(group.phred) for group in samples]),
        np.array([len(table.log10_orders) for table in tables]),
        tables[0].counts if len(tables) == 1 else np.concatenate([table.counts for table in tables]),
        tables[0].log10_orders if len(tables) == 1 else np.concatenate([table.log10_orders for table in tables]),
        np.array([_REFERENCE_PSEUDOCOUNT, *(_pseudocount(one, reference_length) for one in alternates)]),
        spanning,
    )
    no_variant, *by_alternate = absent.tolist()
    log10_absent = (no_variant,) if alleles == 2 and spanning < 0 else tuple(by_alternate)
    return AlleleFrequencies(no_variant, log10_absent, tuple(map(_nearest, counts.tolist()[1:])))


def _nearest(count: float) -> int:
    """The nearest whole number, halves up, as Java rounds: the greatest number below a half is none."""
    whole = math.floor(count)
    return whole + (count - whole >= 0.5)


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


@kernel
def _maximised(
    phred: NDArray[np.int64],
    group_samples: NDArray[np.int64],
    group_genotypes: NDArray[np.int64],
    counts: NDArray[np.int64],
    log10_orders: NDArray[np.float64],
    prior: NDArray[np.float64],
    spanning: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maximise the expectation over groups of samples, each of one ploidy.

    Args:
        phred: PLs, genotype by genotype within a sample, samples within a group.
        group_samples: samples of each group.
        group_genotypes: genotypes of each group's ploidy.
        counts: int64[sum of group_genotypes, alleles], copies of each allele, group after group.
        log10_orders: of the same rows.
        prior: pseudocounts of the alleles.
        spanning: the allele ``*``, -1 for none.

    Returns:
        By allele, the log10 probability that all samples lack it (at 0: that they lack every alternate), and the
        expected copies.
    """
    alleles = prior.size
    copies = np.zeros(alleles)
    log10_frequencies = np.full(alleles, -math.log10(alleles))
    posteriors = np.empty(counts.shape[0])
    change = np.inf
    while change > _CONVERGED:
        new = np.zeros(alleles)
        sample, row = 0, 0
        for group in range(group_samples.size):
            size = group_genotypes[group]
            for _ in range(group_samples[group]):
                _fill_posteriors(phred, sample, counts, log10_orders, row, size, log10_frequencies, posteriors)
                for g in range(size):
                    for allele in range(alleles):
                        new[allele] += counts[row + g, allele] * 10.0 ** posteriors[g]
                sample += size
            row += size
        change, total = 0.0, 0.0
        for allele in range(alleles):
            change = max(change, abs(new[allele] - copies[allele]))
            copies[allele] = new[allele]
            total += prior[allele] + copies[allele]
        for allele in range(alleles):
            log10_frequencies[allele] = math.log10((prior[allele] + copies[allele]) / total)
    absent = np.zeros(alleles)
    sample, row = 0, 0
    for group in range(group_samples.size):
        size = group_genotypes[group]
        for _ in range(group_samples[group]):
            _fill_posteriors(phred, sample, counts, log10_orders, row, size, log10_frequencies, posteriors)
            for allele in range(alleles):
                absent[allele] += _log10_without(posteriors, counts, row, size, allele, spanning)
            sample += size
        row += size
    return absent, copies


@kernel
def _fill_posteriors(
    phred: NDArray[np.int64],
    sample: int,
    counts: NDArray[np.int64],
    log10_orders: NDArray[np.float64],
    row: int,
    size: int,
    log10_frequencies: NDArray[np.float64],
    posteriors: NDArray[np.float64],
) -> None:
    """The normalised log10 posteriors of the genotypes of the sample whose PLs begin at ``sample``."""
    best = -np.inf
    for g in range(size):
        value = log10_orders[row + g] - phred[sample + g] / 10.0
        for allele in range(log10_frequencies.size):
            value += counts[row + g, allele] * log10_frequencies[allele]
        posteriors[g] = value
        best = max(best, value)
    total = 0.0
    for g in range(size):
        total += 10.0 ** (posteriors[g] - best)
    for g in range(size):
        posteriors[g] -= best + math.log10(total)


@kernel
def _log10_without(
    posteriors: NDArray[np.float64], counts: NDArray[np.int64], row: int, size: int, allele: int, spanning: int
) -> float:
    """Log10 probability of the genotypes without an allele; for the reference, of those without any alternate."""
    best = -np.inf
    total = 0.0
    for g in range(size):
        present = counts[row + g, allele]
        if allele == 0:
            present = 0
            for other in range(1, counts.shape[1]):
                if other != spanning:
                    present += counts[row + g, other]
        if present == 0:
            if posteriors[g] > best:
                total = total * 10.0 ** (best - posteriors[g]) + 1.0
                best = posteriors[g]
            else:
                total += 10.0 ** (posteriors[g] - best)
    return min(0.0, best + math.log10(total))


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
