"""The sign-in at the deployment's provider of identities: OpenID Connect, code flow with PKCE (RFC 7636, S256).

What the provider says is taken only from an id token that its keys signed, for this client, with the nonce of this
sign-in, and a sign-in is finished only by the browser that began it. Needs PyJWT (extra ``oidc``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from engine.errors import GenomicsError, ToolError
from portal.clinic.access import Provider
from portal.clinic.admission import ROOT, RefusalError, cookie_name
from portal.clinic.entrance import let_in, local, origin_of, require_patience, write_refusal
from portal.clinic.house import House
from resources.teams import AccessError

router = APIRouter(prefix=ROOT, include_in_schema=False)
BACK = f"{ROOT}/oidc/back"
"""Where the provider sends a browser back to; it has to know the address."""
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_PATIENCE_SECONDS, _LASTS_SECONDS, _MOST_BEGUN, _KEPT_SECONDS = 10.0, 600.0, 1_000, 3_600.0
_LEEWAY_SECONDS = 60
_CLAIMS = ("exp", "iat", "iss", "aud", "sub", "nonce")


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun.

    Attributes:
        verifier: what proves to the provider that who asks for the token began the sign-in.
        nonce: what the id token has to bear.
        to: where the person wanted to be.
        when: time, in seconds.
    """

    verifier: str
    nonce: str
    to: str
    when: float


class SignIns:
    """The sign-ins that have begun on this server, by state, and what its provider says of itself."""

    def __init__(self) -> None:
        self._begun: dict[str, Begun] = {}
        self._lock = threading.Lock()
        self._told: dict[str, Any] = {}
        self._asked = 0.0

    def begin(self, to: str) -> tuple[str, Begun]:
        """A new one with its state."""
        state, now = secrets.token_urlsafe(32), time.time()
        begun = Begun(secrets.token_urlsafe(48), secrets.token_urlsafe(32), to, now)
        with self._lock:
            lasting = {key: one for key, one in self._begun.items() if now - one.when < _LASTS_SECONDS}
            self._begun = dict(list(lasting.items())[-_MOST_BEGUN:]) | {state: begun}
        return state, begun

    def finish(self, state: str) -> Begun | None:
        """The one of that state, once; absent where there is none, or it began too long ago."""
        with self._lock:
            begun = self._begun.pop(state, None)
        return begun if begun and time.time() - begun.when < _LASTS_SECONDS else None

    def told_by(self, provider: Provider) -> dict[str, Any]:
        """What the provider says of itself, asked once an hour (OpenID Connect Discovery 1.0, section 4).

        Raises:
            AccessError: it cannot be reached, or is another than the one that was named.
        """
        if not self._told or time.monotonic() - self._asked > _KEPT_SECONDS:
            told = _json(httpx.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=_PATIENCE_SECONDS))
            if str(told.get("issuer", "")).rstrip("/") != provider.issuer:
                raise AccessError(
                    f"the provider calls itself {told.get('issuer')!r}, not {provider.issuer!r}",
                    remedy="name its issuer in the file of GENOMICS_PORTAL_ACCESS as it does itself",
                )
            self._told, self._asked = told, time.monotonic()
        return self._told


_sign_ins = SignIns()


@router.get("/oidc/start")
def start(request: Request, to: str = "") -> Response:
    """To the provider."""
    provider, settings = _provider(request)
    require_patience(request)
    told = _asked(lambda: _sign_ins.told_by(provider))
    state, begun = _sign_ins.begin(local(to))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": origin_of(request, settings) + BACK,
        "scope": provider.scope,
        "state": state,
        "nonce": begun.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    response = RedirectResponse(f"{told['authorization_endpoint']}?{urlencode(asked)}", 303)
    # Lax: it has to come along when the provider sends the browser back, which a strict one would not.
    response.set_cookie(
        _cookie(request),
        state,
        max_age=int(_LASTS_SECONDS),
        path=BACK,
        httponly=True,
        samesite="lax",
        secure=origin_of(request, settings).startswith("https:"),
    )
    return response


