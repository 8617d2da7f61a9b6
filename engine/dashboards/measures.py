"""What is counted in the snapshot's tables: each measure stated once, as DAX for Power BI and as SQL for the portal.

A filter is kept beside that of the category by which a picture is divided, which Power BI would else put aside.

>>> MEASURES["Signed cases"].dax
'CALCULATE(COUNTROWS(cases), KEEPFILTERS(cases[stage] = "signed"))'
>>> MEASURES["Carrier frequency"].dax
'DIVIDE([Cases with a carrier finding], [Cases with a result])'
>>> MEASURES["Signed cases"].sql
"count(*) FILTER (WHERE stage = 'signed')"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

COUNT, DAYS, SHARE, READS = "#,0", "0.0", "0.0%", "0.0"
"""Formats of a value, in Power BI's words."""
_COUNTING = frozenset({"COUNTROWS", "DISTINCTCOUNT"})
"""Functions that Power BI leaves blank, and not 0, where there is nothing to count."""


@dataclass(frozen=True)
class Where:
    """What rows count: those in which a column is one of some values; without values, those in which it is there."""

    column: str
    values: tuple[str, ...] = ()

    def dax(self, table: str) -> str:
        """As a filter of ``CALCULATE``."""
        place = f"{table}[{self.column}]"
        if not self.values:
            return f"NOT ISBLANK({place})"
        if len(self.values) == 1:
            return f'{place} = "{self.values[0]}"'
        return f"{place} IN {{{', '.join(f'{chr(34)}{value}{chr(34)}' for value in self.values)}}}"

    @property
    def sql(self) -> str:
        """As a condition."""
        if not self.values:
            return f"{self.column} IS NOT NULL"
        if len(self.values) == 1:
            return f"{self.column} = '{self.values[0]}'"
        return f"{self.column} IN ({', '.join(f'{chr(39)}{value}{chr(39)}' for value in self.values)})"


@dataclass(frozen=True)
class Measure:
    """Something counted or averaged over the rows of a table.

    Attributes:
        name: for people.
        meaning: in a sentence, without full stop.
        table: whose rows.
        dax_function: Power BI's function over :attr:`column`, or over the table's rows.
        sql_function: the same of DuckDB, with a place for the column.
        column: whose values, empty where rows are counted.
        where: rows that count: those for which every condition holds.
        format: of the value.
    """

    name: str
    meaning: str
    table: str
    dax_function: str
    sql_function: str
    column: str = ""
    where: tuple[Where, ...] = ()
    format: str = COUNT

    @property
    def counts(self) -> bool:
        """Whether it counts, and says nothing where there is nothing to be counted; a mean of 0 says something."""
        return self.dax_function in _COUNTING

    @property
    def dax(self) -> str:
        """As DAX."""
        over = f"{self.table}[{self.column}]" if self.column else self.table
        bare = f"{self.dax_function}({over})"
        filters = "".join(f", KEEPFILTERS({one.dax(self.table)})" for one in self.where)
        return f"CALCULATE({bare}{filters})" if filters else bare

    @property
    def sql(self) -> str:
        """As an aggregate over the table's rows."""
        bare = self.sql_function.format(self.column)
        held = " AND ".join(one.sql for one in self.where)
        return f"{bare} FILTER (WHERE {held})" if held else bare


@dataclass(frozen=True)
class Share:
    """One measure over another; nothing where the other is nothing.

    Attributes:
        name: for people.
        meaning: in a sentence, without full stop.
        part: name of the measure that is divided.
        whole: name of that by which.
        table: under which it is shown.
        format: of the value.
    """

    name: str
    meaning: str
    part: str
    whole: str
    table: str
    format: str = SHARE

    @property
    def dax(self) -> str:
        """As DAX."""
        return f"DIVIDE([{self.part}], [{self.whole}])"


def _rows(name: str, meaning: str, table: str, *where: Where) -> Measure:
    return Measure(name, meaning, table, "COUNTROWS", "count(*)", where=where)


def _cases(name: str, meaning: str, table: str, *where: Where) -> Measure:
    return Measure(name, meaning, table, "DISTINCTCOUNT", "count(DISTINCT {})", "case_id", where)


def _median(name: str, meaning: str, column: str) -> Measure:
    return Measure(name, meaning, "cases", "MEDIAN", "median({})", column, format=DAYS)


def _mean(name: str, meaning: str, column: str, form: str = SHARE) -> Measure:
    return Measure(name, meaning, "quality", "AVERAGE", "avg({})", column, format=form)


_SECONDARY = Where("category", ("secondary",))
_ALL = (
    _rows("Cases", "Cases that were registered and take part", "cases"),
    _rows("Signed cases", "Cases whose report says what was signed", "cases", Where("stage", ("signed",))),
    _rows(
        "Cases held back", "Cases that a gate or damage keeps from having a result", "cases", Where("stage", ("held",))
    ),
    _rows("Cases with a result", "Cases of which something is said, signed or not", "cases", Where("outcome")),
    _rows("Positive cases", "Cases with a positive result, signed or not", "cases", Where("outcome", ("positive",))),
    Share(
        "Diagnostic yield", "Positive cases of those with a result", "Positive cases", "Cases with a result", "cases"
    ),
    _rows(
        "Cases amended",
        "Cases whose report was signed more than once",
        "cases",
        Where("amended", ("yes",)),
    ),
    _median("Median days to report", "Half of the cases had a result in so many days or fewer", "days_to_report"),
    _median(
        "Median days to signature", "Half of the signed cases were signed in so many days or fewer", "days_to_signature"
    ),
    _rows("Findings", "Variants that reports list, signed or not", "findings"),
    _cases("Cases with a finding", "Cases whose report lists a variant", "findings"),
    _cases(
        "Cases with a carrier finding",
        "Cases with one copy of a variant of a recessive condition",
        "findings",
        Where("category", ("carrier",)),
    ),
    Share(
        "Carrier frequency",
        "Cases with a carrier finding of those with a result",
        "Cases with a carrier finding",
        "Cases with a result",
        "findings",
    ),
    _rows(
        "Cases with a result and consent",
        "Cases with a result whose persons agreed to hear of secondary findings",
        "cases",
        Where("outcome"),
        Where("consent", ("yes",)),
    ),
    _rows("Secondary findings", "Findings that nobody asked about, told with consent", "findings", _SECONDARY),
    _cases("Cases with a secondary finding", "Cases with such a finding", "findings", _SECONDARY),
    Share(
        "Secondary finding rate",
        "Cases with a secondary finding of those with a result and consent",
        "Cases with a secondary finding",
        "Cases with a result and consent",
        "findings",
    ),
    _mean("Mean coverage", "Depth over the targets, mean of the cases", "mean_coverage", READS),
    _mean("Bases at 20x", "Share of target bases covered 20 times or more, mean of the cases", "fraction_20x"),
    _mean("Bases of Q30", "Share of bases with quality 30 or more, mean of the cases", "q30_fraction"),
    _mean("Duplicates", "Share of reads that are copies of another, mean of the cases", "duplicate_fraction"),
    _mean("Another person's bases", "Share of the bases that are another person's, mean of the cases", "freemix"),
    Measure("Alleles", "Different alleles of the cohort", "cohort_frequencies", "SUM", "sum({})", "alleles"),
    _cases("Cases with a score", "Cases with a polygenic score", "risk_strata"),
)
MEASURES: Final[Mapping[str, Measure | Share]] = {one.name: one for one in _ALL}
"""By name, in the order in which they are told."""
