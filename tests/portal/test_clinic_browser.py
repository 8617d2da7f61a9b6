"""The portal in a real browser: a geneticist's walk to a signed report, reads in igv.js, and what pages load.

Needs Chromium (``make browser``); what is said of accessibility needs axe-core as well (``make readers``).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.dashboards.pages import PAGES as BOARDS
from engine.ops.dashboards import gold_snapshot
from portal.clinic import trail
from portal.clinic.admission import ROOT
from portal.clinic.rights import Role
from resources.web_token import web_token
from tests.builders.browser import Browser, browsing, is_installed
from tests.builders.clinic import CHILD, FATHER, Clinic, clinic_of, platform_of
from tests.builders.deployment import Deployment
from tests.builders.readers import READERS
from tests.builders.web import free_port, listening

pytestmark = pytest.mark.skipif(not is_installed(), reason="chromium is not installed: make browser")
AXE = READERS.parent / "node_modules" / "axe-core" / "axe.min.js"
ALLELE = "20-3084620-C-T"
PAGES = {
    Role.GENETICIST: (
        *("/cases", f"/cases/{CHILD}", f"/cases/{CHILD}/findings", f"/cases/{CHILD}/variants/{ALLELE}"),
        *(f"/dashboards/{board.name}" for board in BOARDS),
        *(
            f"/cases/{CHILD}/comments",
            f"/cases/{CHILD}/why?variant={ALLELE}",
            f"/cases/{CHILD}/report",
            "/inbox",
            "/deliveries",
            "/nowhere",
        ),
    ),
    Role.CLINICIAN: (f"/cases/{CHILD}", f"/cases/{CHILD}/signed", f"/cases/{CHILD}/findings"),
    Role.SECURITY_OFFICER: ("/audit", "/rights"),
}
MOST_CLICKS = 12
SHOWN = "const at = document.getElementById('reads'); return at && at.dataset.state || null"


class Walk:
    """A person before a browser, whose clicks are counted."""

    def __init__(self, browser: Browser, clinic: Clinic, url: str) -> None:
        self.browser, self.clinic, self.url = browser, clinic, url
        self.clicks = 0
        self.asked: list[str] = []
        self.stopped: list[str] = []

    def click(self, text: str, *, kind: str = "a|button", then: str = "") -> None:
        tags = " or ".join(f"self::{tag}" for tag in kind.split("|"))
        self.browser.click(f"//*[{tags}][contains(normalize-space(.), '{text}')]")
        self.clicks += 1
        if then:
            self.browser.wait_for(then, seconds=20)

    def open(self, path: str) -> None:
        self.browser.open(f"{self.url}{ROOT}{path}")

    def enter(self, role: Role) -> None:
        """Come in as one of the demo's people, by the address that ``make serve`` prints."""
        self.browser.open(f"{self.url}{ROOT}?token={web_token(self.clinic.platform.settings)}")
        if "Sign out" in self.browser.wait_for("Sign", seconds=20):
            self.click("Sign out", then="come in as")
        self.click(f"{role.capitalize()}: ", then="Sign out")

    def elsewhere(self) -> list[str]:
        """Addresses of other servers that pages asked for, browser's own pages aside."""
        asked, stopped = self.browser.asked_for()
        self.asked += asked
        self.stopped += stopped
        assert any(url.startswith(self.url) for url in self.asked), "what was asked for is seen"
        return [url for url in self.asked if not url.startswith((self.url, "chrome"))]


