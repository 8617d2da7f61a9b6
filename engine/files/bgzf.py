"""BGZF, the blocked gzip of BAM and VCF files: blocks written and read (SAM specification 4.1).

What the bytes within the blocks say is not known here.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from deflate import deflate_compress
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from engine.errors import AlignmentFileError

END_OF_FILE = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every BGZF file (SAM specification 4.1.2)."""

BLOCK_LIMIT = 0xFF00
"""Uncompressed bytes of a block at most, as htslib has it."""

_HEADER = struct.Struct("<4BI2BH2BHH")
_STORED = 0
READ_AHEAD = 1 << 20
"""Compressed bytes that are read at a time where much is wanted."""
LOOK_UP = 1 << 16
"""The same where a single place is looked up: a whole block, at least."""
_LARGEST_BLOCK = 1 << 16
_LONGEST_PERIOD = 1 << 10
"""Bytes by which a repetition is looked for."""


def compress_block(content: bytes | memoryview, level: int) -> bytes:
    """One BGZF block.

    Args:
        content: at most :data:`BLOCK_LIMIT` bytes.
        level: 0 stores, 1 (fast) to 12 (small) are libdeflate's, which gives the same bytes for the same content on
            every processor and in every process. ISA-L, which inflates here, does not when it compresses: its search
            for matches begins with what a register happens to hold, and its third level chooses by processor.
    """
    deflated = deflate_compress(content, level)
    if len(deflated) > 0x10000 - 26:
        deflated = deflate_compress(content, _STORED)
    header = _HEADER.pack(31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(deflated) + 25)
    return header + deflated + struct.pack("<II", isal_zlib.crc32(content), len(content))


class BgzfWriter:
    """A BGZF file being written; use as a context manager. Blocks hold 65,280 bytes each, whatever is written how.

    Args:
        path: the file, overwritten.
        level: as in :func:`compress_block`; of a gVCF, 4 costs three fifths of 6 for an eighth more.
    """

    def __init__(self, path: Path, *, level: int = 4) -> None:
        self._stream = path.open("wb")
        self._level = level
        self._pending = bytearray()
        self._blocks = [0]

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes."""
        view = memoryview(data)
        first = BLOCK_LIMIT - len(self._pending) if self._pending else 0
        self._pending += view[:first]
        if len(self._pending) == BLOCK_LIMIT:
            self._write_block(bytes(self._pending))
            self._pending.clear()
        while len(view) - first >= BLOCK_LIMIT:
            self._write_block(view[first : first + BLOCK_LIMIT])
            first += BLOCK_LIMIT
        self._pending += view[first:]

    def _write_block(self, data: bytes | memoryview) -> None:
        block = compress_block(data, self._level)
        self._stream.write(block)
        self._blocks.append(self._blocks[-1] + len(block))

    def virtual_offsets(self, places: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Where bytes of what was written lie, as indexes have it: a block's place in the file, and one in the block.

        Args:
            places: numbers of the bytes, from 0, up to one past the last; asked for once all is written.
        """
        blocks, within = np.divmod(places, BLOCK_LIMIT)
        offsets: NDArray[np.uint64] = (np.array(self._blocks, np.uint64)[blocks] << np.uint64(16)) | within.astype(
            np.uint64
        )
        return offsets

    def close(self) -> None:
        """Write what is left and the end-of-file block."""
        if self._pending:
            self._write_block(bytes(self._pending))
            self._pending.clear()
        self._stream.write(END_OF_FILE)
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


def inflate_from(path: Path, virtual_offset: int, *, read_ahead: int = READ_AHEAD) -> Iterator[NDArray[np.uint8]]:
    """Inflate a BGZF file from a virtual offset until it ends.

    Args:
        path: the file.
        virtual_offset: of a BAI or TBI index: a block's place in the file and one in the block.
        read_ahead: compressed bytes that are read and inflated at a time, at least a block's 64 KiB; a megabyte is
            about 4 MB of reads.

    Raises:
        AlignmentFileError: a block is damaged or there twice, or the file ends within one.
    """
    skip = virtual_offset & (_LARGEST_BLOCK - 1)
    position = virtual_offset >> 16
    descriptor = os.open(path, os.O_RDONLY)
    before = b""
    try:
        while True:
            compressed = os.pread(descriptor, read_ahead, position)
            if not compressed:
                return
            blocks, used, before = _inflate_blocks(compressed, path, position, before)
            if not used:
                raise _damaged(path, position, "ends within a block")
            position += used
            yield np.frombuffer(bytearray().join(blocks), np.uint8)[skip:]
            skip = 0
    finally:
        os.close(descriptor)


def _inflate_blocks(compressed: bytes, path: Path, position: int, before: bytes) -> tuple[list[bytes], int, bytes]:
    """The contents of the whole blocks, the bytes they take, and the last of them as it is packed."""
    blocks: list[bytes] = []
    used = 0
    while used + 18 <= len(compressed):
        size = block_size(compressed, used)
        if size is None:
            raise _damaged(path, position + used, "holds something that is no BGZF block")
        if used + size > len(compressed):
            break
        block = compressed[used + 18 : used + size - 8]
        checksum, length = struct.unpack_from("<II", compressed, used + size - 8)
        try:
            inflated = isal_zlib.decompress(block, wbits=-15, bufsize=_LARGEST_BLOCK)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # the stub declares an instance, not the class
            raise _damaged(path, position + used, "holds a damaged block") from error
        if len(inflated) != length or isal_zlib.crc32(inflated) != checksum:
            raise _damaged(path, position + used, "holds a block that differs from its checksum")
        if block == before and inflated and not _repeats_itself(inflated):
            raise _damaged(path, position + used, "holds a block twice")
        blocks.append(inflated)
        before = block
        used += size
    return blocks, used, before


def _repeats_itself(content: bytes) -> bool:
    """Whether a block is one short thing over and over (equal reads, runs of N), so that its double may follow it."""
    period = content.find(content[:_LONGEST_PERIOD], 1)
    return 0 < period <= len(content) // 2 and content[period:] == content[:-period]


def block_size(compressed: bytes, at: int) -> int | None:
    """Bytes of the block whose header begins there; absent where no BGZF header does."""
    if compressed[at : at + 4] != b"\x1f\x8b\x08\x04" or compressed[at + 10 : at + 16] != b"\6\0BC\2\0":
        return None
    return int.from_bytes(compressed[at + 16 : at + 18], "little") + 1


def _damaged(path: Path, position: int, what: str) -> AlignmentFileError:
    return AlignmentFileError(
        f"the file {what}",
        file=path,
        place=f"byte {position:,}",
        remedy="copy the file again and compare its checksum, or align the sample again",
    )
