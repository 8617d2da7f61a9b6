"""Recalibrated qualities in place of reported ones: in a BAM file, or in reads on their way to the caller.

GATK's ``ApplyBQSR``: every read is changed, whatever its flags; qualities below 6 stay. The original qualities are
not kept in the file: they are in the BAM file it was made from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.errors import AlignmentFileError
from engine.parallel import in_order
from engine.progress import Progress
from engine.reads.bam_records import BamRecords
from engine.reads.bam_writer import DEFAULT_LEVEL, write_bam
from engine.reads.records import Records
from engine.recalibrate.recalibration import group_ids, recalibrate
from engine.recalibrate.report import write_report
from engine.recalibrate.table import RecalibrationTable

_LOG: Callable[[str], None] = logging.getLogger(__name__).info
_PROGRAM = "recalibrate"


@dataclass(frozen=True)
class RecalibratedReads:
    """What was written.

    Attributes:
        reads: records.
    """

    reads: int


def apply_recalibration(
    bam: Path,
    table: RecalibrationTable,
    output: Path,
    *,
    threads: int = 1,
    level: int = DEFAULT_LEVEL,
    log: Callable[[str], None] = _LOG,
) -> RecalibratedReads:
    """Write a BAM file with recalibrated qualities, and its index.

    Args:
        bam: the file to recalibrate, coordinate-sorted.
        table: counted over this file, or over all files of the same read groups.
        output: the file to write; ``.bai`` goes beside it.
        threads: threads that recalibrate and compress; the bytes written are the same for any number.
        level: of compression, as in :func:`engine.reads.bgzf.compress_block`.
        log: takes the lines of progress.

    Raises:
        AlignmentFileError: the file is damaged, truncated or not sorted, or has reads of a read group that the table
            does not know.
    """
    records = BamRecords(bam)
    groups = group_ids(records.header, table.read_groups)
    corrections = table.corrections

    def recalibrated(batch: Records) -> Records:
        from engine.recalibrate.apply_kernels import APPLIED, recalibrate_records

        data = batch.data.copy()
        outcome, row = recalibrate_records(
            data,
            batch.offset,
            groups.ids,
            groups.offset,
            groups.row,
            corrections.quality,
            corrections.context_shift,
            corrections.cycle_shift,
        )
        if outcome != APPLIED:
            raise _refused(bam, batch, outcome, row, table)
        return Records(data, batch.offset)

    progress = Progress("recalibrating", unit="reads", log=log)
    reads = write_bam(
        output,
        records.header.packed(_with_program(records.header.text)),
        [length for _, length in records.header.contigs],
        in_order(recalibrated, _sorted_batches(records), threads=threads),
        level=level,
        threads=threads,
        index=output.with_name(f"{output.name}.bai"),
        measure=len,
        collect=progress.advance,
    )
    return RecalibratedReads(reads)


def recalibrate_file(
    bam: Path,
    known_sites: Path | None,
    fasta: Path,
    *,
    output: Path,
    report: Path,
    threads: int = 1,
    log: Callable[[str], None] = _LOG,
) -> RecalibratedReads:
    """Count and apply in one go: the profile ``gatk-best-practices``.

    Args:
        bam: coordinate-sorted, duplicates marked, with read groups.
        known_sites: VCF of common variants.
        fasta: the reference.
        output: the recalibrated BAM; its index is written beside it.
        report: GATK's recalibration report, from which and the reads the output can be made again.
        threads: of both passes.
        log: takes the lines of progress.

    Raises:
        KnowledgeError: there are no known sites.
        AlignmentFileError: see :func:`~engine.recalibrate.recalibration.recalibrate`.
    """
    table = recalibrate(bam, [known_sites] if known_sites else [], fasta, threads=threads, log=log)
    write_report(table, report)
    return apply_recalibration(bam, table, output, threads=threads, log=log)


def _sorted_batches(records: BamRecords) -> Iterator[Records]:
    """The batches, as long as they are in coordinate order."""
    from engine.reads.record_kernels import sort_keys

    last = 0
    for batch in records.batches():
        places = np.concatenate([[last], sort_keys(batch.data, batch.offset) >> 1])
        if (np.diff(places) < 0).any():
            raise AlignmentFileError(
                "the reads are not sorted by coordinate", file=records.path, remedy="sort the file (samtools sort)"
            )
        last = int(places[-1])
        yield batch


def recalibrated_qualities(
    reads: ReadColumns, group: NDArray[np.int32], table: RecalibrationTable
) -> NDArray[np.uint8]:
    """The recalibrated qualities of whole, unclipped reads, in the layout of ``reads.qualities``.

    Args:
        reads: reads as stored in their file.
        group: int32[n], row of each read's group in the table.
        table: the table.

    Raises:
        AlignmentFileError: a read's group is -1, or a read is longer than the largest cycle.
    """
    from engine.recalibrate.apply_kernels import APPLIED, UNKNOWN_GROUP, recalibrate_columns

    qualities, corrections = reads.qualities.copy(), table.corrections
    outcome, row = recalibrate_columns(
        reads.flag,
        group,
        reads.base_offset,
        reads.bases,
        qualities,
        _base_codes(),
        corrections.quality,
        corrections.context_shift,
        corrections.cycle_shift,
    )
    if outcome != APPLIED:
        problem, remedy = _unknown_group(table) if outcome == UNKNOWN_GROUP else _too_long(table)
        raise AlignmentFileError(f"read {row + 1:,} {problem}", remedy=remedy)
    return qualities


def _base_codes() -> NDArray[np.uint8]:
    codes = np.full(256, 4, dtype=np.uint8)
    codes[list(b"ACGT")] = range(4)
    return codes


def _unknown_group(table: RecalibrationTable) -> tuple[str, str]:
    known = ", ".join(table.read_groups) or "none"
    return f"is of no read group that the table knows ({known})", "make the table from this file"


def _too_long(table: RecalibrationTable) -> tuple[str, str]:
    return (
        f"is longer than the largest cycle, {table.maximum_cycle}",
        "make the table with a larger maximum cycle, or leave recalibration off for long reads",
    )


def _refused(bam: Path, batch: Records, outcome: int, row: int, table: RecalibrationTable) -> AlignmentFileError:
    from engine.recalibrate.apply_kernels import UNKNOWN_GROUP

    at = int(batch.offset[row])
    name = batch.data[at + 36 : at + 35 + int(batch.data[at + 12])].tobytes().decode("latin-1")
    problem, remedy = _unknown_group(table) if outcome == UNKNOWN_GROUP else _too_long(table)
    return AlignmentFileError(f"read {name!r} {problem}", file=bam, remedy=remedy)


def _with_program(text: str) -> str:
    """The header with a line for this step, after the programs before it; nothing in it differs from run to run."""
    lines = [line for line in text.split("\n") if line]
    programs = [line for line in lines if line.startswith("@PG\t")]
    ids = [field[3:] for line in programs for field in line.split("\t") if field.startswith("ID:")]
    number = sum(each == _PROGRAM or each.startswith(f"{_PROGRAM}.") for each in ids)
    name = f"{_PROGRAM}.{number}" if number else _PROGRAM
    previous = f"\tPP:{ids[-1]}" if ids else ""
    return "\n".join([*lines, f"@PG\tID:{name}\tPN:genomics-engine{previous}"]) + "\n"
