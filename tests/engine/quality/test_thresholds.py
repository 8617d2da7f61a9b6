"""The threshold table and what a laboratory may change in it."""

from pathlib import Path

import pytest

from engine.quality.evaluation import evaluate
from engine.quality.thresholds import ThresholdError, load_thresholds


def laboratory(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "laboratory.yaml"
    path.write_text(text)
    return path


def test_every_threshold_says_what_it_is_for() -> None:
    for row in load_thresholds().thresholds:
        assert row.meaning.endswith(".") and len(row.meaning) > 20


def test_a_laboratory_changes_a_bound_and_the_table_gets_another_version(tmp_path: Path) -> None:
    table = load_thresholds(laboratory(tmp_path, "aligned_reads: {mean_coverage: {minimum: 60}}"))
    (row,) = [row for row in table.of("aligned_reads") if row.name == "mean_coverage"]
    assert (row.minimum, row.severity) == (60, "block")
    assert table.version != load_thresholds().version


@pytest.mark.parametrize(
    ("asset", "measure", "severity"),
    [
        ("reference_genome", "unlisted_alternates", "block"),
        ("raw_reads", "files_of_unproven_end", "warn"),
        ("variants", "not_genotyped", "block"),
    ],
)
def test_what_is_counted_because_it_is_wrong_has_a_gate(asset: str, measure: str, severity: str) -> None:
    rows = [row for row in load_thresholds().of(asset) if row.measure == measure]
    for count, passed in ((0, True), (1, False), (None, False)):
        (verdict,) = evaluate(rows, {measure: count})
        assert (verdict.passed, verdict.blocks) == (passed, not passed and severity == "block")


@pytest.mark.parametrize(
    "text",
    [
        "aligned_reads: {mean_covrage: {minimum: 60}}",
        "aligned_reads: {mean_coverage: {minimal: 60}}",
        "aligned_reads: {mean_coverage: {minimum: sixty}}",
        "aligned_reads: {mean_coverage: {severity: ignore}}",
        "aligned_reads: {mapped_fraction: {minimum: 2, maximum: 1}}",
        "aligned_reads: {mean_coverage: {minimum: .nan}}",
        "aligned_reads: {mean_coverage: {minimum: -.inf}}",
        "aligned_reads: {mapped_fraction: {minimum: 0.5, maximum: .inf}}",
        "aligned_reads: {mean_coverage: {minimum: 20, minimum: 2}}",
        "aligned_reads: {mean_coverage: {minimum: 20}, mean_coverage: {minimum: 2}}",
        "aligned_reads: {mean_coverage: {minimum: 20}}\naligned_reads: {mean_coverage: {minimum: 2}}",
        "aligned_reads: {mean_coverage: {7: 20}}",
        "aligned_reads: 3",
        "aligned_reads: [mean_coverage]",
        "aligned_reads: {mean_coverage: {minimum: 2024-13-45}}",
        "[" * 3_000,
        "- a list",
        "{",
    ],
)
def test_a_change_that_would_change_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ThresholdError) as caught:
        load_thresholds(laboratory(tmp_path, text))
    assert "object" not in caught.value.problem, "a word of Python's"
