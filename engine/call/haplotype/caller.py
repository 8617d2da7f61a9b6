"""The haplotype caller as one call: reads and reference in, a (g)VCF out.

Windows are prepared and called on threads whose kernels release the GIL; regions are cut and lines are written in
order on the calling thread, so that any number of threads gives the same bytes. At most a few windows are in
memory at a time.
"""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.call.caller import CallTask
from engine.call.haplotype.genotyping import OpenDeletion
from engine.call.haplotype.gvcf_blocks import ReferenceLines
from engine.call.haplotype.plan import Stretch, stretches, whole_contigs, windows
from engine.call.haplotype.reads import ReadSource
from engine.call.haplotype.records import Emission, record_line, vcf_header
from engine.call.haplotype.regions import PADDING, RegionCutter, Regions
from engine.call.haplotype.window_caller import (
    CalledWindow,
    CallerSettings,
    PreparedWindow,
    ReferenceSequence,
    call_window,
    prepare_window,
    settle_window,
)
from engine.call.ploidy import PloidyPart, ploidy_of
from engine.errors import ReferenceMismatchError
from engine.progress import Progress
from engine.reads.bgzf import BgzfWriter

READS_PER_START = 50
"""Of reads that start at one position so many are kept; GATK's ``--max-reads-per-alignment-start``."""
CONFIDENCE = 30.0
"""QUAL below which a VCF has no call; GATK's ``--standard-min-confidence-threshold-for-calling``."""


@dataclass(frozen=True)
class HaplotypeSummary:
    """What a run found.

    Attributes:
        sample: name of the sample in the file.
        bases: positions that were to be called.
        regions: assembly regions.
        active_regions: those that were assembled.
        calls: variant records written.
    """

    sample: str
    bases: int
    regions: int
    active_regions: int
    calls: int


def call_haplotypes(
    reads: Path,
    reference: Path,
    output: Path,
    *,
    sample: str | None = None,
    parts: Sequence[PloidyPart] | None = None,
    threads: int = 1,
    emit: Emission = "gvcf",
    reads_per_start: int = READS_PER_START,
    confidence: float = CONFIDENCE,
    index: bool = True,
    progress: Progress | None = None,
) -> HaplotypeSummary:
    """Call one sample as GATK's HaplotypeCaller does with its defaults.

    Args:
        reads: coordinate-sorted BAM or CRAM with its index.
        reference: FASTA, plain or bgzip, with ``.fai`` beside it.
        output: the file to write, bgzip.
        sample: whose read groups count; absent where the file is of one sample.
        parts: what to call and with which ploidy, sorted in contig order; all contigs as diploid when absent. Any
            run of :func:`~engine.call.haplotype.plan.stretches` of them may be called on its own and put together
            with :func:`gather`.
        threads: cores to use; the result is the same for any number.
        emit: ``gvcf`` for calls and reference blocks, ``bp`` for calls and every other site, ``vcf`` for calls.
        reads_per_start: how many reads that start at one position are kept, 0 for all.
        confidence: QUAL below which a ``vcf`` has no call.
        index: write a tabix index beside the output.
        progress: told of positions done.

    Raises:
        AlignmentFileError: the reads are damaged, unsorted, or without read groups.
        ReferenceMismatchError: a contig differs between reads and reference.
    """
    source = ReadSource(reads, fasta=reference, sample=sample, reads_per_start=reads_per_start)
    sequence = ReferenceSequence(reference)
    if parts is None:
        parts = whole_contigs(sequence.lengths.items())
    wanted = stretches(parts)
    _check_contigs(source, sequence, wanted)
    run = _Run(source, sequence, wanted, emit, CallerSettings(emit != "vcf", confidence), threads)
    progress = progress or Progress("calling", total=sum(s.end - s.start for s in wanted), unit="bases")
    try:
        with BgzfWriter(output) as writer:
            writer.write(vcf_header(sequence.lengths.items(), source.sample, emit).encode())
            run.write(writer, progress)
    finally:
        sequence.close()
    if index:
        _index(output)
    return HaplotypeSummary(
        source.sample,
        sum(stretch.end - stretch.start for stretch in wanted),
        run.regions,
        run.active_regions,
        run.calls,
    )


