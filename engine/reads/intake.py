"""Whether a sample's reads can be trusted, and what they are like: every file is digested, every read looked at.

Here lanes are verified against what the sheet says, their mates against each other, and their lengths among
themselves, and the measures are taken that the reads' quality gate judges. The bytes of FASTQ are understood in
:mod:`engine.reads.fastq`; whether another sample has the same reads only the sample registry knows.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read1, read2 = Path(folder, "R1.fastq"), Path(folder, "R2.fastq")
...     _ = read1.write_text("@pair7 1:N:0:1\\nACGT\\n+\\nIIII\\n")
...     _ = read2.write_text("@pair7 2:N:0:1\\nGGN\\n+\\nII#\\n")
...     summary = verify_reads("S1", [Lane("L001", read1, read2)])
>>> summary.pairs, round(summary.q30_fraction, 3), round(summary.n_fraction, 3)
(1, 0.857, 0.143)
"""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import FastqError, GenomicsError
from engine.parallel import in_order
from engine.progress import Progress
from engine.reads.conventions import UmiSource
from engine.reads.fastq import BATCH_BASES, Reads, read_pairs
from engine.reads.file_digests import FileDigests, file_digests
from engine.reads.lane import Lane
from engine.reads.mates import require_mates
from engine.reads.repeats import ReadSketch, require_reads_once
from engine.receipt import Measure

_Log = Callable[[str], None]

_LOG: _Log = logging.getLogger(__name__).info
_RUN_LENGTHS_DIFFER = 0.9
"""Reads of one run are trimmed, but its longest reads are as long as its cycles: 151 and 150 are one run, 151 and 101
are two."""
_BLOCK_PAIRS = 1000
"""Batches of fewer pairs may lack a full-length read by chance."""
_PEAK, _PEAKS = 0.05, 0.9
"""Two lengths are two runs shuffled together when each has 5% of the reads and both have 90%: trimming spreads out."""


@dataclass(frozen=True)
class MateMeasures:
    """What all reads 1, or all reads 2, are like.

    Attributes:
        reads: their number.
        bases: their bases.
        q30_bases: bases of quality 30 or more.
        n_bases: bases that are not A, C, G or T.
        gc_bases: bases that are G or C.
        quality_sum: sum of all base qualities.
        adapter_reads: reads that hold the Illumina adapter without an error.
        lengths: number of reads by length, ascending.
        quality_by_cycle: mean base quality by cycle, the first 1,000.
        bases_by_cycle: share of A, C, G, T and other by cycle, the first 1,000.
    """

    reads: int
    bases: int
    q30_bases: int
    n_bases: int
    gc_bases: int
    quality_sum: int
    adapter_reads: int
    lengths: dict[int, int]
    quality_by_cycle: tuple[float, ...]
    bases_by_cycle: tuple[tuple[float, float, float, float, float], ...]

    @property
    def longest(self) -> int:
        """Bases of the longest read."""
        return max(self.lengths)


@dataclass(frozen=True)
class LaneSummary:
    """One lane: its files as digested, and its reads as measured."""

    name: str
    files: tuple[FileDigests, FileDigests]
    read1: MateMeasures
    read2: MateMeasures

    @property
    def pairs(self) -> int:
        """Number of read pairs."""
        return self.read1.reads


