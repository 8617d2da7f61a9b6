"""A file system of our own, so small that it fills up, where this machine lets us mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BLOCK = 1 << 14


@dataclass(frozen=True)
class SmallDisk:
    """A mounted tmpfs.

    Attributes:
        root: where it is mounted.
    """

    root: Path

    def fill(self, *, leave: int = 0) -> None:
        """Take all room, but for some bytes."""
        with (self.root / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(BLOCK)):
                    pass
            except OSError:
                filler.truncate(max(filler.tell() - leave, 0))

    def take_inodes(self, *, leave: int = 0) -> None:
        """Make as many files as can be, but for some."""
        folder = self.root / "many"
        folder.mkdir()
        number = 0
        try:
            while True:
                (folder / str(number)).touch()
                number += 1
        except OSError:
            for each in range(number - leave, number):
                (folder / str(each)).unlink()

    def mend(self) -> None:
        """Give room, inodes and the right to write back."""
        self.remount("rw")
        (self.root / "filler").unlink(missing_ok=True)
        for path in (self.root / "many").glob("*"):
            path.unlink()

    def remount(self, how: str) -> None:
        """``ro`` or ``rw``."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.root)], check=True)


@contextmanager
def small_disk(root: Path, *, size: str = "2m", inodes: int = 300) -> Iterator[SmallDisk]:
    """Mount one; the test is skipped where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    root.mkdir()
    options = f"size={size},nr_inodes={inodes},mode=700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)
