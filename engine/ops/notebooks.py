"""Notebooks over the cohort as artifacts: each a page of text and figures, with the measures that it tells.

What a notebook says is in ``notebooks/``; here stands what it is made from.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from engine.code_version import code_version
from engine.errors import KnowledgeError, LakeError
from engine.notebook.run import run_notebook
from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Artifact, CohortFiles, EverySample, Making, Options, Parts
from engine.ops.services import Settings
from engine.reference.bundle import ReferenceBundle
from engine.reference.bundle_file import write_bundle
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
        others = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - _OURS
        above = [FOLDER.parent.joinpath(*one.split(".")).with_suffix(".py") for one in modules if one in _ABOVE]
        version = code_version(*ours, files=[path, *above], distributions=sorted(others))
        return version.tools(f"{name}.ipynb")

    return programs


_ABOVE = {"resources.spark"}
"""Modules above the engine that notebooks import: their text counts, not what they import in turn."""
_OURS = {"engine", "resources"}
"""Packages that are no distributions; all others that notebooks import are called as they are imported."""


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


def _run(
    name: str, making: Making, tables: CohortFiles, parameters: Mapping[str, object] | None = None, **more: Path
) -> Computed:
    """Run a notebook over the cohort's tables, and more files by the name that each has there."""
    if tables.cohort is None:
        raise LakeError("the cohort's tables are not built yet", remedy="run the job `cohort` first")
    making.log(f"running {name}.ipynb")
    inputs = {"cohort": tables.cohort.folder, **more}
    ran = run_notebook(
        FOLDER / f"{name}.ipynb", making.folder, inputs=inputs, parameters=parameters or {}, scratch=making.scratch
    )
    records = ran.measures.get("samples", ran.measures.get("alleles"))
    return Computed(records if isinstance(records, int) else 0, {**ran.measures, FIGURES: list(ran.figures)})


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("cohort_overview"))
def cohort_overview(making: Making, tables: Tables) -> Computed:
    """The cohort at a glance: alleles of each sample, the frequency spectrum, where samples were not called."""
    return _run("cohort_overview", making, tables)


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("ancestry_and_relatedness"))
def ancestry_and_relatedness(
    making: Making,
    tables: Annotated[CohortFiles, EverySample("identity")],
    reference: Annotated[ReferenceBundle, Parts("ancestry_panel")],
) -> Computed:
    """Principal components of the genotypes, samples before the ancestry panel's persons, and kinship of all pairs."""
    if reference.ancestry_panel is None:
        return _run("ancestry_and_relatedness", making, tables)
    from engine.identity.sample import write_placed

    placed = making.scratch / "placed.parquet"
    version = reference.versions["ancestry_panel"]
    by_panel = {sample: one for (_, sample), one in tables.of_samples.items() if _panel_of(one) == version}
    write_placed({sample: one.measures for sample, one in by_panel.items()}, placed)
    told = {"panel": "ancestry_panel.npz", "placed": placed.name}
    files = {"ancestry_panel.npz": reference.ancestry_panel, placed.name: placed}
    return _run("ancestry_and_relatedness", making, tables, told, **files)


def _panel_of(identity: Artifact) -> str | None:
    """Version of the ancestry panel that a sample was placed by: places of two cannot be compared."""
    return identity.receipt.recipe.inputs.get("ancestry_panel")


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("association"))
def association(making: Making, tables: Tables) -> Computed:
    """Which alleles come with the phenotype that most samples have; with sex, as a check, where none has enough."""
    return _run("association", making, tables)


@artifact(kinds={"jupyter", "html"}, by_sample=False, pool="notebooks", programs=_said_by("risk_strata"))
def risk_strata(making: Making, tables: Tables) -> Computed:
    """Strata of the cohort by a score, and how they fare where outcomes are known."""
    return _run("risk_strata", making, tables)


@artifact(kinds={"jupyter", "parquet"}, by_sample=False, pool="notebooks", programs=_said_by("annotate"))
def annotate_cohort(
    making: Making,
    tables: Tables,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model", "clinvar", "frequencies", "dbsnp")],
    settings: Annotated[Settings, Options("cohort_engine")],
) -> Computed:
    """Every distinct allele of the cohort, annotated once: what they do, how rare they are, which ClinVar knows."""
    if reference.gene_model is None:
        raise KnowledgeError(
            "the reference has no gene model, by which alleles are annotated",
            remedy="declare gene_model in its YAML, or leave this asset out of the run",
        )
    bundle = making.scratch / "bundle.json"
    write_bundle(reference, bundle)
    return _run("annotate", making, tables, {"engine": settings.cohort_engine}, **{"bundle.json": bundle})


@artifact(kinds={"jupyter", "parquet"}, by_sample=False, pool="notebooks", programs=_said_by("merge_and_analyze"))
def merge_and_analyze(
    making: Making,
    tables: Tables,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "frequencies")],
    settings: Annotated[Settings, Options("cohort_engine")],
) -> Computed:
    """The cohort's frequencies beside those that the reference declares, by source and never added up."""
    told: dict[str, object] = {"engine": settings.cohort_engine}
    if reference.frequencies is None:
        return _run("merge_and_analyze", making, tables, told)
    told["others"] = {"frequencies": "frequencies.parquet"}
    return _run("merge_and_analyze", making, tables, told, **{"frequencies.parquet": reference.frequencies})
