"""Kernels that divide records into BGZF blocks and index them (SAM specification 4.1, 5.2). No I/O."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.files.bgzf import BLOCK_LIMIT
from engine.kernel import kernel
from engine.reads.record_kernels import UNMAPPED, bin_of, contig_of, flag_of, indexed_end, start_of

LINEAR_SHIFT = 14


@kernel
def block_limits(offset: NDArray[np.int64], start: int) -> Any:
    """Where blocks end that hold as many whole records as fit; a record too long for one is cut.

    Args:
        offset: int64[n + 1], where each record begins and the last one ends.
        start: where the first block begins, which may lie before the first record.

    Returns:
        int64[], where each block begins, and where the last one, which may not be full, ends.
    """
    limits = [start]
    for i in range(len(offset) - 1):
        if offset[i + 1] - limits[-1] > BLOCK_LIMIT:
            if offset[i] > limits[-1]:
                limits.append(offset[i])
            while offset[i + 1] - limits[-1] > BLOCK_LIMIT:
                limits.append(limits[-1] + BLOCK_LIMIT)
    limits.append(offset[len(offset) - 1])
    return np.array(limits)


@kernel
def virtual_offsets(
    offset: NDArray[np.int64], limits: NDArray[np.int64], block_start: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Virtual file offset of each place in ``offset``: start of its block in the file, then place in the block.

    Args:
        offset: int64[n], places in the uncompressed stream.
        limits: int64[blocks + 1], where each block begins in that stream.
        block_start: int64[blocks], where each begins in the file.
    """
    out = np.empty(len(offset), dtype=np.int64)
    block = 0
    for i in range(len(offset)):
        while block + 2 < len(limits) and offset[i] >= limits[block + 1]:
            block += 1
        if offset[i] == limits[len(limits) - 1]:
            out[i] = block_start[len(limits) - 1] << 16
        else:
            out[i] = block_start[block] << 16 | (offset[i] - limits[block])
    return out


@kernel
def index_records(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    first: int,
    last: int,
    virtual: NDArray[np.int64],
    linear: NDArray[np.int64],
    open_chunk: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> Any:
    """Index records ``[first, last)``, which lie on one contig.

    Args:
        data: uint8[], packed records.
        offset: int64[n + 1], where each begins.
        first: the first of them.
        last: one past the last of them.
        virtual: int64[n + 1], their virtual offsets.
        linear: int64[windows], the linear index, -1 where still empty.
        open_chunk: int64[3], bin, begin and end of the chunk that is still growing; bin -1 for none.
        counts: int64[4], first and last virtual offset, mapped and unmapped reads of the contig.

    Returns:
        Chunks that are complete: int64[m, 3], bin, begin and end.
    """
    chunks = np.empty((last - first, 3), dtype=np.int64)
    complete = 0
    for i in range(first, last):
        at = offset[i]
        start, end = start_of(data, at), indexed_end(data, at)
        bin_number = bin_of(start, end)
        for window in range(max(start, 0) >> LINEAR_SHIFT, ((max(end, 1) - 1) >> LINEAR_SHIFT) + 1):
            if window < len(linear) and linear[window] < 0:
                linear[window] = virtual[i]
        if open_chunk[0] == bin_number:
            open_chunk[2] = virtual[i + 1]
        else:
            if open_chunk[0] >= 0:
                for column in range(3):
                    chunks[complete, column] = open_chunk[column]
                complete += 1
            open_chunk[0], open_chunk[1], open_chunk[2] = bin_number, virtual[i], virtual[i + 1]
        if counts[0] < 0:
            counts[0] = virtual[i]
        counts[1] = virtual[i + 1]
        counts[3 if flag_of(data, at) & UNMAPPED else 2] += 1
    return chunks[:complete]


@kernel
def contig_ends(data: NDArray[np.uint8], offset: NDArray[np.int64]) -> Any:
    """Rows where the contig of sorted records changes, the first and the number of records among them.

    Args:
        data: uint8[], packed records.
        offset: int64[n + 1], where each begins.
    """
    ends = [0]
    for i in range(1, len(offset) - 1):
        if contig_of(data, offset[i]) != contig_of(data, offset[i - 1]):
            ends.append(i)
    ends.append(len(offset) - 1)
    return np.array(ends)
