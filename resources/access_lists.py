"""Where access lists lie: in the attributes of this machine's files, and in Data Lake Storage Gen2."""

from __future__ import annotations

import errno
import grp
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.zones import (
    EVERYBODY,
    OWNING_GROUP,
    AccessList,
    AccessListError,
    Drift,
    Store,
    apply,
    drift,
    entries,
    parse,
    read_entries,
)

if TYPE_CHECKING:
    from azure.storage.filedatalake import FileSystemClient

_OWN, _INHERITED = "system.posix_acl_access", "system.posix_acl_default"
_ABSENT = (errno.ENODATA, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class AccessLists:
    """Who may read what in one deployment.

    Attributes:
        stores: where its data lie.
        groups: the group of each role.
    """

    stores: tuple[Store, ...]
    groups: Mapping[str, str]

    def drift(self) -> list[Drift]:
        """What does not grant what it must."""
        return [one for store in self.stores for one in drift(store, self.groups)]

    def apply(self) -> list[Drift]:
        """Let everything grant what it must; what had drifted."""
        return [one for store in self.stores for one in apply(store, self.groups)]


@dataclass(frozen=True)
class LocalLists:
    """Files of this machine below a folder; links are left alone, and never followed.

    Attributes:
        root: the data folder.
    """

    root: Path

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def paths(self) -> Iterator[tuple[str, bool]]:
        """See :class:`resources.zones.Store`."""
        if self.root.is_dir():
            yield "", True
        for place, folders, files in os.walk(self.root):
            here = Path(place)
            for name in sorted(folders):
                if not (here / name).is_symlink():
                    yield (here / name).relative_to(self.root).as_posix(), True
            for name in sorted(files):
                if not (here / name).is_symlink():
                    yield (here / name).relative_to(self.root).as_posix(), False

    def read(self, path: str) -> AccessList | None:
        """See :class:`resources.zones.Store`."""
        file = self.root / path
        try:
            content, inherited, mode = _attribute(file, _OWN), _attribute(file, _INHERITED), file.lstat().st_mode
        except FileNotFoundError:
            return None
        own = read_entries(content, _Names()) if content else _by_mode(mode)
        below = read_entries(inherited, _Names()) if inherited else {}
        return AccessList(own, below if stat.S_ISDIR(mode) else None)

    def write(self, path: str, granted: AccessList, *, is_folder: bool) -> None:
        """See :class:`resources.zones.Store`.

        Raises:
            AccessListError: a group is not one of this machine, or the file system keeps no access lists.
        """
        file = self.root / path
        numbers = {who: _number(who) for who in {*granted.groups, *(granted.inherited or {})}}
        try:
            os.setxattr(file, _OWN, entries(granted, numbers, inherited=False), follow_symlinks=False)
            if is_folder and granted.inherited:
                os.setxattr(file, _INHERITED, entries(granted, numbers, inherited=True), follow_symlinks=False)
            elif is_folder and _attribute(file, _INHERITED):
                os.removexattr(file, _INHERITED, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise AccessListError(
                f"the access list cannot be set ({error.strerror})",
                file=file,
                remedy="keep the data on a file system with access lists (ext4, XFS), owned by the platform's account",
            ) from error


@dataclass(frozen=True)
class DataLakeLists:
    """A container with a hierarchical namespace, as the lake or a part of it.

    Attributes:
        url: of the container.
        credential: who asks, who owns everything in it.
        below: the folder of the data that the container is, such as ``lake``.
        options: further ones of ``azure.storage.filedatalake.FileSystemClient``.
    """

    url: str
    credential: Any
    below: str = "lake"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The container's URL."""
        return self.url

    def paths(self) -> Iterator[tuple[str, bool]]:
        """See :class:`resources.zones.Store`."""
        yield self.below, True
        with self._told(self.url):
            for one in self._container.get_paths(recursive=True):
                yield f"{self.below}/{one.name}", bool(one.is_directory)

    def read(self, path: str) -> AccessList | None:
        """See :class:`resources.zones.Store`."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._told(path), suppress(ResourceNotFoundError):
            return parse(self._at(path).get_access_control(upn=False)["acl"])
        return None

    def write(self, path: str, granted: AccessList, *, is_folder: bool) -> None:
        """See :class:`resources.zones.Store`."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._told(path), suppress(ResourceNotFoundError):
            self._at(path).set_access_control(acl=str(granted))

    def _at(self, path: str) -> Any:
        return self._container.get_directory_client(path.removeprefix(self.below).lstrip("/") or "/")

    @cached_property
    def _container(self) -> FileSystemClient:
        from azure.storage.filedatalake import FileSystemClient

        account, _, name = self.url.rpartition("/")
        return FileSystemClient(account, name, credential=self.credential, **self.options)

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            status = getattr(error, "status_code", None)
            raise AccessListError(
                f"the storage does not let access lists be read or set ({status or type(error).__name__})",
                file=path,
                remedy="give the platform's identity the role Storage Blob Data Owner, and see that the account has a "
                "hierarchical namespace",
            ) from error


class _Names(Mapping[int, str]):
    """Names of this machine's groups by their numbers."""

    def __getitem__(self, number: int) -> str:
        return grp.getgrgid(number).gr_name

    def __iter__(self) -> Iterator[int]:
        return (one.gr_gid for one in grp.getgrall())

    def __len__(self) -> int:
        return len(grp.getgrall())


def _attribute(file: Path, name: str) -> bytes | None:
    try:
        return os.getxattr(file, name, follow_symlinks=False)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


def _by_mode(mode: int) -> dict[str, str]:
    """What a file without a list grants."""
    told = {OWNING_GROUP: stat.filemode(mode)[4:7], EVERYBODY: stat.filemode(mode)[7:10]}
    return {who: may.replace("s", "x").replace("S", "-").replace("t", "x") for who, may in told.items() if may != "---"}


def _number(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise AccessListError(
            f"this machine has no group {group!r}", remedy="groupadd it, or mend the file of GENOMICS_ACCESS"
        ) from error
