"""Slices of alignments after GA4GH's htsget 1.3: which bytes of a BAM or CRAM file a client puts one after the other.

https://samtools.github.io/hts-specs/htsget.html. A slice is the header, what the index says of the region, and the mark
of the file's end. BAM: whole BGZF blocks by their place in the file; of a block that a chunk of the index shares with
others, the records of the chunk alone, packed again and sent along within the ticket. CRAM: whole containers. A slice
holds every record that overlaps the region, and may hold others beside it, which the specification leaves to the
client.

Coordinates are 0-based, half-open, as htsget has them.
"""

from __future__ import annotations

import gzip
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from isal import igzip_lib, isal_zlib

from engine.errors import AlignmentFileError, GenomicsError
from engine.files.bgzf import END_OF_FILE, block_size, compress_block
from engine.reads.bam_index import ContigIndex, read_index

VERSION: Final = "1.3.0"
Read = Callable[[int, int], bytes]
"""Bytes of a file: from where, and how many; fewer at its end."""
UNPLACED: Final = "*"
"""The name by which reads without a place are asked for."""
CRAM_END_BYTES: Final = 38
"""Length of the container that ends a CRAM 3 file (CRAM specification 9)."""
_NEAR: Final = 1 << 16
"""Bytes between two chunks that are rather sent along than left out by a request of their own."""
_LEVEL: Final = 4
_LONGEST_BLOCK: Final = 1 << 16


class HtsgetError(GenomicsError):
    """A slice that there is none of.

    Attributes:
        kind: of the specification's kinds: ``InvalidInput``, ``InvalidRange``, ``NotFound``, ``UnsupportedFormat``.
    """

    def __init__(self, kind: str, problem: str, *, remedy: str) -> None:
        super().__init__(problem, remedy=remedy)
        self.kind = kind


@dataclass(frozen=True)
class Asked:
    """What a client asks for.

    Attributes:
        reference: name of a contig, :data:`UNPLACED`, or empty for everything.
        start: first base, absent where from the beginning.
        end: behind the last base, absent where to the end.
        header_only: whether the header alone is wanted.
    """

    reference: str = ""
    start: int | None = None
    end: int | None = None
    header_only: bool = False

    @classmethod
    def of(cls, reference: str | None, start: int | None, end: int | None, wanted: str | None) -> Asked:
        """From the parameters of an address.

        Raises:
            HtsgetError: they are not as the specification has them.
        """
        remedy = "ask for class=header, or for referenceName with start and end, 0-based and half-open"
        if wanted not in (None, "", "header"):
            raise HtsgetError("InvalidInput", f"there is no class {wanted!r}", remedy=remedy)
        if (start is not None or end is not None) and reference in (None, "", UNPLACED):
            raise HtsgetError("InvalidInput", "start and end are given without the name of a contig", remedy=remedy)
        if min(start or 0, end or 0) < 0 or (end is not None and (start or 0) > end):
            raise HtsgetError("InvalidRange", f"the region ends at {end} before it begins at {start}", remedy=remedy)
        if wanted and reference:
            raise HtsgetError("InvalidInput", "the header is of no region", remedy=remedy)
        return cls(reference or "", start, end, bool(wanted))

    @property
    def is_all(self) -> bool:
        """Whether the whole file is asked for."""
        return not self.reference and not self.header_only


@dataclass(frozen=True)
class Part:
    """What the client puts behind the parts before.

    Attributes:
        part: of which part of the file it is.
        start: first byte in the file.
        end: behind its last byte; as ``start`` where the bytes are sent along.
        content: the bytes, where they are sent along.
    """

    part: Literal["header", "body"]
    start: int = 0
    end: int = 0
    content: bytes = b""


