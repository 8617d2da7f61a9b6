import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.genotype.likelihood_kernels import allele_frequencies
from engine.genotype.site_annotations import (
    QualityByDepth,
    excess_heterozygosity,
    fisher_strand,
    format_float,
    genotype_counts,
    inbreeding_coefficient,
    strand_odds_ratio,
)


def scalar_frequencies(samples, alleles, pseudocounts, spanning):
    """The same expectation maximisation in plain probabilities: counts, P(absent) of each allele, P(no variant)."""
    frequencies = [1 / alleles] * alleles
    previous, change = [0.0] * alleles, math.inf

    def posteriors(ploidy, likelihoods):
        pairs = (
            [(a, b) for b in range(alleles) for a in range(b + 1)] if ploidy == 2 else [(a,) for a in range(alleles)]
        )
        weights = [
            10**value * math.prod(frequencies[a] for a in pair) * (2 if len(set(pair)) == 2 else 1)
            for pair, value in zip(pairs, likelihoods, strict=False)
        ]
        return list(zip(pairs, [weight / sum(weights) for weight in weights], strict=True))

    while change > 0.1:
        counts = [
            sum(p * pair.count(allele) for ploidy, each in samples for pair, p in posteriors(ploidy, each))
            for allele in range(alleles)
        ]
        change = max(abs(new - old) for new, old in zip(counts, previous, strict=True))
        previous = counts
        total = sum(pseudocounts) + sum(counts)
        frequencies = [(prior + count) / total for prior, count in zip(pseudocounts, counts, strict=True)]
    absent = [
        math.prod(sum(p for pair, p in posteriors(ploidy, each) if allele not in pair) for ploidy, each in samples)
        for allele in range(alleles)
    ]
    none = math.prod(
        sum(p for pair, p in posteriors(ploidy, each) if set(pair) <= {0, spanning}) for ploidy, each in samples
    )
    return counts, absent, none


phred = st.integers(0, 60).map(lambda value: -value / 10)
one_sample = st.tuples(st.sampled_from([1, 2]), st.lists(phred, min_size=6, max_size=6))


@settings(max_examples=60, deadline=None)
@given(st.lists(one_sample, min_size=1, max_size=5), st.sampled_from([-1, 2]))
def test_the_kernel_equals_the_same_sum_in_plain_probabilities(samples, spanning):
    pseudocounts = np.array([10, 0.01, 0.00125])
    counts, absent = np.empty(3), np.empty(3)
    none = allele_frequencies(
        np.array([values for _, values in samples]), np.array([ploidy for ploidy, _ in samples], np.int64),
        pseudocounts, spanning, counts, absent,
    )  # fmt: skip
    wanted_counts, wanted_absent, wanted_none = scalar_frequencies(samples, 3, pseudocounts, spanning)
    assert counts == pytest.approx(wanted_counts, rel=1e-6, abs=1e-9)
    assert 10 ** absent[1:] == pytest.approx(np.array(wanted_absent[1:]), rel=1e-6)
    assert 10**none == pytest.approx(wanted_none, rel=1e-6)


def test_qual_of_a_published_record():
    """PL 934,0,1248 gives QUAL 926.64 in GATK 4."""
    counts, absent = np.empty(2), np.empty(2)
    likelihoods = np.array([[934, 0, 1248]]) / -10.0
    none = allele_frequencies(likelihoods, np.array([2]), np.array([10, 0.01]), -1, counts, absent)
    assert -10 * none == pytest.approx(926.64, abs=0.005)
    assert absent[1] == none


@given(st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_fisher_sums_every_table_that_is_not_likelier(table):
    a, b, c, _ = table
    rows, columns, total = a + b, a + c, sum(table)

    def chance(k):
        return math.comb(rows, k) * math.comb(total - rows, columns - k)

    possible = [chance(k) for k in range(max(0, rows + columns - total), min(rows, columns) + 1)]
    p = sum(each for each in possible if each <= chance(a)) / sum(possible)
    assert fisher_strand(table) == pytest.approx(-10 * math.log10(p), abs=1e-3)


def test_a_large_table_is_scaled_down_to_two_hundred():
    assert fisher_strand([300, 300, 300, 100]) == pytest.approx(fisher_strand([60, 60, 60, 20]), rel=1e-9)


def test_strand_odds_ratio_of_even_and_lopsided_tables():
    assert strand_odds_ratio([10, 10, 10, 10]) == pytest.approx(math.log(2))
    assert strand_odds_ratio([40, 0, 0, 40]) > 3


def test_excess_heterozygosity():
    assert excess_heterozygosity(0, 1, 0) == 0
    assert excess_heterozygosity(0, 0, 5) == 0
    assert excess_heterozygosity(0, 0, 0) == 0
    assert excess_heterozygosity(0, 10, 0) == pytest.approx(-10 * math.log10(2**10 / math.comb(20, 10)))


def test_genotypes_are_counted_by_their_likelihoods():
    people = [[0, 60, 600], [60, 0, 600], [600, 60, 0], [0, 0, 600], [90, 80, 70, 60, 0, 50]]
    assert genotype_counts(people[:4], 1, rounded=True) == (2, 1, 1)
    assert genotype_counts(people[4:], 2, rounded=True) == (0, 0, 1)
    assert sum(genotype_counts(people[:4], 1, rounded=False)) == pytest.approx(4)


def test_inbreeding_is_one_without_and_minus_one_with_only_heterozygotes():
    assert inbreeding_coefficient(5, 0, 5, 10) == 1
    assert inbreeding_coefficient(0, 10, 0, 10) == -1
    assert math.isnan(inbreeding_coefficient(10, 0, 0, 10))


def test_high_quality_by_depth_is_drawn_in_a_fixed_order():
    quality_by_depth = QualityByDepth()
    assert quality_by_depth(300, 20) == 15
    drawn = [f"{quality_by_depth(3_000, 20):.2f}" for _ in range(5)]
    assert drawn == ["25.36", "28.73", "30.97", "27.24", "28.20"]  # as in every VCF that GATK writes


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.00"), (0.5, "0.500"), (0.0625, "0.063"), (-0.378, "-3.780e-01"), (0.0, "0.00"), (0.001, "1.000e-03")],
)
def test_floats_are_written_as_htsjdk_writes_them(value, text):
    assert format_float(value) == text
