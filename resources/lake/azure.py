"""The lake in a container of Azure Blob Storage, also one with a hierarchical namespace (Data Lake Storage Gen2).

The layout is that of the lake in a folder (:mod:`.local`), blob by file. A version's files are written block by block,
each committed only where no blob of that name is; the artifact becomes visible when its receipt replaces the previous
one, which the storage lets happen only while that is the one that was read: that write is the only commit. Who makes an
artifact holds a lease on a blob of ``.work/``; of a process that died the lease runs out by itself.

An upload or a download that is cut off goes on where it was, block by block, when the same is asked for again.

What a tool needs as a file is brought to a folder of this machine, compared with its sha256, and kept there as long as
there is room. That a blob is still what was published is known by its size and ETag, which the storage changes with
every write; where they were not noted here, the blob is read.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.errors import LakeError
from engine.receipt import ArtifactFile, Receipt
from engine.storage import StorageError
from resources.audit import AuditLog
from resources.lake.contract import RECEIPT, KeptFile, Tier
from resources.lake.vouched import FolderWork, VouchedLake, changed, work_name

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

BLOCK = 8 << 20
"""Bytes of one block of an upload, and of one part of a download."""
LEASE = 60
"""Seconds after which the lease of a process that died runs out; the longest that the storage grants."""
_LOOK_AGAIN = 0.5
_PARALLEL = 4
_AHEAD = 2 * _PARALLEL
"""Parts of a download that are asked for before the first of them is written."""
_KEPT_HALF = 86_400.0
"""Seconds for which half a download is kept for whoever goes on with it."""
_SIGNS = 40
"""Of the file's digest in a block's name; the storage takes names of 64 signs."""
_SHA256 = "sha256"


@dataclass(frozen=True)
class AzureLake(VouchedLake):
    """A lake in one container (see :class:`resources.lake.contract.Lake`).

    Attributes:
        url: of the container.
        credential: who asks, as ``azure-identity`` gives it.
        cache: folder of this machine for work and for what was brought here.
        audit: see :class:`.vouched.VouchedLake`.
        most_bytes: what is brought here and not in use is removed above so many, that used longest ago first.
        options: further ones of ``azure.storage.blob.ContainerClient``.
    """

    url: str
    credential: Any
    cache: Path
    audit: AuditLog | None = None
    most_bytes: int = 500 << 30
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The container's URL."""
        return self.url

    def folder(self, receipt: Receipt) -> Path:
        """See the contract."""
        key = self._version(receipt)
        target = self.cache / key
        self._use(target)
        if not target.is_dir():
            self._make_room(sum(file.bytes for file in receipt.files))
            self._fetch(receipt, target)
        os.utime(target)
        return target

    def read_range(self, receipt: Receipt, name: str, start: int, length: int) -> bytes:
        """See the contract."""
        size = receipt.file(name).bytes
        length = min(length, size - start)
        if length <= 0:
            return b""
        key = f"{self._version(receipt)}/{name}"
        with self._told(key):
            return bytes(self._blob(key).download_blob(offset=start, length=length).readall())

    @contextmanager
    def work(
        self, asset: str, sample: str | None = None, *, log: Callable[[str], None] = lambda _: None
    ) -> Iterator[FolderWork]:
        """A private work folder on this machine; one process at a time, on whichever machine, by a lease."""
        self._key(asset, sample)  # refuses an illegal sample id before anything is written
        name = work_name(asset, sample)
        folder = self.cache / ".work" / f"{name}.{os.getpid()}"
        leased = self._leased(f".work/{name}", lambda: log(f"another run is making {asset}: waiting for its end"))
        with leased, self._work_in(folder, asset, sample) as work:
            yield work

    def kept(self) -> Iterator[KeptFile]:
        """See the contract: the storage keeps versions and what was deleted."""
        yield from ()

    def tier(self, receipt: Receipt) -> Tier:
        """See :class:`resources.lake.contract.TieredLake`."""
        found = {_tier_of(self._facts(f"{self._version(receipt)}/{file.name}")) for file in receipt.files}
        return max(found, key=list(Tier).index)

    def move(self, receipt: Receipt, tier: Tier) -> None:
        """See :class:`resources.lake.contract.TieredLake`."""
        for file in receipt.files:
            key = f"{self._version(receipt)}/{file.name}"
            with self._told(key):
                self._blob(key).set_standard_blob_tier(tier.value.capitalize())

    def _facts(self, key: str) -> Any:
        with self._told(key):
            return self._blob(key).get_blob_properties()

    # The container

    @cached_property
    def _container(self) -> ContainerClient:
        try:
            from azure.storage.blob import ContainerClient
        except ImportError as error:
            raise StorageError(
                "the library for Azure Blob Storage is not installed", remedy="pip install 'genomics-assets[azure]'"
            ) from error
        return ContainerClient.from_container_url(
            self.url,
            credential=self.credential,
            max_block_size=BLOCK,
            max_single_put_size=BLOCK,
            max_chunk_get_size=BLOCK,
            max_single_get_size=BLOCK,
            **self.options,
        )

    def _blob(self, key: str) -> BlobClient:
        return self._container.get_blob_client(key)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Raise what the storage says as an error of ours that names the blob."""
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            raise storage_error(error, self._place_of(key)) from error

    def _names(self, below: str) -> Iterator[str]:
        with self._told(below):
            yield from self._container.list_blob_names(name_starts_with=below)

    @contextmanager
    def _leased(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lease of a blob, renewed while the block lasts."""
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
        from azure.storage.blob import BlobLeaseClient

        blob = self._blob(name)
        with self._told(name):
            with suppress(ResourceExistsError):
                blob.upload_blob(b"", overwrite=False)
            told = False
            while True:
                try:
                    lease: BlobLeaseClient = blob.acquire_lease(LEASE)
                    break
                except HttpResponseError as error:
                    if getattr(error, "error_code", None) != "LeaseAlreadyPresent":
                        raise
                    if not told:
                        waiting()
                        told = True
                    time.sleep(_LOOK_AGAIN)
        ended = threading.Event()

        def keep() -> None:
            while not ended.wait(LEASE / 3):
                with suppress(AzureError):
                    lease.renew()

        keeper = threading.Thread(target=keep, daemon=True, name=f"lease of {name}")
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()
            with suppress(AzureError):  # the library asks again for about as long as the lease would last anyway
                lease.release()

    # What the lake asks of a backend

    @property
    def _seals_without_log(self) -> Path:
        return self.cache / "seals"

    def _version(self, receipt: Receipt) -> str:
        return f"{self._key(receipt.asset, receipt.sample)}/{receipt.data_version}"

    def _place_of(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _published(self, below: str) -> Iterator[tuple[str, str | None]]:
        for key in self._names(below):
            kind, *sample, asset, name = key.split("/") if key.count("/") > 1 else ("", "", "")
            if name == RECEIPT and len(sample) == (kind == "samples") and kind in ("samples", "shared"):
                yield asset, sample[0] if sample else None

    @cached_property
    def _etags(self) -> dict[str, str]:
        """ETags of current receipts, as they were read last."""
        return {}

    def _receipt_text(self, key: str) -> bytes | None:
        from azure.core.exceptions import ResourceNotFoundError

        self._etags.pop(key, None)
        with self._told(key):
            try:
                found = self._blob(key).download_blob()
            except ResourceNotFoundError:
                return None
            if key.endswith(f"/{RECEIPT}"):
                self._etags[key] = found.properties.etag
            return bytes(found.readall())

    def _receipts_below(self, key: str) -> list[str]:
        return sorted(name for name in self._names(key) if name.endswith(".json"))

    def _is_being_made(self, asset: str, sample: str | None) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        key = f".work/{work_name(asset, sample)}"
        with self._told(key), suppress(ResourceNotFoundError):
            return bool(self._blob(key).get_blob_properties().lease.state == "leased")
        return False

    @contextmanager
    def _adopting(self) -> Iterator[None]:
        with self._leased(".work/adoption", lambda: None):
            yield

    def _check_files(self, receipt: Receipt, *, afresh: bool = False) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        noted_as = f"blobs/{self._version(receipt)}"
        noted = self._seals.read(noted_as)
        seen: dict[str, list[str]] = {}
        for file in receipt.files:
            key = f"{self._version(receipt)}/{file.name}"
            with self._told(key):
                try:
                    facts = self._blob(key).get_blob_properties()
                except ResourceNotFoundError:
                    raise changed(receipt, file, self._place_of(key)) from None
                if facts.size != file.bytes:
                    raise changed(receipt, file, self._place_of(key))
                known = noted.get(file.name, ["", ""])
                if afresh or known != [facts.etag, file.sha256]:
                    known = [facts.etag, self._digest_of(key, facts.etag)]
            if known[1] != file.sha256:
                raise changed(receipt, file, self._place_of(key))
            seen[file.name] = known
        if seen != noted:
            self._seals.write(noted_as, seen)

    def _digest_of(self, key: str, etag: str) -> str:
        """sha256 of a blob as it was when it had an ETag."""
        from azure.core import MatchConditions

        digest = sha256()
        parts = self._blob(key).download_blob(
            etag=etag, match_condition=MatchConditions.IfNotModified, max_concurrency=_PARALLEL
        )
        for part in parts.chunks():
            digest.update(part)
        return digest.hexdigest()

    def _bring(self, folder: Path, receipt: Receipt) -> None:
        noted = {}
        for file in receipt.files:
            key = f"{self._version(receipt)}/{file.name}"
            with self._told(key):
                noted[file.name] = [self._upload(key, folder / file.name, file), file.sha256]
        self._seals.write(f"blobs/{self._version(receipt)}", noted)
        kept = self.cache / self._version(receipt)
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(kept)

    def _upload(self, key: str, path: Path, file: ArtifactFile) -> str:
        """Write a file as a blob, unless that lies there whole already; its ETag."""
        from azure.core.exceptions import ResourceExistsError

        blob = self._blob(key)
        blocks = self._staged(blob, path, file) if file.bytes > BLOCK else None
        for overwrite in (False, True):
            try:
                return _committed(blob, path, file, blocks, overwrite=overwrite)
            except ResourceExistsError:
                facts = blob.get_blob_properties()
                if facts.size == file.bytes and self._digest_of(key, facts.etag) == file.sha256:
                    return str(facts.etag)
        raise AssertionError("an upload that may overwrite does not find that the blob exists")

    def _staged(self, blob: BlobClient, path: Path, file: ArtifactFile) -> list[str]:
        """Send a file's blocks, several at once; names of all, in order.

        Each is named by its place and the file's digest: what an attempt that was cut off has left there of the same
        file is not sent again.
        """
        from azure.core.exceptions import ResourceNotFoundError

        there: set[str] = set()
        with suppress(ResourceNotFoundError):
            there = {str(one.id) for one in blob.get_block_list("uncommitted")[1]}

        def send(start: int) -> str:
            name = f"{start // BLOCK:06}{file.sha256[:_SIGNS]}"
            if name not in there:
                with path.open("rb") as stream:
                    stream.seek(start)
                    blob.stage_block(name, stream.read(BLOCK))
            return name

        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(send, range(0, file.bytes, BLOCK)))

    def _write_receipt(self, key: str, text: str) -> None:
        """The current one only over that which this process read last: who lost the lease meanwhile writes nothing."""
        from azure.core import MatchConditions

        etag = self._etags.get(key)
        as_read: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        is_current = key.endswith(f"/{RECEIPT}")
        with self._told(key):
            written = self._blob(key).upload_blob(text.encode(), overwrite=bool(etag) or not is_current, **as_read)
        if is_current:
            self._etags[key] = written["etag"]

    def _remove_version(self, receipt: Receipt) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        for key in list(self._names(f"{self._version(receipt)}/")):
            with self._told(key), suppress(ResourceNotFoundError):
                self._blob(key).delete_blob(delete_snapshots="include")
        shutil.rmtree(self.cache / self._version(receipt), ignore_errors=True)

    def _note_publishing(self, asset: str, sample: str | None, digest: str | None) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        key = f".work/{work_name(asset, sample)}.publishing"
        with self._told(key), suppress(ResourceNotFoundError):
            if digest:
                self._blob(key).upload_blob(digest.encode(), overwrite=True)
            else:
                self._blob(key).delete_blob()

    def _noted_publishing(self, asset: str, sample: str | None) -> str | None:
        found = self._receipt_text(f".work/{work_name(asset, sample)}.publishing")
        return found.decode() if found else None

    # What was brought here

    def _fetch(self, receipt: Receipt, target: Path) -> None:
        """Bring the files of a version here, all or none; what an attempt that was cut off has brought is kept."""
        name = f"{work_name(receipt.asset, receipt.sample)}.{receipt.data_version}"
        coming = self.cache / ".coming" / name
        coming.mkdir(parents=True, exist_ok=True)
        _remove_old(coming.parent)
        with _lock_of(coming).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if target.is_dir():  # another process was quicker
                return
            coming.mkdir(exist_ok=True)
            for file in receipt.files:
                key = f"{self._version(receipt)}/{file.name}"
                with self._told(key):
                    digest = self._download(key, coming / file.name, file.bytes)
                if digest != file.sha256:
                    (coming / file.name).unlink()
                    raise changed(receipt, file, self._place_of(key))
            target.parent.mkdir(parents=True, exist_ok=True)
            coming.rename(target)

    def _download(self, key: str, path: Path, size: int) -> str:
        """Append to a file what it lacks of a blob, several parts at once, in order; sha256 of the whole."""
        blob, digest = self._blob(key), sha256()

        def part(start: int) -> bytes:
            return bytes(blob.download_blob(offset=start, length=min(BLOCK, size - start)).readall())

        with path.open("a+b") as stream, ThreadPoolExecutor(_PARALLEL) as pool:
            stream.seek(0)
            while had := stream.read(BLOCK):
                digest.update(had)
            starts = iter(range(stream.tell(), size, BLOCK))
            coming = deque(pool.submit(part, start) for start in islice(starts, _AHEAD))
            while coming:
                content = coming.popleft().result()
                coming.extend(pool.submit(part, start) for start in islice(starts, 1))
                stream.write(content)
                digest.update(content)
        return digest.hexdigest()

    @cached_property
    def _in_use(self) -> dict[Path, IO[str]]:
        return {}

    def _use(self, target: Path) -> None:
        """Hold a lock, as long as this process lives, that keeps others from removing the folder."""
        if target not in self._in_use:
            target.parent.mkdir(parents=True, exist_ok=True)
            lock = _lock_of(target).open("w")
            fcntl.flock(lock, fcntl.LOCK_SH)
            self._in_use[target] = lock

    def _make_room(self, coming: int) -> None:
        """Remove what was used longest ago and is not in use, until what comes has room."""
        kept = sorted(
            (path for path in (*self.cache.glob("samples/*/*/*/"), *self.cache.glob("shared/*/*/")) if path.is_dir()),
            key=lambda path: path.stat().st_mtime,
        )
        sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in kept}
        room = self.most_bytes - coming - sum(sizes.values())
        for path in kept:
            if room >= 0:
                return
            with _lock_of(path).open("w") as lock, suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
                room += sizes[path]


