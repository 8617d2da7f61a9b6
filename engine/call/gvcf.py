"""What a gVCF says and covers: its records walked once, measured against the targets.

A record covers the bases of its REF, a reference block those up to its END. How a gVCF is written is the caller's
business, how it becomes variants that of :mod:`engine.genotype`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import VariantFileError
from engine.files.variant_lines import require_whole_by_index, variant_pieces
from engine.reference.intervals import Interval, join

CALLED_FROM = 20
"""Genotype quality (phred) from which a genotype, reference included, counts as called: one error in a hundred."""
_PIECE = 1 << 22
_LAST_PLACE = (1 << 31) - 1
"""Of any contig, as VCF counts."""
_QUALITY, _DEPTH, _LEAST_DEPTH = (np.frombuffer(key, np.uint8) for key in (b"GQ", b"DP", b"MIN_DP"))
_LENGTH = re.compile(rb"^##contig=<(?:[^\n]*,)?ID=([^,>\n]+),(?:[^\n]*,)?length=(\d{1,10})[,>]", re.MULTILINE)
SYMBOLIC_ALLELES = frozenset({".", "<NON_REF>", "<*>"})
"""What stands in ALT for "any allele not seen"; a record with nothing else is a reference block."""


Stretches = dict[str, list[tuple[int, int]]]
"""By contig, 0-based half-open, in order."""


@dataclass(frozen=True)
class GvcfMeasures:
    """How complete and how certain a gVCF is.

    Attributes:
        records: lines below the header.
        variant_records: those with a real alternate allele.
        reference_blocks: the others.
        target_bases: bases that were to be covered.
        uncovered_target_bases: target bases within no record.
        no_call_target_bases: target bases whose reference block has no reads or no genotype quality.
        mean_genotype_quality: mean GQ over the target bases, gaps counting 0; ``None`` without target bases.
        overlapping_blocks: reference blocks that reach over the record behind them, so that two records speak of one
            base: the later one is taken.
        first_overlapping_block: place of the first of them, ``contig:position`` (1-based); ``None`` without any.
    """

    records: int
    variant_records: int
    reference_blocks: int
    target_bases: int
    uncovered_target_bases: int
    no_call_target_bases: int
    mean_genotype_quality: float | None
    overlapping_blocks: int = 0
    first_overlapping_block: str | None = None

    @property
    def calls_nothing(self) -> bool:
        """No record tells of a base that was to be covered what it is."""
        return not self.variant_records and self.no_call_target_bases + self.uncovered_target_bases == self.target_bases


class GvcfColumns(NamedTuple):
    """Consecutive records of one contig, one row each, as far as coverage goes.

    Attributes:
        contig: CHROM.
        start: 0-based first base.
        end: one past the last base it speaks for.
        is_variant: it has a real alternate allele.
        genotype_quality: GQ, 0 where absent.
        depth: MIN_DP of a block, else DP; 0 where absent.
        alleles: in GT, 0 where it is not told.
        text: the lines that the rows were read from, and perhaps others.
        line: where in it each row's line begins.
    """

    contig: str
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    is_variant: NDArray[np.bool_]
    genotype_quality: NDArray[np.int64]
    depth: NDArray[np.int64]
    alleles: NDArray[np.int64]
    text: bytes
    line: NDArray[np.int64]

    def fields(self, row: int) -> list[str]:
        """The columns of one row's line."""
        begin = int(self.line[row])
        return self.text[begin : self.text.index(b"\n", begin)].decode().split("\t")


def is_called(gvcf: Path, at: Interval) -> bool:
    """Whether every base of an interval is called (:func:`called_stretches`).

    Raises:
        VariantFileError: the file is damaged or has no index.
    """
    stretches = called_stretches(gvcf, at).get(at.contig, [])
    return any(start <= at.start and at.end <= end for start, end in stretches)


def called_stretches(gvcf: Path, at: Interval | None = None) -> dict[str, list[tuple[int, int]]]:
    """By contig, where a gVCF has reads and genotype quality :data:`CALLED_FROM`: joined, 0-based half-open, in order.

    Args:
        gvcf: one sample's gVCF, sorted.
        at: only the records that overlap it, for which the file must have an index; all when absent.

    Raises:
        VariantFileError: the file is damaged, has no index, or a line is not VCF.
    """
    return called_and_haploid(gvcf, at)[0]


def called_and_haploid(gvcf: Path, at: Interval | None = None) -> tuple[Stretches, Stretches]:
    """What :func:`called_stretches` gives, and of it where the genotype has one allele, as on a man's X."""
    found = CalledStretches(gvcf)
    for columns in gvcf_columns(gvcf, at):
        found.add(columns)
    return found.called(may_be_empty=at is not None), found.haploid()


