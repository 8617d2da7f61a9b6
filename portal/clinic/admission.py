"""The one way to every page, answer and byte of the portal: who asks, may they, and the entry that says so.

A route states what it does (``Depends(needs(Action.CASE))``); the application is refused at its start where one does
not (:func:`require_rules`). In order: a visit that lasts, its allowance of requests, the form's own secret on whatever
changes anything, the decision of :mod:`portal.clinic.rights`, the entry in the audit log; then the route is run.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from engine.errors import GenomicsError
from engine.reads.registration import RegisteredSample
from portal.clinic.house import House
from portal.clinic.rights import BY_TOKEN, OF_A_CASE, Action, Decision, Person, Role, decide
from portal.clinic.trail import Asked, is_broken, write_access
from portal.clinic.visits import Visit
from resources.api_tokens import Scope
from resources.web_token import PORTAL

ROOT = PORTAL
"""Path below which the portal lies; its pages are of one origin with Dagster's."""
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
PUBLIC = frozenset({f"{ROOT}{path}" for path in ("", "/enter", "/oidc/start", "/oidc/back")})
"""Routes before the sign-in, which show nothing of anybody."""
_TOLD_PARAMETERS = frozenset(
    {
        *("variant", "gene", "state", "report", "stage", "first", "locked", "drug", "sample", "who", "what"),
        *("referenceName", "start", "end", "class"),
    }
)
"""What of an address's question is written down; what is typed freely could name a patient, whom the log must not."""
_LONGEST_FORM = 64 << 10
_BEARER = {"WWW-Authenticate": "Bearer"}
ACTION_OF = {
    Scope.SUBMIT: Action.SUBMIT,
    Scope.STATE: Action.STATE,
    Scope.CANCEL: Action.CANCEL,
    Scope.RESULTS: Action.RESULTS,
}
"""What each scope of a token lets a program do."""
_JSON = "application/json"
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class RefusalError(Exception):
    """A request that goes no further.

    Attributes:
        status: of HTTP.
        reason: in a sentence.
        breakable: the sample over which this person could break the glass, absent where that opens nothing.
        visit: whose request it was, absent where nobody is signed in.
        headers: that go with the answer.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        breakable: str | None = None,
        visit: Visit | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.breakable = breakable
        self.visit = visit
        self.headers = dict(headers or {})
        super().__init__(reason)


@dataclass(frozen=True)
class Admitted:
    """A request that may be answered.

    Attributes:
        house: what it is answered from.
        visit: whose it is.
        sample: the case's sample, absent where it concerns none.
        form: what was sent along.
        decision: why it may be answered.
        question: what was asked in a JSON body, of a route that takes one.
    """

    house: House
    visit: Visit
    sample: RegisteredSample | None
    form: Mapping[str, str]
    decision: Decision = field(default_factory=lambda: Decision(True))
    question: Mapping[str, Any] = field(default_factory=dict)

    @property
    def case(self) -> RegisteredSample:
        """The case's sample, of a route that has one."""
        assert self.sample is not None
        return self.sample

    @property
    def name(self) -> str:
        """Who asks, for what is signed or decided."""
        return self.visit.person.name


@dataclass(frozen=True)
class Rule:
    """What a route does, as a dependency that lets nobody pass who may not.

    Attributes:
        action: that.
        told: what of a question is written down, of a route that is asked by a JSON body; absent of one that takes a
            form.
        longest: bytes of what may be sent along.
    """

    action: Action
    told: Callable[[Mapping[str, Any]], str] | None = None
    longest: int = _LONGEST_FORM

    async def __call__(self, request: Request) -> Admitted:
        """Admit the request.

        Raises:
            RefusalError: it may not be answered.
        """
        house: House = request.app.state.house
        by_token = self.action in BY_TOKEN
        visit = await run_in_threadpool(_token_visit, request, house) if by_token else _visit_of(request, house)
        form, question = await self._read(request) if request.method in _CHANGING else ({}, {})
        if request.method in _CHANGING and not by_token:  # no page can make a browser send a token along
            _require_own_page(request, visit, form)
        return await run_in_threadpool(self._admit, request, house, visit, form, question)

    async def _read(self, request: Request) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The form, or the question, that was sent along."""
        if self.told is None:
            return await read_form(request), {}
        return {}, await read_question(request, self.longest)

    def _admit(
        self,
        request: Request,
        house: House,
        visit: Visit,
        form: Mapping[str, str],
        question: Mapping[str, Any],
    ) -> Admitted:
        name = request.path_params.get("case")
        sample = house.sample(name) if name is not None else None
        case = house.case_of(sample) if sample else None
        broken = bool(sample) and self.action in OF_A_CASE and is_broken(house.platform.audit, visit, str(name))
        decision = decide(visit.person, self.action, case, broken=broken)
        if decision.allowed and name is not None and sample is None:
            decision = Decision(False, "there is no such case")
        asked = Asked(request.method, route_of(request), _address(request), self._detail(request, question))
        _write(house, visit, self.action, asked, decision, sample.sample_id if sample else None)
        if not decision.allowed:
            status = 404 if name is not None and sample is None and "no such" in decision.reason else 403
            breakable = str(name) if decision.breakable else None
            raise RefusalError(status, decision.reason, breakable=breakable, visit=visit)
        return Admitted(house, visit, sample, form, decision, question)

    def _detail(self, request: Request, question: Mapping[str, Any]) -> str:
        of_body = self.told(question) if self.told else ""
        return " ".join(one for one in (_detail(request), of_body) if one)


def needs(
    action: Action, *, told: Callable[[Mapping[str, Any]], str] | None = None, longest: int = _LONGEST_FORM
) -> Rule:
    """The rule of a route, as :class:`Rule` has it."""
    return Rule(action, told, longest)


def _write(house: House, visit: Visit, action: Action, asked: Asked, decision: Decision, sample: str | None) -> None:
    """Enter what was asked, and whether it was allowed; RefusalError where it cannot be entered."""
    try:
        write_access(house.platform.audit, visit, action, asked, decision, sample)
    except (OSError, GenomicsError) as error:
        raise RefusalError(
            503, f"nothing is shown, for it cannot be entered in the audit log: {error}", visit=visit
        ) from error


def rules_of(app: FastAPI) -> dict[tuple[str, str], Action | None]:
    """What each route does, by method and path; absent where it states nothing."""
    told: dict[tuple[str, str], Action | None] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        methods = context.methods or {"*"}
        told |= {(method, str(context.path)): _rule_of(route) for method in methods - {"HEAD", "OPTIONS"}}
    return told


def _rule_of(route: BaseRoute) -> Action | None:
    stated = route.dependant.dependencies if isinstance(route, APIRoute) else []
    rules = [one.call for one in stated if isinstance(one.call, Rule)]
    return rules[0].action if len(rules) == 1 else None


def require_rules(app: FastAPI) -> None:
    """Nothing, where every route but the public ones states what it does; AssertionError names the others."""
    without = [path for (_, path), action in rules_of(app).items() if action is None and path not in PUBLIC]
    assert not without, f"routes without a rule: {', '.join(without)}"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, or of a JSON object of texts; RefusalError where it is neither, or too long."""
    kind, text = await _sent(request)
    if kind == _JSON:
        return _texts(text)
    if kind == "application/x-www-form-urlencoded" or not text:
        return dict(parse_qsl(text, keep_blank_values=True))
    raise RefusalError(415, "a form or a JSON object is taken")