def gather(shards: Sequence[Path], output: Path, *, index: bool = True) -> None:
    """Put shards together, in the order given: the bytes that one run over all of them writes.

    Args:
        shards: files of one sample and emission, each of consecutive stretches.
        output: the file to write, bgzip.
        index: write a tabix index beside it.
    """
    with BgzfWriter(output) as writer:
        for number, shard in enumerate(shards):
            with gzip.open(shard) as lines:
                for line in lines:
                    if number == 0 or not line.startswith(b"#"):
                        writer.write(line)
    if index:
        _index(output)


def _index(output: Path) -> None:
    import pysam

    pysam.tabix_index(str(output), preset="vcf", force=True)


def _check_contigs(source: ReadSource, sequence: ReferenceSequence, wanted: Sequence[Stretch]) -> None:
    lengths = dict(zip(source.contig_names, source.contig_lengths, strict=True))
    for contig in dict.fromkeys(stretch.contig for stretch in wanted):
        ours, theirs = sequence.lengths.get(contig), lengths.get(contig)
        if ours is None or ours != theirs:
            raise ReferenceMismatchError(
                f"contig {contig} has {theirs or 'no'} bases in the reads' header and {ours or 'no'} in the reference",
                file=source.path,
                remedy="use the reference that the reads were aligned to",
            )


class _Run:
    """One run: windows in flight, regions cut and lines written in order."""

    def __init__(
        self,
        source: ReadSource,
        sequence: ReferenceSequence,
        wanted: Sequence[Stretch],
        emit: Emission,
        settings: CallerSettings,
        threads: int,
    ) -> None:
        self._source, self._sequence, self._emit, self._settings = source, sequence, emit, settings
        self._threads = threads
        self._windows = windows(wanted)
        self._wanted = _padded_intervals(wanted)
        self._lines: ReferenceLines | None = None
        self._contig = ""
        self._upstream: list[OpenDeletion] = []
        self._stretch: Stretch | None = None
        self.regions = self.active_regions = self.calls = 0

    def write(self, writer: BgzfWriter, progress: Progress) -> None:
        """Call everything and write it."""
        with ThreadPoolExecutor(self._threads) as pool:
            try:
                for called in self._called(pool):
                    writer.write(self._text(called))
                    progress.advance(called.prepared.window.bases)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        writer.write(self._close())

    def _called(self, pool: ThreadPoolExecutor) -> Iterator[CalledWindow]:
        """Called windows in order; a window is called once the activity behind it is known."""
        calling: deque[Future[CalledWindow]] = deque()
        for prepared, regions in _with_regions(self._prepared(pool)):
            calling.append(pool.submit(call_window, prepared, regions, self._settings))
            while len(calling) > 2 * self._threads or (calling and calling[0].done()):
                yield calling.popleft().result()
        while calling:
            yield calling.popleft().result()

    def _prepared(self, pool: ThreadPoolExecutor) -> Iterator[PreparedWindow]:
        preparing: deque[Future[PreparedWindow]] = deque()
        for window in self._windows:
            starts, ends = self._wanted[window.contig]
            preparing.append(pool.submit(prepare_window, self._source, self._sequence, window, starts, ends))
            if len(preparing) > self._threads + 1:
                yield preparing.popleft().result()
        while preparing:
            yield preparing.popleft().result()

    def _text(self, called: CalledWindow) -> bytes:
        """The lines of a window, and of a block before it that it ends."""
        pieces: list[bytes] = []
        if called.prepared.window.contig != self._contig:
            self._upstream = []
        settle_window(called, self._upstream, self._settings)
        rows = _rows_by_piece(called)
        for piece, (first, last) in zip(called.prepared.window.pieces, rows, strict=True):
            if piece.stretch != self._stretch:
                pieces.append(self._enter(piece.stretch))
            pieces += self._region_lines(called, first, last)
        end = called.prepared.window.end
        self._upstream = [deletion for deletion in (*self._upstream, *called.deletions) if deletion.end > end]
        self.regions += called.regions.start.size
        self.active_regions += int(called.regions.active.sum())
        return b"".join(pieces)

    def _enter(self, stretch: Stretch) -> bytes:
        """Go on to another stretch; blocks do not reach over."""
        closed = self._close()
        if self._emit != "vcf" and (self._lines is None or stretch.contig != self._contig):
            self._lines = ReferenceLines(stretch.contig, joined=self._emit == "gvcf")
        self._stretch, self._contig = stretch, stretch.contig
        return closed

    def _close(self) -> bytes:
        return self._lines.close() if self._lines else b""

    def _region_lines(self, called: CalledWindow, first: int, last: int) -> list[bytes]:
        """The lines of regions ``first`` to ``last`` of a window, which follow one another."""
        if first == last:
            return []
        prepared = called.prepared
        position, end = int(called.regions.start[first]), int(called.regions.end[last - 1])
        lines: list[bytes] = []
        for row in sorted(row for row in called.calls if first <= row < last):
            for call in called.calls[row]:
                if self._lines is not None and called.sites is not None:
                    lines.append(
                        self._lines.add_sites(
                            called.sites, position, call.start, prepared.letters, prepared.letters_start
                        )
                    )
                    lines.append(self._lines.pass_variant(call.end))
                    position = call.start + 1
                text = record_line(self._contig, call, self._emit, prepared.window.ploidy)
                lines.append(text.encode())
                self.calls += 1
        if self._lines is not None and called.sites is not None:
            lines.append(self._lines.add_sites(called.sites, position, end, prepared.letters, prepared.letters_start))
        return lines


