"""Whether two FASTQ files hold what they are given for, read 1 and read 2, as far as names or bases tell.

That they are in step is found where they are read (:mod:`engine.reads.fastq`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.errors import FastqError
from engine.reads.fastq import PairBatch


def require_mates(batch: PairBatch, read2: Path) -> None:
    """Look at the mate numbers in the header lines and, where there are none, at the first batch's bases.

    Args:
        batch: pairs of a lane.
        read2: the file of their second reads, named in the error.

    Raises:
        FastqError: the files are swapped, or are the same.
    """
    wrong1, wrong2 = batch.read1.mate == 2, batch.read2.mate == 1
    if not wrong1.any() and not wrong2.any():
        if batch.first == 0 and _same_reads(batch):
            raise _refused(batch, 0, read2, "read 1 is given twice: both files hold the same reads")
        return
    row = int(np.argmax(wrong1 | wrong2))
    if wrong1[row] and wrong2[row]:
        problem, remedy = "read 1 and read 2 are swapped, as the read names tell", "exchange the two files"
        raise _refused(batch, row, read2, problem, remedy)
    mate = 2 if wrong1[row] else 1
    problem = f"read {mate} is given twice: both files hold read {mate}, as the read names tell"
    raise _refused(batch, row, read2, problem)


def _refused(
    batch: PairBatch, row: int, read2: Path, problem: str, remedy: str = "give the two different files of the lane"
) -> FastqError:
    return FastqError(problem, file=read2, place=f"read {batch.first + row + 1:,}", remedy=remedy)


def _same_reads(batch: PairBatch) -> bool:
    return np.array_equal(batch.read1.bases, batch.read2.bases) and np.array_equal(
        batch.read1.qualities, batch.read2.qualities
    )
