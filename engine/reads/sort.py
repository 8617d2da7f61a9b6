"""Putting records in coordinate order within a given memory, whatever their number.

The order is contig, position, forward strand before reverse, then the order of arrival; reads without a position
come last. Records wait in one buffer. When it is full it is sorted and goes to disk, compressed, as a run, on a thread
of its own while a second buffer fills; at the end the runs are merged, each part of the order by itself, on threads.
What has been merged leaves the disk while the rest is still there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from engine.giving_back import give_back_disk
from engine.parallel import in_order
from engine.reads import record_kernels as kernels
from engine.reads.records import Records

_PART_BYTES = 4 << 20
"""Of records that are put in order at a time, at least."""
_CHUNK_BYTES = 64 << 10
"""Of records that are compressed together in a run: what a part needs of it is read by whole chunks."""
_CHUNKS_A_RUN = 2
"""Of a part, at least, so that what is read beyond its ends stays less than what it needs."""
_GIVEN_BACK = 4 << 20
"""Bytes of a run that were merged before they leave the disk."""


@dataclass(frozen=True)
class SortedRecords:
    """Some records in coordinate order.

    Attributes:
        records: the records, in memory of their own.
        ordinals: int64[n], when each arrived: the number of records before it.
    """

    records: Records
    ordinals: NDArray[np.int64]


def _as_they_are(records: SortedRecords) -> SortedRecords:
    return records


class RecordSorter:
    """Takes records in any order and gives them back in coordinate order.

    Args:
        memory: bytes of records to hold: half of it fills while the other half goes to disk.
        folder: where they go.
    """

    def __init__(self, *, memory: int = 1 << 30, folder: Path | None = None) -> None:
        self._size = memory // 2
        self._buffer = np.empty(self._size, dtype=np.uint8)
        self._spare: NDArray[np.uint8] | None = None
        self._folder = folder
        self._filled = 0
        self._starts: list[NDArray[np.int64]] = []
        self._keys: list[NDArray[np.int64]] = []
        self._first = 0
        self._runs: list[_RunOnDisk] = []
        self._spiller = ThreadPoolExecutor(1)
        self._spilling: Future[None] | None = None
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spiller.shutdown()
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

    def sorted(
        self, *, threads: int = 1, then: Callable[[SortedRecords], SortedRecords] = _as_they_are
    ) -> Iterator[SortedRecords]:
        """All records in order, a few MB at a time; nothing may be added after.

        Args:
            threads: on which parts are put in order.
            then: what is done to each part on its thread.
        """
        self._wait_for_spilling()
        self._spare = None
        runs: list[_Run] = [*self._runs]
        if self._starts:
            runs.append(_run_in_memory(self._buffer[: self._filled], self._starts, self._keys, self._first))
        for_threads = _PART_BYTES if len(runs) < 2 else max(_PART_BYTES, len(runs) * _CHUNKS_A_RUN * _CHUNK_BYTES)
        parts = [*_parts(runs, for_threads), *_parts_without_place(runs)]
        for part, done in zip(parts, in_order(lambda part: then(part.merged()), parts, threads=threads), strict=True):
            yield done
            for run, (begin, _) in zip(part.runs, part.chunks, strict=True):
                run.let_go(begin)

    def _spill(self) -> None:
        if not self._starts:
            return
        self._wait_for_spilling()
        full = self._buffer, self._filled, self._starts, self._keys, self._first
        self._spilling = self._spiller.submit(self._write_run, *full)
        self._buffer = np.empty(self._size, dtype=np.uint8) if self._spare is None else self._spare
        self._spare = full[0]
        self._first, self._filled, self._starts, self._keys = self.count, 0, [], []

    def _wait_for_spilling(self) -> None:
        """Until the buffer that went to disk is free again; what went wrong there is raised here."""
        if self._spilling is not None:
            self._spilling.result()
            self._spilling = None

    def _write_run(
        self,
        buffer: NDArray[np.uint8],
        filled: int,
        starts: list[NDArray[np.int64]],
        keys: list[NDArray[np.int64]],
        first: int,
    ) -> None:
        run = _RunOnDisk(self._folder, first)
        self._runs.append(run)
        run.write(_run_in_memory(buffer[:filled], starts, keys, first))


class _Taken(NamedTuple):
    """Records taken from a run: their bytes, and by record length, key and ordinal."""

    data: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    keys: NDArray[np.int64]
    ordinals: NDArray[np.int64]


class _Run(Protocol):
    """Records in order that arrived one after the other, in chunks.

    Attributes:
        first_key: int64[chunks], of each chunk's first record.
        last_key: int64[chunks], of its last.
    """

    first_key: NDArray[np.int64]
    last_key: NDArray[np.int64]

    def take(self, begin: int, end: int, above: int, up_to: int) -> _Taken:
        """Records of the chunks ``[begin, end)`` whose keys are above one and at most the other."""
        ...

    def let_go(self, begin: int) -> None:
        """Nothing before this chunk will be taken again."""
        ...


class _RunInMemory:
    """A run whose records are in a buffer."""

    def __init__(
        self,
        buffer: NDArray[np.uint8],
        start: NDArray[np.int64],
        keys: NDArray[np.int64],
        order: NDArray[np.int64],
        first: int,
    ) -> None:
        self._buffer, self._start, self._keys, self.order, self._first = buffer, start, keys[order], order, first
        self.rows = max(1, _CHUNK_BYTES * len(order) // max(len(buffer), 1))
        self.first_key = self._keys[:: self.rows]
        self.last_key = self._keys[np.append(np.arange(self.rows, len(order), self.rows), len(order)) - 1]

    def take(self, begin: int, end: int, above: int, up_to: int) -> _Taken:
        keys = self._keys[begin * self.rows : end * self.rows]
        some = _between(keys, above, up_to, begin * self.rows)
        data, offset = kernels.gather(self._buffer, self._start, self.order[some])
        return _Taken(data, np.diff(offset), self._keys[some], self.order[some] + self._first)

    def let_go(self, begin: int) -> None:
        """It is gone with the buffer."""

    def packed(self, begin: int, end: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Chunks as they are written, end to end, and where each begins; the last one ends there, too."""
        order = self.order[begin * self.rows : end * self.rows]
        packed, limits = kernels.pack_chunks(self._buffer, self._start, order, self.rows)
        return packed, limits


