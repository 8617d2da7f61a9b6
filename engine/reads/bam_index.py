"""Reading a BAI or CSI: where the records of a region lie in a BAM file (SAM specification 5.2, CSIv1)."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError

_WINDOW_SHIFT = 14
_DEEPEST = 9
"""Levels below the first of a CSI whose bins are numbered in 32 bits."""
Levels = tuple[tuple[int, int], ...]
"""First bin of each level, and by how many bits a place is shifted to count on from there."""


def _levels(shift: int, depth: int) -> Levels:
    """Those of an index whose smallest bins hold ``1 << shift`` bases (CSIv1)."""
    return tuple((((1 << 3 * level) - 1) // 7, shift + 3 * (depth - level)) for level in range(depth + 1))


_OF_BAI = _levels(_WINDOW_SHIFT, 5)


@dataclass(frozen=True)
class ContigIndex:
    """Where one contig's records lie (SAM specification 5.2).

    Attributes:
        linear: uint64[windows], smallest virtual offset of a record that overlaps each 16,384 base window; empty of
            a CSI.
        chunk_bin: uint32[chunks], the bin of each chunk, in order.
        chunk_begin: uint64[chunks], virtual offset of its first record.
        chunk_end: uint64[chunks], virtual offset behind its last record.
        levels: of the bins, from the one bin of all bases to the smallest.
        lowest: of a CSI, smallest virtual offset of a record that overlaps each bin's first window, by bin.
    """

    linear: NDArray[np.uint64]
    chunk_bin: NDArray[np.uint32]
    chunk_begin: NDArray[np.uint64]
    chunk_end: NDArray[np.uint64]
    levels: Levels = _OF_BAI
    lowest: Mapping[int, int] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        """Bases of the longest contig that can be indexed so."""
        return 1 << self.levels[0][1]

    def first_offset(self, start: int, end: int) -> int | None:
        """Virtual offset from which every record overlapping ``[start, end)`` is met; ``None`` for no record."""
        return min((begin for begin, _ in self.chunks(start, end)), default=None)

    def chunks(self, start: int, end: int) -> list[tuple[int, int]]:
        """Virtual offsets, begin and end, between which every record overlapping ``[start, end)`` lies, by bins."""
        lowest = self._lowest(start)
        last = max(end, start + 1) - 1
        found: list[tuple[int, int]] = []
        for first, shift in self.levels:
            limits = (first + (start >> shift), first + (last >> shift) + 1)
            low, high = np.searchsorted(self.chunk_bin, np.array(limits, np.uint32))
            begins, ends = self.chunk_begin[int(low) : int(high)], self.chunk_end[int(low) : int(high)]
            late = ends > lowest
            found += zip(np.maximum(begins[late], np.uint64(lowest)).tolist(), ends[late].tolist(), strict=True)
        return found

    def _lowest(self, start: int) -> int:
        """A virtual offset before which no record overlaps a place or what lies behind it."""
        if self.linear.size:
            return int(self.linear[min(start >> _WINDOW_SHIFT, self.linear.size - 1)])
        bins = (first + (start >> shift) for first, shift in reversed(self.levels))
        return next((self.lowest[one] for one in bins if one in self.lowest), 0)


def read_index(path: Path) -> list[ContigIndex]:
    """Read a BAI or CSI file.

    Raises:
        AlignmentFileError: the file is neither, or ends early.
    """
    data = path.read_bytes()
    try:
        return _parse_index(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (struct.error, ValueError, OSError, EOFError, zlib.error) as error:
        raise AlignmentFileError(
            "the BAM index is damaged", file=path, remedy="index the BAM file again (samtools index)"
        ) from error


def _parse_index(data: bytes) -> list[ContigIndex]:
    levels, position = _head(data)
    (contigs,) = struct.unpack_from("<I", data, position)
    position += 4
    indexes = []
    for _ in range(contigs):
        index, position = _contig(data, position, levels)
        indexes.append(index)
    return indexes


def _head(data: bytes) -> tuple[Levels | None, int]:
    """Levels of a CSI's bins, absent of a BAI, and where the number of contigs stands."""
    if data[:4] == b"BAI\1":
        return None, 4
    if data[:4] != b"CSI\1":
        raise ValueError("neither a BAI nor a CSI file")
    shift, depth, aside = struct.unpack_from("<iii", data, 4)
    if not (0 < shift < 32 and 0 <= depth <= _DEEPEST and aside >= 0):
        raise ValueError("no scheme of bins")
    return _levels(shift, depth), 16 + aside


def _contig(data: bytes, position: int, csi: Levels | None) -> tuple[ContigIndex, int]:
    """One contig's index, and where the next one's begins."""
    levels = csi or _OF_BAI
    form = struct.Struct("<IQI" if csi else "<II")
    unpack = form.unpack_from
    behind = levels[-1][0] + (1 << 3 * (len(levels) - 1))  # bins of metadata are numbered from there on
    lowest: dict[int, int] = {}
    numbers: list[NDArray[np.uint32]] = []
    chunks: list[NDArray[np.uint64]] = []
    (bins,) = struct.unpack_from("<I", data, position)
    position += 4
    for _ in range(bins):
        number, *least, count = unpack(data, position)
        position += form.size
        offsets = np.frombuffer(data, "<u8", 2 * count, position).reshape(count, 2)
        position += 16 * count
        if number < behind:
            numbers.append(np.full(count, number, np.uint32))
            chunks.append(offsets)
            if least:
                lowest[number] = least[0]
    linear: NDArray[np.uint64] = np.zeros(0, np.uint64)
    if not csi:
        (windows,) = struct.unpack_from("<I", data, position)
        linear = np.frombuffer(data, "<u8", windows, position + 4)
        position += 4 + 8 * windows
    limits = np.concatenate(chunks) if chunks else np.zeros((0, 2), np.uint64)
    number_of = np.concatenate(numbers) if numbers else np.zeros(0, np.uint32)
    order = np.argsort(number_of, kind="stable")
    index = ContigIndex(linear, number_of[order], limits[order, 0], limits[order, 1], levels, lowest)
    return index, position