@dataclass(frozen=True)
class ReadsSummary:
    """A sample's reads: verified, and measured over all lanes.

    Attributes:
        sample: sample id.
        lanes: each lane, in the order given.
        read1: over the first reads of all lanes.
        read2: over the second reads of all lanes.
        unproven: files whose end nothing proves: they may have been cut between two of their parts, and neither an md5
            was stated nor does the file say that it ends.
    """

    sample: str
    lanes: tuple[LaneSummary, ...]
    read1: MateMeasures
    read2: MateMeasures
    unproven: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[FileDigests, ...]:
        """Every file of the sample, for the registry of digests."""
        return tuple(file for lane in self.lanes for file in lane.files)

    @property
    def pairs(self) -> int:
        """Read pairs over all lanes."""
        return self.read1.reads

    @property
    def bases(self) -> int:
        """Bases of both mates."""
        return self.read1.bases + self.read2.bases

    @property
    def q30_fraction(self) -> float:
        """Share of bases of quality 30 or more."""
        return (self.read1.q30_bases + self.read2.q30_bases) / max(self.bases, 1)

    @property
    def n_fraction(self) -> float:
        """Share of bases that are not A, C, G or T."""
        return (self.read1.n_bases + self.read2.n_bases) / max(self.bases, 1)

    @property
    def gc_fraction(self) -> float:
        """Share of G and C among the bases that were called."""
        called = self.bases - self.read1.n_bases - self.read2.n_bases
        return (self.read1.gc_bases + self.read2.gc_bases) / max(called, 1)

    @property
    def adapter_fraction(self) -> float:
        """Share of reads that hold the Illumina adapter."""
        return (self.read1.adapter_reads + self.read2.adapter_reads) / (2 * self.pairs)

    @property
    def mean_quality(self) -> float:
        """Mean phred quality over all bases."""
        return (self.read1.quality_sum + self.read2.quality_sum) / max(self.bases, 1)

    def measures(self) -> dict[str, Measure]:
        """Everything measured as flat numbers and series, by the names that thresholds and plots use."""
        flat: dict[str, Measure] = {
            "lanes": len(self.lanes),
            "files_of_unproven_end": len(self.unproven),
            "pairs": self.pairs,
            "bases": self.bases,
            "q30_fraction": self.q30_fraction,
            "n_fraction": self.n_fraction,
            "gc_fraction": self.gc_fraction,
            "adapter_fraction": self.adapter_fraction,
            "mean_quality": self.mean_quality,
        }
        for name, mate in (("read1", self.read1), ("read2", self.read2)):
            flat[f"{name}_length_minimum"] = min(mate.lengths)
            flat[f"{name}_length_maximum"] = mate.longest
            flat[f"{name}_length_mean"] = mate.bases / mate.reads
            flat[f"{name}_quality_by_cycle"] = [round(value, 3) for value in mate.quality_by_cycle]
            for column, base in enumerate(("a", "c", "g", "t", "n")):
                flat[f"{name}_{base}_by_cycle"] = [round(shares[column], 4) for shares in mate.bases_by_cycle]
        return flat


def verify_reads(
    sample: str,
    lanes: Sequence[Lane],
    *,
    threads: int = 1,
    allow_mixed_lengths: bool = False,
    umi: UmiSource = UmiSource.NONE,
    batch_bases: int = BATCH_BASES,
    log: _Log = _LOG,
) -> ReadsSummary:
    """Digest the files of all lanes, then read them once, verifying and measuring.

    Args:
        sample: sample id, for errors and progress.
        lanes: the lanes of the sample, at least one.
        threads: files digested and lanes read at the same time; the result is the same for any number.
        allow_mixed_lengths: accept lanes and files whose reads come from runs of different length.
        umi: where UMIs stand: every read then has one.
        batch_bases: bases looked at together.
        log: takes the lines of progress.

    Raises:
        FastqError: the first problem in the order of the lanes: a file is missing, not what its md5 says, truncated,
            damaged or empty; two files are the same; reads stand twice; mates are out of step, swapped or the same;
            lengths are mixed.
    """
    try:
        digests = _digest_files(lanes, threads, log)
        _require_distinct(digests)
        unproven: set[Path] = set()
        counts = _count_lanes(lanes, threads, batch_bases, allow_mixed_lengths, umi, log, unproven)
        if not allow_mixed_lengths:
            _require_one_run_length(lanes, counts)
    except GenomicsError as error:
        raise error.about(sample=sample) from error.__cause__
    summaries = tuple(
        LaneSummary(lane.name, (digests[2 * i], digests[2 * i + 1]), mates[0].measures(), mates[1].measures())
        for i, (lane, mates) in enumerate(zip(lanes, counts, strict=True))
    )
    whole = [_Counts.over(mates[mate] for mates in counts).measures() for mate in (0, 1)]
    return ReadsSummary(sample, summaries, whole[0], whole[1], _told_unproven(lanes, summaries, unproven, log))