def _run_in_memory(
    buffer: NDArray[np.uint8], starts: list[NDArray[np.int64]], keys: list[NDArray[np.int64]], first: int
) -> _RunInMemory:
    together = np.concatenate(keys)
    return _RunInMemory(buffer, np.concatenate(starts), together, np.argsort(together, kind="stable"), first)


class _RunOnDisk:
    """A run in a file of its own; in memory are where its chunks begin and their keys."""

    def __init__(self, folder: Path | None, first: int) -> None:
        # the file lives as long as the sorter, which closes it
        self._file: BinaryIO = tempfile.TemporaryFile(prefix="sort.", dir=folder)  # noqa: SIM115
        self._first = first
        self._given_back = 0

    def write(self, run: _RunInMemory) -> None:
        """Write a run that is in memory."""
        from isal import isal_zlib

        self.first_key, self.last_key = run.first_key, run.last_key
        chunks = len(self.first_key)
        self._rows = np.full(chunks, run.rows)
        self._rows[-1] = len(run.order) - run.rows * (chunks - 1)
        self._bytes = np.empty(chunks, dtype=np.int64)
        self._position = np.zeros(chunks + 1, dtype=np.int64)
        at_once = max(1, _PART_BYTES // _CHUNK_BYTES)
        for begin in range(0, chunks, at_once):
            end = min(begin + at_once, chunks)
            packed, limits = run.packed(begin, end)
            view = memoryview(packed)  # type: ignore[arg-type]
            blocks = [isal_zlib.compress(view[one:next_], 1) for one, next_ in pairwise(limits.tolist())]
            self._file.writelines(blocks)
            self._bytes[begin:end] = np.diff(limits)
            self._position[begin + 1 : end + 1] = self._position[begin] + np.cumsum([*map(len, blocks)])
        self._file.flush()

    def take(self, begin: int, end: int, above: int, up_to: int) -> _Taken:
        from isal import isal_zlib

        limits = (self._position[begin : end + 1] - self._position[begin]).tolist()
        view = memoryview(os.pread(self._file.fileno(), limits[-1], int(self._position[begin])))
        sizes = self._bytes[begin:end].tolist()
        blocks = [
            isal_zlib.decompress(view[one:next_], bufsize=size)
            for (one, next_), size in zip(pairwise(limits), sizes, strict=True)
        ]
        packed = np.frombuffer(bytearray().join(blocks), dtype=np.uint8)
        data, offset, keys, ordinals = kernels.unpack_chunks(packed, self._rows[begin:end])
        some = _between(keys, above, up_to, 0)
        within = offset[some.start : some.stop + 1]
        return _Taken(data[within[0] : within[-1]], np.diff(within), keys[some], ordinals[some] + self._first)

    def let_go(self, begin: int) -> None:
        end = int(self._position[begin])
        if end - self._given_back >= _GIVEN_BACK and give_back_disk(self._file.fileno(), end):
            self._given_back = end

    def close(self) -> None:
        self._file.close()


def _between(keys: NDArray[np.int64], above: int, up_to: int, first: int) -> slice:
    """The rows of keys in order, the first of which is row ``first``, that are above one and at most the other."""
    begin, end = np.searchsorted(keys, (above, up_to), side="right").tolist()
    return slice(first + begin, first + end)


@dataclass(frozen=True)
class _Part:
    """A part of the order: what of each run belongs to it.

    Attributes:
        runs: in the order of arrival.
        chunks: of each run, the first and one past the last.
        above: the keys are above this one,
        up_to: and at most this one.
    """

    runs: list[_Run]
    chunks: list[tuple[int, int]]
    above: int
    up_to: int

    def merged(self) -> SortedRecords:
        """Its records in order."""
        taken = [
            run.take(begin, end, self.above, self.up_to)
            for run, (begin, end) in zip(self.runs, self.chunks, strict=True)
            if begin < end
        ]
        if len(taken) == 1:
            data, lengths, _, ordinals = taken[0]
            return SortedRecords(Records(data, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)), ordinals)
        data, lengths, keys, ordinals = (np.concatenate(each) for each in zip(*taken, strict=True))
        order = np.argsort(keys, kind="stable")  # those of earlier runs arrived earlier
        starts = np.cumsum(lengths) - lengths
        return SortedRecords(Records(*kernels.gather(data, starts, order)), ordinals[order])


