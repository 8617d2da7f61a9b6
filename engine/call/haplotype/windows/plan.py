"""What is called in which piece of work: intervals, shards and windows. Positions only, no reads.

An interval is traversed from its start, its regions follow one another; intervals never depend on each other. They
end where what was asked for ends, where ploidy changes and at fixed positions of the contig, so that any cut of
the genome at those positions gives the same records. Windows are the pieces of an interval that threads work on;
they change nothing in the result.

>>> [(each.start, each.end) for each in calling_intervals([PloidyPart(Interval("1", 10, 20_000_000), 2)])]
[(10, 16777216), (16777216, 20000000)]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.call.ploidy import PloidyPart
from engine.reference.intervals import Interval

SHARD_BASES = 1 << 24
"""Intervals end at its multiples, and a shard may begin there; or where no deletion reaches from what lies before."""
FARTHEST_REACH = 2_000
"""Bases: no deletion that is called from reads of one region is longer (:data:`.window_caller.LONGEST_REGION`)."""
WINDOW_BASES = 1 << 16
_FAR_APART = 1 << 14


@dataclass(frozen=True)
class CallingInterval:
    """Consecutive positions traversed as one.

    Attributes:
        contig: its name.
        start: 0-based first position.
        end: one past the last.
        ploidy: copies in one cell.
    """

    contig: str
    start: int
    end: int
    ploidy: int

    @property
    def begins_at_cut(self) -> bool:
        """A shard may begin here, that does not know what was called before."""
        return self.start % SHARD_BASES == 0


@dataclass(frozen=True)
class Piece:
    """The part of an interval that belongs to one window.

    Attributes:
        interval: the whole.
        start: 0-based first position.
        end: one past the last.
    """

    interval: CallingInterval
    start: int
    end: int

    @property
    def is_first(self) -> bool:
        """The interval begins here."""
        return self.start == self.interval.start

    @property
    def is_last(self) -> bool:
        """The interval ends here."""
        return self.end == self.interval.end


@dataclass(frozen=True)
class Window:
    """Pieces near each other on one contig and of one ploidy, whose reads are decoded together.

    Attributes:
        pieces: in order, at least one.
    """

    pieces: tuple[Piece, ...]

    @property
    def contig(self) -> str:
        """The one they are on."""
        return self.pieces[0].interval.contig

    @property
    def ploidy(self) -> int:
        """The one they share."""
        return self.pieces[0].interval.ploidy

    @property
    def start(self) -> int:
        """First position of the first piece."""
        return self.pieces[0].start

    @property
    def end(self) -> int:
        """One past the last position of the last piece."""
        return self.pieces[-1].end

    @property
    def bases(self) -> int:
        """Positions to be called."""
        return sum(piece.end - piece.start for piece in self.pieces)


def whole_contigs(lengths: Iterable[tuple[str, int]], ploidy: int = 2) -> list[PloidyPart]:
    """Every contig from end to end."""
    return [PloidyPart(Interval(name, 0, length), ploidy) for name, length in lengths if length]


def calling_intervals(parts: Sequence[PloidyPart]) -> list[CallingInterval]:
    """What is asked for, touching parts of one ploidy joined, cut at the multiples of :data:`SHARD_BASES`.

    Args:
        parts: sorted within each contig, not overlapping; parts without copies are left out.
    """
    joined: list[CallingInterval] = []
    for part in parts:
        here = CallingInterval(part.interval.contig, part.interval.start, part.interval.end, part.copies)
        before = joined[-1] if joined else None
        if before and (before.contig, before.ploidy, before.end) == (here.contig, here.ploidy, here.start):
            joined[-1] = CallingInterval(before.contig, before.start, here.end, before.ploidy)
        elif part.copies:
            joined.append(here)
    return [cut for interval in joined for cut in _cut(interval)]


def _cut(interval: CallingInterval) -> list[CallingInterval]:
    first = interval.start // SHARD_BASES + 1
    last = (interval.end - 1) // SHARD_BASES
    limits = [interval.start, *(k * SHARD_BASES for k in range(first, last + 1)), interval.end]
    return [CallingInterval(interval.contig, start, end, interval.ploidy) for start, end in itertools.pairwise(limits)]


def windows(wanted: Sequence[CallingInterval]) -> list[Window]:
    """Cut long intervals into windows, put short ones that are near each other into one."""
    made: list[Window] = []
    gathered: list[Piece] = []
    for interval in wanted:
        for start in range(interval.start, interval.end, WINDOW_BASES):
            piece = Piece(interval, start, min(start + WINDOW_BASES, interval.end))
            if gathered and not _belongs(piece, gathered):
                made.append(Window(tuple(gathered)))
                gathered = []
            gathered.append(piece)
    if gathered:
        made.append(Window(tuple(gathered)))
    return made


def _belongs(piece: Piece, gathered: list[Piece]) -> bool:
    before = gathered[-1].interval
    here = piece.interval
    return (
        (before.contig, before.ploidy) == (here.contig, here.ploidy)
        and before != here
        and piece.is_last
        and gathered[-1].is_last
        and piece.start - gathered[-1].end < _FAR_APART
        and piece.end - gathered[0].start <= WINDOW_BASES
    )