def _padded_intervals(wanted: Sequence[Stretch]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Starts and ends of the padded stretches of each contig, merged; reads elsewhere are never seen."""
    merged: dict[str, list[list[int]]] = {}
    for stretch in sorted(wanted, key=lambda stretch: (stretch.contig, stretch.start)):
        limits = merged.setdefault(stretch.contig, [])
        start, end = max(0, stretch.start - PADDING), stretch.end + PADDING
        if limits and start <= limits[-1][1]:
            limits[-1][1] = max(limits[-1][1], end)
        else:
            limits.append([start, end])
    return {
        contig: (np.array([low for low, _ in limits]), np.array([high for _, high in limits]))
        for contig, limits in merged.items()
    }


def _with_regions(prepared: Iterator[PreparedWindow]) -> Iterator[tuple[PreparedWindow, Regions]]:
    """Cut regions in order and give each window those that start in it, as soon as they are all known."""
    waiting: deque[tuple[PreparedWindow, list[Regions]]] = deque()
    cutter: RegionCutter | None = None
    for here in prepared:
        waiting.append((here, []))
        for piece, profile in zip(here.window.pieces, here.activities, strict=True):
            if piece.is_first or cutter is None:
                cutter = RegionCutter(piece.start, here.contig_length)
            _share_out(cutter.feed(profile, last=piece.is_last), waiting)
        while waiting and (here.window.pieces[-1].is_last or waiting[0][0] is not here):
            done, regions = waiting.popleft()
            yield done, _concatenated(regions)
    for done, regions in waiting:
        yield done, _concatenated(regions)


def _share_out(regions: Regions, waiting: deque[tuple[PreparedWindow, list[Regions]]]) -> None:
    """Give regions that were just cut to the one or two windows they start in."""
    first = 0
    for prepared, given in waiting:
        same = prepared is waiting[-1][0]
        last = regions.start.size if same else int(np.searchsorted(regions.start, prepared.window.end))
        given.append(Regions(regions.start[first:last], regions.end[first:last], regions.active[first:last]))
        first = max(first, last)


def _concatenated(regions: list[Regions]) -> Regions:
    return Regions(
        np.concatenate([part.start for part in regions]),
        np.concatenate([part.end for part in regions]),
        np.concatenate([part.active for part in regions]),
    )


def _rows_by_piece(called: CalledWindow) -> list[tuple[int, int]]:
    """First and last region of each piece, which begin and end with it but for those begun before."""
    ends = [piece.end for piece in called.prepared.window.pieces]
    lasts = np.searchsorted(called.regions.start, ends).tolist()
    return list(zip([0, *lasts[:-1]], lasts, strict=True))


class HaplotypeVariantCaller:
    """This caller behind the interface that all callers share."""

    def version(self) -> str:
        """Name and version as it appears in receipts."""
        try:
            return f"haplotype {version('genomics-assets')}"
        except PackageNotFoundError:
            return "haplotype"

    def write_gvcf(self, task: CallTask) -> None:
        """Write ``task.output``."""
        lengths = task.contig_lengths
        parts = [
            part for interval in task.intervals for part in ploidy_of(interval, lengths[interval.contig], task.sex)
        ]
        call_haplotypes(
            task.reads,
            task.reference.fasta,
            task.output,
            sample=task.sample,
            parts=parts,
            threads=task.threads,
            index=False,
            progress=task.progress,
        )
