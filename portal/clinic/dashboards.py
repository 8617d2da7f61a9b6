"""The dashboards: what a lab head sees of all cases that are theirs, out of the published snapshot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from engine.dashboards.figures import Figure, figures
from engine.dashboards.measures import DAYS, MEASURES, SHARE
from engine.dashboards.pages import PAGES, Page, Visual
from engine.dashboards.vega_lite import specification
from engine.ops.dashboards import gold_snapshot
from portal.clinic.admission import ROOT, Admitted, RefusalError
from portal.clinic.may import MaySeeDashboards
from portal.clinic.rendering import page

router = APIRouter(prefix=ROOT, include_in_schema=False)
_KEPT = 256
"""Pages whose pictures are kept, by release and teams."""


@dataclass(frozen=True)
class Picture:
    """A picture with its values.

    Attributes:
        visual: what it shows.
        values: of it, as numbers for people.
        specification: of Vega-Lite, as JSON; empty of a number alone.
        meanings: what each measure counts.
    """

    visual: Visual
    values: Sequence[tuple[Figure, str]]
    specification: str
    meanings: Sequence[str]


@router.get("/dashboards")
def first(request: Request, admitted: MaySeeDashboards) -> Response:
    """The first dashboard."""
    return _board(request, admitted, PAGES[0])


@router.get("/dashboards/{board}")
def dashboard(request: Request, admitted: MaySeeDashboards, board: str) -> Response:
    """One of the dashboards."""
    chosen = next((one for one in PAGES if one.name == board), None)
    if chosen is None:
        raise RefusalError(404, "there is no such dashboard", visit=admitted.visit)
    return _board(request, admitted, chosen)


def written(figure: Figure) -> str:
    """A value for people, in the format that Power BI has it in.

    >>> written(Figure("", "", "Carrier frequency", 0.25)), written(Figure("", "", "Cases", 1234))
    ('25.0%', '1,234')
    >>> written(Figure("", "", "Carrier frequency", None))
    'not known'
    """
    form, value = MEASURES[figure.measure].format, figure.value
    if value is None:
        return "not known"
    return f"{value:.1%}" if form == SHARE else f"{value:,.1f}" if form == DAYS else f"{value:,.0f}"


def _board(request: Request, admitted: Admitted, chosen: Page) -> Response:
    lake, person = admitted.house.platform.lake, admitted.visit.person
    published = lake.receipt(gold_snapshot.name)
    receipt = lake.require(gold_snapshot.name) if published else None
    teams = None if person.every_case else person.teams
    return page(
        request,
        "dashboard.html.j2",
        admitted.visit,
        boards=PAGES,
        chosen=chosen,
        receipt=receipt,
        teams=sorted(teams) if teams is not None else None,
        pictures=_pictures(lake.folder(receipt), chosen, teams) if receipt else [],
    )


@lru_cache(maxsize=_KEPT)
def _pictures(snapshot: Path, chosen: Page, teams: frozenset[str] | None) -> list[Picture]:
    """The pictures of a page; a snapshot's folder is of one release and never changes."""
    return [
        Picture(
            visual,
            [(one, written(one)) for one in values],
            json.dumps(specification(visual, values)) if visual.kind != "number" and values else "",
            [MEASURES[name].meaning for name in visual.measures],
        )
        for visual, values in zip(chosen.visuals, figures(snapshot, chosen.visuals, teams), strict=True)
    ]
