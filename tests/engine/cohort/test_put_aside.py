"""Which samples break a test is found by halving."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cohort.put_aside import breaking_samples


@given(st.sets(st.integers(0, 60), min_size=1, max_size=8), st.integers(61, 200))
def test_every_breaking_sample_is_found_and_no_other(bad: set[int], number: int) -> None:
    samples = [f"S{each}" for each in range(number)]
    breaking = {f"S{each}" for each in bad}

    def failed(some: Sequence[str]) -> list[str]:
        return ["unique"] if breaking & set(some) else []

    assert breaking_samples(samples, failed) == dict.fromkeys(breaking, ("unique",))


@pytest.mark.parametrize("place", [0, 500, 999])
def test_one_among_a_thousand_takes_twenty_tries(place: int) -> None:
    tries: list[int] = []

    def failed(some: Sequence[str]) -> list[str]:
        tries.append(len(some))
        return ["unique"] if f"S{place}" in some else []

    assert list(breaking_samples([f"S{each}" for each in range(1000)], failed)) == [f"S{place}"]
    assert len(tries) <= 20


def test_what_breaks_only_together_is_nobodys_alone() -> None:
    assert breaking_samples(["S1", "S2"], lambda some: ["unique"] if len(some) == 2 else []) == {}
