"""What is called in which piece of work: stretches, shards and windows. Positions only, no reads.

A stretch is traversed from its start, its regions follow one another; stretches never depend on each other. They
end where what was asked for ends, where ploidy changes and at fixed positions of the contig, so that any cut of
the genome at those positions gives the same records. Windows are the pieces of a stretch that threads work on;
they change nothing in the result.

>>> stretches([PloidyPart(Interval("1", 10, 20_000_000), 2)])
[Stretch(contig='1', start=10, end=16777216, ploidy=2), Stretch(contig='1', start=16777216, end=20000000, ploidy=2)]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.call.ploidy import PloidyPart
from engine.reference.intervals import Interval

SHARD_BASES = 1 << 24
"""Stretches end at its multiples; a shard may be any run of stretches."""
WINDOW_BASES = 1 << 16
_FAR_APART = 1 << 14


@dataclass(frozen=True)
class Stretch:
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


@dataclass(frozen=True)
class Piece:
    """The part of a stretch that belongs to one window.

    Attributes:
        stretch: the whole.
        start: 0-based first position.
        end: one past the last.
    """

    stretch: Stretch
    start: int
    end: int

    @property
    def is_first(self) -> bool:
        """The stretch begins here."""
        return self.start == self.stretch.start

    @property
    def is_last(self) -> bool:
        """The stretch ends here."""
        return self.end == self.stretch.end


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
        return self.pieces[0].stretch.contig

    @property
    def ploidy(self) -> int:
        """The one they share."""
        return self.pieces[0].stretch.ploidy

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


def stretches(parts: Sequence[PloidyPart]) -> list[Stretch]:
    """What is asked for, touching parts of one ploidy joined, cut at the multiples of :data:`SHARD_BASES`.

    Args:
        parts: sorted within each contig, not overlapping; parts without copies are left out.
    """
    joined: list[Stretch] = []
    for part in parts:
        here = Stretch(part.interval.contig, part.interval.start, part.interval.end, part.copies)
        before = joined[-1] if joined else None
        if before and (before.contig, before.ploidy, before.end) == (here.contig, here.ploidy, here.start):
            joined[-1] = Stretch(before.contig, before.start, here.end, before.ploidy)
        elif part.copies:
            joined.append(here)
    return [cut for stretch in joined for cut in _cut(stretch)]


def _cut(stretch: Stretch) -> list[Stretch]:
    first = stretch.start // SHARD_BASES + 1
    last = (stretch.end - 1) // SHARD_BASES
    limits = [stretch.start, *(k * SHARD_BASES for k in range(first, last + 1)), stretch.end]
    return [Stretch(stretch.contig, start, end, stretch.ploidy) for start, end in itertools.pairwise(limits)]


def windows(wanted: Sequence[Stretch]) -> list[Window]:
    """Cut long stretches into windows, put short ones that are near each other into one."""
    made: list[Window] = []
    gathered: list[Piece] = []
    for stretch in wanted:
        for start in range(stretch.start, stretch.end, WINDOW_BASES):
            piece = Piece(stretch, start, min(start + WINDOW_BASES, stretch.end))
            if gathered and not _belongs(piece, gathered):
                made.append(Window(tuple(gathered)))
                gathered = []
            gathered.append(piece)
    if gathered:
        made.append(Window(tuple(gathered)))
    return made


def _belongs(piece: Piece, gathered: list[Piece]) -> bool:
    before = gathered[-1].stretch
    here = piece.stretch
    return (
        (before.contig, before.ploidy) == (here.contig, here.ploidy)
        and before != here
        and piece.is_last
        and gathered[-1].is_last
        and piece.start - gathered[-1].end < _FAR_APART
        and piece.end - gathered[0].start <= WINDOW_BASES
    )
