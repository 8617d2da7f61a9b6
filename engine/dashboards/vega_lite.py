"""The dashboards' pictures as Vega-Lite: https://vega.github.io/vega-lite, with their values in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.dashboards.figures import Figure
from engine.dashboards.measures import COUNT, DAYS, MEASURES, SHARE
from engine.dashboards.pages import Visual

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_COLOURS: Final = ["#1f5fa8", "#b4540a", "#4b7f2c", "#7b4fa3"]
"""Told apart from each other and from white by whoever sees colours otherwise."""


_AXES: Final[Mapping[str, Mapping[str, Any]]] = {
    COUNT: {"format": ",.0f", "tickMinStep": 1},
    DAYS: {"format": ",.1~f", "tickMinStep": 0.1},
    SHARE: {"format": ".3~%"},
}
"""Numbers beside an axis as people write them: no half case, and no prefix of units."""
_MEANS: Final[Mapping[str, Any]] = {"format": ",.3~f"}


def specification(visual: Visual, values: Sequence[Figure]) -> dict[str, Any]:
    """A picture of bars or lines; what it is of is its description.

    Args:
        visual: the picture.
        values: what it shows.
    """
    form = MEASURES[visual.measures[0]].format
    told_apart = "series" if visual.series else "measure" if len(visual.measures) > 1 else ""
    rows = [{"category": one.category or "(none)", "series": one.series, "measure": one.measure, "value": one.value}
            for one in values]  # fmt: skip
    encoding: dict[str, Any] = {
        "x": {"field": "category", "type": "ordinal", "title": None, "axis": {"labelAngle": -35, "labelLimit": 150}},
        "y": {
            "field": "value",
            "type": "quantitative",
            "title": None,
            "scale": {"zero": visual.kind == "bars" or _is_one_value(values), "nice": True},
            "axis": {**_AXES.get(form, _MEANS), "tickCount": 5},
        },
    }
    if told_apart:
        legend = {"orient": "bottom", "title": None, "columns": 1, "labelLimit": 300}
        encoding["color"] = {
            "field": told_apart,
            "type": "nominal",
            "scale": {"range": _COLOURS},
            "legend": legend,
        }
        encoding |= {"xOffset": {"field": told_apart}} if visual.kind == "bars" else {}
    mark: dict[str, Any] = {"type": "bar"} if visual.kind == "bars" else {"type": "line", "point": {"size": 80}}
    return {
        "$schema": _SCHEMA,
        "description": visual.title,
        "width": "container",
        "height": 220,
        "data": {"values": rows},
        "mark": mark if told_apart else mark | {"color": _COLOURS[0]},
        "encoding": encoding,
        "config": {"background": None, "font": "system-ui, sans-serif", "axis": {"labelFontSize": 12}},
    }


def _is_one_value(values: Sequence[Figure]) -> bool:
    """Whether there is no more than one, so that an axis that begins beside it would say nothing."""
    return len({one.value for one in values}) < 2
