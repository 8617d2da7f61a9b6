"""Seeing which files a computation really opens, by the kernel's word: whoever opens them, in whichever language."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_OPENED = 0x20  # IN_OPEN of <sys/inotify.h>
_EVENT = struct.Struct("iIII")


class Witness:
    """What was opened below the watched folders, gathered when asked."""

    def __init__(self, descriptor: int, folders: dict[int, Path]) -> None:
        self._descriptor, self._folders = descriptor, folders

    def opened(self) -> set[Path]:
        """Files opened since the last time this was asked."""
        found = set()
        while select.select([self._descriptor], [], [], 0)[0]:
            events = os.read(self._descriptor, 1 << 16)
            while events:
                watch, _, _, length = _EVENT.unpack_from(events)
                name = events[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                if name:
                    found.add(self._folders[watch] / name)
                events = events[_EVENT.size + length :]
        return {path for path in found if not path.is_dir()}


@contextmanager
def watching(folders: Iterable[Path]) -> Iterator[Witness]:
    """Watch these folders, not what lies in folders below them."""
    descriptor = _LIBC.inotify_init1(os.O_CLOEXEC)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    try:
        watches = {_LIBC.inotify_add_watch(descriptor, bytes(folder), _OPENED): folder for folder in folders}
        assert min(watches, default=0) >= 0, os.strerror(ctypes.get_errno())
        yield Witness(descriptor, watches)
    finally:
        os.close(descriptor)
