"""A file with recalibrated qualities in place of reported ones: GATK's ``ApplyBQSR``.

Our own caller needs no such file: it recalibrates reads as it decodes them (:mod:`.recalibrator`). The original
qualities are not kept in the file: they are in the one it was made from.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import AlignmentFileError
from engine.parallel import in_order
from engine.progress import Progress
from engine.reads.bam_records import BamRecords
from engine.reads.bam_writer import DEFAULT_LEVEL, write_bam
from engine.reads.records import Records
from engine.recalibrate.recalibrator import Recalibrator
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
    reads: Path,
    table: RecalibrationTable,
    output: Path,
    *,
    fasta: Path | None = None,
    threads: int = 1,
    level: int = DEFAULT_LEVEL,
    log: Callable[[str], None] = _LOG,
) -> RecalibratedReads:
    """Write a BAM file with recalibrated qualities, and its index.

    Args:
        reads: the BAM or CRAM file to recalibrate, coordinate-sorted.
        table: counted over this file, or over all files of the same read groups.
        output: the file to write; ``.bai`` goes beside it.
        fasta: the reference, needed for CRAM.
        threads: threads that recalibrate and compress; the bytes written are the same for any number.
        level: of compression, as in :func:`engine.files.bgzf.compress_block`.
        log: takes the lines of progress.

    Raises:
        AlignmentFileError: the file is damaged, truncated or not sorted, or has reads of a read group that the table
            does not know.
    """
    records = BamRecords(reads, fasta=fasta)
    recalibrator = Recalibrator(table, records.header.read_groups, reads)

    def recalibrated(batch: Records) -> Records:
        data = batch.data.copy()
        recalibrator.apply(data, batch.offset[:-1])
        return Records(data, batch.offset)

    progress = Progress("recalibrating", unit="reads", log=log)
    written = write_bam(
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
    return RecalibratedReads(written)


@contextmanager
def recalibrated_file(
    reads: Path, table: RecalibrationTable, fasta: Path, *, folder: Path, threads: int = 1
) -> Iterator[Path]:
    """A recalibrated copy for a program that cannot recalibrate by itself; it is gone when the program has done.

    Args:
        reads: coordinate-sorted BAM or CRAM.
        table: see :func:`apply_recalibration`.
        fasta: the reference.
        folder: where there is room for the copy, which is as large as the alignment.
        threads: threads that recalibrate.
    """
    with tempfile.TemporaryDirectory(prefix=".recalibrated-", dir=folder) as place:
        copy = Path(place, "recalibrated.bam")
        apply_recalibration(reads, table, copy, fasta=fasta, threads=threads)
        yield copy


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


def _with_program(text: str) -> str:
    """The header with a line for this step, after the programs before it; nothing in it differs from run to run."""
    lines = [line for line in text.split("\n") if line]
    programs = [line for line in lines if line.startswith("@PG\t")]
    ids = [field[3:] for line in programs for field in line.split("\t") if field.startswith("ID:")]
    number = sum(each == _PROGRAM or each.startswith(f"{_PROGRAM}.") for each in ids)
    name = f"{_PROGRAM}.{number}" if number else _PROGRAM
    previous = f"\tPP:{ids[-1]}" if ids else ""
    return "\n".join([*lines, f"@PG\tID:{name}\tPN:genomics-engine{previous}"]) + "\n"
