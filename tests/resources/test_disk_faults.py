"""A disk that is full, has no inodes or is read-only, a clock that jumps, a database that is locked or damaged.

Each gives one clear error in the platform's words; nothing is half written; and what was asked for goes on when the
fault is mended, by the same objects, as in a server that was not started again.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from engine.errors import GenomicsError, LakeError
from engine.reads.registration import SampleStatus
from engine.receipt import Receipt, Recipe
from engine.storage import StorageError, storage_error
from resources.environment import Resources, Settings, build_resources
from resources.recovery import recover
from resources.registry import RegistryError, SampleRegistry
from tests.builders.sheets import entry, write_pair
from tests.builders.small_disk import SmallDisk, small_disk

WHO = {"person": "Dr Mendel", "reason": "a repeat draw is impossible"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def platform(disk: SmallDisk, tmp_path: Path) -> Resources:
    """A deployment on the small disk, with a published artifact, a registered sample and a row in the cohort."""
    settings = {"GENOMICS_DATA": str(disk.root / "data"), "GENOMICS_REFERENCE": "demo"}
    made = build_resources(Settings.from_environment(settings))
    made.settings.landing.mkdir(parents=True)
    made.registry.register([entry(tmp_path / "reads", "S1")], sheet="run 7.csv", sheet_digest="0")
    publish(made, 7.5)
    contribute(made, "S1")
    return made


def publish(platform: Resources, coverage: float, size: int = 100) -> Receipt:
    with platform.lake.work("aligned_reads", "S1") as work:
        (work.folder / "file").write_bytes(os.urandom(size))
        return work.publish(records=4, recipe=Recipe(), measures={"mean_coverage": coverage})


def contribute(platform: Resources, sample: str, rows: int = 1) -> None:
    table = pa.table({"sample_id": [sample] * rows, "noise": [os.urandom(16).hex() for _ in range(rows)]})
    platform.warehouse.put("calls", table, sample=sample, version=os.urandom(16).hex())


def drop_sheet(platform: Resources, tmp_path: Path) -> None:
    """A sheet and reads dropped on the disk before it filled up."""
    reads = write_pair(platform.settings.landing, "S2")
    sheet = platform.settings.landing / "monday.csv"
    sheet.write_text(f"sample_id,read1,read2\nS2,{reads[0].name},{reads[1].name}\n")
    for path in (*reads, sheet):
        os.utime(path, (0, 0))


def scan(platform: Resources) -> None:
    platform.landing_zone.scan(None, platform.registry, platform.audit)


ACTS: dict[str, Callable[[Resources], object]] = {
    "publication": lambda platform: publish(platform, 31),
    "large publication": lambda platform: publish(platform, 31, size=1 << 20),
    "override": lambda platform: platform.gate.override("aligned_reads", "S1", "mean_coverage", **WHO),
    "retry": lambda platform: platform.decisions.retry("S1", **WHO),
    "withdrawal": lambda platform: platform.decisions.withdraw("S1", **WHO),
    "contribution": lambda platform: contribute(platform, "S2", rows=2000),
    "registration": scan,
}
FAULTS: dict[str, tuple[Callable[[SmallDisk], None], str]] = {
    "full": (lambda disk: disk.fill(), "disk is full|No space left|room"),
    "nearly full": (lambda disk: disk.fill(leave=1 << 14), "disk is full|No space left|room"),
    "no inodes": (lambda disk: disk.take_inodes(), "inodes|disk is full|No space left|cannot be opened"),
    "read-only": (lambda disk: disk.remount("ro"), "read-only|Read-only|cannot be opened"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("act", ACTS)
def test_one_clear_error_nothing_half_written_and_it_goes_on(
    platform: Resources, disk: SmallDisk, tmp_path: Path, act: str, fault: str
) -> None:
    drop_sheet(platform, tmp_path)
    befall, said = FAULTS[fault]
    before = state(platform)
    befall(disk)
    with pytest.raises((GenomicsError, OSError)) as caught:
        for _ in range(200 if fault == "nearly full" else 1):  # that one takes a few more, and fails anywhere
            ACTS[act](platform)
    error = caught.value if isinstance(caught.value, GenomicsError) else storage_error(caught.value)
    assert re.search(said, str(error)), str(error)
    assert "Remedy: " in str(error) and "Traceback" not in str(error)
    disk.mend()
    recover(platform)
    assert act == "withdrawal" or fault == "nearly full" or state(platform) == before
    before = state(platform)
    assert not [path for path in disk.root.rglob("*") if path.name.endswith(".part") or ".receipt.json." in path.name]
    assert platform.audit.verify() > 0 and platform.audit.missing() is None
    assert platform.lake.require("aligned_reads", "S1") and platform.lake.findings("aligned_reads", "S1") == []
    if not platform.registry.withdrawn():
        ACTS[act](platform)
        assert state(platform) != before
    assert platform.audit.open_intents() == []


def state(platform: Resources) -> tuple[object, ...]:
    """What holds: the receipt in force, what the registry says, what the cohort consists of."""
    return (
        platform.lake.in_force("aligned_reads", "S1"),
        [(sample.sample_id, sample.attempt, sample.withdrawn) for sample in platform.registry.samples()],
        platform.registry.overrides("S1"),
        platform.warehouse.files("calls"),
    )


def test_what_the_operating_system_says_is_one_error_with_file_and_remedy(tmp_path: Path) -> None:
    for error in (OSError(28, "No space left on device", str(tmp_path / "a")), PermissionError(13, "no", "b")):
        told = storage_error(error)
        assert isinstance(told, StorageError) and str(error.filename) in str(told) and "Remedy: " in str(told)
    assert "strange" in str(storage_error(OSError("strange"), file=tmp_path))


@pytest.fixture
def registry(tmp_path: Path) -> SampleRegistry:
    registry = SampleRegistry(tmp_path / "registry" / "samples.sqlite")
    registry.register([entry(tmp_path / "reads", f"S{n}") for n in range(40)], sheet="a.csv", sheet_digest="0")
    return registry


def test_a_registry_that_another_process_holds_is_waited_for_and_then_told(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.registry.database.PATIENCE", 0.3)
    monkeypatch.setattr("resources.registry.sqlite.PATIENCE", 0.3)
    ours = SampleRegistry(tmp_path / "registry" / "samples.sqlite")
    with closing(sqlite3.connect(tmp_path / "registry" / "samples.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RegistryError, match="another process holds it") as caught:
            ours.retry("S1", **WHO)
        assert "samples.sqlite" in str(caught.value) and "Remedy: end that process" in str(caught.value)
        assert len(ours.samples()) == 40, "reading goes on"
        other.execute("ROLLBACK")
    assert ours.retry("S1", **WHO).attempt == 2


@pytest.mark.parametrize("damage", ["header", "middle", "cut", "text"])
def test_a_damaged_registry_is_told_and_goes_on_when_it_is_restored(
    registry: SampleRegistry, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "registry" / "samples.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    damaged = {
        "header": bytes(100) + whole[100:],
        "middle": whole[:4096] + os.urandom(len(whole) - 4096),
        "cut": whole[: len(whole) // 2 - 100],
        "text": b"not a database at all" * 50,
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(RegistryError, match="it is damaged") as caught:
        for _ in range(2):
            registry.samples()
            registry.retry("S39", **WHO)
    assert "restore it from a backup" in str(caught.value)
    for leftover in path.parent.glob("samples.sqlite-*"):
        leftover.unlink()
    path.write_bytes(whole)
    assert len(registry.samples()) == 40 and registry.retry("S39", **WHO).attempt == 2


@pytest.mark.parametrize("jump", [-86400.0, 86400.0], ids=["back", "forward"])
def test_a_clock_that_jumps_loses_no_sample_no_override_and_no_entry(
    platform: Resources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jump: float
) -> None:
    """Back by a day, as when a battery is empty and the time server answers late, or forward."""
    now = time.time
    drop_sheet(platform, tmp_path)
    platform.gate.override("aligned_reads", "S1", "mean_coverage", **WHO)
    platform.registry.take_waiting(10)
    monkeypatch.setattr("time.time", lambda: now() + jump)
    assert platform.gate.overridden("aligned_reads", "S1", "mean_coverage")
    scan(platform)
    assert [sample.sample_id for sample in platform.registry.samples()] == ["S1", "S2"]
    assert [sample.sample_id for sample in platform.registry.requested(before=time.time() - 60)] == ["S1"]
    platform.registry.ask_again("S1", cause="test", why="it was put off before the jump", pause=600 - jump)
    assert {sample.sample_id for sample in platform.registry.take_waiting(10)} == {"S1", "S2"}
    platform.registry.retry("S1", **WHO)
    assert [sample.sample_id for sample in platform.registry.take_waiting(10)] == ["S1"]
    assert platform.audit.verify() > 3 and platform.audit.missing() is None
    assert publish(platform, 31) == platform.lake.require("aligned_reads", "S1")
    assert platform.registry.sample("S1").status is SampleStatus.REQUESTED


def test_a_lake_that_is_full_says_which_file(platform: Resources, disk: SmallDisk) -> None:
    disk.fill()
    with pytest.raises(LakeError) as caught:
        contribute(platform, "S2", rows=2000)
    assert str(disk.root) in str(caught.value) and "the disk has room" in str(caught.value)
