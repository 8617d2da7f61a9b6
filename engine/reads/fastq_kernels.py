"""Kernels that find FASTQ records in a block of bytes and copy their parts into columns. No I/O.

A record is four lines: ``@name comment``, bases, ``+``, qualities (Cock et al. 2010, doi:10.1093/nar/gkp1137).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

COMPLETE = 0
NO_AT_SIGN = 1
NO_NAME = 2
BAD_BASE = 3
NO_PLUS = 4
LENGTHS_DIFFER = 5
BAD_QUALITY = 6
OTHER_NAME = 7

NAME_START, NAME_END, BASES_START, BASES_END, QUALITIES_START, MATE = range(6)

_NEWLINE, _RETURN, _SPACE, _TAB, _SLASH, _COLON = 10, 13, 32, 9, 47, 58
_ONE, _TWO = 49, 50
_LOWEST_QUALITY, _HIGHEST_QUALITY = 33, 126


def base_letters() -> NDArray[np.bool_]:
    """True for the bytes that may stand for a base: IUPAC codes in either case and the dot of old sequencers.

    Without U: aligners take it for N, so that reads of RNA would seem to lack a quarter of their bases.
    """
    allowed = np.zeros(256, dtype=np.bool_)
    allowed[np.frombuffer(b"ACGTNRYKMSWBDHVacgtnrykmswbdhv.", dtype=np.uint8)] = True
    return allowed


BASE_LETTERS = base_letters()


@kernel
def _line_end(block: NDArray[np.uint8], start: int, end: int) -> int:
    """Index of the next newline, -1 where the block ends before it."""
    for i in range(start, end):
        if block[i] == _NEWLINE:
            return i
    return -1


@kernel
def _trim(block: NDArray[np.uint8], start: int, newline: int) -> int:
    """End of a line without the carriage return of Windows."""
    if newline > start and block[newline - 1] == _RETURN:
        return newline - 1
    return newline


@kernel
def _name(block: NDArray[np.uint8], start: int, end: int, row: NDArray[np.int64]) -> None:
    """Split a header line into name and mate number: ``name/1``, ``name 1:N:0:ACGT``, or no number (0)."""
    name_end = start
    while name_end < end and block[name_end] != _SPACE and block[name_end] != _TAB:
        name_end += 1
    mate = 0
    if name_end + 2 < end and block[name_end + 2] == _COLON and _ONE <= block[name_end + 1] <= _TWO:
        mate = block[name_end + 1] - _ONE + 1
    if name_end - start > 2 and block[name_end - 2] == _SLASH and _ONE <= block[name_end - 1] <= _TWO:
        mate = block[name_end - 1] - _ONE + 1
        name_end -= 2
    row[NAME_START], row[NAME_END], row[MATE] = start, name_end, mate


@kernel
def _all_plain_bases(block: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether all are upper-case A, C, G, T or N; without an early end, so that the loop runs in vectors."""
    plain = 0
    for i in range(start, end):
        base = block[i]
        plain += (base == 65) | (base == 67) | (base == 71) | (base == 84) | (base == 78)
    return plain == end - start


@kernel
def _bases_end(block: NDArray[np.uint8], start: int, end: int, guess: int) -> int:
    """Index of the newline after the bases; most reads are as long as the one before, which ``guess`` says."""
    at = start + guess
    if at < end and block[at] == _NEWLINE and _all_plain_bases(block, start, at):
        return at
    return _line_end(block, start, end)


@kernel
def _all_bases(block: NDArray[np.uint8], start: int, end: int, letters: NDArray[np.bool_]) -> bool:
    other = 0
    if not _all_plain_bases(block, start, end):
        for i in range(start, end):
            other += not letters[block[i]]
    return other == 0


@kernel
def _all_qualities(block: NDArray[np.uint8], start: int, end: int) -> bool:
    outside = 0
    for i in range(start, end):
        outside += (block[i] < _LOWEST_QUALITY) | (block[i] > _HIGHEST_QUALITY)
    return outside == 0


@kernel
def _same_name(block: NDArray[np.uint8], header: int, plus: int, end: int) -> bool:
    """Whether the third line, ``+`` at ``plus``, names nothing or the read of the first line, which may be longer.

    Programs that append a UMI to the name (fastp, umi_tools) leave the third line as it was.
    """
    i = 1
    while plus + i < end and block[plus + i] != _SPACE and block[plus + i] != _TAB:
        if block[plus + i] != block[header + i]:
            return False
        i += 1
    return True


