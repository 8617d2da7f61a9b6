"""What decides the covariates of a base, from packed BAM records: read group, usable stretch, context, cycle. No I/O.

Sources: specification section 16; GATK's ``BaseRecalibrator``, ``ContextCovariate`` and ``CycleCovariate``; SAM
specification 4.2 for the record. Positions are 0-based.

Throughout, ``data``: uint8[], packed records; ``codes``: uint8[n], a read's bases as codes, as stored.
"""

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
# ruff: noqa: SIM109

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import (
    DUPLICATE,
    FAILS_QUALITY,
    LAST,
    MATE_REVERSE,
    PAIRED,
    REVERSE,
    SECONDARY,
    UNMAPPED,
    cigar_at,
    contig_of,
    flag_of,
    mate_is_placed,
    read_group_of,
    sequence_at,
    start_of,
    tags_at,
)
from engine.reads.unaligned import int32_at, uint16_at, uint32_at

NOT_A_BASE = 4
NO_CONTEXT = 16
"""Behind the sixteen contexts, whose codes are in the order of ``table.CONTEXTS``."""
NO_GROUP = -1
LOW_QUALITY_TAIL = 2
LOWEST_QUALITY = 6
"""Bases of lower quality are neither counted nor changed (``--preserve-qscores-less-than``)."""

_MATCH, _INSERTION, _DELETION, _SKIP, _SOFT, _HARD, _PAD, _EQUAL, _DIFFERENT = range(9)
_UNFIT = UNMAPPED | SECONDARY | DUPLICATE | FAILS_QUALITY
_CODE_OF_NIBBLE = np.array([4, 0, 1, 4, 2, 4, 4, 4, 3, 4, 4, 4, 4, 4, 4, 4], dtype=np.uint8)


@kernel
def is_counted(data: NDArray[np.uint8], at: int) -> bool:
    """Whether a read tells of errors: mapped with a known MAPQ above 0, not secondary, no duplicate, not failed."""
    mapq = data[at + 13]
    return flag_of(data, at) & _UNFIT == 0 and mapq != 0 and mapq != 255 and contig_of(data, at) >= 0


@kernel
def cigar_fits(data: NDArray[np.uint8], at: int) -> bool:
    """Whether the CIGAR spans the stored bases, some of the reference, and skips nothing."""
    cigar, read, reference = cigar_at(data, at), 0, 0
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator, length = element & 15, element >> 4
        if operator == _SKIP:
            return False
        if operator == _MATCH or operator >= _EQUAL:
            read += length
            reference += length
        elif operator == _INSERTION or operator == _SOFT:
            read += length
        elif operator == _DELETION:
            reference += length
    return reference > 0 and read == int32_at(data, at + 20)


@kernel
def group_of(
    data: NDArray[np.uint8],
    at: int,
    ids: NDArray[np.uint8],
    id_offset: NDArray[np.int64],
    group_of_id: NDArray[np.int32],
) -> int:
    """The read group's row in the table by the record's ``RG`` tag, ``NO_GROUP`` where it has none that is known.

    Args:
        ids: uint8[], read group IDs end to end.
        id_offset: int64[g + 1], their limits.
        group_of_id: int32[g], row of the table of each ID.
    """
    end = at + 4 + int32_at(data, at)
    row = read_group_of(data, tags_at(data, at), end, ids, id_offset)
    return NO_GROUP if row < 0 else group_of_id[row]


@kernel
def base_at_position(data: NDArray[np.uint8], at: int, position: int, after: bool) -> int:
    """Index of the stored base at a reference position, -1 where the alignment does not reach it.

    Inside a deletion: the base after it if ``after``, else the base before it.
    """
    cigar, reference, base = cigar_at(data, at), start_of(data, at), 0
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator, length = element & 15, element >> 4
        if operator == _MATCH or operator >= _EQUAL:
            if reference <= position < reference + length:
                return base + position - reference
            reference += length
            base += length
        elif operator == _INSERTION or operator == _SOFT:
            base += length
        elif operator == _DELETION:
            if reference <= position < reference + length:
                return base if after else base - 1
            reference += length
    return -1


