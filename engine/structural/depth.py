"""Copy number of stretches by how deep the reads lie: gains and losses that no read pair and no clip shows.

Bases are counted in bins of 100, and copy numbers told in windows of five. A window's depth is compared with that of
windows of the same share of G and C, two copies being their median; a hidden Markov model over 0 to 5 copies finds the
course along each contig, and the bins beside an end place it. Reads that fit elsewhere as well are not counted, and
windows with many of them tell nothing: neither does a repeat look like a loss, nor do islands of repeats break one.

Only for genomes: where most of the reference is not covered, targets were sequenced, and nothing is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.reads.bam_records import BamRecords
from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval

if TYPE_CHECKING:
    import pysam

BIN: Final = 100
BINS: Final = 5
"""Bins of a window."""
WINDOW: Final = BIN * BINS
LEAST_WINDOWS: Final = 2
TELLING: Final = 4
"""Windows of a stretch, from which their median says how many copies of it there are."""
LEAST_MAPPING: Final = 20
_LEAST_DEPTH: Final = 5.0
_LEAST_COVERED: Final = 0.7
"""Share of the windows with reads, below which targets were sequenced."""
_MOST_COPIES: Final = 5
_CHANGE: Final = 1e-6
"""Probability that the number changes from one window to the next, to each other number."""
_OUTLIER: Final = 1e-6
"""Probability that a window's depth says nothing, whatever it is."""
_NO_COPY: Final = 0.05
"""Depth, in copies, that stray reads make where there is none."""
_LEAST_STRATUM: Final = 100
"""Windows of one share of G and C from which their own median counts."""
_MOST_QUALITY: Final = 200
_BESIDE: Final = 4
"""Windows on either side of an end, among whose bins it is sought; within the event at most its half."""
_MOST_UNCERTAIN: Final = 0.25
"""Depth of reads that fit elsewhere as well, of the usual depth, from which a window tells nothing."""
_READS_BEGIN: Final = 0.05
"""Of the depth of two copies, in two bins one after the other, from which something is there."""


@dataclass(frozen=True)
class DepthEvent:
    """A stretch with another number of copies than usual.

    Attributes:
        contig: where.
        start: 0-based, about.
        end: one past the last base, about.
        copies: in the cell.
        depth: mean, in copies.
        windows: that tell of it.
        quality: Phred, of the windows against the usual number, at most 200.
    """

    contig: str
    start: int
    end: int
    copies: int
    depth: float
    windows: int
    quality: int


@dataclass(frozen=True)
class Depths:
    """Bases of reads along a genome.

    Attributes:
        contigs: name and length, in the file's order.
        first_bin: int64[contigs + 1].
        bins: int64[bins], bases in each of reads whose place is certain.
        every: int64[bins], of all reads.
    """

    contigs: tuple[tuple[str, int], ...]
    first_bin: NDArray[np.int64]
    bins: NDArray[np.int64]
    every: NDArray[np.int64]

    def of(self, contig: int) -> slice:
        """The bins of one contig."""
        return slice(int(self.first_bin[contig]), int(self.first_bin[contig + 1]))


