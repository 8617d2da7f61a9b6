"""Where artifacts live: the lake on a file system, which shows whole artifacts only.

An artifact is a folder of files named by its data version, with one receipt. It is written in a work folder on the
same file system, synced, renamed into place, and becomes visible when its receipt is renamed over the previous one:
that rename is the only commit. A process killed at any moment leaves the previous artifact, whole, or the new one.
What an artifact means and how it is computed is decided elsewhere.

Layout below the root::

    samples/<sample>/<asset>/receipt.json       the commit: which version is current
    samples/<sample>/<asset>/<data version>/    its files
    samples/<sample>/<asset>/history/           receipts of all versions ever current, by time
    shared/<asset>/...                          the same for knowledge and cohort tables, which belong to no sample
    .work/                                      unfinished work, removed by the next run of the same asset
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import LakeError
from engine.receipt import Measure, Receipt, Recipe, content_version, describe_file

SAMPLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Lake:
    """The local lake.

    Attributes:
        root: folder of the lake, created when first written to.
        keep_superseded: assets whose earlier versions stay on disk; of the others only receipts stay.
    """

    root: Path
    keep_superseded: frozenset[str] = frozenset({"variants", "findings", "fhir_bundle"})

    def home(self, asset: str, sample: str | None = None) -> Path:
        """The folder of an artifact's receipt and versions."""
        if sample is None:
            return self.root / "shared" / asset
        if not SAMPLE_ID.fullmatch(sample):
            raise LakeError(
                f"{sample!r} is not a sample id", remedy="use 1 to 64 letters, digits, hyphens or underscores"
            )
        return self.root / "samples" / sample / asset

    def receipt(self, asset: str, sample: str | None = None) -> Receipt | None:
        """The current receipt, or None where nothing was published yet."""
        try:
            return Receipt.from_json((self.home(asset, sample) / "receipt.json").read_text())
        except FileNotFoundError:
            return None

    def require(self, asset: str, sample: str | None = None) -> Receipt:
        """The current receipt, its files present with their sizes; LakeError otherwise."""
        receipt = self.receipt(asset, sample)
        if receipt is None:
            raise LakeError(f"{asset} has not been made", sample=sample, remedy=f"materialize {asset} first")
        for file in receipt.files:
            path = self.folder(receipt) / file.name
            if not path.is_file() or path.stat().st_size != file.bytes:
                raise LakeError(
                    f"{asset} is not what its receipt says: {file.bytes:,} bytes were published",
                    sample=sample,
                    file=path,
                    remedy=f"materialize {asset} again with recompute, and find out who changed the lake",
                )
        return receipt

    def verify(self, receipt: Receipt) -> None:
        """Read every file of an artifact again and compare its sha256; LakeError if one differs."""
        for file in receipt.files:
            path = self.folder(receipt) / file.name
            if not path.is_file() or describe_file(path) != file:
                raise LakeError(
                    f"the content of {receipt.asset} differs from its receipt",
                    sample=receipt.sample,
                    file=path,
                    remedy=f"materialize {receipt.asset} again with recompute, and find out who changed the lake",
                )

    def is_whole(self, receipt: Receipt) -> bool:
        """Whether every file of an artifact is what its receipt says, by sha256."""
        try:
            self.verify(receipt)
        except LakeError:
            return False
        return True

    def folder(self, receipt: Receipt) -> Path:
        """The folder of an artifact's files."""
        return self.home(receipt.asset, receipt.sample) / receipt.data_version

    def path(self, receipt: Receipt, name: str) -> Path:
        """One file of an artifact."""
        return self.folder(receipt) / receipt.file(name).name

    def history(self, asset: str, sample: str | None = None) -> list[Receipt]:
        """Receipts of every version that was ever current, oldest first."""
        folder = self.home(asset, sample) / "history"
        return [Receipt.from_json(path.read_text()) for path in sorted(folder.glob("*.json"))]

    def samples(self) -> list[str]:
        """Samples with at least one published artifact, in order of their ids."""
        return sorted({path.parent.parent.name for path in (self.root / "samples").glob("*/*/receipt.json")})

    def assets(self, sample: str) -> list[str]:
        """Names of a sample's published artifacts, in order."""
        return sorted(path.parent.name for path in (self.root / "samples" / sample).glob("*/receipt.json"))

    @contextmanager
    def work(self, asset: str, sample: str | None = None) -> Iterator[Work]:
        """A private work folder in which to make an artifact, one process at a time.

        Whatever an earlier, killed process left for the same artifact is removed first. The folder goes when the
        block ends, published or not.
        """
        self.home(asset, sample)  # refuses an illegal sample id before anything is written
        name = f"{sample}.{asset}" if sample else f"shared.{asset}"
        folder = self.root / ".work" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "artifact").mkdir(parents=True)
            (folder / "scratch").mkdir()
            try:
                yield Work(self, asset, sample, folder / "artifact", folder / "scratch")
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _commit(self, folder: Path, receipt: Receipt) -> Receipt:
        home = self.home(receipt.asset, receipt.sample)
        previous = self.receipt(receipt.asset, receipt.sample)
        if previous and replace(receipt, created=previous.created) == previous and self.is_whole(previous):
            return previous
        (home / "history").mkdir(parents=True, exist_ok=True)
        target = home / receipt.data_version
        if target.exists() and not self.is_whole(receipt):
            damaged = self.root / ".work" / f"{receipt.sample or 'shared'}.{receipt.asset}.damaged"
            shutil.rmtree(damaged, ignore_errors=True)
            target.rename(damaged)
            shutil.rmtree(damaged)
        if not target.exists():
            folder.rename(target)
            _sync(home)
        stamp = receipt.created.replace(":", "").replace("-", "")
        _write_atomically(home / "history" / f"{stamp}-{receipt.data_version}.json", receipt.to_json())
        _write_atomically(home / "receipt.json", receipt.to_json())
        superseded = previous is not None and previous.data_version != receipt.data_version
        if previous and superseded and receipt.asset not in self.keep_superseded:
            shutil.rmtree(home / previous.data_version, ignore_errors=True)
        return receipt


@dataclass(frozen=True)
class Work:
    """An artifact in the making.

    Attributes:
        lake: where it will be published.
        asset: its asset.
        sample: its sample, absent for what belongs to no sample.
        folder: everything written here is the artifact.
        scratch: for temporary files, on the same file system.
    """

    lake: Lake
    asset: str
    sample: str | None
    folder: Path
    scratch: Path

    def fresh(self, recipe: Recipe) -> Receipt | None:
        """The published receipt if it came from an equal recipe and its files are in place, else None."""
        receipt = self.lake.receipt(self.asset, self.sample)
        if receipt is None or receipt.recipe.digest != recipe.digest:
            return None
        return self.lake.require(self.asset, self.sample)

    def publish(self, *, records: int, recipe: Recipe, measures: Mapping[str, Measure]) -> Receipt:
        """Make the folder's files the current artifact, in one commit.

        A publication that equals the current one keeps its receipt, time included.
        """
        paths = sorted(path for path in self.folder.iterdir())
        if not paths:
            raise LakeError(f"{self.asset} wrote no file", sample=self.sample, remedy="report this as a bug")
        with ThreadPoolExecutor() as pool:
            files = tuple(pool.map(describe_file, paths))
        for path in paths:
            _sync(path)
        _sync(self.folder)
        receipt = Receipt(
            asset=self.asset,
            sample=self.sample,
            data_version=content_version(files),
            files=files,
            records=records,
            recipe=recipe,
            measures=dict(measures),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return self.lake._commit(self.folder, Receipt.from_json(receipt.to_json()))


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
