"""The DAX that the dashboards' measures are written in, computed over tables as Power BI does: nothing else is known.

It knows no line of :mod:`engine.dashboards`: measures, columns and relations are read out of the TMDL files. A filter
of ``CALCULATE`` takes the place of those on the same column, unless it is kept; relations let the filter of a table
reach the tables that refer to it.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
Context = dict[tuple[str, str], list[Callable[[Any], bool]]]
_MEASURE = re.compile(r"^\tmeasure (?:'((?:[^']|'')+)'|(\w+)) = (.+)$", re.M)
_COLUMN = re.compile(r"^\tcolumn (\w+)\n\t\tdataType: (\w+)", re.M)
_SOURCE = re.compile(r"^\t\tsourceColumn: (\w+)$", re.M)
_RELATION = re.compile(r"fromColumn: (\w+)\.(\w+)\n\ttoColumn: (\w+)\.(\w+)")
_PERMISSION = re.compile(r"^\ttablePermission (\w+) = (.+)$", re.M)
_CALL = re.compile(r"(\w+)\((.*)\)$", re.S)
_PLACE = re.compile(r"(\w+)\[(\w+)\]$")


@dataclass
class Model:
    """A semantic model over tables.

    Attributes:
        measures: DAX by name.
        columns: types by table and column.
        relations: from table and column to table and column.
        permissions: by role, DAX by table.
        rows: of each table.
    """

    measures: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    relations: list[tuple[str, str, str, str]] = field(default_factory=list)
    permissions: dict[str, dict[str, str]] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Model:
        """Out of the TMDL files of a definition."""
        model = cls()
        for path in sorted((folder / "tables").glob("*.tmdl")):
            text = path.read_text()
            model.columns[path.stem] = dict(_COLUMN.findall(text))
            model.sources[path.stem] = _SOURCE.findall(text)
            for quoted, plain, dax in _MEASURE.findall(text):
                model.measures[quoted.replace("''", "'") or plain] = dax
        model.relations = _RELATION.findall((folder / "relationships.tmdl").read_text())
        for path in (folder / "roles").glob("*.tmdl"):
            model.permissions[path.stem] = dict(_PERMISSION.findall(path.read_text()))
        return model

    def value(self, measure: str, context: Context | None = None) -> float | None:
        """A measure in a filter context; absent where DAX says blank."""
        return self._value(self.measures[measure], context or {})

    def by(
        self, measure: str, place: tuple[str, str], series: tuple[str, str] | None = None
    ) -> dict[tuple[str, str], float]:
        """A measure of each category and series, as a picture shows it: blanks are not shown."""
        told = {}
        for one in self._distinct(place):
            for other in self._distinct(series) if series else [None]:
                context: Context = {place: [lambda value, one=one: value == one]}
                if series:
                    context[series] = [lambda value, other=other: value == other]
                value = self.value(measure, context)
                if value is not None:
                    told[str(one if one is not None else ""), str(other if other is not None else "")] = value
        return told

    def seen_by(self, role: str) -> Model:
        """What members of a role see: rows that the role's filters leave, and those that refer to them."""
        seen = dict(self.rows)
        for table, dax in self.permissions[role].items():
            seen[table] = [row for row in self.rows[table] if self._condition(dax, table)(row)]
        for table, column, to, key in self.relations:
            known = {row[key] for row in seen[to]}
            seen[table] = [row for row in seen[table] if row[column] in known]
        return Model(self.measures, self.columns, self.sources, self.relations, self.permissions, seen)

    def _distinct(self, place: tuple[str, str]) -> list[Any]:
        return list(dict.fromkeys(row[place[1]] for row in self.rows[place[0]]))

    def _value(self, dax: str, context: Context) -> float | None:
        dax = dax.strip()
        if dax.startswith("["):
            return self.value(dax[1:-1], context)
        found = _CALL.fullmatch(dax)
        assert found, f"no DAX that is known here: {dax}"
        name, parts = found[1], _split(found[2])
        if name == "DIVIDE":
            part, whole = (self._value(one, context) for one in parts)
            return part / whole if part is not None and whole else None
        if name == "CALCULATE":
            return self._value(parts[0], self._filtered(context, parts[1:]))
        return self._aggregated(name, parts[0], context)

    def _filtered(self, context: Context, filters: list[str]) -> Context:
        changed = {place: list(tests) for place, tests in context.items()}
        for one in filters:
            kept = one.startswith("KEEPFILTERS(")
            dax = one[len("KEEPFILTERS(") : -1] if kept else one
            place, test = _test(dax)
            changed[place] = [*changed.get(place, []), test] if kept else [test]
        return changed

    def _aggregated(self, name: str, over: str, context: Context) -> float | None:
        if name == "COUNTROWS":
            return len(self._rows(over, context)) or None
        found = _PLACE.fullmatch(over)
        assert found, over
        values = [row[found[2]] for row in self._rows(found[1], context)]
        there = [value for value in values if value is not None]
        if name == "DISTINCTCOUNT":
            return len(set(values)) or None
        known = {"MEDIAN": statistics.median, "AVERAGE": statistics.fmean, "SUM": sum}
        return known[name](there) if there else None

    def _rows(self, table: str, context: Context) -> list[Row]:
        """Of a table, filtered by its own columns and by the tables that it refers to."""
        rows = [
            row
            for row in self.rows[table]
            if all(test(row[column]) for (place, column), tests in context.items() if place == table for test in tests)
        ]
        for source, column, to, key in self.relations:
            if source == table and any(place == to for place, _ in context):
                known = {row[key] for row in self._rows(to, context)}
                rows = [row for row in rows if row[column] in known]
        return rows

    def _condition(self, dax: str, table: str) -> Callable[[Row], bool]:
        found = re.fullmatch(r"(\w+)\[(\w+)\] IN CALCULATETABLE\(VALUES\((\w+)\[(\w+)\]\), (.+)\)", dax)
        if found:
            (other, column), test = _test(found[5])
            assert other == found[3]
            values = {row[found[4]] for row in self.rows[other] if test(row[column])}
            return lambda row: row[found[2]] in values
        (place, column), test = _test(dax)
        assert place == table
        return lambda row: test(row[column])


def _test(dax: str) -> tuple[tuple[str, str], Callable[[Any], bool]]:
    if found := re.fullmatch(r"NOT ISBLANK\((\w+)\[(\w+)\]\)", dax):
        return (found[1], found[2]), lambda value: value is not None
    if found := re.fullmatch(r'(\w+)\[(\w+)\] = "((?:[^"]|"")*)"', dax):
        wanted = found[3].replace('""', '"')
        return (found[1], found[2]), lambda value: value == wanted
    raise AssertionError(f"no filter that is known here: {dax}")


def _split(text: str) -> list[str]:
    """Arguments at the top of a call."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, sign in enumerate(text):
        quoted ^= sign == '"'
        depth += 0 if quoted else {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth and not quoted:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]
