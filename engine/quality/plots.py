"""The plots shown with an artifact, drawn from the series among its measures.

A plot is SVG; nothing is read but the receipt's measures, so a plot can be drawn again from any receipt. It is written
as text, since a plotting library takes two CPU seconds of every run to load and draw a dozen lines and bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape

from engine.receipt import Measure

INK, FILL, SECOND_INK = "#1f4e79", "#9dc3e6", "#c55a11"
WIDTH, HEIGHT = 504, 252
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 28, 40
"""Margins around the axes, pixels."""

Series = Sequence[Sequence[float]]


def titles_of(measures: Mapping[str, Measure]) -> tuple[str, ...]:
    """The titles of every plot that the measures allow, in a fixed order; nothing is drawn."""
    return tuple(_marks(measures))


def draw(measures: Mapping[str, Measure]) -> dict[str, str]:
    """Every plot that the measures allow: title to SVG, in a fixed order."""
    return {title: _figure(title, marks()) for title, marks in _marks(measures).items()}


def draw_one(measures: Mapping[str, Measure], title: str) -> str | None:
    """The plot of that title as SVG, absent where the measures do not allow it."""
    marks = _marks(measures).get(title)
    return _figure(title, marks()) if marks else None


def _marks(measures: Mapping[str, Measure]) -> dict[str, Callable[[], list[str]]]:
    """What draws the marks of each plot, by its title."""
    marks: dict[str, Callable[[], list[str]]] = {}
    for title, (needed, plot) in PLOTS.items():
        series = [measures.get(name) for name in needed]
        if all(isinstance(values, list) and values for values in series):
            marks[title] = partial(_of_series, plot, series)
    for title, (labels, values) in NAMED_MARKS.items():
        names, placed = measures.get(labels), measures.get(values)
        if isinstance(names, list) and isinstance(placed, list) and names:
            marks[title] = partial(_of_named, names, placed)
    own, people = measures.get("ancestry_place"), measures.get("ancestry_people")
    if isinstance(own, list) and own and isinstance(people, list):
        marks[ANCESTRY] = partial(_of_ancestry, measures, own, people)
    for title, bars in _bars(measures).items():
        marks[title] = partial(_bar_chart, bars)
    return marks


def _of_series(plot: Callable[[Series], list[str]], series: Sequence[Measure | None]) -> list[str]:
    return plot([_numbers(values) for values in series if values is not None])


def _of_named(names: Sequence[object], placed: Measure) -> list[str]:
    return _bell(dict(zip(map(str, names), _numbers(placed), strict=True)))


def _of_ancestry(measures: Mapping[str, Measure], own: Measure, people: Measure) -> list[str]:
    names, middles = measures.get("ancestry_populations"), measures.get("ancestry_middles")
    places = _pairs(_numbers(middles)) if isinstance(middles, list) else []
    named = dict(zip(map(str, names), places, strict=True)) if isinstance(names, list) else {}
    return _before_people(_pairs(_numbers(own))[0], _pairs(_numbers(people)), named)


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


def _numbers(values: Measure) -> list[float]:
    assert isinstance(values, list)
    return [float(value) for value in values]


def _figure(title: str, marks: Sequence[str]) -> str:
    heading = _text(8, 17, title, size=13)
    body = "".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', heading, *marks])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def _bar_chart(bars: Mapping[str, float]) -> list[str]:
    """One horizontal bar for each name, with its value."""
    left, step = 190, (HEIGHT - TOP - 12) / len(bars)
    most = max([*bars.values(), 0.0]) or 1.0
    marks = []
    for row, (name, value) in enumerate(bars.items()):
        y, length = TOP + row * step, (WIDTH - left - 70) * max(value, 0.0) / most
        marks += [
            _text(left - 6, y + step / 2 + 4, name, anchor="end"),
            f'<rect x="{left}" y="{y + 2:.1f}" width="{length:.1f}" height="{step - 4:.1f}" fill="{FILL}" '
            f'stroke="{INK}"/>',
            _text(left + length + 6, y + step / 2 + 4, f"{value:,.4g}" if value < 100 else f"{value:,.0f}"),
        ]
    return marks


def _quality_by_cycle(series: Series) -> list[str]:
    marks = _axes(1, max(map(len, series)), 42, "cycle", "mean base quality")
    for number, (values, label, colour) in enumerate(zip(series, ("read 1", "read 2"), (INK, SECOND_INK), strict=True)):
        points = [(position, value) for position, value in enumerate(values, 1)]
        marks.append(_line(points, 1, max(map(len, series)), 42, colour))
        marks.append(_text(WIDTH - 60, TOP + 14 + 14 * number, label, colour=colour))
    return marks


def _histogram(xlabel: str, ylabel: str, width: float = 1.0) -> Callable[[Series], list[str]]:
    def plot(series: Series) -> list[str]:
        (counts,) = series
        shown = counts[: max((i for i, count in enumerate(counts) if count), default=0) + 2]
        last, most = max(len(shown) - 1, 1) * width, max([*shown, 1.0])
        steps = [
            (edge, count) for i, count in enumerate(shown) for edge in (max(i - 0.5, 0) * width, (i + 0.5) * width)
        ]
        outline = [(min(x, last), count) for x, count in steps]
        area = [(0.0, 0.0), *outline, (last, 0.0)]
        return [
            _line(area, 0, last, most, "none", fill=FILL),
            _line(outline, 0, last, most, INK),
            *_axes(0, last, most, xlabel, ylabel),
        ]

    return plot


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _before_people(
    own: tuple[float, float], people: Sequence[tuple[float, float]], named: Mapping[str, tuple[float, float]]
) -> list[str]:
    """People as dots, the middles of their populations by name, and the sample as a ring."""
    low, high = (tuple(chosen(place[axis] for place in (own, *people)) for axis in (0, 1)) for chosen in (min, max))
    wide, high_of = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(place: tuple[float, float]) -> tuple[float, float]:
        x, y = ((value - least) / ((most - least) or 1) for value, least, most in zip(place, low, high, strict=True))
        return LEFT + wide * (0.03 + 0.94 * x), TOP + high_of * (0.97 - 0.94 * y)

    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6" fill="{FILL}"/>' for x, y in map(at, people)]
    names = [_text(*at(place), name, anchor="middle", size=10) for name, place in named.items()]
    x, y = at(own)
    ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="none" stroke="{SECOND_INK}" stroke-width="2.5"/>'
    frame = f'<path d="M{LEFT} {TOP}V{TOP + high_of}H{LEFT + wide}" fill="none" stroke="#555"/>'
    across = _text(LEFT + wide / 2, HEIGHT - 8, "first component of ancestry; the ring is the sample", anchor="middle")
    middle = TOP + high_of / 2
    up = (
        f'<text x="12" y="{middle:.0f}" font-size="11" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle:.0f})">second component</text>'
    )
    return [*dots, *names, ring, frame, across, up]


def _bell(marks: Mapping[str, float]) -> list[str]:
    """A normal distribution with a line for each name, which stands at the edge where it lies beyond."""
    steps = [_WIDEST * (number / 50 - 1) for number in range(101)]
    curve = [(z, math.exp(-z * z / 2)) for z in steps]
    drawn = [
        _line([(-_WIDEST, 0.0), *curve, (_WIDEST, 0.0)], -_WIDEST, _WIDEST, 1.05, "none", fill=FILL),
        _line(curve, -_WIDEST, _WIDEST, 1.05, INK),
    ]
    shown = list(marks.items())[:MOST_BARS]
    for row, (name, z) in enumerate(shown):
        at = min(max(z, -_WIDEST), _WIDEST)
        x = LEFT + (WIDTH - LEFT - RIGHT) * (at + _WIDEST) / (2 * _WIDEST)
        y = TOP + 12 + 13 * row
        drawn.append(_line([(at, 0.0), (at, 1.05)], -_WIDEST, _WIDEST, 1.05, SECOND_INK))
        side, anchor = (-4, "end") if at > 0 else (4, "start")
        drawn.append(_text(x + side, y, f"{name}: {z:+.2f}", anchor=anchor, colour=SECOND_INK))
    named = "standard deviations above the mean of the population"
    # How many people have a sum is told by the curve's shape alone: its height has no unit here.
    return [*drawn, *(mark for mark in _axes(-_WIDEST, _WIDEST, 1.05, named, "people") if not _is_height(mark))]


def _is_height(mark: str) -> bool:
    return f'x="{LEFT - 5:.1f}"' in mark


def _line(
    points: Sequence[tuple[float, float]], first: float, last: float, most: float, colour: str, *, fill: str = "none"
) -> str:
    """Points of the data as a line, or with ``fill`` as an area."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    placed = " ".join(
        f"{LEFT + wide * (x - first) / ((last - first) or 1):.1f},{TOP + high * (1 - min(y, most) / most):.1f}"
        for x, y in points
    )
    return f'<polyline points="{placed}" fill="{fill}" stroke="{colour}" stroke-width="1.4"/>'