@pytest.fixture(scope="module")
def walk(made_case: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    port = free_port()
    clinic = clinic_of(platform_of(made_case, tmp_path_factory.mktemp("walked")), port=port)
    gold_snapshot.make(clinic.platform, "", log=lambda _: None)
    with listening(clinic.door, port), browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield Walk(browser, clinic, f"http://127.0.0.1:{port}")


def test_a_first_time_geneticist_walks_from_the_sign_in_to_a_signed_report(walk: Walk) -> None:
    walk.enter(Role.GENETICIST)
    walk.browser.console()
    walk.click(CHILD, kind="a", then="Result: positive, not signed")
    walk.click("Findings", then="1 finding")
    walk.click("AVP", kind="a", then="Reads of the family")
    assert walk.browser.value(SHOWN, seconds=30) == "shown"
    walk.click("Report and sign-out", then="Sign-out: draft")
    walk.click("I have reviewed it", then="The review is noted")
    walk.click("Sign as", then="The report is signed")
    assert "Signed by Dr Gregor Demo" in walk.browser.text()
    assert walk.clicks <= MOST_CLICKS, walk.clicks
    assert walk.browser.console() == [], "a policy stopped something, or a script failed"
    assert walk.elsewhere() == []


def test_igv_reads_the_family_by_ranges_of_bytes_and_tells_nobody(walk: Walk) -> None:
    walk.enter(Role.GENETICIST)
    walk.browser.console()
    before = walk.clinic.number
    walk.open(f"/cases/{CHILD}/variants/{ALLELE}")
    assert walk.browser.value(SHOWN, seconds=30) == "shown"
    deadline = time.monotonic() + 20
    wanted = {f"own {CHILD}.bam", f"father {FATHER}.bam"}
    while time.monotonic() < deadline:
        details = [one.event.details["detail"] for one in walk.clinic.written(trail.ACCESS, after=before)]
        seen = {name for name in wanted for one in details if re.match(rf"{name} bytes=\d+-\d+", one)}
        if seen == wanted:
            break
        time.sleep(0.3)
    assert seen == wanted, details
    assert walk.browser.console() == [] and walk.elsewhere() == []


def test_dashboards_are_drawn_without_a_line_of_code_being_compiled(walk: Walk) -> None:
    """The policy forbids eval: what Vega would compile is interpreted; no picture is left out, and nobody is told."""
    walk.enter(Role.GENETICIST)
    walk.browser.console()
    for board in BOARDS:
        walk.open(f"/dashboards/{board.name}")
        drawn = "document.querySelectorAll('[data-drawn] svg').length"
        wanted = "document.querySelectorAll('[data-specification]').length"
        assert walk.browser.value(f"return {drawn} === {wanted} ? 'all ' + {wanted} : null", seconds=20)
    assert walk.browser.console() == [] and walk.elsewhere() == []


def test_a_request_that_fails_is_told_to_no_other_server(walk: Walk) -> None:
    """igv.js asks igv.org where data that it could not get may lie now; the policy stops it."""
    walk.enter(Role.GENETICIST)
    walk.open(f"/cases/{CHILD}/variants/{ALLELE}")
    assert walk.browser.value(SHOWN, seconds=30) == "shown"
    walk.browser.run(
        "import('/portal/static/vendor/igv-3.8.10.esm.min.js').then(igv => igv.default.createBrowser("
        "document.createElement('div'), {reference: {id: 'x', fastaURL: '/portal/reference/none.fa'}}))"
        ".then(() => window.ended = 'shown', error => window.ended = 'failed')"
    )
    walk.browser.value("return window.ended || null", seconds=30)
    assert walk.elsewhere() == []
    assert any("igv.org" in url for url in walk.stopped), "it was asked for, and stopped by the policy alone"


def test_filters_change_the_list_without_a_new_page(walk: Walk) -> None:
    walk.enter(Role.GENETICIST)
    walk.browser.wait_for(FATHER, seconds=20)
    walk.browser.run(
        "window.same = true; const one = document.getElementById('state'); one.value = 'failed';"
        "one.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    walk.browser.wait_for("0 cases", seconds=20)
    assert walk.browser.run("return window.same") is True
    assert "state=failed" in walk.browser.run("return location.href")


@pytest.mark.parametrize("role", list(PAGES))
def test_axe_finds_nothing_against_any_page(walk: Walk, role: Role) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make readers")
    walk.enter(role)
    for path in PAGES[role]:
        walk.open(path)
        if "/variants/" in path:
            walk.browser.value(SHOWN, seconds=30)
        assert violations(walk.browser) == [], path


def test_axe_does_find_a_picture_without_words(walk: Walk) -> None:
    """Else the test above could not fail."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make readers")
    walk.enter(Role.ADMIN)
    walk.browser.run("document.getElementById('main').append(document.createElement('img'))")
    assert [rule for rule, _ in violations(walk.browser)] == ["image-alt"]


def violations(browser: Browser) -> list[Any]:
    """What axe-core says against a page by the rules of WCAG 2.2 AA and below."""
    browser.run(AXE.read_text())
    browser.run(
        "window.found = null; axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then(told => window.found = JSON.stringify(told.violations.map(one => [one.id, one.nodes.map(n => n.html)])))"
    )
    told: list[Any] = json.loads(browser.value("return window.found", seconds=30))
    return told


def test_nothing_runs_over_the_edge_of_a_phone(walk: Walk) -> None:
    walk.enter(Role.GENETICIST)
    walk.browser.resize(390, 844)
    try:
        for path in PAGES[Role.GENETICIST]:
            walk.open(path)
            wide = walk.browser.run(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, (path, wide)
    finally:
        walk.browser.resize(1500, 1000)