class CalledStretches:
    """What :func:`called_and_haploid` gives, gathered while records are walked for something else, too."""

    def __init__(self, gvcf: Path) -> None:
        self._gvcf, self._seen = gvcf, False
        self._called: Stretches = {}
        self._haploid: Stretches = {}

    def add(self, columns: GvcfColumns) -> None:
        """Take the next records of the file."""
        self._seen = True
        good = (columns.genotype_quality >= CALLED_FROM) & (columns.depth > 0)
        for found, wanted in ((self._called, good), (self._haploid, good & (columns.alleles == 1))):
            if wanted.any():
                found.setdefault(columns.contig, []).extend(_joined(columns.start[wanted], columns.end[wanted]))

    def called(self, *, may_be_empty: bool = False) -> Stretches:
        """Where the file calls; VariantFileError where it holds no record, unless it may."""
        if not self._seen and not may_be_empty:
            raise VariantFileError("the gVCF holds no record", file=self._gvcf, remedy="call the sample again")
        return {contig: join(stretches) for contig, stretches in self._called.items()}

    def haploid(self) -> Stretches:
        """Of that where the genotype has one allele."""
        return {contig: join(stretches) for contig, stretches in self._haploid.items()}


def _joined(start: NDArray[np.int64], end: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Records in order, those that touch as one."""
    reach = np.maximum.accumulate(end)
    begins = np.flatnonzero(np.concatenate([[True], start[1:] > reach[:-1]]))
    ends = np.append(begins[1:] - 1, len(reach) - 1)
    return zip(start[begins].tolist(), reach[ends].tolist(), strict=True)


def gvcf_columns(gvcf: Path, at: Interval | Sequence[Interval] | None = None) -> Iterator[GvcfColumns]:
    """Walk a gVCF of one sample, bgzip or plain, some thousand records at a time.

    Args:
        gvcf: the file, sorted.
        at: only the records that overlap it, or one of several in the order of the file, each record once; the file
            must have an index then. All when absent.

    Raises:
        VariantFileError: the file is damaged, has no index, or a line is not VCF.
    """
    from engine.call.gvcf_kernels import COLUMNS, read_lines

    lines_before, last = 0, ("", 0)
    contigs: set[str] = set()
    lengths: dict[str, int] = {}
    wanted = [at] if isinstance(at, Interval) else at
    if wanted is None:
        require_whole_by_index(gvcf)
    for text in variant_pieces(gvcf, _PIECE) if wanted is None else _lines_at(gvcf, wanted):
        data = np.frombuffer(text, np.uint8)
        if text.startswith(b"#"):
            lengths |= {found[1].decode(): int(found[2]) for found in _LENGTH.finditer(text)}
        lines = text.count(b"\n")
        rows = np.empty((lines, COLUMNS), np.int64)
        count, wrong = read_lines(data, _QUALITY, _DEPTH, _LEAST_DEPTH, rows)
        if wrong >= 0:
            raise VariantFileError(
                "this line is not a record of a gVCF with one sample",
                file=gvcf,
                place=f"line {lines_before + wrong + 1}",
                remedy="make the file again",
            )
        for columns in _by_contig(text, data, rows[:count]):
            _require_places(gvcf, columns, lengths.get(columns.contig, _LAST_PLACE))
            _require_order(gvcf, columns, last, contigs)
            contigs.add(columns.contig)
            last = columns.contig, int(columns.start[-1])
            yield columns
        lines_before += lines


def _require_places(gvcf: Path, columns: GvcfColumns, length: int) -> None:
    odd = np.flatnonzero((columns.start < 0) | (columns.end <= columns.start) | (columns.end > length))
    if odd.size:
        end = int(columns.end[odd[0]])
        problem = "the record does not end behind its start, or lies outside every contig"
        if length < end <= _LAST_PLACE:
            problem = f"the record ends at {end:,}, and {columns.contig} has {length:,} bases as the header says"
        raise VariantFileError(
            problem,
            file=gvcf,
            place=f"{columns.contig}:{columns.start[odd[0]] + 1:,}",
            remedy="make the file again",
        )


def _require_order(gvcf: Path, columns: GvcfColumns, last: tuple[str, int], contigs: Collection[str]) -> None:
    """Each contig comes once, and its records in order."""
    goes_on = columns.contig == last[0]
    start = np.concatenate([[last[1]], columns.start]) if goes_on else columns.start
    back = np.flatnonzero(np.diff(start) < 0) + 1
    if back.size or (columns.contig in contigs and not goes_on):
        raise VariantFileError(
            "the records are not sorted",
            file=gvcf,
            place=f"{columns.contig}:{start[back[0] if back.size else 0] + 1:,}",
            remedy="make the file again, or sort it (bcftools sort)",
        )


def _lines_at(gvcf: Path, wanted: Sequence[Interval]) -> Iterator[bytes]:
    """The lines that overlap intervals, by the file's index."""
    import pysam

    lines: dict[str, None] = {}
    try:
        with pysam.TabixFile(str(gvcf)) as indexed:
            contigs = set(indexed.contigs)
            for at in wanted:
                if at.contig in contigs:
                    lines |= dict.fromkeys(indexed.fetch(at.contig, at.start, at.end))
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the gVCF cannot be read: {error}", file=gvcf, remedy="call the sample again"
        ) from error
    if lines:
        yield "".join(f"{line}\n" for line in lines).encode()


