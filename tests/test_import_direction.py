"""Imports point one way: genomics_assets -> resources -> engine; only engine/ops.py knows Dagster."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "engine": {"resources", "genomics_assets", "demo", "dagster", "azure", "adlfs", "pyspark"},
    "resources": {"genomics_assets", "demo"},
    "genomics_assets": {"demo"},
    "demo": set(),
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


def test_every_package_is_listed_for_installation() -> None:
    import tomllib

    listed = set(tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {
        path.parent.relative_to(PROJECT).as_posix().replace("/", ".")
        for top in ("engine", "resources", "genomics_assets", "demo")
        for path in (PROJECT / top).rglob("__init__.py")
    }
    assert listed == there
