"""Reads of a stretch of one contig, filtered and down-sampled, as columns for the kernels.

BAM with BAI is decoded from its blocks (:mod:`engine.reads.bam_index`, :mod:`engine.files.bgzf`,
:mod:`.decoding_kernels`); CRAM, and BAM with another index, goes through pysam, which costs four times the CPU for
the same reads. What the caller then does with reads (clipping, overlapping mates) is in :mod:`.finalization`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.reads import decoding_kernels as kernels
from engine.call.haplotype.reads.decoding_kernels import Naming
from engine.errors import AlignmentFileError
from engine.files.bgzf import READ_AHEAD, inflate_from
from engine.reads.bam_index import ContigIndex, read_index
from engine.reads.bam_records import read_groups
from engine.reads.cram import packed_bytes
from engine.recalibrate.recalibrator import Recalibrator
from engine.recalibrate.table import RecalibrationTable

_PACKED = "NACNGNNNTNNNNNNN"
_LETTERS = np.array([ord(_PACKED[byte >> shift & 15]) for byte in range(256) for shift in (4, 0)], np.uint8)


class DecodedReads(NamedTuple):
    """Reads with what only their order and pairing need.

    Attributes:
        columns: the reads in coordinate order; ``name`` counts templates from 0.
        naming: what orders templates by name.
        furthest: int64[n], largest end of this read and all before it.
    """

    columns: ReadColumns
    naming: Naming
    furthest: NDArray[np.int64]


class _Part(NamedTuple):
    """Reads of one batch of records, their templates not yet numbered."""

    columns: ReadColumns
    name_offset: NDArray[np.int64]
    names: NDArray[np.uint8]


@dataclass(frozen=True)
class WantedReads:
    """Which reads to fetch.

    Attributes:
        contig: the header's index of the contig.
        first: reads that end before it may be left out.
        stop: reads that start at or behind it are left out.
        starts: int64[w], sorted starts of disjoint intervals; reads that overlap none are left out.
        ends: int64[w], their ends.
    """

    contig: int
    first: int
    stop: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class ReadSource:
    """One open-for-calling BAM or CRAM file of one sample; safe to use from several threads.

    Args:
        path: coordinate-sorted BAM or CRAM with its index beside it.
        fasta: the reference, needed for CRAM.
        sample: the sample whose read groups count; all read groups when absent.
        reads_per_start: how many reads that start at one position are kept, 0 for all.
        recalibration: what base qualities are replaced by, absent where they stay.
        read_ahead: compressed bytes read at a time: less than the default where single places are looked up.

    Raises:
        AlignmentFileError: damaged, or without read groups.
    """

    def __init__(
        self,
        path: Path,
        *,
        fasta: Path,
        sample: str | None,
        reads_per_start: int,
        recalibration: RecalibrationTable | None = None,
        read_ahead: int = READ_AHEAD,
    ) -> None:
        import pysam

        self.path, self._fasta, self._reads_per_start = path, fasta, reads_per_start
        self._read_ahead = read_ahead
        try:
            with pysam.AlignmentFile(str(path), check_sq=False) as file:
                header: dict[str, Any] = file.header.to_dict()
                text = str(file.header)
                self.contig_names: tuple[str, ...] = tuple(file.references)
                self.contig_lengths: tuple[int, ...] = tuple(file.lengths)
                is_bam = file.is_bam
        except (OSError, ValueError) as error:
            raise AlignmentFileError(
                f"this is not a whole BAM or CRAM file ({error})",
                file=path,
                remedy="copy the file again and compare its checksum, or align the sample again",
            ) from error
        self.sample, self._groups, self._group_offset = _read_groups(path, header, sample)
        self.recalibrator = Recalibrator(recalibration, read_groups(text), path) if recalibration else None
        self._index: list[ContigIndex] | None = None
        beside = [path.with_name(path.name + ".bai"), path.with_suffix(".bai")]
        if is_bam:
            self._index = next((read_index(index) for index in beside if index.is_file()), None)

    def fetch(self, wanted: WantedReads) -> DecodedReads:
        """The reads asked for, in coordinate order.

        Raises:
            AlignmentFileError: the file is damaged or not sorted.
        """
        decoder = _Decoder(self, wanted)
        if self._index is None:
            region = self.contig_names[wanted.contig], wanted.first, wanted.stop
            return decoder.decode(packed_bytes(self.path, self._fasta, region))
        if wanted.contig >= len(self._index):
            return decoder.decode(iter(()))
        offset = self._index[wanted.contig].first_offset(wanted.first, wanted.stop)
        if offset is None:
            return decoder.decode(iter(()))
        return decoder.decode(inflate_from(self.path, offset, read_ahead=self._read_ahead))

    @property
    def read_groups(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Ids of the sample's read groups, concatenated, and their limits."""
        return self._groups, self._group_offset

    @property
    def reads_per_start(self) -> int:
        """How many reads that start at one position are kept, 0 for all."""
        return self._reads_per_start


def _read_groups(
    path: Path, header: dict[str, Any], sample: str | None
) -> tuple[str, NDArray[np.uint8], NDArray[np.int64]]:
    groups = [group for group in header.get("RG", []) if sample is None or group.get("SM") == sample]
    names = sorted({group.get("SM", "") for group in groups})
    if len(names) != 1 or not names[0]:
        found = "no read group of a sample" if not any(names) else f"several samples: {', '.join(names)}"
        raise AlignmentFileError(
            f"the header has {found}" + (f" {sample}" if sample else ""),
            file=path,
            remedy="add one sample's read groups (samtools addreplacerg -r ID:1 -r SM:name) or name the sample",
            sample=sample,
        )
    ids = [str(group["ID"]).encode() for group in groups]
    limits = np.concatenate([[0], np.cumsum([len(name) for name in ids])]).astype(np.int64)
    return names[0], np.frombuffer(b"".join(ids), np.uint8), limits


