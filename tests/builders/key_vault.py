"""What Azure Key Vault answers on the wire, on loopback with TLS: secrets and RSA keys in versions, and who may ask.

No emulator could be installed here; this one speaks to the real client libraries.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.builders.azurite import Token
from tests.builders.tls_server import Answers, TlsServer, answering

AUDIENCE = "https://vault.azure.net"
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_CHALLENGE = f'Bearer authorization="https://login.microsoftonline.com/{uuid.UUID(int=1)}", resource="{AUDIENCE}"'


@dataclass
class KeyVault:
    """A running vault.

    Attributes:
        url: of the vault.
        certificate: that its TLS stands on.
        denied: names of secrets and keys that nobody may touch, and paths such as ``keys/persons/rotate``.
        asked: what was asked, such as ``POST keys/kek/unwrapkey``.
        versions: value or key, and whether it is enabled, by kind and name, oldest first, each with its version.
    """

    url: str
    certificate: Path
    denied: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    versions: dict[str, dict[str, tuple[Any, bool]]] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """For clients that are to believe its certificate, and give up at once."""
        return {"connection_verify": str(self.certificate), "retry_total": 0, "verify_challenge_resource": False}

    def key(self, name: str = "persons") -> str:
        """URL of a key, made here as an administrator makes it."""
        self.add("keys", name, rsa.generate_private_key(65537, 2048))
        return f"{self.url}/keys/{name}"

    def add(self, kind: str, name: str, value: Any) -> str:
        """Another version; its name."""
        version = uuid.uuid4().hex
        self.versions.setdefault(f"{kind}/{name}", {})[version] = (value, True)
        return version


@contextmanager
def key_vault(folder: Path) -> Iterator[KeyVault]:
    """A vault on loopback for as long as the block lasts."""
    server = TlsServer(folder, _Answers)
    vault = KeyVault(server.url, server.certificate)
    with answering(server, vault):
        yield vault


def asker() -> Token:
    """Who asks, with a token for vaults."""
    return Token(AUDIENCE)


class _Answers(Answers):
    def _answer(self) -> None:
        sent = self.sent()
        status, told = self._judged(json.loads(sent) if sent else {})
        body = json.dumps(told).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", _CHALLENGE)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _judged(self, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        vault: KeyVault = self.service
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")) if token else {}
        if claims.get("aud") != AUDIENCE or claims["exp"] < time.time():
            return _refused(401, "Unauthorized")
        path = urlparse(self.path).path.strip("/")
        vault.asked.append(f"{self.command} {path}")
        kind, name, *rest = path.split("/")
        return (
            _refused(403, "Forbidden")
            if {name, path} & vault.denied
            else _act(vault, self.command, kind, name, rest, told)
        )


def _act(
    vault: KeyVault, method: str, kind: str, name: str, rest: list[str], told: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    if method == "PUT":
        vault.add(kind, name, told["value"])
    held = vault.versions.get(f"{kind}/{name}")
    if not held:
        return _refused(404, "NotFound")
    if rest == ["rotate"]:
        vault.add(kind, name, rsa.generate_private_key(65537, 2048))
    version = rest[0] if rest and rest[0] != "rotate" else list(held)[-1]
    if version not in held:
        return _refused(404, "NotFound")
    if method == "PATCH":
        held[version] = (held[version][0], bool(told["attributes"]["enabled"]))
    if method == "DELETE":
        del vault.versions[f"{kind}/{name}"]
        return 200, {"id": f"{vault.url}/{kind}/{name}", "recoveryId": f"{vault.url}/deleted{kind}/{name}"}
    value, enabled = held[version]
    if rest[1:] and not enabled:
        return _refused(403, "Forbidden")
    whole = f"{vault.url}/{kind}/{name}/{version}"
    attributes = {"enabled": enabled, "created": 1, "updated": 1}
    if kind == "secrets":
        return 200, {"id": whole, "value": value, "attributes": attributes}
    if rest[1:] == ["unwrapkey"]:
        try:
            return 200, {"kid": whole, "value": _text(value.decrypt(_bytes(told["value"]), _OAEP))}
        except ValueError:
            return _refused(400, "BadParameter")
    public = value.public_key().public_numbers()
    numbers = {"n": _text(public.n.to_bytes(256)), "e": _text(public.e.to_bytes(3))}
    operations = ["wrapKey", "unwrapKey"]
    return 200, {"key": {"kid": whole, "kty": "RSA", "key_ops": operations, **numbers}, "attributes": attributes}


def _refused(status: int, code: str) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"code": code, "message": code}}


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
