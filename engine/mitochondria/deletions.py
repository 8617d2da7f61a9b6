"""Large deletions of the circle, told by reads that go on elsewhere behind a gap (split alignments).

Source of the kind: single large deletions, such as the common one of 4,977 bases between repeats of 13, cause Kearns-
Sayre, Pearson and progressive external ophthalmoplegia syndromes (Moraes et al. 1989, doi:10.1056/NEJM198905183202001).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.mitochondria.circle import Circle
from engine.mitochondria.pileup import LEAST_MAPPING

if TYPE_CHECKING:
    import pysam

SMALLEST: Final = 50
"""Bases; smaller ones are called from the alignments themselves."""
_LEAST_READS: Final = 4
_LEAST_FRACTION: Final = 0.005
_NEAR: Final = 10
"""Junctions whose ends differ by at most so many bases are one."""
_ANCHOR: Final = 30
"""Bases on either side of a breakpoint below which an aligner clips and tells no second part."""
_LEFT_OUT: Final = 0x4 | 0x100 | 0x200 | 0x400 | 0x800


@dataclass(frozen=True)
class LargeDeletion:
    """Bases that are gone from some molecules.

    Attributes:
        start: 0-based first base that is gone, as far left as repeats allow.
        end: one past the last.
        reads: that go over the gap.
        intact: reads over either breakpoint without it, the mean of both.
    """

    start: int
    end: int
    reads: int
    intact: float

    @property
    def fraction(self) -> float:
        """Share of the molecules without these bases."""
        return self.reads / (self.reads + self.intact)


@dataclass(frozen=True)
class _Part:
    """One alignment of a part of a read: where in the read, as it lies on the reference, and where on the contig."""

    read_start: int
    read_end: int
    start: int
    end: int


def find_deletions(reads: Path, circle: Circle, *, fasta: Path | None = None) -> list[LargeDeletion]:
    """Deletions of :data:`SMALLEST` bases or more that do not go over the reference's cut.

    Args:
        reads: sorted, indexed BAM or CRAM of an aligner that tells of split alignments (tag ``SA``).
        circle: the contig.
        fasta: the reference, for CRAM.
    """
    import pysam

    junctions: dict[tuple[int, int], set[str]] = {}
    spans: list[tuple[int, int]] = []
    with pysam.AlignmentFile(
        str(reads), reference_filename=None if fasta is None else str(fasta), check_sq=False
    ) as file:
        for read in file.fetch(circle.name):
            if read.flag & _LEFT_OUT or read.mapping_quality < LEAST_MAPPING:
                continue
            junction = _junction(read, circle) if read.has_tag("SA") else _gap(read)
            if junction is None:
                spans.append((read.reference_start, read.reference_end or read.reference_start))
            else:
                junctions.setdefault(_leftmost(circle.bases, junction), set()).add(str(read.query_name))
    found = [
        LargeDeletion(start, end, count, _intact(spans, start, end)) for (start, end), count in _together(junctions)
    ]
    return [one for one in found if one.reads >= _LEAST_READS and one.fraction >= _LEAST_FRACTION]


def _gap(read: pysam.AlignedSegment) -> tuple[int, int] | None:
    """A deletion of that size within one alignment."""
    place = read.reference_start
    for operator, size in read.cigartuples or ():
        if operator in (2, 3) and size >= SMALLEST:
            return place, place + size
        place += size if operator in (0, 2, 3, 7, 8) else 0
    return None


def _junction(read: pysam.AlignedSegment, circle: Circle) -> tuple[int, int] | None:
    """The bases between two parts of a read on one strand, absent where they do not leave any out."""
    parts = [_part(read.cigartuples or [], read.reference_start)]
    for text in str(read.get_tag("SA")).rstrip(";").split(";"):
        contig, position, strand, cigar, quality, _ = text.split(",")
        if contig == circle.name and (strand == "-") == read.is_reverse and int(quality) >= LEAST_MAPPING:
            other = type(read)()
            other.cigarstring = cigar
            parts.append(_part(other.cigartuples or [], int(position) - 1))
    parts.sort(key=lambda part: part.read_start)
    for left, right in pairwise(parts):
        shared = max(0, left.read_end - right.read_start)  # a repeat that both parts hold
        start, end = left.end - shared, right.start
        if end - start >= SMALLEST and right.read_start - left.read_end <= _NEAR:
            return start, end
    return None


def _part(cigar: list[tuple[int, int]], start: int) -> _Part:
    read_start = cigar[0][1] if cigar and cigar[0][0] in (4, 5) else 0
    on_read = sum(size for operator, size in cigar if operator in (0, 1, 7, 8))
    on_contig = sum(size for operator, size in cigar if operator in (0, 2, 3, 7, 8))
    return _Part(read_start, read_start + on_read, start, start + on_contig)


def _leftmost(bases: str, junction: tuple[int, int]) -> tuple[int, int]:
    start, end = junction
    while start > 0 and bases[start - 1] == bases[end - 1]:
        start, end = start - 1, end - 1
    return start, end


def _together(junctions: dict[tuple[int, int], set[str]]) -> list[tuple[tuple[int, int], int]]:
    """Junctions near each other counted as the most frequent of them."""
    names: dict[tuple[int, int], set[str]] = {}
    frequency = Counter({place: len(reads) for place, reads in junctions.items()})
    for place, _ in frequency.most_common():
        near = next((one for one in names if all(abs(a - b) <= _NEAR for a, b in zip(one, place, strict=True))), place)
        names.setdefault(near, set()).update(junctions[place])
    return sorted((place, len(reads)) for place, reads in names.items())


def _intact(spans: list[tuple[int, int]], start: int, end: int) -> float:
    """Reads that go over a breakpoint as far as a read must to be told as split."""
    over = [sum(a <= place - _ANCHOR and place + _ANCHOR <= b for a, b in spans) for place in (start, end)]
    return sum(over) / 2
