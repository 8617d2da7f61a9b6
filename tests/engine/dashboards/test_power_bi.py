"""The Power BI project as it lies in ``power_bi/``: what Microsoft's schemas ask, and that it fits the snapshot."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from engine.dashboards.columns import TABLES
from engine.dashboards.measures import MEASURES
from engine.dashboards.pages import PAGES
from engine.dashboards.power_bi import NAME, project, write_project
from engine.tables import arrow_schema
from resources.environment import PROJECT
from resources.teams import DEMO_TEAMS
from tests.builders import tmdl
from tests.builders.dax import Model
from tests.builders.standings import snapshot

FOLDER = PROJECT / "power_bi"
SCHEMAS = FOLDER / "schemas"
BASE = "https://developer.microsoft.com/json-schemas/"
JSON = [path for path in sorted(FOLDER.rglob("*")) if path.suffix in (".json", ".pbip", ".pbir", ".pbism")
        or path.name == ".platform"]  # fmt: skip
OWN = [path for path in JSON if not path.is_relative_to(SCHEMAS)]


@pytest.fixture(scope="module")
def schemas() -> Registry[Any]:
    read = [
        (BASE + path.relative_to(SCHEMAS).as_posix(), json.loads(path.read_text())) for path in SCHEMAS.rglob("*.json")
    ]
    kept = [(url, Resource.from_contents(told, default_specification=DRAFT7)) for url, told in read]
    return Registry().with_resources(kept)


def faults(told: dict[str, Any], schemas: Registry[Any]) -> list[str]:
    validator = Draft7Validator(schemas.contents(told["$schema"]), registry=schemas)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(told)]


def test_the_project_is_what_the_statements_make_of_it() -> None:
    """``genomics dashboards power_bi`` in a deployment of the demo writes it."""
    expected = project(tuple(DEMO_TEAMS.by_name))
    kept = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob("*")
            if path.is_file() and not path.is_relative_to(SCHEMAS)}  # fmt: skip
    assert kept == expected


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_every_json_is_of_microsofts_schema(path: Path, schemas: Registry[Any]) -> None:
    assert faults(json.loads(path.read_text()), schemas) == []


def test_a_visual_with_a_role_of_no_kind_is_found(schemas: Registry[Any]) -> None:
    path = next(one for one in OWN if one.parent.name == "all_cases")
    told = json.loads(path.read_text())
    for change in (
        lambda one: one["visual"].pop("visualType"),
        lambda one: one["position"].update(x="left"),
        lambda one: one["visual"]["query"]["queryState"]["Values"].update(projection=[]),
    ):
        broken = copy.deepcopy(told)
        change(broken)
        assert faults(broken, schemas)


def mismatches(model: Model, report: Path, snapshot: Path) -> list[str]:
    """What a report or a model names and nothing has: visuals against the model, the model against Parquet."""
    found = []
    for path in sorted(report.rglob("visual.json")):
        for role, state in json.loads(path.read_text())["visual"]["query"]["queryState"].items():
            for one in state["projections"]:
                ((kind, field),) = one["field"].items()
                table, name = field["Expression"]["SourceRef"]["Entity"], field["Property"]
                known = model.columns.get(table, {}) if kind == "Column" else model.measures
                if name not in known:
                    found.append(f"{path.parent.name}: {role} names {table}.{name}")
    for table, sources in model.sources.items():
        there = pq.read_schema(snapshot / f"{table}.parquet").names
        found += [f"{table}.{name} is no column of the file" for name in sources if name not in there]
        found += [f"{table}.{name} is not in the model" for name in there if name not in sources]
    for table, column, to, key in model.relations:
        if column not in model.columns.get(table, {}) or key not in model.columns.get(to, {}):
            found.append(f"relation of {table}.{column}")
    return found


def test_every_visual_measure_and_column_is_of_the_model_and_of_the_files(tmp_path: Path) -> None:
    made = snapshot(tmp_path)
    model = Model.read(FOLDER / f"{NAME}.SemanticModel" / "definition")
    report = FOLDER / f"{NAME}.Report"
    assert mismatches(model, report, made) == []
    assert len(list(report.rglob("visual.json"))) == sum(len(page.visuals) for page in PAGES)
    model.rows = {name: pq.ParquetFile(made / f"{name}.parquet").read().to_pylist() for name in TABLES}
    assert all(model.value(name) is not None for name in MEASURES)
    del model.measures["Carrier frequency"]
    model.columns["findings"].pop("gene")
    model.sources["findings"].remove("gene")
    assert len(mismatches(model, report, made)) >= 4


def test_each_column_has_the_type_that_its_file_has() -> None:
    model = Model.read(FOLDER / f"{NAME}.SemanticModel" / "definition")
    arrow = {"string": "string", "date32[day]": "dateTime", "double": "double", "int64": "int64"}
    for table, columns in TABLES.items():
        wanted = {field.name: arrow[str(field.type)] for field in arrow_schema(columns)}
        assert model.columns[table] == wanted


def test_microsofts_parser_reads_in_the_model_what_ours_does(tmp_path: Path) -> None:
    folder = FOLDER / f"{NAME}.SemanticModel" / "definition"
    model = Model.read(folder)
    ((is_read, found),) = tmdl.read(tmdl.compiled(tmp_path), folder)
    assert is_read, found
    kinds = {"string": "String", "dateTime": "DateTime", "double": "Double", "int64": "Int64"}
    columns = {f"column {table}.{name} {kinds[kind]}" for table, told in model.columns.items()
               for name, kind in told.items()}  # fmt: skip
    roles = {f"role {path.stem}" for path in (folder / "roles").glob("*.tmdl")}
    expected = columns | {f"measure {name}" for name in MEASURES} | roles | {f"relations {len(model.relations)}"}
    assert found - expected == set() and expected - found == set()


def test_microsofts_parser_refuses_a_model_that_was_broken(tmp_path: Path) -> None:
    program, whole = tmdl.compiled(tmp_path), FOLDER / f"{NAME}.SemanticModel" / "definition"
    breaks = {
        "property": ("tables/findings.tmdl", "sourceColumn: gene", "sourcecolour: gene"),
        "type": ("tables/findings.tmdl", "dataType: string", "dataType: text"),
        "indentation": ("tables/findings.tmdl", "\t\tdataType: string", "\t\t\t\tdataType: string"),
        "relation": ("relationships.tmdl", ".case", ".nothing"),
    }
    folders = []
    for name, (file, old, new) in breaks.items():
        folders.append(tmp_path / name)
        shutil.copytree(whole, folders[-1])
        text = (folders[-1] / file).read_text()
        assert old in text, name
        (folders[-1] / file).write_text(text.replace(old, new, 1))
    assert [is_read for is_read, _ in tmdl.read(program, *folders)] == [False] * len(breaks)


def test_a_team_whose_name_no_file_takes_has_its_role(tmp_path: Path) -> None:
    write_project(tmp_path, project(('a/b: "c"',)))
    role = tmp_path / f"{NAME}.SemanticModel/definition/roles/a-b- -c-.tmdl"
    assert 'case_teams[team] = "a/b: ""c"""' in role.read_text()
