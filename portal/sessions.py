"""Who is at the door: those who have shown the deployment's token, and the cookie that says so.

``make serve`` prints the token (:mod:`resources.web_token`) in the URL to open. A browser that shows it is given a
cookie, signed with it, that names the person for a working day. A program, or the hospital's reverse proxy, sends it as
``Authorization: Bearer``. Removing the token's file and starting anew ends every session.

>>> sessions = Sessions("0" * 43, account="lab")
>>> sessions.person_of_cookie(sessions.cookie("Dr Mendel", now=1000.0), now=2000.0)
'Dr Mendel'
>>> sessions.person_of_cookie(sessions.cookie("Dr Mendel", now=1000.0), now=1000.0 + 13 * 3600) is None
True
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field

SESSION_SECONDS = 12 * 3600
LONGEST_NAME = 100


@dataclass(frozen=True)
class Sessions:
    """Makes and reads what shows that somebody holds the token.

    Attributes:
        token: of the deployment.
        account: whom a request is ascribed to that names nobody.
    """

    token: str = field(repr=False)
    account: str

    def is_token(self, given: str) -> bool:
        """Whether somebody who shows this may come in; takes the same time whatever is shown."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def cookie(self, person: str, now: float) -> str:
        """The cookie's value for a person, empty for the account's own; good for :data:`SESSION_SECONDS`."""
        name = printable(person) or self.account
        said = json.dumps({"person": name, "until": now + SESSION_SECONDS}).encode()
        return f"{base64.urlsafe_b64encode(said).decode()}.{self._signature(said)}"

    def person_of_cookie(self, value: str, now: float) -> str | None:
        """The person whom a cookie names; None if it is not ours, or too old."""
        encoded, _, signature = value.partition(".")
        try:
            said = base64.urlsafe_b64decode(encoded.encode("ascii"))
        except ValueError:
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(said).encode()):
            return None
        session = json.loads(said)
        return str(session["person"]) if now < session["until"] else None

    def _signature(self, said: bytes) -> str:
        key = hashlib.sha256(b"session of the web UI\0" + self.token.encode()).digest()
        return hmac.new(key, said, hashlib.sha256).hexdigest()


def printable(name: str) -> str:
    """A person's name as it may stand in the audit log: one line of at most 100 characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())[:LONGEST_NAME]
