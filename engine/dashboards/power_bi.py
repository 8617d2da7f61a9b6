"""A Power BI project of the dashboards: a semantic model in TMDL over the snapshot's files, and a report in PBIR.

Everything is made of the statements of columns, measures and pages, so that none of them stands twice. The model
reads Parquet files below the lake's address; a role for each team shows its cases alone. What Microsoft's formats ask
is held against their published schemas by ``tests/engine/dashboards``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine.dashboards.columns import TABLES
from engine.dashboards.measures import MEASURES
from engine.dashboards.pages import PAGES, Page, Visual
from engine.tables import Column

NAME: Final = "Genomics"
SCHEMAS: Final = "https://developer.microsoft.com/json-schemas/fabric/"
NO_LAKE, NO_RELEASE = "https://account.dfs.core.windows.net/lake", "none"
"""Parameters of a project that is written for no deployment."""
EVERY_CASE: Final = "Every case"
"""Name of the role whose members see the cases of every team."""
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "VARCHAR": ("string", "type text"),
    "DATE": ("dateTime", "type date"),
    "DOUBLE": ("double", "type number"),
    "INTEGER": ("int64", "Int64.Type"),
    "BIGINT": ("int64", "Int64.Type"),
}
"""A column's type in TMDL and in M."""
_MARGIN, _WIDTH, _HEIGHT, _NUMBER_HEIGHT = 16, 1280, 720, 112
_VISUAL_TYPES: Final = {"number": "card", "bars": "clusteredColumnChart", "line": "lineChart"}
_NAMESPACE = uuid.UUID("8f6f1c1e-7d0a-4f8e-9a54-6c1f0d4d9e11")


def project(teams: Sequence[str], *, lake: str = NO_LAKE, release: str = NO_RELEASE) -> dict[str, str]:
    """The project's files by path.

    Args:
        teams: of the deployment; each becomes a role.
        lake: address of the lake's container at the Data Lake endpoint.
        release: data version of the snapshot.
    """
    files = {f"{NAME}.pbip": _json(_project())}
    for kind in ("SemanticModel", "Report"):
        files[f"{NAME}.{kind}/.platform"] = _json(_platform(kind))
    return files | _model(teams, lake, release) | _report()


