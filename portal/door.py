"""The door before Dagster's web UI: nothing gets to the server behind it but what came through here.

Dagster's server asks nobody for a name and executes mutations sent by GET, from any page, under any host name. An
ASGI application wraps it in the same process, so that there is no other port to reach it by:

- the ``Host`` is one of ours (against DNS rebinding), and so is the ``Origin`` where a browser names one; what other
  sites and other ports of this machine ask for is refused but for a link that a person follows;
- everybody shows the deployment's token (:mod:`portal.sessions`);
- what changes anything is a POST of ``application/json`` with one operation, which stands in the audit log before it
  is executed, with who asked; GET only asks, a websocket only subscribes.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import GenomicsError
from engine.reads.sample_names import SAMPLE_ID
from portal.clinic.application import FOLLOWED
from portal.clinic.entrance import HOLDS_TOKEN
from portal.operations import (
    Operation,
    UnreadableRequestError,
    only_asks,
    only_subscribes,
    read_operation,
    without_secrets,
)
from portal.pages import SIGN_IN, on_to, sign_in_page
from portal.sessions import SESSION_SECONDS, Sessions, printable
from resources.audit import AuditLog
from resources.structured_log import StructuredLog
from resources.web_token import PORTAL

GRAPHQL = "/graphql"
LONGEST_BODY = 16 << 20
_TOLD = logging.getLogger("portal")
_ASKING = frozenset({"GET", "HEAD"})
_OF_A_REQUEST = frozenset({"query", "variables", "operationName", "extensions"})
_OURS = frozenset({"", "same-origin", "none"})
"""``Sec-Fetch-Site`` of our own pages, of an address typed in, and of clients that are no browser."""
_HARDENING = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
_POLICY_VIOLATION = 1008
"""Close code of a websocket (RFC 6455, section 7.4.1)."""


def loopback_origins(port: int) -> tuple[str, ...]:
    """The origins of pages that a server on this machine's loopback address serves."""
    return tuple(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]"))


class RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Visitor:
    """Somebody who has shown the token.

    Attributes:
        person: for the audit log.
        by_cookie: whether a browser's cookie speaks for them, which other pages can make it send.
        looks_only: whether they may change nothing.
    """

    person: str
    by_cookie: bool
    looks_only: bool = False


class _Answer:
    """How one request is answered, told when it is."""

    def __init__(self, send: Send, events: StructuredLog | None) -> None:
        self._send, self._events = send, events
        self._began, self._status = time.perf_counter(), 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    def tell(self, scope: Scope) -> None:
        """Neither the address nor the person: either may name a patient."""
        if self._events and self._status:
            self._events.tell(
                "request",
                level="error" if self._status >= 500 else "info",
                process="portal" if _is_below(scope["path"], PORTAL) else "web-server",
                method=scope["method"],
                status=self._status,
                milliseconds=round((time.perf_counter() - self._began) * 1000),
            )


