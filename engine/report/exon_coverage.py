"""How well each exon of what was asked about was seen: its bases below 20x, below 10x and uncalled.

An exon is that of the transcript that speaks for its gene, of a coding one its coding part. Depth is the alignment's
(:mod:`engine.reads.low_coverage`), calls are the gVCF's; neither reads nor records are gone through again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from engine.annotate.gene_model import Transcript
from engine.columns import CONTIG
from engine.reads.low_coverage import LOW_DEPTHS, Stretches
from engine.receipt import Measure
from engine.reference.intervals import Interval
from engine.tables import Column, arrow_schema, read_rows

EXON_COLUMNS = (
    Column("gene", "VARCHAR", "Symbol of the gene", required=True),
    Column("transcript", "VARCHAR", "The transcript that speaks for the gene", required=True),
    Column(
        "exon", "INTEGER", "Number of the exon, from 1 in the transcript's direction", "exons", required=True, minimum=1
    ),
    CONTIG,
    Column(
        "start",
        "INTEGER",
        "First base that counts, 1-based; of a coding exon its coding part",
        "bases",
        required=True,
        minimum=1,
    ),
    Column("end", "INTEGER", "Last base that counts, 1-based", "bases", required=True, minimum=1),
    Column("bases", "INTEGER", "Bases that count", "bases", required=True, minimum=1),
    Column("targeted", "INTEGER", "Of these, bases that were to be called", "bases", required=True, minimum=0),
    Column("below_20x", "INTEGER", "Of the targeted, covered less than 20 times", "bases", required=True, minimum=0),
    Column("below_10x", "INTEGER", "Of the targeted, covered less than 10 times", "bases", required=True, minimum=0),
    Column("uncalled", "INTEGER", "Of the targeted, without a confident call", "bases", required=True, minimum=0),
)
MOST_EXONS = 12
"""Exons that a plot names, those with most uncalled bases first; the table has all."""


@dataclass(frozen=True)
class ExonCoverage:
    """One exon, as a row of :data:`EXON_COLUMNS`."""

    gene: str
    transcript: str
    exon: int
    contig: str
    start: int
    end: int
    bases: int
    targeted: int
    below_20x: int
    below_10x: int
    uncalled: int

    @property
    def name(self) -> str:
        """For people: ``PANK2 exon 3``."""
        return f"{self.gene} exon {self.exon}"


assert tuple(column.name for column in EXON_COLUMNS) == tuple(field.name for field in fields(ExonCoverage))


class Spans:
    """Intervals that do not overlap, to be asked how many bases of a stretch they hold.

    >>> spans = Spans([Interval("20", 10, 20), Interval("20", 30, 40)])
    >>> spans.bases_in("20", 15, 32), spans.bases_in("21", 15, 32)
    (7, 0)
    """

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self._spans: dict[str, tuple[list[int], list[int]]] = {}
        for interval in sorted(intervals):
            starts, ends = self._spans.setdefault(interval.contig, ([], []))
            starts.append(interval.start)
            ends.append(interval.end)

    def within(self, contig: str, start: int, end: int) -> Iterator[Interval]:
        """Their parts within a stretch, in order."""
        starts, ends = self._spans.get(contig, ([], []))
        for row in range(bisect_right(ends, start), bisect_left(starts, end)):
            yield Interval(contig, max(starts[row], start), min(ends[row], end))

    def bases_in(self, contig: str, start: int, end: int) -> int:
        """Bases of a stretch that they hold."""
        return sum(map(len, self.within(contig, start, end)))


def exon_coverage(
    transcripts: Sequence[Transcript],
    targets: Sequence[Interval],
    uncalled: Sequence[Interval],
    low: Mapping[str, Stretches],
) -> list[ExonCoverage]:
    """A row for each exon of these transcripts, in their order.

    Args:
        transcripts: those that speak for the genes asked about.
        targets: what was to be called of this person, merged.
        uncalled: parts of it without a confident call, merged.
        low: where the depth is low, by contig.
    """
    wanted, open_ = Spans(targets), Spans(uncalled)
    below = [_below(low, depth) for depth in range(len(LOW_DEPTHS))]

    def row(transcript: Transcript, number: int, start: int, end: int) -> ExonCoverage:
        parts = list(wanted.within(transcript.contig, start, end))
        below_10x, below_20x = (
            sum(spans.bases_in(part.contig, part.start, part.end) for part in parts) for spans in below
        )
        return ExonCoverage(
            transcript.gene,
            transcript.name,
            number,
            transcript.contig,
            start + 1,
            end,
            end - start,
            sum(map(len, parts)),
            below_20x,
            below_10x,
            open_.bases_in(transcript.contig, start, end),
        )

    return [row(one, *exon) for one in transcripts for exon in counted_exons(one)]


def counted_exons(transcript: Transcript) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of the exons that count, in the transcript's direction; 0-based half-open."""
    last = len(transcript.exons)
    first, end = transcript.coding or (transcript.start, transcript.end)
    exons = enumerate(transcript.exons, 1) if transcript.strand == 1 else _from_the_end(transcript.exons, last)
    for number, (exon_start, exon_end) in exons:
        if max(exon_start, first) < min(exon_end, end):
            yield number, max(exon_start, first), min(exon_end, end)


