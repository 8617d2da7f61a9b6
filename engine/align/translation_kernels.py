"""Kernels that turn alignments to pieces (:mod:`engine.align.index`) into alignments to whole contigs. No I/O.

Translated are the contig and position of the read and its mate, the template length of mates on two pieces of one
contig, the bin, and the contigs and positions in the tags SA and XA.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import (
    FIRST,
    LAST,
    NOT_PRIMARY,
    REVERSE,
    UNMAPPED,
    bin_of,
    contig_of,
    copy_bytes,
    flag_of,
    indexed_end,
    reference_length,
    same_name,
    start_of,
    tag_end,
    tags_at,
)
from engine.reads.unaligned import int32_at, put_int32, put_uint16

_COMMA, _SEMICOLON, _MINUS, _PLUS, _ZERO = 44, 59, 45, 43, 48
_SA, _XA = 0x4153, 0x4158


@kernel
def translate(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    piece_contig: NDArray[np.int64],
    piece_start: NDArray[np.int64],
    names: NDArray[np.uint8],
    name_offset: NDArray[np.int64],
) -> Any:
    """Copy records, translated.

    Args:
        data: uint8[], packed records, those of one template side by side.
        offset: int64[n + 1], where each begins.
        piece_contig: int64[pieces], index of each piece's contig.
        piece_start: int64[pieces], 0-based position of each piece in its contig.
        names: uint8[], the contigs' names end to end.
        name_offset: int64[contigs + 1], limits of the names.

    Returns:
        The records uint8[] and where each begins int64[n + 1].
    """
    count = len(offset) - 1
    template_length = _lengths_across_pieces(data, offset, piece_contig, piece_start)
    out = np.empty(len(data) + _room_for_tags(data, offset, name_offset), dtype=np.uint8)
    out_offset = np.zeros(count + 1, dtype=np.int64)
    for i in range(count):
        at, end = offset[i], offset[i + 1]
        to = out_offset[i]
        tags = tags_at(data, at)
        copy_bytes(data, at, tags, out, to)
        _translate_place(out, to + 4, to + 8, piece_contig, piece_start)
        _translate_place(out, to + 24, to + 28, piece_contig, piece_start)
        if template_length[i] != 0:
            put_int32(out, to + 32, template_length[i])
        put_uint16(out, to + 14, bin_of(max(start_of(out, to), -1), indexed_end(out, to)))
        stop = _copy_tags(data, tags, end, out, to + tags - at, piece_contig, piece_start, names, name_offset)
        put_int32(out, to, stop - to - 4)
        out_offset[i + 1] = stop
    return out[: out_offset[count]], out_offset


@kernel
def _translate_place(
    out: NDArray[np.uint8],
    contig_at: int,
    position_at: int,
    piece_contig: NDArray[np.int64],
    piece_start: NDArray[np.int64],
) -> None:
    piece = int32_at(out, contig_at)
    if piece >= 0:
        put_int32(out, contig_at, piece_contig[piece])
        put_int32(out, position_at, int32_at(out, position_at) + piece_start[piece])


@kernel
def _five_prime(data: NDArray[np.uint8], at: int, piece_start: NDArray[np.int64]) -> int:
    start = start_of(data, at) + piece_start[contig_of(data, at)]
    return int(start + reference_length(data, at) - 1 if flag_of(data, at) & REVERSE else start)


@kernel
def _lengths_across_pieces(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    piece_contig: NDArray[np.int64],
    piece_start: NDArray[np.int64],
) -> NDArray[np.int64]:
    """TLEN, by bwa's rule (5' end to 5' end), where mates lie on two pieces of one contig; 0 elsewhere."""
    count = len(offset) - 1
    lengths = np.zeros(count, dtype=np.int64)
    for i in range(count):
        at = offset[i]
        piece, mate_piece = contig_of(data, at), int32_at(data, at + 24)
        if piece < 0 or mate_piece < 0 or piece == mate_piece or flag_of(data, at) & UNMAPPED:
            continue
        if piece_contig[piece] != piece_contig[mate_piece]:
            continue
        mate = _primary_mate(data, offset, i)
        if mate >= 0 and not flag_of(data, mate) & UNMAPPED:
            here, there = _five_prime(data, at, piece_start), _five_prime(data, mate, piece_start)
            lengths[i] = there - here + (1 if there > here else -1 if there < here else 0)
    return lengths