@kernel
def find_records(
    block: NDArray[np.uint8], end: int, letters: NDArray[np.bool_], rows: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Find whole records in ``block[:end]``, at most ``len(rows)`` of them.

    Args:
        block: uint8[], bytes of the file; every record found ends with a newline.
        end: how many bytes of it are filled.
        letters: bool[256], :data:`BASE_LETTERS`.
        rows: int64[capacity, 6], filled: limits of name, bases and start of qualities, mate number (0 unknown).

    Returns:
        Records found, bytes they take, and what is wrong with the record after them (``COMPLETE``: nothing).
    """
    found, position, length = 0, 0, 0
    while found < len(rows):
        header_newline = _line_end(block, position, end)
        if header_newline < 0:
            break
        if block[position] != 64:
            return found, position, NO_AT_SIGN
        _name(block, position + 1, _trim(block, position, header_newline), rows[found])
        if rows[found, NAME_END] == rows[found, NAME_START]:
            return found, position, NO_NAME
        bases_start = header_newline + 1
        bases_newline = _bases_end(block, bases_start, end, length)
        if bases_newline < 0:
            break
        bases_end = _trim(block, bases_start, bases_newline)
        if not _all_bases(block, bases_start, bases_end, letters):
            return found, position, BAD_BASE
        plus = bases_newline + 1
        plus_newline = _line_end(block, plus, end)
        if plus_newline < 0:
            break
        if block[plus] != 43:
            return found, position, NO_PLUS
        if not _same_name(block, position, plus, _trim(block, plus, plus_newline)):
            return found, position, OTHER_NAME
        qualities_start = plus_newline + 1
        length = bases_end - bases_start
        qualities_newline = qualities_start + length
        if qualities_newline >= end or block[qualities_newline] != _NEWLINE:
            qualities_newline = _line_end(block, qualities_start, end)
        if qualities_newline < 0:
            break
        qualities_end = _trim(block, qualities_start, qualities_newline)
        if qualities_end - qualities_start != length:
            return found, position, LENGTHS_DIFFER
        if not _all_qualities(block, qualities_start, qualities_end):
            early_end = _line_end(block, qualities_start, qualities_end) >= 0
            return found, position, LENGTHS_DIFFER if early_end else BAD_QUALITY
        rows[found, BASES_START], rows[found, BASES_END] = bases_start, bases_end
        rows[found, QUALITIES_START] = qualities_start
        found += 1
        position = qualities_newline + 1
    return found, position, COMPLETE


@kernel
def copy_records(block: NDArray[np.uint8], rows: NDArray[np.int64]) -> Any:
    """Copy the parts of the records that :func:`find_records` found.

    Args:
        block: uint8[], bytes of the file.
        rows: int64[n, 6], as :func:`find_records` fills them.

    Returns:
        name_offset int64[n + 1], names uint8[], mate uint8[n], base_offset int64[n + 1], bases uint8[] as in the
        file, qualities uint8[] phred (the file's 33 taken off).
    """
    n = len(rows)
    name_offset = np.zeros(n + 1, dtype=np.int64)
    base_offset = np.zeros(n + 1, dtype=np.int64)
    mate = np.empty(n, dtype=np.uint8)
    for i in range(n):
        name_offset[i + 1] = name_offset[i] + rows[i, NAME_END] - rows[i, NAME_START]
        base_offset[i + 1] = base_offset[i] + rows[i, BASES_END] - rows[i, BASES_START]
        mate[i] = rows[i, MATE]
    names = np.empty(name_offset[n], dtype=np.uint8)
    bases = np.empty(base_offset[n], dtype=np.uint8)
    qualities = np.empty(base_offset[n], dtype=np.uint8)
    for i in range(n):
        at, name = name_offset[i], rows[i, NAME_START]
        for j in range(name_offset[i + 1] - at):
            names[at + j] = block[name + j]
        length = base_offset[i + 1] - base_offset[i]
        at, base, quality = base_offset[i], rows[i, BASES_START], rows[i, QUALITIES_START]
        for j in range(length):
            bases[at + j] = block[base + j]
        for j in range(length):
            qualities[at + j] = block[quality + j] - 33
    return name_offset, names, mate, base_offset, bases, qualities


@kernel
def first_different_name(
    name_offset1: NDArray[np.int64],
    names1: NDArray[np.uint8],
    name_offset2: NDArray[np.int64],
    names2: NDArray[np.uint8],
    count: int,
) -> int:
    """First of ``count`` rows whose two names differ, -1 where all agree.

    Args:
        name_offset1: int64[n + 1], limits of the names of the first reads.
        names1: uint8[], these names end to end.
        name_offset2: int64[n + 1], the same of the second reads.
        names2: uint8[], their names.
    """
    for i in range(count):
        start1, start2 = name_offset1[i], name_offset2[i]
        length = name_offset1[i + 1] - start1
        if name_offset2[i + 1] - start2 != length:
            return i
        for j in range(length):
            if names1[start1 + j] != names2[start2 + j]:
                return i
    return -1
