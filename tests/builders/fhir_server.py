"""FHIR servers on loopback: a real one (``sekmet-fhir``), and a proxy before it that does what networks do."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, SO_LINGER, SOL_SOCKET
from typing import Any

import httpx

from demo.hospital import free_port, serving

JsonObject = dict[str, Any]


sekmet = serving
"""A FHIR R4 server that keeps everything in a folder, as the demo starts it."""
HAPI = Path(__file__).parent.parent.parent / ".hapi"
"""Where ``make hapi`` puts a HAPI FHIR server."""


@contextmanager
def hapi(folder: Path) -> Iterator[str]:
    """The base URL of a HAPI FHIR JPA server that keeps everything in memory; a minute passes until it answers."""
    port = free_port()
    java = [
        "java",
        "-Xmx1g",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{HAPI / 'classes'}:{HAPI / 'lib'}/*",
        "Main",
        str(port),
    ]
    with (folder / "hapi.log").open("wb") as log, subprocess.Popen(java, cwd=folder, stdout=log, stderr=log) as server:
        url = f"http://127.0.0.1:{port}/fhir"
        until = time.monotonic() + 170
        while not _answers(url):
            assert server.poll() is None and time.monotonic() < until, (folder / "hapi.log").read_text()[-2000:]
            time.sleep(1)
        yield url
        server.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/metadata", timeout=20).status_code == 200
    except httpx.HTTPError:
        return False


FAULTS = (
    *("429", "429 with a wait", "500", "503", "503 with a date", "slow", "cut"),
    *("cut after commit", "cut within the answer", "503 after commit", "slow after commit"),
    *("429 inside", "503 inside", "503 inside after commit", "late"),
)
"""What may happen to a request: an answer in the server's place, a wait, a cut, before or after the server took it;
``inside`` an answer of 200 for a bundle, entries that were not taken, all of them or the last; ``late`` a cut, after
which the bundle reaches the server all the same, when nobody waits for it any more."""


@dataclass
class Faults:
    """What a proxy does to transactions.

    Attributes:
        share: of requests that something happens to.
        kinds: what may happen, of :data:`FAULTS`.
        seed: of the chance.
        slow: seconds that a slow answer takes, and that what is late is late.
        in_a_row: after so many one request passes, so that no chance outlasts a patience of more attempts.
        happened: how often what happened.
        under_way: requests that the proxy has not done with.
    """

    share: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    seed: int = 1
    slow: float = 0.3
    in_a_row: int = 6
    happened: Counter[str] = field(default_factory=Counter)
    under_way: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self._run = 0

    def next(self, *, is_bundle: bool) -> str:
        """What happens to the next request; nothing where it is empty."""
        with self._lock:
            of_it = [one for one in self.kinds if is_bundle or not ("inside" in one or one == "late")]
            if not of_it:
                return ""
            if self._random.random() >= self.share or self._run >= self.in_a_row:
                self._run = 0
                return ""
            kind = self._random.choice(of_it)
            self._run += 1
            self.happened[kind] += 1
            return kind

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count a request that the proxy has to do with, whether or not anybody waits for its answer any more."""
        with self._lock:
            self.under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1

    def settle(self) -> None:
        """Wait until what was sent has arrived, or will not any more."""
        while self.under_way:
            time.sleep(0.02)


def _outcome(code: str) -> JsonObject:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code}]}


def _response(statuses: Iterable[str]) -> JsonObject:
    entries = [{"response": {"status": status}} for status in statuses]
    return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}


class _Listener(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever gave up and went is not told of: that is what some faults are for."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def faulty(server: str, faults: Faults) -> Iterator[str]:
    """The base URL of a proxy before a FHIR server."""
    client = httpx.Client(timeout=30)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._forward(None)

        def do_POST(self) -> None:
            self._forward(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _forward(self, body: bytes | None) -> None:
            with faults.watched():
                self._treat(body, faults.next(is_bundle=body is not None))

        def _treat(self, body: bytes | None, kind: str) -> None:
            status, _, more = kind.partition(" ")
            if kind == "cut":
                self._cut()
            elif kind in ("429 inside", "503 inside"):
                self._answer(200, _response([status] * len(json.loads(body or b"")["entry"])))
            elif status.isdigit() and "commit" not in kind:
                later = {"with a wait": "1", "with a date": formatdate(time.time() + 1, usegmt=True)}.get(more)
                self._answer(int(status), _outcome("throttled"), later)
            else:
                if kind == "late":
                    self.connection.shutdown(SHUT_RDWR)
                    self.close_connection = True
                if kind in ("slow", "late"):
                    time.sleep(faults.slow)
                self._pass_on(body, kind)

        def _pass_on(self, body: bytes | None, kind: str) -> None:
            address = server + self.path.removeprefix("/fhir")
            headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
            answer = client.request(self.command, address, content=body, headers=headers)
            told = answer.json()
            if kind == "late":
                return
            if kind == "cut after commit":
                self._cut()
            elif kind == "503 after commit":
                self._answer(503, _outcome("timeout"))
            elif kind == "503 inside after commit" and answer.status_code == 200:
                self._answer(200, _response([*["200"] * (len(told["entry"]) - 1), "503"]))
            else:
                if kind == "slow after commit":
                    time.sleep(faults.slow)
                self._answer(answer.status_code, told, is_cut=kind == "cut within the answer")

        def _answer(
            self, status: int, body: JsonObject, retry_after: str | None = None, *, is_cut: bool = False
        ) -> None:
            content = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(content)))
                if retry_after is not None:
                    self.send_header("Retry-After", retry_after)
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if is_cut else content)
                if is_cut:
                    self._cut()
            except OSError:
                self.close_connection = True  # whoever asked has gone: that is what the fault was for

        def _cut(self) -> None:
            self.connection.setsockopt(SOL_SOCKET, SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True
            self.connection.close()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                self.close_connection = True

    listener = _Listener(("127.0.0.1", 0), Proxy)
    listener.daemon_threads = True
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}/fhir"
    listener.shutdown()
    listener.server_close()
    client.close()
