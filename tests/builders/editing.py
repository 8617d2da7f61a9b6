"""Edits that leave no trace in a listing: same size, and the time of change put back."""

from __future__ import annotations

import os
from pathlib import Path


def edit_in_place(path: Path) -> None:
    """Change the last byte of a file, and put its time of change back."""
    facts = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    put_time_back(path, facts)


def put_time_back(path: Path, facts: os.stat_result) -> None:
    """Give a file the times it had."""
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)
