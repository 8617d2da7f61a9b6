"""A sample's way with the lake in Azure Blob Storage (Azurite): the same data versions as on this machine's disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from resources.environment import PROJECT
from resources.lake import Lake, LocalLake
from resources.lake.azure import AzureLake
from tests.builders.azurite import Token, azurite, why_not
from tests.builders.deployment import Delivery, Deployment, tiny_deployment, write_reads, write_sheet

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not() or "")]

SAMPLE = Delivery("demo-unrelated-1")
_SIGNED_IN = """
import azure.identity
from tests.builders.azurite import Token
azure.identity.DefaultAzureCredential = Token
"""
"""Read by every Python process at its start: Azurite believes any token, and there is nobody who gives a real one."""
MADE_ANEW = {"statement", "clinical_report", "fhir_bundle"}
"""They tell when they were made."""


def deliver(folder: Path, **options: str) -> Deployment:
    deployment = tiny_deployment(folder, **options)
    deployment.prepare()
    write_reads(deployment.settings.landing, SAMPLE)
    write_sheet(deployment.settings.landing / "sheet.csv", [SAMPLE.row()])
    deployment.register()
    for job, sample in (("knowledge", None), ("sample", SAMPLE.sample_id)):
        done = deployment.execute(job, sample)
        assert done.returncode == 0, done.stderr[-6000:]
    return deployment


def versions(lake: Lake) -> dict[str, str]:
    whose = [(asset, None) for asset in lake.assets()]
    whose += [(asset, SAMPLE.sample_id) for asset in lake.assets(SAMPLE.sample_id)]  # type: ignore[misc]
    return {asset: lake.require(asset, sample).data_version for asset, sample in whose if asset not in MADE_ANEW}


def test_the_lake_in_the_cloud_holds_the_same_and_nothing_of_it_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = azurite()
    url = running.container()
    (tmp_path / "signed_in").mkdir()
    (tmp_path / "signed_in" / "sitecustomize.py").write_text(_SIGNED_IN)
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Token)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.certificate))
    cloud = deliver(
        tmp_path / "cloud",
        GENOMICS_ENV="azure",
        GENOMICS_LAKE=url,
        PYTHONPATH=f"{tmp_path / 'signed_in'}:{PROJECT}",
        REQUESTS_CA_BUNDLE=str(running.certificate),
    )
    assert not (cloud.settings.data / "lake").exists()
    shutil.rmtree(cloud.settings.data / "cache")
    here = deliver(tmp_path / "here")
    in_the_cloud = versions(AzureLake(url, Token(), tmp_path / "elsewhere", options=running.options))
    assert in_the_cloud == versions(LocalLake(here.settings.data / "lake"))
    assert {"reference_genome", "aligned_reads", "variants", "findings"} <= in_the_cloud.keys()
