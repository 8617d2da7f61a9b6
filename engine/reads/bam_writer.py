"""Writing BAM: BGZF blocks compressed on threads, the BAI index made on the way.

Sorted records go in chunk by chunk; the bytes that come out depend on the records and the level alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.files.bgzf import BLOCK_LIMIT, END_OF_FILE, compress_block
from engine.parallel import in_order
from engine.reads import bam_writer_kernels as kernels
from engine.reads.records import Records

DEFAULT_LEVEL = 1
LONGEST_INDEXED = 1 << 29
"""Longest contig that BAI can index."""

_PSEUDO_BIN = 37450


@dataclass(frozen=True)
class _Chunk:
    """Whole records and the blocks that end within them; the first block begins in the bytes carried over."""

    records: Records
    limits: NDArray[np.int64]


@dataclass(frozen=True)
class _Packed:
    """A chunk with its blocks compressed, and what was measured of it on the way."""

    chunk: _Chunk
    blocks: list[bytes]
    measured: Any


def write_bam(
    path: Path,
    header: bytes,
    contig_lengths: list[int],
    sorted_records: Iterable[Records],
    *,
    level: int = DEFAULT_LEVEL,
    threads: int = 1,
    index: Path | None = None,
    measure: Callable[[Records], Any] | None = None,
    collect: Callable[[Any], None] | None = None,
) -> int:
    """Write a BAM file and its index.

    Args:
        path: the BAM; a pipe will do.
        header: the uncompressed BAM header, magic included.
        contig_lengths: lengths of the header's contigs.
        sorted_records: records in coordinate order; consumed once.
        level: as in :func:`engine.files.bgzf.compress_block`.
        threads: threads that compress and measure.
        index: the BAI; absent: none is written.
        measure: called with each chunk of records on one of the threads.
        collect: called with what ``measure`` gave, in order, on a thread of its own.

    Returns:
        How many records were written.
    """
    count = position = 0
    with path.open("wb") as file:
        for start in range(0, len(header), BLOCK_LIMIT):
            position += file.write(compress_block(header[start : start + BLOCK_LIMIT], level))
        indexer = _Indexer(contig_lengths)

        def pack(chunk: _Chunk) -> _Packed:
            view = memoryview(chunk.records.data)  # type: ignore[arg-type]
            blocks = [compress_block(view[start:end], level) for start, end in pairwise(chunk.limits.tolist())]
            return _Packed(chunk, blocks, measure(chunk.records) if measure else None)

        def placed() -> Iterator[tuple[_Packed, NDArray[np.int64]]]:
            nonlocal count, position
            for packed in in_order(pack, _chunks(sorted_records), threads=threads):
                count += len(packed.chunk.records)
                starts = position + np.cumsum([0, *map(len, packed.blocks)], dtype=np.int64)
                file.writelines(packed.blocks)
                position = int(starts[-1])
                yield packed, starts

        def note(written: tuple[_Packed, NDArray[np.int64]]) -> None:
            packed, starts = written
            indexer.add(packed.chunk, starts)
            if collect:
                collect(packed.measured)

        for _ in in_order(note, placed(), threads=1):
            pass
        file.write(END_OF_FILE)
    if index is not None:
        index.write_bytes(indexer.finish())
    return count


def _chunks(sorted_records: Iterable[Records]) -> Iterable[_Chunk]:
    """Cut the stream of records into blocks, whatever the chunks in which it comes.

    The records of a block that is not full wait for those that follow.
    """
    waiting: Records | None = None
    for records in sorted_records:
        whole = records if waiting is None else _join(waiting, records)
        limits = kernels.block_limits(whole.offset, 0)
        full = int(np.searchsorted(whole.offset, limits[-2]))
        if full == 0 or whole.offset[full] != limits[-2]:
            waiting = whole
            continue
        head = whole.offset[: full + 1]
        yield _Chunk(Records(whole.data[: head[-1]], head), limits[:-1])
        waiting = Records(whole.data[head[-1] :], whole.offset[full:] - head[-1])
    if waiting is not None and len(waiting):
        yield _Chunk(waiting, kernels.block_limits(waiting.offset, 0))


def _join(one: Records, other: Records) -> Records:
    offset = np.concatenate([one.offset, other.offset[1:] + one.offset[-1]])
    return Records(np.concatenate([one.data, other.data]), offset)


class _Indexer:
    """Builds the BAI from chunks in file order."""

    def __init__(self, contig_lengths: list[int]) -> None:
        self._lengths = contig_lengths
        self._contig = -1
        self._written: list[bytes] = []
        self._unplaced = 0
        self._begin(-1)

    def _begin(self, contig: int) -> None:
        self._contig = contig
        windows = (self._lengths[contig] >> kernels.LINEAR_SHIFT) + 1 if contig >= 0 else 0
        self._linear = np.full(windows, -1, dtype=np.int64)
        self._open = np.array([-1, 0, 0], dtype=np.int64)
        self._counts = np.array([-1, -1, 0, 0], dtype=np.int64)
        self._complete: list[NDArray[np.int64]] = []

    def add(self, chunk: _Chunk, block_start: NDArray[np.int64]) -> None:
        records = chunk.records
        virtual = kernels.virtual_offsets(records.offset, chunk.limits, block_start)
        for first, last in pairwise(kernels.contig_ends(records.data, records.offset).tolist()):
            contig = int.from_bytes(records.data[records.offset[first] + 4 :][:4].tobytes(), "little", signed=True)
            if contig < 0:
                self._unplaced += last - first
                continue
            if contig != self._contig:
                self._end_contigs(contig)
                self._begin(contig)
            self._complete.append(
                kernels.index_records(
                    records.data, records.offset, first, last, virtual, self._linear, self._open, self._counts
                ).copy()
            )

    def _end_contigs(self, following: int) -> None:
        """Write the contig at hand and the empty ones up to ``following``."""
        if self._contig >= 0:
            self._written.append(self._contig_index())
        self._written += [struct.pack("<ii", 0, 0)] * (following - self._contig - 1)

    def _contig_index(self) -> bytes:
        chunks = np.concatenate([*self._complete, self._open[None, :]])
        chunks = chunks[np.argsort(chunks[:, 0], kind="stable")]
        starts = np.flatnonzero(np.diff(chunks[:, 0], prepend=-1))
        parts = [struct.pack("<i", len(starts) + 1)]
        for start, end in pairwise([*starts.tolist(), len(chunks)]):
            merged = _merge_touching(chunks[start:end, 1:])
            parts += [struct.pack("<Ii", int(chunks[start, 0]), len(merged)), merged.astype("<u8").tobytes()]
        parts += [struct.pack("<Ii", _PSEUDO_BIN, 2), self._counts.astype("<u8").tobytes()]
        used = int(np.flatnonzero(self._linear >= 0)[-1]) + 1 if (self._linear >= 0).any() else 0
        parts += [struct.pack("<i", used), np.maximum.accumulate(np.maximum(self._linear[:used], 0)).tobytes()]
        return b"".join(parts)

    def finish(self) -> bytes:
        self._end_contigs(len(self._lengths))
        magic = b"BAI\1" + struct.pack("<i", len(self._lengths))
        return magic + b"".join(self._written) + struct.pack("<Q", self._unplaced)


def _merge_touching(chunks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Chunks of one bin, those joined between which no block begins."""
    apart = np.flatnonzero(chunks[1:, 0] >> 16 > chunks[:-1, 1] >> 16) + 1
    begins = chunks[np.concatenate([[0], apart]).astype(np.int64), 0]
    ends = chunks[np.concatenate([apart - 1, [len(chunks) - 1]]).astype(np.int64), 1]
    return np.stack([begins, ends], axis=1)
