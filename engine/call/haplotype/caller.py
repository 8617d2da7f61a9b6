"""The haplotype caller as one call: reads and reference in, a (g)VCF out.

Windows are prepared and called by workers (:mod:`.windows.workers`); regions are cut and lines are written in order
on the calling thread, so that any number of them gives the same bytes. At most a few windows are in memory at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.activity.regions import PADDING, RegionCutter, Regions
from engine.call.haplotype.genotype.genotyping import OpenDeletion
from engine.call.haplotype.reads.source import ReadSource
from engine.call.haplotype.records.gvcf_blocks import ReferenceLines
from engine.call.haplotype.records.vcf import Emission, record_line, vcf_header
from engine.call.haplotype.windows.plan import CallingInterval, Window, calling_intervals, whole_contigs, windows
from engine.call.haplotype.windows.window_caller import CalledWindow, CallerSettings, ReferenceSequence, WindowOutline
from engine.call.haplotype.windows.workers import WindowTask, Workers, workers
from engine.call.ploidy import PloidyPart
from engine.errors import ReferenceMismatchError
from engine.files.bgzf import BgzfWriter
from engine.files.calls_index import index_calls
from engine.progress import Progress
from engine.recalibrate.table import RecalibrationTable

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
    recalibration: RecalibrationTable | None = None,
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
            run of :func:`~engine.call.haplotype.windows.plan.calling_intervals` of them may be called on its own and
            put together with :func:`~engine.call.haplotype.gather.gather`.
        threads: cores to use; the result is the same for any number.
        emit: ``gvcf`` for calls and reference blocks, ``bp`` for calls and every other site, ``vcf`` for calls.
        reads_per_start: how many reads that start at one position are kept, 0 for all.
        recalibration: what base qualities are replaced by as reads are decoded; they stay when absent.
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
    wanted = calling_intervals(parts)
    _check_contigs(source, sequence, wanted)
    settings = CallerSettings(emit != "vcf", confidence)
    task = WindowTask(reads, reference, sample, reads_per_start, recalibration, settings, _padded_intervals(wanted))
    run = _Run(wanted, emit)
    progress = progress or Progress("calling", total=sum(s.end - s.start for s in wanted), unit="bases")
    try:
        with BgzfWriter(output) as writer:
            writer.write(vcf_header(sequence.lengths.items(), source.sample, emit).encode())
            with workers(task, run.windows, threads) as crew:
                run.write(crew, writer, progress)
    finally:
        sequence.close()
    if index:
        index_calls(output)
    return HaplotypeSummary(
        source.sample,
        sum(interval.end - interval.start for interval in wanted),
        run.regions,
        run.active_regions,
        run.calls,
    )


def _check_contigs(source: ReadSource, sequence: ReferenceSequence, wanted: Sequence[CallingInterval]) -> None:
    lengths = dict(zip(source.contig_names, source.contig_lengths, strict=True))
    for contig in dict.fromkeys(interval.contig for interval in wanted):
        ours, theirs = sequence.lengths.get(contig), lengths.get(contig)
        if ours is None or ours != theirs:
            raise ReferenceMismatchError(
                f"contig {contig} has {theirs or 'no'} bases in the reads' header and {ours or 'no'} in the reference",
                file=source.path,
                remedy="use the reference that the reads were aligned to",
            )


class _Run:
    """One run: windows in flight, regions cut and lines written in order."""

    def __init__(self, wanted: Sequence[CallingInterval], emit: Emission) -> None:
        self.windows = windows(wanted)
        self._emit = emit
        self._lines: ReferenceLines | None = None
        self._contig = ""
        self._upstream: list[OpenDeletion] = []
        self._interval: CallingInterval | None = None
        self.regions = self.active_regions = self.calls = 0

    def write(self, crew: Workers, writer: BgzfWriter, progress: Progress) -> None:
        """Call everything and write it."""
        for number, called in enumerate(_called(crew, self.windows)):
            writer.write(self._text(self._settled(crew, number, called)))
            progress.advance(called.outline.window.bases)
        writer.write(self._close())

    def _settled(self, crew: Workers, number: int, called: CalledWindow) -> CalledWindow:
        """The window with regard to the deletions called before it."""
        if called.outline.window.contig != self._contig:
            self._upstream = []
        if not called.upstream_matters:
            return called
        upstream = self._upstream if called.is_reached_by(self._upstream) else ()
        settled = crew.settle(number, upstream)
        return (settled.result() or called) if upstream else called

    def _text(self, called: CalledWindow) -> bytes:
        """The lines of a window, and of a block before it that it ends."""
        pieces: list[bytes] = []
        rows = _rows_by_piece(called)
        for piece, (first, last) in zip(called.outline.window.pieces, rows, strict=True):
            if piece.interval != self._interval:
                pieces.append(self._enter(piece.interval))
            pieces += self._region_lines(called, first, last)
        end = called.outline.window.end
        self._upstream = [deletion for deletion in (*self._upstream, *called.deletions) if deletion.end > end]
        self.regions += called.regions.start.size
        self.active_regions += int(called.regions.active.sum())
        return b"".join(pieces)

    def _enter(self, interval: CallingInterval) -> bytes:
        """Go on to another interval; blocks do not reach over."""
        closed = self._close()
        begins = self._lines is None or interval.contig != self._contig
        # Beyond a cut a deletion that reaches over it covers nothing: a shard that begins there does not know of it.
        if self._emit != "vcf" and (begins or interval.begins_at_cut):
            self._lines = ReferenceLines(interval.contig, joined=self._emit == "gvcf")
        self._interval, self._contig = interval, interval.contig
        return closed

    def _close(self) -> bytes:
        return self._lines.close() if self._lines else b""

    def _region_lines(self, called: CalledWindow, first: int, last: int) -> list[bytes]:
        """The lines of regions ``first`` to ``last`` of a window, which follow one another."""
        if first == last:
            return []
        outline = called.outline
        position, end = int(called.regions.start[first]), int(called.regions.end[last - 1])
        lines: list[bytes] = []
        for row in sorted(row for row in called.calls if first <= row < last):
            for call in called.calls[row]:
                if self._lines is not None and called.sites is not None:
                    lines.append(
                        self._lines.add_sites(
                            called.sites, position, call.start, outline.letters, outline.letters_start
                        )
                    )
                    lines.append(self._lines.pass_variant(call.end))
                    position = call.start + 1
                text = record_line(self._contig, call, self._emit, outline.window.ploidy)
                lines.append(text.encode())
                self.calls += 1
        if self._lines is not None and called.sites is not None:
            lines.append(self._lines.add_sites(called.sites, position, end, outline.letters, outline.letters_start))
        return lines


def _padded_intervals(wanted: Sequence[CallingInterval]) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Starts and ends of the padded intervals of each contig, merged; reads elsewhere are never seen."""
    merged: dict[str, list[list[int]]] = {}
    for interval in sorted(wanted, key=lambda interval: (interval.contig, interval.start)):
        limits = merged.setdefault(interval.contig, [])
        start, end = max(0, interval.start - PADDING), interval.end + PADDING
        if limits and start <= limits[-1][1]:
            limits[-1][1] = max(limits[-1][1], end)
        else:
            limits.append([start, end])
    return {
        contig: (np.array([low for low, _ in limits]), np.array([high for _, high in limits]))
        for contig, limits in merged.items()
    }


