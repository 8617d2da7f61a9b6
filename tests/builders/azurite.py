"""Azurite, the emulator of Azure Storage (npm), on loopback with TLS and tokens, with containers for tests."""

from __future__ import annotations

import atexit
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.builders.web import free_port

PROJECT = Path(__file__).resolve().parent.parent.parent
PROGRAM = PROJECT / ".azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
ACCOUNT = "devstoreaccount1"
"""The only account of Azurite."""


def why_not() -> str | None:
    """What is missing to run it; ``None`` where it can be run."""
    if not PROGRAM.is_file():
        return "Azurite is not installed: make azurite"
    missing = [name for name in ("node", "openssl") if not shutil.which(name)]
    return f"{missing[0]} is not installed" if missing else None


class Token:
    """Who asks, as Azurite believes it: a token that nobody signed.

    Args:
        audience: the service that it is for.
        seconds: how long it holds.
    """

    def __init__(self, audience: str = "https://storage.azure.com", seconds: int = 3600) -> None:
        self._audience, self._seconds = audience, seconds
        self._clock = time.time  # as it is now: who gives tokens has a clock of their own

    def get_token(self, *_: str, **__: Any) -> Any:
        now = int(self._clock())
        tenant = "11111111-1111-1111-1111-111111111111"
        told = {"aud": self._audience, "iss": f"https://sts.windows.net/{tenant}/", "tid": tenant, "ver": "1.0"}
        told |= {"iat": now - 5, "nbf": now - 5, "exp": now + self._seconds, "sub": "test", "appid": "test"}
        parts = ({"alg": "none", "typ": "JWT"}, told, {"s": 1})
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        return SimpleNamespace(token=token, expires_on=now + self._seconds)


@dataclass(frozen=True)
class Azurite:
    """A running one.

    Attributes:
        url: of its account.
        certificate: that its TLS stands on.
    """

    url: str
    certificate: Path

    @property
    def options(self) -> dict[str, Any]:
        """For clients that are to believe its certificate, and give up at once."""
        return {"connection_verify": str(self.certificate), "retry_total": 0}

    def container(self, name: str | None = None) -> str:
        """URL of a container, made where there is none."""
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob import ContainerClient

        url = f"{self.url}/{name or uuid.uuid4().hex}"
        with suppress(ResourceExistsError):
            ContainerClient.from_container_url(url, credential=Token(), **self.options).create_container()
        return url


@cache
def azurite() -> Azurite:
    """One for all tests of this process; it ends with it."""
    folder, port = Path(tempfile.mkdtemp(prefix="azurite-")), free_port()
    certificate, key = certificate_in(folder)
    listens = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder / "data"]
    speaks = ["--oauth", "basic", "--cert", certificate, "--key", key, "--skipApiVersionCheck"]
    log = (folder / "log").open("w")
    command = ["node", PROGRAM, *listens, *speaks, "--disableTelemetry", "--silent"]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)})
    atexit.register(shutil.rmtree, folder, True)
    atexit.register(process.wait)
    atexit.register(process.terminate)
    deadline = time.monotonic() + 60
    while "successfully listen" not in (folder / "log").read_text():
        assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)
    return Azurite(f"https://127.0.0.1:{port}/{ACCOUNT}", certificate)


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address and its key, made in a folder."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key
