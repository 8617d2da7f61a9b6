"""Kernels that read and set the fields of packed BAM records (SAM specification 4.2). No I/O.

Records lie end to end in one uint8 array, each beginning with its ``block_size``; ``at`` is where one begins.
Positions are 0-based; ends are exclusive.

Throughout, ``data``: uint8[], packed records.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.unaligned import byte_at, int32_at, put_int32, put_uint16, uint16_at, uint32_at

PAIRED, PROPER_PAIR, UNMAPPED, MATE_UNMAPPED = 0x1, 0x2, 0x4, 0x8
REVERSE, MATE_REVERSE, FIRST, LAST = 0x10, 0x20, 0x40, 0x80
SECONDARY, FAILS_QUALITY, DUPLICATE, SUPPLEMENTARY = 0x100, 0x200, 0x400, 0x800
NOT_PRIMARY = SECONDARY | SUPPLEMENTARY

NAME = 36
"""Bytes before the read name: ``block_size`` and the fixed fields."""

UNPLACED = (1 << 63) - 1
"""Sort key of reads without a position: after all others."""

_MATCH, _INSERTION, _DELETION, _SKIP, _SOFT, _HARD, _PAD, _EQUAL, _DIFFERENT = range(9)


@kernel
def copy_bytes(data: NDArray[np.uint8], start: int, end: int, out: NDArray[np.uint8], to: int) -> None:
    """Copy ``data[start:end]`` to ``out[to:]``; assigning slices takes numba seconds to compile.

    Args:
        out: uint8[], written to.
    """
    for i in range(end - start):
        out[to + i] = data[start + i]


@kernel
def contig_of(data: NDArray[np.uint8], at: int) -> int:
    """refID: the contig's index, -1 for none."""
    return int32_at(data, at + 4)


@kernel
def start_of(data: NDArray[np.uint8], at: int) -> int:
    """POS as 0-based position, -1 for none."""
    return int32_at(data, at + 8)


@kernel
def flag_of(data: NDArray[np.uint8], at: int) -> int:
    """FLAG."""
    return uint16_at(data, at + 18)


@kernel
def mate_is_placed(data: NDArray[np.uint8], at: int) -> bool:
    """Whether a paired read's mate is aligned: by FLAG, RNEXT and PNEXT, as GATK's ``mateIsUnmapped`` asks.

    Picard asks FLAG alone.
    """
    return flag_of(data, at) & MATE_UNMAPPED == 0 and int32_at(data, at + 24) >= 0 and int32_at(data, at + 28) >= 0


@kernel
def cigar_at(data: NDArray[np.uint8], at: int) -> int:
    """Where the CIGAR begins."""
    return int(at + NAME + byte_at(data, at + 12))


@kernel
def sequence_at(data: NDArray[np.uint8], at: int) -> int:
    """Where the packed bases begin."""
    return cigar_at(data, at) + 4 * uint16_at(data, at + 16)


@kernel
def tags_at(data: NDArray[np.uint8], at: int) -> int:
    """Where the tags begin."""
    bases = int32_at(data, at + 20)
    return sequence_at(data, at) + (bases + 1) // 2 + bases


