"""The registry in PostgreSQL: addresses, passwords, TLS, and a server that goes away."""

from __future__ import annotations

import multiprocessing
import os
import ssl
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.reads.registration import SampleStatus
from resources.environment import Settings
from resources.registry import RegistryError, SampleRegistry
from resources.registry.postgres import PostgresDatabase
from tests.builders.postgres import PASSWORD, QUOTED, PostgresServer, running_server
from tests.builders.sheets import entry


@pytest.fixture
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


def test_the_platform_keeps_its_registry_where_the_option_says(database: str, tmp_path: Path) -> None:
    settings = Settings.from_environment({"GENOMICS_DATA": str(tmp_path), "GENOMICS_REGISTRY": database})
    registry = SampleRegistry(settings.registry)
    registry.register([entry(tmp_path / "zone", "S1")], sheet="sheet.csv", sheet_digest="d")
    assert [sample.sample_id for sample in SampleRegistry(database).samples()] == ["S1"]
    assert not (tmp_path / "registry").exists()


def test_what_cannot_be_reached_is_told_without_the_password(database: str, postgres_server: PostgresServer) -> None:
    for url, why in (
        (database.replace(QUOTED, "wr0ng-secret"), "password authentication failed"),
        (postgres_server.url("nowhere"), 'database "nowhere" does not exist'),
        (f"postgresql://tests:{QUOTED}@/x?unix_sock={postgres_server.folder}/none", "communication error"),
    ):
        with pytest.raises(RegistryError, match=why) as caught:
            SampleRegistry(url).samples()
        told = f"{caught.value} {caught.value.file}"
        assert "GENOMICS_REGISTRY" in told and "***" in told
        assert not any(secret in told for secret in (PASSWORD, QUOTED, "wr0ng-secret"))


@pytest.mark.parametrize(
    "address",
    ["postgresql://tests:s3cret@host", "postgresql://tests:s3cret@host:port/x", "mysql://tests:s3cret@host/x"],
)
def test_an_address_that_is_none_is_not_repeated(address: str) -> None:
    with pytest.raises(RegistryError, match="no URL of a PostgreSQL database") as caught:
        SampleRegistry(address)
    assert "s3cret" not in str(caught.value) and caught.value.remedy.startswith("write it as postgresql://")


def test_writers_wait_for_one_another_and_readers_for_nobody(database: str, tmp_path: Path) -> None:
    registry = SampleRegistry(database)
    registry.register([entry(tmp_path, "S1")], sheet="sheet.csv", sheet_digest="d")
    with PostgresDatabase(database).writing() as other:
        other.exec_driver_sql("UPDATE samples SET attempt = 7")
        assert registry.sample("S1").attempt == 1
    assert registry.retry("S1", person="dr.jones").attempt == 8


def test_a_reader_sees_one_state(database: str, tmp_path: Path) -> None:
    registry = SampleRegistry(database)
    registry.register([entry(tmp_path, "S1")], sheet="sheet.csv", sheet_digest="d")
    with PostgresDatabase(database).reading() as db:
        seen = [db.exec_driver_sql("SELECT status FROM samples").scalar()]
        registry.mark("S1", SampleStatus.RUNNING)
        seen.append(db.exec_driver_sql("SELECT status FROM samples").scalar())
    assert seen == ["waiting", "waiting"]


