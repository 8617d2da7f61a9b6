"""Finding duplicates as Picard's MarkDuplicates does, from records in any order, and what it measures of a library.

The rules are in :mod:`engine.reads.duplicate_kernels`. As Picard on a coordinate-sorted file, only primary
alignments are marked: secondary and supplementary ones and unmapped mates keep their flag clear.

Memory is bounded: beyond ``memory`` bytes the pairs wait on disk, compressed, divided by the place of their first read,
so that the pairs of one set are always in one part. They are written on a thread of their own, and leave the disk when
they have been judged.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.parallel import in_order
from engine.reads import duplicate_kernels as kernels
from engine.reads.records import Records

OPTICAL_DISTANCE = 100
"""Picard's default, for flow cells without a pattern; 2500 is usual for patterned ones."""

_PARTS = 256
_SET_SIZES = 1024
_WRITTEN_AT_ONCE = 64 << 20
"""Bytes of pairs that are divided and written together."""
_JUDGED_AT_ONCE = 4
"""Parts in memory at a time, on as many threads: a genome's are 65 MB each, and their order takes as much again."""


@dataclass(frozen=True)
class DuplicationMetrics:
    """Picard's DuplicationMetrics of one library.

    Attributes:
        library: its name (LB), ``Unknown Library`` where a read group has none.
        unpaired_reads_examined: mapped reads whose mate is unmapped or absent.
        read_pairs_examined: pairs of mapped reads.
        secondary_or_supplementary_reads: records that are not the primary alignment.
        unmapped_reads: reads without an alignment.
        unpaired_read_duplicates: unpaired reads marked.
        read_pair_duplicates: pairs marked.
        read_pair_optical_duplicates: of these, clusters seen twice by the camera.
        duplication: fraction of mapped reads marked, 0 where there are none.
        estimated_library_size: distinct molecules (Lander-Waterman), absent where no pair is a duplicate.
    """

    library: str
    unpaired_reads_examined: int
    read_pairs_examined: int
    secondary_or_supplementary_reads: int
    unmapped_reads: int
    unpaired_read_duplicates: int
    read_pair_duplicates: int
    read_pair_optical_duplicates: int
    duplication: float
    estimated_library_size: int | None


@dataclass(frozen=True)
class Duplicates:
    """Which records are duplicates, and the measures of each library.

    Attributes:
        bits: uint8[], a bit for each record's ordinal, highest bit of a byte first.
        libraries: by library, in the order of the read groups.
        set_sizes: int64[3, m]: how many sets have this many pairs; this many optical duplicates and one; this many
            pairs when optical duplicates are left out.
    """

    bits: NDArray[np.uint8]
    libraries: tuple[DuplicationMetrics, ...]
    set_sizes: NDArray[np.int64]

    def is_duplicate(self, ordinal: int) -> bool:
        """Whether the record with this ordinal is marked."""
        return bool(self.bits[ordinal >> 3] >> (7 - (ordinal & 7)) & 1)