@kernel
def tag_end(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Where the tag after the one at ``at`` begins; ``end``, the record's end, where the tag would reach beyond.

    Args:
        data: uint8[], BAM records.
        at: where the tag's name begins, at least three bytes before ``end``.
        end: where the record ends.
    """
    kind = data[at + 2]
    if kind == 65 or kind == 99 or kind == 67:  # A c C
        return min(at + 4, end)
    if kind == 115 or kind == 83:  # s S
        return min(at + 5, end)
    if kind == 105 or kind == 73 or kind == 102:  # i I f
        return min(at + 7, end)
    if kind == 66:  # B
        if at + 8 > end:
            return end
        element = data[at + 3]
        size = 1 if element == 99 or element == 67 else 2 if element == 115 or element == 83 else 4
        return min(at + 8 + size * uint32_at(data, at + 4), end)
    stop = at + 3
    while stop < end and data[stop] != 0:
        stop += 1
    return min(stop + 1, end)


@kernel
def read_group_of(
    data: NDArray[np.uint8], at: int, end: int, ids: NDArray[np.uint8], id_offset: NDArray[np.int64]
) -> int:
    """Which of some read groups a record's ``RG`` tag names, -1 where it names none of them.

    Args:
        data: uint8[], BAM records.
        at: where the record's tags begin.
        end: where the record ends.
        ids: uint8[], the read groups' IDs end to end, ASCII.
        id_offset: int64[n + 1], row limits in ``ids``.
    """
    while at + 3 < end:
        after = tag_end(data, at, end)
        if data[at] == 82 and data[at + 1] == 71 and data[at + 2] == 90:  # RG:Z
            length = after - 1 - (at + 3)
            for row in range(id_offset.size - 1):
                begin = id_offset[row]
                if id_offset[row + 1] - begin != length:
                    continue
                same = True
                for i in range(length):
                    if ids[begin + i] != data[at + 3 + i]:
                        same = False
                        break
                if same:
                    return row
            return -1
        at = after
    return -1


@kernel
def reference_length(data: NDArray[np.uint8], at: int) -> int:
    """Reference bases that the CIGAR spans."""
    cigar, length = cigar_at(data, at), 0
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator = element & 15
        if operator in (_MATCH, _DELETION, _SKIP) or operator >= _EQUAL:
            length += element >> 4
    return length


@kernel
def unclipped_five_prime(data: NDArray[np.uint8], at: int) -> int:
    """0-based position of the 5' end as if nothing had been clipped: the first base's, or the last's if reverse."""
    cigar, count = cigar_at(data, at), uint16_at(data, at + 16)
    start = start_of(data, at)
    clipped = 0
    if flag_of(data, at) & REVERSE:
        for i in range(count - 1, -1, -1):
            element = uint32_at(data, cigar + 4 * i)
            if element & 15 != _SOFT and element & 15 != _HARD:
                break
            clipped += element >> 4
        return start + reference_length(data, at) - 1 + clipped
    for i in range(count):
        element = uint32_at(data, cigar + 4 * i)
        if element & 15 != _SOFT and element & 15 != _HARD:
            break
        clipped += element >> 4
    return start - clipped


@kernel
def bin_of(start: int, end: int) -> int:
    """The BAI bin that holds ``[start, end)`` (SAM specification 5.3)."""
    end -= 1
    if start >> 14 == end >> 14:
        return 4681 + (start >> 14)
    if start >> 17 == end >> 17:
        return 585 + (start >> 17)
    if start >> 20 == end >> 20:
        return 73 + (start >> 20)
    if start >> 23 == end >> 23:
        return 9 + (start >> 23)
    if start >> 26 == end >> 26:
        return 1 + (start >> 26)
    return 0


@kernel
def indexed_end(data: NDArray[np.uint8], at: int) -> int:
    """End for the index: one past the alignment, or one base for a read without one."""
    start = start_of(data, at)
    if flag_of(data, at) & UNMAPPED:
        return start + 1
    return start + max(reference_length(data, at), 1)


@kernel
def same_name(data: NDArray[np.uint8], at: int, other: int) -> bool:
    """Whether two records bear the same read name."""
    if data[at + 12] != data[other + 12]:
        return False
    i, end = NAME, NAME + byte_at(data, at + 12)
    while i < end and data[at + i] == data[other + i]:
        i += 1
    return bool(i == end)


@kernel
def record_offsets(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64[n + 1]: where each of the records that lie end to end begins, and where the last ends."""
    count, at = 0, 0
    while at < len(data):
        at += 4 + int32_at(data, at)
        count += 1
    offset = np.zeros(count + 1, dtype=np.int64)
    for i in range(count):
        offset[i + 1] = offset[i] + 4 + int32_at(data, offset[i])
    return offset


@kernel
def sort_keys(data: NDArray[np.uint8], offset: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[n] whose order is the coordinate order: contig, position, forward strand before reverse.

    Args:
        offset: int64[n + 1], where each record begins.
    """
    keys = np.empty(len(offset) - 1, dtype=np.int64)
    for i in range(len(keys)):
        keys[i] = _sort_key(data, offset[i])
    return keys


@kernel
def _sort_key(data: NDArray[np.uint8], at: int) -> int:
    contig = contig_of(data, at)
    if contig < 0:
        return UNPLACED
    reverse = (flag_of(data, at) >> 4) & 1
    return (contig << 33) | ((start_of(data, at) + 1) << 1) | reverse


@kernel
def gather(data: NDArray[np.uint8], start: NDArray[np.int64], order: NDArray[np.int64]) -> Any:
    """Copy the records that begin at ``start[order]`` end to end: their bytes and where each begins (n + 1).

    Args:
        start: int64[n], where each record begins.
        order: int64[n], of rows in ``start``.
    """
    offset = np.zeros(len(order) + 1, dtype=np.int64)
    for i in range(len(order)):
        offset[i + 1] = offset[i] + 4 + int32_at(data, start[order[i]])
    out = np.empty(offset[len(order)], dtype=np.uint8)
    for i in range(len(order)):
        at = start[order[i]]
        copy_bytes(data, at, at + offset[i + 1] - offset[i], out, offset[i])
    return out, offset


@kernel
def pack_chunks(data: NDArray[np.uint8], start: NDArray[np.int64], order: NDArray[np.int64], rows: int) -> Any:
    """Copy the records that begin at ``start[order]`` in chunks, each behind its rows of ``order``.

    Args:
        start: int64[], where each record begins.
        order: int64[n], of rows in ``start``; below 2 ** 31.
        rows: records of a chunk; the last one may have fewer.

    Returns:
        The chunks uint8[] end to end, and where each begins and the last ends.
    """
    chunks = (len(order) + rows - 1) // rows
    limits = np.zeros(chunks + 1, dtype=np.int64)
    for i in range(len(order)):
        limits[i // rows + 1] += 8 + int32_at(data, start[order[i]])
    for chunk in range(chunks):
        limits[chunk + 1] += limits[chunk]
    out = np.empty(limits[chunks], dtype=np.uint8)
    for chunk in range(chunks):
        first, last = chunk * rows, min((chunk + 1) * rows, len(order))
        to = limits[chunk] + 4 * (last - first)
        for i in range(first, last):
            put_int32(out, limits[chunk] + 4 * (i - first), order[i])
            at = start[order[i]]
            end = at + 4 + int32_at(data, at)
            copy_bytes(data, at, end, out, to)
            to += end - at
    return out, limits


@kernel
def unpack_chunks(packed: NDArray[np.uint8], rows: NDArray[np.int64]) -> Any:
    """What :func:`pack_chunks` packed.

    Args:
        packed: uint8[], chunks end to end.
        rows: int64[chunks], records of each.

    Returns:
        The records uint8[] end to end, where each begins int64[n + 1], and int64[n] their keys and rows of ``order``.
    """
    count = rows.sum()
    data = np.empty(len(packed) - 4 * count, dtype=np.uint8)
    offset = np.zeros(count + 1, dtype=np.int64)
    keys, order = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    at, record = 0, 0
    for chunk in range(len(rows)):
        numbers, at = at, at + 4 * rows[chunk]
        for i in range(rows[chunk]):
            end = at + 4 + int32_at(packed, at)
            copy_bytes(packed, at, end, data, offset[record])
            keys[record], order[record] = _sort_key(packed, at), int32_at(packed, numbers + 4 * i)
            offset[record + 1] = offset[record] + end - at
            at, record = end, record + 1
    return data, offset, keys, order


@kernel
def set_duplicate_flags(
    data: NDArray[np.uint8], offset: NDArray[np.int64], ordinal: NDArray[np.int64], bits: NDArray[np.uint8]
) -> None:
    """Set or clear the duplicate flag of each record by the bit of its ordinal (highest bit of a byte first).

    Args:
        offset: int64[n + 1], where each record begins.
        ordinal: int64[n], of each record.
        bits: uint8[], a bit for each ordinal.
    """
    for i in range(len(ordinal)):
        at = offset[i] + 18
        flag = uint16_at(data, at) & ~DUPLICATE
        if bits[ordinal[i] >> 3] >> (7 - (ordinal[i] & 7)) & 1:
            flag |= DUPLICATE
        put_uint16(data, at, flag)
