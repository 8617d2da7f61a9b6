"""The page: complete or refused, escaped, without script, readable without eyes or colour, the same each time."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ReportError
from engine.person import Identity
from engine.report import page as module
from engine.report.case import Gene
from engine.report.issue import Issue, issue_of
from engine.report.page import render
from engine.report.picture import description, draw
from engine.report.pileup import Pileup, ShownRead
from engine.report.requirements import OF_A_FINDING, OF_A_REPORT, missing_elements
from engine.report.statement import Statement
from tests.builders.annotated import variant
from tests.builders.browser import ARGUMENTS
from tests.builders.readers import READERS
from tests.builders.statements import REGIONS, sign_out, statement
from tests.conftest import PROJECT

HOSTILE = "<script>alert('x')</script>\"'&<img src=x onerror=alert(1)>{{7*7}}"

TEXTS = (
    *("gene", "transcript", "hgvs_c", "hgvs_p", "hgvs_g", "consequence", "filter", "exon", "hgnc_id"),
    *("clinvar_significance", "clinvar_variation_id", "clinvar_review_status", "rs", "ref", "alt", "contig"),
)


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def pileup(said: Statement, index: int = 0) -> Pileup:
    reads = (
        ShownRead(0, "==T" + "=" * 8, (), False, "alternate"),
        ShownRead(2, "=--" + "=" * 6, ((8, "AC"),), True, "reference"),
    )
    return Pileup(said.findings[index].id, "20", 100, "ACGTACGTACG", (2, 3), (1,) * 11, 1, 2, reads)


def everything(folder: Path, **facts: Any) -> Statement:
    """A primary, a secondary, an uncertain finding and a carrier state."""
    novel = variant(
        "TP53", 3_100_000, impact="HIGH", consequence="stop_gained", clinvar_classification=None,
        clinvar_significance=None, clinvar_variation_id=None, clinvar_stars=None, clinvar_review_status=None,
        clinvar_conditions=None, clinvar_condition_ids=None,
    )  # fmt: skip
    rows = (variant("PRNP", 3_200_000), variant("BRCA1", 3_300_000), novel, variant("PANK2", 3_400_000))
    facts = {"ordered_genes": ("PRNP", "TP53", "PANK2"), "secondary_findings_consent": True, **facts}
    return statement(folder, *rows, **facts)


def test_a_page_has_every_element_for_every_kind_of_finding(tmp_path: Path) -> None:
    said = everything(tmp_path)
    assert {one.category for one in said.findings} == {"primary", "secondary", "uncertain", "carrier"}
    page = render(said, Issue(), [pileup(said)])
    assert missing_elements(page, [one.id for one in said.findings]) == ()
    assert "PRNP-201:c.100C&gt;T" in page and "autosomal" in page and "of 4 stars" in page
    assert "https://www.ncbi.nlm.nih.gov/clinvar/variation/3200000/" in page
    assert "c.100C>T" not in page, "what is put in is escaped"


@pytest.mark.parametrize("element", [one.element for one in (*OF_A_REPORT, *OF_A_FINDING)])
def test_a_page_that_lacks_an_element_is_refused_by_its_meaning(
    tmp_path: Path, element: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = statement(tmp_path, variant("AVP"))
    page = render(said, Issue())
    without = page.replace(f'data-element="{element}"', "")
    assert without != page
    meaning = next(one.meaning for one in (*OF_A_REPORT, *OF_A_FINDING) if one.element == element)
    (lacking,) = missing_elements(without, [said.findings[0].id])
    assert meaning in lacking

    class Lacking:
        def render(self, **_: Any) -> str:
            return without

    monkeypatch.setattr(module, "_template", Lacking)
    with pytest.raises(ReportError, match=re.escape(meaning)):
        render(said, Issue())


def test_an_element_that_is_there_and_empty_is_lacking(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP"))
    page = render(said, Issue())
    emptied = re.sub(r'(<dd data-element="finding-class">).*?(</dd>)', r"\1 \2", page)
    (lacking,) = missing_elements(emptied, [said.findings[0].id])
    assert lacking.startswith("of finding 1 the class")


def test_whatever_is_put_in_is_text_and_never_markup(tmp_path: Path) -> None:
    said = everything(tmp_path, phenotype=(HOSTILE,), order_id=HOSTILE)
    row = dict(said.findings[0].row) | dict.fromkeys(TEXTS, HOSTILE)
    row |= {
        "conditions": [{"name": HOSTILE, "mondo": HOSTILE, "omim": None, "orphanet": HOSTILE, "inheritance": HOSTILE}]
    }
    row |= {"clinvar_scv": [HOSTILE]}
    hostile = replace(
        said,
        findings=(replace(said.findings[0], row=row, sentence=HOSTILE, notes=(HOSTILE,), classification=HOSTILE),),
        conclusion=(HOSTILE,),
        limits=(HOSTILE,),
        methods=HOSTILE,
        failed_checks=(HOSTILE,),
        case=replace(said.case, regions=replace(REGIONS, description=HOSTILE, studied=(Gene(HOSTILE),))),
    )
    signed = sign_out(hostile, "corrected", HOSTILE, reason=HOSTILE)
    identity = Identity("P1", name=HOSTILE, birth_date="1980-01-01", mrn=HOSTILE)
    picture = replace(pileup(hostile), contig=HOSTILE, reference="<" * 11)
    text = render(hostile, Issue("corrected", 2, signature=signed), [picture], (), identity)
    page, harmless = Page(text), Page(render(said, Issue(), [pileup(said)]))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.text.count("alert('x')") > 20 and "{{7*7}}" in page.text
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert all(link and re.fullmatch(r"https://[a-z.]+nih\.gov/[A-Za-z0-9/%._~-]*", link) for link in links)


def test_ten_thousand_hostile_strings_are_text(tmp_path: Path) -> None:
    said, many = statement(tmp_path, variant("AVP")), 10_000
    words = [
        "<img src=x onerror=alert(1)>",
        "</p><script>x()</script>",
        "{{7*7}}",
        "javascript:alert(1)",
        "&#60;b&#62;",
    ]
    words += ['"><svg onload=x>', "<!--", "]]>", "<a href=//evil.example>", "\u202e<b>"]
    hostile = replace(said, limits=tuple(f"{words[number % len(words)]} {number}" for number in range(many)))
    page, harmless = Page(render(hostile, Issue())), Page(render(said, Issue()))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags} | {"li", "ul"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.text.count("onerror=alert(1)>") == many // len(words) and "{{7*7}} 9992" in page.text


def test_a_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    said = everything(tmp_path)
    page = Page(render(said, Issue(), [pileup(said)]))
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "link", "img", "form", "input"}
    assert not [attributes for _, attributes in page.tags if "src" in attributes]
    policy = next(attributes for tag, attributes in page.tags if attributes.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in page.text and "@import" not in page.text


def test_a_page_is_readable_without_eyes(tmp_path: Path) -> None:
    said = everything(tmp_path)
    page = Page(render(said, Issue(), [pileup(said)]))
    assert page.tags[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]
    assert set(named) <= set(ids)
    (picture,) = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert picture["role"] == "img" and "1 of 2 that cover the place carry T in place of C" in page.text
    headers = [attributes for tag, attributes in page.tags if tag == "th"]
    assert headers and all(attributes.get("scope") for attributes in headers)
    assert [tag for tag, _ in page.tags].count("caption") == [tag for tag, _ in page.tags].count("table")


def test_text_and_ground_differ_enough_in_light() -> None:
    """WCAG 2.1, 1.4.3: a contrast of 4.5 to 1; all grounds of the style sheet are nearly white."""
    style = (Path(module.__file__).parent / "page.css").read_text()
    grounds = re.findall(r"background: (#[0-9a-f]{6})", style)
    colours = re.findall(r"[^-]color: (#[0-9a-f]{6})", style)
    assert grounds and len(colours) > 5
    assert min(contrast(colour, ground) for colour in colours for ground in grounds) >= 4.5


def contrast(one: str, other: str) -> float:
    lights = sorted((_luminance(colour) for colour in (one, other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_same_statement_gives_the_same_bytes(tmp_path: Path) -> None:
    pages = []
    for folder in ("a", "b"):
        said = everything(tmp_path / folder)
        pages.append(render(said, Issue(), [pileup(said)]))
    assert pages[0] == pages[1] and str(tmp_path) not in pages[0]


def test_a_draft_says_that_it_is_none_to_act_on_and_a_signed_one_by_whom(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP"))
    draft = Page(render(said, Issue())).text
    assert "This report is not signed. It is not to be acted on." in draft and "nobody yet" in draft
    step = sign_out(said, person="Dr Example")
    signed = Page(render(said, issue_of((step,), said.digest))).text
    assert "not to be acted on" not in signed and "Dr Example" in signed and "2026-11-23 09:00 UTC" in signed
    assert said.digest in signed


def test_an_amended_report_says_on_its_first_page_what_it_takes_the_place_of(tmp_path: Path) -> None:
    before, said = statement(tmp_path / "a"), statement(tmp_path / "b", variant("AVP"))
    first, second = sign_out(before), sign_out(said, "amended", "Dr B", minute=5, reason="ClinVar")
    result, _, rest = render(said, issue_of((first, second), said.digest)).partition('data-element="next-steps"')
    assert "takes the place of version 1, signed by Dr A, 2026-11-23 09:00 UTC" in result and rest
    assert "takes the place" not in render(before, issue_of((first,), before.digest))


def test_signs_have_names_and_modes_of_inheritance_are_all_told(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP"), phenotype=("HP:0001332", "HP:9999999"))
    named = Page(render(replace(said, signs={"HP:0001332": "Dystonia"}), Issue())).text
    assert "Dystonia (HP:0001332), HP:9999999" in re.sub(r"\s+", " ", named)
    condition = dict(said.findings[0].row["conditions"][0]) | {"inheritance": "AD/AR"}
    both = replace(said.findings[0], row=dict(said.findings[0].row) | {"conditions": [condition]})
    assert "autosomal dominant or autosomal recessive" in Page(render(replace(said, findings=(both,)), Issue())).text


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"secondary_findings_consent": False}, "Not looked for: there is no consent."),
        ({"secondary_findings_consent": True}, "The person agreed to hear of secondary findings"),
        ({"father_id": "DAD"}, "awaited: the father; this report is amended when they are compared"),
        ({"panel": "Ataxia"}, "Panel Ataxia"),
        ({"overridden_checks": ("gvcf, called: let through by Dr B (why)",)}, "let through by Dr B (why)"),
        ({"regions": replace(REGIONS, uncalled=(Gene("PRNP"),))}, "genes not fully called: PRNP"),
    ],
)
def test_what_holds_of_the_case_is_said(tmp_path: Path, facts: dict[str, Any], told: str) -> None:
    assert told in re.sub(r"\s+", " ", Page(render(statement(tmp_path, **facts), Issue())).text)


def test_who_the_person_is_stands_there_only_when_told(tmp_path: Path) -> None:
    said = statement(tmp_path)
    assert "by pseudonym" in Page(render(said, Issue())).text
    known = Identity("P1", family="Doe", given=("Jane", "Q"), birth_date="1980-01-31", mrn="77")
    page = Page(render(said, Issue(), identity=known)).text
    assert "Jane Q Doe, born 1980-01-31, record 77" in page
    assert "Sample S1, Jane Q Doe, version 1" in page, "at the foot of every sheet of paper"
    with pytest.raises(ReportError, match="the identity is that of subject 'P2'"):
        render(said, Issue(), identity=Identity("P2", name="Jane Doe"))


def test_a_picture_tells_strands_and_changes_by_shapes_and_letters(tmp_path: Path) -> None:
    shown = pileup(statement(tmp_path, variant("AVP")))
    svg = draw(shown, "C", "T")
    assert ">T</text>" in svg and ">+AC</text>" in svg
    assert svg.count('fill="#c9d3e6"') == svg.count('fill="#dddddd"') == 1
    many = replace(shown, total=90)
    assert "1 of 90" in description(many, "C", "T") and "2 of them drawn" in description(many, "C", "T")


PDF = READERS.parent / "pdf"
"""Where ``make readers`` puts WeasyPrint and a reader of PDF; the platform's own environment need not have them."""
_WRITE_AND_READ = """
import sys, time
from pathlib import Path
import pypdfium2
from engine.report.page import makes_pdf, write_pdf
page, folder = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
assert makes_pdf()
for name in ("a.pdf", "b.pdf"):
    write_pdf(page, folder / name)
    time.sleep(1.1)  # what bears the time bears it in seconds
read = pypdfium2.PdfDocument(folder / "a.pdf")
(folder / "text").write_text("\\f".join(page.get_textpage().get_text_range() for page in read))
for number, page in enumerate(read):
    print(number, len(page.render(scale=0.25).to_pil().getcolors(1 << 20)))
assert pypdfium2.raw.FPDFCatalog_IsTagged(read), "tagged for who does not see it"
"""


