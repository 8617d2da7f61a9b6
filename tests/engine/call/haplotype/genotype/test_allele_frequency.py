"""Allele frequencies and QUAL: by hand, against an enumeration of all genotypes, and against GATK's figures."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.haplotype.genotype.allele_frequency import (
    SampleLikelihoods,
    allele_frequencies,
    likeliest_alternates,
    subset_phred,
)
from engine.call.haplotype.genotype.genotype_index import genotype_alleles, genotype_counts


def diploid(*phred: list[int]) -> SampleLikelihoods:
    return SampleLikelihoods(2, np.array(phred))


@pytest.mark.parametrize(
    ("phred", "quality"),
    [([934, 0, 1248], 926.64), ([1057, 0, 923], 1049.64), ([3058, 222, 0], 3044.06)],
)
def test_quality_of_a_snp_is_gatks(phred: list[int], quality: float) -> None:
    found = allele_frequencies([diploid(phred)], reference_length=1, alternates=["A"])
    assert found.quality == pytest.approx(quality, abs=0.005)
    assert found.counts == ((1,) if phred[1] == 0 else (2,))


def test_an_insertion_needs_more_evidence_than_a_snp() -> None:
    snp = allele_frequencies([diploid([60, 0, 60])], reference_length=1, alternates=["A"])
    insertion = allele_frequencies([diploid([60, 0, 60])], reference_length=1, alternates=["AT"])
    assert insertion.quality < snp.quality


def test_a_spanning_deletion_alone_makes_no_variant() -> None:
    found = allele_frequencies([diploid([900, 0, 900])], reference_length=2, alternates=["*"])
    assert found.quality == pytest.approx(0.0, abs=1e-6)
    assert found.log10_absent[0] < -80


def test_one_certain_carrier_makes_the_site_variant_whoever_else_is_not() -> None:
    found = allele_frequencies([diploid([0, 90, 900], [500, 0, 500])], reference_length=1, alternates=["A"])
    alone = allele_frequencies([diploid([500, 0, 500])], reference_length=1, alternates=["A"])
    assert found.counts == (1,)
    assert found.quality == pytest.approx(alone.quality, abs=3.0)


def test_samples_of_several_ploidies_count_their_copies() -> None:
    """A man and a woman on chromosome X."""
    man = SampleLikelihoods(1, np.array([[800, 0]]))
    woman = diploid([900, 80, 0])
    found = allele_frequencies([man, woman], reference_length=1, alternates=["A"])
    assert found.counts == (3,)
    assert found.log10_no_variant < allele_frequencies([woman], reference_length=1, alternates=["A"]).log10_no_variant


def by_enumeration(samples: list[list[int]], alternates: list[str]) -> tuple[float, list[float]]:
    """Expectation maximisation written out, then the probabilities by going through all genotypes of all samples."""
    alleles = 1 + len(alternates)
    genotypes = genotype_alleles(2, alleles)
    prior = [10.0] + [0.01 if len(one) == 1 else 0.00125 for one in alternates]
    frequencies, counts = [1 / alleles] * alleles, [0.0] * alleles
    while True:
        posteriors = []
        for phred in samples:
            weights = [
                (1 if a == b else 2) * frequencies[a] * frequencies[b] * 10 ** (-phred[i] / 10)
                for i, (a, b) in enumerate(genotypes)
            ]
            posteriors.append([weight / sum(weights) for weight in weights])
        if counts is None:
            break
        new = [
            sum(p * genotype.count(allele) for row in posteriors for p, genotype in zip(row, genotypes, strict=True))
            for allele in range(alleles)
        ]
        change = max(abs(a - b) for a, b in zip(new, counts, strict=True))
        total = sum(prior) + sum(new)
        frequencies = [(a + b) / total for a, b in zip(prior, new, strict=True)]
        counts = None if change <= 0.1 else new
    without = [0.0] * alleles
    for states in itertools.product(range(len(genotypes)), repeat=len(samples)):
        probability = math.prod(row[state] for row, state in zip(posteriors, states, strict=True))
        present = {allele for state in states for allele in genotypes[state]}
        for allele in range(1, alleles):
            without[allele] += probability * (allele not in present)
        without[0] += probability * (present == {0})
    return math.log10(without[0]), [math.log10(one) for one in without[1:]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60), min_size=6, max_size=6), min_size=1, max_size=3),
    st.sampled_from([["A", "AT"], ["C", "G"]]),
)
def test_probabilities_are_sums_over_all_genotypes(samples: list[list[int]], alternates: list[str]) -> None:
    samples = [[value - min(phred) for value in phred] for phred in samples]
    found = allele_frequencies([diploid(*samples)], reference_length=1, alternates=alternates)
    no_variant, absent = by_enumeration(samples, alternates)
    assert found.log10_no_variant == pytest.approx(no_variant, abs=1e-9)
    assert found.log10_absent == pytest.approx(absent, abs=1e-9)


def test_the_alternates_of_the_likeliest_genotypes_are_kept() -> None:
    phred = np.full(len(genotype_alleles(2, 4)), 50)
    phred[genotype_alleles(2, 4).index((1, 3))] = 0
    sample = SampleLikelihoods(2, phred[np.newaxis])
    assert likeliest_alternates([sample], alternates=["A", "C", "G"], most=2) == [0, 1, 3]
    assert likeliest_alternates([sample], alternates=["A", "C", "G"], most=3) == [0, 1, 2, 3]
    assert likeliest_alternates([sample], alternates=["A", "C", "<NON_REF>"], most=1) == [0, 1, 3]


def test_likelihoods_of_a_subset_start_from_zero_again() -> None:
    phred = np.array([40, 30, 20, 10, 0, 50])
    assert subset_phred(2, 3, phred, [0, 2]).tolist() == [30, 0, 40]


@pytest.mark.parametrize("ploidy", [1, 2, 3, 4])
def test_genotypes_are_in_the_order_of_the_vcf_specification(ploidy: int) -> None:
    """Its recursion: for the last allele from 0 up, all genotypes of the rest up to that allele."""

    def listed(copies: int, alleles: int, suffix: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
        found: list[tuple[int, ...]] = []
        for allele in range(alleles):
            more = (allele, *suffix)
            found += [more] if copies == 1 else listed(copies - 1, allele + 1, more)
        return found

    assert list(genotype_alleles(ploidy, 4)) == listed(ploidy, 4)
    assert (genotype_counts(ploidy, 4).sum(axis=1) == ploidy).all()
