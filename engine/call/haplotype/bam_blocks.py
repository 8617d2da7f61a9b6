"""The bytes of BAM records of a region: index, BGZF blocks, nothing of what is in a record.

Decoding here rather than through pysam costs a quarter of the CPU: isal inflates whole batches of blocks without
the GIL and the records stay packed for the kernels.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from engine.errors import AlignmentFileError

_BATCH_BYTES = 1 << 20
_BLOCK_LIMIT = 1 << 16
_WINDOW_SHIFT = 14
_METADATA_BIN = 37450


@dataclass(frozen=True)
class ContigIndex:
    """Where one contig's records lie (SAM specification 5.2).

    Attributes:
        linear: uint64[windows], smallest virtual offset of a record that overlaps each 16,384 base window.
        chunk_bin: uint32[chunks], the bin of each chunk.
        chunk_begin: uint64[chunks], virtual offset of its first record.
        chunk_end: uint64[chunks], virtual offset behind its last record.
    """

    linear: NDArray[np.uint64]
    chunk_bin: NDArray[np.uint32]
    chunk_begin: NDArray[np.uint64]
    chunk_end: NDArray[np.uint64]

    def first_offset(self, start: int, end: int) -> int | None:
        """Virtual offset from which every record overlapping ``[start, end)`` is met; ``None`` for no record."""
        window = start >> _WINDOW_SHIFT
        lowest = int(self.linear[min(window, self.linear.size - 1)]) if self.linear.size else 0
        bins = _overlapping_bins(start, end)
        candidates = np.isin(self.chunk_bin, bins) & (self.chunk_end > lowest)
        if not candidates.any():
            return None
        return max(lowest, int(self.chunk_begin[candidates].min()))


def _overlapping_bins(start: int, end: int) -> NDArray[np.uint32]:
    last = max(end, start + 1) - 1
    levels = ((0, 29), (1, 26), (9, 23), (73, 20), (585, 17), (4681, 14))
    ranges = [np.arange(first + (start >> shift), first + (last >> shift) + 1) for first, shift in levels]
    return np.concatenate(ranges).astype(np.uint32)


def read_index(path: Path) -> list[ContigIndex]:
    """Read a BAI file.

    Raises:
        AlignmentFileError: the file is not a BAI or ends early.
    """
    data = path.read_bytes()
    try:
        return _parse_index(data)
    except (struct.error, ValueError) as error:
        raise AlignmentFileError(
            "the BAM index is damaged", file=path, remedy="index the BAM file again (samtools index)"
        ) from error


def _parse_index(data: bytes) -> list[ContigIndex]:
    magic, contigs = struct.unpack_from("<4sI", data, 0)
    if magic != b"BAI\1":
        raise ValueError("not a BAI file")
    position = 8
    indexes = []
    for _ in range(contigs):
        (bins,) = struct.unpack_from("<I", data, position)
        position += 4
        numbers: list[NDArray[np.uint32]] = []
        chunks: list[NDArray[np.uint64]] = []
        for _ in range(bins):
            number, count = struct.unpack_from("<II", data, position)
            offsets = np.frombuffer(data, "<u8", 2 * count, position + 8).reshape(count, 2)
            position += 8 + 16 * count
            if number < _METADATA_BIN:
                numbers.append(np.full(count, number, np.uint32))
                chunks.append(offsets)
        (windows,) = struct.unpack_from("<I", data, position)
        linear = np.frombuffer(data, "<u8", windows, position + 4)
        position += 4 + 8 * windows
        limits = np.concatenate(chunks) if chunks else np.zeros((0, 2), np.uint64)
        number_of = np.concatenate(numbers) if numbers else np.zeros(0, np.uint32)
        indexes.append(ContigIndex(linear, number_of, limits[:, 0], limits[:, 1]))
    return indexes


def inflate_from(path: Path, virtual_offset: int) -> Iterator[NDArray[np.uint8]]:
    """Inflate a BGZF file from a virtual offset, about 4 MB at a time, until it ends.

    Raises:
        AlignmentFileError: a block is damaged or the file ends within one.
    """
    skip = virtual_offset & (_BLOCK_LIMIT - 1)
    position = virtual_offset >> 16
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while True:
            compressed = os.pread(descriptor, _BATCH_BYTES, position)
            if not compressed:
                return
            blocks, used = _inflate_blocks(compressed, path, position)
            if not used:
                raise _damaged(path, position, "ends within a block")
            position += used
            yield np.frombuffer(bytearray().join(blocks), np.uint8)[skip:]
            skip = 0
    finally:
        os.close(descriptor)


def _inflate_blocks(compressed: bytes, path: Path, position: int) -> tuple[list[bytes], int]:
    blocks: list[bytes] = []
    used = 0
    while used + 18 <= len(compressed):
        size = _block_size(compressed, used)
        if size is None:
            raise _damaged(path, position + used, "holds something that is no BGZF block")
        if used + size > len(compressed):
            break
        block = compressed[used + 18 : used + size - 8]
        checksum, length = struct.unpack_from("<II", compressed, used + size - 8)
        try:
            inflated = isal_zlib.decompress(block, wbits=-15, bufsize=_BLOCK_LIMIT)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # the stub declares an instance, not the class
            raise _damaged(path, position + used, "holds a damaged block") from error
        if len(inflated) != length or isal_zlib.crc32(inflated) != checksum:
            raise _damaged(path, position + used, "holds a block that differs from its checksum")
        blocks.append(inflated)
        used += size
    return blocks, used


def _block_size(compressed: bytes, at: int) -> int | None:
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