def test_the_pdf_is_the_same_each_time_and_says_what_the_page_says(tmp_path: Path) -> None:
    if not PDF.is_dir():
        pytest.skip("WeasyPrint is not installed: make readers")
    said = everything(tmp_path)
    (tmp_path / "page.html").write_text(render(said, Issue(), [pileup(said)]))
    environment = os.environ | {"PYTHONPATH": str(PDF)}
    command = [sys.executable, "-c", _WRITE_AND_READ, tmp_path / "page.html", tmp_path]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "a.pdf").read_bytes()
    assert made == (tmp_path / "b.pdf").read_bytes() and made.startswith(b"%PDF-")
    pages = (tmp_path / "text").read_text().split("\f")
    first, whole = (" ".join(text.split()) for text in (pages[0], " ".join(pages)))
    assert "Result" in first and "Next steps" in first, "at a glance on the first page"
    for finding in said.findings:
        assert str(finding.row["gene"]) in whole and finding.classification in whole
    assert all(f"Page {number} of {len(pages)}" in " ".join(one.split()) for number, one in enumerate(pages, 1))
    drawn = dict(tuple(map(int, line.split())) for line in done.stdout.splitlines())
    assert len(drawn) == len(pages) > 1 and min(drawn.values()) > 5, "no page is blank"


