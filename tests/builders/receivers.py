"""Real servers on the loopback address that notifications go to: one for mail by SMTP, one for a webhook by HTTP."""

from __future__ import annotations

import base64
import email
import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class MailServer:
    """What a mail server was given.

    Attributes:
        port: on the loopback address.
        login: user and password that it wants, absent where it wants none.
        silent: whether it accepts connections and says nothing.
        refuses: an address that it takes no mail for.
        mails: what it took, as (addresses, message).
        heard: every line it was told before a message.
    """

    port: int = 0
    login: tuple[str, str] | None = None
    silent: bool = False
    refuses: str = ""
    mails: list[tuple[list[str], Message]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A server that speaks as much of RFC 5321 and RFC 4954 as a client needs."""
    kept = MailServer(**options)

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            if kept.silent:
                self.rfile.readline()
                return
            self.say("220 here")
            to: list[str] = []
            known = kept.login is None
            while line := self.rfile.readline().decode().strip():
                kept.heard.append(line)
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    self.say("250-here\r\n250 AUTH PLAIN" if kept.login else "250 here")
                elif verb == "AUTH":
                    _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                    known = (user, password) == kept.login
                    self.say("235 welcome" if known else f"535 not {user} with {password}")
                elif verb in ("MAIL", "RCPT") and not known:
                    self.say("530 log in first")
                elif verb == "RCPT":
                    refused = bool(kept.refuses) and kept.refuses in line
                    to += [] if refused else [line.partition("<")[2].rstrip(">")]
                    self.say("550 nobody here" if refused else "250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    kept.mails.append((to, self.message()))
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def message(self) -> Message:
            lines = iter(self.rfile.readline, b".\r\n")
            text = b"".join(line[1:] if line.startswith(b"..") else line for line in lines)
            return email.message_from_bytes(text, policy=default)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        kept.port = server.server_address[1]
        with _running(server):
            yield kept


@dataclass
class Hook:
    """What a webhook was given.

    Attributes:
        port: on the loopback address.
        answers: the status it answers with.
        posts: the JSON of every request, with its type.
        others: requests that were no POST.
    """

    port: int = 0
    answers: int = 200
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=geheim"


@contextmanager
def webhook(**options: Any) -> Iterator[Hook]:
    """A server that takes notifications."""
    kept = Hook(**options)

    class Session(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(kept.answers)
            if 300 <= kept.answers < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            kept.others.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Session) as server:
        kept.port = server.server_address[1]
        with _running(server):
            yield kept


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
