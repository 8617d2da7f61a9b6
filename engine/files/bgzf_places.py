"""A BGZF file read at any place of what it holds, by its own blocks, with or without an index of them (``.gzi``).

An index of the blocks is believed once it says of the file what its blocks say themselves.
"""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

from isal import igzip_lib, isal_zlib

from engine.errors import KnowledgeError
from engine.files.bgzf import block_size
from engine.files.compressed import COPY_AGAIN

_PAIR = struct.Struct("<2Q")


class BgzfBytes(io.RawIOBase):
    """What a BGZF file holds, for seeking and reading.

    Args:
        path: of the file.

    Raises:
        KnowledgeError: the file is no whole BGZF.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._raw = path.open("rb")
        self._compressed, self._places = _block_places(path, self._raw)
        self._at = 0
        self._block = lru_cache(maxsize=4)(self._inflated)

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        super().close()

    def tell(self) -> int:
        """The place in what the file holds."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, from the beginning."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the beginning")
        self._at = offset
        return offset

    def read(self, size: int | None = -1) -> bytes:
        """As many bytes as are wanted, fewer at the end."""
        assert size is not None and size >= 0
        parts: list[bytes] = []
        while size > 0 and self._at < self._places[-1]:
            number = bisect_right(self._places, self._at) - 1
            within = self._at - self._places[number]
            part = self._block(number)[within : within + size]
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(parts)

    def fits(self, gzi: Path) -> bool:
        """Whether an index of blocks names nothing but blocks of this file."""
        data = gzi.read_bytes()
        count = int.from_bytes(data[:8], "little")
        if len(data) != 8 + 16 * count:
            return False
        own = dict(zip(self._compressed, self._places, strict=True))
        return all(own.get(packed) == place for packed, place in _PAIR.iter_unpack(data[8:]))

    def _inflated(self, number: int) -> bytes:
        self._raw.seek(self._compressed[number])
        block = self._raw.read(self._compressed[number + 1] - self._compressed[number])
        try:
            content: bytes = isal_zlib.decompress(block[18:-8], wbits=-15, bufsize=1 << 16)
        except (igzip_lib.IsalError, zlib.error):  # type: ignore[misc]  # declared as an instance
            content = b""
        if len(content) != self._places[number + 1] - self._places[number]:
            raise _damaged(self._path, self._compressed[number])
        return content


def _block_places(path: Path, raw: io.BufferedReader) -> tuple[list[int], list[int]]:
    """Where each block begins in the file and in what it holds, and behind the last ones where they end."""
    packed, place = [0], [0]
    with mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while packed[-1] < len(data):
            at = packed[-1]
            size = block_size(data[at : at + 18], 0)
            if size is None or at + size > len(data):
                raise _damaged(path, at)
            packed.append(at + size)
            place.append(place[-1] + int.from_bytes(data[at + size - 4 : at + size], "little"))
    return packed, place


def _damaged(path: Path, at: int) -> KnowledgeError:
    return KnowledgeError("it holds a damaged block", file=path, place=f"byte {at:,}", remedy=COPY_AGAIN)