_READ = """
import sys
import pypdfium2
for page in pypdfium2.PdfDocument(sys.argv[1]):
    print(" ".join(page.get_textpage().get_text_range().split()))
"""


def test_every_sheet_that_a_browser_prints_says_whose_it_is(tmp_path: Path) -> None:
    """Where there is no WeasyPrint a browser prints the page (ISO 15189, 7.4.1.6: on each page)."""
    if not PDF.is_dir() or not (chromium := shutil.which("chromium")):
        pytest.skip("needs Chromium and a reader of PDF: make browser readers")
    said, name = everything(tmp_path), 'Zoë "Z" O\'Brien & <Söhne>'
    (tmp_path / "page.html").write_text(render(said, Issue(), [pileup(said)], identity=Identity("P1", name=name)))
    printed = tmp_path / "page.pdf"
    command = [chromium, *ARGUMENTS, "--no-pdf-header-footer", f"--print-to-pdf={printed}", str(tmp_path / "page.html")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    environment = os.environ | {"PYTHONPATH": str(PDF)}
    read = subprocess.run([sys.executable, "-c", _READ, printed], env=environment, capture_output=True, text=True)
    sheets = read.stdout.splitlines()
    assert len(sheets) > 2, read.stderr
    for number, sheet in enumerate(sheets, 1):
        assert f"Sample S1, {name}, version 1 (preliminary)" in sheet and f"Page {number} of {len(sheets)}" in sheet


def test_the_result_names_the_condition_and_is_not_misread(tmp_path: Path) -> None:
    """At a glance: what a positive result is for, and that a secondary finding or a carrier state is no answer."""

    def outcome(said: Statement) -> str:
        (told,) = re.findall(r'data-element="outcome">(.*?)</p>', render(said, Issue()))
        return str(told)

    asked = {"ordered_genes": ("PRNP", "PANK2"), "secondary_findings_consent": True}
    answered = statement(tmp_path / "a", variant("PRNP", 3_200_000), **asked)
    first_page = render(answered, Issue()).partition("Next steps")[0]
    conditions = [one["name"] for one in answered.findings[0].row["conditions"]]
    told = "; ".join(f"{name} (autosomal dominant)" for name in conditions[:3])
    more = f"; {len(conditions) - 3} more" if len(conditions) > 3 else ""
    assert len(conditions) > 1 and html.escape(f"Conditions of PRNP: {told}{more}.") in first_page
    assert outcome(answered) == "Positive"
    secondary = statement(tmp_path / "b", variant("BRCA1", 3_300_000), **asked)
    assert outcome(secondary) == "Positive for a secondary finding only; what was asked is not answered"
    carrier = statement(tmp_path / "c", variant("PANK2", 3_400_000), **asked)
    assert outcome(carrier) == "Negative; carrier of a variant of PANK2"
