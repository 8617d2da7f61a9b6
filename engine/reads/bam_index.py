"""Reading a BAI: where the records of a region lie in a BAM file (SAM specification 5.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError

_WINDOW_SHIFT = 14
_METADATA_BIN = 37450
_LEVELS = ((0, 29), (1, 26), (9, 23), (73, 20), (585, 17), (4681, 14))
"""First bin of each level, and by how many bits a place is shifted to count on from there."""


@dataclass(frozen=True)
class ContigIndex:
    """Where one contig's records lie (SAM specification 5.2).

    Attributes:
        linear: uint64[windows], smallest virtual offset of a record that overlaps each 16,384 base window.
        chunk_bin: uint32[chunks], the bin of each chunk, in order.
        chunk_begin: uint64[chunks], virtual offset of its first record.
        chunk_end: uint64[chunks], virtual offset behind its last record.
    """

    linear: NDArray[np.uint64]
    chunk_bin: NDArray[np.uint32]
    chunk_begin: NDArray[np.uint64]
    chunk_end: NDArray[np.uint64]

    def first_offset(self, start: int, end: int) -> int | None:
        """Virtual offset from which every record overlapping ``[start, end)`` is met; ``None`` for no record."""
        return min((begin for begin, _ in self.chunks(start, end)), default=None)

    def chunks(self, start: int, end: int) -> list[tuple[int, int]]:
        """Virtual offsets, begin and end, between which every record overlapping ``[start, end)`` lies, by bins."""
        window = start >> _WINDOW_SHIFT
        lowest = int(self.linear[min(window, self.linear.size - 1)]) if self.linear.size else 0
        last = max(end, start + 1) - 1
        found: list[tuple[int, int]] = []
        for first, shift in _LEVELS:
            limits = (first + (start >> shift), first + (last >> shift) + 1)
            low, high = np.searchsorted(self.chunk_bin, np.array(limits, np.uint32))
            begins, ends = self.chunk_begin[int(low) : int(high)], self.chunk_end[int(low) : int(high)]
            late = ends > lowest
            found += zip(np.maximum(begins[late], np.uint64(lowest)).tolist(), ends[late].tolist(), strict=True)
        return found


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
        order = np.argsort(number_of, kind="stable")
        indexes.append(ContigIndex(linear, number_of[order], limits[order, 0], limits[order, 1]))
    return indexes