def _from_the_end(exons: Sequence[tuple[int, int]], last: int) -> Iterator[tuple[int, tuple[int, int]]]:
    return ((last - place, exons[place]) for place in range(last - 1, -1, -1))


def _below(low: Mapping[str, Stretches], bound: int) -> Spans:
    """Where the depth is below a bound of ``LOW_DEPTHS``; stretches of two kinds may touch, and hold no base twice."""
    return Spans(
        [
            Interval(contig, start, end)
            for contig, rows in low.items()
            for start, end, kind in rows.tolist()
            if kind <= bound
        ]
    )


def missed(rows: Sequence[ExonCoverage]) -> list[ExonCoverage]:
    """Exons of which a base was not called or lies below 20x, those with most uncalled bases first."""
    found = [row for row in rows if row.uncalled or row.below_20x]
    return sorted(found, key=lambda row: (-row.uncalled, -row.below_10x, -row.below_20x, row.gene, row.exon))


def write_exon_coverage(rows: Sequence[ExonCoverage], path: Path) -> dict[str, Measure]:
    """Write the table as Parquet; returns the measures for the receipt."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [column.name for column in EXON_COLUMNS]
    columns = zip(*map(astuple, rows), strict=True) if rows else ([] for _ in names)
    table = pa.table(dict(zip(names, map(list, columns), strict=True)), schema=arrow_schema(EXON_COLUMNS))
    pq.write_table(table, path, compression="zstd")
    return _measures(rows)


def read_exon_coverage(path: Path) -> list[ExonCoverage]:
    """What :func:`write_exon_coverage` wrote."""

    return [ExonCoverage(**row) for row in read_rows(path).to_pylist()]


def _measures(rows: Sequence[ExonCoverage]) -> dict[str, Measure]:
    told = missed(rows)
    sums: dict[str, Measure] = {
        f"{name}_bases": sum(getattr(row, name) for row in rows) for name in ("below_20x", "below_10x", "uncalled")
    }
    shown = told[:MOST_EXONS]
    series: dict[str, Measure] = {
        "missed_exon_names": [row.name for row in shown],
        "missed_exon_below_20x": [row.below_20x for row in shown],
        "missed_exon_uncalled": [row.uncalled for row in shown],
    }
    counts: dict[str, Measure] = {
        "genes": len({row.gene for row in rows}),
        "exons": len(rows),
        "exon_bases": sum(row.bases for row in rows),
        "bases_beyond_targets": sum(row.bases - row.targeted for row in rows),
        "missed_exons": len(told),
    }
    return counts | sums | series