class _Decoder:
    """Takes batches of record bytes and gives columns; keeps what a batch leaves unfinished for the next."""

    def __init__(self, source: ReadSource, wanted: WantedReads) -> None:
        self._source, self._wanted = source, wanted
        self._state = np.zeros(kernels.STATE_SIZE, np.int64)
        self._state[kernels.GROUP_START] = -1
        self._slots = np.zeros(max(1, source.reads_per_start), np.int64)
        self._parts: list[_Part] = []

    def decode(self, batches: Iterator[NDArray[np.uint8]]) -> DecodedReads:
        data = np.zeros(0, np.uint8)
        begin = 0
        outcome = kernels.MORE
        for batch in batches:
            data = np.concatenate([data, batch]) if data.size else batch
            data, begin, outcome = self._scan(data, begin)
            if outcome != kernels.MORE:
                break
        if outcome == kernels.MORE:
            kept = self._state[kernels.GROUP_KEPT]
            self._take(data, self._slots[:kept].copy())
        return _joined(self._parts)

    def _scan(self, data: NDArray[np.uint8], begin: int) -> tuple[NDArray[np.uint8], int, int]:
        """Scan one batch; gives the bytes to put before the next one and where scanning goes on in them."""
        wanted, source = self._wanted, self._source
        accepted = np.empty(data.size // 36 + self._slots.size, np.int64)
        groups, group_offset = source.read_groups
        count, used, outcome = kernels.scan(
            data,
            begin,
            wanted.contig,
            source.contig_lengths[wanted.contig],
            wanted.stop,
            wanted.starts,
            wanted.ends,
            groups,
            group_offset,
            source.reads_per_start,
            self._state,
            self._slots,
            accepted,
        )
        if outcome in (kernels.UNSORTED, kernels.BROKEN):
            raise self._unfit(outcome)
        self._take(data, accepted[:count].copy())
        return *self._carry(data, used), outcome

    def _take(self, data: NDArray[np.uint8], records: NDArray[np.int64]) -> None:
        if not records.size:
            return
        if self._source.recalibrator:
            self._source.recalibrator.apply(data, records)  # in place: nothing else sees these bytes again
        self._parts.append(_decode_records(data, records))

    def _carry(self, data: NDArray[np.uint8], used: int) -> tuple[NDArray[np.uint8], int]:
        pieces = []
        length = 0
        for slot in range(self._state[kernels.GROUP_KEPT]):
            at = int(self._slots[slot])
            size = 4 + int.from_bytes(data[at : at + 4].tobytes(), "little")
            pieces.append(data[at : at + size])
            self._slots[slot] = length
            length += size
        return np.concatenate([*pieces, data[used:]]), length

    def _unfit(self, outcome: int) -> AlignmentFileError:
        contig = self._source.contig_names[self._wanted.contig]
        place = f"{contig}:{self._state[kernels.LAST_POSITION] + 1:,}"
        if outcome == kernels.UNSORTED:
            return AlignmentFileError(
                "a read starts before the one ahead of it",
                file=self._source.path,
                place=place,
                remedy="sort the file by coordinate and index it again",
            )
        return AlignmentFileError(
            "these bytes are no BAM record",
            file=self._source.path,
            place=place,
            remedy="copy the file again, or index it again if it changed since it was indexed",
        )


def _decode_records(data: NDArray[np.uint8], records: NDArray[np.int64]) -> _Part:
    bases, elements, names = kernels.measure(data, records)
    count = records.size
    columns = ReadColumns(
        start=np.empty(count, np.int64),
        end=np.empty(count, np.int64),
        flag=np.empty(count, np.uint16),
        mapq=np.empty(count, np.uint8),
        mate_start=np.empty(count, np.int64),
        mate_contig=np.empty(count, np.int32),
        template_length=np.empty(count, np.int32),
        name=np.empty(count, np.int32),
        base_offset=np.empty(count + 1, np.int64),
        bases=np.empty(bases, np.uint8),
        qualities=np.empty(bases, np.uint8),
        cigar_offset=np.empty(count + 1, np.int64),
        cigar=np.empty(elements, np.uint32),
    )
    part = _Part(columns, np.empty(count + 1, np.int64), np.empty(names, np.uint8))
    kernels.decode(data, records, _LETTERS, columns, part.name_offset, part.names)
    return part


def _joined(parts: list[_Part]) -> DecodedReads:
    if not parts:
        parts = [_decode_records(np.zeros(0, np.uint8), np.zeros(0, np.int64))]
    columns = ReadColumns(*(_joined_field(field, parts) for field in ReadColumns._fields))
    name_offset = _joined_offsets([part.name_offset for part in parts])
    names = np.concatenate([part.names for part in parts])
    template_row = np.empty(columns.name.size, np.int32)
    templates = kernels.number_templates(name_offset, names, columns.name, template_row)
    naming = Naming(name_offset, names, template_row[:templates], np.empty(templates, np.uint64))
    kernels.key_names(naming)
    return DecodedReads(columns, naming, np.maximum.accumulate(columns.end))


def _joined_field(field: str, parts: list[_Part]) -> NDArray[Any]:
    arrays = [getattr(part.columns, field) for part in parts]
    if field.endswith("_offset"):
        return _joined_offsets(arrays)
    return np.concatenate(arrays)


def _joined_offsets(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    ends = np.cumsum([0, *(int(part[-1]) for part in parts)])
    return np.concatenate([[0], *(part[1:] + end for part, end in zip(parts, ends, strict=False))]).astype(np.int64)
