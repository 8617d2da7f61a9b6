"""Who is in the portal: one visit a browser, kept in this process, ended by the person, by time or by a restart.

>>> from portal.clinic.rights import Role
>>> visits = Visits()
>>> key = visits.open(Person("Dr Mendel", Role.GENETICIST), "demo", now=0.0)
>>> visits.find(key, now=60.0).person.name
'Dr Mendel'
>>> visits.find(key, now=60.0 + IDLE_SECONDS + 1) is None
True
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import threading
from dataclasses import dataclass, field

from portal.clinic.rights import Person

IDLE_SECONDS = 30 * 60
"""Without a request for so long, a visit has ended."""
WHOLE_SECONDS = 12 * 3600
"""However busy, a visit has ended after so long."""
_MOST = 5_000
_REQUESTS, _REFILL = 240.0, 40.0
"""Requests at once and a second thereafter of one visit: IGV asks for some twenty ranges for each place."""


@dataclass
class Visit:
    """One browser's stay.

    Attributes:
        person: who it is.
        provider: who says so: an issuer's URL, or ``demo``.
        key: what the cookie holds.
        began: time, in seconds.
        seen: time of the last request.
    """

    person: Person
    provider: str
    key: str = field(repr=False)
    began: float
    seen: float
    allowance: float = _REQUESTS

    @property
    def csrf(self) -> str:
        """What a form of ours sends along, and a page of others cannot know."""
        return hmac.new(self.key.encode(), b"form", hashlib.sha256).hexdigest()

    @property
    def name(self) -> str:
        """What the audit log calls the visit: tells visits apart, opens none."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:12]

    def take(self, now: float) -> bool:
        """Whether one request more may be made now; of a bucket that fills again."""
        self.allowance = min(_REQUESTS, self.allowance + (now - self.seen) * _REFILL)
        self.seen = now
        if self.allowance < 1:
            return False
        self.allowance -= 1
        return True

    @property
    def wait(self) -> int:
        """Seconds after which one request more may be made."""
        return max(1, math.ceil((1 - self.allowance) / _REFILL))


class Visits:
    """The visits of one server."""

    def __init__(self) -> None:
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def open(self, person: Person, provider: str, now: float) -> str:
        """Let somebody in; the key for the cookie."""
        visit = Visit(person, provider, secrets.token_urlsafe(32), now, now)
        with self._lock:
            kept = {key: one for key, one in self._visits.items() if _lasts(one, now)}
            self._visits = dict(list(kept.items())[-_MOST:]) | {visit.key: visit}
        return visit.key

    def find(self, key: str, now: float) -> Visit | None:
        """The visit of a cookie, absent where there is none or it has ended."""
        visit = self._visits.get(key)
        if visit is not None and not _lasts(visit, now):
            self.end(key)
            return None
        return visit

    def end(self, key: str) -> None:
        """Nobody comes in with this key any more."""
        with self._lock:
            self._visits.pop(key, None)


class TokenVisits:
    """The allowance of requests of each token, kept in this process from its first request on."""

    def __init__(self) -> None:
        self._visits: dict[str, Visit] = {}

    def of(self, digest: str, person: Person, now: float) -> Visit:
        """The visit of the token with that digest, whose person may have changed since."""
        visit = self._visits.setdefault(digest, Visit(person, "token", digest, now, now))
        visit.person = person
        return visit


def _lasts(visit: Visit, now: float) -> bool:
    return now - visit.seen <= IDLE_SECONDS and now - visit.began <= WHOLE_SECONDS