def _axes(first: float, last: float, most: float, xlabel: str, ylabel: str) -> list[str]:
    """Both axes with round numbers and what they measure."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    marks = [f'<path d="M{LEFT} {TOP}V{TOP + high}H{LEFT + wide}" fill="none" stroke="#555"/>']
    for value in _ticks(first, last):
        x = LEFT + wide * (value - first) / ((last - first) or 1)
        marks.append(_text(x, TOP + high + 14, f"{value:,.4g}", anchor="middle"))
    for value in _ticks(0, most):
        marks.append(_text(LEFT - 5, TOP + high * (1 - value / most) + 4, f"{value:,.6g}", anchor="end"))
    middle = TOP + high / 2
    marks.append(_text(LEFT + wide / 2, HEIGHT - 8, xlabel, anchor="middle"))
    marks.append(
        f'<text x="12" y="{middle:.0f}" font-size="11" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle:.0f})">{escape(ylabel)}</text>'
    )
    return marks


def _ticks(first: float, last: float) -> list[float]:
    """Round numbers within the range, four to eight of them.

    >>> _ticks(0, 42), _ticks(0, 0.9)
    ([0.0, 10.0, 20.0, 30.0, 40.0], [0.0, 0.2, 0.4, 0.6, 0.8])
    """
    span = (last - first) or 1.0
    rough = 10.0 ** math.floor(math.log10(span / 4))
    step = next(rough * factor for factor in (1, 2, 5, 10) if span / (rough * factor) <= 6)
    begin = math.ceil(first / step)
    return [round(number * step, 10) for number in range(begin, math.floor(last / step) + 1)]


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, colour: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )


PLOTS: Mapping[str, tuple[tuple[str, ...], Callable[[Series], list[str]]]] = {
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
    "Rows for the cohort": ("calls", "ref_blocks", "variant_records", "no_calls", "samples", "measures"),
}
NAMED_COUNTS: Mapping[str, tuple[str, str]] = {
    "Substitutions": ("substitution_names", "substitution_counts"),
    "Population frequency of the alleles": ("frequency_bands", "frequency_band_counts"),
    "Consequences": ("consequence_names", "consequence_counts"),
    "Resources": ("resource_types", "resource_counts"),
    "Bases below 20x by exon": ("missed_exon_names", "missed_exon_below_20x"),
    "Uncalled bases by exon": ("missed_exon_names", "missed_exon_uncalled"),
}
ANCESTRY = "Ancestry beside the reference persons"
NAMED_MARKS: Mapping[str, tuple[str, str]] = {"Polygenic scores among people": ("placed_scores", "placed_z")}
MOST_BARS = 12
_WIDEST = 4.0
"""Standard deviations on either side of the mean that a distribution is drawn over."""
