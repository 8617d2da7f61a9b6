"""What options change, and what they must not: CRAM, reads copied to the lake, mixed lengths, recalibration."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pysam
import pytest

from engine.ops.calls import gvcf
from engine.reads.manifest import MANIFEST
from engine.recalibrate.gatk_report import read_report
from genomics_assets.artifacts import OF_A_SAMPLE
from tests.builders.deployment import Delivery, Deployment, tiny_deployment, write_reads, write_sheet

pytestmark = pytest.mark.slow

SAMPLE = Delivery("demo-unrelated-1")
SAME_AFTER_ALIGNMENT = ("variants", "annotated_variants", "findings")
AFTER_READS = [one.name for one in OF_A_SAMPLE if one.name != "raw_reads"]


def deliver(folder: Path, **options: str) -> Deployment:
    """A deployment with one sample registered, the knowledge built."""
    deployment = tiny_deployment(folder, **options)
    deployment.prepare()
    write_reads(deployment.settings.landing, SAMPLE)
    write_sheet(deployment.settings.landing / "sheet.csv", [SAMPLE.row()])
    deployment.register()
    succeed(deployment, "knowledge")
    return deployment


def succeed(deployment: Deployment, job: str, sample: str | None = None) -> None:
    done = deployment.execute(job, sample)
    assert done.returncode == 0, done.stderr[-6000:]


def test_cram_and_copied_reads_lead_to_the_same_findings(tmp_path: Path) -> None:
    usual, other = (tmp_path / name for name in ("usual", "other"))
    usual_deployment = deliver(usual)
    succeed(usual_deployment, "sample", SAMPLE.sample_id)
    deployment = deliver(other, GENOMICS_ALIGNMENT_FORMAT="cram", GENOMICS_READS="copy")
    assert deployment.materialize("raw_reads", sample=SAMPLE.sample_id).returncode == 0
    for path in deployment.settings.landing.glob("*.fastq.gz"):
        path.rename(path.with_name(f"{path.name}.moved"))  # copied reads no longer need them
    rest = deployment.materialize(*AFTER_READS, sample=SAMPLE.sample_id)
    assert rest.returncode == 0, rest.stderr[-6000:]

    lake = deployment.lake
    kept = lake.require("raw_reads", SAMPLE.sample_id)
    assert {file.name for file in kept.files} == {MANIFEST, "L001_R1.fastq.gz", "L001_R2.fastq.gz"}
    assert {entry["place"] for entry in json.loads(lake.path(kept, MANIFEST).read_text())} == {"lake"}

    aligned = lake.require("aligned_reads", SAMPLE.sample_id)
    assert {f"{SAMPLE.sample_id}.cram", f"{SAMPLE.sample_id}.cram.crai"} <= {file.name for file in aligned.files}
    usual_aligned = usual_deployment.lake.require("aligned_reads", SAMPLE.sample_id)
    fasta = next(other.rglob("reference_genome/**/*.fa*"))
    assert records(lake.path(aligned, f"{SAMPLE.sample_id}.cram"), fasta) == records(
        usual_deployment.lake.path(usual_aligned, f"{SAMPLE.sample_id}.bam"), fasta
    )
    for asset in SAME_AFTER_ALIGNMENT:
        one, two = (each.lake.require(asset, SAMPLE.sample_id) for each in (usual_deployment, deployment))
        assert calls(usual_deployment, asset) == calls(deployment, asset)
        assert one.measures == two.measures, asset


def records(path: Path, fasta: Path) -> list[list[str]]:
    """Fields of every record, tags in the order of their names: CRAM does not keep theirs."""
    with pysam.AlignmentFile(str(path), reference_filename=str(fasta)) as file:
        rows = (record.to_string().split("\t") for record in file)
        return [row[:11] + sorted(row[11:]) for row in rows]


def calls(deployment: Deployment, asset: str) -> list[str]:
    """The records of an asset's VCF, none where it has none."""
    receipt = deployment.lake.require(asset, SAMPLE.sample_id)
    names = [file.name for file in receipt.files if file.name.endswith(".vcf.gz")]
    return [
        line
        for name in names
        for line in gzip.decompress(deployment.lake.path(receipt, name).read_bytes()).decode().splitlines()
        if not line.startswith("##")
    ]


def test_mixed_read_lengths_are_refused_unless_the_laboratory_accepts_them(tmp_path: Path) -> None:
    deployment = deliver(tmp_path)
    for path in deployment.settings.landing.glob("*.fastq.gz"):
        shorten_half(path)
    refused = deployment.materialize("raw_reads", sample=SAMPLE.sample_id)
    assert refused.returncode == 1
    assert "mixed read lengths" in refused.stderr and "set GENOMICS_MIXED_READ_LENGTHS=accept" in refused.stderr
    accepting = Deployment(tmp_path, deployment.reference, {"GENOMICS_MIXED_READ_LENGTHS": "accept"})
    done = accepting.materialize("raw_reads", sample=SAMPLE.sample_id)
    assert done.returncode == 0, done.stderr[-6000:]
    assert deployment.lake.require("raw_reads", SAMPLE.sample_id).measures["read1_length_minimum"] == 75


def shorten_half(path: Path) -> None:
    """Cut every other read of a FASTQ file to 75 bases."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    for number in range(0, len(lines), 8):
        for line in (number + 1, number + 3):
            lines[line] = lines[line][:75]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 1, mtime=0))


def test_the_profile_gatk_best_practices_recalibrates_before_calling(tmp_path: Path) -> None:
    """From CRAM, which is decoded on the way to the counts and to the caller."""
    deployment = deliver(tmp_path, GENOMICS_PROFILE="gatk-best-practices", GENOMICS_ALIGNMENT_FORMAT="cram")
    done = deployment.materialize("raw_reads", "aligned_reads", "gvcf", sample=SAMPLE.sample_id)
    assert done.returncode == 0, done.stderr[-6000:]
    called = deployment.lake.require("gvcf", SAMPLE.sample_id)
    names = {file.name for file in called.files}
    report = f"{SAMPLE.sample_id}.recalibration.table"
    assert report in names and not [name for name in names if name.endswith(".bam")]
    table = read_report(deployment.lake.path(called, report))
    assert table.observations > 500_000 and 0 < table.mismatches < table.observations / 100
    assert called.recipe.inputs["known_sites"] == deployment.lake.require("known_sites").data_version
    assert called.recipe.parameters["profile"] == "gatk-best-practices" and called.recipe.parameters["recalibrates"]
    assert "engine.recalibrate.recalibration" in gvcf.code.modules  # so that a change of it is a change of the gVCF
