"""Giving back what a stage no longer needs, memory and room on the disk, before its process ends.

Both are Linux's: where the C library or the file system cannot, nothing happens, and nothing depends on it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
"""As linux/falloc.h numbers them."""


def give_back_memory() -> None:
    """Return to the kernel what the allocator keeps for later (``malloc_trim`` of the GNU C library).

    Without it a process that has aligned held 1.4 GB that nothing was in, all the while its steps after that ran.
    """
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def give_back_disk(file: int, end: int) -> bool:
    """Free the disk's room under the first ``end`` bytes of a file that will not be read again; its size stays.

    Args:
        file: descriptor of a file that is open for writing.
        end: in bytes.

    Returns:
        Whether the file system could.
    """
    fallocate = getattr(_c_library(), "fallocate64", None)
    if fallocate is None or end <= 0:
        return False
    arguments = (ctypes.c_int(file), ctypes.c_int(_KEEP_SIZE | _PUNCH_HOLE), ctypes.c_int64(0), ctypes.c_int64(end))
    return bool(fallocate(*arguments) == 0)


@cache
def _c_library() -> Any:
    return ctypes.CDLL(None, use_errno=True)
