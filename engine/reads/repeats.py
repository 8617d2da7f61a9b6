r"""Whether a sample has the same reads twice: a file appended to itself, or a lane given again under another name.

Digests of whole files tell copies that were not touched. Files that were packed anew, joined or renamed are told by
their reads: of each lane those with the lowest hashes are kept, so that any two lanes keep the same ones.

>>> from engine.reads.fastq import read_pairs
>>> import tempfile
>>> sketch = ReadSketch()
>>> with tempfile.TemporaryDirectory() as folder:
...     files = Path(folder, "R1.fastq"), Path(folder, "R2.fastq")
...     for file in files:
...         _ = file.write_text("@a\nACGT\n+\nIIII\n" * 2)
...     for batch in read_pairs(*files):
...         sketch.add(batch)
>>> sketch.repeated
[(1, 2)]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import FastqError
from engine.reads.fastq import PairBatch
from engine.reads.lane import Lane
from engine.reads.repeat_kernels import read_hashes

_KEPT = 1 << 16
"""Reads kept of a lane: of a genome at 30x one in some 6,000, enough to see a piece of 60,000 reads again."""
_CHANCE, _SHARE = 10, 0.01
"""Reads seen again beside many that are not: files that number their reads anew share a name now and then, and where
regions of a file were put together again some reads stand twice (0.2% of DeepVariant's NA12878 test data)."""


class ReadSketch:
    """The first reads of a lane's pairs with the lowest hashes of name and bases.

    Attributes:
        seen: pairs looked at.
        repeated: pairs of numbers of reads, from 1, that are the same read twice, among those kept.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.repeated: list[tuple[int, int]] = []
        self._hashes: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._numbers: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def add(self, batch: PairBatch) -> None:
        """Look at the next pairs of the lane."""
        reads = batch.read1
        hashes = read_hashes(reads.name_offset, reads.names, reads.base_offset, reads.bases)
        full = len(self._hashes) == _KEPT
        rows = np.flatnonzero(hashes <= self._hashes[-1]) if full else np.arange(len(hashes))
        hashes = np.concatenate([self._hashes, hashes[rows]])
        numbers = np.concatenate([self._numbers, batch.first + rows + 1])
        order = np.argsort(hashes, kind="stable")
        hashes, numbers = hashes[order], numbers[order]
        again = np.flatnonzero(hashes[1:] == hashes[:-1])
        self.repeated += zip(numbers[again].tolist(), numbers[again + 1].tolist(), strict=True)
        first = np.concatenate([[True], hashes[1:] != hashes[:-1]])
        self._hashes, self._numbers = hashes[first][:_KEPT], numbers[first][:_KEPT]
        self.seen += len(batch)

    def shared(self, other: ReadSketch) -> list[tuple[int, int]]:
        """Numbers of reads here and there that are the same read, among those kept of both."""
        _, here, there = np.intersect1d(self._hashes, other._hashes, assume_unique=True, return_indices=True)
        return list(zip(self._numbers[here].tolist(), other._numbers[there].tolist(), strict=True))

    def are_many(self, repeated: Sequence[tuple[int, int]]) -> bool:
        """Whether so many reads stand twice that they were given twice."""
        few = len(repeated) < _CHANCE or len(repeated) < _SHARE * len(self._hashes)
        return not few or len(repeated) > len(self._hashes) // 2


def require_reads_once(lanes: Sequence[Lane], sketches: Sequence[ReadSketch]) -> None:
    """Refuse what stands twice in a lane, or in two lanes of a sample.

    Raises:
        FastqError: it does; both places are named.
    """
    for number, (lane, sketch) in enumerate(zip(lanes, sketches, strict=True)):
        if sketch.are_many(sketch.repeated):
            raise _refused(lane.read1, min(sketch.repeated), "of the same file", "give each read once")
        for other, earlier in zip(lanes[:number], sketches, strict=False):
            shared = earlier.shared(sketch)
            if sketch.are_many(shared) or earlier.are_many(shared):
                where = f"of lane {other.name} ({other.read1.name})"
                raise _refused(lane.read1, min(shared), where, "give each lane once")


def _refused(file: Path, places: tuple[int, int], where: str, remedy: str) -> FastqError:
    first, again = places
    return FastqError(
        f"the same reads twice: it is read {first:,} {where} again", file=file, place=f"read {again:,}", remedy=remedy
    )
