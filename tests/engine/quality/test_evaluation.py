"""Judging measures against thresholds."""

import pytest

from engine.quality.evaluation import evaluate
from engine.quality.thresholds import Threshold

COVERAGE = Threshold("aligned_reads", "coverage", "mean_coverage", 20, None, "block", "")
DUPLICATES = Threshold("aligned_reads", "duplicates", "duplicate_fraction", 0, 0.3, "warn", "")
TITV = Threshold("variants", "titv", "titv", 1.5, 3.6, "block", "", given="snps", given_at_least=100)


@pytest.mark.parametrize(("value", "passed"), [(20, True), (19.99, False), (None, False), (1e9, True)])
def test_a_value_passes_from_its_bound_on_and_what_was_not_measured_fails(value: float | None, passed: bool) -> None:
    (verdict,) = evaluate([COVERAGE], {"mean_coverage": value})
    assert (verdict.passed, verdict.blocks) == (passed, not passed)


def test_a_warning_never_blocks() -> None:
    (verdict,) = evaluate([DUPLICATES], {"duplicate_fraction": 0.5})
    assert not verdict.passed and not verdict.blocks


@pytest.mark.parametrize(("snps", "applies"), [(99, False), (100, True), (None, False)])
def test_too_little_evidence_gives_no_verdict(snps: int | None, applies: bool) -> None:
    (verdict,) = evaluate([TITV], {"titv": 0.5, "snps": snps})
    assert (verdict.applies, verdict.passed) == (applies, not applies)


def test_verdicts_come_in_the_order_of_the_table_and_say_what_was_expected() -> None:
    verdicts = evaluate([DUPLICATES, COVERAGE], {"mean_coverage": 7.5, "duplicate_fraction": 0.1})
    assert [verdict.passed for verdict in verdicts] == [True, False]
    assert str(verdicts[1]) == "coverage: observed 7.5, expected mean_coverage >= 20"
