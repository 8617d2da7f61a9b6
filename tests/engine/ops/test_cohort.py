"""What is made of all samples in one run: the cohort's tables, and the pages about every table."""

from __future__ import annotations

from engine.cohort.models import cohort_models
from engine.ops.artifact import Published
from engine.ops.cohort import build_cohort, cohort_qc_report, data_docs
from engine.ops.notebooks import FIGURES, cohort_overview
from tests.engine.ops.conftest import CHILD, Family


def test_every_table_of_every_sample_and_of_the_cohort_is_judged(family: Family) -> None:
    build_cohort(family.resources)
    made = data_docs.make(family.resources, "", log=lambda _: None)
    assert isinstance(made, Published)
    measures, folder = made.receipt.measures, family.resources.lake.folder(made.receipt)
    assert measures["broken"] == [] and measures["tables"] == 3 * 2 + len(cohort_models())
    page = (folder / "index.html").read_text()
    assert f"annotated_variants.{CHILD}" in page and "cohort_allele_frequency" in page
    again = data_docs.make(family.resources, "", log=lambda _: None)
    assert isinstance(again, Published) and again.fresh


def test_the_quality_of_all_samples_stands_side_by_side(family: Family) -> None:
    made = cohort_qc_report.make(family.resources, "", log=lambda _: None)
    assert isinstance(made, Published) and made.receipt.measures["samples"] == 3
    page = (family.resources.lake.folder(made.receipt) / "index.html").read_text()
    assert all(f">{sample}</th>" in page for sample in ("child", "father", "mother"))
    assert cohort_qc_report.make(family.resources, "", log=lambda _: None).fresh  # type: ignore[union-attr]


def test_a_notebook_over_the_cohort_is_an_artifact_and_fresh_until_the_cohort_changes(family: Family) -> None:
    build_cohort(family.resources)
    made = cohort_overview.make(family.resources, "", log=lambda _: None)
    assert isinstance(made, Published) and made.receipt.measures["samples"] is None, "three are too few to tell"
    folder = family.resources.lake.folder(made.receipt)
    titles = made.receipt.measures[FIGURES]
    assert isinstance(titles, list) and {f"{title}.png" for title in titles} < {path.name for path in folder.iterdir()}
    page = (folder / "cohort_overview.html").read_text()
    assert "The cohort at a glance" in page and page.count("<td>not told</td>") >= 2, "one or two of a sex"
    assert {"matplotlib", "nbclient", "engine.cohort_overview.ipynb"} < made.receipt.recipe.tools.keys()
    assert "cohort_tables" in made.receipt.recipe.inputs
    assert cohort_overview.make(family.resources, "", log=lambda _: None).fresh  # type: ignore[union-attr]