def _told_unproven(
    lanes: Sequence[Lane], summaries: Sequence[LaneSummary], unproven: set[Path], log: _Log
) -> tuple[Path, ...]:
    """Say of each file that nothing proves complete how much it holds, and what would prove it."""
    told = []
    for lane, summary in zip(lanes, summaries, strict=True):
        for path, md5 in ((lane.read1, lane.md5_read1), (lane.read2, lane.md5_read2)):
            if path in unproven and md5 is None:
                told.append(path)
                log(
                    f"{path.name} of lane {lane.name} holds {summary.pairs:,} reads, and nothing proves that these are "
                    "all: it has no end-of-file block. Compare the number with the sequencer's, or give the file's md5 "
                    "in the sheet"
                )
    return tuple(told)


def _digest_files(lanes: Sequence[Lane], threads: int, log: _Log) -> list[FileDigests]:
    files = [
        (path, lane.name, mate, md5)
        for lane in lanes
        for mate, path, md5 in ((1, lane.read1, lane.md5_read1), (2, lane.read2, lane.md5_read2))
    ]
    total = sum(path.stat().st_size for path, *_ in files if path.exists())
    progress = Progress("digesting read files", total=total, unit="bytes", log=log)

    def digest(file: tuple[Path, str, int, str | None]) -> FileDigests:
        path, lane, mate, md5 = file
        return file_digests(path, lane=lane, mate=mate, md5=md5, advance=progress.advance)

    return list(in_order(digest, files, threads=threads))


def _require_distinct(digests: Sequence[FileDigests]) -> None:
    first: dict[str, FileDigests] = {}
    for file in digests:
        other = first.setdefault(file.sha256, file)
        if other is file:
            continue
        same_lane = other.lane == file.lane
        raise FastqError(
            f"read {other.mate} is given twice: {file.path.name} and {other.path.name} have the same content"
            if same_lane
            else f"the same lane twice: the file has the content of read {other.mate} of lane {other.lane}",
            file=file.path,
            remedy="give the two different files of the lane" if same_lane else "give each lane once",
        )


def _count_lanes(
    lanes: Sequence[Lane],
    threads: int,
    batch_bases: int,
    allow_mixed_lengths: bool,
    umi: UmiSource,
    log: _Log,
    unproven: set[Path],
) -> list[tuple[_Counts, _Counts]]:
    expected = sum(expected_reads(lane.read1) + expected_reads(lane.read2) for lane in lanes)
    progress = Progress("verifying and measuring reads", total=expected, unit="reads", log=log)

    def at_end(path: Path, proves_its_end: bool) -> None:
        if not proves_its_end:
            unproven.add(path)

    def count(lane: Lane) -> tuple[tuple[_Counts, _Counts], ReadSketch]:
        mates, sketch = (_Counts(), _Counts()), ReadSketch()
        longest: list[int] = []
        for batch in read_pairs(
            lane.read1, lane.read2, batch_bases=batch_bases, encoding=lane.quality_encoding, umi=umi, at_end=at_end
        ):
            require_mates(batch, lane.read2)
            sketch.add(batch)
            for counts, reads in zip(mates, (batch.read1, batch.read2), strict=True):
                counts.add(reads)
            if len(batch) >= _BLOCK_PAIRS:
                longest.append(int(batch.read1.lengths.max()))
            progress.advance(2 * len(batch))
        if not allow_mixed_lengths:
            _require_one_run(lane, mates[0], longest)
        return mates, sketch

    counted = list(in_order(count, lanes, threads=threads))
    require_reads_once(lanes, [sketch for _, sketch in counted])
    return [mates for mates, _ in counted]


def _require_one_run(lane: Lane, counts: _Counts, longest: list[int]) -> None:
    """A lane is one run of the sequencer: its longest reads are equally long everywhere in the file."""
    found: tuple[int, int] | None = None
    if longest and min(longest) < _RUN_LENGTHS_DIFFER * max(longest):
        found = min(longest), max(longest)
    elif counts.reads >= _BLOCK_PAIRS:
        peaks = [length for length, count in counts.lengths.items() if count >= _PEAK * counts.reads]
        share = sum(counts.lengths[length] for length in peaks) / counts.reads
        if len(peaks) > 1 and min(peaks) < _RUN_LENGTHS_DIFFER * max(peaks) and share >= _PEAKS:
            found = min(peaks), max(peaks)
    if found:
        raise _mixed_lengths(f"the file holds runs of {found[0]} and of {found[1]} bases", lane.read1)


