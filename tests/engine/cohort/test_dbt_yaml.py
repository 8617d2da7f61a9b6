"""dbt is told of the cohort's columns what the columns say, and refuses SQL that makes others."""

import shutil
from pathlib import Path

import pytest
import yaml

from dbt_project import FOLDER
from engine.cohort import dbt_yaml, tables
from engine.cohort.models import cohort_models
from engine.errors import ToolError


def test_the_projects_yaml_is_what_the_columns_say() -> None:
    for path, text in dbt_yaml.files().items():
        assert (FOLDER / path).read_text() == text, "run: python -m engine.cohort.dbt_yaml"


def test_the_command_writes_every_file(tmp_path: Path) -> None:
    project = Path(shutil.copytree(FOLDER, tmp_path / "project"))
    for path in dbt_yaml.files():
        (project / path).write_text("models: []")
    dbt_yaml.write(project)
    for path, text in dbt_yaml.files().items():
        assert (project / path).read_text() == text


def test_every_column_is_told_with_type_unit_and_tests() -> None:
    told = {model["name"]: model for path in dbt_yaml.files() for model in read(path)}
    assert set(told) == {f"stg_{name}" for name in tables.READ} | {model.name for model in cohort_models()}
    calls = {column["name"]: column for column in told["fct_call"]["columns"]}
    assert calls["depth"]["data_type"] == "integer" and calls["depth"]["config"]["meta"] == {"unit": "reads"}
    to_samples = {"relationships": {"arguments": {"to": "ref('dim_sample')", "field": "sample_id"}}}
    assert calls["sample_id"]["data_tests"] == ["not_null", to_samples]
    assert calls["zygosity"]["data_tests"] == [{"accepted_values": {"arguments": {"values": ["het", "hom"]}}}]


def read(path: Path) -> list:
    return yaml.safe_load((FOLDER / path).read_text())["models"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alt_depth", "alt_depth, 1 as more"),
        ("    contig,\n", "    contig as chromosome,\n"),
        ("depth,", "'1' as depth,"),
    ],
    ids=["one more", "another name", "another type"],
)
def test_sql_that_makes_other_columns_than_stated_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    project = Path(shutil.copytree(FOLDER, tmp_path / "project"))
    model = project / "models" / "marts" / "fct_call.sql"
    assert old in model.read_text()
    model.write_text(model.read_text().replace(old, new, 1))
    monkeypatch.setattr(tables, "PROJECT", project)
    (tmp_path / "scratch").mkdir()
    with pytest.raises(ToolError, match="contract"):
        tables.build_tables({}, tmp_path, tmp_path / "scratch", threads=1)
