"""A file that was edited by hand, with size and time as before, is refused where it is used: each kind of file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import GenomicsError
from resources.environment import build_resources
from tests.builders.deployment import DEFINITIONS, Delivery, Deployment, tiny_deployment, write_reads, write_sheet
from tests.builders.editing import edit_in_place

pytestmark = pytest.mark.slow

SAMPLE = Delivery("demo-unrelated-1")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment with one sample's report issued."""
    deployment = tiny_deployment(tmp_path_factory.mktemp("reported"))
    deployment.prepare()
    write_reads(deployment.settings.landing, SAMPLE)
    write_sheet(deployment.settings.landing / "sheet.csv", [SAMPLE.row()])
    deployment.register()
    for job, sample in (("knowledge", None), ("sample", SAMPLE.sample_id)):
        done = deployment.execute(job, sample)
        assert done.returncode == 0, done.stderr[-6000:]
    return deployment


@contextmanager
def edited(path: Path) -> Iterator[None]:
    """Edit a file, and put it back as it was."""
    content = path.read_bytes()
    edit_in_place(path)
    yield
    path.write_bytes(content)


def recompute(deployment: Deployment, asset: str) -> subprocess.CompletedProcess[str]:
    config = json.dumps({"ops": {asset: {"config": {"recompute": True}}}})
    words = ("dagster", "asset", "materialize", "-m", DEFINITIONS, "--select", asset, "--config-json", config)
    return deployment.run(*words, "--partition", SAMPLE.sample_id)


def test_every_file_of_every_artifact(reported: Deployment) -> None:
    platform, sample = build_resources(reported.settings), SAMPLE.sample_id
    assets = platform.lake.assets(sample)
    assert {"raw_reads", "aligned_reads", "gvcf", "variants", "annotated_variants", "findings", "fhir_bundle"} < {
        *assets
    }
    for asset in assets:
        receipt = platform.gate.require(asset, sample)
        for path in (platform.lake.path(receipt, file.name) for file in receipt.files):
            with edited(path), pytest.raises(GenomicsError) as refused:
                platform.gate.require(asset, sample)
            told = str(refused.value)
            assert told.startswith(f"sample {sample}: {path}: the content of {asset} differs"), told
            assert "Remedy: materialize" in told
        assert platform.gate.require(asset, sample) == receipt, "what was put back is good again"


def test_every_file_of_the_knowledge(reported: Deployment) -> None:
    lake = build_resources(reported.settings).lake
    assert {"reference_genome", "aligner_index", "gene_model", "clinvar"} <= {*lake.assets()}
    for asset in lake.assets():
        receipt = lake.require(asset)
        for path in (lake.path(receipt, file.name) for file in receipt.files):
            with edited(path), pytest.raises(GenomicsError, match=f"the content of {asset} differs"):
                lake.require(asset)


def test_every_receipt(reported: Deployment) -> None:
    platform, sample = build_resources(reported.settings), SAMPLE.sample_id
    for asset in platform.lake.assets(sample):
        receipt = platform.lake.require(asset, sample)
        path = platform.lake.folder(receipt).parent / "receipt.json"
        content = path.read_text()
        path.write_text(content.replace(f'"records": {receipt.records}', f'"records": {receipt.records + 1}'))
        with pytest.raises(GenomicsError, match=rf"sample {sample}: {path}: the receipt of {asset} was changed"):
            platform.gate.require(asset, sample)
        path.write_text(content)


def test_a_run_that_meets_an_edited_alignment_calls_nothing(reported: Deployment) -> None:
    lake = reported.lake
    before = lake.require("gvcf", SAMPLE.sample_id)
    alignment = lake.path(lake.require("aligned_reads", SAMPLE.sample_id), f"{SAMPLE.sample_id}.bam")
    with edited(alignment):
        done = recompute(reported, "gvcf")
    assert done.returncode == 1
    assert f"sample {SAMPLE.sample_id}: {alignment}: the content of aligned_reads differs" in done.stderr
    assert lake.require("gvcf", SAMPLE.sample_id) == before


def test_reads_that_were_edited_after_they_were_verified_are_not_aligned(reported: Deployment) -> None:
    reads = reported.settings.landing / SAMPLE.read_names[0]
    with edited(reads):
        done = recompute(reported, "aligned_reads")
    assert done.returncode == 1
    assert f"sample {SAMPLE.sample_id}: {reads}: the file has changed since it was verified" in done.stderr


@pytest.mark.parametrize("asset", ["raw_reads", "aligned_reads"])
def test_reads_that_became_a_link_out_of_the_landing_zone_are_refused(
    reported: Deployment, tmp_path: Path, asset: str
) -> None:
    reads = reported.settings.landing / SAMPLE.read_names[0]
    elsewhere = reads.rename(tmp_path / "elsewhere.fastq.gz")
    reads.symlink_to(elsewhere)
    try:
        done = recompute(reported, asset)
    finally:
        elsewhere.replace(reads)
    assert done.returncode == 1
    assert f"sample {SAMPLE.sample_id}: {reads}: the file is a link to {elsewhere}" in done.stderr
    assert "Remedy: put the file back as it was delivered" in done.stderr