class DuplicateFinder:
    """Takes records template by template, then says which are duplicates.

    Args:
        libraries: the library of each read group, by the read group's index.
        optical_distance: pixels within which two clusters of one tile are one cluster seen twice.
        by_umi: whether only reads of one UMI, as their names end in it, may be duplicates of each other.
        umi_errors: with ``by_umi``, whether a UMI that differs in one letter from a more frequent one of pairs at the
            same ends is taken for it; reads without a mate are compared letter by letter all the same.
        memory: bytes that pairs may take before they go to disk.
        folder: where they go.
    """

    def __init__(
        self,
        libraries: list[str],
        *,
        optical_distance: int = OPTICAL_DISTANCE,
        by_umi: bool = False,
        umi_errors: bool = False,
        memory: int = 1 << 30,
        folder: Path | None = None,
    ) -> None:
        self._names = list(dict.fromkeys(libraries))
        self._library = np.array([self._names.index(library) for library in libraries], dtype=np.int32)
        self._optical_distance = optical_distance
        self._by_umi = (kernels.NEAR_UMI if umi_errors else kernels.SAME_UMI) if by_umi else kernels.NO_UMI
        self._columns = kernels.PAIR_COLUMNS + (self._by_umi == kernels.NEAR_UMI)
        self._counts = np.zeros((len(self._names), kernels.COUNTS), dtype=np.int64)
        self._pairs: list[NDArray[np.int64]] = []
        self._lone: list[NDArray[np.int64]] = []
        self._memory, self._folder = memory, folder
        self._held = 0
        self._parts: tempfile.TemporaryDirectory[str] | None = None
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.shutdown()
        if self._parts is not None:
            self._parts.cleanup()

    def add(self, records: Records, ordinals: NDArray[np.int64], read_group: NDArray[np.int32]) -> None:
        """Take records, those of one template side by side.

        Args:
            records: the records.
            ordinals: int64[n], each record's number, unique over all calls.
            read_group: int32[n], index of each record's read group.
        """
        pairs, lone = kernels.collect(
            records.data, records.offset, ordinals, read_group, self._library, self._by_umi, self._counts
        )
        self._pairs.append(pairs.copy())
        self._lone.append(lone.copy())
        self._held += pairs.nbytes
        if self._held > (self._memory if self._parts is None else min(self._memory, _WRITTEN_AT_ONCE)):
            self._spill()

    def finish(self, records: int, *, threads: int = 1) -> Duplicates:
        """Mark; ``records`` is one more than the highest ordinal."""
        bits = np.zeros(records // 8 + 1, dtype=np.uint8)
        set_sizes = np.zeros((3, _SET_SIZES), dtype=np.int64)
        lone = np.concatenate([np.empty((0, kernels.LONE_COLUMNS), dtype=np.int64), *self._lone])
        lone_order = np.argsort(lone[:, kernels.LONE_KEY], kind="stable")
        lone_keys = lone[lone_order, kernels.LONE_KEY]
        beside_pair = np.zeros(len(lone), dtype=np.bool_)
        for pairs, order in in_order(
            self._by_sets, self._parts_of_pairs(), threads=min(threads, _JUDGED_AT_ONCE), ahead=0
        ):
            kernels.mark_pairs(pairs, order, self._optical_distance, bits, self._counts, set_sizes)
            for key in (kernels.KEY1, kernels.KEY2):
                beside_pair |= _among(lone_keys, pairs[:, key])
        by_row = np.empty_like(beside_pair)
        by_row[lone_order] = beside_pair
        kernels.mark_lone(lone, lone_order, by_row, bits, self._counts)
        libraries = tuple(_metrics(name, self._counts[i]) for i, name in enumerate(self._names))
        return Duplicates(bits, libraries, set_sizes)

    def _by_sets(self, part: NDArray[np.int64] | Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A part, from memory or disk, and its rows in the order in which they are judged."""
        pairs = part if isinstance(part, np.ndarray) else self._read(part)
        if self._by_umi == kernels.NEAR_UMI:
            kernels.join_umis(pairs, np.lexsort((pairs[:, kernels.KEY2], pairs[:, kernels.KEY1])))
        return pairs, _by_sets(pairs)

    def _parts_of_pairs(self) -> Iterable[NDArray[np.int64] | Path]:
        if self._parts is None:
            return [self._together(self._pairs)]
        self._spill()
        self._wait_for_writing()
        return [self._part_path(number) for number in range(_PARTS)]

    def _spill(self) -> None:
        if self._parts is None:
            self._parts = tempfile.TemporaryDirectory(prefix="duplicates.", dir=self._folder)
        self._wait_for_writing()
        self._writing = self._writer.submit(self._write, self._pairs)
        self._pairs, self._held = [], 0

    def _wait_for_writing(self) -> None:
        """Until what was spilled is on disk; what went wrong there is raised here."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _write(self, waiting: list[NDArray[np.int64]]) -> None:
        """Append the pairs to their parts, and forget them as they go: memory never holds them twice."""
        waiting.reverse()
        while waiting:
            some = [waiting.pop()]
            while waiting and sum(pairs.nbytes for pairs in some) < _WRITTEN_AT_ONCE:
                some.append(waiting.pop())
            self._write_some(self._together(some))

    def _write_some(self, pairs: NDArray[np.int64]) -> None:
        part = _part(pairs)
        order = np.argsort(part, kind="stable")
        limits = np.searchsorted(part[order], np.arange(_PARTS + 1)).tolist()
        for number in range(_PARTS):
            rows = pairs[order[limits[number] : limits[number + 1]]]
            if len(rows):
                with self._part_path(number).open("ab") as file:
                    file.writelines(_packed(rows))

    def _read(self, path: Path) -> NDArray[np.int64]:
        """The pairs of a part, in the order of arrival; the file is gone then."""
        if not path.exists():
            return self._together([])
        pairs = self._together(_unpacked(path.read_bytes(), self._columns))
        path.unlink()
        return pairs

    def _together(self, pairs: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.concatenate([np.empty((0, self._columns), dtype=np.int64), *pairs])

    def _part_path(self, number: int) -> Path:
        assert self._parts is not None
        return Path(self._parts.name) / f"{number}.pairs"


def _packed(rows: NDArray[np.int64]) -> Iterator[bytes]:
    """Rows, compressed: byte by byte of the numbers, since most of the upper ones are zero (a third of the bytes)."""
    from isal import isal_zlib

    packed = isal_zlib.compress(np.ascontiguousarray(rows.view(np.uint8).T), 1)
    yield np.array([len(rows), len(packed)], dtype=np.int64).tobytes()
    yield packed


def _unpacked(content: bytes, columns: int) -> Iterator[NDArray[np.int64]]:
    from isal import isal_zlib

    at = 0
    while at < len(content):
        rows, size = np.frombuffer(content, dtype=np.int64, count=2, offset=at).tolist()
        at += 16 + size
        by_byte = np.frombuffer(isal_zlib.decompress(content[at - size : at]), dtype=np.uint8)
        yield np.ascontiguousarray(by_byte.reshape(8 * columns, rows).T).view(np.int64)


def _part(pairs: NDArray[np.int64]) -> NDArray[np.int16]:
    """The part a pair belongs to, the same for all pairs of a set."""
    spread = pairs[:, kernels.KEY1].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (spread >> np.uint64(64 - int(math.log2(_PARTS)))).astype(np.int16)


def _by_sets(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows by both keys; within sets of more than one pair, by cluster group and place on the tile."""
    order = np.lexsort((pairs[:, kernels.KEY2], pairs[:, kernels.KEY1]))
    key1, key2 = pairs[order, kernels.KEY1], pairs[order, kernels.KEY2]
    like_next = (key1[1:] == key1[:-1]) & (key2[1:] == key2[:-1])
    several = np.flatnonzero(np.append(like_next, False) | np.append(False, like_next))
    rows = pairs[order[several]]
    columns = (rows[:, kernels.PLACE], kernels.cluster_group(rows), rows[:, kernels.KEY2], rows[:, kernels.KEY1])
    order[several] = order[several][np.lexsort(columns)]
    return order


def _among(keys: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the sorted ``keys`` are among ``ends``."""
    found = np.zeros(len(keys) + 1, dtype=np.bool_)
    if len(keys):
        left = np.searchsorted(keys, ends, side="left")
        hit = keys[np.minimum(left, len(keys) - 1)] == ends
        found[left[hit]] = True
        first = np.searchsorted(keys, keys, side="left")
        found[: len(keys)] = found[first]
    return found[: len(keys)]


def _metrics(library: str, counts: NDArray[np.int64]) -> DuplicationMetrics:
    unpaired, pairs = int(counts[kernels.UNPAIRED_READS]), int(counts[kernels.PAIRED_READS]) // 2
    unpaired_marked = int(counts[kernels.UNPAIRED_DUPLICATES])
    pairs_marked, optical = int(counts[kernels.PAIRED_DUPLICATES]) // 2, int(counts[kernels.OPTICAL_PAIRS])
    examined = unpaired + 2 * pairs
    return DuplicationMetrics(
        library=library,
        unpaired_reads_examined=unpaired,
        read_pairs_examined=pairs,
        secondary_or_supplementary_reads=int(counts[kernels.NOT_PRIMARY_READS]),
        unmapped_reads=int(counts[kernels.UNMAPPED_READS]),
        unpaired_read_duplicates=unpaired_marked,
        read_pair_duplicates=pairs_marked,
        read_pair_optical_duplicates=optical,
        duplication=(unpaired_marked + 2 * pairs_marked) / examined if examined else 0.0,
        estimated_library_size=estimate_library_size(pairs - optical, pairs - pairs_marked),
    )


def estimate_library_size(pairs: int, unique_pairs: int) -> int | None:
    """Distinct molecules X of a library from ``unique / X = 1 - exp(-pairs / X)`` (Lander & Waterman 1988).

    Absent where no pair is a duplicate. Bisection as Picard does it: forty halvings.
    """
    if pairs <= 0 or unique_pairs <= 0 or unique_pairs >= pairs:
        return None

    def excess(ratio: float) -> float:
        size = ratio * unique_pairs
        return unique_pairs / size - 1 + math.exp(-pairs / size)

    low, high = 1.0, 100.0
    while excess(high) > 0:
        high *= 10
    for _ in range(40):
        middle = (low + high) / 2
        difference = excess(middle)
        if difference == 0:
            break
        low, high = (middle, high) if difference > 0 else (low, middle)
    return int(unique_pairs * (low + high) / 2)
