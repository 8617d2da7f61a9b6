"""The number primitives against exact arithmetic and values printed by Java."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.haplotype import numerics


@settings(deadline=None)  # the first example compiles
@given(st.floats(-300, 0), st.floats(-300, 0))
def test_approximate_log10_sum_is_within_one_table_step_of_the_exact_sum(a: float, b: float) -> None:
    exact = max(a, b) + math.log10(1 + 10 ** -abs(a - b))
    approximate = numerics.approximate_log10_sum(a, b, numerics.LOG10_SUM_TABLE)
    assert approximate == pytest.approx(exact, abs=5.1e-5)
    assert approximate == numerics.approximate_log10_sum(b, a, numerics.LOG10_SUM_TABLE)


def test_approximate_log10_sum_drops_terms_eight_orders_smaller() -> None:
    assert numerics.approximate_log10_sum(-1.0, -9.0, numerics.LOG10_SUM_TABLE) == -1.0
    assert numerics.approximate_log10_sum(-math.inf, -2.0, numerics.LOG10_SUM_TABLE) == -2.0
    assert numerics.approximate_log10_sum(-3.0, -3.0, numerics.LOG10_SUM_TABLE) == -3.0 + math.log10(2)


def test_java_round_rounds_halves_up() -> None:
    assert [numerics.java_round(x) for x in (0.5, 1.5, -0.5, -1.5, 2.4999)] == [1, 2, 0, -1, 2]


def test_phred_scaled_puts_the_best_genotype_at_zero() -> None:
    phred = np.zeros(3, np.int64)
    numerics.phred_scaled(np.array([-12.34, -1.0, -40.25]), phred)
    assert phred.tolist() == [113, 0, 393]


def test_log10_sum_equals_addition() -> None:
    assert numerics.log10_sum(np.log10([0.25, 0.5, 0.125])) == pytest.approx(math.log10(0.875), abs=1e-15)
    assert numerics.log10_sum(np.zeros(0)) == -math.inf


def test_random_numbers_are_those_of_java() -> None:
    state = numerics.seeded(42)
    assert [numerics.next_int(state, 100) for _ in range(5)] == [30, 63, 48, 84, 70]
    state = numerics.seeded(42)
    assert [numerics.next_int(state, 16) for _ in range(3)] == [11, 0, 10]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(0.125, 2, "0.13"), (2.675, 2, "2.68"), (-0.0005, 3, "-0.001"), (60.0, 2, "60.00"), (1e-7, 3, "0.000")],
)
def test_decimals_round_half_up_on_the_decimal_expansion(value: float, decimals: int, text: str) -> None:
    assert numerics.format_half_up(value, decimals) == text


def test_quality_loses_two_zero_decimals_only() -> None:
    assert [numerics.format_quality(x) for x in (30.0, 30.5, 926.644, 0.004)] == [
        "30",
        "30.50",
        "926.64",
        "0",
    ]


def test_the_seed_is_that_of_the_reservoir() -> None:
    state = numerics.seeded()
    assert [numerics.next_int(state, seen) for seen in range(51, 60)] == [36, 25, 46, 41, 45, 23, 24, 24, 32]
