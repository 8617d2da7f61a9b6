"""Dagster's own state in a PostgreSQL database, and what steps print in Azure Blob Storage, by the options alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resources.dagster_storage import StorageAddressError, storage_address, storage_configuration
from resources.environment import PROJECT, Settings, SettingsError
from resources.sample_runs import RunState, open_runs
from tests.builders import azurite
from tests.builders.postgres import PASSWORD, running_server

_SIGNED_IN = """
import azure.identity
from tests.builders.azurite import Token
azure.identity.DefaultAzureCredential = Token
"""
_RUN = """
import sys
import dagster as dg
from genomics_assets.instance import prepare_instance
from resources.environment import Settings, build_resources

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["S0001"]))
def gvcf():
    print("printed by the step", file=sys.stderr)

settings = Settings.from_environment()
prepare_instance(settings)
with dg.DagsterInstance.get() as instance:
    job = dg.define_asset_job("sample", [gvcf]).resolve(asset_graph=dg.Definitions([gvcf]).resolve_asset_graph())
    assert job.execute_in_process(instance=instance, partition_key="S0001").success
"""


def test_state_is_in_the_database_and_output_in_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if azurite.why_not():
        pytest.skip(azurite.why_not() or "")
    from azure.storage.blob import ContainerClient

    cloud = azurite.azurite()
    container = cloud.container()
    (tmp_path / "sitecustomize.py").write_text(_SIGNED_IN)
    with running_server() as server:
        server.query("CREATE DATABASE dagster")
        variables = {
            "GENOMICS_ENV": "azure",
            "GENOMICS_DATA": str(tmp_path / "data"),
            "GENOMICS_LAKE": cloud.container(),
            "GENOMICS_COMPUTE_LOGS": container,
            "GENOMICS_DAGSTER_STORAGE": f"postgresql://tests:{{secret:dagster-password}}@/dagster?host={server.folder}",
            "SECRET_DAGSTER_PASSWORD": PASSWORD,
            "REQUESTS_CA_BUNDLE": str(cloud.certificate),
        }
        with_path = os.environ | variables | {"PYTHONPATH": f"{tmp_path}:{PROJECT}"}
        done = subprocess.run([sys.executable, "-c", _RUN], env=with_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        settings = Settings.from_environment(variables)
        (run,) = server.query("SELECT pipeline_name, status FROM runs", "dagster")
        assert list(run) == ["sample", "SUCCESS"]
        events = server.query("SELECT step_key FROM event_logs WHERE dagster_event_type = 'STEP_SUCCESS'", "dagster")
        assert len(events) == 1 and not list(settings.dagster_home.rglob("*.db"))
        assert PASSWORD not in (settings.dagster_home / "dagster.yaml").read_text()
        monkeypatch.setenv("DAGSTER_STORAGE_URL", settings.dagster_storage or "")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cloud.certificate))
        monkeypatch.setattr("azure.identity.DefaultAzureCredential", azurite.Token)
        with open_runs(settings.dagster_home) as runs:
            assert runs is not None and [run.state for run in runs.of_samples(["S0001"]).values()] == [RunState.DONE]
    blobs = ContainerClient.from_container_url(container, credential=azurite.Token(), **cloud.options)
    printed = [name for name in blobs.list_blob_names() if name.endswith(".err")]
    assert printed and printed[0].startswith("compute-logs/storage/")
    assert b"printed by the step" in blobs.download_blob(printed[0]).readall()


@pytest.mark.parametrize(
    ("address", "ends"),
    [
        ("postgresql://u@db.example.org/dagster", "?sslmode=verify-full&sslrootcert=system"),
        ("postgresql://u@db.example.org/dagster?sslrootcert=/ca.pem", "?sslrootcert=/ca.pem&sslmode=verify-full"),
        ("postgresql://u@/dagster?host=db.example.org", "?host=db.example.org&sslmode=verify-full&sslrootcert=system"),
        ("postgresql://u@/dagster?host=/run/postgresql", "?host=/run/postgresql"),
        ("postgresql://u@db.example.org/dagster?sslmode=require", "?sslmode=require"),
        ("postgresql://u@127.0.0.1:5433/dagster", ":5433/dagster"),
    ],
)
def test_the_servers_certificate_is_verified_unless_it_is_this_machine(address: str, ends: str) -> None:
    assert (storage_address(address) or "").endswith(ends)


def test_a_database_of_azures_without_a_password_is_signed_in_to_with_the_platforms_identity() -> None:
    from dagster._config import validate_config
    from dagster._core.storage.config import pg_config
    from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config

    address = storage_address("postgresql://genomics@db.postgres.database.azure.com/dagster")
    configured = storage_configuration(address or "")["postgres"]
    checked = validate_config(pg_config(), configured)
    assert checked.success and pg_url_from_config(checked.value).startswith(
        "postgresql+psycopg2://genomics@db.postgres"
    )
    provider = get_token_provider_from_config(checked.value)
    assert type(provider).__name__ == "AzureWifTokenProvider"


@pytest.mark.parametrize("address", ["mysql://u:word@h/d", "postgresql://u:word@h", "word"])
def test_what_is_no_database_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(StorageAddressError, match=r"no address of a PostgreSQL database\. Remedy: ") as error:
        Settings.from_environment({"GENOMICS_DAGSTER_STORAGE": address})
    assert "word" not in str(error.value).replace("password", "")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"GENOMICS_COMPUTE_LOGS": "https://a.blob.core.windows.net/logs"}, "GENOMICS_ENV is not azure"),
        (
            {
                "GENOMICS_ENV": "azure",
                "GENOMICS_LAKE": "https://a.blob.core.windows.net/lake",
                "GENOMICS_COMPUTE_LOGS": "https://a.blob.core.windows.net/logs?sig=secret",
            },
            "GENOMICS_COMPUTE_LOGS is 'https://a.blob.core.windows.net/logs'",
        ),
    ],
)
def test_a_container_that_cannot_be_used_is_named(variables: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as error:
        Settings.from_environment(variables)
    assert "sig=" not in str(error.value)
