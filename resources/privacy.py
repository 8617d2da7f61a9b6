"""Who on this machine may read what the platform keeps: its account and its group, and nobody else, whatever the umask.

What this process and its children make from now on is for owner and group alone (:func:`keep_private`); what an earlier
release or another program left open is closed when the platform starts (:func:`close_to_others`). What people drop
in the landing zone keeps the mode they gave it, in a folder that others cannot enter.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

OTHERS = 0o007


def keep_private() -> None:
    """Make files and folders that are made from now on, by this process and its children, closed to others."""
    os.umask(os.umask(0o077) | OTHERS)


def close_to_others(folder: Path, *, delivered: Collection[Path] = ()) -> None:
    """Close a folder and all below it to others, as far as this account owns it.

    Args:
        folder: made where it is not there.
        delivered: folders below of which what lies in them is left as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in _open_to_others(folder, set(delivered)):
        with suppress(OSError):  # another account's, or gone meanwhile
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~OTHERS)


def _open_to_others(folder: Path, delivered: set[Path]) -> Iterator[Path]:
    if _is_open(folder):
        yield folder
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if here in delivered:
            folders.clear()
            continue
        yield from (path for path in (here / name for name in (*folders, *files)) if _is_open(path))


def _is_open(path: Path) -> bool:
    with suppress(OSError):
        mode = path.lstat().st_mode
        return not stat.S_ISLNK(mode) and bool(mode & OTHERS)
    return False