def _tier_of(facts: Any) -> Tier:
    if str(facts.archive_status or "").startswith("rehydrate-pending"):
        return Tier.PENDING
    return Tier(str(facts.blob_tier or Tier.HOT).lower())


def _committed(
    blob: BlobClient, path: Path, file: ArtifactFile, blocks: Sequence[str] | None, *, overwrite: bool
) -> str:
    """Write a small file at once, or make the blob of blocks that were sent; its ETag."""
    from azure.core import MatchConditions
    from azure.storage.blob import BlobBlock

    metadata = {_SHA256: file.sha256}
    if blocks is None:
        with path.open("rb") as stream:
            written = blob.upload_blob(stream, length=file.bytes, overwrite=overwrite, metadata=metadata)
    else:
        condition: dict[str, Any] = {} if overwrite else {"match_condition": MatchConditions.IfMissing}
        written = blob.commit_block_list([BlobBlock(one) for one in blocks], metadata=metadata, **condition)
    return str(written["etag"])


def _remove_old(folder: Path) -> None:
    """Remove what began to come long ago, and for which nobody has come back."""
    for begun in folder.iterdir():
        with suppress(OSError):
            if begun.is_dir() and time.time() - begun.stat().st_mtime > _KEPT_HALF:
                shutil.rmtree(begun)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


