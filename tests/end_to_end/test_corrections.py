"""What follows when something is corrected: sheet, files or knowledge; and when a person withdraws.

The tests go on from one to the next with the same sample, as corrections do.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pysam
import pytest

from tests.builders.deployment import Delivery, Deployment, tiny_deployment, write_reads, write_sheet

pytestmark = pytest.mark.slow

SAMPLE = Delivery("demo-unrelated-1")
OTHER_SEX = {"male": "female", "female": "male"}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment with one sample's report issued."""
    deployment = tiny_deployment(tmp_path_factory.mktemp("reported"))
    deployment.prepare()
    write_reads(deployment.settings.landing, SAMPLE)
    write_sheet(deployment.settings.landing / "sheet.csv", [SAMPLE.row()])
    deployment.register()
    run(deployment, "knowledge")
    run(deployment, "sample", SAMPLE.sample_id)
    return deployment


def run(deployment: Deployment, job: str, sample: str | None = None) -> None:
    done = deployment.execute(job, sample)
    assert done.returncode == 0, done.stderr[-6000:]


def report(deployment: Deployment) -> tuple[str, dict[str, Any]]:
    """When the report was issued, and the bundle."""
    receipt = deployment.lake.require("fhir_bundle", SAMPLE.sample_id)
    (name,) = [file.name for file in receipt.files if file.name.endswith(".json")]
    return str(receipt.measures["issued"]), json.loads(deployment.lake.path(receipt, name).read_text())


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def test_a_second_run_leaves_the_report_as_it_was_issued(reported: Deployment) -> None:
    before = report(reported)
    run(reported, "sample", SAMPLE.sample_id)
    assert report(reported) == before


def test_a_clinvar_release_amends_the_reports_it_touches_and_no_other(reported: Deployment) -> None:
    before, variants = report(reported), reported.lake.require("annotated_variants", SAMPLE.sample_id)
    harmless = carried(reported, "clinvar_variation_id IS NULL AND filter = 'PASS' AND length(ref || alt) = 2")
    release(reported, "2025-01", f"chr{harmless}\t999\tAVP\tBenign\tno_assertion\t\t\t\t\n")
    run(reported, "sample", SAMPLE.sample_id)
    assert reported.lake.require("annotated_variants", SAMPLE.sample_id).data_version != variants.data_version
    assert reported.lake.require("annotated_variants", SAMPLE.sample_id).recipe.knowledge["clinvar"] == "2025-01"
    assert report(reported) == before

    sources = reported.folder / "data" / "sources" / "clinvar.tsv.gz"
    lines = gzip.decompress(sources.read_bytes()).decode()
    told = "\tPathogenic\tcriteria_provided,_multiple_submitters,_no_conflicts\t"
    assert told in lines
    sources.write_bytes(gzip.compress(lines.replace(told, "\tPathogenic\treviewed_by_expert_panel\t").encode()))
    release(reported, "2025-02")
    run(reported, "sample", SAMPLE.sample_id)
    (issued, bundle), (issued_again, amended) = before, report(reported)
    assert "reviewed by expert panel" in json.dumps(amended) and "reviewed by expert panel" not in json.dumps(bundle)
    assert "ClinVar 2025-02" in json.dumps(amended) and issued_again > issued


def carried(deployment: Deployment, condition: str) -> str:
    """An allele of the sample, as a ClinVar table begins its lines: contig without chr, position, ref, alt."""
    receipt = deployment.lake.require("annotated_variants", SAMPLE.sample_id)
    table = deployment.lake.path(receipt, f"{SAMPLE.sample_id}.annotated.parquet")
    query = f"SELECT allele FROM read_parquet('{table}') WHERE {condition} ORDER BY position LIMIT 1"
    ((allele,),) = duckdb.sql(query).fetchall()
    return str(allele).replace("-", "\t")


def release(deployment: Deployment, name: str, *more: str) -> None:
    """A new ClinVar release: the present one with further lines."""
    source, declaration = deployment.folder / "data" / "sources" / "clinvar.tsv.gz", Path(deployment.reference)
    source.write_bytes(source.read_bytes() + gzip.compress("".join(more).encode(), mtime=0))
    declared = [line for line in declaration.read_text().splitlines() if not line.startswith("clinvar_release")]
    declaration.write_text("\n".join([*declared, f'clinvar_release: "{name}"', ""]))
    run(deployment, "knowledge")


