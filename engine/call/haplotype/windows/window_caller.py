"""Calling one window: from its reads and its regions to calls and reference sites. Works on one thread.

How windows are planned is :mod:`.plan`'s business, how they are spread over cores :mod:`.workers`', how calls are
written :mod:`engine.call.haplotype.caller`'s. Reads stay where they were decoded; what leaves is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.activity.profile import Activity, activity
from engine.call.haplotype.activity.regions import PADDING, Regions
from engine.call.haplotype.assembly.assembler import assemble
from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.genotype.genotyping import GenotypingSettings, OpenDeletion, RegionCalls, call_region
from engine.call.haplotype.genotype.variant_call import VariantCall
from engine.call.haplotype.reads.finalization import evidence_in, finalize_region
from engine.call.haplotype.reads.source import DecodedReads, ReadSource, WantedReads
from engine.call.haplotype.reference_model.confidence import (
    Sites,
    fill_finalized,
    fill_inactive,
    fill_realigned,
    new_sites,
)
from engine.call.haplotype.trimming.trimmed_region import TrimmedRegion, trim
from engine.call.haplotype.windows.plan import Window

REFERENCE_PADDING = 500
"""Reference bases known to either side of a padded region, for events and repeats that reach out of it."""
LONGEST_REGION = 300
_BEHIND = LONGEST_REGION + PADDING
_AHEAD = 1000
"""Reads are taken from so far ahead of a window that crowded starts are complete there."""
_TO_N = bytes(byte if chr(byte) in "ACGT" else ord("N") for byte in range(256))


class ReferenceSequence:
    """The FASTA, read as the caller wants it: upper case, everything but ACGT as N. Safe for several threads."""

    def __init__(self, fasta: Path) -> None:
        import pysam

        self._file = pysam.FastaFile(str(fasta))
        self._lock = Lock()
        self.lengths: dict[str, int] = dict(zip(self._file.references, self._file.lengths, strict=True))

    def letters(self, contig: str, start: int, end: int) -> NDArray[np.uint8]:
        """uint8[], ASCII bases of ``[start, end)``."""
        with self._lock:
            text: str = self._file.fetch(contig, start, end)
        return np.frombuffer(bytearray(text.upper().encode().translate(_TO_N)), np.uint8)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True)
class CallerSettings:
    """How every window is called.

    Attributes:
        reference_confidence: calls carry ``<NON_REF>`` and reference sites are filled in.
        confidence: QUAL below which nothing is called without reference confidence.
    """

    reference_confidence: bool
    confidence: float


@dataclass(frozen=True)
class WindowOutline:
    """What is known of a window before its regions are.

    Attributes:
        window: its place.
        letters: upper-case reference from ``letters_start`` over everything its regions may see.
        letters_start: 0-based position.
        contig_length: end of the contig.
        activities: of each piece.
    """

    window: Window
    letters: NDArray[np.uint8]
    letters_start: int
    contig_length: int
    activities: tuple[Activity, ...]

    def reference(self, start: int, end: int) -> NDArray[np.uint8]:
        """Bases of ``[start, end)``, which must be within ``letters``."""
        return self.letters[start - self.letters_start : end - self.letters_start]


@dataclass(frozen=True)
class PreparedWindow:
    """A window with its reads.

    Attributes:
        outline: what else is known of it.
        contig: the reads' index of the contig.
        reads: all that its regions may see.
    """

    outline: WindowOutline
    contig: int
    reads: DecodedReads


@dataclass
class CalledWindow:
    """What calling a window gave; mutable, because calls may be redone once those before it are known.

    Attributes:
        outline: of the window.
        regions: those that start in the window.
        sites: reference sites, absent without reference confidence.
        calls: of each region; empty for inactive ones and where nothing varies.
        upstream_matters: regions whose calls depend on deletions called before the window.
        deletions: called in the window, in order.
    """

    outline: WindowOutline
    regions: Regions
    sites: Sites | None
    calls: dict[int, tuple[VariantCall, ...]] = field(default_factory=dict)
    upstream_matters: list[int] = field(default_factory=list)
    deletions: list[OpenDeletion] = field(default_factory=list)

    def is_reached_by(self, upstream: Sequence[OpenDeletion]) -> bool:
        """Whether deletions called before the window reach into a region whose calls depend on such."""
        return any(_reaching(self, row, upstream) for row in self.upstream_matters)


def prepare_window(
    source: ReadSource,
    sequence: ReferenceSequence,
    window: Window,
    wanted_start: NDArray[np.int64],
    wanted_end: NDArray[np.int64],
) -> PreparedWindow:
    """Decode the reads of a window and find its activity.

    Args:
        source: the reads.
        sequence: the reference.
        window: which.
        wanted_start: int64[w], sorted starts of the padded, merged intervals of the contig; other reads are not
            seen.
        wanted_end: int64[w], their ends.
    """
    contig = source.contig_names.index(window.contig)
    length = sequence.lengths[window.contig]
    first = max(0, window.start - PADDING - _AHEAD)
    stop = min(length, window.end + _BEHIND)
    reads = source.fetch(WantedReads(contig, first, stop, wanted_start, wanted_end))
    letters_start = max(0, window.start - PADDING - REFERENCE_PADDING)
    letters = sequence.letters(window.contig, letters_start, min(length, stop + REFERENCE_PADDING))
    activities = tuple(
        activity(
            reads.columns,
            letters[piece.start - letters_start : piece.end - letters_start],
            piece.start,
            window.ploidy,
        )
        for piece in window.pieces
    )
    return PreparedWindow(WindowOutline(window, letters, letters_start, length, activities), contig, reads)


def call_window(prepared: PreparedWindow, regions: Regions, settings: CallerSettings) -> CalledWindow:
    """Call the regions that start in a window, deletions called before it not being known."""
    sites = None
    outline = prepared.outline
    ploidy = outline.window.ploidy
    if settings.reference_confidence and regions.start.size:
        sites = new_sites(int(regions.start[0]), int(regions.end[-1]), ploidy)
        fill_inactive(
            sites,
            prepared.reads,
            prepared.contig,
            outline.letters,
            outline.letters_start,
            regions,
            ~regions.active,
            ploidy,
        )
    called = CalledWindow(outline, regions, sites)
    for row in np.flatnonzero(regions.active).tolist():
        outcome = _RegionWork(prepared, called, row, settings).call(_reaching(called, row, called.deletions))
        if outcome is None:
            continue
        called.calls[row] = outcome.calls
        called.deletions += outcome.deletions
        if outcome.depends_on_upstream:
            called.upstream_matters.append(row)
    return called


def settle_window(
    prepared: PreparedWindow, called: CalledWindow, upstream: Sequence[OpenDeletion], settings: CallerSettings
) -> None:
    """Call again the regions into which deletions called before the window reach."""
    for row in called.upstream_matters:
        if not _reaching(called, row, upstream):
            continue
        start = int(called.regions.start[row])
        known = [*upstream, *(deletion for deletion in called.deletions if deletion.start < start)]
        outcome = _RegionWork(prepared, called, row, settings).call(_reaching(called, row, known))
        called.calls[row] = outcome.calls if outcome else ()


def _reaching(called: CalledWindow, row: int, deletions: Sequence[OpenDeletion]) -> list[OpenDeletion]:
    """Deletions of the same interval that reach into a region."""
    start = int(called.regions.start[row])
    interval_start = next(piece.interval.start for piece in called.outline.window.pieces if start < piece.end)
    return [deletion for deletion in deletions if deletion.end > start and deletion.start >= interval_start]


class _RegionWork:
    """One active region ``[start, end)`` of a window."""

    def __init__(self, prepared: PreparedWindow, called: CalledWindow, row: int, settings: CallerSettings) -> None:
        self.prepared, self.outline, self.sites, self.settings = prepared, prepared.outline, called.sites, settings
        self.start, self.end = int(called.regions.start[row]), int(called.regions.end[row])
        self.padded_start = max(0, self.start - PADDING)
        self.padded_end = min(self.outline.contig_length, self.end + PADDING)

    def call(self, upstream: Sequence[OpenDeletion]) -> RegionCalls | None:
        """Calls and reference sites of the region, given the deletions that reach in; ``None`` if it does not vary."""
        prepared, outline = self.prepared, self.outline
        final = finalize_region(prepared.reads, self.padded_start, self.padded_end)
        trimmed = self._assemble(final)
        if trimmed is None:
            self._fill(final, self.start, self.end)
            return None
        evidence, filtered = evidence_in(
            prepared.reads, final, trimmed.padded_start, trimmed.padded_end, prepared.contig
        )
        if not evidence.start.size:
            self._fill(final, self.start, self.end)
            return None
        outcome = call_region(
            evidence,
            filtered,
            trimmed,
            start=self.start,
            end=self.end,
            reference=outline.letters,
            reference_start=outline.letters_start,
            settings=GenotypingSettings(
                ploidy=outline.window.ploidy,
                reference_confidence=self.settings.reference_confidence,
                confidence=self.settings.confidence,
            ),
            upstream=upstream,
        )
        if self.sites is None:
            return outcome
        if not outcome.has_genotype:
            self._fill(final, self.start, self.end)
            return RegionCalls((), outcome.reads, outcome.deletions, outcome.depends_on_upstream)
        self._fill_around(final, trimmed, outcome)
        return outcome

    def _assemble(self, final: ReadColumns) -> TrimmedRegion | None:
        outline = self.outline
        reference = outline.reference(self.padded_start, self.padded_end)
        haplotypes = assemble(final, reference, self.padded_start)
        if haplotypes is None:
            return None
        full_start = max(0, self.padded_start - REFERENCE_PADDING)
        full_end = min(outline.contig_length, self.padded_end + REFERENCE_PADDING)
        return trim(
            haplotypes,
            outline.reference(full_start, full_end),
            full_start,
            self.start,
            self.end,
            self.padded_start,
            self.padded_end,
        )

    def _fill_around(self, final: ReadColumns, trimmed: TrimmedRegion, outcome: RegionCalls) -> None:
        """Reference sites of a region with calls: before the variants, among them, behind them."""
        assert self.sites is not None
        if self.start < trimmed.variant_start:
            self._fill(final, self.start, trimmed.variant_start)
        fill_realigned(
            self.sites,
            outcome.reads,
            self.outline.reference(trimmed.padded_start, trimmed.padded_end),
            trimmed.padded_start,
            trimmed.variant_start,
            trimmed.variant_end,
            self.outline.window.ploidy,
        )
        if trimmed.variant_end < self.end:
            self._fill(final, trimmed.variant_end, self.end)

    def _fill(self, final: ReadColumns, start: int, end: int) -> None:
        """Reference sites of ``[start, end)`` of the region, from finalised reads clipped around them."""
        if self.sites is None:
            return
        fill_finalized(
            self.sites,
            self.prepared.reads,
            final,
            self.prepared.contig,
            self.outline.letters,
            self.outline.letters_start,
            (max(self.padded_start, start - PADDING), min(self.padded_end, end + PADDING)),
            (start, end),
            self.outline.window.ploidy,
        )