def _called(crew: Workers, wanted: Sequence[Window]) -> Iterator[CalledWindow]:
    """Called windows in order; a window is called once the activity behind it is known."""
    calling: deque[Future[CalledWindow]] = deque()
    for number, regions in enumerate(_regions(_outlines(crew, wanted))):
        calling.append(crew.call(number, regions))
        while len(calling) > 2 * crew.count or (calling and calling[0].done()):
            yield calling.popleft().result()
    while calling:
        yield calling.popleft().result()


def _outlines(crew: Workers, wanted: Sequence[Window]) -> Iterator[WindowOutline]:
    preparing: deque[Future[WindowOutline]] = deque()
    for number, window in enumerate(wanted):
        preparing.append(crew.prepare(number, window))
        if len(preparing) > crew.count + 1:
            yield preparing.popleft().result()
    while preparing:
        yield preparing.popleft().result()


def _regions(outlines: Iterator[WindowOutline]) -> Iterator[Regions]:
    """Cut regions in order; for each window those that start in it, as soon as they are all known."""
    waiting: deque[tuple[WindowOutline, list[Regions]]] = deque()
    cutter: RegionCutter | None = None
    for here in outlines:
        waiting.append((here, []))
        for piece, profile in zip(here.window.pieces, here.activities, strict=True):
            if piece.is_first or cutter is None:
                cutter = RegionCutter(piece.start, here.contig_length)
            _share_out(cutter.feed(profile, last=piece.is_last), waiting)
        while waiting and (here.window.pieces[-1].is_last or waiting[0][0] is not here):
            yield _concatenated(waiting.popleft()[1])
    for _, regions in waiting:
        yield _concatenated(regions)


def _share_out(regions: Regions, waiting: deque[tuple[WindowOutline, list[Regions]]]) -> None:
    """Give regions that were just cut to the one or two windows they start in."""
    first = 0
    for outline, given in waiting:
        same = outline is waiting[-1][0]
        last = regions.start.size if same else int(np.searchsorted(regions.start, outline.window.end))
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
    ends = [piece.end for piece in called.outline.window.pieces]
    lasts = np.searchsorted(called.regions.start, ends).tolist()
    return list(zip([0, *lasts[:-1]], lasts, strict=True))
