"""A server of Python's own on loopback under TLS, for fakes of services that have no emulator."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.builders.azurite import certificate_in


class Answers(BaseHTTPRequestHandler):
    """Answers quietly, and keeps the connection; :attr:`service` is what it answers for."""

    protocol_version = "HTTP/1.1"

    @property
    def service(self) -> Any:
        return self.server.service  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def sent(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class TlsServer(ThreadingHTTPServer):
    """A server with a certificate of its own.

    Args:
        folder: where the certificate is made.
        answers: how it answers.
    """

    service: Any = None

    def __init__(self, folder: Path, answers: type[Answers]) -> None:
        super().__init__(("127.0.0.1", 0), answers)
        self.certificate, key = certificate_in(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_port}"


@contextmanager
def answering(server: TlsServer, service: Any) -> Iterator[None]:
    """Let a server answer for a service, for as long as the block lasts."""
    server.service = service
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
