"""Notebooks over the cohort as artifacts: each a page of text and figures, with the measures that it tells.

What a notebook says is in ``notebooks/``; here stands what it is made from.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from engine.code_version import code_version
from engine.errors import LakeError
from engine.notebook.run import run_notebook
from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import CohortFiles, EverySample, Making
from engine.ops.services import Settings
from notebooks import FOLDER

FIGURES = "figures"
"""Measure of a notebook: titles of its figures."""
Tables = Annotated[CohortFiles, EverySample()]


def _said_by(name: str) -> Callable[[Settings], Mapping[str, str]]:
    """Versions of what a notebook says and of what it imports: a changed one is run again."""

    def programs(settings: Settings) -> Mapping[str, str]:
        path = FOLDER / f"{name}.ipynb"
        modules = sorted(set(_imports(path)))
        ours = [module for module in modules if module.partition(".")[0] == "engine"]
        others = {module.partition(".")[0] for module in modules} - {"engine"}
        version = code_version(*ours, files=[path], distributions=sorted(others & _TOOLS))
        return version.tools(f"{name}.ipynb")

    return programs


_TOOLS = {"duckdb", "matplotlib", "numpy", "pandas", "scipy"}
"""Distributions that notebooks import, called as they are imported."""


def _imports(notebook: Path) -> Iterator[str]:
    """Modules that a notebook's cells import."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module


def _run(name: str, making: Making, tables: CohortFiles) -> Computed:
    """Run a notebook over the cohort's tables."""
    if tables.cohort is None:
        raise LakeError("the cohort's tables are not built yet", remedy="run the job `cohort` first")
    making.log(f"running {name}.ipynb")
    inputs = {"cohort": tables.cohort.folder}
    ran = run_notebook(FOLDER / f"{name}.ipynb", making.folder, inputs=inputs, parameters={}, scratch=making.scratch)
    samples = ran.measures.get("samples")
    return Computed(samples if isinstance(samples, int) else 0, {**ran.measures, FIGURES: list(ran.figures)})


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("cohort_overview"))
def cohort_overview(making: Making, tables: Tables) -> Computed:
    """The cohort at a glance: alleles of each sample, the frequency spectrum, where samples were not called."""
    return _run("cohort_overview", making, tables)


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("ancestry_and_relatedness"))
def ancestry_and_relatedness(making: Making, tables: Tables) -> Computed:
    """Principal components of the genotypes, and the kinship of all pairs of samples."""
    return _run("ancestry_and_relatedness", making, tables)


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("association"))
def association(making: Making, tables: Tables) -> Computed:
    """Which alleles come with the phenotype that most samples have; with sex, as a check, where none has enough."""
    return _run("association", making, tables)


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("risk_strata"))
def risk_strata(making: Making, tables: Tables) -> Computed:
    """Strata of the cohort by a score, and how they fare where outcomes are known."""
    return _run("risk_strata", making, tables)
