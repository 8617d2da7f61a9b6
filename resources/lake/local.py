"""The lake on a file system of this machine.

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
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from engine.errors import LakeError
from engine.receipt import ArtifactFile, Receipt, describe_file
from resources.audit import AuditLog
from resources.lake.contract import RECEIPT, KeptFile
from resources.lake.vouched import FolderWork, VouchedLake, changed, work_name
from resources.ledger import artifact_key


@dataclass(frozen=True)
class LocalLake(VouchedLake):
    """A lake below one folder (see :class:`resources.lake.contract.Lake`).

    Attributes:
        root: folder of the lake, created when first written to.
        audit: see :class:`.vouched.VouchedLake`.
    """

    root: Path
    audit: AuditLog | None = None

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def folder(self, receipt: Receipt) -> Path:
        """See the contract."""
        return self.root / self._key(receipt.asset, receipt.sample) / receipt.data_version

    def kept(self) -> Iterator[KeptFile]:
        """See the contract: everything but unfinished work; receipts alone change."""
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root)
            if path.is_file() and not path.is_symlink() and name.parts[0] != ".work":
                yield KeptFile(path, name.as_posix(), path.name == RECEIPT)

    def read_range(self, receipt: Receipt, name: str, start: int, length: int) -> bytes:
        """See the contract."""
        with self.path(receipt, name).open("rb") as file:
            return os.pread(file.fileno(), length, start)

    @contextmanager
    def work(
        self, asset: str, sample: str | None = None, *, log: Callable[[str], None] = lambda _: None
    ) -> Iterator[FolderWork]:
        """A private work folder in which to make an artifact, one process at a time: another one waits, and says so.

        Whatever an earlier, killed process left for the same artifact is removed first. The folder goes when the
        block ends, published or not.
        """
        self._key(asset, sample)  # refuses an illegal sample id before anything is written
        folder = self._work_folder(asset, sample)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            if not _locks_at_once(lock):
                log(f"another run is making {asset}: waiting for its end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            with self._work_in(folder, asset, sample) as work:
                yield work

    @property
    def _seals_without_log(self) -> Path:
        return self.root.parent / "seals"

    def _place_of(self, key: str) -> str:
        return str(self.root / key)

    def _published(self, below: str) -> Iterator[tuple[str, str | None]]:
        patterns = ("*/*" if below == "samples/" else "*",) if below else ("samples/*/*", "shared/*")
        for path in chain.from_iterable((self.root / below).glob(f"{pattern}/{RECEIPT}") for pattern in patterns):
            _, *sample, asset, _ = path.relative_to(self.root).parts
            yield asset, sample[0] if sample else None

    def _receipt_text(self, key: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return (self.root / key).read_bytes()
        return None

    def _receipts_below(self, key: str) -> list[str]:
        return [f"{key}{path.name}" for path in sorted((self.root / key).glob("*.json"))]

    def _work_folder(self, asset: str, sample: str | None) -> Path:
        return self.root / ".work" / work_name(asset, sample)

    def _is_being_made(self, asset: str, sample: str | None) -> bool:
        folder = self._work_folder(asset, sample)
        with suppress(FileNotFoundError), folder.with_name(f"{folder.name}.lock").open() as lock:
            return not _locks_at_once(lock)
        return False

    @contextmanager
    def _adopting(self) -> Iterator[None]:
        (self.root / ".work").mkdir(parents=True, exist_ok=True)
        with (self.root / ".work" / "adoption.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _check_files(self, receipt: Receipt, *, afresh: bool = False) -> None:
        paths = {file.name: self.folder(receipt) / file.name for file in receipt.files}
        try:
            suspects = [file for file in receipt.files if not _looks_published(paths[file.name], file)]
            if suspects:
                found = {}
            elif afresh:
                found = {name: describe_file(path).sha256 for name, path in sorted(paths.items())}
            else:
                found = self._digests.of_all(artifact_key(receipt.asset, receipt.sample), paths)
        except OSError as error:
            raise LakeError(
                f"{receipt.asset} cannot be read ({error.strerror})",
                sample=receipt.sample,
                file=error.filename,
                remedy=f"check the disk and who may read it, or materialize {receipt.asset} again with recompute",
            ) from error
        for file in suspects or [file for file in receipt.files if found[file.name] != file.sha256]:
            raise changed(receipt, file, str(paths[file.name]))

    def _bring(self, folder: Path, receipt: Receipt) -> None:
        for path in (*sorted(folder.iterdir()), folder):
            _sync(path)
        target = self.folder(receipt)
        (target.parent / "history").mkdir(parents=True, exist_ok=True)
        if target.exists() and not self.is_whole(receipt):
            damaged = folder.parent / "damaged"
            target.rename(damaged)
            shutil.rmtree(damaged)
        if not target.exists():
            folder.rename(target)
            _sync(target.parent)

    def _write_receipt(self, key: str, text: str) -> None:
        _write_atomically(self.root / key, text)

    def _remove_version(self, receipt: Receipt) -> None:
        shutil.rmtree(self.folder(receipt), ignore_errors=True)

    def _note_publishing(self, asset: str, sample: str | None, digest: str | None) -> None:
        note = self._work_folder(asset, sample) / "publishing"
        if digest:
            note.write_text(digest)
        else:
            note.unlink(missing_ok=True)

    def _noted_publishing(self, asset: str, sample: str | None) -> str | None:
        with suppress(FileNotFoundError):
            return (self._work_folder(asset, sample) / "publishing").read_text()
        return None


def _looks_published(path: Path, file: ArtifactFile) -> bool:
    """Whether a file is there itself, with its size."""
    return not path.is_symlink() and path.is_file() and path.stat().st_size == file.bytes


def _locks_at_once(lock: IO[str]) -> bool:
    """Take a lock that nobody holds; False where somebody does."""
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
