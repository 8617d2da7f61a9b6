"""The quality of all samples side by side: one page, and the same as MultiQC's custom content; outliers are named.

A figure is an outlier where it lies further from the median of all samples than :data:`FURTHEST` deviations, a
deviation told by the median distance from the median (Iglewicz and Hoaglin 1993): the few that are wrong do not widen
what is usual. MultiQC draws its own page where it is installed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from engine.errors import ToolError
from engine.receipt import Measure

FURTHEST: Final = 3.5
LEAST_SAMPLES: Final = 5
"""Samples below which nobody is told from the others."""
_DEVIATION: Final = 1.4826
"""Standard deviations of a normal distribution in one median distance from the median."""
PAGE: Final = "index.html"
CONTENT: Final = "genomics_platform_mqc.json"
MULTIQC_PAGE: Final = "multiqc.html"


@dataclass(frozen=True)
class Metric:
    """A figure that is shown of every sample.

    Attributes:
        asset: whose measure it is.
        name: of the measure.
        title: for people.
        least: difference from the median that is never told, however alike the others are.
    """

    asset: str
    name: str
    title: str
    least: float


METRICS: Final = (
    Metric("raw_reads", "pairs", "Read pairs", 1_000),
    Metric("raw_reads", "q30_fraction", "Bases of Q30", 0.02),
    Metric("aligned_reads", "mapped_fraction", "Reads mapped", 0.01),
    Metric("aligned_reads", "duplicate_fraction", "Duplicates", 0.02),
    Metric("aligned_reads", "mean_coverage", "Mean coverage", 2.0),
    Metric("aligned_reads", "fraction_20x", "Bases at 20x", 0.01),
    Metric("aligned_reads", "median_insert_size", "Insert size", 10),
    Metric("aligned_reads", "gc_fraction", "GC", 0.01),
    Metric("identity", "freemix", "Another person's bases", 0.005),
    Metric("variants", "snps", "SNPs", 50),
    Metric("variants", "titv", "Ti/Tv", 0.1),
    Metric("variants", "het_hom_ratio", "Het/hom", 0.2),
)


@dataclass(frozen=True)
class Outlier:
    """A figure of one sample that is unlike the others'.

    Attributes:
        sample: sample id.
        metric: which.
        value: the figure.
        median: of all samples.
    """

    sample: str
    metric: Metric
    value: float
    median: float

    def __str__(self) -> str:
        return f"{self.sample}: {self.metric.title} {self.value:.4g}, the median of all samples is {self.median:.4g}"


Figures = Mapping[str, Mapping[str, float]]
"""By sample and title."""


def figures_of(measures: Mapping[tuple[str, str], Mapping[str, Measure]]) -> dict[str, dict[str, float]]:
    """The metrics of each sample, by title, from measures by asset and sample; what was not measured is absent."""
    found: dict[str, dict[str, float]] = {}
    for metric in METRICS:
        for (asset, sample), told in measures.items():
            value = told.get(metric.name)
            if asset == metric.asset and isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(sample, {})[metric.title] = float(value)
    return dict(sorted(found.items()))


def outliers_of(figures: Figures) -> list[Outlier]:
    """Figures far from the others', metric by metric."""
    found = []
    for metric in METRICS:
        own = {sample: row[metric.title] for sample, row in figures.items() if metric.title in row}
        if len(own) < LEAST_SAMPLES:
            continue
        median = statistics.median(own.values())
        spread = _DEVIATION * statistics.median(abs(value - median) for value in own.values())
        limit = max(FURTHEST * spread, metric.least)
        found += [Outlier(name, metric, value, median) for name, value in own.items() if abs(value - median) > limit]
    return found


def write_cohort_report(figures: Figures, outliers: Sequence[Outlier], folder: Path) -> None:
    """Write the page and MultiQC's content into ``folder``."""
    (folder / PAGE).write_text(_page(figures, outliers), encoding="utf-8")
    told = {
        "id": "genomics_platform",
        "section_name": "Genomics platform",
        "description": "What the platform measured. "
        + (f"Outliers: {'; '.join(map(str, outliers))}." if outliers else "No sample is unlike the others."),
        "plot_type": "table",
        "pconfig": {"id": "genomics_platform_table", "title": "Genomics platform: quality"},
        "data": figures,
    }
    (folder / CONTENT).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def draw_with_multiqc(program: Path, folder: Path) -> Path:
    """Have MultiQC draw its page of the folder's content; gives the page.

    Raises:
        ToolError: it failed.
    """
    options = ["--force", "--no-data-dir", "--quiet", "--outdir", str(folder), "--filename", MULTIQC_PAGE]
    done = subprocess.run([str(program), *options, str(folder)], capture_output=True, text=True, check=False)
    page = folder / MULTIQC_PAGE
    if done.returncode or not page.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise ToolError(f"MultiQC failed: {last}", remedy="install a release that reads custom content, or remove it")
    return page


def _page(figures: Figures, outliers: Sequence[Outlier]) -> str:
    told = {(one.sample, one.metric.title) for one in outliers}
    titles = [metric.title for metric in METRICS if any(metric.title in row for row in figures.values())]
    rows = "".join(
        f"<tr><th scope='row'>{escape(sample)}</th>"
        + "".join(_cell(row.get(title), is_outlier=(sample, title) in told) for title in titles)
        + "</tr>\n"
        for sample, row in figures.items()
    )
    named = "".join(f"<li>{escape(str(one))}</li>\n" for one in outliers) or "<li>None.</li>\n"
    heads = "".join(f"<th scope='col'>{escape(title)}</th>" for title in titles)
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>Quality of all samples</title>\n"
        "<style>body{font:1rem sans-serif;margin:2rem}td,th{padding:.2rem .6rem;text-align:right}"
        "td.outlier{outline:2px solid #b00;font-weight:bold}</style></head><body>\n"
        f"<h1>Quality of {len(figures):,} samples</h1>\n<h2>Unlike the others</h2>\n<ul>\n{named}</ul>\n"
        f"<table><thead><tr><th scope='col'>Sample</th>{heads}</tr></thead><tbody>\n{rows}</tbody></table>\n"
        "</body></html>\n"
    )


def _cell(value: float | None, *, is_outlier: bool) -> str:
    if value is None:
        return "<td>not measured</td>"
    return f"<td class='outlier'>{value:.4g} (outlier)</td>" if is_outlier else f"<td>{value:.4g}</td>"
