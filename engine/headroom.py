"""What is free on this machine before work begins: memory, within the limits that a container sets, and disk.

A step that takes much says so before it begins, beside what is free. Its figures are slopes of what was measured: they
warn and refuse nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GIBIBYTE = 1 << 30
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Limit and use of the container's memory: Linux control groups, version 2 and 1."""


def free_memory(meminfo: Path = Path("/proc/meminfo"), groups: tuple[tuple[str, str], ...] = _GROUPS) -> int:
    """Bytes of memory that may be taken without swapping and without leaving the container's limit.

    Args:
        meminfo: the kernel's account of memory.
        groups: files with limit and use of the control group; those that are absent, or name no number, limit nothing.
    """
    limits = [limit - _in_use(Path(used)) for file, used in groups if (limit := _number(file)) is not None]
    return max(0, min([_of_machine(meminfo), *limits]))


def _in_use(used: Path) -> int:
    """Without the files that the kernel keeps in memory as long as nobody wants it, which count as used there.

    Whoever read a genome's reads has its limit full of them. Kubernetes takes them off in the same way
    (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/, ``inactive_file``).
    """
    stat = used.with_name("memory.stat")
    kept = dict(line.split() for line in stat.read_text().splitlines()) if stat.exists() else {}
    return (_number(used) or 0) - int(kept.get("total_inactive_file", kept.get("inactive_file", 0)))


def _of_machine(meminfo: Path) -> int:
    for line in meminfo.read_text().splitlines() if meminfo.exists() else []:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _number(file: str | Path) -> int | None:
    try:
        return int(Path(file).read_text())
    except (OSError, ValueError):
        return None


def free_disk(folder: Path) -> int:
    """Bytes that an ordinary user may still write in a folder, which need not exist yet."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def gibibytes(count: float) -> str:
    """A number of bytes for people: ``0.6 GiB``, ``130 GiB``."""
    size = count / GIBIBYTE
    return f"{size:.1f} GiB" if size < 10 else f"{size:,.0f} GiB"


@dataclass(frozen=True)
class Needs:
    """What a step takes, about.

    Attributes:
        memory: bytes of memory.
        result: bytes of the result.
        temporary: bytes of disk beside it, until it is written.
    """

    memory: int
    result: int
    temporary: int


def tell_needs(
    step: str, needs: Needs, folder: Path, log: Callable[[str], None], *, of_it: str = "", less: str = "fewer threads"
) -> None:
    """Say what a step takes and what is free in memory and in the folder; say so where that is less.

    Args:
        step: a present participle ("aligning").
        needs: of the step.
        folder: where the result goes.
        log: takes the lines.
        of_it: what of the memory is what, behind a comma.
        less: what takes less memory, in the plural.
    """
    memory, disk = free_memory(), free_disk(folder)
    log(
        f"{step} takes about {gibibytes(needs.memory)} of memory{of_it} "
        f"({gibibytes(memory)} free), and {gibibytes(needs.result)} of disk for the result, with "
        f"{gibibytes(needs.temporary)} beside it meanwhile ({gibibytes(disk)} free)"
    )
    if needs.memory > memory:
        log(f"there may be too little memory: {less} take less")
    if needs.result + needs.temporary > disk:
        log("there may be too little room on the disk: free some before it is needed")