def bam_slice(read: Read, size: int, index: Path, *asked: Asked) -> list[Part]:
    """The parts of a BAM file.

    Args:
        read: its bytes.
        size: of the file, bytes.
        index: its BAI or CSI.
        asked: what of it: the header, or regions, which are given in the file's order, each record once.

    Raises:
        HtsgetError: the header names no such contig.
        AlignmentFileError: the file or its index is damaged.
    """
    header = _BamHeader.read(read)
    parts = [*header.parts(read)]
    regions = [one for one in asked if not one.header_only]
    if regions:
        indexes, end = read_index(index), size - len(END_OF_FILE)
        chunks = _joined([chunk for one in regions for chunk in _chunks(indexes, header, end, one)], _NEAR << 16)
        parts += [part for begin, end in chunks for part in _blocks(read, begin, end)]
    return [*parts, Part(parts[-1].part, content=END_OF_FILE)]


def cram_slice(read: Read, size: int, index: bytes, contigs: Sequence[str], *asked: Asked) -> list[Part]:
    """The parts of a CRAM 3 file.

    Args:
        read: its bytes.
        size: of the file, bytes.
        index: its CRAI, as it is.
        contigs: names in the order of its header.
        asked: what of it, as of :func:`bam_slice`.

    Raises:
        HtsgetError: there is no such contig.
        AlignmentFileError: the index is damaged.
    """
    containers = _containers(index)
    last = size - CRAM_END_BYTES
    begins = sorted({one.begin for one in containers})
    ends = dict(zip(begins, [*begins[1:], last], strict=True)) if begins else {}
    parts = [Part("header", 0, begins[0] if begins else last)]
    wanted: set[int] = set()
    for region in (one for one in asked if not one.header_only):
        number = _number(contigs, region.reference)
        wanted |= {one.begin for one in containers if one.overlaps(number, region.start or 0, region.end)}
    spans = _joined([(begin, ends[begin]) for begin in wanted], 0)
    parts += [Part("body", begin, end) for begin, end in spans]
    return [*parts, Part(parts[-1].part, content=read(last, CRAM_END_BYTES))]


def cram_contigs(read: Read, size: int, index: bytes) -> list[str]:
    """Names of a CRAM 3 file's contigs in the order of its header, of which alone bytes are read."""
    import pysam

    header = cram_slice(read, size, index, (), Asked(header_only=True))
    with tempfile.NamedTemporaryFile(suffix=".cram") as file:
        file.write(b"".join(one.content or read(one.start, one.end - one.start) for one in header))
        file.flush()
        with pysam.AlignmentFile(file.name, "rc", check_sq=False) as reader:
            return list(reader.references)


@dataclass(frozen=True)
class _BamHeader:
    """The header of a BAM file (SAM specification 4.2).

    Attributes:
        contigs: names in order.
        block: where in the file the block begins in which the header ends.
        within: how many bytes of it, uncompressed, are the header's.
    """

    contigs: tuple[str, ...]
    block: int
    within: int

    @classmethod
    def read(cls, read: Read) -> _BamHeader:
        """From a file's first blocks, as many as it takes."""
        content = bytearray()
        position = 0
        while True:
            size, inflated = _block(read, position)
            content += inflated
            told = _parsed(content)
            if told is not None:
                contigs, length = told
                within = length - (len(content) - len(inflated))
                return cls(contigs, position + size if within == len(inflated) else position, within % len(inflated))
            position += size

    def parts(self, read: Read) -> Iterator[Part]:
        """The header's blocks, the last one cut where reads begin."""
        if self.block:
            yield Part("header", 0, self.block)
        if self.within:
            yield Part("header", content=_packed(_block(read, self.block)[1][: self.within]))


def _parsed(content: bytearray) -> tuple[tuple[str, ...], int] | None:
    """Names of contigs and length of the header; absent where there is more of it."""
    if len(content) >= 4 and content[:4] != b"BAM\1":
        raise _damaged("begins with no header of BAM")
    try:
        (text,) = struct.unpack_from("<i", content, 4)
        position = 12 + text
        (count,) = struct.unpack_from("<i", content, 8 + text)
        names = []
        for _ in range(count):
            (length,) = struct.unpack_from("<i", content, position)
            names.append(content[position + 4 : position + 3 + length].decode())
            position += 8 + length
    except struct.error:
        return None
    return (tuple(names), position) if position <= len(content) else None


