"""A dbt model's code version changes with all that makes its table, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from dbt_project import FOLDER
from engine.cohort.model_versions import model_versions
from engine.cohort.models import cohort_models
from engine.errors import ToolError

MARTS = (
    "actionable_findings allele_frequency_by_stratum cohort_allele_frequency dim_sample fct_call gene_burden"
    " gene_carriers sample_qc sample_stratum turnaround"
)
STAGED = (
    *("allele_count", "annotated_samples", "calls", "cases", "coverage_step", "gene_alleles", "measures", "no_calls"),
    *("samples", "strata", "told_findings"),
)
ALL = {*MARTS.split(), *(f"stg_{name}" for name in STAGED)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "before", ignore=shutil.ignore_patterns("target", "logs")))


def changed_by(project: Path, name: str, old: str, new: str) -> set[str]:
    """The models whose version an edit changes."""
    before = model_versions(project)
    edited = Path(shutil.copytree(project, project.with_name("after")))
    text = (edited / name).read_text()
    assert old in text
    (edited / name).write_text(text.replace(old, new, 1))
    after = model_versions(edited)
    return {model for model in before if before[model] != after.get(model)}


def test_every_published_table_has_a_version() -> None:
    versions = model_versions()
    assert set(versions) == ALL > {model.name for model in cohort_models()}
    assert len(set(versions.values())) == len(ALL)


@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        (
            "models/marts/fct_call.sql",
            "select",
            "select distinct",
            {"fct_call"},
        ),
        (
            "models/staging/stg_allele_count.sql",
            "ploidy > 1",
            "ploidy > 2",
            {"stg_allele_count", "cohort_allele_frequency", "allele_frequency_by_stratum", "gene_burden"},
        ),
        (
            "models/staging/stg_no_calls.sql",
            "select",
            "select distinct",
            {
                *("stg_no_calls", "stg_coverage_step", "cohort_allele_frequency", "allele_frequency_by_stratum"),
                "gene_burden",
            },
        ),
        (
            "models/staging/stg_annotated_samples.sql",
            "select",
            "select distinct",
            {"stg_annotated_samples", "gene_burden", "gene_carriers"},
        ),
        ("macros/delta.sql", "order by uri", "order by uri desc", ALL),
        ("dbt_project.yml", "version:", "on-run-start: select 1\nversion:", ALL),
        ("models/marts/marts.yml", "          - hom\n", "", {"fct_call"}),
        (
            "tests/allele_counts_lie_within_allele_numbers.sql",
            "> 1",
            "> 2",
            {"cohort_allele_frequency", "gene_burden"},
        ),
        ("models/marts/allele_frequency_by_stratum.sql", "-- As cohort", "-- Like cohort", set()),
        ("models/marts/cohort_allele_frequency.sql", "select count", "select  count", set()),
        ("macros/delta.sql", "The rows of", "All rows of", set()),
        ("models/marts/marts.yml", "description: The samples of the cohort", "description: Samples", set()),
        ("tests/allele_counts_lie_within_allele_numbers.sql", "-- More copies", "-- Copies", set()),
    ],
)
def test_an_edit_changes_the_models_it_concerns(
    project: Path, name: str, old: str, new: str, changed: set[str]
) -> None:
    assert changed_by(project, name, old, new) == changed


def test_a_template_in_a_comment_counts_since_dbt_runs_it(project: Path) -> None:
    name = "models/staging/stg_calls.sql"
    (project / name).write_text("-- {% set table = 'calls' %}\nselect * from {{ delta(table) }}\n")
    assert "stg_calls" in changed_by(project, name, "'calls'", "'no_calls'")


def test_a_model_that_refers_to_nothing_is_refused(project: Path) -> None:
    (project / "models" / "marts" / "broken.sql").write_text("select * from {{ ref('gone') }}")
    with pytest.raises(ToolError, match="gone"):
        model_versions(project)
