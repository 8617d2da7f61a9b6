"""Putting records in coordinate order within a given memory, whatever their number.

The order is contig, position, forward strand before reverse, then the order of arrival; reads without a position
come last. Records wait in one buffer; each time it is full they are sorted and go to disk, compressed, as a run,
and the runs are merged at the end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from engine.reads import record_kernels as kernels
from engine.reads.records import Records

_CHUNK_BYTES = 4 << 20
_RUN_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class SortedRecords:
    """Some records in coordinate order.

    Attributes:
        records: the records, in memory of their own.
        ordinals: int64[n], when each arrived: the number of records before it.
    """

    records: Records
    ordinals: NDArray[np.int64]


class RecordSorter:
    """Takes records in any order and gives them back in coordinate order.

    Args:
        memory: bytes of records to hold before they go to disk.
        folder: where they go.
    """

    def __init__(self, *, memory: int = 1 << 30, folder: Path | None = None) -> None:
        self._buffer = np.empty(memory, dtype=np.uint8)
        self._folder = folder
        self._filled = 0
        self._starts: list[NDArray[np.int64]] = []
        self._keys: list[NDArray[np.int64]] = []
        self._first = 0
        self._runs: list[BinaryIO] = []
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in self._runs:
            run.close()

    def add(self, records: Records) -> NDArray[np.int64]:
        """Take records; returns their ordinals."""
        size = len(records.data)
        if self._filled + size > len(self._buffer):
            self._spill()
            if size > len(self._buffer):
                self._buffer = np.empty(size, dtype=np.uint8)
        self._buffer[self._filled : self._filled + size] = records.data
        self._starts.append(records.offset[:-1] + self._filled)
        self._keys.append(kernels.sort_keys(records.data, records.offset))
        self._filled += size
        ordinals = np.arange(self.count, self.count + len(records), dtype=np.int64)
        self.count += len(records)
        return ordinals

    def sorted(self) -> Iterator[SortedRecords]:
        """All records in order, a few MB at a time; nothing may be added after."""
        if not self._runs:
            yield from self._sorted_buffer(_CHUNK_BYTES)
            return
        self._spill()
        self._buffer = np.empty(0, dtype=np.uint8)
        yield from _merge(self._runs)

    def _sorted_buffer(self, chunk_bytes: int) -> Iterator[SortedRecords]:
        if not self._starts:
            return
        starts, keys = np.concatenate(self._starts), np.concatenate(self._keys)
        order = np.argsort(keys, kind="stable")
        rows = max(1, chunk_bytes * len(starts) // max(self._filled, 1))
        for first in range(0, len(order), rows):
            some = order[first : first + rows]
            yield SortedRecords(Records(*kernels.gather(self._buffer, starts, some)), some + self._first)

    def _spill(self) -> None:
        if not self._starts:
            return
        # the file lives as long as the sorter, which closes it
        run: BinaryIO = tempfile.TemporaryFile(prefix="sort.", dir=self._folder)  # noqa: SIM115
        for chunk in self._sorted_buffer(_RUN_CHUNK_BYTES):
            _write_chunk(run, chunk)
        run.seek(0)
        self._runs.append(run)
        self._first, self._filled, self._starts, self._keys = self.count, 0, [], []


def _write_chunk(run: BinaryIO, chunk: SortedRecords) -> None:
    from isal import isal_zlib

    packed = isal_zlib.compress(chunk.records.data, 1)
    np.array([len(packed), len(chunk.records)], dtype=np.int64).tofile(run)
    chunk.ordinals.tofile(run)
    run.write(packed)


def _read_chunk(run: BinaryIO) -> SortedRecords | None:
    from isal import isal_zlib

    head = np.fromfile(run, dtype=np.int64, count=2)
    if not len(head):
        return None
    ordinals = np.fromfile(run, dtype=np.int64, count=int(head[1]))
    return SortedRecords(Records.of(isal_zlib.decompress(run.read(int(head[0])))), ordinals)


class _Run:
    """A run on disk, of which one chunk is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._read()

    def _read(self) -> None:
        self.chunk = _read_chunk(self._file)
        self._row = 0
        if self.chunk is not None:
            self._keys = kernels.sort_keys(self.chunk.records.data, self.chunk.records.offset)

    @property
    def last_key(self) -> int:
        """Key of the last record in memory; nothing later in the run is less."""
        return int(self._keys[-1])

    def take(self, bound: int) -> Iterator[_Taken]:
        """All records up to ``bound``."""
        while self.chunk is not None:
            stop = int(np.searchsorted(self._keys, bound, side="right"))
            if stop > self._row:
                rows, offset = slice(self._row, stop), self.chunk.records.offset[self._row : stop + 1]
                data = self.chunk.records.data[offset[0] : offset[-1]]
                yield _Taken(data, np.diff(offset), self._keys[rows], self.chunk.ordinals[rows])
                self._row = stop
            if stop < len(self._keys):
                return
            self._read()


class _Taken(NamedTuple):
    """Records taken from a run: their bytes, and by record length, key and ordinal."""

    data: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    keys: NDArray[np.int64]
    ordinals: NDArray[np.int64]


def _merge(files: list[BinaryIO]) -> Iterator[SortedRecords]:
    """Merge runs, each of later arrivals than the one before.

    Reads without a position all have one key and may be many: they follow run by run.
    """
    runs = [_Run(file) for file in files]
    while runs := [run for run in runs if run.chunk is not None]:
        bound = min(run.last_key for run in runs)
        taken = [part for run in runs for part in run.take(min(bound, kernels.UNPLACED - 1))]
        if taken:
            yield _in_order(taken)
        if bound == kernels.UNPLACED:
            yield from (_in_order([part]) for run in runs for part in run.take(bound))


def _in_order(taken: list[_Taken]) -> SortedRecords:
    data, lengths, keys, ordinals = (np.concatenate(parts) for parts in zip(*taken, strict=True))
    order = np.lexsort((ordinals, keys))
    starts = np.cumsum(lengths) - lengths
    return SortedRecords(Records(*kernels.gather(data, starts, order)), ordinals[order])
