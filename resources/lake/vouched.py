"""What every lake does with receipts, wherever its bytes lie: what is handed out is what the audit log knows.

A backend (:mod:`.local`, :mod:`.azure`) says where receipts and files lie, how they are brought into force, and whether
the files of an artifact are what was published; everything that is judged by that is judged here.
"""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from engine.errors import LakeError
from engine.reads.sample_names import SAMPLE_ID
from engine.receipt import ArtifactFile, Measure, Receipt, Recipe, content_version, digest_text
from resources.audit import AuditLog
from resources.lake.contract import RECEIPT, Finding
from resources.lake.digests import Digests
from resources.ledger import Ledger, Written, artifact_key, what_is_wrong
from resources.seals import Seals

Found = TypeVar("Found")
KEEP_SUPERSEDED = frozenset(
    {"variants", "findings", "statement", "clinical_report", "fhir_bundle"}
    | {"gene_model", "clinvar", "panels", "phenotypes", "frequencies", "gold_snapshot"}
)
"""Assets whose earlier versions stay; of the others only receipts stay."""

_BETWEEN_LOG_AND_RECEIPT = 1.0
"""Seconds that a publication may take from its entry in the audit log to its receipt, for those who read meanwhile."""


class VouchedLake(ABC):
    """A lake whose receipts an audit log vouches for (see :class:`resources.lake.contract.Lake`).

    Attributes:
        audit: the log in which publications are written down and against which receipts are read; a lake without one
            is a place for trials, whose receipts nobody vouches for.
    """

    audit: AuditLog | None

    @cached_property
    def ledger(self) -> Ledger | None:
        """What the audit log tells of receipts, absent without a log."""
        return Ledger(self.audit) if self.audit else None

    @cached_property
    def _digests(self) -> Digests:
        return Digests(self._seals)

    @cached_property
    def _seals(self) -> Seals:
        """Where this machine notes what it has read."""
        return self.ledger.seals if self.ledger else Seals(self._seals_without_log)

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
        self._check_files(receipt)
        return receipt

    def in_force(self, asset: str, sample: str | None = None) -> str | None:
        """See the contract."""
        with suppress(LakeError):
            written = self._read(asset, sample)
            return written.digest if written else None
        return None

    def verify(self, receipt: Receipt) -> None:
        """See the contract."""
        self._check_files(receipt, afresh=True)

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
            Finding(f"the receipt {key.rpartition('/')[2]} in the history of {asset} is not one that was published")
            for key, written in self._history(asset, sample)
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

    def discard(self, receipt: Receipt) -> None:
        """See the contract."""
        self._remove_version(receipt)

    def path(self, receipt: Receipt, name: str) -> Path:
        """See the contract."""
        return self.folder(receipt) / receipt.file(name).name

    def sha256(self, path: Path) -> str:
        """See the contract."""
        return self._digests.of(f"files/{digest_text(str(path))}", path)

    def history(self, asset: str, sample: str | None = None) -> list[Receipt]:
        """See the contract."""
        return [written.receipt for _, written in self._history(asset, sample)]

    def samples(self) -> list[str]:
        """See the contract."""
        return sorted({sample for _, sample in self._published("samples/") if sample})

    def assets(self, sample: str | None = None) -> list[str]:
        """See the contract."""
        return sorted(asset for asset, _ in self._published(self._key("*", sample).removesuffix("*")))

    def samples_since(self, mark: str) -> tuple[str, frozenset[str] | None]:
        """See the contract: as the audit log tells, in which a publication stands before it takes force and after."""
        if self.audit is None:
            return "", None
        self._adopt_once()
        return self.audit.samples_since(mark)

    # What a backend says

    @abstractmethod
    def folder(self, receipt: Receipt) -> Path:
        """See the contract."""

    @property
    @abstractmethod
    def _seals_without_log(self) -> Path:
        """Folder for the notes of a lake that has no log."""

    @abstractmethod
    def _place_of(self, key: str) -> str:
        """Where something of the lake lies, for people."""

    @abstractmethod
    def _published(self, below: str) -> Iterator[tuple[str, str | None]]:
        """Asset and sample of each artifact below a key that has a receipt."""

    @abstractmethod
    def _receipt_text(self, key: str) -> bytes | None:
        """The text of a receipt, by its key; absent where there is none."""

    @abstractmethod
    def _receipts_below(self, key: str) -> list[str]:
        """Keys of the receipts right below a key, in order."""

    @abstractmethod
    def _is_being_made(self, asset: str, sample: str | None) -> bool:
        """Whether another holds the artifact's work folder."""

    @abstractmethod
    def _check_files(self, receipt: Receipt, *, afresh: bool = False) -> None:
        """LakeError unless every file is what the receipt says; ``afresh`` reads it whatever was noted of it."""

    @abstractmethod
    def _adopting(self) -> AbstractContextManager[object]:
        """Held while the receipts of a lake that was made without a log are entered, by one process at a time."""

    @abstractmethod
    def _bring(self, folder: Path, receipt: Receipt) -> None:
        """Put the files of a work folder where the version's files belong; one that lies there whole is left."""

    @abstractmethod
    def _write_receipt(self, key: str, text: str) -> None:
        """Write a receipt in one step."""

    @abstractmethod
    def _remove_version(self, receipt: Receipt) -> None:
        """Remove the files of a version."""

    @abstractmethod
    def _note_publishing(self, asset: str, sample: str | None, digest: str | None) -> None:
        """Note, beside the work folder, which receipt is about to take force; ``None`` takes the note back."""

    @abstractmethod
    def _noted_publishing(self, asset: str, sample: str | None) -> str | None:
        """What was noted last, by whichever process."""

    # What is judged by that

    def _key(self, asset: str, sample: str | None) -> str:
        """Key of an artifact, under which its receipt and versions lie."""
        if sample is not None and not SAMPLE_ID.fullmatch(sample):
            raise LakeError(
                f"{sample!r} is not a sample id", remedy="use 1 to 64 letters, digits, hyphens or underscores"
            )
        return artifact_key(asset, sample)

    def _read(self, asset: str, sample: str | None) -> Written | None:
        """The receipt as it lies there."""
        return self._written(f"{self._key(asset, sample)}/{RECEIPT}", asset, sample)

    def _history(self, asset: str, sample: str | None) -> list[tuple[str, Written]]:
        keys = self._receipts_below(f"{self._key(asset, sample)}/history/")
        read = [(key, self._written(key, asset, sample)) for key in keys]
        return [(key, written) for key, written in read if written]

    def _written(self, key: str, asset: str, sample: str | None) -> Written | None:
        """A receipt as it lies there; LakeError where it is none, or that of another artifact."""
        try:
            found = self._receipt_text(key)
            if found is None:
                return None
            text = found.decode()
            receipt = Receipt.from_json(text)
        except (OSError, UnicodeDecodeError) as error:
            raise LakeError(
                f"the receipt cannot be read ({error})",
                sample=sample,
                file=self._place_of(key),
                remedy=f"check who may read it, or materialize {asset} again with recompute",
            ) from error
        except LakeError as error:
            raise error.about(sample=sample, file=self._place_of(key)) from error.__cause__
        if (receipt.asset, receipt.sample) != (asset, sample):
            raise LakeError(
                f"the receipt is that of {receipt.asset} of {receipt.sample}",
                sample=sample,
                file=self._place_of(key),
                remedy=f"find out who changed the lake; materialize {asset} again with recompute",
            )
        return Written(receipt, text)

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

    def _checked(self, written: Written) -> Written:
        """A receipt that the ledger knows, where there is a ledger."""
        if self.ledger:
            self._adopt_once()
            try:
                self.ledger.check(written)
            except LakeError as error:
                raise error.about(file=self._place_of(f"{written.key}/{RECEIPT}")) from None
        return written

    def _adopt_once(self) -> None:
        """Enter the receipts of a lake that was made without a ledger, all at once, before the first new entry."""
        if self.ledger is None or self.ledger.has_adopted():
            return
        with self._adopting():
            if not self.ledger.has_adopted():
                self.ledger.adopt(self._adoptable())

    def _adoptable(self) -> Iterator[tuple[Written, list[str]]]:
        """Every readable current receipt, and the digests of its history."""
        for asset, sample in sorted(self._published(""), key=str):
            with suppress(LakeError):
                if written := self._read(asset, sample):
                    yield written, [earlier.digest for _, earlier in self._history(asset, sample)]

    @contextmanager
    def _work_in(self, folder: Path, asset: str, sample: str | None) -> Iterator[FolderWork]:
        """Work in a folder that is emptied first and goes at the end, for the process that alone makes the artifact."""
        self._abandon(asset, sample)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "artifact").mkdir(parents=True)
        (folder / "scratch").mkdir()
        try:
            yield FolderWork(self, asset, sample, folder / "artifact", folder / "scratch")
        finally:
            self._abandon(asset, sample)
            shutil.rmtree(folder, ignore_errors=True)

    def _abandon(self, asset: str, sample: str | None) -> None:
        """Write down that a publication was entered in the ledger and did not come into force."""
        if self.ledger and (digest := self._noted_publishing(asset, sample)):
            with suppress(LakeError):
                written = self._read(asset, sample)
                if written is None or written.digest != digest:
                    self.ledger.abandon(asset, sample, digest)
                self._note_publishing(asset, sample, None)

    def _commit(self, folder: Path, receipt: Receipt) -> Receipt:
        """Make a folder's files the current artifact; what equals the current one keeps its receipt."""
        previous = self.previous(receipt.asset, receipt.sample)
        if previous and replace(receipt, created=previous.created) == previous and self.is_whole(previous):
            return previous
        superseded = self._superseded(receipt)
        self._bring(folder, receipt)
        self._put_in_force(Written(receipt, receipt.to_json()))
        if superseded is not None and receipt.asset not in KEEP_SUPERSEDED:
            self._remove_version(superseded)
        return receipt

    def _superseded(self, receipt: Receipt) -> Receipt | None:
        """Another version that is current now, known or not."""
        with suppress(LakeError):
            written = self._read(receipt.asset, receipt.sample)
            if written and written.receipt.data_version != receipt.data_version:
                return written.receipt
        return None

    def _put_in_force(self, written: Written) -> None:
        """Enter a receipt in the ledger, make it the current one, and note that it is."""
        key, receipt = written.key, written.receipt
        stamp = receipt.created.replace(":", "").replace("-", "")
        self._write_receipt(f"{key}/history/{stamp}-{receipt.data_version}.json", written.text)
        if self.ledger is None:
            self._write_receipt(f"{key}/{RECEIPT}", written.text)
            return
        self._adopt_once()
        self._note_publishing(receipt.asset, receipt.sample, written.digest)
        with self.ledger.publishing(written):
            self._write_receipt(f"{key}/{RECEIPT}", written.text)

    def _describe(self, asset: str, sample: str | None, paths: list[Path]) -> tuple[ArtifactFile, ...]:
        """The files of an artifact that is about to be published."""
        digests = self._digests.of_all(artifact_key(asset, sample), {path.name: path for path in paths})
        return tuple(ArtifactFile(path.name, digests[path.name], path.stat().st_size) for path in paths)


@dataclass(frozen=True)
class FolderWork:
    """An artifact in the making in a folder of this machine (see :class:`resources.lake.contract.Work`).

    Attributes:
        lake: where it will be published.
        asset: its asset.
        sample: its sample, absent for what belongs to no sample.
        folder: everything written here is the artifact.
        scratch: for temporary files, on the same file system.
    """

    lake: VouchedLake
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


def changed(receipt: Receipt, file: ArtifactFile, place: str) -> LakeError:
    """That a file of an artifact is not what its receipt says."""
    return LakeError(
        f"the content of {receipt.asset} differs from its receipt: {file.bytes:,} bytes were published, with "
        f"sha256 {file.sha256[:12]}",
        sample=receipt.sample,
        file=place,
        remedy=f"materialize {receipt.asset} again with recompute, and find out who changed the lake",
    )


def work_name(asset: str, sample: str | None) -> str:
    """One name for the work on an artifact."""
    return f"{sample}.{asset}" if sample else f"shared.{asset}"
