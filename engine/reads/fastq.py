"""Reading FASTQ files: plain, gzip or BGZF bytes in, columns of reads out, batch by batch in bounded memory.

Here belongs what one needs to trust the bytes of a FASTQ file and to keep two of them in step. What the reads say
(their quality, their sample) is measured and judged elsewhere.

Every record has four lines. Names lose their comment and a ``/1`` or ``/2`` at the end, and the ``.1`` and ``.2``,
``_1`` and ``_2`` or ``:1`` and ``:2`` that archives append. Lower-case and IUPAC bases are passed on as they are;
Windows line ends and empty lines at the very end are accepted. Qualities are Phred+33 unless the caller says otherwise;
a file that is plainly another is refused.

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
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from engine.errors import FastqError
from engine.files.compressed import VerifiedFile
from engine.reads import fastq_kernels as kernels
from engine.reads.conventions import QualityEncoding, UmiSource
from engine.reads.no_fastq import START, what_it_is
from engine.reads.quality_encoding import EncodingJudge, Verdict, lowest_letter, phred_of

BATCH_BASES = 10_000_000
"""Bases of a batch, both mates together: as ``bwa mem -K 10000000``."""

LONGEST_NAME = 254
"""Letters of a read name that a BAM record holds (SAM specification 1.4, QNAME)."""

_BLOCK = 4 << 20
_BLOCKS_AHEAD = 4
"""Blocks of each file that are read and parsed before they are asked for: a batch takes three."""
_LONGEST_RECORD = 256 << 20
_TRUNCATED = "the file ends in the middle of a record: it is truncated"
_COPY_AGAIN = "copy the file again from the sequencer and compare its md5"

_MATE_SEPARATORS = b"._-:"
_SRA_SPOT = re.compile(r"[SED]RR\d+\.\d+")
"""A run and the number of a spot, the same for both mates: its last digit is no mate number."""

_PROBLEMS = {
    kernels.NO_AT_SIGN: (1, "a record must begin with '@'"),
    kernels.NO_NAME: (1, "a record has no read name"),
    kernels.BAD_BASE: (2, "the line of bases holds a letter that is not a base of DNA"),
    kernels.NO_PLUS: (3, "the third line of a record must begin with '+'"),
    kernels.OTHER_NAME: (3, "the third line of a record names another read than the first"),
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


def read_pairs(
    read1: Path,
    read2: Path,
    *,
    batch_bases: int = BATCH_BASES,
    encoding: QualityEncoding = QualityEncoding.DETECT,
    umi: UmiSource = UmiSource.NONE,
    at_end: Callable[[Path, bool], None] | None = None,
) -> Iterator[PairBatch]:
    """The pairs of two files in step; a batch ends with the pair that fills ``batch_bases``, as in ``bwa mem -K``.

    Args:
        read1: the file of the first reads.
        read2: the file of the second reads.
        batch_bases: bases of a batch.
        encoding: of both files' qualities.
        umi: where UMIs stand; every name then ends in one.
        at_end: told of either file, when it has been read, whether it shows that nothing is missing at its end
            (:attr:`engine.files.compressed.VerifiedFile.proves_its_end`).

    Raises:
        FastqError: as :func:`read_fastq`; the files are out of step: names differ, or one ends earlier; a read has
            no UMI where it should.
    """
    first = 0
    with _FastqFile(read1, encoding, umi) as file1, _FastqFile(read2, encoding, umi) as file2:
        while True:
            pairs = _fill_both(file1, file2, batch_bases)
            if first == 0:
                _take_off_mate_numbers(file1, file2, pairs)
            _check_names(file1, file2, pairs)
            if pairs == 0:
                _check_ends(file1, file2)
                if at_end is not None:
                    at_end(read1, file1.proves_its_end)
                    at_end(read2, file2.proves_its_end)
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


def _take_off_mate_numbers(file1: _FastqFile, file2: _FastqFile, pairs: int) -> None:
    """Where all names of the first batch end in ``.1`` and ``.2`` or the like, that is the mate, no part of the name.

    So write SRA (``fastq-dump -I --split-files``) and others; the files may also have been exchanged, which the mate
    numbers then tell.
    """
    if not pairs or _SRA_SPOT.fullmatch(file1.waiting.name(0)):
        return
    one, two = file1.waiting.rows(0, pairs), file2.waiting.rows(0, pairs)
    ends = _one_ending(one), _one_ending(two)
    if None in ends or ends[0] == ends[1] or one.name(0)[:-1] != two.name(0)[:-1]:
        return
    file1.take_off_mate_numbers()
    file2.take_off_mate_numbers()


def _one_ending(reads: Reads) -> int | None:
    """The mate number in which all names end, behind a separator; ``None`` where they do not."""
    ends = reads.name_offset[1:]
    if int(np.diff(reads.name_offset).min()) < 3:
        return None
    last, separator = reads.names[ends - 1], reads.names[ends - 2]
    same = (last == last[0]).all() and (separator == separator[0]).all()
    is_mate = last[0] in b"12" and separator[0] in _MATE_SEPARATORS
    return int(last[0]) - ord("0") if same and is_mate else None


def _without_mate_numbers(reads: Reads) -> Reads:
    """Names without the two last letters where these are a mate number."""
    lengths, ends = np.diff(reads.name_offset), reads.name_offset[1:]
    last, separator = reads.names[ends - 1], reads.names[np.maximum(ends - 2, 0)]
    has = (lengths > 2) & np.isin(last, (49, 50)) & np.isin(separator, list(_MATE_SEPARATORS))
    kept = np.ones(len(reads.names), dtype=np.bool_)
    kept[ends[has] - 1] = kept[ends[has] - 2] = False
    name_offset = np.concatenate([[0], np.cumsum(lengths - 2 * has)]).astype(np.int64)
    mate = np.where(has, last - ord("0"), reads.mate).astype(np.uint8)
    return replace(reads, name_offset=name_offset, names=reads.names[kept], mate=mate)


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
    """One open FASTQ file and the reads found in it that nobody has taken yet.

    A thread of its own reads and parses ahead: what depends on the file's bytes alone. What is wrong there is raised
    when its block is asked for.
    """

    def __init__(
        self, path: Path, encoding: QualityEncoding = QualityEncoding.DETECT, umi: UmiSource = UmiSource.NONE
    ) -> None:
        self.path = path
        self._encoding, self._umi = encoding, umi
        self._letters = EncodingJudge()
        self._mate_numbers = False
        self.taken = 0
        self.waiting = _no_reads()
        self._verified = VerifiedFile(path, error=FastqError, needs_end=False)
        self._stream = io.BufferedReader(self._verified, _BLOCK)
        self._block = np.empty(_BLOCK, dtype=np.uint8)
        self._filled = 0
        self._start = b""
        self._found = 0
        self._ended = False
        self._meant_so_far = 0
        self._ahead = ThreadPoolExecutor(1)
        self._blocks: deque[Future[Reads | None]] = deque()

    def __enter__(self) -> _FastqFile:
        self._blocks.extend(self._ahead.submit(self._next_block) for _ in range(_BLOCKS_AHEAD))
        return self

    def __exit__(self, *_: object) -> None:
        self._ahead.shutdown(cancel_futures=True)
        self._stream.close()

    @property
    def proves_its_end(self) -> bool:
        """Once it has been read: nothing can be missing at the file's end."""
        return self._verified.proves_its_end

    def take(self, count: int) -> Reads:
        """The next ``count`` waiting reads, whose names a BAM file can hold."""
        taken, self.waiting = self.waiting.rows(0, count), self.waiting.rows(count, len(self.waiting))
        self._check_names(taken)
        self.taken += count
        return taken

    def take_off_mate_numbers(self) -> None:
        """From here on names lose a mate number at their end: what is waiting, and what will be read."""
        self._mate_numbers = True
        self.waiting = _without_mate_numbers(self.waiting)

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
        """Take one more block; False when there was nothing more."""
        reads = self._blocks.popleft().result()
        self._blocks.append(self._ahead.submit(self._next_block))
        if reads is None:
            if self._meant_so_far == 0:
                remedy = "give the file that the sequencer wrote, or leave the lane out"
                self._fail("the file holds no reads", None, remedy)
            if self._encoding is QualityEncoding.DETECT and self._letters.is_open:
                self._refuse_open_encoding()
            return False
        reads = self._meant(reads, self._meant_so_far)
        self._meant_so_far += len(reads)
        self.waiting = _join(self.waiting, reads)
        return True

    def _next_block(self) -> Reads | None:
        """On the file's thread: the reads of the next block that holds any; nothing at the end of the file."""
        while not self._ended:
            self._read_block()
            reads = self._parse_block()
            if len(reads):
                self._found += len(reads)
                return reads
        return None

    def _read_block(self) -> None:
        if self._filled == len(self._block):
            if self._filled >= _LONGEST_RECORD:
                self._fail("a record does not end within 256 MB", self._found, "check that this is a FASTQ file")
            self._block = np.concatenate([self._block, np.empty_like(self._block)])
        try:
            count = self._stream.readinto(self._block[self._filled :].data)
        except FastqError as error:
            error.place = f"after read {self._found:,}" + (f", {error.place}" if error.place else "")
            raise
        self._filled += count
        self._start = self._start or bytes(self._block[: min(START, self._filled)])
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
            parts.append(self._copied(rest, rows[:found]))
            start += used
            if problem and not self._only_line_ends(start):
                self._malformed(problem, self._found + sum(map(len, parts)))
            if problem or found < len(rows):
                break
        if self._ended and not self._only_line_ends(start):
            at = self._found + sum(map(len, parts))
            words, remedy = what_it_is(self._start, self.path.name) or (_TRUNCATED, _COPY_AGAIN)
            self._fail(words, at, remedy)
        self._block[: self._filled - start] = self._block[start : self._filled].copy()
        self._filled -= start
        return _join(*parts)

    def _copied(self, block: NDArray[np.uint8], rows: NDArray[np.int64]) -> Reads:
        reads = Reads(*kernels.copy_records(block, rows))
        if self._umi is UmiSource.COMMENT:
            from engine.reads.umi_kernels import names_with_umi

            name_offset, names = names_with_umi(block, rows)
            return replace(reads, name_offset=name_offset, names=names)
        return reads

    def _meant(self, reads: Reads, at: int) -> Reads:
        """The reads of a block, the first of which is number ``at``, as the file's conventions mean them."""
        if self._mate_numbers:
            reads = _without_mate_numbers(reads)
        if self._encoding is QualityEncoding.DETECT:
            self._letters.see(reads.base_offset, reads.qualities)
            if self._letters.verdict is not Verdict.PHRED33:
                self._refuse_encoding(at + len(reads))
        elif self._encoding is not QualityEncoding.PHRED33:
            self._require_letters(reads, at)
            return replace(reads, qualities=phred_of(self._encoding, reads.qualities))
        return reads

    def _refuse_encoding(self, after: int) -> NoReturn:
        mixed = self._letters.verdict is Verdict.MIXED
        self._fail(
            f"the qualities are those of {'both Phred+33 and Phred+64' if mixed else 'Phred+64, not of Phred+33'}"
            " (letters from '^' to 'j'" + (", beside reads with letters below ';')" if mixed else ", none below ';')"),
            after,
            "give the files of one sequencing, each with one encoding"
            if mixed
            else "say phred64 as the lane's quality_encoding (--quality-encoding phred64), or solexa64 for Solexa's own"
            " scale; say phred33 if these are the qualities of a consensus",
        )

    def _refuse_open_encoding(self) -> NoReturn:
        lowest, highest = chr(self._letters.lowest), chr(self._letters.highest)
        self._fail(
            f"the qualities go from {lowest!r} to {highest!r}: they may be poor ones of Phred+64 or odd ones of "
            "Phred+33",
            self._meant_so_far,
            "say phred64 as the lane's quality_encoding (--quality-encoding phred64) if the run is of before 2012, "
            "else phred33",
        )

    def _require_letters(self, reads: Reads, at: int) -> None:
        lowest = lowest_letter(self._encoding)
        low = np.flatnonzero(reads.qualities < lowest - 33)
        if len(low):
            row = int(np.searchsorted(reads.base_offset, low[0], side="right")) - 1
            letter = chr(int(reads.qualities[low[0]]) + 33)
            raise FastqError(
                f"the quality {letter!r} is below {chr(lowest)!r}, the lowest of {self._encoding}",
                file=self.path,
                place=f"read {at + row + 1:,}",
                remedy="leave quality_encoding empty: the file, or a part of it, is Phred+33"
                if self._encoding is QualityEncoding.SOLEXA64 or letter < ";"
                else "say solexa64 as the lane's quality_encoding",
            )

    def _check_names(self, reads: Reads) -> None:
        """Refuse names that are too long or hold what SAM does not allow, and those without the UMI promised."""
        if not len(reads):
            return
        lengths = np.diff(reads.name_offset)
        if int(lengths.max()) > LONGEST_NAME:
            self._bad_name(
                int(np.argmax(lengths > LONGEST_NAME)),
                f"a read name of {int(lengths[np.argmax(lengths > LONGEST_NAME)]):,} letters: BAM holds {LONGEST_NAME}",
                "shorten the names, or put what was appended to them (barcode, UMI) behind a space",
            )
        strange = np.flatnonzero((reads.names < ord("!")) | (reads.names > ord("~")) | (reads.names == ord("@")))
        if len(strange):
            row = int(np.searchsorted(reads.name_offset, strange[0], side="right")) - 1
            byte = int(reads.names[strange[0]])
            self._bad_name(
                row, f"a read name holds the byte 0x{byte:02x}: SAM allows '!' to '~' except '@'", _COPY_AGAIN
            )
        if self._umi is not UmiSource.NONE:
            self._require_umis(reads)

    def _require_umis(self, reads: Reads) -> None:
        from engine.reads.umi_kernels import first_without_umi

        row = first_without_umi(reads.name_offset, reads.names)
        if row >= 0:
            where = "its name does not end in one" if self._umi is UmiSource.NAME else "its comment has no RX:Z:"
            self._bad_name(
                row, f"read {reads.name(row)!r} has no UMI: {where}", "say where the UMIs are, or mark without them"
            )

    def _bad_name(self, row: int, problem: str, remedy: str) -> NoReturn:
        number = self.taken + row + 1
        raise FastqError(problem, file=self.path, place=f"read {number:,} (line {4 * number - 3:,})", remedy=remedy)

    def _only_line_ends(self, start: int) -> bool:
        return bool(np.isin(self._block[start : self._filled], (10, 13)).all())

    def _malformed(self, problem: int, at: int) -> NoReturn:
        line, words = _PROBLEMS[problem]
        place, remedy = f"read {at + 1:,} (line {4 * at + line:,})", _COPY_AGAIN
        if at == 0 and (known := what_it_is(self._start, self.path.name)):
            words, remedy = known
        raise FastqError(words, file=self.path, place=place, remedy=remedy)

    def _fail(self, problem: str, after: int | None, remedy: str) -> NoReturn:
        place = None if after is None else f"after read {after:,}"
        raise FastqError(problem, file=self.path, place=place, remedy=remedy)


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
