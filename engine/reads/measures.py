"""What is measured of a sample's alignments on their way to the file, and the figures that come of it.

Definitions are Picard's: alignment summary, insert sizes, mean quality by cycle; coverage as CollectHsMetrics counts
it: bases of quality 20 in reads of mapping quality 20 that are no duplicates, overlapping mates once. The territory
of coverage is the target intervals, or all of the reference that is not N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.reads import measure_kernels as kernels
from engine.reads.duplicates import Duplicates
from engine.reads.low_coverage import LowCoverage, Stretches
from engine.reads.records import Records
from engine.reference.intervals import Interval

DEPTHS = (1, 5, 10, 15, 20, 25, 30, 40, 50, 100)
"""Depths of which the fraction of territory is measured."""

_LOWEST_MAPQ = 20
_DEEPEST = 10_000
_WINDOW = 1 << 22


@dataclass(frozen=True)
class AlignmentMeasures:
    """One sample's alignments in figures. Fractions of nothing are 0.

    Attributes:
        reads: reads sequenced (primary records).
        bases: their bases.
        mapped_fraction: reads that align.
        proper_pair_fraction: reads in proper pairs, of all reads.
        duplicate_fraction: mapped reads marked as duplicates.
        optical_duplicate_fraction: pairs of mapped reads that are optical duplicates.
        estimated_library_size: distinct molecules, smallest library; absent where no pair is a duplicate.
        chimera_fraction: of confidently mapped reads, those whose pair is broken or that are split.
        mismatch_rate: mismatches per aligned base.
        indel_rate: insertions and deletions per aligned base.
        soft_clipped_fraction: bases soft-clipped.
        mean_read_length: of the reads as sequenced.
        q20_fraction: bases of at least quality 20.
        q30_fraction: bases of at least quality 30.
        n_fraction: bases not called.
        gc_fraction: G and C among the called bases.
        median_insert_size: of pairs pointing at each other; absent without pairs.
        mean_insert_size: of these, those within 10 median deviations of the median.
        sd_insert_size: their standard deviation.
        mean_coverage: over the territory.
        median_coverage: over the territory.
        fraction_1x: territory covered at least once.
        fraction_10x: ... ten times.
        fraction_20x: ... twenty times.
        fraction_30x: ... thirty times.
        autosome_coverage: mean over the territory on chromosomes 1 to 22; absent where it has none.
        x_coverage: mean over the territory on X; absent where it has none.
        y_coverage: mean over the territory on Y; absent where it has none.
    """

    reads: int
    bases: int
    mapped_fraction: float
    proper_pair_fraction: float
    duplicate_fraction: float
    optical_duplicate_fraction: float
    estimated_library_size: int | None
    chimera_fraction: float
    mismatch_rate: float
    indel_rate: float
    soft_clipped_fraction: float
    mean_read_length: float
    q20_fraction: float
    q30_fraction: float
    n_fraction: float
    gc_fraction: float
    median_insert_size: float | None
    mean_insert_size: float | None
    sd_insert_size: float | None
    mean_coverage: float
    median_coverage: float
    fraction_1x: float
    fraction_10x: float
    fraction_20x: float
    fraction_30x: float
    autosome_coverage: float | None
    x_coverage: float | None
    y_coverage: float | None


@dataclass(frozen=True)
class IntervalCoverage:
    """Coverage of one interval of the territory.

    Attributes:
        interval: where.
        mean: mean depth.
        fractions: fraction of its positions that reach each depth of :data:`DEPTHS`.
    """

    interval: Interval
    mean: float
    fractions: tuple[float, ...]


def coverage_over(intervals: Sequence[Interval], parts: Sequence[IntervalCoverage]) -> tuple[IntervalCoverage, ...]:
    """Coverage of whole intervals from that of their parts without N; an interval that is only N has none.

    Args:
        intervals: sorted and merged.
        parts: what :func:`engine.reference.known_bases.without_n` left of them, measured, in the same order.
    """
    found, waiting = [], list(reversed(parts))
    for interval in intervals:
        inside = []
        while waiting and waiting[-1].interval.contig == interval.contig and waiting[-1].interval.end <= interval.end:
            inside.append(waiting.pop())
        bases = max(sum(len(part.interval) for part in inside), 1)
        mean = sum(part.mean * len(part.interval) for part in inside) / bases
        shares = ([fraction * len(part.interval) for fraction in part.fractions] for part in inside)
        fractions = tuple(sum(column) / bases for column in zip([0.0] * len(DEPTHS), *shares, strict=True))
        found.append(IntervalCoverage(interval, mean, fractions))
    return tuple(found)


@dataclass(frozen=True)
class AlignmentHistograms:
    """The distributions behind the figures, for plots and Picard's tables.

    Attributes:
        counts: int64[2, kernels.COUNTS], the counters, first reads and second reads.
        insert_sizes: int64[3, m], pairs by orientation (FR, RF, TANDEM) and insert size.
        quality_by_cycle: two arrays, mean quality at each cycle of first and second reads.
        qualities: int64[94], bases by quality.
        gc: int64[101], reads by per cent of G and C.
        lengths: int64[2, m], reads by length.
        depths: int64[m], positions of the territory by depth, the last holding all beyond.
        contig_coverage: mean depth by contig that has territory.
        intervals: each interval of the territory, in order.
        low_coverage: by contig, where the depth is below 20x (:mod:`engine.reads.low_coverage`).
    """

    counts: NDArray[np.int64]
    insert_sizes: NDArray[np.int64]
    quality_by_cycle: tuple[NDArray[np.float64], NDArray[np.float64]]
    qualities: NDArray[np.int64]
    gc: NDArray[np.int64]
    lengths: NDArray[np.int64]
    depths: NDArray[np.int64]
    contig_coverage: dict[str, float]
    intervals: tuple[IntervalCoverage, ...]
    low_coverage: dict[str, Stretches]


@dataclass(frozen=True)
class Tally:
    """Counters of some records; see :func:`engine.reads.measure_kernels.measure`."""

    counts: NDArray[np.int64] = field(default_factory=lambda: _zeros(2, kernels.COUNTS))
    inserts: NDArray[np.int64] = field(default_factory=lambda: _zeros(3, kernels.LONGEST_INSERT + 1))
    cycle_sum: NDArray[np.int64] = field(default_factory=lambda: _zeros(2, kernels.LONGEST_CYCLE))
    cycle_count: NDArray[np.int64] = field(default_factory=lambda: _zeros(2, kernels.LONGEST_CYCLE + 1))
    qualities: NDArray[np.int64] = field(default_factory=lambda: _zeros(4, kernels.QUALITIES))
    gc: NDArray[np.int64] = field(default_factory=lambda: _zeros(101))
    lengths: NDArray[np.int64] = field(default_factory=lambda: _zeros(2, kernels.LONGEST_INSERT + 1))

    def arrays(self) -> tuple[NDArray[np.int64], ...]:
        """The counters in the order in which the kernel takes them."""
        return self.counts, self.inserts, self.cycle_sum, self.cycle_count, self.qualities, self.gc, self.lengths


def _zeros(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, dtype=np.int64)


def measure_records(records: Records) -> tuple[Tally, NDArray[np.int64]]:
    """The counters of some records, and what they cover (int64[m, 4]: contig, start, end, start of the read)."""
    tally = Tally()
    return tally, kernels.measure(records.data, records.offset, _LOWEST_MAPQ, *tally.arrays()).copy()


class Measurement:
    """Gathers the measures of a coordinate-sorted stream of records.

    Args:
        contigs: names of the contigs, in order.
        territory: the intervals over which coverage is measured, sorted and merged.
    """

    def __init__(self, contigs: Sequence[str], territory: Sequence[Interval]) -> None:
        self._contigs = contigs
        self._tally = Tally()
        self._coverage = _Coverage(contigs, territory)

    def add(self, measured: tuple[Tally, NDArray[np.int64]]) -> None:
        """Take what :func:`measure_records` gave for the next records in order."""
        tally, covered = measured
        for total, part in zip(self._tally.arrays(), tally.arrays(), strict=True):
            total += part
        self._coverage.add(covered)

    def finish(self, duplicates: Duplicates) -> tuple[AlignmentMeasures, AlignmentHistograms]:
        """The figures and their distributions, when all records have been added."""
        self._coverage.finish()
        histograms = self._histograms()
        return _figures(histograms, duplicates, self._coverage), histograms

    def _histograms(self) -> AlignmentHistograms:
        tally, coverage = self._tally, self._coverage
        means = [_mean_by_cycle(tally.cycle_sum[mate], tally.cycle_count[mate]) for mate in (0, 1)]
        return AlignmentHistograms(
            counts=tally.counts,
            insert_sizes=tally.inserts,
            quality_by_cycle=(means[0], means[1]),
            qualities=tally.qualities.sum(axis=0),
            gc=tally.gc,
            lengths=tally.lengths,
            depths=coverage.histogram,
            contig_coverage=coverage.by_contig(),
            intervals=coverage.by_interval(),
            low_coverage=coverage.low.stretches(),
        )


def _mean_by_cycle(sums: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean quality of every cycle that any read has, from the sums and the number of reads by length."""
    reads = np.cumsum(lengths[::-1])[::-1][1:]
    return sums[reads > 0] / reads[reads > 0]