class Door:
    """An ASGI application that lets requests through to another."""

    def __init__(
        self,
        behind: ASGIApp,
        sessions: Sessions,
        audit: AuditLog,
        origins: Iterable[str],
        person_header: str | None = None,
        operators: frozenset[str] | None = None,
        portal: ASGIApp | None = None,
        events: StructuredLog | None = None,
    ) -> None:
        """Build the door.

        Args:
            behind: the application; nobody else may serve it.
            sessions: the token and its cookies.
            audit: where mutations are written down.
            origins: ``scheme://host[:port]`` of every address people open.
            person_header: header in which a reverse proxy that holds the token names the person it signed on.
            operators: persons as that header names them, the only ones who may change anything; absent where all may.
            portal: the clinicians' portal, which lets people in by itself.
            events: where each request is told for programs: how it was answered, not what was asked and by whom.
        """
        self._events = events
        self._portal = portal
        self._behind = behind
        self._sessions = sessions
        self._audit = audit
        self._origins = frozenset(origin.lower() for origin in origins)
        self._hosts = frozenset(urlsplit(origin).netloc for origin in self._origins)
        self._person_header = person_header
        self._operators = operators

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._behind(scope, receive, send)
            return
        answer = _Answer(_hardened(send), self._events)
        send = answer.send
        try:
            self._check_address(HTTPConnection(scope))
            if scope["type"] == "http":
                await self._http(scope, receive, send)
            else:
                await self._websocket(scope, receive, send)
        except RefusedError as refused:
            _TOLD.warning("refused %s %s: %s", scope.get("method", "websocket"), scope["path"], refused.reason)
            await _refuse(refused, scope, receive, send)
        except ClientDisconnect:
            return
        finally:
            answer.tell(scope)

    def _check_address(self, connection: HTTPConnection) -> None:
        """Host and Origin are ours."""
        hosts, origins = connection.headers.getlist("host"), connection.headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise RefusedError(403, f"the web UI is not served under the name {', '.join(hosts) or 'none'}")
        if any(origin.lower() not in self._origins for origin in origins):
            raise RefusedError(403, f"a page of {', '.join(origins)} may ask nothing of the web UI")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        followed = self._check_site(request)
        visitor = self._visitor(request)
        if request.method == "POST" and request.scope["path"] == SIGN_IN:
            await (await self._sign_in(request))(scope, receive, send)
        elif request.method in _ASKING and "token" in request.query_params:
            await self._show_token(request)(scope, receive, send)
        elif self._portal is not None and _is_below(request.scope["path"], PORTAL):
            state = {**scope.get("state", {}), HOLDS_TOKEN: visitor is not None, FOLLOWED: followed}
            await self._portal({**scope, "state": state}, receive, send)
        elif visitor is None:
            await _ask_for_token(request, followed=followed)(scope, receive, send)
        elif request.method in _ASKING:
            _check_question(request)
            await self._behind(scope, receive, send)
        elif request.method == "POST":
            await self._change(request, visitor, send)
        else:
            raise RefusedError(405, f"the method {request.method} is not served")

    def _check_site(self, request: Request) -> bool:
        """Whether a person follows a link on another site; anything else that another site asks for is refused."""
        headers = request.headers
        if headers.get("sec-fetch-site", "") in _OURS:
            return False
        link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if request.method != "GET" or not link:
            raise RefusedError(403, "another site may ask nothing of the web UI")
        return True

    def _visitor(self, connection: HTTPConnection) -> Visitor | None:
        kind, _, given = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._sessions.is_token(given.strip()):
            named = connection.headers.get(self._person_header, "") if self._person_header else ""
            return Visitor(printable(named) or self._sessions.account, False, self._looks_only(named))
        person = self._sessions.person_of_cookie(connection.cookies.get(_cookie_name(connection), ""), time.time())
        # Whoever has the token types any name at the sign-in: it makes nobody an operator.
        return None if person is None else Visitor(person, True, self._looks_only(""))

    def _looks_only(self, named: str) -> bool:
        return self._operators is not None and named not in self._operators

    def _show_token(self, request: Request) -> Response:
        """Trade the token in an address for a cookie, and go on to the address without it."""
        given = dict(request.query_params)
        kept = [pair for pair in parse_qsl(request.url.query) if pair[0] not in ("token", "person")]
        to = f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path
        return self._enter(request, given["token"], given.get("person", ""), to)

    async def _sign_in(self, request: Request) -> Response:
        """Trade the token in the form for a cookie."""
        if _media_type(request) != "application/x-www-form-urlencoded":
            raise RefusedError(415, "the token is sent as a form")
        form = dict(parse_qsl((await _body(request)).decode("utf-8", "replace")))
        return self._enter(request, form.get("token", "").strip(), form.get("person", ""), form.get("to", "/"))

    def _enter(self, request: Request, token: str, person: str, to: str) -> Response:
        path = _local(to)
        if not self._sessions.is_token(token):
            return sign_in_page("That is not the token of this server.", path)
        page = on_to(path)
        page.set_cookie(
            _cookie_name(request),
            self._sessions.cookie(person, time.time()),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return page

    async def _change(self, request: Request, visitor: Visitor, send: Send) -> None:
        """Let a POST through once it is read, and written down if it changes anything."""
        if visitor.by_cookie and "origin" not in request.headers:
            raise RefusedError(403, "a browser says which page a request comes from, and this one does not")
        if _media_type(request) != "application/json":
            raise RefusedError(415, "what changes anything is sent as application/json")
        body = _json(await _body(request))
        operation = _read_request(body) if request.scope["path"] == GRAPHQL else None
        if visitor.looks_only and (operation is None or operation.changes):
            raise RefusedError(403, "you look and change nothing here: ask an operator of the platform")
        if operation is None:
            sent = {"parameters": dict(request.query_params), "body": body}
            details = without_secrets({"path": request.scope["path"], **sent})
            await self._write_down(visitor, request, details, None)
        elif operation.changes:
            details = {"operation": operation.name, "fields": list(operation.fields)}
            await self._write_down(visitor, request, details, _only_sample(operation))
        # What was judged is what is executed: the application is handed the body as it was read here.
        await _pass_on(self._behind, request, _written(body), send)

    async def _write_down(
        self, visitor: Visitor, request: Request, details: dict[str, Any], sample: str | None
    ) -> None:
        """Enter a change in the audit log; one that cannot be entered is not done."""
        whence = {"address": request.client.host if request.client else ""}
        try:
            await run_in_threadpool(self._audit.record, visitor.person, "web mutation", sample, details | whence)
        except (OSError, GenomicsError) as error:
            raise RefusedError(503, f"nothing was done, for it cannot be entered in the audit log: {error}") from error

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        visitor = self._visitor(connection)
        if visitor is None:
            raise RefusedError(401, "a websocket without the token")
        if scope["path"] != GRAPHQL:
            raise RefusedError(404, "there is no such websocket")
        if visitor.by_cookie and "origin" not in connection.headers:
            raise RefusedError(403, "a browser says which page a websocket comes from, and this one does not")

        async def subscriptions_only() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive" or _is_subscription(message):
                return message
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "a websocket only subscribes"})
            return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}

        await self._behind(scope, subscriptions_only, send)


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _cookie_name(connection: HTTPConnection) -> str:
    """Cookies do not tell ports apart: each server on this machine has a name of its own."""
    return f"genomics_{connection.url.port or 'web'}"


