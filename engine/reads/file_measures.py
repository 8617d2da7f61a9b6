"""Measuring a BAM or CRAM file that is already there: the same figures as of alignments on their way to the file.

Duplicates are taken from the reads' flags; which of them are optical the flags do not say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError
from engine.parallel import in_order
from engine.progress import Progress
from engine.reads.bam_records import BamRecords
from engine.reads.duplicates import Duplicates, DuplicationMetrics, estimate_library_size
from engine.reads.measures import AlignmentHistograms, AlignmentMeasures, Measurement, Tally, measure_records
from engine.reads.records import Records
from engine.reference.intervals import Interval

_SET_SIZES = 102
_PAIRED, _UNMAPPED, _MATE_UNMAPPED, _NOT_PRIMARY, _DUPLICATE = 0x1, 0x4, 0x8, 0x900, 0x400
_UNPAIRED_READS, _PAIRED_READS, _OTHER_RECORDS, _UNMAPPED_READS, _UNPAIRED_MARKED, _PAIRED_MARKED = range(6)


@dataclass(frozen=True)
class FileMeasures:
    """What a file's alignments are like.

    Attributes:
        measures: the figures.
        histograms: the distributions behind them.
        duplication: Picard's DuplicationMetrics of all libraries together, as far as flags tell.
        set_sizes: histograms of duplicate sets, which flags do not tell: all zero.
    """

    measures: AlignmentMeasures
    histograms: AlignmentHistograms
    duplication: DuplicationMetrics
    set_sizes: tuple[tuple[int, ...], ...] = ((0,) * _SET_SIZES,) * 3


def measure_file(
    reads: Path,
    territory: Sequence[Interval],
    *,
    fasta: Path | None = None,
    threads: int = 1,
    log: Callable[[str], None] | None = None,
) -> FileMeasures:
    """Read a file once.

    Args:
        reads: coordinate-sorted BAM or CRAM.
        territory: intervals over which coverage is measured, sorted and merged.
        fasta: the reference, needed for CRAM.
        threads: threads that measure; the figures are the same for any number.
        log: takes the lines of progress.

    Raises:
        AlignmentFileError: the file is missing, damaged, truncated, not sorted, or lacks reads that it held.
    """
    records = BamRecords(reads, fasta=fasta)
    measurement = Measurement([name for name, _ in records.header.contigs], territory)
    progress = Progress("measuring", unit="reads") if log is None else Progress("measuring", unit="reads", log=log)
    counts = np.zeros(6, np.int64)
    place = -1
    for batch, measured, counted, first, last in in_order(_measured, records.complete_batches(), threads=threads):
        if first < place:
            raise AlignmentFileError(
                "the reads are not sorted by coordinate", file=reads, remedy="sort the file (samtools sort)"
            )
        place = last
        measurement.add(measured)
        counts += counted
        progress.advance(batch)
    library = _as_flagged(counts)
    nothing = Duplicates(np.zeros(0, np.uint8), (library,), np.zeros((3, 0), np.int64))
    return FileMeasures(*measurement.finish(nothing), library)


_Measured = tuple[int, tuple[Tally, NDArray[np.int64]], NDArray[np.int64], int, int]


def _measured(batch: Records) -> _Measured:
    """Records in the batch, what was measured of them, the counts of flags, and the batch's first and last place."""
    places = _places(batch)
    last = -1 if not len(places) else int(places[-1]) if (np.diff(places) >= 0).all() else np.iinfo(np.int64).max
    first = int(places[0]) if len(places) else last
    return len(batch), measure_records(batch), _count_flags(batch), first, last


def _places(batch: Records) -> NDArray[np.int64]:
    """Contig and position in one number that rises along a sorted file; reads without a place come last."""
    contig = _integers(batch, 4).astype(np.uint32).astype(np.int64)
    return contig << 31 | (_integers(batch, 8) + 1)


def _integers(batch: Records, at: int) -> NDArray[np.int64]:
    """The signed 32-bit field at a place of every record."""
    start = batch.offset[:-1] + at
    value = sum(batch.data[start + byte].astype(np.int64) << 8 * byte for byte in range(4))
    return np.asarray(value).astype(np.uint32).astype(np.int32).astype(np.int64)


def _count_flags(batch: Records) -> NDArray[np.int64]:
    start = batch.offset[:-1] + 18
    flags = batch.data[start].astype(np.int64) | batch.data[start + 1].astype(np.int64) << 8
    other = (flags & _NOT_PRIMARY) != 0
    unmapped = ~other & ((flags & _UNMAPPED) != 0)
    mapped = ~other & ~unmapped
    paired = mapped & ((flags & _PAIRED) != 0) & ((flags & _MATE_UNMAPPED) == 0)
    marked = (flags & _DUPLICATE) != 0
    groups = (mapped & ~paired, paired, other, unmapped, mapped & ~paired & marked, paired & marked)
    return np.array([np.count_nonzero(group) for group in groups], np.int64)


def _as_flagged(counts: NDArray[np.int64]) -> DuplicationMetrics:
    pairs, marked = int(counts[_PAIRED_READS]) // 2, int(counts[_PAIRED_MARKED]) // 2
    examined = int(counts[_UNPAIRED_READS] + counts[_PAIRED_READS])
    return DuplicationMetrics(
        library="all libraries",
        unpaired_reads_examined=int(counts[_UNPAIRED_READS]),
        read_pairs_examined=pairs,
        secondary_or_supplementary_reads=int(counts[_OTHER_RECORDS]),
        unmapped_reads=int(counts[_UNMAPPED_READS]),
        unpaired_read_duplicates=int(counts[_UNPAIRED_MARKED]),
        read_pair_duplicates=marked,
        read_pair_optical_duplicates=0,
        duplication=int(counts[_UNPAIRED_MARKED] + counts[_PAIRED_MARKED]) / examined if examined else 0.0,
        estimated_library_size=estimate_library_size(pairs, pairs - marked),
    )
