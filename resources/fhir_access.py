"""How a FHIR server is let know who asks: nothing on loopback, OAuth2 client credentials, Entra ID, SMART.

A laboratory says it in a YAML file, named by ``GENOMICS_FHIR_ACCESS``; secrets lie in files of their own that it names,
and are in no message and no log.
"""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.errors import DeliveryError
from resources.access_file import DELIVER, read_access_file, unusable

if TYPE_CHECKING:
    import httpx

KINDS = ("none", "client-credentials", "entra", "smart")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FILE = ("GENOMICS_FHIR_ACCESS", "docs/fhir.md")
_MARGIN = 60.0
_LIFETIME = 240
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class FhirAccess:
    """What a laboratory says of the hospital's FHIR server.

    Attributes:
        access: one of :data:`KINDS`.
        token_url: where tokens are given, for ``client-credentials`` and ``smart``.
        client: as the server knows this platform.
        secret_file: file with the client's secret; of ``smart`` its private key in PEM.
        key_id: of the private key, for ``smart``.
        scope: what is asked for.
        known_patients: whether only patients whom the hospital has already are reported on; otherwise one whom it does
            not have is sent along.
        order_system: system of the hospital's order numbers; without it orders are found by the laboratory's.
        most_entries: of one transaction; one of them is the mark beside the report.
        marks: whether a mark (a Basic) lies beside each report, by which transactions that come late are refused.
        deliver: ``signed``: only signed reports are delivered; ``unsigned``: preliminary ones too.
    """

    access: str = "none"
    token_url: str | None = None
    client: str | None = None
    secret_file: Path | None = field(default=None, repr=False)
    key_id: str | None = None
    scope: str = "system/*.cruds"
    known_patients: bool = False
    order_system: str | None = None
    most_entries: int = 500
    marks: bool = True
    deliver: str = "signed"


def read_access(path: Path | None) -> FhirAccess:
    """What the file says; the defaults where there is none.

    Raises:
        DeliveryError: it is not readable, or says something that is none of its fields.
    """
    access = read_access_file(path, FhirAccess, *_FILE)
    if path is not None:
        _check(path, access)
    return access


def _check(path: Path, access: FhirAccess) -> None:
    if access.access not in KINDS:
        raise _unusable(path, f"access is {access.access!r}; it may be {', '.join(KINDS)}")
    if access.deliver not in DELIVER:
        raise _unusable(path, f"deliver is {access.deliver!r}; it may be {', '.join(DELIVER)}")
    if not isinstance(access.most_entries, int) or access.most_entries < 3:
        raise _unusable(path, f"most_entries is {access.most_entries!r}; it has to be a number above 2")
    if not isinstance(access.marks, bool):
        raise _unusable(path, f"marks is {access.marks!r}; it may be true, false")
    if access.access in ("client-credentials", "smart"):
        lacking = [name for name in ("token_url", "client", "secret_file") if getattr(access, name) is None]
        if lacking:
            raise _unusable(path, f"access {access.access} needs {', '.join(lacking)}")


def _unusable(path: Path, problem: str) -> DeliveryError:
    return unusable(path, problem, *_FILE)


class Authorization(ABC):
    """Gives the headers that a request bears."""

    @abstractmethod
    def headers(self, *, anew: bool = False) -> dict[str, str]:
        """Headers; with ``anew`` what was given before is not used again."""


class NoAuthorization(Authorization):
    """None is needed: on loopback only."""

    def headers(self, *, anew: bool = False) -> dict[str, str]:
        """None."""
        return {}


