"""A hospital's FHIR server: transactions that arrive once, whatever the network and the server do meanwhile.

What is sent is written with PUT under ids of ours, so that sending again does no harm; after a fault that leaves open
whether the server took it, the server is asked first. What takes the place of something on the server is sent for the
version that was seen there (If-Match): a transaction that was given up and comes late changes nothing any more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.errors import DeliveryError
from engine.fhir.transactions import with_references
from engine.fhir.validation.matching import contains
from resources.fhir_access import Authorization, NoAuthorization

if TYPE_CHECKING:
    import httpx

JsonObject = dict[str, Any]

_FHIR = "application/fhir+json"
_HEADERS = {
    "Accept": _FHIR,
    "Content-Type": _FHIR,
    "Prefer": "return=minimal",
    "x-bundle-processing-logic": "sequential",  # Azure's: entries one after the other, as they are written
}
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_OVERTAKEN = ("409", "412")
"""What servers answer where a resource has another version than the transaction is for."""
_MOST_ISSUES = 5


class RefusedError(DeliveryError):
    """The server will not take what was sent, however often.

    Attributes:
        outcome: the server's OperationOutcome, as far as it sent one.
    """

    outcome: JsonObject


class OvertakenError(DeliveryError):
    """Something else lies there than was seen.

    Attributes:
        place: where.
    """

    place: str


@dataclass(frozen=True)
class Patience:
    """How long to go on.

    Attributes:
        attempts: times that something is sent.
        first: seconds to wait after the first; doubled each time.
        longest: seconds to wait at most, even where the server asks for more.
        timeout: seconds in which the server has to answer.
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 60.0
    timeout: float = 60.0


@dataclass(frozen=True)
class Seen:
    """A resource as it was seen on a server.

    Attributes:
        place: on the server.
        version: the server's number of it.
        says: its content, without what the server adds.
    """

    place: str
    version: str
    says: JsonObject


