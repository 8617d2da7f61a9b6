"""A hostile page in a browser whose person is signed in: image, form, script, frame and websocket achieve nothing.

Each attack is tried on Dagster's own server first, where it must succeed or be known to fail: an attack that is wrongly
written would prove nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import dagster as dg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from engine.ops.dagster_op import table_value
from engine.ops.shown import Shown
from engine.tables import Column
from resources.web_token import web_address
from tests.builders.browser import Browser, browsing, is_installed
from tests.builders.web import MARK, WIPE, Web, free_port, listening, web_of, wiping

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="chromium and chromedriver are absent: run make browser as root"),
]

BY_GET = urlencode({"query": WIPE, "variables": json.dumps({"key": [MARK]})})
AS_JSON = json.dumps(wiping())
ATTACKS = {
    "image": f'<img src="TARGET/graphql?{BY_GET}">',
    "script tag": f'<script src="TARGET/graphql?{BY_GET}"></script>',
    "style": f'<link rel=stylesheet href="TARGET/graphql?{BY_GET}">',
    "frame": f'<iframe src="TARGET/graphql?{BY_GET}"></iframe>',
    "moved window": f"<script>location = 'TARGET/graphql?{BY_GET}'</script>",
    "form": f'<form method=post action="TARGET/graphql?{BY_GET}"></form><script>document.forms[0].submit()</script>',
    "fetch": f"<script>fetch('TARGET/graphql?{BY_GET}', {{mode: 'no-cors', credentials: 'include'}})</script>",
    "beacon": f"<script>navigator.sendBeacon('TARGET/graphql?{BY_GET}', 'x')</script>",
    "text that is JSON": "<script>fetch('TARGET/graphql', {method: 'POST', mode: 'no-cors', credentials: 'include', "
    f"headers: {{'Content-Type': 'text/plain; application/json'}}, body: {json.dumps(AS_JSON)}}})</script>",
}
OPENED_AS_A_PAGE = {"frame", "moved window"}
"""Dagster answers these with its GraphiQL page and executes nothing."""
READING = f"""<script>
const told = [];
const tell = what => {{ told.push(what); document.title = told.join(' | ') }};
const ask = (what, path, options) => fetch('TARGET/graphql' + path, {{credentials: 'include', ...options}})
  .then(answer => answer.text()).then(text => tell('read ' + text), () => tell(what + ' refused'));
ask('get', '?query={{version}}', {{}});
ask('post', '', {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: {json.dumps(AS_JSON)}}});
const socket = new WebSocket('TARGET/graphql'.replace('http', 'ws'), 'graphql-ws');
socket.onopen = () => tell('socket open'); socket.onerror = () => tell('socket refused');
</script>"""
POSTING = (
    "const asked = new XMLHttpRequest(); asked.open('POST', '/graphql', false);"
    f"asked.setRequestHeader('Content-Type', 'application/json'); asked.send({json.dumps(AS_JSON)});"
    "return asked.status"
)
"""What a page sends to its own server."""


class Hostile:
    """A site whose page is what the test says."""

    def __init__(self) -> None:
        self.page = ""
        self.app = Starlette(routes=[Route("/", self._show)])

    async def _show(self, _: Request) -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><body>a hostile page {self.page}")


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("door", "bare", "hostile")}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[Web]:
    with (
        web_of(tmp_path_factory.mktemp("web"), ports["door"]) as web,
        listening(web.door, ports["door"]),
        listening(web.door._behind, ports["bare"]),
    ):
        yield web


@pytest.fixture(scope="module")
def hostile(ports: dict[str, int]) -> Iterator[Hostile]:
    site = Hostile()
    with listening(site.app, ports["hostile"]):
        yield site


@pytest.fixture(scope="module")
def browser(web: Web, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Signed in at the door."""
    names = "MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1"
    with browsing(tmp_path_factory.mktemp("profile"), names=names) as browser:
        browser.open(web_address(web.settings, ports["door"]))
        browser.wait_for("Runs")
        yield browser


def aimed_at(port: int, page: str) -> str:
    return page.replace("TARGET", f"http://127.0.0.1:{port}")


