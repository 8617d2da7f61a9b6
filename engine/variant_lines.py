"""Lines of VCF files, plain, gzip or bgzip: told apart by content, and damage told as what it is."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.errors import VariantFileError


def variant_lines(path: Path) -> Iterator[str]:
    """The lines of a VCF or gVCF, each with its line end.

    Raises:
        VariantFileError: the file is missing or cannot be read to its end.
    """
    with _told_if_damaged(path), gzip.open(path, "rt") if _is_compressed(path) else path.open() as lines:
        yield from lines


def variant_pieces(path: Path, size: int) -> Iterator[bytes]:
    """The file's text in pieces of ``size`` bytes.

    Raises:
        VariantFileError: the file is missing or cannot be read to its end.
    """
    with _told_if_damaged(path), _open_bytes(path) as stream:
        while piece := stream.read(size):
            yield piece


def _open_bytes(path: Path) -> IO[bytes]:
    from isal import igzip

    if not _is_compressed(path):
        return path.open("rb")
    opened: IO[bytes] = igzip.open(str(path), "rb")  # type: ignore[no-untyped-call]
    return opened


def _is_compressed(path: Path) -> bool:
    if not path.is_file():
        raise VariantFileError("the file does not exist", file=path, remedy="check its path")
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


@contextmanager
def _told_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise VariantFileError(
            f"the file cannot be read to its end ({error})", file=path, remedy="copy or make the file again"
        ) from None
