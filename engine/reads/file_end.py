"""BAM and CRAM files say that they end: a file cut between two blocks reads well, but lacks reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from engine.errors import AlignmentFileError
from engine.files.bgzf import END_OF_FILE

CRAM_ENDS = (
    bytes.fromhex("0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b"),
    bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100"),
)
"""The containers that end CRAM 3 and CRAM 2.1 files (CRAM specification 9)."""


def require_end(path: Path, kind: Literal["BAM", "CRAM"]) -> None:
    """Look at the last bytes.

    Raises:
        AlignmentFileError: they are not those that end a whole file.
    """
    ends = (END_OF_FILE,) if kind == "BAM" else CRAM_ENDS
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - max(map(len, ends))))
        if not raw.read().endswith(ends):
            raise AlignmentFileError(
                "the file is truncated: its end-of-file block is missing",
                file=path,
                remedy="copy the file again and compare its checksum, or make it again",
            )
