"""The dashboards: which measure is shown where, by what; Power BI's report and the portal's page are made of this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["number", "bars", "line"]


@dataclass(frozen=True)
class Visual:
    """One picture.

    Attributes:
        name: unique among all, for addresses and files.
        kind: a number alone, bars by a category, or a line along time.
        title: for people.
        measures: names of what is shown; of a line several may be.
        by: table and column of the category, absent of a number alone.
        series: table and column that tells bars apart, absent where nothing does.
    """

    name: str
    kind: Kind
    title: str
    measures: tuple[str, ...]
    by: tuple[str, str] | None = None
    series: tuple[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """One dashboard.

    Attributes:
        name: for addresses and files.
        title: for people.
        about: what is on it, in a sentence.
        visuals: in the order of reading.
    """

    name: str
    title: str
    about: str
    visuals: tuple[Visual, ...]


def _number(name: str, measure: str) -> Visual:
    return Visual(name, "number", measure, (measure,))


_MONTH = ("cases", "month")
_OF_QUALITY = ("quality", "month")
PAGES: Final = (
    Page(
        "turnaround",
        "Turnaround",
        "How many cases there are, how far they have come, and how long they take",
        (
            _number("all_cases", "Cases"),
            _number("signed_cases", "Signed cases"),
            _number("held_cases", "Cases held back"),
            _number("days_to_signature", "Median days to signature"),
            Visual("stages", "bars", "Cases by how far they have come", ("Cases",), ("cases", "stage")),
            Visual("received", "bars", "Cases by the month of their registration", ("Cases",), _MONTH),
            Visual(
                "turnaround",
                "line",
                "Median days by the month of registration",
                ("Median days to report", "Median days to signature"),
                _MONTH,
            ),
        ),
    ),
    Page(
        "findings",
        "Findings",
        "What reports say, signed or not",
        (
            _number("told_cases", "Cases with a result"),
            _number("yield", "Diagnostic yield"),
            _number("amended", "Cases amended"),
            _number("all_findings", "Findings"),
            Visual("outcomes", "bars", "Cases by result", ("Cases with a result",), ("cases", "outcome")),
            Visual("classes", "bars", "Findings by class", ("Findings",), ("findings", "classification")),
            Visual("categories", "bars", "Findings by category", ("Findings",), ("findings", "category")),
            Visual("genes", "bars", "Cases with a finding by gene", ("Cases with a finding",), ("findings", "gene")),
        ),
    ),
    Page(
        "carriers",
        "Carriers and secondary findings",
        "Carriers of recessive conditions, and findings that nobody asked about, by consent",
        (
            _number("carriers", "Cases with a carrier finding"),
            _number("carrier_share", "Carrier frequency"),
            _number("secondary", "Cases with a secondary finding"),
            _number("secondary_rate", "Secondary finding rate"),
            Visual("carrier_genes", "bars", "Carrier frequency by gene", ("Carrier frequency",), ("findings", "gene")),
            Visual("consents", "bars", "Cases by consent to secondary findings", ("Cases",), ("cases", "consent")),
            Visual(
                "secondary_genes", "bars", "Secondary findings by gene", ("Secondary findings",), ("findings", "gene")
            ),
        ),
    ),
    Page(
        "quality",
        "Quality",
        "How well samples were sequenced, by the month in which their reads were aligned",
        tuple(
            Visual(name, "line", measure, (measure,), _OF_QUALITY)
            for name, measure in (
                ("coverage", "Mean coverage"),
                ("at_20x", "Bases at 20x"),
                ("q30", "Bases of Q30"),
                ("duplicates", "Duplicates"),
                ("contamination", "Another person's bases"),
            )
        ),
    ),
    Page(
        "cohort",
        "Cohort and risk",
        "How frequent the cohort's alleles are, and where polygenic scores lie",
        (
            _number("alleles", "Alleles"),
            _number("scored", "Cases with a score"),
            Visual(
                "frequencies",
                "bars",
                "Alleles by their frequency in the cohort",
                ("Alleles",),
                ("cohort_frequencies", "band"),
                ("cohort_frequencies", "variant_type"),
            ),
            Visual(
                "strata",
                "bars",
                "Cases with a score by where it lies",
                ("Cases with a score",),
                ("risk_strata", "stratum"),
                ("risk_strata", "score"),
            ),
        ),
    ),
)
"""In the order of their tabs."""
