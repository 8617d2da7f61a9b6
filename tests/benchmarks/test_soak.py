"""The soak: a few hours of a deployment, and what it would say of a process that holds on to what it opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.soak import BOUNDS, SAMPLES_AN_HOUR, Hour, growth_of, soak

LEVEL = [Hour(3 * hour, 1000.0, 20, 2, 100.0 * hour) for hour in range(1, 9)]


def test_every_sample_of_the_hours_is_done_and_nothing_stays_open(tmp_path: Path) -> None:
    hours = soak(tmp_path, 4)
    assert [hour.samples for hour in hours] == [SAMPLES_AN_HOUR * number for number in range(1, 5)]
    growth = growth_of(hours[2:])  # the event log keeps the databases of eight runs open
    assert growth["open files"] == pytest.approx(0) and growth["threads"] == pytest.approx(0)
    assert 0 < growth["KiB on disk"] < BOUNDS["KiB on disk"]


@pytest.mark.parametrize(("what", "column"), [("open files", "files"), ("threads", "threads")])
def test_what_is_held_a_little_more_with_each_sample_is_found(what: str, column: str) -> None:
    assert growth_of(LEVEL)[what] == pytest.approx(0)
    growing = [replace(hour, **{column: 20 + hour.samples}) for hour in LEVEL]
    assert growth_of(growing)[what] == pytest.approx(1)
    assert growth_of(growing)[what] > BOUNDS[what]
