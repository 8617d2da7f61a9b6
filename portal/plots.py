"""The plots of artifacts, drawn as they are looked at; the door lets nobody but its visitors see them.

``GET /plots/<asset>/<data version>/<title>.svg?sample=<sample>``, ``.png`` of figures that are files of the artifact
(:func:`engine.ops.shown.plot_address` writes it).
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.errors import GenomicsError
from engine.ops.shown import FIGURE, PLOTS, figures
from engine.quality.plots import draw_one
from engine.receipt import Receipt
from resources.lake import Lake

_MEDIA = {"svg": "image/svg+xml", "png": "image/png"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "private, max-age=86400, immutable",
}


def plots_of(lake: Lake) -> Route:
    """The route that serves the plots of a lake's artifacts."""

    def plot(request: Request) -> Response:
        asked = request.path_params
        title, kind = asked["title"], asked["kind"]
        try:
            receipt = _receipt(lake, asked["asset"], request.query_params.get("sample"), asked["version"])
            drawn = _drawn(lake, receipt, title, f".{kind}") if receipt else None
        except GenomicsError as error:
            return PlainTextResponse(str(error), 404)
        if drawn is None:
            return PlainTextResponse("There is no such plot.", 404)
        return Response(drawn, media_type=_MEDIA[kind], headers=_HEADERS)

    return Route(f"{PLOTS}/{{asset}}/{{version}}/{{title:path}}.{{kind}}", plot)


def _drawn(lake: Lake, receipt: Receipt, title: str, kind: str) -> str | bytes | None:
    """A figure that the artifact holds, or a plot of its measures."""
    if kind == FIGURE:
        return lake.path(receipt, title + FIGURE).read_bytes() if title in figures(receipt) else None
    return draw_one(receipt.measures, title) if kind == ".svg" else None


def _receipt(lake: Lake, asset: str, sample: str | None, version: str) -> Receipt | None:
    """Of that version, the current one or an earlier one; the lake refuses a sample that could be no folder."""
    if not re.fullmatch(r"[a-z][a-z_]*", asset):
        return None
    current = lake.receipt(asset, sample)
    versions = [current] if current and current.data_version == version else lake.history(asset, sample)
    return next((receipt for receipt in versions if receipt.data_version == version), None)
