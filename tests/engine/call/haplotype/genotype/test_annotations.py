"""Statistics behind the annotations, by hand and against independent computations."""

import itertools
import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.haplotype.alignment.cigar import packed
from engine.call.haplotype.genotype.annotation_kernels import (
    MAPQ,
    NO_TEST,
    P_VALUE,
    READ_POSITION,
    Z_SCORE,
    Observed,
    fisher_p_value,
    mann_whitney,
    observe,
)
from engine.call.haplotype.genotype.annotations import (
    fisher_strand,
    quality_by_depth,
    rank_sum_z,
    strand_odds_ratio,
)


def test_fisher_tea_tasting() -> None:
    """The lady who told milk-first from tea-first three times out of four: p = 0.486."""
    assert fisher_p_value(3, 1, 1, 3) == pytest.approx(34 / 70)


@settings(max_examples=100, deadline=None)
@given(*[st.integers(0, 30)] * 4)
def test_fisher_is_the_sum_of_the_tables_no_likelier_than_ours(a: int, b: int, c: int, d: int) -> None:
    def weight(x: int) -> int:
        return math.comb(a + b, x) * math.comb(c + d, a + c - x)

    support = range(max(0, a + c - c - d), min(a + b, a + c) + 1)
    total = sum(weight(x) for x in support)
    expected = Fraction(sum(weight(x) for x in support if weight(x) <= weight(a)), total)
    assert fisher_p_value(a, b, c, d) == pytest.approx(float(expected), rel=1e-5)


def test_strands_without_bias_have_no_fs_and_bias_has() -> None:
    assert fisher_strand((20, 20, 20, 20)) == 0.0
    assert fisher_strand((3, 1, 1, 3)) == pytest.approx(-10 * math.log10(34 / 70))
    assert fisher_strand((1, 1, 0, 0)) == 0.0


def test_a_deep_table_is_scaled_down_so_that_depth_is_no_bias() -> None:
    deep, scaled = (40_000, 36_000, 40_000, 44_000), (50, 45, 50, 55)
    assert fisher_strand(deep) == pytest.approx(fisher_strand(scaled))


def test_strand_odds_ratio_by_hand() -> None:
    """Equal strands: R = 2, both alleles even: ln 2. All alternates forward: weighted up."""
    assert strand_odds_ratio((10, 10, 10, 10)) == pytest.approx(math.log(2))
    expected = math.log(1 / 11 + 11) + math.log(1) - math.log(1 / 11)
    assert strand_odds_ratio((10, 10, 10, 0)) == pytest.approx(expected)


def test_quality_by_depth() -> None:
    assert quality_by_depth(100.0, 50) == 2.0
    assert quality_by_depth(100.0, 0) is None
    assert quality_by_depth(1000.0, 20) == 30.0


def ranked(alternate: list[int], reference: list[int]) -> tuple[int, float]:
    coded = np.array([2 * value for value in alternate] + [2 * value + 1 for value in reference])
    return mann_whitney(coded, coded.size)


def test_nothing_to_compare() -> None:
    assert ranked([], [30, 30])[0] == NO_TEST
    assert rank_sum_z(NO_TEST, math.nan) is None


def test_all_alternates_below_all_references() -> None:
    """One arrangement of ten: it counts half, p = 1/20."""
    kind, p_value = ranked([1, 2], [3, 4, 5])
    assert (kind, p_value) == (P_VALUE, pytest.approx(0.05))
    assert rank_sum_z(kind, p_value) == pytest.approx(NormalDist().inv_cdf(0.05))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_few_reads_are_compared_by_all_arrangements(alternate: list[int], reference: list[int]) -> None:
    values = sorted(alternate + reference)
    rank = {v: Fraction(2 * values.index(v) + values.count(v) + 1, 2) for v in values}
    observed = sum(rank[value] for value in alternate)
    sums = [sum(rank[values[i]] for i in some) for some in itertools.combinations(range(len(values)), len(alternate))]
    expected = sum(1.0 if one < observed else 0.5 if one == observed else 0.0 for one in sums) / len(sums)
    assert ranked(alternate, reference) == (P_VALUE, pytest.approx(expected))


def test_many_reads_are_compared_by_the_normal_approximation() -> None:
    """Ten ones against ten twos: U = 0, mean 50, ties in two bands of ten, continuity correction 0.5."""
    sigma = math.sqrt(100 / 12 * (21 - 2 * (1000 - 10) / (20 * 19)))
    kind, z = ranked([1] * 10, [2] * 10)
    assert (kind, z) == (Z_SCORE, pytest.approx((0 - 50 + 0.5) / sigma))


def test_all_values_equal_have_score_zero() -> None:
    assert ranked([60] * 12, [60] * 15) == (Z_SCORE, 0.0)


def observed_at(site: int, reads: list[tuple[int, str, float, float]]) -> Observed:
    """Reads as (start, CIGAR, likelihood of reference, of alternate), ten bases of quality 10, 11, ... each."""
    cigars = [packed(cigar) for _, cigar, _, _ in reads]
    n = len(reads)
    start = np.array([start for start, _, _, _ in reads])
    aligned = [sum(int(e) >> 4 for e in cigar if int(e) & 15 in (0, 2)) for cigar in cigars]
    return observe(
        np.array([[reference, alternate] for _, _, reference, alternate in reads]),
        np.ones(2, np.bool_),
        np.arange(n),
        site,
        site + 1,
        2,
        start,
        start + np.array(aligned),
        np.array([16 * (row % 2) for row in range(n)], np.uint16),
        np.full(n, 60, np.uint8),
        np.arange(0, 10 * n + 1, 10),
        np.tile(np.arange(10, 20, dtype=np.uint8), n),
        np.cumsum([0] + [cigar.size for cigar in cigars]),
        np.concatenate(cigars),
        np.array([90, 400]),
        np.array([110, 420]),
        np.array([20, 20], np.uint8),
    )


def test_reads_that_do_not_tell_the_alleles_apart_count_for_depth_only() -> None:
    seen = observed_at(105, [(100, "10M", 0.0, -4.0), (100, "10M", -4.0, 0.0), (100, "10M", -1.0, -1.2)])
    assert seen.allele_depths.tolist() == [1, 1]
    assert seen.strands.tolist() == [1, 0, 0, 1]
    assert seen.depth == 4  # with the filtered read over the site, without the one that is not
    assert seen.mapq_squares == 3 * 60**2 + 20**2


def test_positions_count_the_clipped_bases_and_deletions_have_one() -> None:
    """Distances 5 and 4 + 3 hard-clipped to the nearer end, and in a deletion that of the base behind it."""
    reference = [(100, "10M3H", 0.0, -4.0), (100, "10M", 0.0, -4.0)]
    alternate = [(100, "5M4D5M", -4.0, 0.0)]
    seen = observed_at(105, reference + alternate)
    assert seen.kinds[READ_POSITION] == P_VALUE
    # distances: 5 with clip (left 5, right 7), 4 without, 4 in the deletion: ranks 3, 1.5, 1.5
    assert seen.values[READ_POSITION] == pytest.approx((0.5 * 2) / 3)
    assert seen.kinds[MAPQ] == P_VALUE