def test_a_corrected_sex_amends_the_report_though_no_call_changes(reported: Deployment) -> None:
    issued, bundle = report(reported)
    calls = reported.lake.require("variants", SAMPLE.sample_id).data_version
    row = SAMPLE.row()
    corrected = row | {"sex": OTHER_SEX[row["sex"]]}
    write_sheet(reported.settings.landing / "sheet.csv", [corrected])
    reported.register()
    run(reported, "sample", SAMPLE.sample_id)

    assert reported.lake.require("variants", SAMPLE.sample_id).data_version == calls
    assert [patient["gender"] for patient in resources(bundle, "Patient")] == [row["sex"]]
    issued_again, amended = report(reported)
    assert [patient["gender"] for patient in resources(amended, "Patient")] == [corrected["sex"]]
    assert issued_again > issued


def test_a_gene_that_a_new_gene_model_lacks_is_no_longer_said_to_be_studied(reported: Deployment) -> None:
    issued, bundle = report(reported)
    without_gene(reported.folder / "data" / "sources" / "genes.gff3.gz", "OXT")
    run(reported, "knowledge")
    run(reported, "sample", SAMPLE.sample_id)

    issued_again, amended = report(reported)
    assert "OXT" in json.dumps(bundle) and "OXT" not in json.dumps(amended)
    assert issued_again > issued


def test_files_moved_and_a_lane_renamed_are_read_where_they_are_now(reported: Deployment) -> None:
    landing = reported.settings.landing
    (landing / "archive").mkdir()
    row = SAMPLE.row() | {"lane": "L007"}
    for column in ("read1", "read2"):
        (landing / row[column]).rename(landing / "archive" / row[column])
        row[column] = f"archive/{row[column]}"
    write_sheet(landing / "sheet.csv", [row])
    reported.register()
    done = reported.materialize("raw_reads", "aligned_reads", sample=SAMPLE.sample_id)
    assert done.returncode == 0, done.stderr[-6000:]

    receipt = reported.lake.require("aligned_reads", SAMPLE.sample_id)
    with pysam.AlignmentFile(str(reported.lake.path(receipt, f"{SAMPLE.sample_id}.bam"))) as file:
        assert [group["ID"] for group in file.header.to_dict()["RG"]] == [f"{SAMPLE.sample_id}.L007"]


def test_a_withdrawn_sample_leaves_the_cohort_and_is_not_run_again(reported: Deployment) -> None:
    run(reported, "cohort")
    assert reported.lake.require("cohort_tables").measures["dim_sample"] == 1
    reason = ("--person", "Dr Example", "--reason", "consent taken back")
    done = reported.run("genomics", "withdraw", SAMPLE.sample_id, *reason)
    assert done.returncode == 0, done.stderr

    run(reported, "cohort")
    left = reported.lake.require("cohort_tables").measures
    assert left["dim_sample"] == left["fct_call"] == left["cohort_allele_frequency"] == left["sample_qc"] == 0
    refused = reported.execute("sample", SAMPLE.sample_id)
    assert refused.returncode == 1
    assert f"sample {SAMPLE.sample_id}: the sample was withdrawn. Remedy: " in refused.stderr
    assert "retry" not in refused.stderr.lower()


def without_gene(gene_model: Path, symbol: str) -> None:
    """Take a gene, its transcripts and their parts out of a GFF3."""
    lines = gzip.decompress(gene_model.read_bytes()).decode().splitlines(keepends=True)
    gone: set[str] = set()
    kept: list[str] = []
    for line in lines:
        attributes = dict(part.partition("=")[::2] for part in line.rstrip().rpartition("\t")[2].split(";"))
        if attributes.get("Name") == symbol or attributes.get("Parent") in gone:
            gone.add(attributes.get("ID", ""))
        else:
            kept.append(line)
    assert gone and len(kept) < len(lines)
    gene_model.write_bytes(gzip.compress("".join(kept).encode(), mtime=0))