def storage_error(error: Exception, place: str) -> LakeError | StorageError:
    """What the storage says, in words for whoever runs the platform."""
    code, status = _code(error), getattr(error, "status_code", None)
    if code in ("BlobArchived", "BlobBeingRehydrated"):
        return LakeError(
            "the blob lies in the archive tier and cannot be read",
            file=place,
            remedy="ask for its rehydration (genomics rehydrate), and wait: the sample is run again when it is back",
        )
    if code == "BlobNotFound":
        return LakeError(
            "a file of the artifact is gone",
            file=place,
            remedy="materialize the artifact again with recompute, and find out who changed the lake",
        )
    if status in (401, 403):
        return StorageError(
            f"the storage does not let this identity do that ({code or status})",
            file=place,
            remedy="give the platform's identity the role Storage Blob Data Contributor on the container, and check "
            "the storage's firewall",
        )
    if code == "ContainerNotFound":
        return StorageError("there is no such container", file=place, remedy="create it, or check the lake's URL")
    if code in ("BlobAlreadyExists", "ConditionNotMet", "LeaseIdMismatchWithBlobOperation", "LeaseLost"):
        return StorageError(
            "another process wrote there meanwhile", file=place, remedy="run it again: nothing is half written"
        )
    told = str(error).splitlines()[0] if str(error) else type(error).__name__
    return StorageError(
        f"the storage cannot do it ({f'{code}: {told}' if code else told})",
        file=place,
        remedy="check that the storage can be reached; then it goes on: nothing is half written",
    )


def _code(error: Exception) -> str | None:
    """As the storage writes it; those that the library knows come as members of an enum, which are shown otherwise."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code)) if code else None
