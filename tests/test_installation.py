"""What is installed elsewhere, not editable, works there: the whole platform, and the engine alone."""

from __future__ import annotations

import ast
import gzip
import json
import random
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pysam
import pytest

from tests.builders.alignments import random_sequence, write_reference
from tests.builders.installed import PROJECT, Environment, build, install, lend_kernels
from tests.builders.sequencing import cut_pairs, write_lane

ENGINE_ALONE = PROJECT / "distributions" / "engine"
NOT_OF_THE_ENGINE = ("dagster", "dbt", "duckdb", "fhir", "pandas", "resources", "console", "genomics_assets")
DISTRIBUTION = {"bwa_mem3": "bwa-mem3", "llvmlite": "numba", "yaml": "pyyaml"}
"""Distributions that bring an import of another name."""


def project(folder: Path) -> dict[str, Any]:
    return project_file(folder)["project"]


def project_file(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def reached(module: str) -> dict[str, Path]:
    """The engine's modules that a module imports, directly or not, with their files; itself included."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        place = PROJECT.joinpath(*name.split("."))
        files = [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
        if name in found or not files:
            continue
        found[name] = files[0]
        waiting += [imported for imported in imports(files[0]) if imported.startswith("engine")]
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return found


@cache
def imports(file: Path) -> set[str]:
    """Modules, and names of modules that may be modules, that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def installed_with_the_engine() -> set[Path]:
    """Every module of the engine's distribution, whether a command reaches it or not."""
    patterns = project_file(ENGINE_ALONE)["tool"]["setuptools"]["packages"]["find"]["include"]
    folders = [PROJECT.joinpath(*pattern.rstrip("*").split(".")) for pattern in patterns]
    return {file for folder in folders for file in (folder.glob if folder.name == "engine" else folder.rglob)("*.py")}


def imports_on_loading(file: Path) -> set[str]:
    """What a module needs to be loaded: what it imports outside functions and not for types alone."""
    statements = [one for one in ast.parse(file.read_text()).body if isinstance(one, ast.Import | ast.ImportFrom)]
    return {
        name
        for one in statements
        for name in ([alias.name for alias in one.names] if isinstance(one, ast.Import) else [one.module or ""])
    }


def test_the_engine_alone_requires_what_its_code_imports() -> None:
    files = [file for module in ("engine.cli", "engine.warm") for file in reached(module).values()]
    packages = {name.split(".")[0] for file in files for name in imports(file)}
    packages |= {name.split(".")[0] for file in installed_with_the_engine() for name in imports_on_loading(file)}
    foreign = packages - set(sys.stdlib_module_names) - {"engine", "_typeshed"}
    stated = project(ENGINE_ALONE)
    extras = [line for lines in stated["optional-dependencies"].values() for line in lines]
    required = {re.split(r"[<>=]", line)[0] for line in (*stated["dependencies"], *extras)}
    assert {DISTRIBUTION.get(package, package) for package in foreign} == required


def test_the_engine_alone_agrees_with_the_platform() -> None:
    alone, platform = project(ENGINE_ALONE), project(PROJECT)
    assert set(alone["dependencies"]) <= set(platform["dependencies"])
    assert alone["optional-dependencies"].items() <= platform["optional-dependencies"].items()
    for fact in ("version", "requires-python", "license"):
        assert alone[fact] == platform[fact]
    assert alone["scripts"].items() <= platform["scripts"].items()


@pytest.fixture(scope="module")
def platform_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(PROJECT, tmp_path_factory.mktemp("platform-wheel"))


@pytest.fixture(scope="module")
def platform(platform_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return install(platform_wheel, tmp_path_factory.mktemp("platform") / "venv")


@pytest.fixture(scope="module")
def engine_alone(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    wheel = build(ENGINE_ALONE, tmp_path_factory.mktemp("engine-wheel"))
    made = install(wheel, tmp_path_factory.mktemp("engine") / "venv")
    lend_kernels(made)
    return made


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_the_wheel(platform_wheel: Path) -> None:
    packed = set(zipfile.ZipFile(platform_wheel).namelist())
    setuptools = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]
    listed = subprocess.run(
        ["git", "ls-files", *(pattern.rstrip("*") for pattern in setuptools["packages"]["find"]["include"])],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a clone: git does not say which files are the project's")
    assert set(listed.stdout.split()) <= packed
    assert not [name for name in packed if "__pycache__" in name or name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.slow
def test_the_code_location_loads_where_the_platform_was_installed(platform: Environment, tmp_path: Path) -> None:
    names = "asset.key.to_user_string() for asset in defs.resolve_all_asset_specs()"
    loaded = platform.run(
        "python", "-c", f"from genomics_assets.definitions import defs; print(*({names}))", folder=tmp_path
    )
    assert loaded.returncode == 0, loaded.stderr
    assert {"raw_reads", "fhir_bundle", "cohort_allele_frequency"} <= set(loaded.stdout.split())
    where = platform.run("python", "-c", "import genomics_assets; print(genomics_assets.__file__)", folder=tmp_path)
    assert Path(where.stdout).is_relative_to(platform.packages)


@pytest.mark.slow
def test_the_installed_commands_run_and_keep_their_data_where_they_are_run(
    platform: Environment, tmp_path: Path
) -> None:
    said = platform.run("genomics", "--version", folder=tmp_path)
    assert said.stdout == f"genomics {project(PROJECT)['version']}\n", said.stderr
    assert "genotype" in platform.run("genomics-engine", "--help", folder=tmp_path).stdout
    empty = platform.run("genomics", "samples", folder=tmp_path)
    assert empty.returncode == 0
    assert f"no samples in {tmp_path.resolve() / 'data' / 'demo'}." in empty.stderr
    assert not (tmp_path / "data").exists()
    (tmp_path / "data" / "demo").mkdir(parents=True)
    made = platform.run("genomics", "samples", folder=tmp_path)
    assert made.returncode == 0, "the registry is made and brought up to date where the platform was installed"


@pytest.mark.slow
def test_the_demos_reference_is_written_from_the_installed_data_and_dagster_loads_the_workspace(
    platform: Environment, tmp_path: Path
) -> None:
    written = platform.run("python", "-m", "demo.reference", "reference", folder=tmp_path)
    assert written.returncode == 0 and list((tmp_path / "reference").glob("*.fa.gz")), written.stderr
    prepared = platform.run(
        "python",
        "-c",
        "from genomics_assets.instance import prepare_instance; from resources.environment import Settings\n"
        "print(prepare_instance(Settings.from_environment()) / 'workspace.yaml')",
        folder=tmp_path,
    )
    assert prepared.returncode == 0, prepared.stderr
    valid = platform.run("dagster", "definitions", "validate", "--workspace", prepared.stdout.strip(), folder=tmp_path)
    assert valid.returncode == 0, valid.stderr


@pytest.mark.slow
def test_dbt_builds_the_cohort_from_the_installed_models_and_writes_nothing_beside_them(
    platform: Environment, tmp_path: Path
) -> None:
    models = platform.packages / "dbt_project"
    before = sorted(path for path in models.rglob("*") if "__pycache__" not in path.parts)
    (tmp_path / "scratch").mkdir()
    built = platform.run(
        "python",
        "-c",
        "import sys; from pathlib import Path; from engine.cohort.tables import build_tables\n"
        "folder = Path(sys.argv[1])\n"
        "print(all(test.passed for test in build_tables({}, folder, folder / 'scratch', threads=1)))",
        tmp_path,
        folder=tmp_path,
    )
    assert built.stdout == "True\n", built.stderr
    assert (tmp_path / "cohort_allele_frequency.parquet").is_file()
    assert sorted(path for path in models.rglob("*") if "__pycache__" not in path.parts) == before


@pytest.mark.slow
def test_the_engine_alone_has_neither_dagster_nor_dbt_nor_fhir_and_every_module_loads(
    engine_alone: Environment, tmp_path: Path
) -> None:
    code = (
        "import importlib, importlib.util, pkgutil, engine\n"
        f"print(*(name for name in {NOT_OF_THE_ENGINE!r} if importlib.util.find_spec(name)))\n"
        "for module in pkgutil.walk_packages(engine.__path__, 'engine.'):\n"
        "    importlib.import_module(module.name)\n"
    )
    done = engine_alone.run("python", "-c", code, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n", "installed with the engine, though it does not need it"


@pytest.mark.slow
def test_the_engine_alone_goes_from_reads_to_compared_genotypes(engine_alone: Environment, tmp_path: Path) -> None:
    sequence = random_sequence(4_000)
    reference = write_reference(tmp_path, {"chr20": sequence})
    changed = "A" if sequence[2_000] != "A" else "C"
    other = sequence[:2_000] + changed + sequence[2_001:]
    copies = enumerate((sequence, other))
    pairs = [pair for seed, copy in copies for pair in cut_pairs(copy, 300, seed=seed, prefix=f"M:{seed}:F:1:1101")]
    random.Random(1).shuffle(pairs)
    lane = write_lane(tmp_path, pairs)

    def engine(command: str, *arguments: str | Path) -> None:
        done = engine_alone.run(
            "genomics-engine", command, "--reference", reference.fasta, *arguments, folder=tmp_path, timeout=1800
        )
        assert done.returncode == 0, done.stderr

    bam, gvcf, vcf, summary = (tmp_path / name for name in ("S1.bam", "S1.g.vcf.gz", "S1.vcf.gz", "summary.json"))
    lanes = ("--read1", lane.read1, "--read2", lane.read2)
    engine("align", "--sample", "S1", *lanes, "--output", bam, "--threads", "1", "--optical-distance", "2500")
    with pysam.AlignmentFile(str(bam)) as file:
        programs = [program["CL"] for program in file.header.to_dict()["PG"]]
    assert "genomics-engine align --optical-distance 2500" in programs
    engine("call", "--reads", bam, "--output", gvcf, "--threads", "1")
    engine("genotype", "--gvcf", gvcf, "--output", vcf)
    engine("compare", "--truth", vcf, "--query", vcf, "--output", summary)
    calls = [line.split("\t") for line in gzip.decompress(vcf.read_bytes()).decode().splitlines() if line[0] != "#"]
    assert [(int(call[1]) - 1, call[4], call[9][:3]) for call in calls] == [(2_000, changed, "0/1")]
    assert json.loads(summary.read_text())["SNP"]["f1"] == 1
