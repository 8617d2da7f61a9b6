"""MarkDuplicates' rules once more, slowly and with pysam, as a second opinion on the kernels."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

import pysam


@dataclass
class End:
    """One primary mapped read as the rules see it."""

    read: pysam.AlignedSegment
    place: int
    library: str
    paired: bool

    @property
    def five_prime(self) -> int:
        """Unclipped 5' end, 0-based."""
        cigar = self.read.cigartuples or []
        if self.read.is_reverse:
            clips = itertools.takewhile(lambda part: part[0] in (4, 5), reversed(cigar))
            return int(self.read.reference_end or 0) - 1 + sum(length for _, length in clips)
        clips = itertools.takewhile(lambda part: part[0] in (4, 5), cigar)
        return int(self.read.reference_start) - sum(length for _, length in clips)

    @property
    def key(self) -> tuple[str, int, int, bool]:
        return self.library, self.read.reference_id, self.five_prime, self.read.is_reverse

    @property
    def score(self) -> int:
        total = min(sum(q for q in self.read.query_qualities or () if q >= 15), 16383)
        return total - 16384 if self.read.is_qcfail else total

    @property
    def location(self) -> tuple[int, int, int]:
        fields = str(self.read.query_name).split(":")
        if len(fields) not in (5, 7) or not all(field.isdigit() for field in fields[-3:]):
            return -1, -1, -1
        tile, x, y = ((int(field) + 32768) % 65536 - 32768 for field in fields[-3:])
        return tile, x, y


def duplicates(reads: list[pysam.AlignedSegment], libraries: dict[str, str]) -> tuple[set[int], int]:
    """Places (in coordinate order) of the reads that are duplicates, and how many pairs are optical ones."""
    ends = [
        End(read, place, libraries[str(read.get_tag("RG"))], read.is_paired and not read.mate_is_unmapped)
        for place, read in enumerate(reads)
        if not (read.is_unmapped or read.is_secondary or read.is_supplementary)
    ]
    pairs, open_ends = [], {}
    for end in ends:
        name = (end.read.get_tag("RG"), end.read.query_name)
        if end.paired and name in open_ends:
            pairs.append((open_ends.pop(name), end))
        elif end.paired:
            open_ends[name] = end
    marked: set[int] = set()
    optical = 0
    sets = defaultdict(list)
    for first, second in pairs:
        low, high = sorted((first, second), key=lambda end: (end.key[:3], end.place))
        strands = (low.read.is_reverse, high.read.is_reverse)
        if low.key[:3] == high.key[:3] and strands == (True, False):
            strands = (False, True)
        sets[low.key[:3], high.key[:3], strands].append((low, high))
    for members in sets.values():
        kept = min(members, key=lambda m: (-(m[0].score + m[1].score), m[0].location, m[0].place, m[1].place))
        marked |= {end.place for member in members if member is not kept for end in member}
        optical += _optical(members)
    lone = defaultdict(list)
    for end in ends:
        lone[end.key].append(end)
    for together in lone.values():
        single = [end for end in together if not end.paired]
        if len(single) < len(together):
            marked |= {end.place for end in single}
        elif single:
            kept_end = min(single, key=lambda end: (-end.score, end.location, end.place))
            marked |= {end.place for end in single if end is not kept_end}
    return marked, optical


def _optical(members: list[tuple[End, End]], distance: int = 100) -> int:
    groups: list[list[tuple[End, End]]] = []
    for member in members:
        if member[0].location[0] == -1:
            continue
        near = [group for group in groups if any(_near(member, other, distance) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([member, *itertools.chain(*near)])
    return sum(len(group) - 1 for group in groups)


def _near(one: tuple[End, End], other: tuple[End, End], distance: int) -> bool:
    def strands(pair: tuple[End, End]) -> tuple[bool, bool]:
        first, second = sorted(pair, key=lambda end: end.read.is_read2)
        return first.read.is_reverse, second.read.is_reverse

    (tile, x, y), (other_tile, other_x, other_y) = one[0].location, other[0].location
    return (
        strands(one) == strands(other)
        and one[0].read.get_tag("RG") == other[0].read.get_tag("RG")
        and tile == other_tile
        and abs(x - other_x) <= distance
        and abs(y - other_y) <= distance
    )
