"""The portal in a real browser: a geneticist's walk to a signed report, reads in igv.js, and what pages load.

Needs Chromium (``make browser``); what is said of accessibility needs axe-core as well (``make readers``).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.dashboards.pages import PAGES as BOARDS
from engine.ops.cohort import cohort_contribution
from engine.ops.dashboards import gold_snapshot
from engine.ops.interpretation import findings
from genomics_assets.artifacts import OF_A_SAMPLE
from portal.clinic import trail
from portal.clinic.admission import PUBLIC, ROOT, rules_of
from portal.clinic.rendering import STATIC
from portal.clinic.rights import Person, Role
from resources.web_token import web_token
from tests.builders.browser import ENTER, TAB, Browser, browsing, is_installed
from tests.builders.clinic import ACCESS, CHILD, FATHER, OTHER_WARD, Clinic, clinic_of, platform_of
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
            "/dashboards",
            f"/cases/{CHILD}/signed",
            "/nowhere",
        ),
    ),
    Role.CLINICIAN: (f"/cases/{CHILD}", f"/cases/{CHILD}/signed", f"/cases/{CHILD}/findings"),
    Role.SECURITY_OFFICER: ("/audit", "/rights"),
}
NO_PAGES = {
    *("/home", "/cases.csv", "/cases/{case}/findings.csv", "/cases/{case}/bundle", "/audit/fhir", "/reference/{name}"),
    *("/cases/{case}/reads/{member}/{name}", "/cases/{case}/weigh"),
    *("/cases/{case}/report/page", "/cases/{case}/report/pdf", "/cases/{case}/signed/{number}"),
    "/cases/{case}/uncalled_genes.tsv",
}
"""Routes that answer with a file, a part of a page, another address, or the report, which has tests of its own."""
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


def test_what_is_decided_after_the_signature_is_signed_as_an_amendment(walk: Walk) -> None:
    """The test before has signed the report."""
    walk.enter(Role.GENETICIST)
    walk.open(f"/cases/{CHILD}/variants/{ALLELE}")
    walk.click("Classify", kind="summary")
    walk.browser.run("document.getElementById('classification').value = 'likely_pathogenic'")
    walk.browser.run("document.getElementById('criteria').value = 'PVS1,PM2=P'")
    walk.browser.write("//*[@id='comment']", "seen in two families of this laboratory")
    walk.click("Decide as", then="asked for again: child")
    for contract in OF_A_SAMPLE[[one.name for one in OF_A_SAMPLE].index(findings.name) :]:  # what its run makes
        if contract.name != cohort_contribution.name:
            contract.make(walk.clinic.platform, CHILD, log=lambda _: None)
    walk.clinic.house.forget()
    walk.open("/inbox")
    walk.browser.wait_for("version 2 awaits a signature", seconds=20)
    walk.click(CHILD, kind="a", then="Otherwise than the version before")
    walk.browser.write("//*[@id='reason']", "the laboratory decided of the variant")
    walk.click("Sign as", then="The report is signed")
    assert "(amended), version 2" in walk.browser.text()
    walk.click("Signed reports", then="Version 2: amended, signed by Dr Gregor Demo")


def test_a_case_of_another_ward_is_denied_and_seen_by_broken_glass(walk: Walk) -> None:
    port = free_port()
    ward = clinic_of(walk.clinic.platform, ACCESS, port=port)
    person = Person("Dr Night", Role.CLINICIAN, frozenset({OTHER_WARD}))
    with listening(ward.door, port):
        at = f"http://127.0.0.1:{port}{ROOT}"
        walk.browser.open(f"{at}/enter")
        walk.browser.cookie(f"portal_{port}", ward.house.visits.open(person, "test", time.time()), ROOT)
        walk.browser.open(f"{at}/cases/{CHILD}")
        denied = walk.browser.wait_for("belongs to none of your teams")
        assert "Pedigree" not in denied and "W3-1" not in denied
        walk.browser.write("//*[@id='reason']", "emergency, the ward's clinician is not here")
        walk.click("Break the glass", kind="button", then="you broke the glass")
        assert "W3-1" in walk.browser.text()
    asked, _ = walk.browser.asked_for()  # of this server, which the walk's pages are not to ask
    assert all(url.startswith((at.removesuffix(ROOT), walk.url, "chrome")) for url in asked)
    assert [one.event.what for one in walk.clinic.written(trail.BROKEN, trail.DENIED)] == [trail.DENIED, trail.BROKEN]


def test_a_geneticist_takes_the_bundle_and_the_findings_along(walk: Walk, tmp_path: Path) -> None:
    walk.enter(Role.GENETICIST)
    walk.open(f"/cases/{CHILD}/report")
    walk.browser.tell("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    for link, name in (("FHIR bundle", f"{CHILD}.fhir.json"), ("Findings as a table", f"{CHILD}.findings.csv")):
        walk.click(link, kind="a")
        deadline = time.monotonic() + 20
        while not (tmp_path / name).is_file():
            assert time.monotonic() < deadline, sorted(tmp_path.iterdir())
            time.sleep(0.1)
    assert json.loads((tmp_path / f"{CHILD}.fhir.json").read_text())["resourceType"] == "Bundle"
    assert "AVP" in (tmp_path / f"{CHILD}.findings.csv").read_text()


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
        labels = "[...document.querySelectorAll('[data-drawn] svg text')].map(one => one.textContent)"
        assert walk.browser.run(f"return {labels}.filter(text => /^[0-9.,]+[kmnµ]$/.test(text))") == [], "500m cases"
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


def tab_to(browser: Browser, text: str, most: int = 60) -> None:
    """Press Tab until something that says this has the focus, which must be seen."""
    for _ in range(most):
        browser.press(TAB)
        told, seen = browser.run(
            "const one = document.activeElement;"
            "const is_one_to_use = one.matches('a, button, summary, input, select, textarea');"
            "return [is_one_to_use ? one.innerText || one.id : '', getComputedStyle(one).outlineStyle]"
        )
        if text in told:
            assert seen != "none", f"nobody sees that {told!r} has the focus"
            return
    raise AssertionError(f"the keyboard does not come to {text!r}")


def test_a_person_without_a_mouse_signs_in_reads_a_case_and_comments(walk: Walk) -> None:
    browser = walk.browser
    walk.enter(Role.ADMIN)
    tab_to(browser, "Sign out")
    browser.press(ENTER)
    browser.wait_for("come in as", seconds=20)
    tab_to(browser, "Geneticist: ")
    browser.press(ENTER)
    browser.wait_for(CHILD, "Sign out", seconds=20)
    browser.run("document.activeElement.blur()")
    tab_to(browser, "Skip to the content", most=1)
    browser.press(ENTER)
    assert browser.run("return document.activeElement.id") == "main"
    tab_to(browser, CHILD)
    browser.press(ENTER)
    browser.wait_for("Patient and order", seconds=20)
    tab_to(browser, "Comments")
    browser.press(ENTER)
    browser.wait_for("Comment on the case", seconds=20)
    tab_to(browser, "text")
    browser.press(*"Written without a mouse.")
    tab_to(browser, "Comment as")
    browser.press(ENTER)
    browser.wait_for("Written without a mouse.", seconds=20)


def test_the_keyboard_comes_into_the_viewer_of_reads_and_out_again(walk: Walk) -> None:
    walk.enter(Role.GENETICIST)
    walk.open(f"/cases/{CHILD}/variants/{ALLELE}")
    assert walk.browser.value(SHOWN, seconds=30) == "shown"
    where = "return document.activeElement.closest('#reads') ? 'reads' : document.activeElement.className"
    seen = []
    for _ in range(120):
        walk.browser.press(TAB)
        seen.append(walk.browser.run(where))
        if "reads" in seen and seen[-1] == "skip":
            return
    raise AssertionError(f"the focus went {list(dict.fromkeys(seen))}")


def test_every_page_is_readable_in_print(walk: Walk) -> None:
    walk.enter(Role.GENETICIST)
    walk.browser.resize(794, 1123)  # A4 at 96 dots an inch
    walk.browser.tell("Emulation.setEmulatedMedia", media="print")
    try:
        for path in PAGES[Role.GENETICIST]:
            walk.open(path)
            hidden = "[...document.querySelectorAll('.bar, .tabs, form.filters')].every(e => !e.offsetParent)"
            assert walk.browser.run(f"return {hidden}"), path
            cut = (
                "[document.documentElement, ...document.querySelectorAll('.scroll')]"
                ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.getAttribute('aria-label') || 'the page')"
            )
            assert walk.browser.run(f"return {cut}") == [], path
    finally:
        walk.browser.tell("Emulation.setEmulatedMedia", media="")
        walk.browser.resize(1500, 1000)


def test_every_page_of_the_portal_is_looked_at_here(walk: Walk) -> None:
    """A route that is added is a page of :data:`PAGES`, or one of those that are none."""
    routes = {path for method, path in rules_of(walk.clinic.app) if method == "GET" and path.startswith(f"{ROOT}/")}
    pages = {path for path in routes if not path.startswith((f"{ROOT}/api/", STATIC)) and path not in PUBLIC}
    looked = [f"{ROOT}{path}".split("?")[0] for paths in PAGES.values() for path in paths]
    unseen = {path for path in pages if not any(re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), one) for one in looked)}
    assert unseen == {f"{ROOT}{path}" for path in NO_PAGES}


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