class _Coverage:
    """Depth in a window that moves along the reference; what it leaves behind is final."""

    def __init__(self, contigs: Sequence[str], territory: Sequence[Interval]) -> None:
        self._territory = territory
        self._contigs = contigs
        by_contig: dict[str, list[int]] = {}
        for row, interval in enumerate(territory):
            by_contig.setdefault(interval.contig, []).append(row)
        self._rows = [np.array(by_contig.get(contig, []), dtype=np.int64) for contig in contigs]
        self._starts = np.array([interval.start for interval in territory], dtype=np.int64)
        self._ends = np.array([interval.end for interval in territory], dtype=np.int64)
        self.histogram = _zeros(_DEEPEST + 1)
        self._sums, self._reaching = _zeros(len(territory)), _zeros(len(territory), len(DEPTHS))
        self.low = LowCoverage(contigs)
        self._depth = np.zeros(_WINDOW, dtype=np.int32)
        self._contig, self._base, self._filled = 0, 0, 0

    def add(self, covered: NDArray[np.int64]) -> None:
        if not len(covered):
            return
        borders = [0, *(np.flatnonzero(np.diff(covered[:, 0])) + 1).tolist(), len(covered)]
        for first, last in pairwise(borders):
            while self._contig < int(covered[first, 0]):
                self._settle(_FAR)
                self._contig, self._base = self._contig + 1, 0
            self._add_to_contig(covered, first, last)

    def _add_to_contig(self, covered: NDArray[np.int64], first: int, last: int) -> None:
        while first < last:
            if int(covered[first, 3]) > self._base:
                self._settle(int(covered[first, 3]))
            self._enlarge(int(covered[first, 2]) - self._base)
            inside = covered[first:last, 2] <= self._base + len(self._depth)
            until = last if inside.all() else first + int(np.argmin(inside))
            kernels.add_stretches(self._depth, self._base, covered, first, until)
            self._filled = max(self._filled, int(covered[first:until, 2].max()) - self._base)
            first = until

    def _enlarge(self, length: int) -> None:
        if length > len(self._depth):
            self._depth = np.concatenate([self._depth, np.zeros(length - len(self._depth), dtype=np.int32)])

    def _settle(self, end: int) -> None:
        """Take the depth before ``end`` as final and move the window there."""
        rows = self._rows[self._contig]
        if len(rows):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            kernels.summarise_depth(
                self._depth[: self._filled],
                self._base,
                end,
                self._starts[part],
                self._ends[part],
                np.array(DEPTHS, dtype=np.int64),
                self.histogram,
                self._sums[part],
                self._reaching[part],
            )
            depth, spans = self._depth[: self._filled], (self._starts[part], self._ends[part])
            self.low.add(self._contig, depth, self._base, end, *spans)
        left = max(self._base + self._filled - end, 0)
        self._depth[:left] = self._depth[self._filled - left : self._filled].copy()
        self._depth[left : self._filled] = 0
        self._base, self._filled = end, left

    def finish(self) -> None:
        while self._contig < len(self._contigs):
            self._settle(_FAR)
            self._contig, self._base = self._contig + 1, 0

    def by_contig(self) -> dict[str, float]:
        means = {}
        for contig, rows in zip(self._contigs, self._rows, strict=True):
            if len(rows):
                means[contig] = float(self._sums[rows].sum() / (self._ends[rows] - self._starts[rows]).sum())
        return means

    def by_interval(self) -> tuple[IntervalCoverage, ...]:
        return tuple(
            IntervalCoverage(interval, float(self._sums[i] / length), tuple((self._reaching[i] / length).tolist()))
            for i, interval in enumerate(self._territory)
            if (length := len(interval))
        )

    def mean_over(self, wanted: Sequence[str]) -> float | None:
        """Mean depth over the territory on these chromosomes, with or without ``chr``; absent where there is none."""
        kept = [rows for name, rows in zip(self._contigs, self._rows, strict=True) if _bare(name) in wanted]
        rows = np.concatenate([np.empty(0, dtype=np.int64), *kept])
        if not len(rows):
            return None
        return float(self._sums[rows].sum() / (self._ends[rows] - self._starts[rows]).sum())


