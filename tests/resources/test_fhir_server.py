"""What a FHIR server is told and how long it is waited for: a server on loopback that answers as it is written down."""

import json
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import time
from typing import Any

import httpx
import pytest

from engine.errors import DeliveryError
from resources.fhir_server import FhirServer, Patience, RefusedError

JsonObject = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

ENTRY = {
    "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000000",
    "resource": {"resourceType": "Patient", "id": "p"},
    "request": {"method": "PUT", "url": "Patient/p"},
}
BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [ENTRY]}
TAKEN: Answer = (200, {}, {"resourceType": "Bundle", "entry": [{"response": {"status": "201 Created"}}]})
ABSENT: Answer = (404, {}, {"resourceType": "OperationOutcome"})


class Scripted(HTTPServer):
    """Gives the answers in their order, the last one again and again, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Clerk)
        self.answers: list[Answer] = [TAKEN]
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/fhir"


class _Clerk(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("POST")

    def _answer(self, method: str) -> None:
        self.server.asked.append((method, self.path, dict(self.headers)))
        status, headers, body = self.server.answers[0]
        self.server.answers = self.server.answers[1:] or self.server.answers
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, each time."""
    return []


@pytest.fixture
def asking(scripted: Scripted, waits: list[float]) -> Callable[..., FhirServer]:
    def made(**patience: Any) -> FhirServer:
        known = Patience(**{"attempts": 4, "first": 1.0, "longest": 60.0, "timeout": 5.0} | patience)
        return FhirServer(scripted.url, patience=known, client=httpx.Client(timeout=known.timeout), sleep=waits.append)

    return made


def test_a_transaction_says_what_it_is_and_in_which_order_it_is_to_be_worked_off(
    scripted: Scripted, asking: Callable[..., FhirServer]
) -> None:
    asking().transact(BUNDLE)
    ((method, path, headers),) = scripted.asked
    assert (method, path, headers["Content-Type"]) == ("POST", "/fhir", "application/fhir+json")
    assert headers["x-bundle-processing-logic"] == "sequential"


@pytest.mark.parametrize(("told", "least", "most"), [
    ("7", 7, 7),
    ("3600", 60, 60),
    (None, 0.5, 1.0),
    ("soon", 0.5, 1.0),
    ("0", 0.5, 1.0),
], ids=str)  # fmt: skip
def test_a_server_is_waited_for_as_long_as_it_asks_up_to_a_minute(
    told: str | None,
    least: float,
    most: float,
    scripted: Scripted,
    asking: Callable[..., FhirServer],
    waits: list[float],
) -> None:
    scripted.answers = [(429, {"Retry-After": told} if told is not None else {}, {}), TAKEN]
    asking().transact(BUNDLE)
    assert len(waits) == 1 and least <= waits[0] <= most


def test_a_date_to_wait_for_is_understood(
    scripted: Scripted, asking: Callable[..., FhirServer], waits: list[float]
) -> None:
    scripted.answers = [(503, {"Retry-After": formatdate(time() + 20, usegmt=True)}, {}), ABSENT, TAKEN]
    asking().transact(BUNDLE)
    assert 15 < waits[0] <= 20


def test_each_wait_is_twice_as_long_and_none_is_like_another(
    scripted: Scripted, asking: Callable[..., FhirServer], waits: list[float]
) -> None:
    scripted.answers = [(429, {}, {})]
    for _ in "12":
        with pytest.raises(DeliveryError, match="did not take the transaction after 4 attempts: 429"):
            asking().transact(BUNDLE)
    assert len(waits) == 6 and len(set(waits)) == 6
    for number, wait in enumerate(waits):
        assert 2 ** (number % 3) / 2 <= wait <= 2 ** (number % 3)
    assert len(scripted.asked) == 8


def test_what_was_taken_though_it_was_answered_with_an_error_is_not_sent_again(
    scripted: Scripted, asking: Callable[..., FhirServer]
) -> None:
    scripted.answers = [(500, {}, {}), (200, {}, ENTRY["resource"] | {"meta": {"versionId": "1"}})]
    asking().transact(BUNDLE)
    assert [method for method, _, _ in scripted.asked] == ["POST", "GET"]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500", "503 Service Unavailable"])
def test_an_entry_that_failed_within_an_answer_of_200_is_sent_again(
    status: str, scripted: Scripted, asking: Callable[..., FhirServer], waits: list[float]
) -> None:
    """Where the server is overloaded it took nothing; where it stumbled, it is asked for that entry before."""
    is_clear = status.startswith("429")
    scripted.answers = [
        (200, {}, {"entry": [{"response": {"status": status}}]}),
        *([] if is_clear else [ABSENT]),
        TAKEN,
    ]
    asking().transact(BUNDLE)
    assert [method for method, _, _ in scripted.asked] == (["POST", "POST"] if is_clear else ["POST", "GET", "POST"])
    assert len(waits) == 1


def test_an_entry_that_was_refused_within_an_answer_of_200_is_told_with_its_outcome(
    scripted: Scripted, asking: Callable[..., FhirServer]
) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "no such sex"}]}
    scripted.answers = [(200, {}, {"entry": [{"response": {"status": "422", "outcome": outcome}}]})]
    with pytest.raises(RefusedError, match="Patient/p: 422 no such sex") as told:
        asking().transact(BUNDLE)
    assert told.value.outcome == outcome and len(scripted.asked) == 1


@pytest.mark.parametrize("body", [{}, {"entry": []}, [], "taken", None], ids=str)
def test_an_answer_that_says_nothing_of_the_entries_is_none(
    body: Any, scripted: Scripted, asking: Callable[..., FhirServer]
) -> None:
    scripted.answers = [(200, {}, body), ABSENT, TAKEN]
    asking().transact(BUNDLE)
    assert [method for method, _, _ in scripted.asked] == ["POST", "GET", "POST"]


@pytest.mark.parametrize("body", [[], "x", None], ids=str)
def test_a_resource_of_another_shape_is_told_as_no_answer(
    body: Any, scripted: Scripted, asking: Callable[..., FhirServer]
) -> None:
    scripted.answers = [(200, {}, body)]
    with pytest.raises(DeliveryError, match="does not answer"):
        asking().find("Patient", "urn:oid:1.2.3.4", "4711")


def test_a_server_that_sends_elsewhere_is_not_followed(scripted: Scripted, asking: Callable[..., FhirServer]) -> None:
    """A redirect would carry patients' data and the token to an address that nobody named."""
    scripted.answers = [(307, {"Location": "http://127.0.0.1:9/fhir"}, {})]
    with pytest.raises(RefusedError, match="307"):
        asking().transact(BUNDLE)
