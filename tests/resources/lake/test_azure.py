"""The lake in Azure Blob Storage, tried on Azurite: what is peculiar to it. See test_any_backend.py for the rest."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ExponentialRetry

from engine.errors import LakeError
from engine.receipt import Receipt, Recipe
from engine.storage import StorageError
from resources.lake import azure
from resources.lake.azure import AzureLake
from tests.builders.azurite import Azurite, Token, azurite, why_not
from tests.builders.busy_storage import BusyStorage, busy_storage

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "")


@pytest.fixture(scope="module")
def running() -> Azurite:
    return azurite()


@pytest.fixture
def url(running: Azurite) -> Iterator[str]:
    yield running.container()


def machine(url: str, folder: Path, **options: Any) -> AzureLake:
    """The lake as one machine sees it."""
    return AzureLake(url, options.pop("credential", Token()), folder, options=azurite().options, **options)


def publish(lake: AzureLake, content: bytes, *, sample: str = "S1", asset: str = "gvcf") -> Receipt:
    with lake.work(asset, sample) as work:
        (work.folder / "calls.g.vcf.gz").write_bytes(content)
        return work.publish(records=1, recipe=Recipe(), measures={})


def test_another_machine_reads_what_one_has_published(url: str, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    receipt = publish(machine(url, tmp_path / "one"), content)
    other = machine(url, tmp_path / "two")
    assert other.require("gvcf", "S1") == receipt
    assert not list((tmp_path / "two").rglob("*.gz")), "to know that it is whole, nothing is brought here to stay"
    assert other.read_range(receipt, "calls.g.vcf.gz", 1 << 20, 10) == content[1 << 20 :][:10]
    assert not list((tmp_path / "two").rglob("*.gz")), "a range is read by itself"
    assert other.path(receipt, "calls.g.vcf.gz").read_bytes() == content


def test_a_blob_is_read_once_and_again_only_where_it_was_written(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = publish(machine(url, tmp_path / "one"), b"calls")
    read: list[str] = []
    whole = AzureLake._digest_of
    monkeypatch.setattr(AzureLake, "_digest_of", lambda self, key, etag: read.append(key) or whole(self, key, etag))
    other = machine(url, tmp_path / "two")
    other.require("gvcf", "S1")
    other.require("gvcf", "S1")
    assert len(read) == 1
    other._blob(read[0]).upload_blob(b"calls", overwrite=True)
    assert other.require("gvcf", "S1") == receipt and len(read) == 2, "the same bytes, written again"
    other._blob(read[0]).upload_blob(b"CALLS", overwrite=True)
    with pytest.raises(LakeError, match=r"differs from its receipt.*"):
        other.require("gvcf", "S1")


def test_what_is_brought_here_is_compared_with_its_digest(url: str, tmp_path: Path) -> None:
    receipt = publish(machine(url, tmp_path / "one"), b"calls")
    other = machine(url, tmp_path / "two")
    other._blob(f"{other._version(receipt)}/calls.g.vcf.gz").upload_blob(b"CALLS", overwrite=True)
    with pytest.raises(LakeError, match="differs from its receipt"):
        other.path(receipt, "calls.g.vcf.gz")
    assert not list((tmp_path / "two").rglob("*.gz"))


def _publish_slowly(url: str, folder: Path, begun: Any) -> None:
    """As a process does that is killed between two blobs of an artifact."""
    lake = machine(url, folder)
    upload = AzureLake._upload

    def slow(self: AzureLake, key: str, path: Path, file: Any) -> str:
        etag = upload(self, key, path, file)
        begun.set()
        time.sleep(60)
        return etag

    AzureLake._upload = slow  # type: ignore[method-assign]
    publish(lake, b"half")


def test_a_killed_process_leaves_what_was_and_its_lease_runs_out(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure, "LEASE", 15)  # the shortest that there is
    first = publish(machine(url, tmp_path / "one"), b"whole")
    spawn = multiprocessing.get_context("fork")
    begun = spawn.Event()
    process = spawn.Process(target=_publish_slowly, args=(url, tmp_path / "two", begun))
    process.start()
    assert begun.wait(30)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    other = machine(url, tmp_path / "three")
    assert other.require("gvcf", "S1") == first
    told: list[str] = []
    with other.work("gvcf", "S1", log=told.append) as work:
        (work.folder / "calls.g.vcf.gz").write_bytes(b"half")
        second = work.publish(records=1, recipe=Recipe(), measures={})
    assert told == ["another run is making gvcf: waiting for its end"]
    assert other.require("gvcf", "S1") == second != first


def test_who_lost_the_lease_writes_no_receipt(url: str, tmp_path: Path) -> None:
    one, two = machine(url, tmp_path / "one"), machine(url, tmp_path / "two")
    publish(one, b"first")
    with one.work("gvcf", "S1") as work:
        (work.folder / "calls.g.vcf.gz").write_bytes(b"second")
        upload = AzureLake._bring

        def overtaken(self: AzureLake, folder: Path, receipt: Receipt) -> None:
            upload(self, folder, receipt)
            key = "samples/S1/gvcf/receipt.json"
            two._blob(key).upload_blob(two._blob(key).download_blob().readall(), overwrite=True)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(StorageError, match="another process wrote there"):
            patch.setattr(AzureLake, "_bring", overtaken)
            work.publish(records=1, recipe=Recipe(), measures={})


def test_what_is_kept_here_has_a_limit_and_what_is_in_use_stays(url: str, tmp_path: Path) -> None:
    one = machine(url, tmp_path / "one")
    receipts = [publish(one, os.urandom(1 << 20), sample=f"S{number}") for number in range(4)]
    child = multiprocessing.get_context("fork").Process(
        target=lambda: [machine(url, tmp_path / "two").path(receipt, "calls.g.vcf.gz") for receipt in receipts[:2]]
    )
    child.start()
    child.join()
    two = machine(url, tmp_path / "two", most_bytes=3 << 20)
    held = two.path(receipts[0], "calls.g.vcf.gz")
    for receipt in receipts[2:]:
        two.path(receipt, "calls.g.vcf.gz")
    kept = {path.parent.parent.parent.name for path in (tmp_path / "two").rglob("*.gz")}
    assert kept == {"S0", "S2", "S3"} and held.is_file()


@pytest.mark.parametrize(
    ("credential", "container", "problem"),
    [
        (Token("https://vault.azure.net"), None, "does not let this identity"),
        (Token(seconds=-60), None, "does not let this identity"),
        (Token(), "no-such-container", "there is no such container"),
    ],
    ids=["a token for something else", "an expired one", "no such container"],
)
def test_what_the_storage_refuses_is_told(
    url: str, tmp_path: Path, credential: Token, container: str | None, problem: str
) -> None:
    there = f"{url.rpartition('/')[0]}/{container}" if container else url
    with pytest.raises(StorageError, match=problem) as refused:
        publish(machine(there, tmp_path, credential=credential), b"calls")
    assert refused.value.remedy


def test_a_storage_that_does_not_answer_is_told(tmp_path: Path) -> None:
    lake = AzureLake("https://127.0.0.1:9/account/lake", Token(), tmp_path, options={"retry_total": 0})
    with pytest.raises(StorageError, match="the storage cannot do it") as refused:
        lake.receipt("gvcf", "S1")
    assert "can be reached" in refused.value.remedy


@pytest.fixture
def busy(running: Azurite) -> Iterator[BusyStorage]:
    with busy_storage(running) as storage:
        yield storage


def by_way_of(storage: BusyStorage, url: str, folder: Path, **options: Any) -> AzureLake:
    there = f"{storage.url}/{url.rpartition('/')[2]}"
    return AzureLake(there, Token(), folder, options=storage.options | options)


def test_a_lease_is_given_back_though_the_storage_is_busy_at_first(url: str, tmp_path: Path, busy: BusyStorage) -> None:
    at_once = ExponentialRetry(initial_backoff=0, increment_base=0, random_jitter_range=0)
    with by_way_of(busy, url, tmp_path / "one", retry_policy=at_once).work("gvcf", "S1"):
        other = machine(url, tmp_path / "two")
        assert other._is_being_made("gvcf", "S1")
        busy.refuses_first = 2
    assert busy.refused == 2 and not other._is_being_made("gvcf", "S1")


def test_an_upload_that_was_cut_off_goes_on_where_it_was(
    url: str, tmp_path: Path, busy: BusyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure, "LEASE", 15)  # the shortest that there is: a storage that is busy takes none back
    content = os.urandom(5 * azure.BLOCK + 1000)
    lake = by_way_of(busy, url, tmp_path / "one")
    publish(lake, b"small", asset="variants")
    busy.sent, busy.passes = 0, 8
    with pytest.raises(StorageError, match=r"the storage cannot do it \(ServerBusy: busy\)"):
        publish(lake, content)
    before = busy.sent // azure.BLOCK
    assert 1 <= before < 5, "it was cut off within the file"
    busy.sent, busy.passes = 0, None
    assert lake.receipt("gvcf", "S1") is None and lake.path(lake.require("variants", "S1"), "calls.g.vcf.gz").is_file()
    receipt = publish(by_way_of(busy, url, tmp_path / "another process"), content)
    assert busy.sent // azure.BLOCK == 5 - before, "blocks that were there are not sent again"
    assert machine(url, tmp_path / "two").path(receipt, "calls.g.vcf.gz").read_bytes() == content


def test_a_download_that_was_cut_off_goes_on_where_it_was(url: str, tmp_path: Path, busy: BusyStorage) -> None:
    content = os.urandom(20 * azure.BLOCK + 1000)
    receipt = publish(machine(url, tmp_path / "one"), content)
    busy.passes = 18
    with pytest.raises(StorageError, match=r"the storage cannot do it \(ServerBusy: busy\)"):
        by_way_of(busy, url, tmp_path / "two").path(receipt, "calls.g.vcf.gz")
    busy.brought, busy.passes = 0, None
    assert by_way_of(busy, url, tmp_path / "two").path(receipt, "calls.g.vcf.gz").read_bytes() == content
    assert busy.brought < 5 * azure.BLOCK, "what was here is not brought again"
    assert not [one for one in (tmp_path / "two" / ".coming").iterdir() if one.is_dir()]


def test_what_lies_in_the_archive_is_told_with_the_way_back(url: str, tmp_path: Path) -> None:
    lake = machine(url, tmp_path / "one")
    receipt = publish(lake, b"calls")
    lake._blob(f"{lake._version(receipt)}/calls.g.vcf.gz").set_standard_blob_tier("Archive")
    with pytest.raises(LakeError, match="archive tier") as refused:
        machine(url, tmp_path / "two").path(receipt, "calls.g.vcf.gz")
    assert "rehydration" in refused.value.remedy
