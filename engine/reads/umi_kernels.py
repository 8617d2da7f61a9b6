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


_MARK = 7
LONGEST_CODED = 20
"""Letters of a UMI that can be compared one by one; longer ones are the same or not."""


def umi_codes() -> NDArray[np.int64]:
    """A number for each byte: 0 to 4 for the bases and N, 7 for what is no letter of a UMI."""
    codes = np.full(256, _MARK, dtype=np.int64)
    codes[np.frombuffer(b"ACGNT", dtype=np.uint8)] = np.arange(5)
    return codes


UMI_CODES = umi_codes()


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
def umi_code(data: NDArray[np.uint8], start: int, end: int) -> int:
    """The letters of the UMI ``data[start:end]`` in one number that is not negative, three bits each behind a mark, so
    that codes of UMIs can be compared letter by letter; what joins two UMIs does not count.

    Of more than :data:`LONGEST_CODED` letters it is a number that is no code but the same for the same UMI.
    """
    code = np.int64(_MARK)
    letters = 0
    for i in range(start, end):
        letter = UMI_CODES[data[i]]
        if letter < _MARK:
            code = code << 3 | letter
            letters += 1
    return int(code) if letters <= LONGEST_CODED else umi_hash(data, start, end)


@kernel
def differ_in_one(one: int, other: int) -> bool:
    """Whether two codes are of UMIs that differ in one letter."""
    rest = one ^ other
    different = 0
    while rest:
        different += (rest & 7) != 0
        rest >>= 3
    return different == 1


@kernel
def molecules(umis: NDArray[np.int64]) -> NDArray[np.int64]:
    """The UMI that each read's molecule has, of reads at one place.

    The directional network of Smith, Heger and Sudbery (Genome Res 2017): a UMI that differs in one letter from another
    that is read at least twice as often less one is that other one with an error, and so on along the chain.

    Args:
        umis: int64[n], codes of the reads' UMIs.

    Returns:
        int64[n], the code of the most frequent UMI of each one's network.
    """
    ordered = np.sort(umis)
    firsts = np.flatnonzero(np.append(np.ones(1, np.bool_), ordered[1:] != ordered[:-1]))
    distinct = ordered[firsts]
    counts = np.diff(np.append(firsts, len(ordered)))
    parent = np.full(len(distinct), -1, dtype=np.int64)
    stack = np.empty(len(distinct), dtype=np.int64)
    for seed in np.argsort(-counts, kind="mergesort"):
        if parent[seed] >= 0:
            continue
        parent[seed], stack[0], held = seed, seed, 1
        while held:
            held -= 1
            one = stack[held]
            for other in range(len(distinct)):
                if parent[other] >= 0 or counts[one] < 2 * counts[other] - 1:
                    continue
                if differ_in_one(distinct[one], distinct[other]):
                    parent[other], stack[held] = seed, other
                    held += 1
    return np.asarray(distinct[parent[np.searchsorted(distinct, umis)]])


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
