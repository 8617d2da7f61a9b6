"""The snapshot's rows out of what the platform knows of each case and of the cohort, and its files.

Cases are numbered anew in every release, in the order of a digest that says nothing of the sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.cohort.columns import typed_table
from engine.dashboards.columns import BANDS, QUALITY_TREND_COLUMNS, STRATA, TABLES, UNPLACED
from engine.duckdb_paths import as_pattern
from engine.person import Person
from engine.quality.cohort_report import METRICS
from engine.receipt import Measure
from engine.report.issue import SignOut, issue_of
from engine.report.risk import StatedRisk
from engine.report.statement import Statement

_SECONDS_A_DAY = 86_400
Row = tuple[object, ...]


@dataclass(frozen=True)
class CaseStanding:
    """A case as the platform knows it.

    Attributes:
        sample: sample id.
        person: what the order says.
        teams: that the case belongs to.
        registered: UTC time, ISO 8601, of the first registration.
        statement: what is said, absent while nothing is or where it may not be used.
        held: whether something is published that may not be used.
        steps: reviews and signatures, oldest first.
        measures: of the artifacts that quality is told of, by asset.
        aligned: UTC time, ISO 8601, at which the reads were aligned, absent while they are not.
    """

    sample: str
    person: Person
    teams: tuple[str, ...]
    registered: str
    statement: Statement | None
    held: bool
    steps: tuple[SignOut, ...]
    measures: Mapping[str, Mapping[str, Measure]]
    aligned: str | None


def write_snapshot(cases: Sequence[CaseStanding], frequencies: Path | None, folder: Path) -> dict[str, int]:
    """Write every table into ``folder``; gives the rows of each.

    Args:
        cases: those that take part.
        frequencies: the cohort's table of allele frequencies, absent while there is none.
        folder: takes ``<table>.parquet``.
    """
    import pyarrow.parquet as pq

    rows = rows_of(cases) | {"cohort_frequencies": _frequencies(frequencies) if frequencies else []}
    for name, columns in TABLES.items():
        pq.write_table(typed_table(rows[name], columns), folder / f"{name}.parquet")
    return {name: len(rows[name]) for name in TABLES}


def rows_of(cases: Iterable[CaseStanding]) -> dict[str, list[Row]]:
    """The rows that are of one case each, by table."""
    numbered = [(str(number), case) for number, case in enumerate(sorted(cases, key=_place), 1)]
    return {
        "cases": [_case(number, case) for number, case in numbered],
        "case_teams": [(number, team) for number, case in numbered for team in sorted(case.teams)],
        "findings": [row for number, case in numbered for row in _findings(number, case)],
        "quality": [row for number, case in numbered if (row := _quality(number, case))],
        "risk_strata": [row for number, case in numbered for row in _risks(number, case)],
    }


def standings_of(cases: Iterable[CaseStanding]) -> dict[str, list[Row]]:
    """How far each case has come and what is told of it, by sample: two tables of engine.cohort.columns.BESIDE."""
    ordered = sorted(cases, key=lambda case: case.sample)
    return {
        "cases": [
            (case.sample, case.registered[:7], _day(case.registered), _stage(case), *_waits(case)) for case in ordered
        ],
        "told_findings": [
            (sample, category, gene, classification, signed)
            for case in ordered
            for sample, category, gene, _, _, classification, _, _, signed in _findings(case.sample, case)
        ],
    }


def stratum_of(risk: StatedRisk) -> str:
    """Where a score lies.

    >>> stratum_of(StatedRisk("PGS1", "stature", 1.5, 9, 10, z=1.0, population="EUR"))
    '2: within 1 SD'
    >>> stratum_of(StatedRisk("PGS1", "stature", 1.5, 9, 10))
    '0: place not known'
    """
    if risk.z is None:
        return UNPLACED
    return next(name for name, end in STRATA.items() if risk.z <= end)


def _place(case: CaseStanding) -> str:
    return sha256(case.sample.encode()).hexdigest()


def _case(number: str, case: CaseStanding) -> Row:
    said = case.statement
    return (
        *(number, case.registered[:7], _day(case.registered), _stage(case)),
        *(str(said.outcome) if said else None, case.person.panel, _yes(case.person.secondary_findings_consent)),
        *(_day(_first_signature(case)), *_waits(case), _yes(len([step for step in case.steps if step.signs]) > 1)),
    )


def _first_signature(case: CaseStanding) -> str | None:
    return next((step.recorded for step in case.steps if step.signs), None)


def _waits(case: CaseStanding) -> tuple[float | None, float | None]:
    """Days to the report and to the first signature."""
    said = case.statement.made if case.statement else None
    return _days(case.registered, said), _days(case.registered, _first_signature(case))


def _stage(case: CaseStanding) -> str:
    if case.statement is None:
        return "held" if case.held else "received"
    return issue_of(case.steps, case.statement.digest).stage


def _findings(number: str, case: CaseStanding) -> Iterator[Row]:
    said = case.statement
    if said is None:
        return
    signed = _yes(issue_of(case.steps, said.digest).is_signed)
    for one in said.findings:
        row = one.row
        condition: Mapping[str, Any] = (row["conditions"] or [{}])[0]
        yield (
            *(number, one.category, row["gene"], condition.get("name"), condition.get("inheritance")),
            *(one.classification, row["zygosity"], (row["consequence"] or "").partition("&")[0] or None, signed),
        )


def _quality(number: str, case: CaseStanding) -> Row | None:
    if case.aligned is None:
        return None
    told = {one.name: case.measures.get(one.asset, {}).get(one.name) for one in METRICS}
    return (number, case.aligned[:7], *(_number(told.get(column.name)) for column in QUALITY_TREND_COLUMNS[2:]))


def _risks(number: str, case: CaseStanding) -> Iterator[Row]:
    for risk in case.statement.risks if case.statement else ():
        yield (number, f"{risk.score_id} ({risk.trait})", stratum_of(risk))


def _frequencies(table: Path) -> list[Row]:
    """How many alleles each band has."""
    import duckdb

    bands = " ".join(f"WHEN allele_frequency <= {end} THEN '{name}'" for name, end in BANDS.items())
    with duckdb.connect() as db:
        rows: list[Row] = db.execute(
            f"SELECT CASE {bands} END AS band,"
            " CASE WHEN length(ref) = 1 AND length(alt) = 1 THEN 'SNV' ELSE 'indel' END AS variant_type, count(*)"
            " FROM read_parquet($1) GROUP BY ALL ORDER BY ALL",
            [as_pattern(table)],
        ).fetchall()
    return rows


def _day(moment: str | None) -> date | None:
    return date.fromisoformat(moment[:10]) if moment else None


def _days(start: str, end: str | None) -> float | None:
    """Days between two moments; what was said before a sample was registered again took none."""
    if end is None:
        return None
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return max(0.0, round(seconds / _SECONDS_A_DAY, 4))


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
