"""Kernels that turn SAM lines into packed BAM records, for aligners that write text (SAM specification 1.4, 4.2).

Understood are the tag types that aligners of short reads write: A, i and Z. No I/O.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import NAME, bin_of, copy_bytes, indexed_end
from engine.reads.unaligned import put_int32, put_uint16

_TAB, _NEWLINE, _STAR, _EQUALS, _MINUS, _ZERO, _NINE = 9, 10, 42, 61, 45, 48, 57
_CHARACTER, _INTEGER, _TEXT = 65, 105, 90


def _numbers(letters: bytes) -> NDArray[np.uint8]:
    table = np.full(256, 15, dtype=np.uint8)
    for number, letter in enumerate(letters):
        table[letter] = number
    return table


_BASE_NUMBERS = _numbers(b"=ACMGRSVTWYHKDBN")
_OPERATOR_NUMBERS = _numbers(b"MIDNSHP=X")


@kernel
def pack_lines(text: NDArray[np.uint8], names: NDArray[np.uint8], name_offset: NDArray[np.int64]) -> Any:
    """Pack whole SAM lines.

    Args:
        text: uint8[], lines that each end with a newline, no header lines among them.
        names: uint8[], the contigs' names end to end, in the order of the header.
        name_offset: int64[contigs + 1], limits of the names.

    Returns:
        Packed records uint8[], and the line (0-based) that cannot be understood, -1 where all can.
    """
    lines = 0
    for i in range(len(text)):
        lines += text[i] == _NEWLINE
    out = np.empty(2 * len(text) + lines * NAME, dtype=np.uint8)
    at, to, line = 0, 0, 0
    limits = np.empty(12, dtype=np.int64)
    while at < len(text):
        after = _fields(text, at, limits)
        if after < 0:
            return out[:to], line
        end = _pack_line(text, limits, after, names, name_offset, out, to)
        if end < 0:
            return out[:to], line
        to, at, line = end, after, line + 1
    return out[:to], -1


@kernel
def _fields(text: NDArray[np.uint8], at: int, limits: NDArray[np.int64]) -> int:
    """Fill where the eleven fields and the tags begin; returns where the next line begins, -1 if fields lack."""
    limits[0] = at
    found = 1
    while text[at] != _NEWLINE:
        if text[at] == _TAB and found < 12:
            limits[found] = at + 1
            found += 1
        at += 1
    if found == 11:
        limits[11] = at + 1
        found = 12
    return at + 1 if found == 12 else -1


@kernel
def _integer(text: NDArray[np.uint8], start: int, end: int) -> int:
    value, sign = 0, 1
    if text[start] == _MINUS:
        sign, start = -1, start + 1
    for i in range(start, end):
        value = value * 10 + text[i] - _ZERO
    return sign * value


@kernel
def _contig(
    text: NDArray[np.uint8], start: int, end: int, names: NDArray[np.uint8], name_offset: NDArray[np.int64]
) -> int:
    """Index of a contig by its name; -1 for ``*``, -2 for one that is unknown."""
    if end - start == 1 and text[start] == _STAR:
        return -1
    for contig in range(len(name_offset) - 1):
        first = name_offset[contig]
        if name_offset[contig + 1] - first != end - start:
            continue
        same = 0
        while same < end - start and names[first + same] == text[start + same]:
            same += 1
        if same == end - start:
            return contig
    return -2


@kernel
def _pack_line(
    text: NDArray[np.uint8],
    limits: NDArray[np.int64],
    after: int,
    names: NDArray[np.uint8],
    name_offset: NDArray[np.int64],
    out: NDArray[np.uint8],
    to: int,
) -> int:
    """Pack one line at ``to``; returns where the record ends, -1 where the line cannot be understood."""
    contig = _contig(text, limits[2], limits[3] - 1, names, name_offset)
    mate = contig if text[limits[6]] == _EQUALS else _contig(text, limits[6], limits[7] - 1, names, name_offset)
    name_length = limits[1] - limits[0]
    if contig == -2 or mate == -2 or name_length > 255:
        return -1
    put_int32(out, to + 4, contig)
    put_int32(out, to + 8, _integer(text, limits[3], limits[4] - 1) - 1)
    out[to + 12] = name_length
    out[to + 13] = _integer(text, limits[4], limits[5] - 1)
    put_uint16(out, to + 18, _integer(text, limits[1], limits[2] - 1))
    put_int32(out, to + 24, mate)
    put_int32(out, to + 28, _integer(text, limits[7], limits[8] - 1) - 1)
    put_int32(out, to + 32, _integer(text, limits[8], limits[9] - 1))
    copy_bytes(text, limits[0], limits[1] - 1, out, to + NAME)
    out[to + NAME + name_length - 1] = 0
    end = _pack_cigar(text, limits[5], limits[6] - 1, out, to, to + NAME + name_length)
    end = _pack_bases(text, limits[9], limits[10] - 1, limits[10], out, to, end)
    put_uint16(out, to + 14, 0)
    end = _pack_tags(text, limits[11], after, out, end)
    put_int32(out, to, end - to - 4)
    start = _integer(text, limits[3], limits[4] - 1) - 1
    put_uint16(out, to + 14, bin_of(start, indexed_end(out, to)))
    return end


@kernel
def _pack_cigar(text: NDArray[np.uint8], start: int, end: int, out: NDArray[np.uint8], record: int, to: int) -> int:
    count, length = 0, 0
    if text[start] != _STAR:
        for i in range(start, end):
            if _ZERO <= text[i] <= _NINE:
                length = length * 10 + text[i] - _ZERO
            else:
                put_int32(out, to + 4 * count, (length << 4) | _OPERATOR_NUMBERS[text[i]])
                count, length = count + 1, 0
    put_uint16(out, record + 16, count)
    return to + 4 * count


@kernel
def _pack_bases(
    text: NDArray[np.uint8], start: int, end: int, qualities: int, out: NDArray[np.uint8], record: int, to: int
) -> int:
    length = 0 if text[start] == _STAR else end - start
    put_int32(out, record + 20, length)
    for i in range(0, length, 2):
        second = _BASE_NUMBERS[text[start + i + 1]] if i + 1 < length else 0
        out[to + (i >> 1)] = (_BASE_NUMBERS[text[start + i]] << 4) | second
    to += (length + 1) // 2
    absent = (
        text[qualities] == _STAR and (text[qualities + 1] == _TAB or text[qualities + 1] == _NEWLINE) and length > 1
    )
    for i in range(length):
        out[to + i] = 255 if absent else text[qualities + i] - 33
    return to + length


@kernel
def _pack_tags(text: NDArray[np.uint8], at: int, after: int, out: NDArray[np.uint8], to: int) -> int:
    """Pack ``XX:T:value`` up to the end of the line; -1 for a type that is not understood."""
    while at < after:
        end = at
        while text[end] != _TAB and text[end] != _NEWLINE:
            end += 1
        kind = text[at + 3]
        out[to], out[to + 1], out[to + 2] = text[at], text[at + 1], kind
        if kind == _INTEGER:
            put_int32(out, to + 3, _integer(text, at + 5, end))
            to += 7
        elif kind == _CHARACTER:
            out[to + 3] = text[at + 5]
            to += 4
        elif kind == _TEXT:
            copy_bytes(text, at + 5, end, out, to + 3)
            to += 3 + end - at - 5
            out[to] = 0
            to += 1
        else:
            return -1
        at = end + 1
    return to
