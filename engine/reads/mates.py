"""Whether two FASTQ files hold what they are given for, read 1 and read 2, as far as names or bases tell.

That they are in step is found where they are read (:mod:`engine.reads.fastq`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import FastqError
from engine.reads.fastq import PairBatch

_SHORTEST_ALIGNED = 30
"""Bases: below bwa's least score (``-T``) no read is aligned, while indexes, UMIs and cells' barcodes are as short."""
_FEW = 100
"""Pairs that are no chance: of the same read twice, or of which every read is as short as an index."""


def require_mates(batch: PairBatch, read2: Path) -> None:
    """Look at the mate numbers in the header lines and, where there are none, at the first batch's bases.

    Args:
        batch: pairs of a lane.
        read2: the file of their second reads, named in the error.

    Raises:
        FastqError: the files are swapped, or are the same, wholly or in part; one of them holds indexes or UMIs.
    """
    if batch.first == 0:
        _refuse_indexes(batch, read2)
    wrong1, wrong2 = batch.read1.mate == 2, batch.read2.mate == 1
    if not wrong1.any() and not wrong2.any():
        same = _same_reads(batch)
        if len(same) > _FEW or (batch.first == 0 and 0 < len(same) == len(batch)):
            raise _refused(batch, int(same[0]), read2, "read 1 is given twice: both files hold the same reads")
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


def _refuse_indexes(batch: PairBatch, read2: Path) -> None:
    """Sequencers write indexes and UMIs as files of their own, beside the reads and with names as theirs."""
    longest = [int(reads.lengths.max(initial=0)) for reads in (batch.read1, batch.read2)]
    if max(longest) == 0 and len(batch):
        raise _refused(batch, 0, read2, "no read has a base", "give the files that the sequencer wrote")
    if len(batch) >= _FEW and min(longest) < _SHORTEST_ALIGNED and 2 * min(longest) < max(longest):
        mate = longest.index(min(longest)) + 1
        raise _refused(
            batch,
            0,
            read2,
            f"reads {mate} have at most {min(longest)} bases beside {max(longest)}: they are indexes, UMIs or barcodes",
            "give the two files of long reads of the lane (often R1 and R3 where R2 holds the UMI)",
        )


def _same_reads(batch: PairBatch) -> NDArray[np.int64]:
    """int64[], rows whose two reads are the same."""
    from engine.reads.repeat_kernels import equal_rows

    one, two = batch.read1, batch.read2
    rows: NDArray[np.int64] = equal_rows(
        one.base_offset, one.bases, one.qualities, two.base_offset, two.bases, two.qualities
    )
    return rows
