"""How somebody comes in: by the deployment's provider of identities, or as one of the demo's people on this machine.

The demo's people come in only where no provider is named and the server answers this machine alone, and only with the
deployment's token, which the door before has seen (:mod:`portal.door`): nobody reaches them from another machine.
"""

from __future__ import annotations

import time
from collections import deque
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from engine.errors import GenomicsError
from portal.clinic.admission import ROOT, RefusalError, cookie_name, read_form
from portal.clinic.house import House
from portal.clinic.may import MayEnter
from portal.clinic.rendering import page
from portal.clinic.rights import Person, Role
from portal.clinic.trail import DENIED, write_entrance
from portal.clinic.visits import WHOLE_SECONDS
from portal.pages import on_to
from resources.environment import Settings

router = APIRouter(prefix=ROOT, include_in_schema=False)
HOLDS_TOKEN = "holds_token"
"""In the request's state: whether the door has seen the deployment's token."""
DEMO_PEOPLE = (
    (Role.GENETICIST, "Dr Gregor Demo", "Geneticist: reviews findings and reads, signs reports"),
    (Role.BIOINFORMATICIAN, "Ada Demo", "Bioinformatician: quality, findings, reads, another run"),
    (Role.CLINICIAN, "Dr Clara Demo", "Clinician: reads signed reports of the cases that were ordered"),
    (Role.SECURITY_OFFICER, "Sam Demo", "Security officer: who saw what"),
    (Role.ADMIN, "Alex Demo", "Admin: deliveries and rights"),
)
_TRIES, _WITHIN_SECONDS = 20, 60.0
_ADDRESSES = 10_000
"""Addresses whose tries are remembered."""


@router.get("")
def start(request: Request) -> Response:
    """To the first page, or to the sign-in."""
    return RedirectResponse(f"{ROOT}/home", 303)


@router.get("/enter")
def enter_page(request: Request, to: str = f"{ROOT}/home") -> Response:
    """Where one signs in."""
    return sign_in(request, to=to, status=200)


@router.post("/enter")
async def enter(request: Request) -> Response:
    """Come in as one of the demo's people."""
    house: House = request.app.state.house
    if not _may_be_demo(request, house):
        raise RefusalError(403, "the demo's people come in only on the server's own machine, with its token")
    require_patience(request)
    if "origin" not in request.headers:
        raise RefusalError(403, "a browser says which page a request comes from, and this one does not")
    form = await read_form(request)
    people = {role.value: name for role, name, _ in DEMO_PEOPLE}
    role = form.get("role", "")
    if role not in people:
        raise RefusalError(400, "there is no such person in the demo")
    person = house.access.person(people[role], [role])
    return await run_in_threadpool(let_in, request, person, "demo", form.get("to", ""))


@router.post("/leave")
def leave(request: Request, admitted: MayEnter) -> Response:
    """End the visit."""
    write_entrance(admitted.house.platform.audit, admitted.visit, _address(request), left=True)
    admitted.house.visits.end(admitted.visit.key)
    response = RedirectResponse(f"{ROOT}/enter", 303)
    response.delete_cookie(cookie_name(request), path=ROOT)
    return response


def sign_in(request: Request, *, reason: str = "", to: str = "", status: int = 401) -> Response:
    """The page that asks who is there, and goes on to where one wanted to be."""
    house: House = request.app.state.house
    house.prepare()
    return page(
        request,
        "enter.html.j2",
        None,
        status=status,
        reason=reason,
        to=local(to),
        issuer=house.access.provider.issuer if house.access.provider else "",
        demo=_may_be_demo(request, house),
        people=[(role.value, name, does) for role, name, does in DEMO_PEOPLE],
    )


def let_in(request: Request, person: Person, provider: str, to: str) -> Response:
    """Open a visit, write it down, and go on by a page of our own: a strict cookie comes along only then."""
    house: House = request.app.state.house
    now = time.time()
    key = house.visits.open(person, provider, now)
    visit = house.visits.find(key, now)
    assert visit is not None
    try:
        write_entrance(house.platform.audit, visit, _address(request))
    except (OSError, GenomicsError) as error:
        house.visits.end(key)
        raise RefusalError(503, f"nobody comes in, for it cannot be entered in the audit log: {error}") from error
    response = on_to(local(to))
    response.set_cookie(
        cookie_name(request),
        key,
        max_age=WHOLE_SECONDS,
        path=ROOT,
        httponly=True,
        samesite="strict",
        secure=origin_of(request, house.platform.settings).startswith("https:"),
    )
    return response


def local(path: str) -> str:
    """A page of the portal, whatever was asked for."""
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or not parts.path.startswith(f"{ROOT}/") or "\\" in path or "//" in parts.path:
        return f"{ROOT}/home"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def origin_of(request: Request, settings: Settings) -> str:
    """The address under which the browser sees this server: a reverse proxy's, where it shows it, or its own."""
    host = request.headers.get("host", "").lower()
    shown = [origin for origin in settings.web_origins if urlsplit(origin).netloc == host]
    return shown[0] if shown else f"{request.url.scheme}://{host}"


def write_refusal(request: Request, name: str, reason: str) -> None:
    """Enter that somebody whom the provider knows was not let in."""
    house: House = request.app.state.house
    house.platform.audit.record(name, DENIED, None, {"reason": reason, "address": _address(request)})


def require_patience(request: Request) -> None:
    """RefusalError where somebody at this address has tried too often within a minute; others are not kept waiting."""
    house: House = request.app.state.house
    tried = house.tries.setdefault(_address(request), deque(maxlen=_TRIES))
    now = time.monotonic()
    if len(tried) == _TRIES and now - tried[0] < _WITHIN_SECONDS:
        raise RefusalError(429, "too many tries to sign in; wait a minute")
    tried.append(now)
    while len(house.tries) > _ADDRESSES:
        house.tries.pop(next(iter(house.tries)))


def _may_be_demo(request: Request, house: House) -> bool:
    return house.has_demo_login and getattr(request.state, HOLDS_TOKEN, False) and _is_here(_address(request))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
