"""sha256 of files, read once and known as long as a file is untouched.

With each digest the file's size, inode and times are noted. Reading can be saved only while all of them are the same:
an edit changes the time of the inode's change (``ctime``), which, unlike that of the content, no program can set. Small
files are read each time, and so is a file that changed a moment ago: it could change again within the clock's step.
Notes are sealed (:mod:`resources.seals`), so that none can be forged for an edited file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.receipt import describe_file
from resources.seals import Seals

SMALL = 1 << 20
"""Bytes below which a file is always read: in less than a millisecond."""
_SETTLED = 2_000_000_000
"""Nanoseconds in which the clock of the coarsest file system moves on."""


class Digests:
    """Digests of the files of one lake, noted under seals.

    Args:
        seals: where they are noted.
    """

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def of(self, name: str, path: Path) -> str:
        """sha256 of one file, noted under a name.

        Raises:
            OSError: it cannot be read.
        """
        return self.of_all(name, {path.name: path})[path.name]

    def of_all(self, name: str, paths: Mapping[str, Path]) -> dict[str, str]:
        """sha256 of files by their keys, all noted under one name."""
        noted = self._seals.read(f"digests/{name}")
        facts = {key: _facts(path.stat()) for key, path in paths.items()}
        kept = {key: noted[key] for key, seen in facts.items() if seen[0] >= SMALL and noted.get(key, [0])[0] == seen}
        unread = [key for key in paths if key not in kept]
        read = dict(zip(unread, _read([paths[key] for key in unread]), strict=True))
        new = {key: [facts[key], sha256] for key, sha256 in read.items() if _may_be_noted(paths[key], facts[key])}
        if new:
            self._seals.write(f"digests/{name}", kept | new)
        return {key: read.get(key) or kept[key][1] for key in paths}


def _read(paths: Sequence[Path]) -> list[str]:
    """sha256 of files, of large ones several at a time: a thread costs more than to read a small file."""
    if all(path.stat().st_size < SMALL for path in paths):
        return [describe_file(path).sha256 for path in paths]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: describe_file(path).sha256, paths))


def _facts(facts: os.stat_result) -> list[int]:
    return [facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns]


def _may_be_noted(path: Path, before: list[int]) -> bool:
    """Whether a file is large, did not change while it was read, and had not changed right before."""
    settled = time.time_ns() - before[3] > _SETTLED
    return before[0] >= SMALL and settled and _facts(path.stat()) == before