async def read_question(request: Request, longest: int = _LONGEST_FORM) -> dict[str, Any]:
    """A JSON object, empty where nothing was sent; RefusalError where it is none, or too long."""
    kind, text = await _sent(request, longest)
    if text and kind != _JSON:
        raise RefusalError(415, "a JSON object is taken")
    return _object(text)


async def _sent(request: Request, longest: int = _LONGEST_FORM) -> tuple[str, str]:
    """Kind and text of what was sent along; RefusalError where it is too long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > longest:
            raise RefusalError(413, "the form is too long")
        parts.append(part)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind, b"".join(parts).decode("utf-8", "replace")


def cookie_name(request: Request) -> str:
    """Cookies do not tell ports apart: each server on this machine has a name of its own."""
    return f"portal_{request.url.port or 'web'}"


def route_of(request: Request) -> str:
    """The path with its parameters unfilled, below the portal."""
    route = request.scope.get("route")
    return str(getattr(route, "path", request.url.path)).removeprefix(ROOT) or "/"


def _visit_of(request: Request, house: House) -> Visit:
    now = time.time()
    visit = house.visits.find(request.cookies.get(cookie_name(request), ""), now)
    if visit is None:
        raise RefusalError(401, "sign in first, or again: a visit ends after half an hour without a request")
    _require_allowance(visit, now)
    return visit


def _token_visit(request: Request, house: House) -> Visit:
    """The visit of the token in the header ``Authorization``; a cookie does not count here."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    token = house.tokens.find(given.strip()) if kind.lower() == "bearer" else None
    if token is None:
        raise RefusalError(401, "send a token of this service as Authorization: Bearer", headers=_BEARER)
    scopes = frozenset({Action.SERVICE, *(ACTION_OF[scope] for scope in token.scopes)})
    person = Person(f"token {token.name}", Role.SERVICE, token.teams, token.every_case, scopes, token.folders)
    visit = house.token_visits.of(token.digest, person, time.time())
    _require_allowance(visit, time.time())
    if fault := token.fault(datetime.now(UTC)):
        asked = Asked(request.method, route_of(request), _address(request))
        _write(house, visit, Action.SERVICE, asked, Decision(False, fault), None)
        raise RefusalError(401, f"{fault}: ask for another", visit=visit, headers=_BEARER)
    return visit


def _require_allowance(visit: Visit, now: float) -> None:
    if not visit.take(now):
        wait = {"Retry-After": str(visit.wait)}
        raise RefusalError(429, "too many requests at once; go on in a moment", visit=visit, headers=wait)


def _require_own_page(request: Request, visit: Visit, form: Mapping[str, str]) -> None:
    """What changes anything comes from a page of ours, which knows the visit's secret."""
    sent = request.headers.get(CSRF_HEADER) or form.get(CSRF_FIELD, "")
    if not hmac.compare_digest(sent.encode(), visit.csrf.encode()):
        raise RefusalError(403, "the form is not of this visit: open the page again", visit=visit)


def _detail(request: Request) -> str:
    """What of the case was asked for: parameters of the path, the question, the range of bytes."""
    told = [str(value) for name, value in request.path_params.items() if name != "case"]
    told += [f"{name}={value}" for name, value in request.query_params.items() if name in _TOLD_PARAMETERS and value]
    told += [request.headers["range"]] if "range" in request.headers else []
    return " ".join(told)[:300].encode("utf-8", "replace").decode()


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _texts(text: str) -> dict[str, str]:
    told = _object(text)
    if not all(isinstance(value, str) for value in told.values()):
        raise RefusalError(400, "a JSON object of texts is taken")
    return told


def _object(text: str) -> dict[str, Any]:
    try:
        told: Any = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "that is no JSON") from error
    if not isinstance(told, dict):
        raise RefusalError(400, "a JSON object is taken")
    return told
