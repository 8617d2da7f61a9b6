"""Requests as no browser or library writes them, sent byte by byte to the listening door."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.builders.web import MARK, WIPE, Web, free_port, listening, web_of

LITERAL = WIPE.replace("($key: [String!]!)", "").replace("$key", f'["{MARK}"]')
"""The change that wipes the record, in one word: its variables in it."""
BODY = json.dumps({"query": LITERAL}).encode()


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, int]]:
    port = free_port()
    with web_of(tmp_path_factory.mktemp("web"), port) as web, listening(web.door, port):
        yield web, port


def send(port: int, request: bytes) -> bytes:
    """Send bytes and take what is answered, until the server hangs up or says nothing more."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        answered = b""
        connection.settimeout(1)
        try:
            while part := connection.recv(65536):
                answered += part
        except (TimeoutError, ConnectionResetError):
            pass
        return answered


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode() + body


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x;x=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_change_in_chunks_is_read_whole_judged_and_written_down(listener: tuple[Web, int]) -> None:
    web, port = listener
    web.record()
    web.forget()
    own = (f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {web.token}", "Content-Type: application/json")
    answered = send(
        port,
        request("POST /graphql HTTP/1.1", *own, "Transfer-Encoding: chunked", "Connection: close", body=chunked(BODY)),
    )
    assert answered.startswith(b"HTTP/1.1 200") and b"AssetWipeSuccess" in answered
    assert [entry.event.details["operation"] for entry in web.mutations()] == ["Wipe"] and web.is_wiped


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        ("POST /graphql HTTP/1.1", ("Host: {own}", "Host: evil.example"), BODY),
        ("POST http://evil.example/graphql HTTP/1.1", ("Host: evil.example",), BODY),
        ("POST /graphql HTTP/1.0", (), BODY),
        ("POST /graphql HTTP/1.1", ("Host: {own}", "Origin: null"), BODY),
        ("POST /graphql HTTP/1.1", ("Host: {own}", "Origin: http://{own}", "Origin: http://evil.example"), BODY),
        ("POST /graphql HTTP/1.1", ("Host: evil.example", "X-Forwarded-Host: {own}"), BODY),
        ("POST /graphql HTTP/1.1", ("Host: {own}", "Content-Type: text/plain"), BODY),
        ("POST /graphql HTTP/1.1", ("Host: {own}", "X-HTTP-Method-Override: GET", "Sec-Fetch-Site: cross-site"), BODY),
        ("GET /graphql HTTP/1.1", ("Host: {own}", "X-HTTP-Method-Override: POST"), BODY),
        ("GET /graphql?query={get} HTTP/1.1", ("Host: {own}",), b""),
        ("GET /graphql/?query={get} HTTP/1.1", ("Host: {own}",), b""),
        ("GET //graphql?query={get} HTTP/1.1", ("Host: {own}",), b""),
        ("GET /graphql%2f?query={get} HTTP/1.1", ("Host: {own}",), b""),
        ("GET /graphql;x?query={get} HTTP/1.1", ("Host: {own}",), b""),
        ("GET /assets/../graphql?query={get} HTTP/1.1", ("Host: {own}",), b""),
        ("GET /gr%61phql?query={get} HTTP/1.1", ("Host: {own}",), b""),
    ],
)
def test_what_is_written_oddly_changes_nothing(
    listener: tuple[Web, int], line: str, headers: tuple[str, ...], body: bytes
) -> None:
    web, port = listener
    web.record()
    web.forget()
    get = "".join(f"%{byte:02x}" for byte in LITERAL.encode())
    said = [each.format(own=f"127.0.0.1:{port}") for each in headers]
    if not any(each.startswith("Content-Type") for each in said):
        said.append("Content-Type: application/json")
    sent = [*said, f"Authorization: Bearer {web.token}", f"Content-Length: {len(body)}", "Connection: close"]
    answered = send(port, request(line.format(get=get), *sent, body=body))
    assert b"AssetWipeSuccess" not in answered and not web.is_wiped and not web.mutations(), answered[:300]
