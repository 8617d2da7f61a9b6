"""The second aligner: any ``bwa`` on PATH, as one process fed with interleaved FASTQ."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from threading import Thread
from typing import IO

import numpy as np

from engine.align.index import AlignerIndex
from engine.align.programs import bwa_program, bwa_version
from engine.align.translation import Translation
from engine.errors import ToolError
from engine.reads.fastq import BATCH_BASES, PairBatch
from engine.reads.records import Records

_CHUNK = 4 << 20


class Bwa:
    """``bwa mem`` from PATH."""

    name = "bwa"

    def __init__(self, index: AlignerIndex, *, batch_bases: int = BATCH_BASES) -> None:
        self.index = index
        self._program = bwa_program()
        self._batch_bases = batch_bases
        self.version = bwa_version()
        self._translate = Translation(index)
        numbered = index.numbered
        names = [str(i) if numbered else index.contigs[piece.contig].name for i, piece in enumerate(index.pieces)]
        self._names = np.frombuffer("".join(names).encode(), dtype=np.uint8)
        self._name_offset = np.concatenate([[0], np.cumsum([len(name) for name in names])]).astype(np.int64)

    def align(self, batches: Iterable[PairBatch], *, read_group: str, threads: int) -> Iterator[Records]:
        """See :meth:`engine.align.aligner.Aligner.align`; bwa cuts the same batches by its option -K."""
        command = [self._program, "mem", "-t", str(threads), "-K", str(self._batch_bases), "-v", "1", "-p"]
        command += ["-R", f"@RG\\tID:{read_group}", str(self.index.prefix), "-"]
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as process,
        ):
            assert process.stdin is not None and process.stdout is not None
            feeder = _Feeder(batches, process.stdin)
            try:
                for lines in _whole_pairs(process.stdout):
                    yield self._pack(lines)
            except BaseException:
                process.kill()
                raise
            finally:
                process.wait()
                feeder.join()
            if feeder.error:
                raise feeder.error
            if process.returncode:
                said.seek(0)
                raise _failed(*said.read().decode(errors="replace").strip().splitlines()[-1:])

    def _pack(self, lines: bytes) -> Records:
        from engine.align.sam_text import pack_lines

        text = np.frombuffer(bytearray(lines), dtype=np.uint8)
        packed, bad_line = pack_lines(text, self._names, self._name_offset)
        if bad_line >= 0:
            raise _failed(f"its output cannot be understood: {lines.splitlines()[bad_line][:200]!r}")
        return self._translate(Records.of(packed))


def _failed(reason: str = "no message") -> ToolError:
    return ToolError(f"bwa failed ({reason})", remedy="run bwa mem by hand on these files to see why")


def _whole_pairs(stdout: IO[bytes]) -> Iterator[bytes]:
    """SAM lines without the header, cut where a pair ends."""
    rest = b""
    while chunk := stdout.read(_CHUNK):
        lines = rest + chunk
        if lines.startswith(b"@"):
            begin = _header_end(lines)
            if begin < 0:
                rest = lines
                continue
            lines = lines[begin:]
        cut = _last_pair(lines)
        rest = lines[cut:]
        if cut:
            yield lines[:cut]
    if rest and not rest.startswith(b"@"):
        yield rest


def _header_end(lines: bytes) -> int:
    """Where the lines after the header begin, -1 where the header does not end here."""
    at = 0
    while lines.startswith(b"@", at):
        at = lines.find(b"\n", at) + 1
        if at in (0, len(lines)):
            return -1
    return at


def _last_pair(lines: bytes) -> int:
    """Where the last read name begins of which a whole line is here: more lines of it may follow."""
    last = lines.rfind(b"\n", 0, lines.rfind(b"\n")) + 1
    name = lines[last : lines.find(b"\t", last) + 1]
    while last:
        before = lines.rfind(b"\n", 0, last - 1) + 1
        if not lines.startswith(name, before):
            break
        last = before
    return last


class _Feeder(Thread):
    """Writes the pairs to bwa as interleaved FASTQ; keeps the error that stopped it."""

    def __init__(self, batches: Iterable[PairBatch], stdin: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.error: Exception | None = None
        self._batches, self._stdin = batches, stdin
        self.start()

    def run(self) -> None:
        """Feed until the batches end or bwa hangs up."""
        try:
            with self._stdin:
                for batch in self._batches:
                    self._stdin.write(_interleaved(batch))
        except BrokenPipeError:
            return
        except Exception as error:
            self.error = error


def _interleaved(batch: PairBatch) -> bytes:
    sides = []
    for reads in (batch.read1, batch.read2):
        names, name_at = reads.names.tobytes(), reads.name_offset.tolist()
        bases, qualities = reads.bases.tobytes(), (reads.qualities + 33).tobytes()
        rows = zip(pairwise(name_at), pairwise(reads.base_offset.tolist()), strict=True)
        sides.append([b"@%b\n%b\n+\n%b\n" % (names[a:b], bases[c:d], qualities[c:d]) for (a, b), (c, d) in rows])
    return b"".join(text for pair in zip(*sides, strict=True) for text in pair)
