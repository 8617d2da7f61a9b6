"""The plots shown with an artifact, drawn from the series among its measures.

A plot is PNG bytes; nothing is read but the receipt's measures, so a plot can be drawn again from any receipt.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.receipt import Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, FILL = "#1f4e79", "#9dc3e6"


def draw(measures: Mapping[str, Measure]) -> dict[str, bytes]:
    """Every plot that the measures allow: title to PNG, in a fixed order."""
    drawn = {}
    for title, (needed, plot) in PLOTS.items():
        series = [measures.get(name) for name in needed]
        if all(isinstance(values, list) and values for values in series):
            drawn[title] = _figure(title, plot, [_numbers(values) for values in series])
    for title, bars in _bars(measures).items():
        drawn[title] = _figure(title, _bar_chart(list(bars)), [list(bars.values())])
    return drawn


def _bars(measures: Mapping[str, Measure]) -> dict[str, dict[str, float]]:
    """Bar charts by title: of counts named one by one, and of lists of names with their counts."""
    charts = {}
    for title, names in COUNTS.items():
        found = {name.replace("_", " "): measures.get(name) for name in names}
        numbers = {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
        if len(numbers) == len(found):
            charts[title] = numbers
    for title, (labels, counts) in NAMED_COUNTS.items():
        named, counted = measures.get(labels), measures.get(counts)
        if isinstance(named, list) and isinstance(counted, list) and named:
            bars = [str(name).removesuffix("_variant") for name in named[:MOST_BARS]]
            charts[title] = dict(zip(bars, _numbers(counted)[:MOST_BARS], strict=True))
    return charts


def _bar_chart(labels: Sequence[str]) -> Callable[[Axes, Sequence[Sequence[float]]], None]:
    def plot(axes: Axes, series: Sequence[Sequence[float]]) -> None:
        (counts,) = series
        axes.barh(range(len(counts)), counts, color=FILL, edgecolor=INK)
        axes.set_yticks(range(len(counts)), labels, fontsize=7)
        axes.invert_yaxis()
        for row, count in enumerate(counts):
            axes.text(count, row, f" {count:,.4g}" if count < 100 else f" {count:,.0f}", va="center", fontsize=7)
        axes.margins(x=0.12)

    return plot


def _numbers(values: Measure) -> list[float]:
    assert isinstance(values, list)
    return [float(value) for value in values]


def _figure(title: str, plot: Callable[[Axes, Sequence[Sequence[float]]], None], series: list[list[float]]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 2.8), dpi=90, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    plot(axes, series)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def _quality_by_cycle(axes: Axes, series: Sequence[Sequence[float]]) -> None:
    for values, label, colour in zip(series, ("read 1", "read 2"), (INK, "#c55a11"), strict=True):
        axes.plot(range(1, len(values) + 1), values, label=label, color=colour, linewidth=1.4)
    axes.set(xlabel="cycle", ylabel="mean base quality", ylim=(0, 42))
    axes.legend(frameon=False, fontsize=8)


def _histogram(xlabel: str, ylabel: str, width: float = 1.0) -> Callable[[Axes, Sequence[Sequence[float]]], None]:
    def plot(axes: Axes, series: Sequence[Sequence[float]]) -> None:
        (counts,) = series
        last = max((i for i, count in enumerate(counts) if count), default=0) + 2
        positions = [i * width for i in range(len(counts))][:last]
        axes.fill_between(positions, counts[:last], step="mid", color=FILL)
        axes.step(positions, counts[:last], where="mid", color=INK, linewidth=1)
        axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))

    return plot


PLOTS: Mapping[str, tuple[tuple[str, ...], Callable[[Axes, Sequence[Sequence[float]]], None]]] = {
    "Base quality by cycle": (("read1_quality_by_cycle", "read2_quality_by_cycle"), _quality_by_cycle),
    "Coverage of the targets": (("coverage_histogram",), _histogram("depth", "target bases")),
    "Insert size": (("insert_size_histogram",), _histogram("bases between outer ends", "pairs")),
    "Allele balance of heterozygotes": (
        ("allele_balance_histogram",),
        _histogram("share of reads with the alternate allele", "calls", 0.05),
    ),
}
COUNTS: Mapping[str, tuple[str, ...]] = {
    "Target bases": ("target_bases", "no_call_target_bases", "uncovered_target_bases"),
    "Passing variants": ("snps", "indels"),
    "Transitions over transversions, heterozygous over homozygous": ("titv", "het_hom_ratio"),
    "Findings": ("primary", "compound_heterozygote", "carrier", "secondary"),
    "Rows for the cohort": ("calls", "missing", "samples", "measures"),
}
NAMED_COUNTS: Mapping[str, tuple[str, str]] = {
    "Consequences": ("consequence_names", "consequence_counts"),
    "Resources": ("resource_types", "resource_counts"),
}
MOST_BARS = 12