def write_project(folder: Path, files: Mapping[str, str]) -> None:
    """Write a project's files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _project() -> dict[str, Any]:
    return {
        "$schema": f"{SCHEMAS}pbip/pbipProperties/1.0.0/schema.json",
        "version": "1.0",
        "artifacts": [{"report": {"path": f"{NAME}.Report"}}],
        "settings": {"enableAutoRecovery": True},
    }


def _platform(kind: str) -> dict[str, Any]:
    return {
        "$schema": f"{SCHEMAS}gitIntegration/platformProperties/2.1.0/schema.json",
        "metadata": {"type": kind, "displayName": NAME},
        "config": {"version": "2.0", "logicalId": _id(kind)},
    }


# The semantic model


def _model(teams: Sequence[str], lake: str, release: str) -> dict[str, str]:
    root = f"{NAME}.SemanticModel/"
    within = f"{root}definition/"
    roles = {EVERY_CASE: ""} | {team: team for team in sorted(teams)}
    pbism = {
        "$schema": f"{SCHEMAS}item/semanticModel/definitionProperties/1.0.0/schema.json",
        "version": "4.2",
        "settings": {},
    }
    return {
        f"{root}definition.pbism": _json(pbism),
        f"{within}database.tmdl": "database\n\tcompatibilityLevel: 1605\n",
        f"{within}model.tmdl": _model_file(roles),
        f"{within}expressions.tmdl": _expressions(lake, release),
        f"{within}relationships.tmdl": "\n".join(_relationships()),
        **{f"{within}tables/{name}.tmdl": _table(name) for name in TABLES},
        **{f"{within}roles/{_file(name)}.tmdl": _role(name, team) for name, team in roles.items()},
    }


def _model_file(roles: Mapping[str, str]) -> str:
    head = (
        "model Model\n\tculture: en-US\n\tdefaultPowerBIDataSourceVersion: powerBI_V3\n\tdiscourageImplicitMeasures\n"
    )
    tables = "".join(f"ref table {name}\n" for name in TABLES)
    return f"{head}\n{tables}\n" + "".join(f"ref role {_quoted(name)}\n" for name in roles)


def _expressions(lake: str, release: str) -> str:
    """The two parameters, and how a table is read: the root is constant, as scheduled refresh asks."""
    told = 'meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]'
    steps = (
        "(table as text) as table =>",
        "let",
        "    Files = AzureStorage.DataLake(LakeUrl),",
        '    Parts = Table.SelectRows(Files, each [Name] = table & ".parquet" and'
        ' Text.EndsWith([Folder Path], "/shared/gold_snapshot/" & Release & "/")),',
        '    Found = if Table.RowCount(Parts) = 1 then Parts else error "The lake at " & LakeUrl &'
        ' " has no release " & Release & " of " & table,',
        "    Rows = Parquet.Document(Binary.Buffer(Found{0}[Content]))",
        "in",
        "    Rows",
    )
    body = "".join(f"\t\t{line}\n" for line in steps)
    return (
        f"/// Container of the lake at the Data Lake endpoint\nexpression LakeUrl = {_text(lake)} {told}\n\n"
        f"/// Data version of the snapshot that is shown\nexpression Release = {_text(release)} {told}\n\n"
        f"expression fnGold = ```\n{body}\t\t```\n"
    )


def _relationships() -> Iterator[str]:
    for name, columns in TABLES.items():
        for column in columns:
            if column.refers_to:
                to = f"{column.refers_to}.{column.name}"
                yield (
                    f"relationship {_id(f'{name}.{column.name}')}\n"
                    f"\tfromColumn: {name}.{column.name}\n\ttoColumn: {to}\n"
                )


def _table(name: str) -> str:
    measures = "".join(_measure(one.name) for one in MEASURES.values() if one.table == name)
    columns = "".join(_column(column) for column in TABLES[name])
    types = ", ".join(f'{{"{column.name}", {_TYPES[column.type][1]}}}' for column in TABLES[name])
    steps = ("let", f'    Rows = fnGold("{name}"),', f"    Typed = Table.TransformColumnTypes(Rows, {{{types}}})")
    source = "".join(f"\t\t\t\t{line}\n" for line in (*steps, "in", "    Typed"))
    return f"table {name}\n\n{measures}{columns}\tpartition {name} = m\n\t\tmode: import\n\t\tsource =\n{source}"


def _measure(name: str) -> str:
    measure = MEASURES[name]
    return f"\t/// {measure.meaning}\n\tmeasure {_quoted(name)} = {measure.dax}\n\t\tformatString: {measure.format}\n\n"


def _column(column: Column) -> str:
    date = "\t\tformatString: yyyy-mm-dd\n" if column.type == "DATE" else ""
    hidden = "\t\tisHidden\n" if column.name == "case_id" else ""
    return (
        f"\t/// {column.description}\n\tcolumn {column.name}\n\t\tdataType: {_TYPES[column.type][0]}\n{date}{hidden}"
        f"\t\tsummarizeBy: none\n\t\tsourceColumn: {column.name}\n\n"
    )


def _role(name: str, team: str) -> str:
    """Of a team: its cases and, by the relations that lead from them, all that is theirs; else everything."""
    head = f"role {_quoted(name)}\n\tmodelPermission: read\n"
    if not team:
        return head
    own = f"case_teams[team] = {_text(team)}"
    cases = f"cases[case_id] IN CALCULATETABLE(VALUES(case_teams[case_id]), {own})"
    return f"{head}\n\ttablePermission case_teams = {own}\n\n\ttablePermission cases = {cases}\n"


# The report


def _report() -> dict[str, str]:
    root = f"{NAME}.Report/"
    within = f"{root}definition/"
    kinds = f"{SCHEMAS}item/report/definition/"
    theme = {"visual": "2.1.0", "report": "3.0.0", "page": "2.0.0"}
    files: dict[str, dict[str, Any]] = {
        f"{root}definition.pbir": {
            "$schema": f"{SCHEMAS}item/report/definitionProperties/2.0.0/schema.json",
            "version": "4.0",
            "datasetReference": {"byPath": {"path": f"../{NAME}.SemanticModel"}},
        },
        f"{within}version.json": {"$schema": f"{kinds}versionMetadata/1.0.0/schema.json", "version": "2.0.0"},
        f"{within}report.json": {
            "$schema": f"{kinds}report/3.0.0/schema.json",
            "themeCollection": {
                "baseTheme": {"name": "CY24SU10", "reportVersionAtImport": theme, "type": "SharedResources"}
            },
        },
        f"{within}pages/pages.json": {
            "$schema": f"{kinds}pagesMetadata/1.0.0/schema.json",
            "pageOrder": [page.name for page in PAGES],
            "activePageName": PAGES[0].name,
        },
    }
    for page in PAGES:
        files[f"{within}pages/{page.name}/page.json"] = _page(page, kinds)
        for visual, place in zip(page.visuals, _places(page.visuals), strict=True):
            files[f"{within}pages/{page.name}/visuals/{visual.name}/visual.json"] = _visual(visual, place, kinds)
    return {name: _json(told) for name, told in files.items()}


def _page(page: Page, kinds: str) -> dict[str, Any]:
    return {
        "$schema": f"{kinds}page/2.0.0/schema.json",
        "name": page.name,
        "displayName": page.title,
        "displayOption": "FitToPage",
        "height": _HEIGHT,
        "width": _WIDTH,
    }


def _places(visuals: Sequence[Visual]) -> list[dict[str, int]]:
    """Numbers in a row at the top, pictures below in at most two rows; in points from the page's corner."""
    numbers = sum(visual.kind == "number" for visual in visuals)
    pictures = len(visuals) - numbers
    top = _NUMBER_HEIGHT + 2 * _MARGIN if numbers else _MARGIN
    above = (pictures + 1) // 2 if pictures > 2 else pictures
    rows = [(numbers, _MARGIN, _NUMBER_HEIGHT)] if numbers else []
    lines = 2 if pictures > 2 else 1
    height = (_HEIGHT - top - lines * _MARGIN) // lines
    rows += [(above, top, height)]
    rows += [(pictures - above, top + height + _MARGIN, height)] if pictures > above else []
    places = [place for count, y, tall in rows for place in _row(count, y, tall)]
    return [place | {"z": number, "tabOrder": number} for number, place in enumerate(places)]


