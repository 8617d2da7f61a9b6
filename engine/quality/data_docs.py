"""The pages about tables: which were judged, what is wrong with which, and Great Expectations' own page of each.

A table is judged once for each version of it; what was found before is carried over with its page where it is broken.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from engine.quality.expectations import Judge
from engine.receipt import Measure, canonical_json
from engine.tables import Column

JUDGED = "judged.json"
INDEX = "index.html"


@dataclass(frozen=True)
class JudgedTable:
    """A table to be judged.

    Attributes:
        name: of the table, ``asset.sample`` where it is a sample's; names its page too.
        version: changes when the table does.
        path: the Parquet file.
        columns: what it promises.
    """

    name: str
    version: str
    path: Path
    columns: Sequence[Column]


@dataclass(frozen=True)
class Verdict:
    """What was found of one version of a table: rows, and each broken promise in words."""

    version: str
    rows: int
    broken: tuple[str, ...]


def judge_tables(tables: Iterable[JudgedTable], folder: Path, previous: Path | None) -> tuple[int, dict[str, Measure]]:
    """Judge what was not judged before, and write the pages into ``folder``.

    Args:
        tables: all that there are.
        folder: for ``index.html``, a page for each table that was judged now or is broken, and ``judged.json``.
        previous: the folder written before, absent the first time.

    Returns:
        The number of tables, and the measures ``tables``, ``rows``, ``broken_tables`` and ``broken`` (in words).
    """
    before = _before(previous)
    found: dict[str, Verdict] = {}
    judge: Judge | None = None
    for table in tables:
        known = before.get(table.name)
        if known and known.version == table.version:
            found[table.name] = known
            if known.broken and previous:
                shutil.copyfile(previous / f"{table.name}.html", folder / f"{table.name}.html")
            continue
        judge = judge or Judge()
        verdict = judge.judge(table.name, table.path, table.columns)
        (folder / f"{table.name}.html").write_text(verdict.page)
        found[table.name] = Verdict(table.version, verdict.rows, verdict.broken)
    (folder / JUDGED).write_text(canonical_json({name: asdict(one) for name, one in found.items()}, indent=2) + "\n")
    (folder / INDEX).write_text(_index(found, folder))
    broken = [f"{name}: {told}" for name, one in found.items() for told in one.broken]
    measures: dict[str, Measure] = {
        "tables": len(found),
        "rows": sum(one.rows for one in found.values()),
        "broken_tables": sum(bool(one.broken) for one in found.values()),
        "broken": broken,
    }
    return len(found), measures


def _before(previous: Path | None) -> dict[str, Verdict]:
    if previous is None:
        return {}
    rows = json.loads((previous / JUDGED).read_text())
    return {name: Verdict(row["version"], row["rows"], tuple(row["broken"])) for name, row in rows.items()}


def _index(found: dict[str, Verdict], folder: Path) -> str:
    """All tables, the broken ones first."""
    rows = []
    for name, one in sorted(found.items(), key=lambda pair: (not pair[1].broken, pair[0])):
        link = f'<a href="{escape(name)}.html">{escape(name)}</a>' if (folder / f"{name}.html").exists() else name
        told = "<br>".join(map(escape, one.broken)) or "as promised"
        rows.append(f"<tr><td>{link}</td><td>{one.rows:,}</td><td>{told}</td></tr>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tables</title>'
        "<h1>Whether tables are what their columns promise</h1>"
        f"<table><tr><th>table</th><th>rows</th><th>verdict</th></tr>{''.join(rows)}</table></html>\n"
    )
