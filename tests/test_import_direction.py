"""Imports point one way: genomics_assets, console, portal -> resources -> engine.

In the engine later steps import earlier ones. Only the seam's dagster_op knows Dagster.
"""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "engine": {"resources", "console", "portal", "genomics_assets", "demo", "dagster", "azure", "adlfs", "pyspark"},
    "resources": {"console", "portal", "genomics_assets", "demo"},
    "console": {"portal", "genomics_assets", "demo", "dagster"},
    "portal": {"console", "genomics_assets", "demo"},
    "genomics_assets": {"console", "portal", "demo"},
    "demo": set(),
    "notebooks": {"resources", "console", "portal", "genomics_assets", "demo", "dagster"},
    "dbt_project": {"engine", "resources", "console", "portal", "genomics_assets", "demo", "dagster"},
}
STEPS = (
    "machines",
    "files",
    "reference",
    "reads",
    "align",
    "recalibrate",
    "call",
    "genotype",
    "identity",
    "structural",
    "mitochondria",
    "repeats",
    "annotate",
    "phenotype",
    "acmg",
    "classify",
    "pharmacogenomics",
    "risk",
    "cohort",
    "report",
    "reanalysis",
    "fhir",
    "hl7v2",
    "compare",
    "exchange",
    "quality",
    "notebook",
    "dashboards",
)
"""The engine's folders in the order in which they may import each other: later ones import earlier ones."""
ABOVE_THE_STEPS = {"cli", "commands", "start", "warm", "ops"}
"""What puts steps together. Any other module at the engine's top is below all of them."""
DAGSTER_IN_ENGINE = {"engine/ops/dagster_op.py"}
SOURCES = [path for package in FORBIDDEN for path in sorted((PROJECT / package).rglob("*.py"))]
ENGINE_SOURCES = [path for path in SOURCES if path.is_relative_to(PROJECT / "engine")]


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


def test_the_engine_alone_holds_every_folder_that_its_commands_reach() -> None:
    """``distributions/engine`` names the folders; those of the commands' imports, and of theirs, are among them."""
    import tomllib
    from fnmatch import fnmatchcase

    project = tomllib.loads((PROJECT / "distributions" / "engine" / "pyproject.toml").read_text())
    held = project["tool"]["setuptools"]["packages"]["find"]["include"]
    imports: dict[str, set[str]] = {}
    for path in ENGINE_SOURCES:
        imports.setdefault(part_of(path), set()).update(engine_parts(path))
    reached, waiting = set(), {"start", "warm"}
    while waiting:
        part = waiting.pop()
        reached.add(part)
        waiting |= imports[part] - reached
    folders = {f"engine.{part}" for part in reached if (PROJECT / "engine" / part).is_dir()}
    assert not {folder for folder in folders if not any(fnmatchcase(folder, pattern) for pattern in held)}


def engine_parts(path: Path) -> set[str]:
    """The folders and top modules of the engine that a file imports, its own aside."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "engine":
            names = [f"engine.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        parts |= {name.split(".")[1] for name in names if name.startswith("engine.")}
    return parts - {part_of(path)}


def part_of(path: Path) -> str:
    return path.relative_to(PROJECT / "engine").with_suffix("").parts[0]


def not_below(part: str, imported: set[str]) -> set[str]:
    """Of the engine's parts that ``part`` imports, those that do not lie below it."""
    if part in ABOVE_THE_STEPS:
        return imported & {"ops"}
    below = set(STEPS[: STEPS.index(part)]) if part in STEPS else set()
    return {other for other in imported if other in {*STEPS, *ABOVE_THE_STEPS} and other not in below}


@pytest.mark.parametrize("path", ENGINE_SOURCES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_inside_the_engine_later_steps_import_earlier_ones(path: Path) -> None:
    assert not not_below(part_of(path), engine_parts(path))


def test_every_folder_of_the_engine_has_its_place_in_the_order() -> None:
    folders = {path.parent.name for path in (PROJECT / "engine").glob("*/__init__.py")}
    assert folders <= {*STEPS, *ABOVE_THE_STEPS}, "put a new folder where it belongs in STEPS"


@pytest.mark.parametrize(
    ("part", "imports", "wrong"),
    [
        ("call", {"reads", "errors"}, set()),
        ("reads", {"call"}, {"call"}),
        ("errors", {"reference"}, {"reference"}),
        ("fhir", {"ops", "classify"}, {"ops"}),
        ("commands", {"reference", "ops"}, {"ops"}),
        ("genotype", {"cli"}, {"cli"}),
    ],
)
def test_an_import_upwards_is_found(part: str, imports: set[str], wrong: set[str]) -> None:
    assert not_below(part, imports) == wrong
