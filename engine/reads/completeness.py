"""Whether a BAM file still holds the reads it was written with, as far as the file itself can tell.

A file that lost blocks and was given its end-of-file block again reads well. Two things tell: the index, which counts
the records of each contig, and the mates, for every read of a pair says where the other one begins. Where many mates
that should begin in one place are not there, reads are missing; so they are where a file was cut out by region on
purpose, and then its index says that it is as it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError
from engine.files.index_fit import IndexFacts, index_beside, require_index_fits
from engine.reads.records import Records

WINDOW = 64
"""Bases of a window in which pairs that lack a read are counted."""
_SPAN = 24
MISSING_MATES = 10
"""Reads without their mate among the pairs that begin within 24 windows: so many tell of lost reads. A block of BGZF
holds some 200 reads, and where one is lost, 20 and more have their mates in other blocks; many a filter takes single
mates."""
_PAIRED, _UNMAPPED, _MATE_UNMAPPED, _FIRST, _NOT_PRIMARY = 0x1, 0x4, 0x8, 0x40, 0x900


class Completeness:
    """Counts the records of a BAM file that is being read anyway, and judges them when all have been seen.

    Args:
        path: the file; CRAM has checksums and counts of its own and is not judged.
        contigs: names and lengths in the order of the header.

    Raises:
        AlignmentFileError: the index beside the file is older or of another file.
    """

    def __init__(self, path: Path, contigs: Sequence[tuple[str, int]]) -> None:
        self._path, self._contigs = path, contigs
        index = index_beside(path)
        self._facts = None if index is None else require_index_fits(path, error=AlignmentFileError)
        self._is_indexed = index is not None
        self._counts: NDArray[np.int64] = np.zeros(len(contigs) + 1, np.int64)
        self._unpaired: dict[int, NDArray[np.int16]] = {}

    def watch(self, batches: Iterable[Records]) -> Iterator[Records]:
        """The same batches, counted on their way and judged behind the last one.

        Raises:
            AlignmentFileError: records are missing or there twice.
        """
        for batch in batches:
            self.add(batch)
            yield batch
        self.require()

    def add(self, batch: Records) -> None:
        """Count a batch of records."""
        if not len(batch):
            return
        contig = _integers(batch, 4)
        self._counts += np.bincount(np.where(contig < 0, len(self._contigs), contig), minlength=len(self._counts))
        if self._is_indexed:
            return
        flags = _integers(batch, 16) >> 16
        other, position, partner = (_integers(batch, at) for at in (24, 8, 28))
        in_pair = (flags & (_PAIRED | _UNMAPPED | _MATE_UNMAPPED | _NOT_PRIMARY)) == _PAIRED
        in_pair &= (contig >= 0) & (contig == other)
        left = (position < partner) | ((position == partner) & ((flags & _FIRST) != 0))
        begin = np.minimum(position, partner)
        for number in np.unique(contig[in_pair]).tolist():
            here = in_pair & (contig == number)
            self._count(number, begin[here & left], 1)
            self._count(number, begin[here & ~left], -1)

    def _count(self, contig: int, begin: NDArray[np.int64], step: int) -> None:
        """Count pairs where they begin: by 1 for the left read and by -1 for the right one, so that pairs that are
        whole leave nothing, however many there are."""
        windows = self._unpaired.get(contig)
        if windows is None:
            windows = self._unpaired[contig] = np.zeros(self._contigs[contig][1] // WINDOW + _SPAN, np.int16)
        found = np.bincount(np.clip(begin // WINDOW, 0, len(windows) - 1))
        windows[: len(found)] += (step * found).astype(np.int16)

    def require(self) -> None:
        """Judge what was counted.

        Raises:
            AlignmentFileError: records are missing or there twice.
        """
        if self._facts is not None:
            self._require_counts(self._facts)
        for number, windows in sorted(self._unpaired.items()):
            sums = np.concatenate([[0], np.cumsum(np.abs(windows.astype(np.int64)))])
            together = sums[_SPAN:] - sums[:-_SPAN]
            worst = int(together.argmax())
            if together[worst] >= MISSING_MATES:
                name, start = self._contigs[number][0], worst * WINDOW + 1
                raise AlignmentFileError(
                    f"reads are missing: {int(together[worst]):,} reads of pairs that begin here have no mate",
                    file=self._path,
                    place=f"{name}:{start:,}-{start + _SPAN * WINDOW - 1:,}",
                    remedy="copy the file again and compare its checksum; if it was cut out by region on purpose, "
                    "index it (samtools index) and give it again",
                )

    def _require_counts(self, facts: IndexFacts) -> None:
        for number, records in (facts.records or {}).items():
            if number < len(self._contigs) and self._counts[number] != records:
                raise AlignmentFileError(
                    f"the file holds {self._counts[number]:,} records on {self._contigs[number][0]}, "
                    f"and {records:,} when it was indexed",
                    file=self._path,
                    remedy="copy the file again and compare its checksum; if it is whole, index it again",
                )


def _integers(batch: Records, at: int) -> NDArray[np.int64]:
    """The signed 32-bit field at a place of every record."""
    start = batch.offset[:-1] + at
    four = batch.data[start[:, np.newaxis] + np.arange(4)]
    return np.ascontiguousarray(four).view("<i4")[:, 0].astype(np.int64)