@kernel
def _primary_mate(data: NDArray[np.uint8], offset: NDArray[np.int64], row: int) -> int:
    """Where the mate's primary record begins among the records of the same template, -1 for nowhere."""
    at = offset[row]
    wanted = LAST if flag_of(data, at) & FIRST else FIRST
    first = row
    while first > 0 and same_name(data, at, offset[first - 1]):
        first -= 1
    for i in range(first, len(offset) - 1):
        if not same_name(data, at, offset[i]):
            break
        flag = flag_of(data, offset[i])
        if flag & wanted and not flag & NOT_PRIMARY:
            return int(offset[i])
    return -1


@kernel
def _room_for_tags(data: NDArray[np.uint8], offset: NDArray[np.int64], name_offset: NDArray[np.int64]) -> int:
    """An upper bound of the bytes by which SA and XA grow: each entry by a name and a longer position."""
    entries, longest = 0, 0
    for i in range(len(name_offset) - 1):
        longest = max(longest, name_offset[i + 1] - name_offset[i])
    for i in range(len(offset) - 1):
        at = tags_at(data, offset[i])
        while at < offset[i + 1]:
            end = tag_end(data, at, offset[i + 1])
            tag = data[at] | data[at + 1] << 8
            if tag in (_SA, _XA):
                for j in range(at + 3, end):
                    entries += data[j] == _SEMICOLON
            at = end
    return entries * (longest + 12)


@kernel
def _copy_tags(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    out: NDArray[np.uint8],
    to: int,
    piece_contig: NDArray[np.int64],
    piece_start: NDArray[np.int64],
    names: NDArray[np.uint8],
    name_offset: NDArray[np.int64],
) -> int:
    while at < end:
        after = tag_end(data, at, end)
        tag = data[at] | data[at + 1] << 8
        if tag in (_SA, _XA):
            copy_bytes(data, at, at + 3, out, to)
            to = _copy_places(data, at + 3, after - 1, out, to + 3, piece_contig, piece_start, names, name_offset)
            out[to] = 0
            to += 1
        else:
            copy_bytes(data, at, after, out, to)
            to += after - at
        at = after
    return to


@kernel
def _copy_places(
    data: NDArray[np.uint8],
    at: int,
    end: int,
    out: NDArray[np.uint8],
    to: int,
    piece_contig: NDArray[np.int64],
    piece_start: NDArray[np.int64],
    names: NDArray[np.uint8],
    name_offset: NDArray[np.int64],
) -> int:
    """Entries ``piece,position,rest;`` as ``contig,position,rest;`` (XA has the strand as the position's sign)."""
    while at < end:
        piece = 0
        while data[at] != _COMMA:
            piece = piece * 10 + data[at] - _ZERO
            at += 1
        contig = piece_contig[piece]
        length = name_offset[contig + 1] - name_offset[contig]
        copy_bytes(names, name_offset[contig], name_offset[contig + 1], out, to)
        out[to + length] = _COMMA
        to, at = to + length + 1, at + 1
        if data[at] == _MINUS or data[at] == _PLUS:
            out[to] = data[at]
            to, at = to + 1, at + 1
        position = 0
        while data[at] != _COMMA:
            position = position * 10 + data[at] - _ZERO
            at += 1
        to = _put_decimal(out, to, position + piece_start[piece])
        while True:
            out[to] = data[at]
            to, at = to + 1, at + 1
            if data[at - 1] == _SEMICOLON:
                break
    return to


@kernel
def _put_decimal(out: NDArray[np.uint8], to: int, value: int) -> int:
    digits, rest = 1, value // 10
    while rest:
        digits, rest = digits + 1, rest // 10
    for i in range(digits):
        out[to + digits - 1 - i] = _ZERO + value % 10
        value //= 10
    return to + digits
