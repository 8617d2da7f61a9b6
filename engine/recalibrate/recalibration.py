"""Counting the reads of a BAM or CRAM file for recalibration: GATK's ``BaseRecalibrator``.

What is counted is specification section 16.1; the counts are whole numbers, so that threads, shards and files add up
to the same table in any order.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError, KnowledgeError, ReferenceMismatchError
from engine.parallel import in_order
from engine.progress import Progress
from engine.reads.bam_records import BamHeader, BamRecords
from engine.reads.records import Records
from engine.recalibrate.known_sites import NO_SITES, Sites, read_known_sites
from engine.recalibrate.read_groups import GroupIds, group_ids
from engine.recalibrate.table import MAXIMUM_CYCLE, QUALITIES, RecalibrationTable
from engine.reference.genome import Reference, open_reference

_LOG: Callable[[str], None] = logging.getLogger(__name__).info


def recalibrate(
    reads: Path,
    known_sites: Sequence[Path],
    fasta: Path,
    *,
    threads: int = 1,
    maximum_cycle: int = MAXIMUM_CYCLE,
    log: Callable[[str], None] = _LOG,
) -> RecalibrationTable:
    """Count bases and mismatches of all usable reads by covariate.

    Args:
        reads: coordinate-sorted BAM or CRAM, duplicates marked, with read groups.
        known_sites: VCF files, at least one: without them real variants would count as errors.
        fasta: the reference that the reads were aligned to.
        threads: threads that count; the table is the same for any number.
        maximum_cycle: reads longer than this are refused, as by GATK.
        log: takes the lines of progress.

    Raises:
        AlignmentFileError: damaged, truncated, not sorted, without read groups, or with too long a read.
        ReferenceMismatchError: the reads' or sites' contigs are not the reference's.
        KnowledgeError: known sites or reference are missing or damaged.
    """
    if not known_sites:
        raise KnowledgeError(
            "recalibration needs known sites", remedy="declare known_sites in the reference bundle, or leave it off"
        )
    records, reference = BamRecords(reads, fasta=fasta), open_reference(fasta)
    _require_same_contigs(reads, records.header, reference)
    sites = read_known_sites(known_sites, {contig.name: contig.length for contig in reference.contigs})
    units = tuple(sorted({group.unit for group in records.header.read_groups}))
    if not units:
        raise AlignmentFileError(
            "the header has no read groups", file=reads, remedy="add them (samtools addreplacerg) or align again"
        )
    counter = _Counter(reads, units, group_ids(records.header.read_groups, units), maximum_cycle)
    progress = Progress("counting for recalibration", unit="reads", log=log)
    batches = _by_contig(reads, records, reference, sites)
    for count in in_order(counter.count, batches, threads=threads):
        progress.advance(count)
    return counter.table()


@dataclass(frozen=True)
class _Batch:
    """Records of one contig with what they are compared with."""

    contig: str
    records: Records
    reference: NDArray[np.uint8]
    sites: Sites


class _Counter:
    """Counts batches on several threads, each into arrays of its own."""

    def __init__(self, reads: Path, units: tuple[str, ...], groups: GroupIds, maximum_cycle: int) -> None:
        self._file, self._units, self._groups, self._maximum_cycle = reads, units, groups, maximum_cycle
        self._own = threading.local()
        self._all: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def count(self, batch: _Batch) -> int:
        """Count one batch; the number of its records."""
        from engine.recalibrate.count_kernels import COUNTED, count_records

        by_cycle, by_context = self._arrays()
        outcome, row = count_records(
            batch.records.data,
            batch.records.offset,
            batch.reference,
            *batch.sites,
            self._groups.ids,
            self._groups.offset,
            self._groups.row,
            by_cycle,
            by_context,
        )
        if outcome != COUNTED:
            raise self._refused(batch, outcome, row)
        return len(batch.records)

    def table(self) -> RecalibrationTable:
        """The sum of what was counted; read groups without a base are left out, as by GATK."""
        by_cycle, by_context = self._new_arrays()
        for cycles, contexts in self._all:
            by_cycle += cycles
            by_context += contexts
        by_quality = by_cycle.sum(axis=2)
        seen = by_quality[:, :, 0].any(axis=1)
        units = tuple(unit for unit, has_bases in zip(self._units, seen, strict=True) if has_bases)
        return RecalibrationTable(units, by_cycle[seen], by_context[seen], by_quality[seen])

    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not hasattr(self._own, "arrays"):
            self._own.arrays = self._new_arrays()
            self._all.append(self._own.arrays)
        arrays: tuple[NDArray[np.int64], NDArray[np.int64]] = self._own.arrays
        return arrays

    def _new_arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        shape = len(self._units), QUALITIES
        return np.zeros((*shape, 2 * self._maximum_cycle + 1, 2), np.int64), np.zeros((*shape, 16, 2), np.int64)

    def _refused(self, batch: _Batch, outcome: int, row: int) -> AlignmentFileError:
        from engine.recalibrate import count_kernels as kernels

        data, at = batch.records.data, int(batch.records.offset[row])
        name = data[at + 36 : at + 35 + int(data[at + 12])].tobytes().decode("latin-1")
        problem, remedy = {
            kernels.CYCLE_TOO_LARGE: (
                f"read {name!r} is longer than the largest cycle, {self._maximum_cycle}",
                "raise the maximum cycle, or leave recalibration off for long reads",
            ),
            kernels.BEYOND_CONTIG: (
                f"read {name!r} is aligned beyond the end of its contig",
                "align the sample again to the reference in use",
            ),
            kernels.QUALITY_TOO_HIGH: (
                f"read {name!r} has a base quality above {QUALITIES - 1}",
                "make the BAM file again from the FASTQ files",
            ),
        }[outcome]
        start = int.from_bytes(data[at + 8 : at + 12].tobytes(), "little")
        return AlignmentFileError(problem, file=self._file, place=f"{batch.contig}:{start + 1:,}", remedy=remedy)


def _by_contig(reads: Path, records: BamRecords, reference: Reference, sites: Mapping[str, Sites]) -> Iterator[_Batch]:
    """Batches cut where the contig changes; reads without a place are left out."""
    from engine.reads.record_kernels import contig_of

    contigs = records.header.contigs
    last, sequence = -1, np.zeros(0, dtype=np.uint8)
    for batch in records.batches():
        for part in _runs(batch):
            contig = contig_of(part.data, part.offset[0])
            if contig < 0:
                return
            if contig < last or contig >= len(contigs):
                raise AlignmentFileError(
                    "the reads are not sorted by coordinate", file=reads, remedy="sort the file (samtools sort)"
                )
            name = contigs[contig][0]
            if contig > last:
                last, sequence = contig, _sequence(reference, name)
            yield _Batch(name, part, sequence, sites.get(name, NO_SITES))


def _runs(batch: Records) -> Iterator[Records]:
    """The batch cut into runs of records on one contig."""
    at = batch.offset[:-1]
    contig = sum(batch.data[at + 4 + byte].astype(np.int64) << 8 * byte for byte in range(4))
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(contig)) + 1, [len(at)]])
    for start, stop in pairwise(cuts):
        yield Records(batch.data, batch.offset[start : stop + 1])


def _sequence(reference: Reference, contig: str) -> NDArray[np.uint8]:
    """A contig's bases as codes."""
    codes = np.full(256, 4, dtype=np.uint8)
    for code, letters in enumerate((b"Aa", b"Cc", b"Gg", b"Tt")):
        codes[list(letters)] = code
    with reference.open() as fasta:
        return codes[np.frombuffer(fasta.fetch(contig).encode(), dtype=np.uint8)]


def _require_same_contigs(reads: Path, header: BamHeader, reference: Reference) -> None:
    lengths = {contig.name: contig.length for contig in reference.contigs}
    for name, length in header.contigs:
        if lengths.get(name) != length:
            known = f"has {lengths[name]:,} bases" if name in lengths else "is not there"
            raise ReferenceMismatchError(
                f"contig {name!r} has {length:,} bases in the reads' header, but in the reference it {known}",
                file=reads,
                remedy="use the reference that the reads were aligned to",
            )
