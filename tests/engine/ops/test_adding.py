"""A stranger adds an artifact by docs/architecture.md alone: what the page says is done to a copy of the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.engine.ops.conftest import FATHER, Family

PROJECT = Path(__file__).resolve().parents[3]
PACKAGES = ("engine", "resources", "genomics_assets", "dbt_project", "notebooks")
MAKE = """
import os, sys
from pathlib import Path
import dagster as dg
from engine.ops.calls import callable_bases
from genomics_assets.definitions import defs
from resources.environment import Settings, build_resources

graph = defs.resolve_asset_graph()
asset = graph.get(dg.AssetKey("callable_bases"))
print("edges", *sorted(key.to_user_string() for key in asset.parent_keys))
print("checks", *sorted(key.name for key in graph.asset_check_keys if key.asset_key == asset.key))
print("job", dg.AssetKey("callable_bases") in defs.resolve_job_def("sample").asset_layer.selected_asset_keys)
resources = build_resources(Settings.from_environment())
made = callable_bases.make(resources, sys.argv[1], log=print)
(path,) = resources.lake.folder(made.receipt).iterdir()
print("made", path.name, made.receipt.measures["called_bases"], *sorted(made.receipt.recipe.inputs))
print("fresh", callable_bases.make(resources, sys.argv[1], log=lambda _: None).fresh)
"""


def blocks() -> list[str]:
    """The page's blocks of code below its last heading: function, line, thresholds."""
    page = (PROJECT / "docs" / "architecture.md").read_text().partition("## How to add an artifact")[2]
    return re.findall(r"^```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_what_the_page_says_makes_an_artifact(family: Family, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    function, line, thresholds = blocks()
    stage = tmp_path / "engine" / "ops" / "calls.py"
    stage.write_text(stage.read_text() + "\n\n" + function)
    listed = tmp_path / "genomics_assets" / "artifacts.py"
    listed.write_text(listed.read_text().replace("    calls.variants,\n", "    calls.variants,\n" + line))
    table = tmp_path / "engine" / "quality" / "thresholds.yaml"
    table.write_text(table.read_text() + "\n" + thresholds)

    done = subprocess.run(
        [sys.executable, "-c", MAKE, FATHER],
        cwd=tmp_path,
        env=family.deployment.variables | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert said["edges"] == "gvcf reference_genome"
    assert said["checks"] == "called_bases" and said["job"] == "True" and said["fresh"] == "True"
    name, bases, *inputs = said["made"].split()
    assert name == f"{FATHER}.callable.tsv" and int(bases) > 20_000 and inputs == ["gvcf", "reference_genome"]
