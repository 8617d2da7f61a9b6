"""What aligning a sample takes of memory and disk, told before it begins and compared with what is free.

The figures are slopes of what was measured (docs/engine.md, docs/setup.md): they warn and refuse nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.headroom import Needs, gibibytes, tell_needs
from engine.reads.lane import Lane

BATCHES, BATCHES_A_THREAD = 450 << 20, 150 << 20
"""Bytes of reads and records under way."""
RESULT_OF_PACKED, RESULT_OF_PLAIN = 0.67, 0.15
"""Bytes of the BAM for each byte of FASTQ: 54 a read beside 81 of gzip and 360 of text."""
SPILLED = 1.6
"""Bytes of what waits on disk for each byte of the result: records to be sorted 1.47, and ends of pairs 0.1. Reads of a
whole genome wait far from their neighbours, with whom they compress better (docs/measurements.md)."""
_HELD_OF_RESULT = 6
"""Bytes in memory of what becomes one byte of the result: 330 of a record beside 54."""


@dataclass(frozen=True)
class AlignmentNeeds(Needs):
    """What aligning a sample takes, about.

    Attributes:
        index: bytes of memory of the aligner's index, which are among the others.
    """

    index: int


def alignment_needs(index: Iterable[Path], lanes: Iterable[Lane], *, threads: int, memory: int) -> AlignmentNeeds:
    """The needs of a sample.

    Args:
        index: the files of the aligner's index.
        lanes: of the sample; what is no file (a pipe) counts nothing.
        threads: that align.
        memory: bytes of records that are held before they go to disk.
    """
    loaded = sum(file.stat().st_size for file in index)
    result = int(sum(_result_of(file) for lane in lanes for file in (lane.read1, lane.read2)))
    held = min(memory, _HELD_OF_RESULT * result)
    # what is merged leaves the disk as the result grows: both together are never more than what waits at first
    temporary = int((SPILLED - 1) * result) if held == memory else 0
    taken = loaded + BATCHES + BATCHES_A_THREAD * threads + 2 * held
    return AlignmentNeeds(taken, result, temporary, loaded)


def _result_of(fastq: Path) -> float:
    if not fastq.is_file():
        return 0.0
    with fastq.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return fastq.stat().st_size * (RESULT_OF_PACKED if packed else RESULT_OF_PLAIN)


def tell_alignment_needs(needs: AlignmentNeeds, folder: Path, log: Callable[[str], None]) -> None:
    """Say what it takes and what is free in memory and in the folder; say so where that is less."""
    index = f", {gibibytes(needs.index)} of it the index"
    tell_needs(
        "aligning", needs, folder, log, of_it=index, less="fewer threads, fewer runs at a time or a shared index"
    )
