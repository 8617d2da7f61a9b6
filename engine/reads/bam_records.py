"""A whole BAM or CRAM file as batches of packed records, in file order: header first, no record decoded.

For work that looks at every record once. Fetching a region for the caller is in
:mod:`engine.call.haplotype.reads.source`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import AlignmentFileError
from engine.files.bgzf import inflate_from
from engine.reads.cram import packed_bytes, packed_header
from engine.reads.file_end import require_end
from engine.reads.records import Records

_COPY_AGAIN = "copy the file again and compare its checksum, or align the sample again"


@dataclass(frozen=True)
class ReadGroup:
    """A read group of the header.

    Attributes:
        id: as in the reads' ``RG`` tags.
        unit: the platform unit, or the id where there is none: what GATK recalibrates by.
    """

    id: str
    unit: str


def read_groups(text: str) -> tuple[ReadGroup, ...]:
    """The read groups of a header's SAM lines, in their order."""
    groups = []
    for line in text.splitlines():
        if line.startswith("@RG\t"):
            fields = dict(field.split(":", 1) for field in line.split("\t")[1:] if ":" in field)
            groups.append(ReadGroup(fields.get("ID", ""), fields.get("PU") or fields.get("ID", "")))
    return tuple(groups)


@dataclass(frozen=True)
class BamHeader:
    """The header of a BAM file.

    Attributes:
        text: its SAM header lines.
        contigs: names and lengths in the file's order.
        dictionary: the binary list of contigs, as it stands in the file.
    """

    text: str
    contigs: tuple[tuple[str, int], ...]
    dictionary: bytes

    @property
    def read_groups(self) -> tuple[ReadGroup, ...]:
        """The read groups in the order of the header."""
        return read_groups(self.text)

    def packed(self, text: str) -> bytes:
        """The header's bytes with another text."""
        encoded = text.encode()
        return b"BAM\1" + struct.pack("<i", len(encoded)) + encoded + self.dictionary


class BamRecords:
    """One BAM or CRAM file, read from the beginning to the end.

    Args:
        path: the file.
        fasta: the reference, needed for CRAM.

    Raises:
        AlignmentFileError: the file is missing, neither BAM nor CRAM, or not complete (its end-of-file block or
            container is missing).
    """

    def __init__(self, path: Path, *, fasta: Path | None = None) -> None:
        self.path = path
        try:
            is_cram = _is_cram(path)
        except OSError as error:
            raise AlignmentFileError(
                f"the file cannot be read ({error.strerror})", file=path, remedy="check the path and who may read it"
            ) from error
        if is_cram and fasta is None:
            raise AlignmentFileError("a CRAM file is read with its reference", file=path, remedy="name the reference")
        self._is_bam = not is_cram
        self._blocks = _packed(path, fasta) if is_cram and fasta else inflate_from(path, 0)
        self.header, self._rest = self._read_header()

    def batches(self) -> Iterator[Records]:
        """All records in file order, some megabytes at a time; to be called once.

        Raises:
            AlignmentFileError: the file is damaged or ends within a record.
        """
        from engine.reads.record_limits import BROKEN, UNEQUAL, record_limits

        data, count = self._rest, 0
        for block in self._more():
            data = np.concatenate([data, block]) if data.size else block
            offset, outcome = record_limits(data)
            if outcome == BROKEN:
                raise self._damaged("these bytes are no BAM record", count + len(offset) - 1)
            if outcome == UNEQUAL:
                raise self._damaged("a read has more or fewer bases than its CIGAR tells", count + len(offset) - 1)
            if len(offset) > 1:
                yield Records(data[: offset[-1]], offset)
                count += len(offset) - 1
            data = data[offset[-1] :]
        if data.size:
            raise self._damaged("the file ends within a record", count)

    def complete_batches(self) -> Iterator[Records]:
        """As :meth:`batches`, and behind the last one it is judged whether reads are missing
        (:mod:`engine.reads.completeness`).

        Raises:
            AlignmentFileError: as :meth:`batches`, or reads are missing.
        """
        from engine.reads.completeness import Completeness

        if not self._is_bam:
            return self.batches()
        return Completeness(self.path, self.header.contigs).watch(self.batches())

    def _more(self) -> Iterator[NDArray[np.uint8]]:
        yield np.zeros(0, dtype=np.uint8)
        yield from self._blocks

    def _damaged(self, problem: str, after: int) -> AlignmentFileError:
        return AlignmentFileError(problem, file=self.path, place=f"after record {after:,}", remedy=_COPY_AGAIN)

    def _read_header(self) -> tuple[BamHeader, NDArray[np.uint8]]:
        data = b""
        for block in self._blocks:
            data += block.tobytes()
            try:
                header, used = _parse_header(data)
            except (struct.error, IndexError):
                continue
            except (ValueError, UnicodeDecodeError) as error:
                raise AlignmentFileError(
                    f"the BAM header is damaged ({error})", file=self.path, remedy=_COPY_AGAIN
                ) from None
            return header, np.frombuffer(data, dtype=np.uint8)[used:]
        raise AlignmentFileError("the file ends within the BAM header", file=self.path, remedy=_COPY_AGAIN)


def _packed(path: Path, fasta: Path) -> Iterator[NDArray[np.uint8]]:
    yield packed_header(path)
    yield from packed_bytes(path, fasta)


def _is_cram(path: Path) -> bool:
    """Whether a whole file is CRAM rather than BAM, as its beginning says."""
    with path.open("rb") as file:
        start = file.read(18)
    is_cram = start.startswith(b"CRAM")
    if not is_cram and not start.startswith(b"\x1f\x8b\x08\x04"):
        raise AlignmentFileError("this is neither BAM nor CRAM", file=path, remedy="give a BAM or CRAM file")
    require_end(path, "CRAM" if is_cram else "BAM")
    return is_cram


def _parse_header(data: bytes) -> tuple[BamHeader, int]:
    if data[:4] != b"BAM\1"[: len(data)]:
        raise ValueError("it does not begin with BAM")
    (length,) = struct.unpack_from("<i", data, 4)
    dictionary = 8 + length
    (count,) = struct.unpack_from("<i", data, dictionary)
    at, contigs = dictionary + 4, []
    for _ in range(count):
        (size,) = struct.unpack_from("<i", data, at)
        (bases,) = struct.unpack_from("<i", data, at + 4 + size)
        contigs.append((data[at + 4 : at + 3 + size].decode(), bases))
        at += 8 + size
    text = data[8:dictionary].rstrip(b"\0").decode()
    return BamHeader(text, tuple(contigs), data[dictionary:at]), at
