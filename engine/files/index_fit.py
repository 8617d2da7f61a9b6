"""Whether an index beside a BGZF file is of that file: one of an earlier version leads readers astray without a word.

An index names places in the file by virtual offsets (SAM specification 5): where a block begins, and a byte within it.
In the file it was made from, the last of them is where the records end. Formats: SAM specification 5.2 (BAI), 5.3 (CSI)
and "The Tabix index file format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import GenomicsError
from engine.files.bgzf import END_OF_FILE, block_size
from engine.files.compressed import VerifiedFile

_INDEX_SUFFIXES = (".bai", ".tbi", ".csi", ".crai")
_CLOCK_SECONDS = 2
"""An index written beside its file may have a time stamp that much older: clocks and copies are not exact."""


@dataclass(frozen=True)
class IndexFacts:
    """What an index says of its file as a whole.

    Attributes:
        first: virtual offset of the first record it knows, absent where it knows none.
        last: virtual offset behind the last one.
        records: by contig number, how many lie on it, mapped or with a mapped mate; absent where it does not tell.
        unplaced: records without a place behind all others; absent where it does not tell.
    """

    first: int | None
    last: int
    records: dict[int, int] | None
    unplaced: int | None


def index_beside(path: Path) -> Path | None:
    """The index of a BAM, CRAM, VCF or other BGZF file, under either of the usual names; absent where there is none."""
    beside = [path.with_name(path.name + suffix) for suffix in _INDEX_SUFFIXES]
    replaced = [path.with_suffix(suffix) for suffix in (".bai", ".crai")]
    return next((index for index in [*beside, *replaced] if index.is_file()), None)


def require_index_fits(path: Path, *, error: type[GenomicsError], may_be_older: bool = False) -> IndexFacts | None:
    """Compare a BGZF file with the index beside it; gives what the index says, nothing where there is none.

    Of a CRAM file and its index only the time stamps are compared.

    Args:
        path: of the file.
        error: the type of error to raise.
        may_be_older: whether time stamps are left alone, as where the file is read through and not looked up.

    Raises:
        GenomicsError: of the type given: the index is damaged, older than the file, or of another file.
    """
    index = index_beside(path)
    if index is None:
        return None
    remedy = "if the file is whole, index it again (samtools index, tabix -f); else copy the file again"
    if not may_be_older and index.stat().st_mtime < path.stat().st_mtime - _CLOCK_SECONDS:
        raise error(f"its index {index.name} is older than the file", file=path, remedy=remedy)
    if index.suffix == ".crai":
        return None
    facts = read_index_facts(index, error=error)
    if not _fits(path, facts):
        raise error(
            f"its index {index.name} is of another file: this one was replaced, cut or damaged after it was indexed",
            file=path,
            remedy=remedy,
        )
    return facts


def _fits(path: Path, facts: IndexFacts) -> bool:
    with path.open("rb") as file:

        def block(at: int) -> tuple[int, int]:
            """Where the block that begins there ends, and its uncompressed bytes; 0 where none begins."""
            file.seek(at)
            length = block_size(file.read(18), 0)
            if length is None:
                return 0, 0
            file.seek(at + length - 4)
            return at + length, int.from_bytes(file.read(4), "little")

        size = path.stat().st_size
        end = size - len(END_OF_FILE)
        if facts.first is not None and not block(facts.first >> 16)[0]:
            return False
        begin, within = facts.last >> 16, facts.last & 0xFFFF
        if facts.last == size << 16:  # as samtools had it that read the end-of-file block, too
            return True
        if begin > end or (behind := block(begin))[0] == 0 or within > behind[1]:
            return False
        if facts.unplaced is None or facts.unplaced:
            return True
        return begin == end or (behind[0] == end and within == behind[1]) or facts.first is None


def read_index_facts(index: Path, *, error: type[GenomicsError]) -> IndexFacts:
    """Read a BAI, TBI or CSI.

    Raises:
        GenomicsError: of the type given: the file is none of them, or damaged.
    """
    with VerifiedFile(index, error=error) as file:
        data = b"".join(file.pieces())
    try:
        return _parsed(data)
    except (struct.error, ValueError) as trouble:
        raise error("the index is damaged", file=index, remedy="delete it and index the file again") from trouble


def _parsed(data: bytes) -> IndexFacts:
    magic = data[:4]
    depth, position = 5, 4
    if magic == b"TBI\1":
        position += 32 + struct.unpack_from("<i", data, 32)[0]
        (contigs,) = struct.unpack_from("<i", data, 4)
    elif magic == b"CSI\1":
        _, depth, auxiliary = struct.unpack_from("<3i", data, 4)
        position = 16 + auxiliary
        (contigs,) = struct.unpack_from("<i", data, position)
        position += 4
    elif magic == b"BAI\1":
        (contigs,) = struct.unpack_from("<i", data, 4)
        position = 8
    else:
        raise ValueError("no index")
    first: int | None = None
    last, counts = 0, dict[int, int]()
    metadata = (8 ** (depth + 1) - 1) // 7 + 1
    reader = _Bins(data, position, csi=magic == b"CSI\1")
    for contig in range(contigs):
        for number, offsets in reader.bins():
            if number == metadata:
                counts[contig] = int(offsets[1].sum())
            elif len(offsets):
                low = int(offsets[:, 0].min())
                first, last = low if first is None else min(first, low), max(last, int(offsets[:, 1].max()))
        if magic != b"CSI\1":
            reader.skip_linear()
    unplaced = reader.unplaced()
    # A text file has no records without a place, and tabix says nothing of them.
    return IndexFacts(first, last, counts or None, 0 if magic == b"TBI\1" else unplaced)


class _Bins:
    """The bins of an index, contig by contig."""

    def __init__(self, data: bytes, position: int, *, csi: bool) -> None:
        self._data, self._position, self._csi = data, position, csi

    def bins(self) -> Iterator[tuple[int, np.ndarray[tuple[int, ...], np.dtype[np.uint64]]]]:
        """Number and chunks, uint64[chunks, 2], of each bin of the next contig."""
        for _ in range(self._integer()):
            number = self._integer()
            self._position += 8 if self._csi else 0
            count = self._integer()
            offsets = np.frombuffer(self._data, "<u8", 2 * count, self._position).reshape(count, 2)
            self._position += 16 * count
            yield number, offsets

    def skip_linear(self) -> None:
        """Pass over the linear index of a contig."""
        self._position += 4 + 8 * struct.unpack_from("<i", self._data, self._position)[0]

    def unplaced(self) -> int | None:
        """What the end of the index says of records without a place."""
        rest = self._data[self._position :]
        return int.from_bytes(rest[:8], "little") if len(rest) >= 8 else None

    def _integer(self) -> int:
        (value,) = struct.unpack_from("<I", self._data, self._position)
        self._position += 4
        return int(value)
