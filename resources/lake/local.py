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
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TypeVar

from engine.errors import LakeError
from engine.receipt import ArtifactFile, Measure, Receipt, Recipe, content_version, describe_file, digest_text
from resources.audit import AuditLog
from resources.lake.contract import Finding
from resources.lake.digests import Digests
from resources.ledger import Ledger, Written, artifact_key, what_is_wrong
from resources.seals import Seals

Found = TypeVar("Found")
RECEIPT = "receipt.json"
SAMPLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_BETWEEN_LOG_AND_RECEIPT = 1.0
"""Seconds that a publication may take from its entry in the audit log to its receipt, for those who read meanwhile."""


@dataclass(frozen=True)
class LocalLake:
    """A lake below one folder (see :class:`resources.lake.contract.Lake`).

    Attributes:
        root: folder of the lake, created when first written to.
        audit: the log in which publications are written down and against which receipts are read; a lake without one
            is a folder for trials, whose receipts nobody vouches for.
        keep_superseded: assets whose earlier versions stay on disk; of the others only receipts stay.
    """

    root: Path
    audit: AuditLog | None = None
    keep_superseded: frozenset[str] = frozenset(
        {"variants", "findings", "statement", "clinical_report", "fhir_bundle"}
        | {"gene_model", "clinvar", "panels", "phenotypes", "frequencies"}
    )

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    @cached_property
    def ledger(self) -> Ledger | None:
        """What the audit log tells of receipts, absent without a log."""
        return Ledger(self.audit) if self.audit else None

    @cached_property
    def _digests(self) -> Digests:
        return Digests(self.ledger.seals if self.ledger else Seals(self.root.parent / "seals"))

    def receipt(self, asset: str, sample: str | None = None) -> Receipt | None:
        """See the contract."""
        written = self._while_published(asset, sample, lambda written: written and self._checked(written))
        return written.receipt if written else None

    def require(self, asset: str, sample: str | None = None) -> Receipt:
        """See the contract."""
        return self._while_published(asset, sample, lambda written: self._usable(written, asset, sample))

    def previous(self, asset: str, sample: str | None = None) -> Receipt | None:
        """See the contract. Whoever makes the artifact asks, so that nobody else's publication is waited for."""
        with suppress(LakeError):
            return self._usable(self._read(asset, sample), asset, sample)
        return None

    def _usable(self, written: Written | None, asset: str, sample: str | None) -> Receipt:
        """The receipt, where the ledger knows it and its files are as published."""
        if written is None:
            raise LakeError(f"{asset} has not been made", sample=sample, remedy=f"materialize {asset} first")
        receipt = self._checked(written).receipt
        self._check_files(receipt, lambda paths: self._digests.of_all(artifact_key(asset, sample), paths))
        return receipt

    def in_force(self, asset: str, sample: str | None = None) -> str | None:
        """See the contract."""
        with suppress(LakeError):
            written = self._read(asset, sample)
            return written.digest if written else None
        return None

    def verify(self, receipt: Receipt) -> None:
        """See the contract."""
        self._check_files(
            receipt, lambda paths: {name: describe_file(path).sha256 for name, path in sorted(paths.items())}
        )

    def is_whole(self, receipt: Receipt) -> bool:
        """See the contract."""
        try:
            self.verify(receipt)
        except LakeError:
            return False
        return True

    def findings(self, asset: str, sample: str | None = None) -> list[Finding]:
        """See the contract."""
        if self.ledger is None:
            return []
        self._adopt_once()
        entries = self.ledger.publications(asset, sample)
        known = {entry.event.details.get("receipt") for entry in entries}
        known |= {digest for entry in entries for digest in entry.event.details.get("history", [])}
        told = [
            Finding(f"the receipt {path.name} in the history of {asset} is not one that was published")
            for path, written in self._history(asset, sample)
            if written.digest not in known
        ]
        written = self._read(asset, sample)
        problem = what_is_wrong(written, entries) if written else f"the receipt of {asset} is gone" if entries else None
        if problem and written and self.ledger.is_sealed(written) and written.digest in known:
            return [
                *told,
                Finding(f"a publication of {asset} was not finished, the one before it holds", harmless=True),
            ]
        return [*told, *([Finding(problem)] if problem else [])]

    def folder(self, receipt: Receipt) -> Path:
        """See the contract."""
        return self._home(receipt.asset, receipt.sample) / receipt.data_version

    def path(self, receipt: Receipt, name: str) -> Path:
        """See the contract."""
        return self.folder(receipt) / receipt.file(name).name

    def read_range(self, receipt: Receipt, name: str, start: int, length: int) -> bytes:
        """See the contract."""
        with self.path(receipt, name).open("rb") as file:
            return os.pread(file.fileno(), length, start)

    def sha256(self, path: Path) -> str:
        """See the contract."""
        return self._digests.of(f"files/{digest_text(str(path))}", path)

    def history(self, asset: str, sample: str | None = None) -> list[Receipt]:
        """See the contract."""
        return [written.receipt for _, written in self._history(asset, sample)]

    def _home(self, asset: str, sample: str | None) -> Path:
        """The folder of an artifact's receipt and versions."""
        if sample is not None and not SAMPLE_ID.fullmatch(sample):
            raise LakeError(
                f"{sample!r} is not a sample id", remedy="use 1 to 64 letters, digits, hyphens or underscores"
            )
        return self.root / artifact_key(asset, sample)

    def _read(self, asset: str, sample: str | None) -> Written | None:
        """The receipt as it lies there."""
        try:
            return _written(self._home(asset, sample) / RECEIPT, asset, sample)
        except FileNotFoundError:
            return None

    def _history(self, asset: str, sample: str | None) -> list[tuple[Path, Written]]:
        paths = sorted((self._home(asset, sample) / "history").glob("*.json"))
        return [(path, _written(path, asset, sample)) for path in paths]

    def _while_published(self, asset: str, sample: str | None, judge: Callable[[Written | None], Found]) -> Found:
        """Judge the current receipt; again if meanwhile another process has published, and so taken it away.

        That it publishes stands in the audit log before its receipt is there: while somebody makes the artifact, a
        receipt that the log has overtaken is given a moment to be replaced.
        """
        written = self._read(asset, sample)
        until = time.monotonic() + _BETWEEN_LOG_AND_RECEIPT
        while True:
            try:
                return judge(written)
            except LakeError:
                is_being_made = self._is_being_made(asset, sample)
                before, written = written, self._read(asset, sample)
                if written == before:
                    if not is_being_made or time.monotonic() > until:
                        raise
                    time.sleep(0.005)

    def _is_being_made(self, asset: str, sample: str | None) -> bool:
        """Whether another holds the artifact's work folder."""
        with suppress(FileNotFoundError), (self.root / ".work" / f"{_work_name(asset, sample)}.lock").open() as lock:
            return not _locks_at_once(lock)
        return False

    def _checked(self, written: Written) -> Written:
        """A receipt that the ledger knows, where there is a ledger."""
        if self.ledger:
            self._adopt_once()
            try:
                self.ledger.check(written)
            except LakeError as error:
                raise error.about(file=self._home(written.receipt.asset, written.receipt.sample) / RECEIPT) from None
        return written

    def _adopt_once(self) -> None:
        """Enter the receipts of a lake that was made without a ledger, all at once, before the first new entry."""
        if self.ledger is None or self.ledger.has_adopted():
            return
        (self.root / ".work").mkdir(parents=True, exist_ok=True)
        with (self.root / ".work" / "adoption.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.ledger.has_adopted():
                self.ledger.adopt(self._adoptable())

    def _adoptable(self) -> Iterator[tuple[Written, list[str]]]:
        """Every readable current receipt, and the digests of its history."""
        for path in sorted(self.root.glob(f"*/**/{RECEIPT}")):
            asset, sample = path.parent.name, None if path.parent.parent == self.root / "shared" else path.parts[-3]
            with suppress(LakeError):
                written = _written(path, asset, sample)
                yield written, [earlier.digest for _, earlier in self._history(asset, sample)]

    def _check_files(self, receipt: Receipt, read: Callable[[Mapping[str, Path]], Mapping[str, str]]) -> None:
        paths = {file.name: self.folder(receipt) / file.name for file in receipt.files}
        try:
            suspects = [file for file in receipt.files if not _looks_published(paths[file.name], file)]
            found = {} if suspects else read(paths)
        except OSError as error:
            raise LakeError(
                f"{receipt.asset} cannot be read ({error.strerror})",
                sample=receipt.sample,
                file=error.filename,
                remedy=f"check the disk and who may read it, or materialize {receipt.asset} again with recompute",
            ) from error
        for file in suspects or [file for file in receipt.files if found[file.name] != file.sha256]:
            raise _changed(receipt, file, paths[file.name])

    def samples(self) -> list[str]:
        """See the contract."""
        return sorted({path.parent.parent.name for path in (self.root / "samples").glob(f"*/*/{RECEIPT}")})

    def assets(self, sample: str | None = None) -> list[str]:
        """See the contract."""
        return sorted(path.parent.name for path in self._home("*", sample).parent.glob(f"*/{RECEIPT}"))

    @contextmanager
    def work(
        self, asset: str, sample: str | None = None, *, log: Callable[[str], None] = lambda _: None
    ) -> Iterator[LocalWork]:
        """A private work folder in which to make an artifact, one process at a time: another one waits, and says so.

        Whatever an earlier, killed process left for the same artifact is removed first. The folder goes when the
        block ends, published or not.
        """
        self._home(asset, sample)  # refuses an illegal sample id before anything is written
        name = _work_name(asset, sample)
        folder = self.root / ".work" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{name}.lock").open("w") as lock:
            if not _locks_at_once(lock):
                log(f"another run is making {asset}: waiting for its end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._abandon(folder / "publishing", asset, sample)
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "artifact").mkdir(parents=True)
            (folder / "scratch").mkdir()
            try:
                yield LocalWork(self, asset, sample, folder / "artifact", folder / "scratch")
            finally:
                self._abandon(folder / "publishing", asset, sample)
                shutil.rmtree(folder, ignore_errors=True)

    def _abandon(self, publishing: Path, asset: str, sample: str | None) -> None:
        """Write down that a publication was entered in the ledger and did not come into force."""
        if self.ledger and publishing.exists():
            with suppress(LakeError):
                written = self._read(asset, sample)
                if written is None or written.digest != publishing.read_text():
                    self.ledger.abandon(asset, sample, publishing.read_text())

    def _commit(self, folder: Path, receipt: Receipt) -> Receipt:
        home = self._home(receipt.asset, receipt.sample)
        previous = self.previous(receipt.asset, receipt.sample)
        if previous and replace(receipt, created=previous.created) == previous and self.is_whole(previous):
            return previous
        superseded = self._superseded(receipt)
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
        self._put_in_force(folder.parent / "publishing", Written(receipt, receipt.to_json()))
        if superseded is not None and receipt.asset not in self.keep_superseded:
            shutil.rmtree(superseded, ignore_errors=True)
        return receipt

    def _describe(self, asset: str, sample: str | None, paths: list[Path]) -> tuple[ArtifactFile, ...]:
        """The files of an artifact that is about to be published."""
        digests = self._digests.of_all(artifact_key(asset, sample), {path.name: path for path in paths})
        return tuple(ArtifactFile(path.name, digests[path.name], path.stat().st_size) for path in paths)

    def _superseded(self, receipt: Receipt) -> Path | None:
        """The folder of another version that is current now, known or not."""
        with suppress(LakeError):
            written = self._read(receipt.asset, receipt.sample)
            if written and written.receipt.data_version != receipt.data_version:
                return self.folder(written.receipt)
        return None

    def _put_in_force(self, publishing: Path, written: Written) -> None:
        """Enter a receipt in the ledger, make it the current one, and note that it is."""
        home = self._home(written.receipt.asset, written.receipt.sample)
        stamp = written.receipt.created.replace(":", "").replace("-", "")
        _write_atomically(home / "history" / f"{stamp}-{written.receipt.data_version}.json", written.text)
        if self.ledger is None:
            _write_atomically(home / RECEIPT, written.text)
            return
        self._adopt_once()
        publishing.write_text(written.digest)
        with self.ledger.publishing(written):
            _write_atomically(home / RECEIPT, written.text)


@dataclass(frozen=True)
class LocalWork:
    """An artifact in the making (see :class:`resources.lake.contract.Work`).

    Attributes:
        lake: where it will be published.
        asset: its asset.
        sample: its sample, absent for what belongs to no sample.
        folder: everything written here is the artifact.
        scratch: for temporary files, on the same file system.
    """

    lake: LocalLake
    asset: str
    sample: str | None
    folder: Path
    scratch: Path

    def fresh(self, recipe: Recipe) -> Receipt | None:
        """See the contract."""
        receipt = self.lake.receipt(self.asset, self.sample)
        if receipt is None or receipt.recipe.digest != recipe.digest:
            return None
        return self.lake.require(self.asset, self.sample)

    def publish(self, *, records: int, recipe: Recipe, measures: Mapping[str, Measure]) -> Receipt:
        """See the contract."""
        paths = sorted(path for path in self.folder.iterdir())
        if not paths:
            raise LakeError(f"{self.asset} wrote no file", sample=self.sample, remedy="report this as a bug")
        files = self.lake._describe(self.asset, self.sample, paths)
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


def _written(path: Path, asset: str, sample: str | None) -> Written:
    """A receipt as it lies there; LakeError where it is none, or that of another artifact."""
    try:
        text = path.read_bytes().decode()
        receipt = Receipt.from_json(text)
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise LakeError(
            f"the receipt cannot be read ({error})",
            sample=sample,
            file=path,
            remedy=f"check who may read it, or materialize {asset} again with recompute",
        ) from error
    except LakeError as error:
        raise error.about(sample=sample, file=path) from error.__cause__
    if (receipt.asset, receipt.sample) != (asset, sample):
        raise LakeError(
            f"the receipt is that of {receipt.asset} of {receipt.sample}",
            sample=sample,
            file=path,
            remedy=f"find out who changed the lake; materialize {asset} again with recompute",
        )
    return Written(receipt, text)


def _looks_published(path: Path, file: ArtifactFile) -> bool:
    """Whether a file is there itself, with its size."""
    return not path.is_symlink() and path.is_file() and path.stat().st_size == file.bytes


def _changed(receipt: Receipt, file: ArtifactFile, path: Path) -> LakeError:
    return LakeError(
        f"the content of {receipt.asset} differs from its receipt: {file.bytes:,} bytes were published, with "
        f"sha256 {file.sha256[:12]}",
        sample=receipt.sample,
        file=path,
        remedy=f"materialize {receipt.asset} again with recompute, and find out who changed the lake",
    )


def _work_name(asset: str, sample: str | None) -> str:
    return f"{sample}.{asset}" if sample else f"shared.{asset}"


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
