"""The reads at a finding's place, as a picture of them needs: which bases they carry, and for which allele they speak.

Values only; :mod:`engine.report.picture` draws them. Coordinates are 0-based half-open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import AlignmentFileError
from engine.report.wording import Finding

if TYPE_CHECKING:
    import pysam

MARGIN = 30
"""Bases shown on either side of the alleles."""
MOST_BASES = 121
"""Columns of a picture; of a longer allele its beginning is shown."""
MOST_READS = 40
"""Rows of a picture; of more reads an even choice is shown, and the picture says so."""
LEAST_MAPPING_QUALITY = 20
"""Reads below it are left out, as the caller leaves them out (GATK's MappingQualityReadFilter for HaplotypeCaller)."""
_FLANK = 10
Speaks = Literal["alternate", "reference", "neither"]
_ORDER: tuple[Speaks, ...] = ("alternate", "reference", "neither")


@dataclass(frozen=True)
class ShownRead:
    """One read within the window.

    Attributes:
        start: column of its first base, from 0.
        bases: one letter a column: ``=`` where it reads as the reference, ``-`` where it has none.
        insertions: column before which bases stand that the reference has not, and those bases.
        reverse: whether it is of the reverse strand.
        speaks: for which allele.
    """

    start: int
    bases: str
    insertions: tuple[tuple[int, str], ...]
    reverse: bool
    speaks: Speaks


@dataclass(frozen=True)
class Pileup:
    """The reads at a finding's place.

    Attributes:
        finding: its finding_id.
        contig: as the reference names it.
        start: first base of the window.
        reference: the window's bases.
        allele: columns of REF within the window, half-open.
        depth: reads that cover each column.
        alternate: reads that speak for the alternate allele, shown or not.
        total: reads that overlap the alleles, shown or not.
        reads: those shown, the ones for the alternate first, each by where it begins.
    """

    finding: str
    contig: str
    start: int
    reference: str
    allele: tuple[int, int]
    depth: tuple[int, ...]
    alternate: int
    total: int
    reads: tuple[ShownRead, ...]


def pileups(findings: Iterable[Finding], alignments: Path, fasta: Path) -> tuple[Pileup, ...]:
    """The reads at the place of every finding.

    Args:
        findings: rows of the findings table.
        alignments: BAM or CRAM of the same sample, with index.
        fasta: the reference, with index.

    Raises:
        AlignmentFileError: the reads cannot be read.
    """
    import pysam

    found = list(findings)
    if not found:
        return ()
    try:
        with ExitStack() as stack:
            bases = stack.enter_context(pysam.FastaFile(str(fasta)))
            reads = stack.enter_context(pysam.AlignmentFile(str(alignments), reference_filename=str(fasta)))
            return tuple(_pileup(finding, reads, bases) for finding in found)
    except (OSError, ValueError) as error:
        raise AlignmentFileError(
            f"the reads at the findings cannot be read: {error}", file=alignments, remedy="align the reads again"
        ) from error


@dataclass(frozen=True)
class _Window:
    start: int
    reference: str
    position: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        return self.start + len(self.reference)


def _pileup(finding: Finding, reads: pysam.AlignmentFile, bases: pysam.FastaFile) -> Pileup:
    contig, position, ref = str(finding["contig"]), int(finding["position"]) - 1, str(finding["ref"])
    start = max(position - MARGIN, 0)
    end = min(position + len(ref) + MARGIN, start + MOST_BASES)
    reference = bases.fetch(contig, start, end).upper()
    window = _Window(start, reference, position, ref, str(finding["alt"]))
    depth = [0] * len(reference)
    shown = []
    for read in reads.fetch(contig, start, window.end):
        if not _counts(read):
            continue
        one = _shown(read, window)
        for column, base in enumerate(one.bases, one.start):
            depth[column] += base != "-"
        if read.reference_start < position + len(ref) and (read.reference_end or 0) > position:
            shown.append(one)
    return Pileup(
        finding=str(finding["finding_id"]),
        contig=contig,
        start=start,
        reference=reference,
        allele=(position - start, min(position - start + len(ref), len(reference))),
        depth=tuple(depth),
        alternate=sum(one.speaks == "alternate" for one in shown),
        total=len(shown),
        reads=_chosen(shown),
    )


def _counts(read: Any) -> bool:
    dropped = read.is_unmapped or read.is_duplicate or read.is_secondary or read.is_supplementary or read.is_qcfail
    return not dropped and read.mapping_quality >= LEAST_MAPPING_QUALITY and read.query_sequence is not None


def _chosen(reads: Sequence[ShownRead]) -> tuple[ShownRead, ...]:
    """At most :data:`MOST_READS`, evenly of those that speak for each allele."""
    ordered = sorted(reads, key=lambda one: (_ORDER.index(one.speaks), one.start, -len(one.bases), one.bases))
    if len(ordered) <= MOST_READS:
        return tuple(ordered)
    return tuple(ordered[number * len(ordered) // MOST_READS] for number in range(MOST_READS))


def _shown(read: Any, window: _Window) -> ShownRead:
    """What of a read lies in the window."""
    columns, insertions = _columns(read, window)
    first = min(columns, default=0)
    last = max(columns, default=-1)
    bases = "".join(columns.get(column, "-") for column in range(first, last + 1))
    kept = tuple((column, inserted) for column, inserted in insertions if first < column <= last)
    return ShownRead(first, bases, kept, bool(read.is_reverse), _speaks(bases, first, kept, window))


def _columns(read: Any, window: _Window) -> tuple[dict[int, str], list[tuple[int, str]]]:
    """Bases by column of the window, and insertions by the column that follows them."""
    columns: dict[int, str] = {}
    insertions: list[tuple[int, str]] = []
    place, offset = read.reference_start, 0
    for operation, length in read.cigartuples or ():
        if operation in (0, 7, 8):
            for step in range(max(window.start - place, 0), min(window.end - place, length)):
                base = read.query_sequence[offset + step].upper()
                column = place + step - window.start
                columns[column] = "=" if base == window.reference[column] else base
        elif operation in (2, 3):
            for column in range(max(place - window.start, 0), min(place + length, window.end) - window.start):
                columns[column] = "-"
        elif operation == 1 and window.start < place < window.end:
            insertions.append((place - window.start, read.query_sequence[offset : offset + length].upper()))
        offset += length if operation in (0, 1, 4, 7, 8) else 0
        place += length if operation in (0, 2, 3, 7, 8) else 0
    return columns, insertions


def _speaks(bases: str, first: int, insertions: Sequence[tuple[int, str]], window: _Window) -> Speaks:
    """Whose sequence the read has around the alleles: compared over some flank, so that an indel's place matters not.

    A read that does not reach over both flanks is compared as far as it reaches, but not less than over the alleles.
    """
    at, end = window.position - window.start, window.position - window.start + len(window.ref)
    left, right = max(at - _FLANK, first), min(end + _FLANK, first + len(bases))
    if left > at or right < min(end, len(window.reference)):
        return "neither"
    inserted = dict(insertions)
    read = "".join(
        inserted.get(column, "") + _letter(bases[column - first], window.reference[column])
        for column in range(left, right)
    )
    before, after = window.reference[left:at], window.reference[end:right]
    distances = [_distance(read, before + allele + after) for allele in (window.alt, window.ref)]
    if distances[0] == distances[1]:
        return "neither"
    return "alternate" if distances[0] < distances[1] else "reference"


def _letter(base: str, reference: str) -> str:
    return reference if base == "=" else "" if base == "-" else base


def _distance(one: str, other: str) -> int:
    """Bases in which two sequences differ; far apart where their lengths do."""
    if len(one) != len(other):
        return max(len(one), len(other)) + abs(len(one) - len(other))
    return sum(left != right for left, right in zip(one, other, strict=True))