def _require_one_run_length(lanes: Sequence[Lane], counts: Sequence[tuple[_Counts, _Counts]]) -> None:
    """The lanes of a sample come from runs of equal length."""
    for mate in (0, 1):
        longest = [max(mates[mate].lengths) for mates in counts]
        low, high = int(np.argmin(longest)), int(np.argmax(longest))
        if longest[low] < _RUN_LENGTHS_DIFFER * longest[high]:
            file = (lanes[low].read1, lanes[low].read2)[mate]
            raise _mixed_lengths(
                f"read {mate + 1} has {longest[low]} bases in lane {lanes[low].name} and {longest[high]} in lane "
                f"{lanes[high].name}",
                file,
            )


def _mixed_lengths(problem: str, file: Path) -> FastqError:
    return FastqError(
        f"mixed read lengths: {problem}",
        file=file,
        remedy="give the lanes of one run; if the runs belong together, set GENOMICS_MIXED_READ_LENGTHS=accept",
    )


class _Counts:
    """Sums over the reads of one mate; those of several lanes can be added."""

    def __init__(self) -> None:
        from engine.reads.intake_kernels import CYCLES

        self.reads = self.adapter_reads = 0
        self.lengths: Counter[int] = Counter()
        self.bases: NDArray[np.int64] = np.zeros(5, dtype=np.int64)
        self.bases_by_cycle: NDArray[np.int64] = np.zeros((CYCLES, 5), dtype=np.int64)
        self.quality_sum_by_cycle: NDArray[np.int64] = np.zeros(CYCLES, dtype=np.int64)
        self.qualities: NDArray[np.int64] = np.zeros(256, dtype=np.int64)

    @classmethod
    def over(cls, parts: Iterable[_Counts]) -> _Counts:
        """The sum of several."""
        total = cls()
        for part in parts:
            total.reads += part.reads
            total.adapter_reads += part.adapter_reads
            total.lengths.update(part.lengths)
            total.bases += part.bases
            total.bases_by_cycle += part.bases_by_cycle
            total.quality_sum_by_cycle += part.quality_sum_by_cycle
            total.qualities += part.qualities
        return total

    def add(self, reads: Reads) -> None:
        """Count a batch."""
        from engine.reads.intake_kernels import BASE_CODES, count_reads

        self.reads += len(reads)
        lengths, counts = np.unique(reads.lengths, return_counts=True)
        self.lengths.update(dict(zip(lengths.tolist(), counts.tolist(), strict=True)))
        self.adapter_reads += count_reads(
            reads.base_offset,
            reads.bases,
            reads.qualities,
            BASE_CODES,
            self.bases,
            self.bases_by_cycle,
            self.quality_sum_by_cycle,
            self.qualities,
        )

    def measures(self) -> MateMeasures:
        """The counts as they are reported."""
        bases = [int(count) for count in self.bases]
        by_cycle = self.bases_by_cycle[: max(self.lengths)]
        depth = np.maximum(by_cycle.sum(axis=1), 1)
        shares = by_cycle / depth[:, np.newaxis]
        return MateMeasures(
            reads=self.reads,
            bases=sum(bases),
            q30_bases=int(self.qualities[30:].sum()),
            n_bases=bases[4],
            gc_bases=bases[1] + bases[2],
            quality_sum=int((self.qualities * np.arange(256)).sum()),
            adapter_reads=self.adapter_reads,
            lengths=dict(sorted(self.lengths.items())),
            quality_by_cycle=tuple((self.quality_sum_by_cycle[: len(depth)] / depth).tolist()),
            bases_by_cycle=tuple((a, c, g, t, n) for a, c, g, t, n in shares.tolist()),
        )


def expected_reads(path: Path, *, look_at: int = 1 << 20) -> int:
    """About how many reads a FASTQ file holds, from its size and its first megabyte; 0 where that does not tell."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(look_at)
    except OSError:
        return 0
    try:
        text = _inflate(start) if start[:2] == b"\x1f\x8b" else start
    except zlib.error:
        return 0
    return round(text.count(b"\n") / 4 * size / max(len(start), 1))


def _inflate(data: bytes) -> bytes:
    """The text of gzip data that may consist of several members and be cut off in the last one."""
    text = []
    while data:
        member = zlib.decompressobj(wbits=31)
        text.append(member.decompress(data))
        data = member.unused_data
    return b"".join(text)