def _by_contig(text: bytes, data: NDArray[np.uint8], rows: NDArray[np.int64]) -> Iterator[GvcfColumns]:
    from engine.call import gvcf_kernels as kernel

    begins = _contig_begins(data, rows[:, kernel.CONTIG], rows[:, kernel.CONTIG_LENGTH])
    for first, end in pairwise([*begins, len(rows)]):
        part = rows[first:end]
        place, length = part[0, kernel.CONTIG], part[0, kernel.CONTIG_LENGTH]
        yield GvcfColumns(
            text[place : place + length].decode(),
            part[:, kernel.START],
            part[:, kernel.END],
            part[:, kernel.IS_VARIANT].astype(np.bool_),
            part[:, kernel.QUALITY],
            part[:, kernel.DEPTH],
            part[:, kernel.ALLELES],
            text,
            part[:, kernel.CONTIG],
        )


def _contig_begins(data: NDArray[np.uint8], places: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[int]:
    """The rows whose contig is another one than that of the row before; every row is looked at."""
    same = lengths[1:] == lengths[:-1]
    for offset in range(int(lengths.max(initial=0))):
        letters = data[np.minimum(places + offset, data.size - 1)]
        same &= (letters[1:] == letters[:-1]) | (offset >= lengths[1:])
    return [0, *(np.flatnonzero(~same) + 1).tolist()] if len(places) else []


def measure_gvcf(gvcf: Path, targets: Sequence[Interval]) -> GvcfMeasures:
    """Count a gVCF's records and how much of the targets they cover.

    Where records overlap (a deletion and what lies beneath it) the first one counts.

    Args:
        gvcf: one sample's gVCF, sorted.
        targets: merged intervals in contig order.

    Raises:
        VariantFileError: the file is damaged.
    """
    by_contig: dict[str, list[Interval]] = {}
    for target in targets:
        by_contig.setdefault(target.contig, []).append(target)
    records = variants = covered = no_call = quality = 0
    contig, reached, overlaps = "", 0, BlockOverlaps()
    for columns in gvcf_columns(gvcf):
        if columns.contig != contig:
            contig, reached = columns.contig, 0
        overlaps.add(columns)
        records += len(columns.start)
        variants += int(columns.is_variant.sum())
        bases, reached = _covered_bases(columns, by_contig.get(contig, []), reached)
        covered += int(bases.sum())
        quality += int((bases * columns.genotype_quality).sum())
        uncalled = ~columns.is_variant & ((columns.depth == 0) | (columns.genotype_quality == 0))
        no_call += int(bases[uncalled].sum())
    total = sum(len(target) for target in targets)
    return GvcfMeasures(
        records=records,
        variant_records=variants,
        reference_blocks=records - variants,
        target_bases=total,
        uncovered_target_bases=total - covered,
        no_call_target_bases=no_call,
        mean_genotype_quality=quality / total if total else None,
        overlapping_blocks=overlaps.count,
        first_overlapping_block=overlaps.first,
    )


class BlockOverlaps:
    """Reference blocks that reach over the record behind them, found while a gVCF is walked.

    A block of one base before a record of the same POS is none: bcftools tells so of the base before an indel.

    Attributes:
        count: of such blocks.
        first: place of the first, ``contig:position`` (1-based); absent without any.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: str | None = None
        self._before: tuple[str, int, int] = ("", 0, 0)

    def add(self, columns: GvcfColumns) -> None:
        """Take the next records of the file."""
        contig, start, end = self._before
        if columns.contig == contig and end > (behind := int(columns.start[0])) and (end - start > 1 or behind > start):
            self._tell(contig, start, 1)
        starts, ends = columns.start[:-1], columns.end[:-1]
        over = ~columns.is_variant[:-1] & (ends > columns.start[1:])
        over &= (ends - starts > 1) | (columns.start[1:] > starts)
        if over.any():
            self._tell(columns.contig, int(starts[over][0]), int(over.sum()))
        last = (int(columns.start[-1]), int(columns.end[-1])) if not columns.is_variant[-1] else (0, 0)
        self._before = columns.contig, *last

    def _tell(self, contig: str, start: int, count: int) -> None:
        self.count += count
        self.first = self.first or f"{contig}:{start + 1:,}"


def _covered_bases(columns: GvcfColumns, targets: Sequence[Interval], reached: int) -> tuple[NDArray[np.int64], int]:
    """Target bases that each record is the first to cover, and how far the records reach."""
    before = np.maximum.accumulate(np.concatenate([[reached], columns.end]))
    start = np.maximum(columns.start, before[:-1])
    end = np.maximum(columns.end, start)
    starts = np.array([target.start for target in targets], np.int64)
    lengths = np.array([len(target) for target in targets], np.int64)
    sums = np.concatenate([[0], np.cumsum(lengths)])

    def bases_before(position: NDArray[np.int64]) -> NDArray[np.int64]:
        place = np.searchsorted(starts, position, side="right")
        inside = place - 1
        partial = np.where(place > 0, np.minimum(position - starts[inside], lengths[inside]), 0)
        return np.asarray(sums[np.maximum(inside, 0)] + partial)

    if not targets:
        return np.zeros(len(start), np.int64), int(before[-1])
    return bases_before(end) - bases_before(start), int(before[-1])