def _local(path: str) -> str:
    """A path of this server, whatever was asked for: never ``//elsewhere`` or ``/\\elsewhere``."""
    parts = urlsplit(path)
    own = "/" + parts.path.replace("\\", "/").lstrip("/")
    return f"{own}?{parts.query}" if parts.query else own


def _ask_for_token(request: Request, *, followed: bool) -> Response:
    path = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    if followed:
        # A strict cookie does not come with a link from elsewhere: our own page asks again, and with it.
        return on_to(_local(path))
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return sign_in_page("This is a clinical platform; it is open to those who have its token.", path)
    raise RefusedError(401, "the token is missing, or the session has ended: open the address that make serve printed")


def _check_question(request: Request) -> None:
    """A GET asks and changes nothing."""
    if request.scope["path"] != GRAPHQL:
        return
    names = [name for name, _ in request.query_params.multi_items()]
    if len(names) != len(set(names)) or not set(names) <= _OF_A_REQUEST - {"extensions"}:
        raise RefusedError(400, "the request is none that can be read: query, variables and operationName, once each")
    query = request.query_params.get("query")
    try:
        if query is not None and not only_asks(query):
            raise RefusedError(405, "what changes anything is sent by POST")
    except UnreadableRequestError as error:
        raise RefusedError(400, str(error)) from error


def _media_type(request: Request) -> str:
    given = request.headers.getlist("content-type")
    return given[0].partition(";")[0].strip().lower() if len(given) == 1 else ""


async def _body(request: Request) -> bytes:
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > LONGEST_BODY:
            raise RefusedError(413, f"the request is longer than {LONGEST_BODY:,} bytes")
        parts.append(part)
    return b"".join(parts)


def _json(body: bytes) -> Any:
    """The value of a body, which can also be written again."""
    try:
        value = json.loads(body) if body else {}
        _written(value)
        return value
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "the request is no JSON, or nested too deeply") from error


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()


def _read_request(body: Any) -> Operation:
    """The operation of a GraphQL request; one of several in a list, or one kept elsewhere by its digest, is none."""
    if not isinstance(body, dict):
        raise RefusedError(400, "one operation a request: a list of them is not served")
    if not body.keys() <= _OF_A_REQUEST or body.get("extensions"):
        raise RefusedError(400, "an operation is sent in full: persisted ones and other extensions are not served")
    query, variables, name = body.get("query"), body.get("variables"), body.get("operationName")
    if isinstance(variables, str):
        variables = body["variables"] = _json(variables.encode())
    if not isinstance(query, str) or not isinstance(variables, dict | None) or not isinstance(name, str | None):
        raise RefusedError(400, "the request has no query, or its variables are no object")
    try:
        return read_operation(query, variables, name)
    except UnreadableRequestError as error:
        raise RefusedError(400, str(error)) from error


def _only_sample(operation: Operation) -> str | None:
    return operation.samples[0] if len(operation.samples) == 1 and SAMPLE_ID.fullmatch(operation.samples[0]) else None


async def _pass_on(behind: ASGIApp, request: Request, body: bytes, send: Send) -> None:
    """Hand a request on with this body."""
    headers = [pair for pair in request.scope["headers"] if pair[0] not in (b"content-length", b"transfer-encoding")]
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return await request.receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    own = {**request.scope, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
    await behind(own, receive, send)


def _is_subscription(message: Message) -> bool:
    """Whether a websocket's message starts nothing but a subscription, in either protocol of GraphQL."""
    try:
        said = json.loads(message.get("text") or "")
        if said.get("type") not in ("start", "subscribe"):
            return True
        return only_subscribes(said["payload"]["query"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UnreadableRequestError):
        return False


def _hardened(send: Send) -> Send:
    """Say with every answer that other sites may neither frame nor read it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HARDENING.items():
                headers[name] = value
            headers.append("Content-Security-Policy", "frame-ancestors 'self'")
        await send(message)

    return sending


async def _refuse(refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refused.reason[:100]})
        return
    told = {"errors": [{"message": f"{refused.reason[:1].upper()}{refused.reason[1:]}."}]}
    await JSONResponse(told, refused.status)(scope, receive, send)
