"""Lines of VCF files, plain, gzip or bgzip: told apart by content, and damage told as what it is."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from engine.errors import VariantFileError


def variant_lines(path: Path) -> Iterator[str]:
    """The lines of a VCF or gVCF, each with its line end.

    Raises:
        VariantFileError: the file is missing or cannot be read to its end.
    """
    if not path.is_file():
        raise VariantFileError("the file does not exist", file=path, remedy="check its path")
    try:
        with path.open("rb") as stream:
            compressed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt") if compressed else path.open() as lines:
            yield from lines
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise VariantFileError(
            f"the file cannot be read to its end ({error})", file=path, remedy="copy or make the file again"
        ) from None
