import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.genotype.site_annotations import (
    QualityByDepth,
    excess_heterozygosity,
    fisher_strand,
    format_float,
    genotype_counts,
    inbreeding_coefficient,
    quality_by_depth,
    strand_odds_ratio,
)


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
    draws = QualityByDepth()
    assert quality_by_depth(300, 20) == 15 and quality_by_depth(3_000, 20) is None
    drawn = [f"{draws.draw():.2f}" for _ in range(5)]
    assert drawn == ["25.36", "28.73", "30.97", "27.24", "28.20"]  # as in every VCF that GATK writes


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.00"), (0.5, "0.500"), (0.0625, "0.063"), (-0.378, "-3.780e-01"), (0.0, "0.00"), (0.001, "1.000e-03")],
)
def test_floats_are_written_as_htsjdk_writes_them(value, text):
    assert format_float(value) == text
