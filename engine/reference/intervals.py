"""Intervals on the reference: read from BED or from ``chr:start-end``, merged, measured and cut into shards.

What is computed over intervals (coverage, calls) lives with its own stage. Coordinates are 0-based half-open.

>>> parse_region("chr20:1,001-2,000", {"chr20": 10_000})
Interval(contig='chr20', start=1000, end=2000)
>>> [len(shard) for shard in shards([Interval("chr20", 0, 2_500)], size=1_000)]
[1, 1, 1]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.files.text import text_lines

SHARD_SIZE = 1_000_000
_REGION = re.compile(r"(?P<contig>.+?):(?P<start>[0-9][0-9,]*)(?:-(?P<end>[0-9][0-9,]*))?")


@dataclass(frozen=True, order=True)
class Interval:
    """A stretch of one contig.

    Attributes:
        contig: name as in the FASTA.
        start: 0-based first base.
        end: one past the last base.
    """

    contig: str
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def region(self) -> str:
        """As samtools and bcftools write it: 1-based, both ends included."""
        return f"{self.contig}:{self.start + 1}-{self.end}"


def parse_region(text: str, contig_lengths: Mapping[str, int]) -> Interval:
    """Read ``contig``, ``contig:start`` or ``contig:start-end`` (1-based, ends included, commas allowed).

    Raises:
        ReferenceMismatchError: the contig is not in the reference, or the region is not on it.
    """
    match = None if text in contig_lengths else _REGION.fullmatch(text)
    contig = match["contig"] if match else text
    if contig not in contig_lengths:
        known = ", ".join(list(contig_lengths)[:5])
        raise ReferenceMismatchError(
            f"region {text!r} names a contig that the reference does not have",
            remedy=f"write it as contig:start-end with one of the reference's contigs ({known}, ...)",
        )
    length = contig_lengths[contig]
    if match is None:
        return Interval(contig, 0, length)
    start = int(match["start"].replace(",", "")) - 1
    end = int(match["end"].replace(",", "")) if match["end"] else length
    if not 0 <= start < end <= length:
        raise ReferenceMismatchError(
            f"region {text!r} is not within {contig}, which has {length:,} bases",
            remedy="give a start of at least 1 and an end that is not before it or beyond the contig",
        )
    return Interval(contig, start, end)


def read_bed(bed: Path, contig_lengths: Mapping[str, int]) -> list[Interval]:
    """Read a BED file, plain, gzip or bgzip, as sorted intervals that neither touch nor overlap.

    Raises:
        KnowledgeError: the file is missing or damaged, a line is not BED, or there is no interval.
        ReferenceMismatchError: an interval lies outside the reference.
    """
    intervals = merge(_bed_intervals(bed, text_lines(bed, may_have_mark=True), contig_lengths), contig_lengths)
    if not intervals:
        raise KnowledgeError("the BED file has no interval", file=bed, remedy="give a BED with intervals, or none")
    return intervals


def _bed_intervals(bed: Path, lines: Iterable[str], contig_lengths: Mapping[str, int]) -> Iterator[Interval]:
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields or fields[0].startswith("#") or fields[0] in {"track", "browser"}:
            continue
        place = f"line {number}"
        try:
            interval = Interval(fields[0], _place(fields[1]), _place(fields[2]))
        except (IndexError, ValueError):
            raise KnowledgeError(
                "this line is not BED",
                file=bed,
                place=place,
                remedy="give contig, 0-based start and end, separated by tabs",
            ) from None
        if interval.contig not in contig_lengths:
            raise ReferenceMismatchError(
                f"the reference has no contig {interval.contig!r}",
                file=bed,
                place=place,
                remedy="use a BED made for this reference, with its contig names",
            )
        if not 0 <= interval.start <= interval.end <= contig_lengths[interval.contig]:
            raise ReferenceMismatchError(
                f"{interval.start}-{interval.end} is not within {interval.contig}, "
                f"which has {contig_lengths[interval.contig]:,} bases",
                file=bed,
                place=place,
                remedy="use a BED made for this reference",
            )
        if not len(interval):
            raise KnowledgeError(
                f"the interval at {interval.start} holds no base",
                file=bed,
                place=place,
                remedy=f"BED counts from 0, the end excluded: base {max(interval.start, 1)} alone is"
                f" {max(interval.start, 1) - 1} to {max(interval.start, 1)}",
            )
        yield interval


def _place(text: str) -> int:
    """A coordinate in plain digits; ``int`` takes 1_0 for ten, and digits of any script."""
    if not re.fullmatch("-?[0-9]+", text):
        raise ValueError(text)
    return int(text)


def merge(intervals: Iterable[Interval], contig_lengths: Mapping[str, int]) -> list[Interval]:
    """Sort intervals in the reference's contig order and join those that touch or overlap."""
    rank = {contig: place for place, contig in enumerate(contig_lengths)}
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda each: (rank[each.contig], each.start, each.end)):
        if merged and merged[-1].contig == interval.contig and interval.start <= merged[-1].end:
            merged[-1] = Interval(interval.contig, merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def join(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches of one contig in order, those that touch or overlap as one.

    >>> join([(5, 7), (1, 2), (2, 4), (6, 9)])
    [(1, 4), (5, 9)]
    """
    joined: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def intersect(first: Sequence[Interval], second: Sequence[Interval]) -> list[Interval]:
    """What two merged lists share, in the order of the first."""
    by_contig: dict[str, list[Interval]] = {}
    for interval in second:
        by_contig.setdefault(interval.contig, []).append(interval)
    shared = []
    for interval in first:
        for other in by_contig.get(interval.contig, ()):
            start, end = max(interval.start, other.start), min(interval.end, other.end)
            if start < end:
                shared.append(Interval(interval.contig, start, end))
    return shared


def select_intervals(
    contig_lengths: Mapping[str, int], *, targets: Path | None = None, region: str | None = None
) -> list[Interval]:
    """The intervals to work on: targets, a region, what both share, or the whole reference.

    Raises:
        KnowledgeError: the BED file is missing, damaged, or leaves nothing to work on.
        ReferenceMismatchError: targets or region lie outside the reference.
    """
    whole = [Interval(contig, 0, length) for contig, length in contig_lengths.items() if length]
    chosen = whole if region is None else [parse_region(region, contig_lengths)]
    if targets is not None:
        chosen = intersect(chosen, read_bed(targets, contig_lengths))
        if not chosen:
            raise KnowledgeError(
                "no target lies within the region asked for" if region else "the BED file has no interval",
                file=targets,
                remedy="check that targets and region belong together",
            )
    return chosen


def shards(intervals: Sequence[Interval], size: int = SHARD_SIZE) -> list[list[Interval]]:
    """Cut merged intervals into lists for separate work, each within one window of ``size`` bases.

    Windows start at multiples of ``size`` on each contig, so where a cut falls depends on the coordinates alone:
    not on the number of threads, nor on what else is called.
    """
    groups: list[list[Interval]] = []
    window = ("", -1)
    for interval in intervals:
        start = interval.start
        while start < interval.end:
            end = min(interval.end, (start // size + 1) * size)
            if (interval.contig, start // size) != window:
                window = (interval.contig, start // size)
                groups.append([])
            groups[-1].append(Interval(interval.contig, start, end))
            start = end
    return groups


def write_bed(intervals: Iterable[Interval], bed: Path) -> None:
    """Write intervals as three-column BED."""
    bed.write_text("".join(f"{each.contig}\t{each.start}\t{each.end}\n" for each in intervals))