def count_depths(reads: Path, fasta: Path | None = None) -> Depths:
    """Count the bases of a file's reads, in one pass over it.

    Args:
        reads: BAM or CRAM.
        fasta: the reference, needed for CRAM.

    Raises:
        AlignmentFileError: the file is damaged.
    """
    from engine.structural.depth_kernels import count_bases

    records = BamRecords(reads, fasta=fasta)
    contigs = records.header.contigs
    first = np.cumsum([0, *(-(-length // BIN) for _, length in contigs)], dtype=np.int64)
    bins, every = np.zeros(int(first[-1]), np.int64), np.zeros(int(first[-1]), np.int64)
    for batch in records.batches():
        count_bases(batch.data, batch.offset, first, BIN, LEAST_MAPPING, bins, every)
    return Depths(contigs, first, bins, every)


def find_depth_events(
    depths: Depths,
    *,
    usual: Callable[[str, int], int] = lambda contig, position: 2,
    within: Sequence[Interval] = (),
    fasta: pysam.FastaFile | None = None,
) -> list[DepthEvent] | None:
    """Gains and losses along the genome; absent where targets were sequenced, or too little.

    Args:
        depths: of the sample.
        usual: copies at a place, by contig and 0-based position; the same throughout a stretch of ``within``.
        within: the stretches that are looked at; the whole contigs when empty.
        fasta: the reference, by which depth is corrected for G and C, and N left out; uncorrected when absent.
    """
    copies = copies_along(depths, within=within, fasta=fasta)
    return None if copies is None else copies.events(usual)


def copies_along(
    depths: Depths, *, within: Sequence[Interval] = (), fasta: pysam.FastaFile | None = None
) -> CopiesAlong | None:
    """Copies along the genome, as :func:`find_depth_events` takes them; absent as there."""
    parts = _without_repeats(list(_parts(depths, within, fasta)))
    autosomes = [part for part in parts if bare_contig(part.contig) not in ("X", "Y", "MT")]
    windows = np.concatenate([part.depth[part.known] for part in autosomes]) if autosomes else np.zeros(0)
    if windows.size < _LEAST_STRATUM or np.mean(windows > 0) < _LEAST_COVERED:
        return None
    if float(np.median(windows)) < _LEAST_DEPTH:
        return None
    return CopiesAlong(tuple(parts), _medians(autosomes))


@dataclass(frozen=True)
class CopiesAlong:
    """A genome's depth in windows, with what two copies have.

    Attributes:
        parts: stretches in windows.
        medians: float64[101], depth of two copies by the share of G and C.
    """

    parts: tuple[_Part, ...]
    medians: NDArray[np.float64]

    def events(self, usual: Callable[[str, int], int]) -> list[DepthEvent]:
        """Gains and losses, where so many copies are usual."""
        scaled = [part.scaled(self.medians) for part in self.parts]
        noise = _noise([copies[part.known] for part, copies in zip(self.parts, scaled, strict=True)])
        found: list[DepthEvent] = []
        for part, copies in zip(self.parts, scaled, strict=True):
            found += _events(part, copies, noise, usual(part.contig, part.start), self.medians)
        return found

    def median(self, where: Interval) -> float | None:
        """Copies of a stretch, by the median of the windows within; absent of fewer than :data:`TELLING`."""
        within = []
        for part in self.parts:
            if part.contig == where.contig:
                first, last = -(-(where.start - part.start) // WINDOW), (where.end - part.start) // WINDOW
                here = slice(max(first, 0), max(last, 0))
                within.append(part.scaled(self.medians)[here][part.known[here]])
        windows = np.concatenate(within) if within else np.zeros(0)
        return float(np.median(windows)) if windows.size >= TELLING else None


@dataclass(frozen=True)
class _Part:
    """A stretch in windows: mean depth of each, its share of G and C in hundredths, and whether it is not N."""

    contig: str
    start: int
    bins: NDArray[np.int64]
    every: NDArray[np.int64]
    depth: NDArray[np.float64]
    gc: NDArray[np.int64]
    known: NDArray[np.bool_]

    def scaled(self, medians: NDArray[np.float64]) -> NDArray[np.float64]:
        """Depth in copies."""
        return 2 * self.depth / medians[self.gc]


def _without_repeats(parts: list[_Part]) -> list[_Part]:
    """The windows without those in which reads lie that fit elsewhere as well: they would look like a loss."""
    depth = np.concatenate([part.depth[part.depth > 0] for part in parts]) if parts else np.zeros(0)
    if not depth.size:
        return parts
    most = _MOST_UNCERTAIN * float(np.median(depth))
    uncertain = [(part.every - part.bins).reshape(-1, BINS).sum(axis=1) / WINDOW for part in parts]
    return [replace(part, known=part.known & (share <= most)) for part, share in zip(parts, uncertain, strict=True)]


def _parts(depths: Depths, within: Sequence[Interval], fasta: pysam.FastaFile | None) -> Iterator[_Part]:
    number = {name: index for index, (name, _) in enumerate(depths.contigs)}
    wanted = within or [Interval(name, 0, length) for name, length in depths.contigs]
    for interval in wanted:
        first = -(-interval.start // WINDOW)
        windows = interval.end // WINDOW - first
        if windows < LEAST_WINDOWS or interval.contig not in number:
            continue
        here, part = depths.of(number[interval.contig]), slice(first * BINS, (first + windows) * BINS)
        bins = depths.bins[here][part]
        depth = bins.reshape(windows, BINS).sum(axis=1) / WINDOW
        gc, known = _gc(fasta, interval.contig, first * WINDOW, windows)
        yield _Part(interval.contig, first * WINDOW, bins, depths.every[here][part], depth, gc, known)


def _gc(
    fasta: pysam.FastaFile | None, contig: str, start: int, windows: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    if fasta is None:
        return np.zeros(windows, np.int64), np.ones(windows, bool)
    bases = np.frombuffer(fasta.fetch(contig, start, start + windows * WINDOW).upper().encode(), np.uint8)
    rows = bases.reshape(windows, WINDOW)
    strong = ((rows == ord("G")) | (rows == ord("C"))).sum(axis=1)
    unknown = (rows == ord("N")).sum(axis=1)
    gc = (100 * strong // np.maximum(WINDOW - unknown, 1)).astype(np.int64)
    return gc, unknown <= WINDOW // 10


def _medians(parts: Sequence[_Part]) -> NDArray[np.float64]:
    """float64[101], the depth of two copies by the share of G and C; of shares that are rare, that of all."""
    depth = np.concatenate([part.depth[part.known] for part in parts])
    gc = np.concatenate([part.gc[part.known] for part in parts])
    whole = float(np.median(depth[depth > 0]))
    medians = np.full(101, whole)
    for share in np.unique(gc):
        own = depth[np.abs(gc - share) <= 1]
        if own.size >= _LEAST_STRATUM and np.median(own) > 0:
            medians[share] = np.median(own)
    return medians


def _noise(copies: Sequence[NDArray[np.float64]]) -> float:
    """Standard deviation of a window of two copies, by the differences of neighbours, which events hardly touch."""
    steps = np.concatenate([np.diff(one) for one in copies if one.size > 1])
    return max(0.05, float(np.median(np.abs(steps))) / 0.6745 / math.sqrt(2))


def _log_likelihood(copies: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    """float64[windows, states]; the noise of a count grows with the root of what is counted."""
    means = np.array([_NO_COPY, *range(1, _MOST_COPIES + 1)], np.float64)
    spread = noise * np.sqrt(np.maximum(means, 0.25) / 2)
    distance = (copies[:, None] - means) / spread
    normal = np.exp(-0.5 * distance**2) / (spread * np.sqrt(2 * np.pi))
    likelihood: NDArray[np.float64] = np.log((1 - _OUTLIER) * normal + _OUTLIER / (_MOST_COPIES + 1))
    return likelihood


def _events(
    part: _Part, copies: NDArray[np.float64], noise: float, usual: int, medians: NDArray[np.float64]
) -> Iterator[DepthEvent]:
    from engine.structural.depth_kernels import likeliest_copies

    likelihood = _log_likelihood(copies, noise)
    likelihood[~part.known] = 0.0
    stay = float(np.log(1 - _MOST_COPIES * _CHANGE))
    course = likeliest_copies(likelihood, stay, float(np.log(_CHANGE)), usual)
    edges = np.flatnonzero(np.diff(course)) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), course.size], strict=True):
        state = int(course[first])
        told = int(part.known[first:last].sum())
        if state == usual or told < LEAST_WINDOWS:
            continue
        against = likelihood[first:last, state].sum() - likelihood[first:last, usual].sum()
        scale = medians[part.gc]
        middle = (first + last) // 2
        before = max(0, first - _BESIDE), min(middle + 1, first + _BESIDE)
        behind = max(middle, last - _BESIDE), min(course.size, last + _BESIDE)
        start = _edge(part, before, usual, state, scale) if first else part.start
        end = _edge(part, behind, state, usual, scale) if last < course.size else part.start + last * WINDOW
        yield DepthEvent(
            part.contig,
            start,
            end,
            state,
            round(float(copies[first:last][part.known[first:last]].mean()), 3),
            told,
            min(_MOST_QUALITY, round(float(10 * against / np.log(10)))),
        )


def _edge(part: _Part, among: tuple[int, int], before: int, behind: int, scale: NDArray[np.float64]) -> int:
    """The place of an end to about a bin, among some windows: where their bins fit both numbers best.

    Where there is no copy the end is where reads begin, those included that fit elsewhere as well.
    """
    first, last = among
    here, per_copy = slice(first * BINS, last * BINS), np.repeat(scale[first:last], BINS) / 2
    if 0 in (before, behind):
        some = part.every[here] / BIN > _READS_BEGIN * 2 * per_copy
        some = some if before == 0 else some[::-1]
        begin = np.flatnonzero(some[:-1] & some[1:])
        away = int(begin[0]) if begin.size else some.size
        return part.start + (first * BINS + (away if before == 0 else some.size - away)) * BIN
    copies = part.bins[here] / BIN / per_copy
    left, right = (copies - before) ** 2, (copies - behind) ** 2
    cost = np.concatenate([[0.0], np.cumsum(left)]) + np.concatenate([np.cumsum(right[::-1])[::-1], [0.0]])
    return part.start + (first * BINS + int(np.argmin(cost))) * BIN
