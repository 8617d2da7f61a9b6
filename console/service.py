"""The service of a platform elsewhere, asked over HTTPS: hand in samples, ask where one stands, end its run, fetch.

These commands need no deployment of their own: an address, and a token from ``SERVICE_TOKEN`` or a file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from console.output import plain, print_json
from engine.errors import GenomicsError
from engine.storage import storage_told

TOKEN = "SERVICE_TOKEN"
Elsewhere = Callable[[argparse.Namespace], int]
"""Carries out a command that needs no deployment; gives back the exit code."""
_PATH = "/portal/api/service"
_PART = 1 << 20
_TRIES, _LONGEST_WAIT, _TIMEOUT = 5, 60, 120.0


class ServiceError(GenomicsError):
    """The service did not do what it was asked for."""


class _NoRedirect(HTTPRedirectHandler):
    """A token goes to the server that was named, and nowhere on."""

    def redirect_request(self, *arguments: Any) -> None:
        """No request."""


@dataclass(frozen=True)
class Service:
    """A platform's service.

    Attributes:
        address: of the server: scheme, host and port.
        token: that it gave.
    """

    address: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> Service:
        """As the options name it; ServiceError where the address would show the token, or there is no token."""
        parts = urlsplit(chosen.server)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname or "")):
            raise ServiceError(
                f"{chosen.server!r} would show the token", remedy="write https://HOST, or a loopback URL"
            )
        with storage_told(chosen.token_file or TOKEN):
            kept = chosen.token_file.read_bytes().decode("ascii", "replace") if chosen.token_file else ""
        token = kept.strip() if chosen.token_file else os.environ.get(TOKEN, "")
        if not token or not token.isascii() or not token.isprintable():
            raise ServiceError("there is no token", remedy=f"set {TOKEN}, or name its file with --token-file")
        return cls(f"{parts.scheme}://{parts.netloc}", token)

    def ask(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """What the service answers as JSON, to a question or, with a body, to a wish.

        Raises:
            ServiceError: it refuses, or cannot be reached.
        """
        with self.open(path, body, headers) as answer:
            return json.loads(answer.read())

    @contextmanager
    def open(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Iterator[HTTPResponse]:
        """The answer's bytes; as :meth:`ask`."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._answer(Request(f"{self.address}{_PATH}{path}", data, sent)) as answer:
                yield answer
        except HTTPError as error:
            raise _refusal(error) from error
        except (URLError, HTTPException, ConnectionError, TimeoutError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ServiceError(
                f"{self.address} does not answer ({reason})", remedy="look at the address, and try again"
            ) from error

    def _answer(self, request: Request) -> HTTPResponse:
        """Asked again, a few times, where the service says when."""
        opener = build_opener(_NoRedirect)
        for left in reversed(range(_TRIES)):
            try:
                answer: HTTPResponse = opener.open(request, timeout=_TIMEOUT)
                return answer
            except HTTPError as error:
                wait = error.headers.get("Retry-After", "")
                if error.code != 429 or not left or not wait.isdigit():
                    raise
                time.sleep(min(int(wait), _LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")


def submit(chosen: argparse.Namespace) -> int:
    """Hand in the samples of a sheet."""
    rows = _rows(chosen.sheet)
    key = chosen.key or hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    told = Service.of(chosen).ask("/sheets", {"rows": rows}, {"Idempotency-Key": key})
    return _tell(chosen, told, f"{', '.join(told['samples'])}: handed in as {told['sheet']}")


def state(chosen: argparse.Namespace) -> int:
    """Show where a sample stands."""
    told = Service.of(chosen).ask(f"/samples/{quote(chosen.sample, safe='')}")
    words = f"{told['sample']}: {told['state']} at {told['stage']} since {told['since']}"
    return _tell(chosen, told, f"{words}; {told['why']}" if told["why"] else words)


def cancel(chosen: argparse.Namespace) -> int:
    """End a sample's run."""
    told = Service.of(chosen).ask(f"/samples/{quote(chosen.sample, safe='')}/cancel", {"reason": chosen.reason})
    return _tell(chosen, told, f"{told['sample']}: asked to end: {', '.join(told['runs'])}")


def fetch(chosen: argparse.Namespace) -> int:
    """Fetch what was made of a sample, each file compared with its digest; 1 where something asked for is withheld."""
    service, sample = Service.of(chosen), quote(chosen.sample, safe="")
    results = service.ask(f"/samples/{sample}/results")
    asked = [one for one in results if not chosen.artifact or one["artifact"] in chosen.artifact]
    missing = set(chosen.artifact) - {one["artifact"] for one in asked}
    if missing:
        raise ServiceError(f"there is no {', '.join(sorted(missing))}", sample=chosen.sample, remedy="ask its state")
    for one in asked:
        if one["withheld"]:
            print(plain(f"{one['artifact']}: not given: {one['withheld']}"))
        for file in one["files"]:
            target = chosen.folder / _relative(one["artifact"], file["name"])
            _fetch(service, f"/samples/{sample}/results/{quote(one['artifact'])}/{quote(file['name'])}", file, target)
            print(plain(f"{one['artifact']}: {target}"))
    return int(bool(chosen.artifact) and any(one["withheld"] for one in asked))


def add_to(
    submitted: argparse.ArgumentParser,
    asked: argparse.ArgumentParser,
    ended: argparse.ArgumentParser,
    fetched: argparse.ArgumentParser,
) -> None:
    """The options of the commands."""
    for sub, command in ((submitted, submit), (asked, state), (ended, cancel), (fetched, fetch)):
        sub.set_defaults(elsewhere=command)
        sub.add_argument("--server", metavar="URL", required=True, help="of the platform, https://HOST")
        sub.add_argument("--token-file", type=Path, metavar="FILE", help=f"holds the token (default: {TOKEN})")
    submitted.add_argument("sheet", type=Path, metavar="SHEET", help="CSV or TSV; the reads lie in the landing zone")
    submitted.add_argument("--key", help="of this delivery, against handing in twice (default: the sheet's digest)")
    for sub in (asked, ended, fetched):
        sub.add_argument("sample", metavar="SAMPLE", help="the sample's id")
    ended.add_argument("--reason", required=True, help="why, in a sentence")
    fetched.add_argument("--folder", type=Path, required=True, help="takes the files")
    fetched.add_argument("--artifact", action="append", default=[], help="only this one; may be given again")


def ask(chosen: argparse.Namespace) -> int:
    """Carry out a command of these; no deployment of this machine is looked at, or made."""
    command: Elsewhere = chosen.elsewhere
    return command(chosen)


def needs_none(platform: object, chosen: argparse.Namespace) -> int:
    """As :func:`ask`, for whoever has a deployment all the same."""
    return ask(chosen)


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a sheet by their columns; what they say is for the service to judge."""
    with storage_told(path):
        content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = list(csv.DictReader(io.StringIO(text), delimiter=separator, restval="", strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ServiceError(f"the sheet cannot be read ({error})", file=path, remedy="save it as CSV (UTF-8)") from error
    if not rows or any(None in row for row in rows):
        problem = "a row has more cells than there are columns" if rows else "the sheet has no rows"
        raise ServiceError(problem, file=path, remedy="save it as CSV (UTF-8) with commas")
    return rows


def _fetch(service: Service, path: str, file: Mapping[str, Any], target: Path) -> None:
    """A file, put in its place once its digest is right; ServiceError where it is not."""
    digest, part = hashlib.sha256(), target.with_name(f".{target.name}.part")
    with storage_told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with service.open(path) as answer, part.open("wb") as out:
            while piece := answer.read(_PART):
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != file["sha256"]:
            part.unlink()
            raise ServiceError("the file came otherwise than it was made", file=target, remedy="fetch it again")
        part.replace(target)


def _relative(artifact: str, name: str) -> Path:
    """Where a file goes within the folder; ServiceError where the service names a place outside."""
    path = PurePosixPath(artifact, name)
    if path.is_absolute() or ".." in path.parts or "\\" in str(path):
        raise ServiceError(f"the service names a file {str(path)!r}", remedy="ask those who keep the platform")
    return Path(path)


def _refusal(error: HTTPError) -> ServiceError:
    """What the service said; of an answer in the way, its status."""
    try:
        said = str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        said = f"the server answers {error.code}"
    return ServiceError(plain(said), remedy="mend what it says, or ask those who keep the platform")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tell(chosen: argparse.Namespace, told: object, words: str) -> int:
    if chosen.json:
        print_json(told)
    else:
        print(plain(words))
    return 0
