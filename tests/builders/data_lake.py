"""What Data Lake Storage Gen2 answers on the wire, on loopback: folders, files, and access lists that are enforced.

There is no emulator of it. Lists are inherited when something is made, masked when they are judged, listings come in
pages, and a malformed list is refused, as Microsoft's documents of the REST API say ("Path - Update").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.builders.tls_server import Answers, TlsServer, answering

SERVICE = "service"
"""Who owns everything, as a role Storage Blob Data Owner makes it: no list is looked at."""
_PAGE = 3
_ENTRY = re.compile(r"(default:)?(user|group|mask|other):([\w-]*):([r-][w-][x-])")
_START = "user::rwx,group::r-x,other::---"


@dataclass
class DataLake:
    """A running one.

    Attributes:
        url: of its only container.
        options: for clients that are to believe its certificate, and give up at once.
        paths: content, absent for folders, and access list of each path.
        members: groups of each person.
        asked: what was asked.
    """

    url: str
    options: dict[str, Any]
    paths: dict[str, tuple[bytes | None, str]] = field(default_factory=lambda: {"": (None, _START)})
    members: dict[str, set[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def may(self, person: str, right: str, path: str) -> bool:
        """Whether a person has a right on a path, and may enter all that leads there."""
        if person == SERVICE:
            return True
        parents = [path.rpartition("/")[0]] if path else []
        while parents and parents[-1]:
            parents.append(parents[-1].rpartition("/")[0])
        return self._grants(person, right, path) and all(self._grants(person, "x", one) for one in parents)

    def _grants(self, person: str, right: str, path: str) -> bool:
        told = {(kind, who): rights for scope, kind, who, rights in _ENTRY.findall(self.paths[path][1]) if not scope}
        mask = told.get(("mask", ""), "rwx")
        mine = [told[key] for key in told if key[0] == "group" and key[1] in self.members.get(person, set())]
        if mine:
            return any(right in rights and right in mask for rights in mine)
        return right in told.get(("other", ""), "")

    def make(self, path: str, content: bytes | None) -> None:
        """Make a path and the folders that lead there, each with what it inherits."""
        above = path.rpartition("/")[0]
        if above not in self.paths:
            self.make(above, None)
        default = [entry for entry in self.paths[above][1].split(",") if entry.startswith("default:")]
        own = ",".join(entry.removeprefix("default:") for entry in default) or _START
        self.paths[path] = (content, ",".join([own, *(default if content is None else [])]))


class Person:
    """Who asks: the fake believes the name in the token."""

    def __init__(self, name: str = SERVICE) -> None:
        self.name = name

    def get_token(self, *_: str, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(token=self.name, expires_on=2**40)


@contextmanager
def data_lake(folder: Path) -> Iterator[DataLake]:
    """One on loopback, with TLS, for as long as the block lasts."""
    server = TlsServer(folder, _Answers)
    options = {"connection_verify": str(server.certificate), "retry_total": 0}
    lake = DataLake(f"{server.url}/account/lake", options)
    with answering(server, lake):
        yield lake


class _Answers(Answers):
    def _answer(self) -> None:
        status, headers, body = self._judged(self.sent())
        self.send_response(status)
        for name, value in {"ETag": '"0x1"', "Last-Modified": "Sun, 22 Nov 2026 16:00:00 GMT", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_PATCH = do_HEAD = do_DELETE = _answer  # noqa: N815

    def _judged(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        lake: DataLake = self.service
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        path = address.path.removeprefix("/account/lake").strip("/")
        person = self.headers.get("Authorization", "").removeprefix("Bearer ")
        lake.asked.append(f"{person} {self.command} {path} {asked.get('action', asked.get('resource', ''))}".strip())
        if asked.get("resource") == "filesystem":
            return _listed(lake, asked)
        if path not in lake.paths:
            return _refused(404, "PathNotFound")
        if asked.get("action") == "getAccessControl":
            return 200, {"x-ms-acl": lake.paths[path][1], "x-ms-owner": SERVICE, "x-ms-group": SERVICE}, b""
        if asked.get("action") == "setAccessControl":
            return self._set(lake, path, person)
        if not lake.may(person, "r", path):
            return _refused(403, "AuthorizationPermissionMismatch")
        content = lake.paths[path][0] or b""
        return 206, {"Content-Range": f"bytes 0-{max(len(content) - 1, 0)}/{len(content)}"}, content

    def _set(self, lake: DataLake, path: str, person: str) -> tuple[int, dict[str, str], bytes]:
        text = self.headers.get("x-ms-acl", "")
        if person != SERVICE:
            return _refused(403, "AuthorizationPermissionMismatch")
        entries = text.split(",")
        named = any(re.match(r"(user|group):[^:]", entry) for entry in entries)
        whole = all(_ENTRY.fullmatch(entry) for entry in entries) and len(entries) == len(set(entries))
        if not whole or "user::rwx" not in text or (named and not any(one.startswith("mask:") for one in entries)):
            return _refused(400, "InvalidAccessControlList")
        if "default:" in text and lake.paths[path][0] is not None:
            return _refused(400, "InvalidAccessControlList")
        lake.paths[path] = (lake.paths[path][0], text)
        return 200, {}, b""


def _listed(lake: DataLake, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    every = sorted(path for path in lake.paths if path)
    start = int(asked.get("continuation", 0))
    page = every[start : start + _PAGE]
    told = [{"name": path, "isDirectory": str(lake.paths[path][0] is None).lower()} for path in page]
    more = {"x-ms-continuation": str(start + _PAGE)} if start + _PAGE < len(every) else {}
    return 200, {"Content-Type": "application/json", **more}, json.dumps({"paths": told}).encode()


def _refused(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"error": {"code": code, "message": code}}).encode()
    return status, {"x-ms-error-code": code, "Content-Type": "application/json"}, body
