"""A registry on each of the two databases: a test that takes ``location`` or ``registry`` runs on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.keys import LocalKeyEncryption
from resources.registry import SampleRegistry
from resources.secrets import FileSecrets
from tests.builders.postgres import PostgresServer, running_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where nothing lies yet."""
    if request.param == "sqlite":
        return tmp_path / "registry" / "samples.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture
def registry(location: Path | str, tmp_path: Path) -> SampleRegistry:
    return SampleRegistry(location, LocalKeyEncryption(FileSecrets(tmp_path / "keys")))


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    return tmp_path / "landing"
