"""A cheap identity of a big file: enough to see that reads changed, in a fraction of a millisecond.

The fingerprint covers the size, both ends and fourteen places between them. Another sequencing run, a truncated or
completed copy, and a file compressed anew all differ. A copy damaged in a few bytes may not: digests of whole files
are taken when the reads are verified (:mod:`engine.reads.intake`).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

_ENDS = 64 << 10
_BLOCK = 4 << 10
_PLACES = 14


@dataclass(frozen=True)
class FileFingerprint:
    """A file as it was seen.

    Attributes:
        bytes: its size.
        modified: time of its last change, nanoseconds since 1970.
        fingerprint: sha256 over the size and the places read, hex.
    """

    bytes: int
    modified: int
    fingerprint: str


def fingerprint(path: Path, known: FileFingerprint | None = None) -> FileFingerprint:
    """Look at a file; not opened where size and time are as in ``known``.

    Raises:
        OSError: the file is gone or cannot be read.
    """
    facts = path.stat()
    if known and (known.bytes, known.modified) == (facts.st_size, facts.st_mtime_ns):
        return known
    digest = hashlib.sha256(str(facts.st_size).encode())
    with path.open("rb", buffering=0) as file:
        for start, length in _places(facts.st_size):
            digest.update(os.pread(file.fileno(), length, start))
    return FileFingerprint(facts.st_size, facts.st_mtime_ns, digest.hexdigest())


def _places(size: int) -> list[tuple[int, int]]:
    if size <= 2 * _ENDS + _PLACES * _BLOCK:
        return [(0, size)]
    step = (size - 2 * _ENDS) // (_PLACES + 1)
    between = [(_ENDS + step * (number + 1), _BLOCK) for number in range(_PLACES)]
    return [(0, _ENDS), *between, (size - _ENDS, _ENDS)]