def _chunks(index: Sequence[ContigIndex], header: _BamHeader, end: int, asked: Asked) -> list[tuple[int, int]]:
    """Virtual offsets of what is asked for, begin and end, in a file whose records end there."""
    if asked.reference == UNPLACED:  # they lie behind all others
        ends = [int(one.chunk_end.max()) for one in index if one.chunk_end.size]
        return [(max(ends, default=header.block << 16 | header.within), end << 16)]
    contig = index[_number(header.contigs, asked.reference)]
    start, last = asked.start or 0, contig.longest if asked.end is None else min(asked.end, contig.longest)
    return contig.chunks(start, last) if start < contig.longest else []


def _number(contigs: Sequence[str], name: str) -> int:
    if name == UNPLACED:
        return -1
    if name not in contigs:
        remedy = f"name one of its {len(contigs)} contigs, such as {contigs[0]}" if contigs else "ask for the header"
        raise HtsgetError("NotFound", f"the file has no contig {name[:50]!r}", remedy=remedy)
    return contigs.index(name)


def _joined(spans: Sequence[tuple[int, int]], near: int) -> list[tuple[int, int]]:
    """Spans in order, those that overlap or lie near each other made one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1] + near:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _blocks(read: Read, begin: int, end: int) -> Iterator[Part]:
    """A chunk between two virtual offsets: whole blocks by their place, shared ones packed again."""
    block, within = begin >> 16, begin & 0xFFFF
    last, rest = end >> 16, end & 0xFFFF
    if within:
        size, inflated = _block(read, block)
        stop = rest if block == last else len(inflated)
        yield Part("body", content=_packed(inflated[within:stop]))
        block += size
    if block < last:
        yield Part("body", block, last)
    if rest and block <= last:
        yield Part("body", content=_packed(_block(read, last)[1][:rest]))


def _block(read: Read, at: int) -> tuple[int, bytes]:
    """Compressed length and content of the block that begins there."""
    data = read(at, _LONGEST_BLOCK)
    size = block_size(data, 0)
    if size is None or size > len(data):
        raise _damaged(f"has no whole block at byte {at:,}")
    try:
        content = isal_zlib.decompress(data[18 : size - 8], wbits=-15, bufsize=_LONGEST_BLOCK)
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # the stub declares an instance, not the class
        raise _damaged(f"has a damaged block at byte {at:,}") from error
    return size, content


def _packed(content: bytes) -> bytes:
    return compress_block(content, _LEVEL) if content else b""


@dataclass(frozen=True)
class _Container:
    """A line of a CRAI (CRAM specification 12).

    Attributes:
        contig: number of it, -1 for reads without a place.
        start: first base, 0-based.
        end: behind the last base.
        begin: first byte of the container.
    """

    contig: int
    start: int
    end: int
    begin: int

    def overlaps(self, contig: int, start: int, end: int | None) -> bool:
        """Whether the container may hold reads of a region."""
        if contig < 0 or self.contig != contig:
            return self.contig == contig
        return self.end > start and (end is None or self.start < max(end, start + 1))


def _containers(index: bytes) -> list[_Container]:
    try:
        text = gzip.decompress(index) if index[:2] == b"\x1f\x8b" else index
        rows = [[int(told) for told in line.split(b"\t")[:4]] for line in text.splitlines()]
        return [_Container(contig, start - 1, start - 1 + span, begin) for contig, start, span, begin in rows]
    except (ValueError, OSError, EOFError) as error:
        raise AlignmentFileError("the CRAM index is damaged", remedy="index the file again (samtools index)") from error


def _damaged(what: str) -> AlignmentFileError:
    return AlignmentFileError(f"the BAM file {what}", remedy="copy the file again, or align the sample again")
