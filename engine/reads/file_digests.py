"""Digests of whole read files, and whether they are what the laboratory said they are. No read is looked at here.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder, "S1_R1.fastq")
...     _ = file.write_text("@pair\\nACGT\\n+\\nIIII\\n")
...     file_digests(file, lane="L001", mate=1).md5
'a81bb7d24f60375789beab4deafeccb6'
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import FastqError

_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileDigests:
    """One read file of a sample and the digests of all its bytes, compressed as it lies on disk.

    Attributes:
        lane: name of the lane.
        mate: 1 or 2.
        path: of the file.
        bytes: its size.
        md5: lower-case hex.
        sha256: lower-case hex.
    """

    lane: str
    mate: int
    path: Path
    bytes: int
    md5: str
    sha256: str


def file_digests(
    path: Path, *, lane: str, mate: int, md5: str | None = None, advance: Callable[[int], None] | None = None
) -> FileDigests:
    """Digest one file; ``advance`` is told of bytes as they are read.

    Raises:
        FastqError: the file cannot be read, or is not the one whose ``md5`` was stated.
    """
    md5_sum, sha256_sum, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                md5_sum.update(block)
                sha256_sum.update(block)
                size += len(block)
                if advance:
                    advance(len(block))
    except OSError as error:
        raise FastqError(
            f"the file cannot be read ({error.strerror})", file=path, remedy="check the path and who may read it"
        ) from error
    found = md5_sum.hexdigest()
    if md5 is not None and found != md5.lower():
        raise FastqError(
            f"md5 mismatch: the file has {found}, the sample sheet says {md5}",
            file=path,
            remedy="copy the file again from the sequencer, or correct the sheet",
        )
    return FileDigests(lane, mate, path, size, found, sha256_sum.hexdigest())