class FhirServer:
    """One server.

    Args:
        url: its base.
        access: what requests bear.
        patience: how long to go on.
        client: speaks HTTP; one of its own where absent.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        url: str,
        access: Authorization | None = None,
        patience: Patience | None = None,
        *,
        client: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._access, self._patience = access or NoAuthorization(), patience or Patience()
        self._client = client or _own_client(self._patience)
        self._sleep = sleep
        self.sent = 0
        self.retried = 0

    def transact(self, bundle: JsonObject, *seen: Seen) -> None:
        """Have the server take a transaction.

        Args:
            bundle: the transaction.
            seen: what resources of it take the place of; where something else has taken one since, the server must
                refuse.

        Raises:
            RefusedError: it will not.
            OvertakenError: something else lies there than was seen.
            DeliveryError: it could not be reached, or was not able to, as long as patience lasted.
        """
        from httpx import RequestError

        problem = "nothing was sent"
        for attempt in range(self._patience.attempts):
            wait: float | None = None
            open_ = [bundle["entry"][-1]]
            try:
                answer = self._send(_for_versions(bundle, seen))
                problem, wait, open_ = self._judged(bundle, answer, is_guarded=bool(seen))
            except RequestError as error:
                problem = f"{type(error).__name__}: {error}"
            if not problem:
                return
            self._wait(attempt, wait)
            if open_ and self._have_arrived(bundle, open_):
                return
            if problem[:3] in _OVERTAKEN:
                seen = tuple(map(self.still, seen))
        raise DeliveryError(
            f"{self.url} did not take the transaction after {self._patience.attempts} attempts: {problem}",
            remedy="see whether the server answers, then run genomics deliver again: nothing is sent twice",
        )

    def look(self, place: str) -> Seen | None:
        """What lies at a place, absent where nothing does; DeliveryError where the server does not say."""
        found = self.get(place)
        if found is None:
            return None
        return Seen(place, str(found.get("meta", {}).get("versionId", "")), content_of(found))

    def still(self, seen: Seen) -> Seen:
        """The same as it lies there now, whatever its number; OvertakenError where something else does."""
        now = self.look(seen.place)
        if now is not None and now.says == seen.says:
            return now
        there = f"version {now.version}" if now else "nothing"
        error = OvertakenError(
            f"{self.url}/{seen.place} was version {seen.version} when it was looked at, and is {there} now: something "
            "else was written there meanwhile, and nothing of this",
            remedy="see what lies there; then run genomics deliver again, which sends what holds now",
        )
        error.place = seen.place
        raise error

    def find(self, kind: str, system: str, value: str) -> str | None:
        """The place of the resource with an identifier, absent where there is none.

        Raises:
            DeliveryError: there are several, or the server does not answer.
        """
        token = quote(f"{system}|{value}", safe="")
        told = self.get(f"{kind}?identifier={token}&_elements=id&_count=2") or {}
        found = [
            one["resource"]["id"]
            for one in told.get("entry", [])
            if one.get("search", {}).get("mode", "match") == "match" and one.get("resource", {}).get("id")
        ]
        if len(found) > 1:
            raise DeliveryError(
                f"{self.url} has several resources {kind} with the identifier {value!r} of {system}",
                remedy="have the hospital merge them: a report is not filed under a guess",
            )
        return f"{kind}/{found[0]}" if found else None

    def get(self, path: str) -> JsonObject | None:
        """What lies at a path below the base, absent where nothing does.

        Raises:
            DeliveryError: the server does not say.
        """
        from httpx import RequestError

        problem = ""
        for attempt in range(self._patience.attempts):
            wait: float | None = None
            try:
                answer = self._request("GET", path)
                if answer.status_code in (404, 410):
                    return None
                if answer.status_code == 200:
                    return _read(answer)
                problem, wait = f"{answer.status_code} {_said(_outcome(answer))}", _retry_after(answer)
                if answer.status_code not in _AGAIN:
                    break
            except (RequestError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            self._wait(attempt, wait)
        raise DeliveryError(f"{self.url} does not answer: {problem}", remedy="see whether the server is there")

    def _send(self, bundle: JsonObject) -> httpx.Response:
        self.sent += 1
        return self._request("POST", "", bundle)

    def _request(self, method: str, path: str, body: JsonObject | None = None) -> httpx.Response:
        answer = self._once(method, path, body, anew=False)
        return self._once(method, path, body, anew=True) if answer.status_code == 401 else answer

    def _once(self, method: str, path: str, body: JsonObject | None, *, anew: bool) -> httpx.Response:
        address = f"{self.url}/{path}" if path else self.url
        return self._client.request(method, address, json=body, headers=_HEADERS | self._access.headers(anew=anew))

    def _judged(
        self, bundle: JsonObject, answer: httpx.Response, *, is_guarded: bool
    ) -> tuple[str, float | None, list[JsonObject]]:
        """What stands against a transaction's having arrived, how long to wait, and entries that show if it did.

        A bundle that was answered with 200 may hold entries that were not: each says so itself. None shows it where
        it surely did not arrive.
        """
        wait, last = _retry_after(answer), bundle["entry"][-1:]
        again = _AGAIN | {412} if is_guarded else _AGAIN
        if answer.status_code in again:
            open_ = [] if answer.status_code == 429 else last
            return f"{answer.status_code} {_said(_outcome(answer))}".strip(), wait, open_
        if answer.status_code >= 300:
            raise self._refusal(f"{answer.status_code}", _outcome(answer))
        statuses = [str(one.get("response", {}).get("status", "")) for one in _outcome(answer).get("entry", [])]
        if len(statuses) != len(bundle["entry"]):
            return f"answered for {len(statuses)} of {len(bundle['entry'])} entries", wait, last
        failed = [number for number, status in enumerate(statuses) if not status.startswith("2")]
        if not failed:
            return "", None, []
        if all(_number(statuses[number]) in again for number in failed):
            open_ = [] if all(_number(statuses[one]) == 429 for one in failed) else [bundle["entry"][n] for n in failed]
            return f"{statuses[failed[0]]} was answered for {len(failed)} entries", wait, open_
        number = next(one for one in failed if _number(statuses[one]) not in again)
        outcome = _outcome(answer)["entry"][number]["response"].get("outcome", {})
        raise self._refusal(f"{bundle['entry'][number]['request']['url']}: {statuses[number]}", outcome)

    def _refusal(self, status: str, outcome: JsonObject) -> RefusedError:
        error = RefusedError(
            f"{self.url} refused the transaction: {status} {_said(outcome)}".strip(),
            remedy="mend what the server names, then run genomics deliver again",
        )
        error.outcome = outcome
        return error

    def _have_arrived(self, bundle: JsonObject, entries: list[JsonObject]) -> bool:
        """Whether the server has resources of a transaction as they were sent.

        Of one that is taken whole or not at all the last one shows it; where the server said which it did not take,
        those do.
        """
        places = {one["fullUrl"]: one["request"]["url"] for one in bundle["entry"]}
        try:
            return all(self._has(one, places) for one in entries)
        except DeliveryError:
            return False

    def _has(self, entry: JsonObject, places: Mapping[str, str]) -> bool:
        found = self.get(entry["request"]["url"])
        sent = with_references(entry["resource"], lambda name: places.get(name, name))
        return found is not None and contains(with_references(found, self.local), sent)

    def local(self, name: str) -> str:
        """A reference as it stands below the base, whatever version it names."""
        return name.removeprefix(self.url + "/").partition("/_history/")[0]

    def _wait(self, attempt: int, asked: float | None) -> None:
        """Wait as long as the server asks, or twice as long each time; never all at the same moment."""
        if attempt + 1 < self._patience.attempts:
            self.retried += 1
            longest = min(self._patience.first * 2**attempt, self._patience.longest)
            chosen = longest * (0.5 + random.random() / 2)
            self._sleep(min(max(asked, chosen) if asked is not None else chosen, self._patience.longest))


def content_of(resource: JsonObject) -> JsonObject:
    """What a resource says itself: without what a server adds, and without the same in words."""
    return {name: value for name, value in resource.items() if name not in ("meta", "text")}


def _for_versions(bundle: JsonObject, seen: Sequence[Seen]) -> JsonObject:
    """The transaction with those entries for the version alone that was seen."""
    versions = {one.place: one.version for one in seen}
    entries = [
        {**one, "request": {**one["request"], "ifMatch": f'W/"{versions[one["request"]["url"]]}"'}}
        if one["request"]["url"] in versions
        else one
        for one in bundle["entry"]
    ]
    return {**bundle, "entry": entries}


def _own_client(patience: Patience) -> httpx.Client:
    from httpx import Client

    return Client(timeout=patience.timeout)


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that a server asks to wait, as a number or as a date."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(parsedate_to_datetime(told).timestamp() - time.time(), 0.0) if told else None
    except ValueError:
        return None


def _read(answer: httpx.Response) -> JsonObject:
    told = answer.json()
    if not isinstance(told, dict):
        raise ValueError(f"it sent a {type(told).__name__} and no resource")
    return told


def _outcome(answer: httpx.Response) -> JsonObject:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _said(outcome: Mapping[str, Any]) -> str:
    """What an OperationOutcome says, in a line."""
    issues = outcome.get("issue", [])[:_MOST_ISSUES]
    return "; ".join(
        str(one.get("diagnostics") or one.get("details", {}).get("text") or one.get("code")) for one in issues
    )


def _number(status: str) -> int:
    return int(status[:3]) if status[:3].isdigit() else 0