_FAR = 1 << 40
_AUTOSOMES = tuple(str(number) for number in range(1, 23))


def _bare(contig: str) -> str:
    return contig.removeprefix("chr")


def _figures(histograms: AlignmentHistograms, duplicates: Duplicates, coverage: _Coverage) -> AlignmentMeasures:
    both = histograms.counts.sum(axis=0)

    def ratio(one: int, other: int) -> float:
        return float(both[one] / both[other]) if both[other] else 0.0

    insert = insert_size_figures(histograms.insert_sizes[kernels.FR])
    positions = max(int(histograms.depths.sum()), 1)
    at_least = np.cumsum(histograms.depths[::-1])[::-1] / positions
    sums = sum(entry.mean * len(entry.interval) for entry in histograms.intervals)
    sizes = [library.estimated_library_size for library in duplicates.libraries]
    libraries = duplicates.libraries
    pairs = sum(library.read_pairs_examined for library in libraries)
    pairs_marked = sum(library.read_pair_duplicates for library in libraries)
    optical = sum(library.read_pair_optical_duplicates for library in libraries)
    examined = 2 * pairs + sum(library.unpaired_reads_examined for library in libraries)
    marked = 2 * pairs_marked + sum(library.unpaired_read_duplicates for library in libraries)
    called = int(both[kernels.BASES] - both[kernels.N_BASES])
    return AlignmentMeasures(
        reads=int(both[kernels.READS]),
        bases=int(both[kernels.BASES]),
        mapped_fraction=ratio(kernels.MAPPED, kernels.READS),
        proper_pair_fraction=ratio(kernels.PROPER, kernels.READS),
        duplicate_fraction=marked / max(examined, 1),
        optical_duplicate_fraction=optical / max(pairs, 1),
        estimated_library_size=min((size for size in sizes if size is not None), default=None),
        chimera_fraction=ratio(kernels.CHIMERAS, kernels.CHIMERA_CANDIDATES),
        mismatch_rate=ratio(kernels.MISMATCHES, kernels.ALIGNED_BASES),
        indel_rate=ratio(kernels.INDELS, kernels.ALIGNED_BASES),
        soft_clipped_fraction=ratio(kernels.SOFT_CLIPPED, kernels.BASES),
        mean_read_length=ratio(kernels.BASES, kernels.READS),
        q20_fraction=_fraction_from(histograms.qualities, 20),
        q30_fraction=_fraction_from(histograms.qualities, 30),
        n_fraction=ratio(kernels.N_BASES, kernels.BASES),
        gc_fraction=float(both[kernels.GC_BASES] / called) if called else 0.0,
        median_insert_size=insert.median if insert else None,
        mean_insert_size=insert.mean if insert else None,
        sd_insert_size=insert.sd if insert else None,
        mean_coverage=sums / positions,
        median_coverage=median_of(histograms.depths) if histograms.depths.any() else 0.0,
        fraction_1x=float(at_least[1]),
        fraction_10x=float(at_least[10]),
        fraction_20x=float(at_least[20]),
        fraction_30x=float(at_least[30]),
        autosome_coverage=coverage.mean_over(_AUTOSOMES),
        x_coverage=coverage.mean_over(("X",)),
        y_coverage=coverage.mean_over(("Y",)),
    )


