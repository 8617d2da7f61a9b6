"""Reading FASTQ files: plain, gzip or BGZF bytes in, columns of reads out, batch by batch in bounded memory.

Here belongs what one needs to trust the bytes of a FASTQ file and to keep two of them in step. What the reads say
(their quality, their sample) is measured and judged elsewhere.

Every record has four lines. Names lose their comment and a ``/1`` or ``/2`` at the end. Lower-case and IUPAC bases
are passed on as they are; Windows line ends and empty lines at the very end are accepted.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     read1, read2 = Path(folder, "R1.fastq"), Path(folder, "R2.fastq")
...     _ = read1.write_text("@pair7/1\\nACGT\\n+\\nIIII\\n")
...     _ = read2.write_text("@pair7/2\\nGGG\\n+\\nII#\\n")
...     for pairs in read_pairs(read1, read2):
...         print(pairs.first, len(pairs), pairs.read1.name(0), pairs.read2.sequence(0), pairs.read2.phred(0))
0 1 pair7 GGG [40 40  2]
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from isal.igzip_lib import IsalError
from numpy.typing import NDArray

from engine.errors import FastqError
from engine.reads import fastq_kernels as kernels

BATCH_BASES = 10_000_000
"""Bases of a batch, both mates together: as ``bwa mem -K 10000000``."""

_BLOCK = 4 << 20
_LONGEST_RECORD = 256 << 20
_COPY_AGAIN = "copy the file again from the sequencer and compare its md5"
_OTHER_FORMATS = {
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"PK\x03\x04": "zip",
    b"CRAM": "CRAM",
    b"\xfd7zXZ": "xz",
}

_PROBLEMS = {
    kernels.NO_AT_SIGN: (1, "a record must begin with '@'"),
    kernels.NO_NAME: (1, "a record has no read name"),
    kernels.BAD_BASE: (2, "the line of bases holds a letter that is not a base"),
    kernels.NO_PLUS: (3, "the third line of a record must begin with '+'"),
    kernels.LENGTHS_DIFFER: (4, "a read has more or fewer qualities than bases"),
    kernels.BAD_QUALITY: (4, "a quality is outside the range '!' to '~' (0 to 93)"),
}


@dataclass(frozen=True)
class Reads:
    """Reads of one FASTQ file in columns, one row a read, in file order.

    Attributes:
        name_offset: int64[n + 1], row limits in ``names``.
        names: uint8[], ASCII, without comment and mate number.
        mate: uint8[n], 1 or 2 as the file's own header line says, 0 where it does not.
        base_offset: int64[n + 1], row limits in ``bases`` and ``qualities``.
        bases: uint8[], ASCII as in the file.
        qualities: uint8[], phred, not offset.
    """

    name_offset: NDArray[np.int64]
    names: NDArray[np.uint8]
    mate: NDArray[np.uint8]
    base_offset: NDArray[np.int64]
    bases: NDArray[np.uint8]
    qualities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.mate)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64[n], bases of each read."""
        return np.diff(self.base_offset)

    def name(self, row: int) -> str:
        """The name of one read."""
        return bytes(self.names[self.name_offset[row] : self.name_offset[row + 1]]).decode("latin-1")

    def sequence(self, row: int) -> str:
        """The bases of one read."""
        return bytes(self.bases[self.base_offset[row] : self.base_offset[row + 1]]).decode("ascii")

    def phred(self, row: int) -> NDArray[np.uint8]:
        """The qualities of one read."""
        return self.qualities[self.base_offset[row] : self.base_offset[row + 1]]

    def rows(self, start: int, stop: int) -> Reads:
        """Rows ``[start, stop)``, sharing the letters with these."""
        name_offset = self.name_offset[start : stop + 1]
        base_offset = self.base_offset[start : stop + 1]
        return Reads(
            name_offset - name_offset[0],
            self.names[name_offset[0] : name_offset[-1]],
            self.mate[start:stop],
            base_offset - base_offset[0],
            self.bases[base_offset[0] : base_offset[-1]],
            self.qualities[base_offset[0] : base_offset[-1]],
        )


@dataclass(frozen=True)
class PairBatch:
    """Pairs of reads in file order; row ``i`` of both is one pair, and their names are equal.

    Attributes:
        first: how many pairs of this pair of files came before.
        read1: the first reads.
        read2: the second reads.
    """

    first: int
    read1: Reads
    read2: Reads

    def __len__(self) -> int:
        return len(self.read1)


