"""A proxy with TLS before Azurite, which can be told to answer as Azure's storage does when it is busy: 503."""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.builders.azurite import Azurite
from tests.builders.tls_server import Answers, TlsServer, answering

_BUSY = b'<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code><Message>busy</Message></Error>'
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


@dataclass
class BusyStorage:
    """The proxy.

    Attributes:
        there: where it sends what it lets pass.
        url: of the account, by way of it.
        certificate: that its TLS stands on.
        share: of requests that are refused: of 1 every, of 0.25 each fourth.
        refuses_first: so many requests that come next are refused.
        passes: requests that still pass before all are refused; absent where there is no such end.
        refused: how many were.
        sent, brought: bytes of bodies that passed, there and back.
    """

    there: Azurite
    url: str
    certificate: Path
    share: float = 0.0
    refuses_first: int = 0
    passes: int | None = None
    refused: int = 0
    sent: int = 0
    brought: int = 0
    _owed: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _own: threading.local = field(default_factory=threading.local)

    @property
    def options(self) -> dict[str, Any]:
        """For clients that are to believe its certificate, and give up at once."""
        return {"connection_verify": str(self.certificate), "retry_total": 0}

    def refuses(self) -> bool:
        """Whether the next request is one of those."""
        with self._lock:
            if self.passes is not None:
                self.passes -= 1
            self._owed = self._owed + self.share if self.share else 0.0
            refused = self._owed >= 1 or (self.passes is not None and self.passes < 0)
            self._owed -= self._owed >= 1
            refused = refused or self.refuses_first > 0
            self.refuses_first = max(0, self.refuses_first - 1)
            self.refused += refused
            return refused

    def passed(self, sent: int, brought: int) -> None:
        """Count what passed."""
        with self._lock:
            self.sent += sent
            self.brought += brought

    def connection(self) -> HTTPSConnection:
        """To the storage, one a thread."""
        if not hasattr(self._own, "held"):
            told = urlsplit(self.there.url)
            trusted = ssl.create_default_context(cafile=str(self.there.certificate))
            self._own.held = HTTPSConnection(str(told.hostname), told.port, context=trusted, timeout=60)
        held: HTTPSConnection = self._own.held
        return held


class _Passing(Answers):
    def __getattr__(self, name: str) -> Any:
        """Whatever the method."""
        if name.startswith("do_"):
            return self._pass
        raise AttributeError(name)

    def _pass(self) -> None:
        storage: BusyStorage = self.service
        body = self.sent()
        if storage.refuses():
            self._answer(503, {"Content-Type": "application/xml", "x-ms-error-code": "ServerBusy"}, _BUSY)
            return
        there = storage.connection()
        there.request(self.command, self.path, body, dict(self.headers.items()))
        answer = there.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_ONE_CONNECTION}
        content = answer.read()
        storage.passed(len(body), len(content))
        self._answer(answer.status, kept, content)

    def _answer(self, status: int, headers: dict[str, Any], body: bytes) -> None:
        self.send_response_only(status)
        length = headers.get("Content-Length", headers.get("content-length")) if self.command == "HEAD" else None
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def busy_storage(there: Azurite) -> Iterator[BusyStorage]:
    """The proxy, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="busy-storage-") as folder:
        server = TlsServer(Path(folder), _Passing)
        server.daemon_threads = True
        account = urlsplit(there.url).path
        storage = BusyStorage(there, f"{server.url}{account}", server.certificate)
        with answering(server, storage):
            yield storage