def _parts(runs: list[_Run], size: int) -> Iterator[_Part]:
    """Parts of about so many bytes that together hold every record with a position."""
    lasts = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *(run.last_key for run in runs)]))
    ends = np.unique(lasts[lasts < kernels.UNPLACED][:: max(1, size // _CHUNK_BYTES)])
    bounds = np.array([-1, *ends.tolist(), kernels.UNPLACED - 1], dtype=np.int64)
    begins = [np.searchsorted(run.last_key, bounds[:-1], side="right").tolist() for run in runs]
    stops = [np.searchsorted(run.first_key, bounds[1:], side="right").tolist() for run in runs]
    for i, (above, up_to) in enumerate(pairwise(bounds.tolist())):
        chunks = [(begin[i], stop[i]) for begin, stop in zip(begins, stops, strict=True)]
        if any(begin < stop for begin, stop in chunks):
            yield _Part(runs, chunks, above, up_to)


def _parts_without_place(runs: list[_Run]) -> Iterator[_Part]:
    """Reads without a position all have one key and may be many: they follow run by run."""
    at_once = max(1, _PART_BYTES // _CHUNK_BYTES)
    for run in runs:
        begin, end = int(np.searchsorted(run.last_key, kernels.UNPLACED - 1, side="right")), len(run.last_key)
        for first in range(begin, end, at_once):
            yield _Part([run], [(first, min(first + at_once, end))], kernels.UNPLACED - 1, kernels.UNPLACED)