@router.get("/oidc/back")
def back(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """From the provider: take its word, and let the person in."""
    provider, settings = _provider(request)
    require_patience(request)
    if not state or not hmac.compare_digest(request.cookies.get(_cookie(request), "").encode(), state.encode()):
        raise RefusalError(403, "this browser has not begun the sign-in: begin again")
    begun = _sign_ins.finish(state)
    if begun is None:
        raise RefusalError(403, "the sign-in began too long ago: begin again")
    if error or not code:
        raise RefusalError(403, f"the provider did not sign you in ({error or 'no code'})")
    house: House = request.app.state.house
    claims = _asked(lambda: _claims(provider, begun, code, origin_of(request, settings) + BACK))
    name = str(claims.get(provider.name_claim) or claims["sub"])
    try:
        groups = claims.get(provider.groups_claim)
        if not isinstance(groups, list):
            raise AccessError(
                f"the provider says nothing of the groups of {name}",
                remedy=f"let it put the claim {provider.groups_claim!r} into the id token",
            )
        person = house.access.person(_printable(name), [str(group) for group in groups])
    except AccessError as refused:
        write_refusal(request, _printable(name), refused.problem)
        raise RefusalError(403, f"{refused.problem}: {refused.remedy}") from refused
    response = let_in(request, person, provider.issuer, begun.to)
    response.delete_cookie(_cookie(request), path=BACK)
    return response


def _claims(provider: Provider, begun: Begun, code: str, redirect: str) -> dict[str, Any]:
    """What the provider says of the person, in an id token that is its own, for us, and of this sign-in."""
    told = _sign_ins.told_by(provider)
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "client_id": provider.client_id,
        "code_verifier": begun.verifier,
    }
    if provider.client_secret_file:
        asked["client_secret"] = provider.client_secret_file.read_text().strip()
    answer = _json(httpx.post(told["token_endpoint"], data=asked, timeout=_PATIENCE_SECONDS))
    keys = _json(httpx.get(told["jwks_uri"], timeout=_PATIENCE_SECONDS))
    return read_id_token(str(answer.get("id_token", "")), keys, provider, str(told["issuer"]), begun.nonce)


def read_id_token(token: str, keys: dict[str, Any], provider: Provider, issuer: str, nonce: str) -> dict[str, Any]:
    """The claims of an id token (OpenID Connect Core 1.0, section 3.1.3.7).

    Raises:
        AccessError: it is not signed by one of the keys, or not for this client, too old, or of another sign-in.
        ToolError: PyJWT is not installed.
    """
    try:
        import jwt
    except ImportError as error:
        raise ToolError(
            "the sign-in needs PyJWT", remedy="install the extra oidc (pip install genomics-assets[oidc])"
        ) from error
    try:
        header = jwt.get_unverified_header(token)
        known = [one for one in jwt.PyJWKSet.from_dict(keys).keys if header.get("kid") in (None, one.key_id)]
        claims: dict[str, Any] = jwt.decode(
            token,
            known[0],
            algorithms=list(_ALGORITHMS),
            audience=provider.client_id,
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_CLAIMS)},
        )
    except (jwt.PyJWTError, IndexError) as error:
        raise _not_ours(str(error) or "no key of the provider's has signed it") from error
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise _not_ours("it is of another sign-in")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise _not_ours("it was made for another client")
    return claims


def _asked(ask: Any) -> Any:
    """The answer of the provider; RefusalError where it cannot be had."""
    try:
        return ask()
    except (httpx.HTTPError, OSError) as error:
        raise RefusalError(502, f"the provider of identities does not answer: {type(error).__name__}") from error
    except GenomicsError as error:
        raise RefusalError(502, f"{error.problem}: {error.remedy}") from error


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code != 200:
        raise AccessError(
            f"the provider of identities answers {answer.status_code} at {answer.url.path}",
            remedy="compare the client's id, secret and address of return at the provider",
        )
    try:
        told: dict[str, Any] = answer.json()
    except ValueError as error:
        raise AccessError("the provider of identities answers no JSON", remedy="look at its issuer") from error
    return told


def _provider(request: Request) -> tuple[Provider, Any]:
    house: House = request.app.state.house
    if house.access.provider is None:
        raise RefusalError(404, "no provider of identities is named")
    return house.access.provider, house.platform.settings


def _cookie(request: Request) -> str:
    return f"{cookie_name(request)}_begun"


def _printable(name: str) -> str:
    from portal.sessions import printable

    return printable(name)


def _not_ours(why: str) -> AccessError:
    return AccessError(f"the provider's word cannot be taken: {why}", remedy="sign in again")
