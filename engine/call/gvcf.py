"""What a gVCF says and covers: its records walked once, measured against the targets.

A record covers the bases of its REF, a reference block those up to its END. How a gVCF is written is the caller's
business, how it becomes variants that of :mod:`engine.genotype`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import VariantFileError
from engine.reference.intervals import Interval
from engine.variant_lines import variant_lines

SYMBOLIC_ALLELES = frozenset({".", "<NON_REF>", "<*>"})
"""What stands in ALT for "any allele not seen"; a record with nothing else is a reference block."""


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
    """

    records: int
    variant_records: int
    reference_blocks: int
    target_bases: int
    uncovered_target_bases: int
    no_call_target_bases: int
    mean_genotype_quality: float | None


@dataclass(frozen=True)
class GvcfRecord:
    """One line of a gVCF of one sample, as far as coverage goes.

    Attributes:
        contig: CHROM.
        start: 0-based first base.
        end: one past the last base it speaks for.
        is_variant: it has a real alternate allele.
        genotype_quality: GQ, 0 where absent.
        depth: MIN_DP of a block, else DP; 0 where absent.
    """

    contig: str
    start: int
    end: int
    is_variant: bool
    genotype_quality: int
    depth: int


def gvcf_records(gvcf: Path) -> Iterator[GvcfRecord]:
    """Walk a gVCF of one sample, bgzip or plain.

    Raises:
        VariantFileError: the file is damaged or a line is not VCF.
    """
    for number, line in enumerate(variant_lines(gvcf), start=1):
        if not line.startswith("#"):
            try:
                yield _parse(line)
            except (IndexError, ValueError):
                raise VariantFileError(
                    "this line is not a record of a gVCF with one sample",
                    file=gvcf,
                    place=f"line {number}",
                    remedy="make the file again",
                ) from None


def _parse(line: str) -> GvcfRecord:
    contig, position, _, ref, alt, _, _, info, keys, values = line.rstrip("\n").split("\t", 9)
    start = int(position) - 1
    end = start + len(ref)
    if info.startswith("END=") or ";END=" in info:
        end = int(info.partition("END=")[2].partition(";")[0])
    sample = dict(zip(keys.split(":"), values.split(":"), strict=False))
    depth = sample.get("MIN_DP", sample.get("DP", "0"))
    quality = sample.get("GQ", "0")
    is_variant = any(allele not in SYMBOLIC_ALLELES for allele in alt.split(","))
    return GvcfRecord(
        contig,
        start,
        end,
        is_variant,
        0 if quality == "." else int(quality),
        0 if depth == "." else int(depth),
    )


def measure_gvcf(gvcf: Path, targets: Sequence[Interval]) -> GvcfMeasures:
    """Count a gVCF's records and how much of the targets they cover.

    Where records overlap (a deletion and what lies beneath it) the first one counts.

    Args:
        gvcf: one sample's gVCF, sorted.
        targets: merged intervals in contig order.

    Raises:
        VariantFileError: the file is damaged.
    """
    return _measure(gvcf_records(gvcf), targets)


def _measure(records: Iterable[GvcfRecord], targets: Sequence[Interval]) -> GvcfMeasures:
    by_contig: dict[str, list[Interval]] = {}
    for target in targets:
        by_contig.setdefault(target.contig, []).append(target)
    counts = {True: 0, False: 0}
    covered = no_call = quality = 0
    contig, position, cursor = "", 0, 0
    wanted: list[Interval] = []
    for record in records:
        counts[record.is_variant] += 1
        if record.contig != contig:
            contig, position, cursor, wanted = record.contig, 0, 0, by_contig.get(record.contig, [])
        start = max(record.start, position)
        position = max(position, record.end)
        while cursor < len(wanted) and wanted[cursor].end <= start:
            cursor += 1
        bases = _overlap(start, record.end, wanted, cursor)
        covered += bases
        quality += bases * record.genotype_quality
        if not record.is_variant and (record.depth == 0 or record.genotype_quality == 0):
            no_call += bases
    total = sum(len(target) for target in targets)
    return GvcfMeasures(
        records=counts[True] + counts[False],
        variant_records=counts[True],
        reference_blocks=counts[False],
        target_bases=total,
        uncovered_target_bases=total - covered,
        no_call_target_bases=no_call,
        mean_genotype_quality=quality / total if total else None,
    )


def _overlap(start: int, end: int, wanted: Sequence[Interval], cursor: int) -> int:
    bases = 0
    while cursor < len(wanted) and wanted[cursor].start < end:
        bases += max(0, min(end, wanted[cursor].end) - max(start, wanted[cursor].start))
        cursor += 1
    return bases
