"""The portal as one application: its routes, what is said of a refusal, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from engine.errors import GenomicsError
from portal.clinic import (
    api,
    beacon,
    commenting,
    dashboards,
    deeds,
    entrance,
    exchange,
    files,
    htsget,
    oidc,
    pages,
    service,
    watching,
)
from portal.clinic.access import Access
from portal.clinic.admission import ROOT, RefusalError, require_rules
from portal.clinic.entrance import sign_in
from portal.clinic.house import House
from portal.clinic.rendering import HERE, STATIC, page, policy
from portal.pages import on_to
from resources.environment import Resources
from resources.sample_runs import Runs

FOLLOWED = "followed"
"""In the request's state: whether a person followed a link on another site, with which no strict cookie comes."""


def portal_of(platform: Resources, open_runs: Callable[[], AbstractContextManager[Runs | None]]) -> FastAPI:
    """The portal of a deployment.

    Args:
        platform: its services.
        open_runs: opens Dagster's runs, for the work list.

    Raises:
        AccessError: the file that says who may come in cannot be used.
    """
    app = FastAPI(title="Clinical genomics", version="1", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.house = House(platform, Access.read(platform.settings.portal_access), open_runs)
    for router in (
        entrance.router,
        oidc.router,
        pages.router,
        deeds.router,
        commenting.router,
        commenting.api_router,
        files.router,
        watching.router,
        api.router,
        dashboards.router,
        exchange.router,
        htsget.router,
        beacon.router,
    ):
        app.include_router(router)
    app.include_router(service.router, include_in_schema=False)  # it describes itself
    require_rules(app)
    app.mount(STATIC, StaticFiles(directory=HERE / "static"))
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(GenomicsError, _not_so_far)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)
    if error.status == 401 and getattr(request.state, FOLLOWED, False) and request.method == "GET":
        return on_to(f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path)
    return _told(request, error)


def _not_so_far(request: Request, error: Exception) -> Response:
    """What a service refuses is told in its words: a case that has not come so far, a damaged artifact."""
    assert isinstance(error, GenomicsError)
    return _told(request, RefusalError(409, f"{error.problem}; {error.remedy}"))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _told(
        request,
        RefusalError(error.status_code, "there is no such page" if error.status_code == 404 else str(error.detail)),
    )


def _unreadable(request: Request, error: Exception) -> Response:
    return _told(request, RefusalError(400, "the address cannot be read"))


def _told(request: Request, error: RefusalError) -> Response:
    if request.url.path.startswith(f"{ROOT}/api/"):
        return JSONResponse({"error": error.reason}, error.status, {"Cache-Control": "no-store"} | error.headers)
    if error.status == 401:
        to = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        return sign_in(request, reason=error.reason, to=to if request.method == "GET" else "")
    return page(
        request,
        "refused.html.j2",
        error.visit,
        status=error.status,
        csp=policy(),
        reason=error.reason,
        breakable=error.breakable,
    )
