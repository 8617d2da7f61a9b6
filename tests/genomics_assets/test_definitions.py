"""The code location explains itself: every asset says whose it is, what it is and what it is made of."""

import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from engine.quality.thresholds import load_thresholds
from genomics_assets.definitions import defs
from genomics_assets.partitions import SAMPLES

PROJECT = Path(__file__).resolve().parents[2]
GRAPH = defs.resolve_asset_graph()
LOADED_BY_STEPS = {
    *("numba", "llvmlite", "scipy", "pysam", "cyvcf2", "pyarrow", "duckdb", "deltalake", "dbt", "pyspark"),
    *("fhir", "fhirpathpy", "hl7apy", "httpx", "jinja2", "great_expectations", "alembic"),
}
BY_SAMPLE = {
    "raw_reads": set(),
    "aligned_reads": {"raw_reads"},
    "gvcf": {"aligned_reads"},
    "identity": {"aligned_reads", "gvcf"},
    "relatedness": {"identity"},
    "variants": {"gvcf"},
    "variant_consequences": {"variants"},
    "annotated_variants": {"variant_consequences"},
    "target_depths": {"aligned_reads"},
    "structural_variants": {"aligned_reads", "target_depths"},
    "repeats": {"aligned_reads"},
    "mitochondria": {"aligned_reads"},
    "homozygosity": {"variants"},
    "smn_copies": {"aligned_reads"},
    "further_findings": {
        "structural_variants",
        "repeats",
        "mitochondria",
        "homozygosity",
        "smn_copies",
        "trio_variants",
    },
    "exon_coverage": {"aligned_reads", "gvcf"},
    "trio_variants": {"gvcf"},
    "findings": {"annotated_variants", "gvcf", "relatedness"},
    "pharmacogenomics": {"aligned_reads", "variants", "gvcf"},
    "polygenic_scores": {"variants", "gvcf", "identity"},
    "statement": {
        *("raw_reads", "aligned_reads", "gvcf", "identity", "relatedness"),
        *("variants", "variant_consequences", "annotated_variants", "findings", "further_findings"),
    },
    "clinical_report": {"statement"},
    "fhir_bundle": {"statement", "clinical_report"},
    "ehr_delivery": {"fhir_bundle"},
    "hl7v2_delivery": {"statement", "clinical_report"},
    "cohort_contribution": {"raw_reads", "aligned_reads", "gvcf", "variants", "relatedness"},
}
KNOWLEDGE = {
    "reference_genome",
    "aligner_index",
    "gene_model",
    "known_sites",
    "clinvar",
    "phenotypes",
    "frequencies",
    "identity_panel",
}
COHORT = {"data_docs", "cohort_qc_report", "study_cohorts", "gold_snapshot", "joint_call"}
NOTEBOOKS = {
    "annotate_cohort",
    "merge_and_analyze",
    "cohort_overview",
    "ancestry_and_relatedness",
    "association",
    "risk_strata",
}
REANALYSIS = {"knowledge_confirmations"}
TOLD = {"work_list", "samples_behind"}
"""What no run makes: a sensor tells of it."""
TABLES = {
    "dim_sample",
    "sample_stratum",
    "fct_call",
    "cohort_allele_frequency",
    "allele_frequency_by_stratum",
    "sample_qc",
    "gene_burden",
    "gene_carriers",
    "actionable_findings",
    "turnaround",
}


def node(name: str):
    return GRAPH.get(dg.AssetKey(name))


def test_these_are_the_assets() -> None:
    whole = set(BY_SAMPLE) | KNOWLEDGE | COHORT | NOTEBOOKS | REANALYSIS | TABLES | TOLD
    assert {key.to_user_string() for key in GRAPH.get_all_asset_keys()} == whole


@pytest.mark.parametrize("name", sorted(set(BY_SAMPLE) | KNOWLEDGE | COHORT | NOTEBOOKS | REANALYSIS | TABLES | TOLD))
def test_an_asset_is_described_owned_and_grouped(name: str) -> None:
    asset = node(name)
    assert asset.description and len(asset.description) > 30
    assert asset.owners and asset.kinds and asset.group_name != "default"


@pytest.mark.parametrize(
    "name",
    [
        *("variant_consequences", "annotated_variants", "exon_coverage", "findings", "cohort_contribution"),
        *sorted(TABLES),
    ],
)
def test_a_table_has_a_schema_with_types_and_meanings(name: str) -> None:
    schema = node(name).metadata["dagster/column_schema"]
    assert schema.columns and all(column.type and column.description for column in schema.columns)


def test_the_catalogue_shows_units_and_promises_of_a_column() -> None:
    shown = {column.name: column for column in node("fct_call").metadata["dagster/column_schema"].columns}
    assert shown["depth"].description.endswith("(unit: reads)") and shown["depth"].constraints.nullable
    assert not shown["sample_id"].constraints.nullable and not shown["sample_id"].constraints.unique
    (sample,) = (c for c in node("dim_sample").metadata["dagster/column_schema"].columns if c.name == "sample_id")
    assert sample.constraints.unique


@pytest.mark.parametrize(("name", "upstream"), BY_SAMPLE.items())
def test_lineage_of_a_sample_leads_from_the_reads_to_the_bundle(name: str, upstream: set[str]) -> None:
    parents = {key.to_user_string() for key in node(name).parent_keys}
    assert parents & set(BY_SAMPLE) == upstream
    assert node(name).partitions_def == SAMPLES


def test_every_threshold_is_a_check_and_every_blocking_one_blocks() -> None:
    checks = {key: GRAPH.get_check_spec(key) for key in GRAPH.asset_check_keys}
    for row in load_thresholds().thresholds:
        spec = checks[dg.AssetCheckKey(dg.AssetKey(row.asset), row.name)]
        assert spec.blocking == (row.severity == "block")
        assert row.meaning in (spec.description or "")


def test_one_name_for_the_code_location_everywhere() -> None:
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    (entry,) = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    names = {
        pyproject["dagster"]["code_location_name"],
        pyproject["dg"]["project"]["code_location_name"],
        entry["python_module"]["location_name"],
    }
    assert names == {"genomics_assets"}


def test_dagster_takes_the_definitions_as_a_whole() -> None:
    """Names are told apart among jobs and what they consist of, which nothing but the whole shows."""
    dg.Definitions.validate_loadable(defs)


def test_jobs_cover_every_asset() -> None:
    covered = set()
    for name in ("knowledge", "sample", "delivery", "cohort", "notebooks", "joint_genotyping", "reanalysis"):
        job = defs.resolve_job_def(name)
        covered |= {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    assert covered == set(BY_SAMPLE) | KNOWLEDGE | COHORT | NOTEBOOKS | REANALYSIS | TABLES


def test_what_only_some_steps_need_is_not_loaded_with_the_code_location() -> None:
    """Every run and every tick loads it: a library that comes along costs each of them."""
    tell = "import sys, genomics_assets.definitions; print(*{name.partition('.')[0] for name in sys.modules})"
    told = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True, cwd=PROJECT)
    loaded = set(told.stdout.split())
    assert {"dagster", "sqlalchemy", "engine"} <= loaded
    assert not loaded & LOADED_BY_STEPS
