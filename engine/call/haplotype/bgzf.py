"""Writing BGZF: text in, blocks out. What the text says is not known here.

zlib rather than isal: its output does not depend on the processor's vector instructions, and a gVCF is small.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

_BLOCK_BYTES = 65_280
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class BgzfWriter:
    """A BGZF file being written; use as a context manager. Blocks hold 65,280 bytes each, whatever is written how.

    Args:
        path: the file, overwritten.
        level: zlib's, 1 to 9; 4 costs two thirds of 6 for files a tenth larger.
    """

    def __init__(self, path: Path, *, level: int = 4) -> None:
        self._stream = path.open("wb")
        self._level = level
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._pending += data
        while len(self._pending) >= _BLOCK_BYTES:
            self._write_block(bytes(self._pending[:_BLOCK_BYTES]))
            del self._pending[:_BLOCK_BYTES]

    def _write_block(self, data: bytes) -> None:
        deflater = zlib.compressobj(self._level, zlib.DEFLATED, -15)
        body = deflater.compress(data) + deflater.flush()
        size = len(body) + 25
        header = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\6\0BC\2\0" + size.to_bytes(2, "little")
        trailer = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
        self._stream.write(header + body + trailer)

    def close(self) -> None:
        """Write what is left and the end-of-file block."""
        if self._pending:
            self._write_block(bytes(self._pending))
            self._pending.clear()
        self._stream.write(_END)
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._stream.close()
