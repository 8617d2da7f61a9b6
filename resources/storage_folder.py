"""Downloads that lie in a folder of Azure Storage: which of them are known by their names, and bringing those here.

What the platform imports it reads as files of this machine, so what is known is brought once, and again only where it
was written anew. The folder here is made equal to that in the storage only after everything has come.

>>> container_url("abfss://knowledge@hospital.dfs.core.windows.net/2026", None)
('https://hospital.blob.core.windows.net/knowledge', '2026')
>>> container_url("az://knowledge/2026", "https://hospital.blob.core.windows.net/lake")
('https://hospital.blob.core.windows.net/knowledge', '2026')
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engine.errors import KnowledgeError
from engine.storage import storage_told
from resources.lake.azure import storage_error

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, ContainerClient

Known = Callable[[str, Collection[str] | None], bool]
"""Whether a name is known, given the names within it where it is a folder."""
_AZURE = ("https", "abfs", "abfss", "az")
_PARALLEL = 4


@dataclass(frozen=True)
class StorageFolder:
    """A folder of a container.

    Attributes:
        container: its URL.
        path: within it, empty for all of it.
        credential: who asks, as ``azure-identity`` gives it.
        options: further ones of ``azure.storage.blob.ContainerClient``.
    """

    container: str
    path: str
    credential: Any
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Of the folder."""
        return f"{self.container}/{self.path}".rstrip("/")

    def bring(self, into: Path, known: Known) -> Path:
        """Bring what is known into a folder of this machine.

        Args:
            into: folder that is to hold it, and nothing else.
            known: says what is brought; of the rest an empty file stands for each name, and what lies in folders that
                are not known is left out.

        Raises:
            StorageError: the storage does not answer, or does not let this account read.
            KnowledgeError: the folder holds nothing.
        """
        with self._client() as client, self._told():
            blobs = list(self._right_in(client))
            if not blobs:
                raise KnowledgeError(
                    "the folder is empty, or there is none", file=self.url, remedy="check its URL and its path"
                )
            wanted = _wanted([name for name, _ in blobs], known)
            for name, facts in blobs:
                with storage_told(into / name):
                    self._fetch(client, facts, into / name, whole=name in wanted)
        _remove_others(into, {name for name, _ in blobs})
        return into

    def _right_in(self, client: ContainerClient) -> Iterator[tuple[str, BlobProperties]]:
        """Files of the folder and of those right in it, by name below it."""
        prefix = f"{self.path}/" if self.path else ""
        for blob in client.list_blobs(name_starts_with=prefix, include=["metadata"]):
            name = blob.name.removeprefix(prefix)
            parts = PurePosixPath(name).parts
            is_folder = name.endswith("/") or (blob.metadata or {}).get("hdi_isfolder") == "true"
            if not is_folder and 1 <= len(parts) <= 2 and not any(part.startswith(".") for part in parts):
                yield name, blob

    def _fetch(self, client: ContainerClient, blob: BlobProperties, target: Path, *, whole: bool) -> None:
        size, written = (blob.size if whole else 0), blob.last_modified.timestamp()
        if target.is_file() and (target.stat().st_size, target.stat().st_mtime) == (size, written):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        coming = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with coming.open("wb") as stream:
                if whole:
                    client.download_blob(blob.name, max_concurrency=_PARALLEL).readinto(stream)
            if coming.stat().st_size != size:
                raise KnowledgeError(
                    f"{coming.stat().st_size:,} of {size:,} bytes came",
                    file=f"{self.container}/{blob.name}",
                    remedy="wait until it is written to its end, and try again",
                )
            os.utime(coming, (written, written))
            coming.replace(target)
        finally:
            coming.unlink(missing_ok=True)

    @contextmanager
    def _client(self) -> Iterator[ContainerClient]:
        from azure.storage.blob import ContainerClient

        with ContainerClient.from_container_url(self.container, credential=self.credential, **self.options) as client:
            yield client

    @contextmanager
    def _told(self) -> Iterator[None]:
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            raise storage_error(error, self.url) from error


def local_path(text: str) -> Path | None:
    """The path of a ``file://`` URL or of what is no URL; absent of another URL."""
    parts = urlsplit(text)
    if "://" not in text:
        return Path(text)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return None


def container_url(text: str, lake_url: str | None) -> tuple[str, str]:
    """URL of the container and path within it of a folder's URL.

    Args:
        text: ``https://<account>.blob.core.windows.net/<container>/<folder>``,
            ``abfss://<container>@<account>.dfs.core.windows.net/<folder>``, or ``az://<container>/<folder>``.
        lake_url: of the lake's container; ``az://`` names a container of the same account.

    Raises:
        KnowledgeError: it is none of these.
    """
    parts = urlsplit(text)
    path = [unquote(part) for part in parts.path.split("/") if part]
    if parts.scheme not in _AZURE or not parts.netloc or parts.query or parts.fragment or parts.password:
        raise _refused(text)
    if parts.scheme == "https":
        # An account's own host names the account; an emulator's URL has it as the first part of the path.
        before_container = 0 if parts.netloc.partition(".")[2].startswith(("blob.", "dfs.")) else 1
        if len(path) <= before_container:
            raise _refused(text)
        host = f"https://{parts.netloc.replace('.dfs.', '.blob.', 1)}"
        whole = [host, *path[: before_container + 1]]
        return "/".join(whole), "/".join(path[before_container + 1 :])
    if "@" in parts.netloc:
        container, _, host = parts.netloc.partition("@")
        return f"https://{host.replace('.dfs.', '.blob.', 1)}/{container}", "/".join(path)
    if lake_url is None:
        raise _refused(text)
    return f"{lake_url.rstrip('/').rpartition('/')[0]}/{parts.netloc}", "/".join(path)


def _refused(text: str) -> KnowledgeError:
    return KnowledgeError(
        "this is no folder that knowledge can be taken from",
        file=text.partition("?")[0],
        remedy="name a folder of this machine, https://<account>.blob.core.windows.net/<container>/<folder> without a "
        "key or signature, abfss://<container>@<account>.dfs.core.windows.net/<folder>, or, where the lake lies in "
        "Azure, az://<container>/<folder> of its account",
    )


def _wanted(names: Collection[str], known: Known) -> set[str]:
    """Files that are known, those in folders that are, and what goes with them (an index beside its file)."""
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        folder, _, file = name.rpartition("/")
        folders[folder].append(file)
    files = {name for name in folders[""] if known(name, None)}
    files |= {name for name in folders[""] if any(name.startswith(f"{file}.") for file in files)}
    within = {folder for folder, members in folders.items() if folder and known(folder, members)}
    return files | {name for name in names if name.rpartition("/")[0] in within}


def _remove_others(folder: Path, names: Collection[str]) -> None:
    """Remove what is not in the storage any more."""
    for path in folder.iterdir():
        if path.is_dir() and not any(name.startswith(f"{path.name}/") for name in names):
            shutil.rmtree(path)
        elif path.is_file() and path.name not in names:
            path.unlink()
        elif path.is_dir():
            _remove_others(path, {name.partition("/")[2] for name in names if name.startswith(f"{path.name}/")})
