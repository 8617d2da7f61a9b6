"""The quality of all samples: who is unlike the others is named, on our page and on MultiQC's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.quality.cohort_report import (
    CONTENT,
    PAGE,
    draw_with_multiqc,
    figures_of,
    outliers_of,
    write_cohort_report,
)
from engine.receipt import Measure

MULTIQC = Path(__file__).parents[3] / ".readers" / "bin" / "multiqc"


def cohort(**odd: float) -> dict[tuple[str, str], dict[str, Measure]]:
    """Seven samples of about 30x; one has other figures."""
    measures: dict[tuple[str, str], dict[str, Measure]] = {}
    for number in range(7):
        measures["aligned_reads", f"S{number}"] = {"mean_coverage": 30.0 + number / 2, "duplicate_fraction": 0.06}
        measures["identity", f"S{number}"] = {"freemix": None}
    measures["aligned_reads", "S3"] = {**measures["aligned_reads", "S3"], **odd}
    return measures


def test_who_is_unlike_the_others_is_named() -> None:
    figures = figures_of(cohort(mean_coverage=12.0))
    (found,) = outliers_of(figures)
    assert str(found) == "S3: Mean coverage 12, the median of all samples is 31"
    assert outliers_of(figures_of(cohort())) == []
    assert outliers_of(figures_of(cohort(duplicate_fraction=0.065))) == [], "alike but for what nobody minds"
    assert [one.sample for one in outliers_of(figures_of(cohort(duplicate_fraction=0.3)))] == ["S3"]


def test_of_few_samples_nobody_is_unlike_the_others() -> None:
    few = {key: value for key, value in cohort(mean_coverage=1.0).items() if key[1] < "S4"}
    assert len(figures_of(few)) == 4 and outliers_of(figures_of(few)) == []


def test_the_page_shows_every_sample(tmp_path: Path) -> None:
    figures = figures_of(cohort(mean_coverage=12.0))
    write_cohort_report(figures, outliers_of(figures), tmp_path)
    page = (tmp_path / PAGE).read_text()
    assert all(f">{sample}</th>" in page for sample in figures) and "12 (outlier)" in page
    assert "S3: Mean coverage 12" in page and "Another person" not in page
    assert json.loads((tmp_path / CONTENT).read_text())["data"]["S3"]["Mean coverage"] == 12.0


def test_multiqc_draws_the_same(tmp_path: Path) -> None:
    if not MULTIQC.is_file():
        pytest.skip("MultiQC is not installed: make readers")
    figures = figures_of(cohort(mean_coverage=12.0))
    write_cohort_report(figures, outliers_of(figures), tmp_path)
    page = draw_with_multiqc(MULTIQC, tmp_path).read_text()
    assert "Genomics platform" in page and "S3: Mean coverage 12" in page
