"""The FM-index of a long text in little memory: the transform built in blocks, and one walk over it.

:mod:`engine.align.index` sorts all suffixes, which takes 24 bytes a base. Here ``pybwa`` (bwa's own builder, in a
process of its own) writes the Burrows-Wheeler transform of the text and of its reverse complement in bounded memory;
the checkpoints follow from it in one pass, and the sampled suffix array by walking from each suffix to the one before
it (the LF mapping of Ferragina & Manzini 2000, doi:10.1109/SFCS.2000.892127). The file is byte for byte the same.

The transform, the longest part, is kept beside the index until that is whole: a run that was interrupted later takes it
up again.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import ToolError
from engine.parallel import in_order
from engine.progress import Progress

BYTES_A_BASE = 4.2
"""Peak while it is built, by a base of one strand: per base of both a checkpoint of one byte and .625 bytes of samples,
the text of the longest contig, and the transform's blocks. Measured on 500 Mb (docs/measurements.md)."""
BASE_MEMORY = 500 << 20
"""What it takes whatever the length: libraries, and the blocks in which the transform is built."""
DISK_A_BASE = 2.5
"""Beside the index, while it is built: the text as FASTA, packed, its transform and bwa's samples."""
_BLOCK = 10_000_000
_BWTSW = 2
"""Building in blocks, as bwa's bwa.h numbers it. Names and numbers of pybwa 2.3.2 lie one apart: its ``BWTSW`` makes
bwa sort all suffixes, in five bytes a letter, and no text of 2^31 letters."""
_WALKERS = 16
"""Walks that one thread takes in turn, so that the processor waits for many places of memory at once."""
_STEPS = 1 << 20
_HEADER = 10
"""uint32 words before the transform in bwa's ``.bwt``: the sentinel's row, then four cumulated counts."""
_SA_HEADER = 7
"""uint64 words before the samples in bwa's ``.sa``: the ``.bwt``'s five, the interval, the length."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Transform:
    """bwa's transform of a text of both strands.

    Attributes:
        sentinel: the row whose letter is the sentinel.
        less: int64[4], letters of the text that are smaller than each.
        length: of the text; there is one row more.
    """

    sentinel: int
    less: NDArray[np.int64]
    length: int


def write_fm_index(work: Path, write_text: Callable[[Path], None], output: Path, *, threads: int, say: Say) -> None:
    """Write bwa-mem3's ``.bwt.2bit.64``.

    Args:
        work: a folder for the transform, kept where this ends before its time; gone afterwards.
        write_text: writes the text (forward strand, letters ACGT only) as FASTA; not called where the transform of an
            earlier run is there.
        output: the file to write.
        threads: that walk.
        say: takes lines of progress.

    Raises:
        ToolError: the transform cannot be built, or is not one of a whole text.
    """
    with _alone(work):
        prefix = work / "text"
        if not _whole(work).exists():
            _build_transform(write_text, prefix, say)
            _whole(work).write_text(json.dumps({"bytes": prefix.with_suffix(".bwt").stat().st_size}))
        else:
            say("the transform of an earlier run is there")
        try:
            _write(prefix, output, threads, say)
        except ToolError as error:
            raise error.about(file=work) from None
        shutil.rmtree(work)


def _whole(work: Path) -> Path:
    return work / "transform.json"


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Let no two processes work in one folder; who comes second waits, and finds the folder gone or left over."""
    while True:
        work.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(work, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if work.exists() and os.fstat(descriptor).st_ino == work.stat().st_ino:
                yield
                return
        finally:
            os.close(descriptor)


def _build_transform(write_text: Callable[[Path], None], prefix: Path, say: Say) -> None:
    fasta = prefix.with_suffix(".fa")
    write_text(fasta)
    progress = Progress("building the transform", total=2 * fasta.stat().st_size, unit="bases", log=say)
    said = []
    command = [sys.executable, "-m", __name__, str(fasta), str(prefix)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                said.append(line.strip())
                if done := re.search(r"(\d+) characters processed", line):
                    progress.advance(int(done[1]) - progress.done)
        except BaseException:
            process.kill()
            raise
    fasta.unlink()
    if process.returncode:
        reason = said[-1] if said else f"it ended with {process.returncode}"
        raise ToolError(
            f"the transform of the reference cannot be built ({reason})",
            file=prefix,
            remedy="see that there is memory and room on the disk, and run it again",
        )


def _transform(fasta: str, prefix: str) -> None:
    """What the process of its own does."""
    from pybwa import BwaIndex, BwaIndexBuildMethod

    method = next(one for one in BwaIndexBuildMethod if one.value == _BWTSW)
    BwaIndex.index(fasta, method=method, prefix=prefix, block_size=_BLOCK)


def _write(prefix: Path, output: Path, threads: int, say: Say) -> None:
    text, checkpoints = _checkpoints(prefix.with_suffix(".bwt"))
    rows = text.length + 1
    high, low = np.zeros(rows // 8 + 1, dtype=np.int8), np.zeros(rows // 8 + 1, dtype=np.uint32)
    starts = _starts(prefix.with_suffix(".sa"), text.length, threads * _WALKERS)
    progress = Progress("sampling the suffix array", total=rows, unit="rows", log=say)

    def walk(number: int) -> None:
        _walk(number, starts, checkpoints, text, high, low, progress)

    for _ in in_order(walk, range(threads), threads=threads):
        pass
    with output.open("wb") as file:
        np.array([rows, 0, *text.less[1:], text.length], dtype=np.int64).tofile(file)
        for part in (checkpoints, high, low, np.array([text.sentinel], dtype=np.int64)):
            part.tofile(file)


def _checkpoints(file: Path) -> tuple[Transform, NDArray[np.uint64]]:
    from engine.align.low_memory_kernels import checkpoints_of

    raw = np.memmap(file, dtype=np.uint32, mode="r")
    head = np.frombuffer(raw[:_HEADER].tobytes(), dtype=np.uint64).astype(np.int64)
    text = Transform(int(head[0]), np.array([0, *head[1:4]], dtype=np.int64), int(head[4]))
    checkpoints = np.zeros(((text.length + 1) // 64 + 1, 8), dtype=np.uint64)
    checkpoints_of(raw[_HEADER:], text.sentinel, text.length + 1, checkpoints)
    return text, checkpoints


def _starts(file: Path, length: int, walkers: int) -> list[tuple[int, int]]:
    """Rows whose suffix bwa's own samples tell, about as far apart in the text as the walkers' shares.

    Returns:
        (suffix, row) of each, from the end of the text on.
    """
    raw = np.memmap(file, dtype=np.uint64, mode="r")
    interval, samples = int(raw[_SA_HEADER - 2]), raw[_SA_HEADER:]
    chosen = np.arange(0, len(samples), max(1, len(samples) // (1 << 16)))
    suffixes = samples[chosen].astype(np.int64)
    order = np.argsort(suffixes)
    wanted = np.searchsorted(suffixes[order], length * np.arange(1, walkers) // walkers)
    taken = order[np.unique(np.clip(wanted, 0, len(order) - 1))]
    found = {int(suffixes[at]): int(chosen[at] + 1) * interval for at in taken}
    return sorted({**found, length: 0}.items(), reverse=True)


def _walk(
    number: int,
    starts: list[tuple[int, int]],
    checkpoints: NDArray[np.uint64],
    text: Transform,
    high: NDArray[np.int8],
    low: NDArray[np.uint32],
    progress: Progress,
) -> None:
    """One thread's share of the walkers, each from its start to that of the next, where it must arrive at its row."""
    from engine.align.low_memory_kernels import walk

    mine = range(number * _WALKERS, min((number + 1) * _WALKERS, len(starts)))
    if not mine:
        return
    ends = [*starts[1:], (-1, -1)]
    suffixes = np.array([starts[at][0] for at in mine], dtype=np.int64)
    rows = np.array([starts[at][1] for at in mine], dtype=np.int64)
    stops = np.array([ends[at][0] for at in mine], dtype=np.int64)
    while np.any(suffixes > stops):
        progress.advance(walk(checkpoints, text.less, suffixes, rows, stops, _STEPS, high, low, text.sentinel))
    if [ends[at][1] for at in mine] != rows.tolist():
        raise ToolError(
            "the transform of the reference is not one of a whole text",
            remedy="remove this folder and run it again",
        )


if __name__ == "__main__":
    _transform(*sys.argv[1:])
