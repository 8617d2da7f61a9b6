"""The portal's pages out of templates, and what a browser is told of them.

Nothing of a page is script or style of its own: the policy lets in what this server serves, and two style sheets that
igv.js writes into its page, by their digests.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from engine.report.statement import source_name
from engine.report.wording import STRENGTHS, kind, protein_change
from portal.clinic.admission import CSRF_FIELD, ROOT
from portal.clinic.cases import allele_of
from portal.clinic.rights import MAY, Action
from portal.clinic.visits import Visit

HERE = Path(__file__).parent
STATIC = f"{ROOT}/static"
IGV_STYLES = (
    "'sha256-ITHmamcImsZ/Je1xrdtDLZVvRSpj1Zokb6uHXORB824='",
    "'sha256-NTwDUA6nIvRRpI2lIBtHJqkV0TlTj4HVmI6vI81fIfM='",
)
"""Digests of the style sheets that igv.js 3.8.10 writes; a test finds out when a new release writes others."""


def policy(*, script: str = "'self'", style: str = "'self'", form: str = "'self'") -> str:
    """A Content-Security-Policy under which nothing is fetched but from here, and nothing in the page is run."""
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; connect-src 'self'; "
        f"frame-src 'self'; form-action {form}; base-uri 'none'; frame-ancestors 'self'"
    )


def document_policy(html: str) -> str:
    """That of a report's page as it was published: it brings one style along, and is allowed that one alone."""
    style = html.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'self'; sandbox"


def page(
    request: Request, template: str, visit: Visit | None, *, status: int = 200, csp: str | None = None, **said: Any
) -> HTMLResponse:
    """A page from its template."""
    html = (
        _templates()
        .get_template(template)
        .render(
            said,
            root=ROOT,
            static=STATIC,
            visit=visit,
            person=visit.person if visit else None,
            may={action.name: action in MAY[visit.person.role] for action in Action} if visit else {},
            csrf_field=CSRF_FIELD,
            here=request.url.path,
            part=request.headers.get("hx-request") == "true",
        )
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": csp or policy(), "Cache-Control": "no-store"})


def compile_templates() -> None:
    """Compile every template, which the first view of a page would otherwise wait for."""
    for name in _templates().list_templates():
        _templates().get_template(name)


@cache
def _templates() -> Environment:
    room = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "plain": lambda term: str(term or "").replace("&", ", ").replace("_", " "),
        "minute": lambda moment: f"{str(moment)[:10]} {str(moment)[11:16]}" if moment else "",
        "source": source_name,
        "protein": protein_change,
        "kind": kind,
        "allele": allele_of,
        "strength": lambda code: STRENGTHS.get(code, code),
        "thousands": lambda number: f"{number:,}" if number is not None else "not known",
        "share": lambda value: f"{value:.2g}" if value is not None else "not seen",
    }
    room.filters |= filters
    return room