def read_fastq(path: Path, *, batch_bases: int = BATCH_BASES) -> Iterator[Reads]:
    """The reads of one file, in batches that end with the read that fills ``batch_bases``.

    Raises:
        FastqError: the file is missing, empty, truncated, damaged or malformed.
    """
    with _FastqFile(path) as file:
        while True:
            file.fill(batch_bases)
            count = _rows_up_to(file.waiting.lengths, batch_bases)
            if count == 0:
                return
            yield file.take(count)


def read_pairs(read1: Path, read2: Path, *, batch_bases: int = BATCH_BASES) -> Iterator[PairBatch]:
    """The pairs of two files in step; a batch ends with the pair that fills ``batch_bases``, as in ``bwa mem -K``.

    Raises:
        FastqError: as :func:`read_fastq`, or the files are out of step: names differ, or one ends earlier.
    """
    first = 0
    with _FastqFile(read1) as file1, _FastqFile(read2) as file2:
        while True:
            pairs = _fill_both(file1, file2, batch_bases)
            _check_names(file1, file2, pairs)
            if pairs == 0:
                _check_ends(file1, file2)
                return
            lengths = file1.waiting.lengths[:pairs] + file2.waiting.lengths[:pairs]
            count = _rows_up_to(lengths, batch_bases)
            yield PairBatch(first, file1.take(count), file2.take(count))
            first += count


def _fill_both(file1: _FastqFile, file2: _FastqFile, batch_bases: int) -> int:
    """Read on until a batch of pairs is waiting or a file has ended; the number of pairs waiting."""
    while True:
        pairs = min(len(file1.waiting), len(file2.waiting))
        if file1.waiting.base_offset[pairs] + file2.waiting.base_offset[pairs] >= batch_bases:
            return pairs
        behind = file1 if len(file1.waiting) <= len(file2.waiting) else file2
        if not behind.read_more():
            return pairs


def _rows_up_to(lengths: NDArray[np.int64], batch_bases: int) -> int:
    """Rows of a batch: the first that together hold ``batch_bases``, or all."""
    return min(int(np.searchsorted(np.cumsum(lengths), batch_bases)) + 1, len(lengths))


def _check_names(file1: _FastqFile, file2: _FastqFile, pairs: int) -> None:
    reads1, reads2 = file1.waiting, file2.waiting
    row = kernels.first_different_name(reads1.name_offset, reads1.names, reads2.name_offset, reads2.names, pairs)
    if row >= 0:
        raise FastqError(
            f"read {reads2.name(row)!r} stands where its mate file {file1.path.name} has {reads1.name(row)!r}",
            file=file2.path,
            place=f"read {file2.taken + row + 1:,}",
            remedy="give the two files of one lane, both complete and in the order the sequencer wrote them",
        )


def _check_ends(file1: _FastqFile, file2: _FastqFile) -> None:
    shorter, longer = (file1, file2) if len(file2.waiting) else (file2, file1)
    if not len(longer.waiting):
        return
    missing = longer.count_rest()
    raise FastqError(
        f"the file ends {missing:,} {'read' if missing == 1 else 'reads'} before its mate file {longer.path.name}",
        file=shorter.path,
        place=f"read {shorter.taken:,}",
        remedy=_COPY_AGAIN,
    )