def _fraction_from(histogram: NDArray[np.int64], lowest: int) -> float:
    return float(histogram[lowest:].sum() / max(int(histogram.sum()), 1))


@dataclass(frozen=True)
class InsertSizes:
    """Insert sizes of one orientation: median, median absolute deviation, then mean and SD without the far tail."""

    pairs: int
    median: float
    mad: float
    mean: float
    sd: float
    smallest: int
    largest: int


def insert_size_figures(histogram: NDArray[np.int64]) -> InsertSizes | None:
    """Figures of a histogram by size; mean and SD of sizes within 10 deviations of the median, as Picard has it."""
    pairs = int(histogram.sum())
    if not pairs:
        return None
    sizes = np.arange(len(histogram))
    median = median_of(histogram)
    deviations = np.bincount(np.round(np.abs(sizes - median)).astype(np.int64), weights=histogram)
    mad = median_of(deviations.astype(np.int64))
    core = histogram * (np.abs(sizes - median) <= 10 * mad)
    inside = int(core.sum())
    mean = float((core * sizes).sum() / inside)
    variance = float((core * (sizes - mean) ** 2).sum() / max(inside - 1, 1))
    present = np.flatnonzero(histogram)
    return InsertSizes(pairs, median, mad, mean, variance**0.5, int(present[0]), int(present[-1]))


def median_of(histogram: NDArray[np.int64]) -> float:
    """Median of the indices of a histogram, between the two middle ones where they differ."""
    cumulated = np.cumsum(histogram)
    total = int(cumulated[-1])
    low = int(np.searchsorted(cumulated, (total + 1) // 2))
    high = int(np.searchsorted(cumulated, total // 2 + 1))
    return (low + high) / 2
