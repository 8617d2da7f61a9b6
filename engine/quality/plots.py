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
    return drawn


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


def _substitutions(axes: Axes, series: Sequence[Sequence[float]]) -> None:
    (counts,) = series
    names = ("A>G, T>C", "C>T, G>A", "A>C, T>G", "A>T", "C>A, G>T", "C>G")[: len(counts)]
    colours = [INK, INK] + [FILL] * (len(counts) - 2)
    axes.bar(range(len(counts)), counts, color=colours)
    axes.set_xticks(range(len(counts)), names, fontsize=7)
    axes.set(ylabel="SNPs (transitions dark)")


PLOTS: Mapping[str, tuple[tuple[str, ...], Callable[[Axes, Sequence[Sequence[float]]], None]]] = {
    "Base quality by cycle": (("read1_quality_by_cycle", "read2_quality_by_cycle"), _quality_by_cycle),
    "Coverage of the targets": (("coverage_histogram",), _histogram("depth", "target bases")),
    "Insert size": (("insert_size_histogram",), _histogram("bases between outer ends", "pairs")),
    "Genotype quality": (("genotype_quality_histogram",), _histogram("genotype quality", "target bases")),
    "Allele balance of heterozygotes": (
        ("allele_balance_histogram",),
        _histogram("share of reads with the alternate allele", "calls", 0.05),
    ),
    "Substitutions": (("substitutions",), _substitutions),
}