def test_a_connection_that_the_server_dropped_is_made_anew(
    database: str, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    registry = SampleRegistry(database)
    assert registry.samples() == ()
    end_sessions(postgres_server, database)
    assert registry.samples() == ()
    assert caplog.records == []


def test_a_server_that_goes_away_in_the_middle_is_told_and_nothing_is_kept(
    database: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    registry = SampleRegistry(database)
    registry.register([entry(tmp_path, "S1")], sheet="sheet.csv", sheet_digest="d")
    other = PostgresDatabase(database)
    with pytest.raises(RegistryError, match=r"network error|terminating connection"), other.writing() as db:
        db.exec_driver_sql("UPDATE samples SET attempt = 7")
        end_sessions(postgres_server, database)
        db.exec_driver_sql("UPDATE samples SET attempt = 8")
    assert registry.sample("S1").attempt == 1


def end_sessions(server: PostgresServer, database: str) -> None:
    name = database.partition("@/")[2].partition("?")[0]
    server.query(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")


def test_without_the_driver_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(RegistryError, match=r"not installed.*genomics-assets\[postgres\]"):
        SampleRegistry("postgresql://u:p@localhost/x")


def _ask(registry: SampleRegistry, times: int) -> None:
    os._exit(0 if all(registry.samples() == () for _ in range(times)) else 1)


def test_a_forked_process_has_a_connection_of_its_own(database: str) -> None:
    registry = SampleRegistry(database)
    registry.samples()
    children = [multiprocessing.get_context("fork").Process(target=_ask, args=(registry, 20)) for _ in range(2)]
    for child in children:
        child.start()
    assert all(registry.samples() == () for _ in range(20))
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]


@pytest.mark.parametrize(
    ("address", "protection"),
    [
        ("postgresql://u:p@db.example.org/x", "verified"),
        ("postgresql://u:p@db.example.org/x?sslmode=require", "encrypted"),
        ("postgresql://u:p@db.example.org/x?sslmode=disable", "none"),
        ("postgresql://u:p@localhost/x", "none"),
        ("postgresql://u:p@localhost/x?sslmode=verify-full", "verified"),
    ],
)
def test_another_machine_is_only_talked_to_under_tls_that_is_verified(address: str, protection: str) -> None:
    found = PostgresDatabase(address).tls
    if isinstance(found, ssl.SSLContext):
        assert found.check_hostname and found.verify_mode is ssl.CERT_REQUIRED
    kind = "verified" if isinstance(found, ssl.SSLContext) else "encrypted" if found else "none"
    assert kind == protection


def test_a_server_is_believed_under_a_certificate_that_is_trusted() -> None:
    with running_server(tls=True) as server:
        address = f"postgresql://tests:{QUOTED}@localhost:{server.port}/postgres?sslmode=verify-full"
        assert SampleRegistry(f"{address}&sslrootcert={server.certificate}").samples() == ()
        ((encrypted,),) = server.query("SELECT bool_or(ssl) FROM pg_stat_ssl")
        assert encrypted
        with pytest.raises(RegistryError, match="certificate verify failed"):
            SampleRegistry(address).samples()
        with pytest.raises(RegistryError, match="sslrootcert cannot be used"):
            SampleRegistry(f"{address}&sslrootcert=/none.pem")


def test_a_parameter_that_is_not_known_is_refused_without_its_value() -> None:
    with pytest.raises(RegistryError, match="a parameter 'password'") as caught:
        PostgresDatabase("postgresql://u@db.example.org/x?password=s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_protection_that_is_not_known_is_refused() -> None:
    with pytest.raises(RegistryError, match="sslmode is 'prefer'"):
        PostgresDatabase("postgresql://u:p@db.example.org/x?sslmode=prefer")


def test_azures_server_is_signed_in_to_with_a_token_for_each_connection(
    database: str, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server here takes the token as what it is to it: a password. The second one is another, and is refused."""
    tokens = [PASSWORD, "a token that has run out"]
    asked: list[str] = []

    class Identity:
        def get_token(self, scope: str) -> SimpleNamespace:
            asked.append(scope)
            return SimpleNamespace(token=tokens.pop(0))

    monkeypatch.setattr("resources.registry.postgres.signed_in", Identity)
    name = database.partition("@/")[2]
    azures = SampleRegistry(f"postgresql://tests@genomics.postgres.database.azure.com/{name}")
    assert azures.samples() == () and asked == ["https://ossrdbms-aad.database.windows.net/.default"]
    with pytest.raises(RegistryError, match="password authentication failed"):
        SampleRegistry(f"postgresql://tests@genomics.postgres.database.azure.com/{name}").samples()
    assert len(asked) == 2
    SampleRegistry(database).samples()
    assert len(asked) == 2, "a server elsewhere is asked with its own password"
