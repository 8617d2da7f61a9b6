"""A VCF's index, made of where its lines come to lie while they are written, so that nothing is read again.

The format is that of "The Tabix index file format" (SAM/BAM specification, section 5.1.1 for the bins): TBI, which
reaches to base 2^29 of a contig.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.files.bgzf import BgzfWriter

LAST = 1 << 29
"""Bases of a contig that the index reaches."""
_WINDOW = 14
"""The linear index has an entry for every two to this power bases, and so have the smallest bins."""
_LEVELS = ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1))
"""Shift and number of the first bin of each level, from the smallest bins; the whole contig is bin 0."""
_FACTS = 37450
"""The bin that tells of a contig as a whole."""
_VCF, _NAME_COLUMN, _PLACE_COLUMN, _NO_END, _COMMENT, _SKIPPED = 2, 1, 2, 0, ord("#"), 0


class _Records(NamedTuple):
    """Records that follow each other on one contig: 0-based half-open, and the first byte of each one's line."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]


class VcfIndex:
    """The index of a VCF that is being written.

    Args:
        first: bytes that stand before the first record.
    """

    def __init__(self, first: int) -> None:
        self._place = first
        self._contigs: dict[str, list[_Records]] = {}

    def add(self, contig: str, starts: NDArray[np.int64], ends: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Tell of the next records, sorted by place.

        Args:
            contig: of all of them; one that was left is not come back to.
            starts: 0-based first base of each; -1 of a telomere.
            ends: one past the last, at most :data:`LAST`.
            sizes: bytes of their lines.
        """
        if len(sizes):
            starts, ends = np.maximum(starts, 0), np.maximum(ends, 1)  # the telomere is POS 0, before the first base
            after = self._place + np.cumsum(sizes)
            self._contigs.setdefault(contig, []).append(_Records(starts, ends, after - sizes))
            self._place = int(after[-1])

    def write(self, index: Path, vcf: BgzfWriter) -> None:
        """Write the index.

        Args:
            index: the file.
            vcf: closed.
        """
        names = b"".join(name.encode() + b"\0" for name in self._contigs)
        how = (_VCF, _NAME_COLUMN, _PLACE_COLUMN, _NO_END, _COMMENT, _SKIPPED)
        parts = [b"TBI\1", struct.pack("<8i", len(self._contigs), *how, len(names)), names]
        contigs = [_Records(*map(np.concatenate, zip(*told, strict=True))) for told in self._contigs.values()]
        borders = [int(one.lines[0]) for one in contigs] + [self._place]
        for one, border in zip(contigs, borders[1:], strict=True):
            places = vcf.virtual_offsets(np.append(one.lines, border))
            parts += [_bins(one, places), _linear(one, places)]
        with BgzfWriter(index) as written:
            written.write(b"".join(parts) + struct.pack("<Q", 0))


def _bins(records: _Records, places: NDArray[np.uint64]) -> bytes:
    """The bins of a contig, each with the stretches of the file that its records lie in."""
    bins = _bins_of(records)
    order = np.argsort(bins, kind="stable")
    bins, begins, ends = bins[order], places[:-1][order], places[1:][order]
    # What lies in one block of the file is one stretch: it is read as a whole.
    apart = (np.diff(bins) != 0) | (begins[1:] >> np.uint64(16) > ends[:-1] >> np.uint64(16))
    firsts = np.flatnonzero(np.append(True, apart))
    lasts = np.append(firsts[1:], len(bins)) - 1
    chunks = np.stack([begins[firsts], ends[lasts]], axis=1).astype("<u8")
    numbers, at = np.unique(bins[firsts], return_index=True)
    borders = [*at.tolist(), len(chunks)]
    parts = [struct.pack("<i", len(numbers) + 1)]
    for place, number in enumerate(numbers.tolist()):
        own = chunks[borders[place] : borders[place + 1]]
        parts.append(struct.pack("<Ii", number, len(own)) + own.tobytes())
    facts = np.array([places[0], places[-1], len(records.starts), 0], "<u8")
    return b"".join(parts) + struct.pack("<Ii", _FACTS, 2) + facts.tobytes()


def _bins_of(records: _Records) -> NDArray[np.int64]:
    """Number of the smallest bin that holds each record."""
    last = np.maximum(records.ends, records.starts + 1) - 1
    bins = np.zeros(len(last), np.int64)
    for shift, first in reversed(_LEVELS):
        within = records.starts >> shift == last >> shift
        bins[within] = first + (records.starts[within] >> shift)
    return bins


def _linear(records: _Records, places: NDArray[np.uint64]) -> bytes:
    """For every window the first record that reaches into it; where there is none, the first one behind."""
    first = records.starts >> _WINDOW
    last = (np.maximum(records.ends, records.starts + 1) - 1) >> _WINDOW
    none = np.iinfo(np.uint64).max
    windows = np.full(int(last.max()) + 1, none, np.uint64)
    np.minimum.at(windows, first, places[:-1])
    for record in np.flatnonzero(last > first).tolist():
        reached = windows[first[record] : last[record] + 1]
        np.minimum(reached, places[record], out=reached)
    windows = np.minimum.accumulate(windows[::-1])[::-1]
    return struct.pack("<i", len(windows)) + windows.astype("<u8").tobytes()
