"""Imports point one way: genomics_assets, console -> resources -> engine; only engine/ops.py knows Dagster."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "engine": {"resources", "console", "genomics_assets", "demo", "dagster", "azure", "adlfs", "pyspark"},
    "resources": {"console", "genomics_assets", "demo"},
    "console": {"genomics_assets", "demo", "dagster"},
    "genomics_assets": {"console", "demo"},
    "demo": set(),
    "dbt_project": {"engine", "resources", "console", "genomics_assets", "demo", "dagster"},
}
DAGSTER_IN_ENGINE = {"engine/ops.py"}
SOURCES = [path for package in FORBIDDEN for path in sorted((PROJECT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, inside functions too."""
    packages = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            packages.add(node.module.split(".")[0])
    return packages


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_file_imports_only_what_lies_below_it(path: Path) -> None:
    name = path.relative_to(PROJECT).as_posix()
    allowed = {"dagster"} if name in DAGSTER_IN_ENGINE else set()
    assert not imported(path) & (FORBIDDEN[name.split("/")[0]] - allowed)


def test_every_folder_of_code_is_a_package_that_is_installed() -> None:
    import tomllib

    found = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    assert {pattern.rstrip("*") for pattern in found["include"]} == set(FORBIDDEN)
    without = {path.parent for path in SOURCES if not (path.parent / "__init__.py").exists()}
    assert not without, "setuptools finds packages by their __init__.py"