def visit(browser: Browser, hostile: Hostile, page: str, ports: dict[str, int], host: str) -> None:
    hostile.page = page
    browser.open(f"http://{host}:{ports['hostile']}/")
    time.sleep(1.5)


@pytest.mark.parametrize("attack", sorted(ATTACKS.keys() - OPENED_AS_A_PAGE))
def test_the_attack_succeeds_where_there_is_no_door(
    attack: str, web: Web, hostile: Hostile, browser: Browser, ports: dict[str, int]
) -> None:
    if web.is_wiped:
        web.record()
    visit(browser, hostile, aimed_at(ports["bare"], ATTACKS[attack]), ports, "evil.example")
    assert web.is_wiped


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_attack_achieves_nothing_at_the_door(
    attack: str, host: str, web: Web, hostile: Hostile, browser: Browser, ports: dict[str, int]
) -> None:
    """Also from another port of this machine, whose pages a browser sends our cookie with."""
    if web.is_wiped:
        web.record()
    visit(browser, hostile, aimed_at(ports["door"], ATTACKS[attack]), ports, host)
    assert not web.is_wiped and not web.mutations()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"])
def test_a_hostile_page_reads_nothing(
    host: str, web: Web, hostile: Hostile, browser: Browser, ports: dict[str, int]
) -> None:
    visit(browser, hostile, aimed_at(ports["door"], READING), ports, host)
    told = browser.run("return document.title").split(" | ")
    assert sorted(told) == ["get refused", "post refused", "socket refused"]
    assert not web.is_wiped


def test_a_name_that_was_rebound_to_this_machine_is_refused(web: Web, browser: Browser, ports: dict[str, int]) -> None:
    browser.open(f"http://rebound.example:{ports['door']}/")
    assert "not served under the name" in browser.text()
    told = browser.run(POSTING)
    assert told == 403 and not web.is_wiped


def test_the_person_who_is_signed_in_goes_on_working(web: Web, browser: Browser, ports: dict[str, int]) -> None:
    """The web UI works behind the door, its websocket among it, and what a person changes is written down."""
    browser.open(f"http://127.0.0.1:{ports['door']}/overview")
    browser.wait_for("Overview")
    told = browser.run(POSTING)
    assert told == 200 and web.is_wiped
    assert web.mutations()[0].event.details["operation"] == "Wipe"
    browser.run(
        "document.title = 'waiting'; const socket = new WebSocket(location.origin.replace('http', 'ws') + '/graphql', "
        "'graphql-ws'); socket.onopen = () => { document.title = 'open' }"
    )
    deadline = time.monotonic() + 10
    while (title := browser.run("return document.title")) != "open" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert title == "open"


def test_markup_that_others_wrote_into_a_finding_is_shown_as_text(
    web: Web, browser: Browser, ports: dict[str, int]
) -> None:
    hostile = (
        "<img src=x onerror=\"document.title='owned'\"> ![x](http://evil.example/x) <script>1</script> [a](b) **c**"
    )
    shown = Shown((Column("condition", "VARCHAR", hostile),), [{"condition": hostile}])
    web.instance.report_runless_asset_event(dg.AssetMaterialization("told", metadata={"variants": table_value(shown)}))
    browser.open(f"http://127.0.0.1:{ports['door']}/assets/told?view=events")
    assert hostile in browser.wait_for("variants", "condition", "**c**")
    assert browser.run("return document.title") != "owned"
    assert not browser.run("return [...document.images].filter(i => !i.src.startsWith(location.origin)).length")


def test_another_browser_is_asked_for_the_token(web: Web, ports: dict[str, int], tmp_path: Path) -> None:
    with browsing(tmp_path) as browser:
        browser.open(f"http://127.0.0.1:{ports['door']}/runs?view=all")
        browser.wait_for("Sign in", "audit log")
        browser.run(f"document.querySelector('[name=token]').value = '{web.token}'")
        browser.run("document.querySelector('[name=person]').value = 'Dr Mendel'")
        browser.click("//button")
        browser.wait_for("Runs")
        assert browser.run("return location.pathname + location.search").startswith("/runs")
