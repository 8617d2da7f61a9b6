"""What a dashboard shows, computed of the snapshot's files: the portal's numbers, as Power BI makes them of the same.

A category filters the rows of its own table. A category of findings does not filter cases: so do the relations of the
semantic model, which lead from cases to the other tables.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.dashboards.columns import TABLES, refers_to_cases
from engine.dashboards.measures import MEASURES, Measure, Share
from engine.dashboards.pages import Visual
from engine.duckdb_paths import as_pattern

if TYPE_CHECKING:
    import duckdb

Key = tuple[str, str]
"""Category and series; the empty text where there is none."""
WHOLE: Key = ("", "")
"""Of a number alone."""


@dataclass(frozen=True)
class Figure:
    """One value of a picture.

    Attributes:
        category: that it is of, empty of a number alone.
        series: what tells it from others of the category, empty where nothing does.
        measure: name of the measure.
        value: absent where nothing can be said.
    """

    category: str
    series: str
    measure: str
    value: float | None


def figures(snapshot: Path, visuals: Sequence[Visual], teams: Collection[str] | None = None) -> list[list[Figure]]:
    """The values of each picture, in the order of category and series.

    Args:
        snapshot: folder of the tables.
        visuals: the pictures.
        teams: whose cases count; absent where every case does.
    """
    import duckdb

    with duckdb.connect() as db:
        _open(db, snapshot, teams)
        return [_figures(db, visual) for visual in visuals]


def _figures(db: duckdb.DuckDBPyConnection, visual: Visual) -> list[Figure]:
    by_measure = {name: _values(db, MEASURES[name], visual) for name in visual.measures}
    keys = sorted({key for values in by_measure.values() for key in values})
    return [Figure(*key, name, values[key]) for key in keys for name, values in by_measure.items() if key in values]


def _open(db: duckdb.DuckDBPyConnection, snapshot: Path, teams: Collection[str] | None) -> None:
    """A view of each table, of the rows that may be seen."""
    for name in TABLES:
        db.read_parquet(as_pattern(snapshot / f"{name}.parquet")).create_view(f"every_{name}")
    db.execute("CREATE TABLE own (team VARCHAR)")
    for team in teams or ():
        db.execute("INSERT INTO own VALUES (?)", [team])
    for name in TABLES:
        is_one_cases = name == "cases" or refers_to_cases(name)
        seen = " WHERE case_id IN (SELECT case_id FROM every_case_teams JOIN own USING (team))"
        db.execute(f"CREATE VIEW {name} AS FROM every_{name}{seen if teams is not None and is_one_cases else ''}")


def _values(db: duckdb.DuckDBPyConnection, measure: Measure | Share, visual: Visual) -> dict[Key, float | None]:
    if isinstance(measure, Measure):
        return _aggregated(db, measure, visual)
    part, whole = (_values(db, MEASURES[name], visual) for name in (measure.part, measure.whole))
    return {key: _divided(value, whole.get(key, whole.get(WHOLE))) for key, value in part.items()}


def _divided(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _aggregated(db: duckdb.DuckDBPyConnection, measure: Measure, visual: Visual) -> dict[Key, float | None]:
    """Of each category; under :data:`WHOLE` of all rows where the category is no column of the measure's table."""
    names = [place[1] for place in (visual.by, visual.series) if place and place[0] == measure.table]
    if not names:
        (value,) = db.execute(f"SELECT {measure.sql} FROM {measure.table}").fetchone() or (None,)
        return {WHOLE: value}
    keys = [f"coalesce({name}, '')" for name in names] + ["''"]
    rows = db.execute(f"SELECT {keys[0]}, {keys[1]}, {measure.sql} FROM {measure.table} GROUP BY 1, 2").fetchall()
    return {(str(one), str(other)): value for one, other, value in rows if value or (value == 0 and not measure.counts)}
