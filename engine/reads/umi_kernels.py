"""Kernels that find unique molecular identifiers: at the end of a read name, or in the comment behind it. No I/O.

In a name a UMI is one more field behind a colon (bcl2fastq, BCL Convert, bases2fastq, fastp) or follows an underscore
(umi_tools); two UMIs are joined by ``+`` or ``-``, and BCL Convert writes ``r`` before one that it reversed. In a
comment it is the SAM tag ``RX:Z:`` (SAM optional fields specification), as ``samtools fastq -T RX`` writes it.

Throughout, ``data``: uint8[], ASCII text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.fastq_kernels import BASES_START, NAME_END, NAME_START

_COLON, _UNDERSCORE, _SPACE, _TAB, _RETURN = 58, 95, 32, 9, 13
_RX = np.frombuffer(b"RX:Z:", dtype=np.uint8)
_PRIME = 1099511628211
"""The prime of the hash FNV-1a (Fowler, Noll, Vo) in 64 bits."""


def umi_letters() -> NDArray[np.bool_]:
    """True for the bytes that a UMI is written with: bases, what joins two of them, and BCL Convert's ``r``."""
    allowed = np.zeros(256, dtype=np.bool_)
    allowed[np.frombuffer(b"ACGTN+-r", dtype=np.uint8)] = True
    return allowed


UMI_LETTERS = umi_letters()


@kernel
def umi_start(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Where the UMI at the end of the name ``data[start:end]`` begins; ``end`` where there is none.

    The separator stands just before. A name that is letters of a UMI and nothing else has none.
    """
    at = end
    while at > start and UMI_LETTERS[data[at - 1]]:
        at -= 1
    if at == end or at - 1 <= start or (data[at - 1] != _COLON and data[at - 1] != _UNDERSCORE):
        return end
    return at


@kernel
def umi_hash(data: NDArray[np.uint8], start: int, end: int) -> int:
    """A number of 57 bits for the UMI ``data[start:end]``: FNV-1a, folded."""
    value = np.uint64(14695981039346656037)
    for i in range(start, end):
        value = (value ^ np.uint64(data[i])) * np.uint64(_PRIME)
    return int(np.int64((value ^ (value >> np.uint64(57))) & np.uint64((1 << 57) - 1)))


@kernel
def first_without_umi(name_offset: NDArray[np.int64], names: NDArray[np.uint8]) -> int:
    """First row whose name does not end in a UMI, -1 where all do.

    Args:
        name_offset: int64[n + 1], row limits in ``names``.
        names: uint8[], ASCII.
    """
    for row in range(len(name_offset) - 1):
        if umi_start(names, name_offset[row], name_offset[row + 1]) == name_offset[row + 1]:
            return row
    return -1


@kernel
def _comment_umi(block: NDArray[np.uint8], start: int, end: int) -> tuple[int, int]:
    """Limits of the value of ``RX:Z:`` in a comment; both ``end`` where there is none."""
    for at in range(start, end - len(_RX)):
        if block[at] != _SPACE and block[at] != _TAB:
            continue
        same = 0
        while same < len(_RX) and block[at + 1 + same] == _RX[same]:
            same += 1
        if same == len(_RX):
            first = at + 1 + same
            last = first
            while last < end and UMI_LETTERS[block[last]]:
                last += 1
            return first, last
    return end, end


@kernel
def names_with_umi(block: NDArray[np.uint8], rows: NDArray[np.int64]) -> Any:
    """The names of records with the UMI of their comment behind an underscore.

    Args:
        block: uint8[], bytes of the file.
        rows: int64[n, 6], as :func:`engine.reads.fastq_kernels.find_records` fills them.

    Returns:
        name_offset int64[n + 1], names uint8[]. A record without ``RX:Z:`` keeps its name as it is.
    """
    n = len(rows)
    name_offset = np.zeros(n + 1, dtype=np.int64)
    umi = np.empty((n, 2), dtype=np.int64)
    for i in range(n):
        umi[i, 0], umi[i, 1] = _comment_umi(block, rows[i, NAME_END], rows[i, BASES_START] - 1)
        added = umi[i, 1] - umi[i, 0]
        name_offset[i + 1] = name_offset[i] + rows[i, NAME_END] - rows[i, NAME_START] + added + (added > 0)
    names = np.empty(name_offset[n], dtype=np.uint8)
    for i in range(n):
        to = name_offset[i]
        for at in range(rows[i, NAME_START], rows[i, NAME_END]):
            names[to] = block[at]
            to += 1
        if umi[i, 1] > umi[i, 0]:
            names[to] = _UNDERSCORE
            for at in range(umi[i, 0], umi[i, 1]):
                names[to + 1 + at - umi[i, 0]] = block[at]
    return name_offset, names
