"""What stands in the way where a file cannot be written or read: the operating system's word as one error of ours.

A full disk and a read-only file system are nobody's bad input. What was being written is not published, and the same
step does its work again once the disk is mended, so that such a failure may be tried again by itself.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import GenomicsError

_AGAIN = "then it goes on: nothing is half written"
_KNOWN = {
    errno.ENOSPC: ("the disk is full", f"make room on it, {_AGAIN}"),
    errno.EDQUOT: ("the disk quota is used up", f"make room, or have the quota raised, {_AGAIN}"),
    errno.EROFS: ("the file system is read-only", f"mount it for writing, {_AGAIN}"),
    errno.EACCES: ("this account may not do that", "let the platform's account read and write there"),
    errno.EPERM: ("this account may not do that", "let the platform's account read and write there"),
    errno.EIO: ("the disk does not answer", f"check the disk and its cables or share, {_AGAIN}"),
    errno.ESTALE: ("the network share was lost", f"mount it again, {_AGAIN}"),
    errno.EMFILE: ("too many files are open", "raise the limit of open files (ulimit -n)"),
    errno.ENFILE: ("too many files are open", "raise the limit of open files (ulimit -n)"),
    errno.ENAMETOOLONG: ("the name is too long", "give it a shorter name, or the data folder a shorter path"),
}
_NO_INODES = (
    "the file system holds as many files as it can (no inodes are left)",
    f"remove files that are not needed, {_AGAIN}",
)


class StorageError(GenomicsError):
    """A file cannot be written or read, because of the disk or of who may use it."""


def storage_error(error: OSError, *, file: str | Path | None = None) -> StorageError:
    """The error of ours that says what the operating system says.

    Args:
        error: of the operating system.
        file: the file at fault where the error names none.
    """
    place = error.filename if isinstance(error.filename, str | Path) else file
    problem, remedy = _KNOWN.get(
        error.errno or 0, (error.strerror or str(error), "check the disk and who may use it, and try again")
    )
    if error.errno == errno.ENOSPC and place and _has_no_inodes(Path(place)):
        problem, remedy = _NO_INODES
    return StorageError(problem, remedy=remedy, file=None if place is None else os.fspath(place))


@contextmanager
def storage_told(file: str | Path) -> Iterator[None]:
    """Raise what the operating system cannot do as a :class:`StorageError` that names a file."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, file=file) from error


def _has_no_inodes(path: Path) -> bool:
    """Whether the file system of a path, which may not exist, has room for bytes but for no other file."""
    there = next((each for each in (path, *path.parents) if each.exists()), None)
    facts = os.statvfs(there) if there else None
    return facts is not None and facts.f_files > 0 and facts.f_favail == 0 and facts.f_bavail > 0
