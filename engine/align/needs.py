"""What aligning a sample takes of memory and disk, told before it begins and compared with what is free.

The figures are slopes of what was measured (docs/engine.md, docs/setup.md): they warn and refuse nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.headroom import free_disk, free_memory, gibibytes
from engine.reads.lane import Lane

BATCHES, BATCHES_A_THREAD = 450 << 20, 150 << 20
"""Bytes of reads and records under way."""
RESULT_OF_PACKED, RESULT_OF_PLAIN = 0.67, 0.15
"""Bytes of the BAM for each byte of FASTQ: 54 a read beside 81 of gzip and 360 of text."""
SPILLED = 1.1
"""Bytes of what waits on disk to be sorted for each byte of the result."""
_HELD_OF_RESULT = 6
"""Bytes in memory of what becomes one byte of the result: 330 of a record beside 54."""


@dataclass(frozen=True)
class AlignmentNeeds:
    """What aligning a sample takes, about.

    Attributes:
        index: bytes of memory of the aligner's index.
        memory: bytes of memory, the index among them.
        result: bytes of the alignments.
        temporary: bytes of disk beside them, until they are written.
    """

    index: int
    memory: int
    result: int
    temporary: int


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
    temporary = int(SPILLED * result) if held == memory else 0
    return AlignmentNeeds(loaded, loaded + BATCHES + BATCHES_A_THREAD * threads + 2 * held, result, temporary)


def _result_of(fastq: Path) -> float:
    if not fastq.is_file():
        return 0.0
    with fastq.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return fastq.stat().st_size * (RESULT_OF_PACKED if packed else RESULT_OF_PLAIN)


def tell_needs(needs: AlignmentNeeds, folder: Path, log: Callable[[str], None]) -> None:
    """Say what it takes and what is free in memory and in the folder; say so where that is less."""
    memory, disk = free_memory(), free_disk(folder)
    log(
        f"aligning takes about {gibibytes(needs.memory)} of memory, {gibibytes(needs.index)} of it the index "
        f"({gibibytes(memory)} free), and {gibibytes(needs.result)} of disk for the result, with "
        f"{gibibytes(needs.temporary)} beside it meanwhile ({gibibytes(disk)} free)"
    )
    if needs.memory > memory:
        log("there may be too little memory: fewer threads, fewer runs at a time or a shared index take less")
    if needs.result + needs.temporary > disk:
        log("there may be too little room on the disk: free some before it is needed")
