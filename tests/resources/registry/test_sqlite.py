"""The registry in a file: whose it is, and what is no registry."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from resources.registry import RegistryError, SampleRegistry
from tests.builders.sheets import entry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "registry" / "samples.sqlite"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_file_and_folder_are_for_their_owner_alone_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        registry = SampleRegistry(path)
        registry.register([entry(path.parents[2] / "zone", "S1")], sheet="sheet.csv", sheet_digest="d")
        with sqlite3.connect(path) as other:  # keeps the write-ahead log there to be looked at
            other.execute("SELECT * FROM samples").fetchall()
            registry.retry("S1", person="dr.jones")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("samples.sqlite", "samples.sqlite-wal", "samples.sqlite-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_no_registry_is_refused(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("not a database, but long enough to look like one" * 100)
    with pytest.raises(RegistryError, match="cannot be used") as caught:
        SampleRegistry(path).samples()
    assert caught.value.file == str(path) and "backup" in caught.value.remedy


def test_a_disk_that_fails_in_the_middle_is_told_without_a_traceback(path: Path) -> None:
    registry = SampleRegistry(path)
    registry.samples()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE history")
    with pytest.raises(RegistryError, match="no such table: history"):
        registry.history("S1")


def test_writers_wait_for_one_another_and_readers_for_nobody(path: Path) -> None:
    registry = SampleRegistry(path)
    registry.register([entry(path.parents[2] / "zone", "S1")], sheet="sheet.csv", sheet_digest="d")
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE samples SET attempt = 7")
        assert registry.sample("S1").attempt == 1
        other.execute("COMMIT")
    assert registry.retry("S1", person="dr.jones").attempt == 8