def _row(count: int, y: int, height: int) -> list[dict[str, int]]:
    width = (_WIDTH - _MARGIN * (count + 1)) // count
    return [{"x": _MARGIN + at * (width + _MARGIN), "y": y, "width": width, "height": height} for at in range(count)]


def _visual(visual: Visual, place: Mapping[str, int], kinds: str) -> dict[str, Any]:
    measures = [_projection("Measure", MEASURES[name].table, name) for name in visual.measures]
    state: dict[str, Any] = {"Values" if visual.kind == "number" else "Y": {"projections": measures}}
    for role, column in (("Category", visual.by), ("Series", visual.series)):
        if column:
            state[role] = {"projections": [_projection("Column", *column)]}
    title = {"text": _literal(f"'{visual.title.replace(chr(39), chr(39) * 2)}'"), "show": _literal("true")}
    return {
        "$schema": f"{kinds}visualContainer/2.1.0/schema.json",
        "name": visual.name,
        "position": dict(place),
        "visual": {
            "visualType": _VISUAL_TYPES[visual.kind],
            "query": {"queryState": state},
            "visualContainerObjects": {"title": [{"properties": title}]},
            "drillFilterOtherVisuals": True,
        },
    }


def _projection(kind: str, table: str, name: str) -> dict[str, Any]:
    field = {kind: {"Expression": {"SourceRef": {"Entity": table}}, "Property": name}}
    return {"field": field, "queryRef": f"{table}.{name}", "nativeQueryRef": name}


def _literal(value: str) -> dict[str, Any]:
    return {"expr": {"Literal": {"Value": value}}}


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=2) + "\n"


def _id(name: str) -> str:
    """The same whenever the project is written."""
    return str(uuid.uuid5(_NAMESPACE, name))


def _quoted(name: str) -> str:
    """A name in TMDL."""
    plain = name.replace("_", "").isalnum()
    return name if plain else "'" + name.replace("'", "''") + "'"


def _text(text: str) -> str:
    """A text in DAX and M."""
    return '"' + text.replace('"', '""') + '"'


def _file(role: str) -> str:
    """Name of a role's file: what no file system takes is a hyphen."""
    return "".join(sign if sign.isalnum() or sign in " -_." else "-" for sign in role)