@kernel
def alignment_end(data: NDArray[np.uint8], at: int) -> int:
    """Last reference position of the alignment, itself aligned."""
    cigar, reference = cigar_at(data, at), start_of(data, at)
    for i in range(uint16_at(data, at + 16)):
        element = uint32_at(data, cigar + 4 * i)
        operator = element & 15
        if operator == _MATCH or operator == _DELETION or operator >= _EQUAL:
            reference += element >> 4
    return reference - 1


@kernel
def usable_stretch(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Stored bases ``[start, stop)`` that are neither soft-clipped nor beyond the adaptor boundary; empty for none."""
    bases = int32_at(data, at + 20)
    start, stop = 0, bases
    boundary, defined = _adaptor_boundary(data, at)
    if defined:
        first, last = start_of(data, at), alignment_end(data, at)
        if flag_of(data, at) & REVERSE:
            if boundary >= last:
                return 0, 0
            if boundary >= first:
                start = base_at_position(data, at, boundary, False) + 1
        else:
            if boundary <= first:
                return 0, 0
            if boundary <= last:
                stop = base_at_position(data, at, boundary, True)
    leading, trailing = _soft_clips(data, at)
    return max(start, leading), min(stop, bases - trailing)


@kernel
def _adaptor_boundary(data: NDArray[np.uint8], at: int) -> tuple[int, bool]:
    """The first position beyond the fragment and whether it is known (specification 2.1)."""
    flag, template = flag_of(data, at), int32_at(data, at + 32)
    strands_differ = (flag & REVERSE != 0) != (flag & MATE_REVERSE != 0)
    if flag & PAIRED == 0 or template == 0 or not strands_differ or not mate_is_placed(data, at):
        return 0, False
    start, mate = start_of(data, at), int32_at(data, at + 28)
    if flag & REVERSE:
        return mate - 1, alignment_end(data, at) > mate
    return start + abs(template), start <= mate + abs(template)


@kernel
def _soft_clips(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    cigar, count = cigar_at(data, at), uint16_at(data, at + 16)
    leading, trailing = 0, 0
    for i in range(count):
        element = uint32_at(data, cigar + 4 * i)
        if element & 15 == _SOFT:
            leading = element >> 4
        if element & 15 != _HARD:
            break
    for i in range(count - 1, -1, -1):
        element = uint32_at(data, cigar + 4 * i)
        if element & 15 == _SOFT:
            trailing = element >> 4
        if element & 15 != _HARD:
            break
    return leading, trailing


@kernel
def unpack_bases(data: NDArray[np.uint8], at: int, codes: NDArray[np.uint8]) -> None:
    """Codes of the stored bases: A, C, G, T as 0 to 3, anything else ``NOT_A_BASE``."""
    packed = sequence_at(data, at)
    for i in range(int32_at(data, at + 20)):
        codes[i] = _CODE_OF_NIBBLE[(data[packed + (i >> 1)] >> (4 - 4 * (i & 1))) & 15]


@kernel
def contexts(
    codes: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    start: int,
    stop: int,
    reverse: bool,
    out: NDArray[np.uint8],
) -> None:
    """Context code of each base of ``[start, stop)``, ``NO_CONTEXT`` where a base of it is missing or masked.

    Bases in the low-quality tails at both ends of the stretch are masked.

    Args:
        qualities: uint8[n], phred, as stored.
        out: uint8[n], filled.
    """
    first, last = start, stop
    while first < stop and qualities[first] <= LOW_QUALITY_TAIL:
        first += 1
    while last > first and qualities[last - 1] <= LOW_QUALITY_TAIL:
        last -= 1
    for i in range(start, stop):
        before = i + 1 if reverse else i - 1
        out[i] = NO_CONTEXT
        if i < first or i >= last or before < first or before >= last:
            continue
        base, other = codes[i], codes[before]
        if base == NOT_A_BASE or other == NOT_A_BASE:
            continue
        out[i] = (3 - other) << 2 | (3 - base) if reverse else other << 2 | base


@kernel
def cycle_of(i: int, start: int, stop: int, flag: int) -> int:
    """Cycle of stored base ``i`` of the stretch: from 1, by the order of sequencing, negative for read 2."""
    cycle = stop - i if flag & REVERSE else i - start + 1
    return -cycle if flag & PAIRED and flag & LAST else cycle
