"""A headless Chromium that a test drives as a person would: open a page, read it, click, take a picture.

It speaks the W3C WebDriver protocol with Debian's ``chromedriver`` (package chromium-driver); nothing from PyPI.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""Key under which the protocol names an element (W3C WebDriver, section 12.2)."""
TAB, ENTER = "\ue004", "\ue007"
"""Keys (W3C WebDriver, section 17.4.2)."""
_SENT = "Network.requestWillBeSent"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]


def is_installed() -> bool:
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@dataclass(frozen=True)
class Browser:
    """One window; ``session`` is its address at the driver."""

    session: str

    def open(self, url: str) -> None:
        self._call("POST", "url", url=url)

    def text(self) -> str:
        """What a person reads on the page."""
        told: str = self._call(
            "POST", "execute/sync", script="return document.body ? document.body.innerText : ''", args=[]
        )
        return told

    def wait_for(self, *texts: str, seconds: float = 90) -> str:
        """The page's text as soon as it says all of that."""
        deadline = time.monotonic() + seconds
        while not all(each in (text := self.text()) for each in texts):
            assert time.monotonic() < deadline, f"the page does not say {texts}, but:\n{text}"
            time.sleep(0.5)
        return text

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        return self._call("POST", "execute/sync", script=script, args=[])

    def console(self) -> list[str]:
        """What the browser complained of since this was asked last: errors of scripts, what a policy stopped."""
        entries = self._call("POST", "se/log", type="browser")
        return [str(entry["message"]) for entry in entries if entry["level"] == "SEVERE"]

    def asked_for(self) -> tuple[list[str], list[str]]:
        """Addresses that pages asked for since the last look: those that were, and those that a policy stopped."""
        events = [json.loads(entry["message"])["message"] for entry in self._call("POST", "se/log", type="performance")]
        told = [(event["method"], event["params"]) for event in events]
        failed = [what for method, what in told if method == "Network.loadingFailed"]
        stopped = {what["requestId"] for what in failed if what.get("blockedReason") == "csp"}
        sent = [(what["requestId"], what["request"]["url"]) for method, what in told if method == _SENT]
        sent = [(number, url) for number, url in sent if not url.startswith("data:")]
        return [url for number, url in sent if number not in stopped], [
            url for number, url in sent if number in stopped
        ]

    def click(self, xpath: str) -> None:
        found = self._call("POST", "element", using="xpath", value=xpath)
        self._call("POST", f"element/{found[ELEMENT]}/click")

    def write(self, xpath: str, text: str) -> None:
        """Type into a field."""
        found = self._call("POST", "element", using="xpath", value=xpath)
        self._call("POST", f"element/{found[ELEMENT]}/value", text=text)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, where the focus is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def cookie(self, name: str, value: str, path: str) -> None:
        """Give the browser a cookie of the page's server."""
        self._call("POST", "cookie", cookie={"name": name, "value": value, "path": path, "httpOnly": True})

    def tell(self, command: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self._call("POST", "goog/cdp/execute", cmd=command, params=parameters)

    def value(self, script: str, seconds: float = 90) -> Any:
        """The value of a script in the page as soon as it is not null."""
        deadline = time.monotonic() + seconds
        while (value := self.run(script)) is None:
            assert time.monotonic() < deadline, f"{script!r} stays null"
            time.sleep(0.3)
        return value

    def resize(self, width: int, height: int) -> None:
        self._call("POST", "window/rect", width=width, height=height)

    def picture(self, path: Path) -> Path:
        """A PNG of the window."""
        path.write_bytes(base64.b64decode(self._call("GET", "screenshot")))
        return path

    def _call(self, method: str, command: str, **body: Any) -> Any:
        return call(method, f"{self.session}/{command}", **body)


def call(method: str, url: str, /, **body: Any) -> Any:
    """One command to the driver; its value."""
    data = json.dumps(body).encode() if method == "POST" else None
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/json"}, method=method), timeout=120) as response:
            return json.load(response)["value"]
    except HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.read().decode()[:1000]}") from error


@contextmanager
def browsing(folder: Path, width: int = 1500, height: int = 1000, names: str = "") -> Iterator[Browser]:
    """Start driver and browser, and stop both in the end.

    Args:
        folder: for the browser's profile.
        width: of the window.
        height: of the window.
        names: host names that are this machine for the browser, as its option ``--host-resolver-rules`` has them.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = subprocess.DEVNULL
    command = ["chromedriver", f"--port={port}"]
    driver = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
    session = None
    try:
        _wait_for_driver(port)
        arguments = [*ARGUMENTS, f"--user-data-dir={folder}", f"--window-size={width},{height}"]
        arguments += [f"--host-resolver-rules={names}"] if names else []
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": logs}
        url = f"http://127.0.0.1:{port}/session"
        session = f"{url}/{call('POST', url, capabilities={'alwaysMatch': wanted})['sessionId']}"
        yield Browser(session)
    finally:
        if session:
            with suppress(OSError, AssertionError):
                call("DELETE", session)
        end(driver)


def end(driver: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """End a process that leads a session of its own, and all that it started; by force what does not end in time."""
    driver.terminate()
    with suppress(subprocess.TimeoutExpired):
        driver.wait(seconds)
    with suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()


def _wait_for_driver(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError):
            if call("GET", f"http://127.0.0.1:{port}/status")["ready"]:
                return
        assert time.monotonic() < deadline, "chromedriver does not answer"
        time.sleep(0.2)