class _FastqFile:
    """One open FASTQ file and the reads found in it that nobody has taken yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken = 0
        self.waiting = _no_reads()
        self._stream = _open(path)
        self._block = np.empty(_BLOCK, dtype=np.uint8)
        self._filled = 0
        self._found = 0
        self._ended = False

    def __enter__(self) -> _FastqFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def take(self, count: int) -> Reads:
        """The next ``count`` waiting reads."""
        taken, self.waiting = self.waiting.rows(0, count), self.waiting.rows(count, len(self.waiting))
        self.taken += count
        return taken

    def fill(self, bases: int) -> None:
        """Read until so many bases are waiting or the file ends."""
        while self.waiting.base_offset[-1] < bases and self.read_more():
            pass

    def count_rest(self) -> int:
        """How many reads are left, waiting or unread."""
        rest = len(self.waiting)
        self.waiting = _no_reads()
        while self.read_more():
            rest += len(self.waiting)
            self.waiting = _no_reads()
        return rest

    def read_more(self) -> bool:
        """Read one more block; False when there was nothing more."""
        while not self._ended:
            self._read_block()
            reads = self._parse_block()
            if len(reads):
                self._found += len(reads)
                self.waiting = _join(self.waiting, reads)
                return True
        if self._found == 0:
            self._fail("the file holds no reads", None, "give the file that the sequencer wrote, or leave the lane out")
        return False

    def _read_block(self) -> None:
        if self._filled == len(self._block):
            if self._filled >= _LONGEST_RECORD:
                self._fail("a record does not end within 256 MB", self._found, "check that this is a FASTQ file")
            self._block = np.concatenate([self._block, np.empty_like(self._block)])
        try:
            count = self._stream.readinto(self._block[self._filled :].data)
        except EOFError:
            self._fail("the compressed file ends in the middle: it is truncated", self._found, _COPY_AGAIN)
        except (OSError, IsalError) as error:  # type: ignore[misc]
            self._fail(f"the compressed file is damaged ({error})", self._found, _COPY_AGAIN)
        self._filled += count
        self._ended = count == 0
        if self._ended and self._filled and self._block[self._filled - 1] != ord("\n"):
            self._block = np.append(self._block[: self._filled], np.uint8(ord("\n")))
            self._filled += 1

    def _parse_block(self) -> Reads:
        """All whole records of the block; what is left moves to its front."""
        parts, start = [], 0
        rows = np.empty((self._filled // 64 + 16, 6), dtype=np.int64)
        while True:
            rest = self._block[start:]
            found, used, problem = kernels.find_records(rest, self._filled - start, kernels.BASE_LETTERS, rows)
            parts.append(Reads(*kernels.copy_records(rest, rows[:found])))
            start += used
            if problem and not self._only_line_ends(start):
                self._malformed(problem, self._found + sum(map(len, parts)))
            if problem or found < len(rows):
                break
        if self._ended and not self._only_line_ends(start):
            at = self._found + sum(map(len, parts))
            self._fail("the file ends in the middle of a record: it is truncated", at, _COPY_AGAIN)
        self._block[: self._filled - start] = self._block[start : self._filled].copy()
        self._filled -= start
        return _join(*parts)

    def _only_line_ends(self, start: int) -> bool:
        return bool(np.isin(self._block[start : self._filled], (10, 13)).all())

    def _malformed(self, problem: int, at: int) -> NoReturn:
        line, words = _PROBLEMS[problem]
        place = f"read {at + 1:,} (line {4 * at + line:,})"
        raise FastqError(words, file=self.path, place=place, remedy=_COPY_AGAIN)

    def _fail(self, problem: str, after: int | None, remedy: str) -> NoReturn:
        place = None if after is None else f"after read {after:,}"
        raise FastqError(problem, file=self.path, place=place, remedy=remedy)


def _open(path: Path) -> io.BufferedReader:
    """Open a FASTQ file for reading its text, whatever its compression."""
    try:
        raw = path.open("rb")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FastqError(
            f"the file cannot be opened ({reason})", file=path, remedy="check the path and who may read it"
        ) from error
    magic = raw.peek(6)[:6]
    for start, kind in _OTHER_FORMATS.items():
        if magic.startswith(start):
            raw.close()
            raise FastqError(f"this is a {kind} file", file=path, remedy="give FASTQ, plain or gzip")
    if not magic.startswith(b"\x1f\x8b"):
        return raw
    from isal import igzip

    raw.close()
    return io.BufferedReader(igzip.IGzipFile(path, mode="rb"), _BLOCK)  # type: ignore[no-untyped-call]


def _no_reads() -> Reads:
    letters, offset = np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    return Reads(offset, letters, letters, offset, letters, letters)


def _join(*parts: Reads) -> Reads:
    kept = [part for part in parts if len(part)]
    if len(kept) == 1:
        return kept[0]
    if not kept:
        return _no_reads()
    return Reads(
        _join_offsets([part.name_offset for part in kept]),
        np.concatenate([part.names for part in kept]),
        np.concatenate([part.mate for part in kept]),
        _join_offsets([part.base_offset for part in kept]),
        np.concatenate([part.bases for part in kept]),
        np.concatenate([part.qualities for part in kept]),
    )


def _join_offsets(offsets: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    steps = np.concatenate([np.diff(offset) for offset in offsets])
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(steps)])
