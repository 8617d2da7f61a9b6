"""What molecules say at each place of the circle: bases by strand, insertions and deletions, each molecule once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pysam

A, C, G, T, DELETED, NOTHING = range(6)
"""Codes of what a molecule has at a place; :data:`NOTHING` where it cannot be told."""
LEAST_BASE, LEAST_MAPPING = 20, 20
"""Phred; bases and alignments below it say nothing. Nuclear copies of mitochondrial sequence map with quality 0."""
_CODE = np.full(256, NOTHING, np.uint8)
_CODE[[ord(letter) for letter in "ACGT"]] = [A, C, G, T]
_LEFT_OUT = 0x4 | 0x100 | 0x200 | 0x400
_MATCH, _INSERTION, _DELETION, _SKIP, _SOFT, _HARD, _PAD, _EQUAL, _DIFFERENT = range(9)
_AT_A_TIME = 5_000

Event = tuple[int, int, str]
"""Where (the base before it, 0-based), how many bases are deleted, which are inserted."""


@dataclass
class Pileup:
    """Counts over a contig.

    Attributes:
        counts: int64[length, 2, 5], molecules by place, strand (0 forward) and code.
        errors: float64[length], how many of them are expected to be wrong by their qualities.
        events: molecules by insertion or deletion and strand.
    """

    counts: NDArray[np.int64]
    errors: NDArray[np.float64]
    events: Counter[tuple[Event, int]] = field(default_factory=Counter)

    @property
    def depth(self) -> NDArray[np.int64]:
        """int64[length], molecules at each place."""
        return np.asarray(self.counts.sum(axis=(1, 2)))


@dataclass
class _Seen:
    """One read over the contig: codes and qualities from ``start`` on."""

    start: int
    strand: int
    codes: NDArray[np.uint8]
    qualities: NDArray[np.uint8]
    events: list[Event]

    @property
    def end(self) -> int:
        return self.start + len(self.codes)


def pile_up(reads: Path, contig: str, length: int, *, fasta: Path | None = None) -> Pileup:
    """Count what the reads of one contig say.

    Args:
        reads: sorted, indexed BAM or CRAM.
        contig: the mitochondrial one.
        length: its bases.
        fasta: the reference, for CRAM.
    """
    pileup = Pileup(np.zeros((length, 2, 5), np.int64), np.zeros(length))
    batch: list[_Seen] = []
    for seen in _molecules(reads, contig, fasta):
        batch.append(seen)
        if len(batch) == _AT_A_TIME:
            _add(pileup, batch)
            batch = []
    _add(pileup, batch)
    return pileup


def _add(pileup: Pileup, batch: list[_Seen]) -> None:
    if not batch:
        return
    length = len(pileup.errors)
    place = np.concatenate([np.arange(seen.start, seen.end) for seen in batch])
    code = np.concatenate([seen.codes for seen in batch])
    quality = np.concatenate([seen.qualities for seen in batch])
    strand = np.repeat([seen.strand for seen in batch], [len(seen.codes) for seen in batch])
    told = code != NOTHING
    index = (place[told] * 2 + strand[told]) * 5 + code[told]
    pileup.counts += np.bincount(index, minlength=length * 10).reshape(length, 2, 5)
    pileup.errors += np.bincount(place[told], 10.0 ** (quality[told] / -10.0), length)
    for seen in batch:
        pileup.events.update((event, seen.strand) for event in seen.events)


def _molecules(reads: Path, contig: str, fasta: Path | None) -> Iterator[_Seen]:
    """Reads, the second of two mates without what the first says already, and without what the two contradict."""
    import pysam

    waiting: dict[str, _Seen] = {}
    with pysam.AlignmentFile(
        str(reads), reference_filename=None if fasta is None else str(fasta), check_sq=False
    ) as file:
        for read in file.fetch(contig):
            if read.flag & _LEFT_OUT or read.mapping_quality < LEAST_MAPPING or read.query_qualities is None:
                continue
            seen, name = _seen(read), str(read.query_name)
            first = waiting.pop(name, None)
            if first is not None:
                _agree(first, seen)
                yield first
                yield seen
            elif _mate_overlaps(read, seen.end):
                waiting[name] = seen
            else:
                yield seen
    yield from waiting.values()


def _mate_overlaps(read: pysam.AlignedSegment, end: int) -> bool:
    return bool(
        read.is_paired
        and not read.mate_is_unmapped
        and not read.is_supplementary
        and read.next_reference_id == read.reference_id
        and read.reference_start <= read.next_reference_start < end
    )


def _seen(read: pysam.AlignedSegment) -> _Seen:
    bases = _CODE[np.frombuffer((read.query_sequence or "").encode(), np.uint8)]
    letters = read.query_sequence or ""
    qualities = np.asarray(read.query_qualities, np.uint8)
    parts: list[NDArray[np.uint8]] = []
    sure: list[NDArray[np.uint8]] = []
    events: list[Event] = []
    at, place = 0, read.reference_start
    for operator, size in read.cigartuples or ():
        if operator in (_MATCH, _EQUAL, _DIFFERENT):
            part = qualities[at : at + size]
            parts.append(np.where(part >= LEAST_BASE, bases[at : at + size], NOTHING))
            sure.append(part)
        elif operator in (_DELETION, _SKIP):
            quality = qualities[max(at - 1, 0) : at + 1].max(initial=0)
            parts.append(np.full(size, DELETED if quality >= LEAST_BASE else NOTHING, np.uint8))
            sure.append(np.full(size, quality, np.uint8))
            if quality >= LEAST_BASE and at:
                events.append((place - 1, size, ""))
        elif operator == _INSERTION and at and qualities[at : at + size].mean() >= LEAST_BASE:
            events.append((place - 1, 0, letters[at : at + size]))
        at += size if operator in (_MATCH, _INSERTION, _SOFT, _EQUAL, _DIFFERENT) else 0
        place += size if operator in (_MATCH, _DELETION, _SKIP, _EQUAL, _DIFFERENT) else 0
    nothing = np.zeros(0, np.uint8)
    return _Seen(
        read.reference_start,
        int(read.is_reverse),
        np.concatenate([nothing, *parts]),
        np.concatenate([nothing, *sure]),
        events,
    )


def _agree(first: _Seen, second: _Seen) -> None:
    """Where two mates overlap they are one molecule: said once, and of bases not at all where they differ.

    An indel that only one of them shows is taken: near a read's end it is clipped instead.
    """
    start, end = max(first.start, second.start), min(first.end, second.end)
    if start >= end:
        return
    one = first.codes[start - first.start : end - first.start]
    other = second.codes[start - second.start : end - second.start]
    differ = (one != other) & (one != NOTHING) & (other != NOTHING)
    other[(one == other) | differ] = NOTHING
    one[differ] = NOTHING
    second.events = [event for event in second.events if event not in first.events]
