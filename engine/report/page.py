"""The report as a page for people: HTML from one template, and a PDF of the same.

The page renders a statement and computes nothing. It has no script and loads nothing; everything that is put into it
is escaped; the same statement, issue and identity give the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.classify.acmg_secondary_findings import PMID, VERSION
from engine.errors import ReportError, ToolError
from engine.person import Identity
from engine.report.amendment import Version
from engine.report.issue import Issue
from engine.report.picture import draw
from engine.report.pileup import Pileup
from engine.report.requirements import missing_elements
from engine.report.statement import StatedFinding, Statement, source_name
from engine.report.wording import kind, mode, protein_change

if TYPE_CHECKING:
    from jinja2 import Template

STATUSES = {
    "preliminary": "Preliminary: not signed",
    "final": "Final",
    "amended": "Amended",
    "corrected": "Corrected",
}
_SECTIONS = (
    ("findings", "Findings that answer the question", ("primary", "compound_heterozygote")),
    ("candidate", "Candidates: likely pathogenic by criteria, to be judged by a person", ("candidate",)),
    ("uncertain", "Variants of uncertain significance", ("uncertain",)),
    ("secondary", "Secondary findings", ("secondary",)),
    ("carrier", "Carrier states", ("carrier",)),
)
MOST_POSITIONS = 20
"""More positions of a pharmacogene that were not called are counted, not listed."""
_HERE = Path(__file__).parent


def render(
    statement: Statement,
    issue: Issue,
    pileups: Sequence[Pileup] = (),
    versions: Sequence[Version] = (),
    identity: Identity | None = None,
) -> str:
    """The page.

    Args:
        statement: what is said.
        issue: how far it has come towards its signature.
        pileups: the reads at the findings' places, as far as there are pictures.
        versions: of the report, the present one last; by default this one alone.
        identity: who the person is, absent in a pseudonymous page.

    Raises:
        ReportError: the identity is another person's, or the page lacks an element that a report must have.
    """
    if identity:
        statement.case.require_own(identity)
    page = _template().render(
        said=statement,
        case=statement.case,
        issue=issue,
        identity=identity,
        person=_person(identity),
        status=STATUSES[issue.status],
        issued=issue.signature.recorded if issue.signature else statement.made,
        sections=_sections(statement),
        pictures=_pictures(statement, pileups),
        versions=versions or (Version(issue.version, issue.status, issue.signature),),
        drugs=statement.drug_response,
        most_positions=MOST_POSITIONS,
        list_version=VERSION,
        list_pmid=PMID,
        style=(_HERE / "page.css").read_text(),
        running=_of_style(_running(statement, issue, identity)),
    )
    genes = statement.drug_response.genes if statement.drug_response else ()
    told_of = [f"pharmacogene-{one.gene}" for one in genes]
    if lacking := missing_elements(page, [finding.id for finding in statement.findings], told_of):
        raise ReportError(
            f"the report lacks what a report must have: {'; '.join(lacking)}",
            sample=statement.case.sample,
            remedy="mend the template of the report (engine/report/page.html.j2), then materialize clinical_report",
        )
    return page


def write_pdf(page: str, path: Path) -> None:
    """Write the page as PDF; the same page gives the same bytes.

    Raises:
        ToolError: WeasyPrint, or the system library Pango that it draws with, is not installed.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        raise ToolError(
            f"a PDF cannot be made: {str(error).splitlines()[0]}",
            remedy="install the extra pdf (pip install genomics-assets[pdf]) and the system library Pango "
            "(apt-get install libpango-1.0-0 libpangoft2-1.0-0), or print the HTML page from a browser",
        ) from error
    with _timeless():
        HTML(string=page, url_fetcher=_refuse).write_pdf(path, pdf_identifier=b"report", pdf_variant="pdf/ua-1")


@contextmanager
def _timeless() -> Iterator[None]:
    """Fonts that are cut to the letters used bear the time of the cutting, unless it is said here."""
    name = "SOURCE_DATE_EPOCH"
    before = os.environ.get(name)
    os.environ[name] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def makes_pdf() -> bool:
    """Whether this machine can make a PDF."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def _refuse(url: str, *_: Any, **__: Any) -> Any:
    """A report is whole in itself: nothing is fetched for it."""
    raise ValueError(f"a report loads nothing, and asked for {url}")


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    room = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    room.filters |= {
        "plain": _plain,
        "protein": lambda finding: protein_change(finding.row),
        "kind": lambda finding: kind(finding.row),
        "mode": mode,
        "source": source_name,
        "clinvar": _clinvar,
        "minute": lambda moment: f"{str(moment)[:10]} {str(moment)[11:16]} UTC",
    }
    return room.from_string((_HERE / "page.html.j2").read_text())


def _person(identity: Identity | None) -> str:
    """The person's name, empty where it is not told."""
    if identity is None:
        return ""
    return identity.name or " ".join([*identity.given, identity.family or ""]).strip()


def _running(statement: Statement, issue: Issue, identity: Identity | None) -> str:
    """What stands at the foot of every sheet of paper, so that none is taken for another person's."""
    person = _person(identity) or f"subject {statement.case.person.subject_id}"
    issued = issue.signature.recorded if issue.signature else statement.made
    return f"Sample {statement.case.sample}, {person}, version {issue.version} ({issue.status}), issued {issued[:10]}"


def _of_style(text: str) -> str:
    r"""A text as a string of the style sheet, in which nothing ends the string or the sheet.

    >>> _of_style('Sample "a</style>')
    '"Sample \\22 a\\3c \\2f style\\3e "'
    """
    return '"' + "".join(one if one.isalnum() or one in _PLAIN else f"\\{ord(one):x} " for one in text) + '"'


_PLAIN = " ,.()-_:"


def _plain(term: object) -> str:
    """A term of a vocabulary as it is read.

    >>> _plain("missense_variant&splice_region_variant")
    'missense variant, splice region variant'
    """
    return str(term).replace("&", ", ").replace("_", " ").replace(" ,", ",").replace(",  ", ", ")


def _clinvar(variation: object) -> str:
    """Address of a ClinVar record."""
    return f"https://www.ncbi.nlm.nih.gov/clinvar/variation/{quote(str(variation), safe='')}/"


def _sections(statement: Statement) -> list[Mapping[str, Any]]:
    """The findings by what they are to the person."""
    return [
        {"element": element, "heading": heading, "findings": statement.of(*categories)}
        for element, heading, categories in _SECTIONS
    ]


def _pictures(statement: Statement, pileups: Sequence[Pileup]) -> dict[str, str]:
    """A picture by finding; the template puts it into the page as it is, so all text in it is escaped here."""
    from markupsafe import Markup

    by_id: dict[str, StatedFinding] = {finding.id: finding for finding in statement.findings}
    return {
        one.finding: Markup(draw(one, str(by_id[one.finding].row["ref"]), str(by_id[one.finding].row["alt"])))
        for one in pileups
        if one.finding in by_id
    }