class BearerToken(Authorization):
    """A token that is asked for when there is none, or the one there is ends soon.

    Args:
        ask: gives a token and how many seconds it lasts.
        clock: monotonic seconds.
    """

    def __init__(self, ask: Callable[[], tuple[str, float]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._token, self._until = "", 0.0

    def headers(self, *, anew: bool = False) -> dict[str, str]:
        """The token; asked for anew where it has ended, or is said not to do."""
        if anew or self._clock() >= self._until:
            self._token, lasts = self._ask()
            self._until = self._clock() + max(lasts - _MARGIN, lasts / 2)
        return {"Authorization": f"Bearer {self._token}"}


def authorization(access: FhirAccess, url: str, client: httpx.Client) -> Authorization:
    """What the access asks for.

    Raises:
        DeliveryError: a server elsewhere is to be asked without TLS or without authorization, or a package that is
            needed is not installed.
    """
    place = urlsplit(url)
    if place.hostname not in LOOPBACK:
        if place.scheme != "https":
            raise DeliveryError(f"{url} is not https", remedy="patients' data leaves this machine by https only")
        if access.access == "none":
            raise DeliveryError(
                f"{url} is to be asked without authorization, which is for loopback only",
                remedy="name a file with GENOMICS_FHIR_ACCESS (docs/fhir.md)",
            )
    if access.access == "client-credentials":
        return BearerToken(lambda: client_credentials(access, client))
    if access.access == "smart":
        return BearerToken(lambda: _backend_services(access, client))
    return BearerToken(_entra(url)) if access.access == "entra" else NoAuthorization()


def client_credentials(access: FhirAccess, client: httpx.Client) -> tuple[str, float]:
    """A token for the client's id and secret, and how many seconds it lasts; DeliveryError where none is given."""
    form = {"grant_type": "client_credentials", "scope": access.scope}
    return _token(client, access, form, (str(access.client), _secret(access)))


def _backend_services(access: FhirAccess, client: httpx.Client) -> tuple[str, float]:
    """SMART Backend Services: the client signs who it is (RFC 7523)."""
    try:
        import jwt
    except ImportError as error:
        raise DeliveryError("access smart needs PyJWT", remedy="install genomics-assets[smart]") from error
    now = int(time.time())
    told = {"iss": access.client, "sub": access.client, "aud": access.token_url, "jti": str(uuid.uuid4())}
    headers = {"kid": access.key_id} if access.key_id else {}
    try:
        signed = jwt.encode(told | {"iat": now, "exp": now + _LIFETIME}, _secret(access), "RS384", headers)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise DeliveryError(
            "the private key cannot be used", file=access.secret_file, remedy="give an RSA key in PEM"
        ) from error
    form = {"grant_type": "client_credentials", "scope": access.scope}
    return _token(client, access, form | {"client_assertion_type": _ASSERTION, "client_assertion": signed}, None)


def _entra(url: str) -> Callable[[], tuple[str, float]]:
    try:
        credential: Any = import_module("azure.identity").DefaultAzureCredential()
        refused: type[Exception] = import_module("azure.core.exceptions").AzureError
    except ImportError as error:
        raise DeliveryError("access entra needs azure-identity", remedy="install genomics-assets[azure]") from error
    place = urlsplit(url)

    def ask() -> tuple[str, float]:
        try:
            given = credential.get_token(f"{place.scheme}://{place.netloc}/.default")
        except refused as error:
            raise DeliveryError(
                f"no token from Entra ID for {place.scheme}://{place.netloc}: {type(error).__name__}",
                remedy="see that the machine has an identity or AZURE_CLIENT_ID and its kin are set (docs/fhir.md)",
            ) from error
        return str(given.token), float(given.expires_on - time.time())

    return ask


def _token(
    client: httpx.Client, access: FhirAccess, form: dict[str, str], basic: tuple[str, str] | None
) -> tuple[str, float]:
    import httpx

    try:
        answer = client.post(str(access.token_url), data=form, auth=basic or httpx.USE_CLIENT_DEFAULT)
        told = answer.json() if answer.status_code == 200 else {}
        lasts = float(told.get("expires_in", 300)) if isinstance(told, dict) else 0.0
    except (httpx.HTTPError, TypeError, ValueError) as error:
        raise DeliveryError(
            f"no token from {access.token_url}: {type(error).__name__}", remedy="see whether that server answers"
        ) from error
    if not isinstance(told, dict) or "access_token" not in told:
        raise DeliveryError(
            f"no token from {access.token_url}: it answered {answer.status_code}",
            remedy="check client, secret and scope in the file that says how it is reached",
        )
    return str(told["access_token"]), lasts


def _secret(access: FhirAccess) -> str:
    try:
        return Path(str(access.secret_file)).read_text().strip()
    except OSError as error:
        raise DeliveryError(
            f"the secret cannot be read ({error.strerror})", file=access.secret_file, remedy="check who may read it"
        ) from error
