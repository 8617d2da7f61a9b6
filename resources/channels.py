"""The ways to people who are told without looking: mail by SMTP, and a webhook; off unless an option names a place.

What there is to tell is of :mod:`resources.notifications`. A message names sample ids, artifacts and checks, and
nothing that others wrote: no file name, no error's words, no name of a person, since mail and chat are read elsewhere.

>>> channel = mail_channel("smtp://mail.example.org", ["lab@example.org"])
>>> channel.name, str(channel)
('mail', 'mail to lab@example.org by mail.example.org:25')
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from engine.errors import GenomicsError

PATIENCE_SECONDS = 10.0
"""How long a server that does not answer is waited for; a tick has a minute."""
MOST_LINES = 25
KINDS = ("run failed", "gate shut", "queue stuck", "glass broken")
_PORTS = {"smtp": 25, "smtps": 465}
_REMEDY = "look at GENOMICS_NOTIFY_MAIL, GENOMICS_NOTIFY_SMTP and GENOMICS_NOTIFY_WEBHOOK; it is tried again"


class NotificationError(GenomicsError):
    """A notification could not be sent, or the place it is to go to cannot be read."""


@dataclass(frozen=True)
class Notice:
    """Something a person should know.

    Attributes:
        kind: one of :data:`KINDS`.
        sample: sample id, of a stuck queue the one that waits longest; empty where a run is of no sample.
        stage: the artifact, or the job.
        since: UTC time, ISO 8601 to the second.
        text: one line.
        key: the same as long as it is the same news.
    """

    kind: str
    sample: str
    stage: str
    since: str
    text: str
    key: str


class Channel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """``mail`` or ``webhook``."""

    def send(self, subject: str, notices: Sequence[Notice]) -> None:
        """Send one message; NotificationError where it cannot be."""


def subject_of(notices: Sequence[Notice]) -> str:
    """One line that counts them by kind."""
    kinds = {kind: sum(notice.kind == kind for notice in notices) for kind in KINDS}
    return "genomics: " + ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items() if count)


def text_of(notices: Sequence[Notice]) -> str:
    """A message in plain text, of bounded length."""
    lines = [f"- {notice.text} ({notice.since})" for notice in notices[:MOST_LINES]]
    if len(notices) > MOST_LINES:
        lines.append(f"- and {len(notices) - MOST_LINES} more")
    more = "All of it: the asset work_list in the web UI, or the command genomics samples."
    return "\n".join([f"On {socket.gethostname()}:", *lines, "", more, ""])


@dataclass(frozen=True)
class Mail:
    """By SMTP.

    Attributes:
        server: host, port, and whom to log in as.
        to: addresses.
        sender: address.
    """

    server: SplitResult = field(repr=False)
    to: tuple[str, ...]
    sender: str

    @property
    def name(self) -> str:
        """See :class:`Channel`."""
        return "mail"

    def __str__(self) -> str:
        return f"mail to {', '.join(self.to)} by {self._host}:{self._port}"

    def send(self, subject: str, notices: Sequence[Notice]) -> None:
        """See :class:`Channel`."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, self.sender, ", ".join(self.to)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        message.set_content(text_of(notices))
        try:
            with self._connected() as connection:
                self._log_in(connection)
                refused = connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise NotificationError(f"{self} cannot be sent: {_told(error)}", remedy=_REMEDY) from error
        if refused:
            raise NotificationError(f"{self}: {', '.join(sorted(refused))} was refused", remedy=_REMEDY)

    @property
    def _host(self) -> str:
        return self.server.hostname or ""

    @property
    def _port(self) -> int:
        return self.server.port or _PORTS[self.server.scheme]

    def _connected(self) -> smtplib.SMTP:
        if self.server.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=PATIENCE_SECONDS, context=context)
        connection = smtplib.SMTP(self._host, self._port, timeout=PATIENCE_SECONDS)
        connection.ehlo()
        if connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
        elif self.server.password and not _is_loopback(self._host):
            connection.close()
            raise smtplib.SMTPException("the server offers no TLS, and a password is not sent without it")
        return connection

    def _log_in(self, connection: smtplib.SMTP) -> None:
        if self.server.username and self.server.password:
            connection.login(unquote(self.server.username), unquote(self.server.password))


@dataclass(frozen=True)
class Webhook:
    """By a POST of JSON; ``text`` in it is what chat programs show."""

    address: str = field(repr=False)

    @property
    def name(self) -> str:
        """See :class:`Channel`."""
        return "webhook"

    def __str__(self) -> str:
        return f"webhook at {urlsplit(self.address).hostname}"

    def send(self, subject: str, notices: Sequence[Notice]) -> None:
        """See :class:`Channel`."""
        told = [_without_key(notice) for notice in notices[:MOST_LINES]]
        body = {"text": f"{subject}\n{text_of(notices)}", "subject": subject, "count": len(notices), "notices": told}
        request = Request(self.address, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with build_opener(_NoRedirect).open(request, timeout=PATIENCE_SECONDS):
                pass
        except HTTPError as error:
            raise NotificationError(f"{self} answered {error.code}", remedy=_REMEDY) from error
        except (OSError, HTTPException) as error:
            raise NotificationError(f"{self} cannot be reached: {_told(error)}", remedy=_REMEDY) from error


class _NoRedirect(HTTPRedirectHandler):
    """A redirected POST would become a GET that says nothing and counts as sent."""

    def redirect_request(self, *_: Any) -> None:
        return None


def mail_channel(server: str, to: Sequence[str], sender: str = "") -> Mail:
    """The channel that an address of a mail server and addresses of people give.

    Raises:
        NotificationError: one of them cannot be read; a password in it is not repeated.
    """
    parts = urlsplit(server)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise NotificationError("the mail server is no address", remedy="write it as smtps://user:password@host:port")
    wrong = [address for address in (*to, *([sender] if sender else [])) if not _is_address(address)]
    if wrong or not to:
        raise NotificationError(
            f"no address of mail: {', '.join(wrong) or 'none given'}",
            remedy="write them as name@host, with commas between",
        )
    return Mail(parts, tuple(to), sender or f"genomics@{socket.getfqdn()}")


def webhook_channel(address: str) -> Webhook:
    """The channel of an address; NotificationError where it is none."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotificationError("the webhook is no address", remedy="write it as https://host/path")
    return Webhook(address)


def _is_address(address: str) -> bool:
    name, at, host = address.rpartition("@")
    return bool(name and at and host) and all(letter.isprintable() and letter not in " ,<>" for letter in address)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_key(notice: Notice) -> Mapping[str, str]:
    return {name: value for name, value in asdict(notice).items() if name != "key"}


def _told(error: BaseException) -> str:
    """An error of the network in a line, without what a server said to a login."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the server refused the login ({error.smtp_code})"
    return " ".join(str(error).split())[:200] or type(error).__name__
