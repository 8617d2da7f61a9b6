"""Kernels that turn packed BAM records into columns: filters, down-sampling, decoding. No I/O.

Sources: SAM specification 4.2 for the record; the read filters of ``HaplotypeCallerEngine`` and GATK's
``PositionalDownsampler`` and ``ReservoirDownsampler`` for what is kept.
"""

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.numerics import next_int
from engine.kernel import kernel
from engine.reads.record_kernels import MATE_UNMAPPED, PAIRED, mate_is_placed, read_group_of

RESERVOIR = 50
"""Reads kept of those that start at one position."""
MINIMUM_MAPQ = 20

# What `scan` carries from batch to batch, by index into its int64 state.
GROUP_START, GROUP_SEEN, GROUP_KEPT, RANDOM, INTERVAL, LAST_POSITION = range(6)
DROPPED_FILTER, DROPPED_RESERVOIR = 6, 7
STATE_SIZE = 8

MORE, DONE, UNSORTED, BROKEN = range(4)
"""How a scan ended: at the end of its bytes, past the region, out of order, or at a record that is no record."""


class Naming(NamedTuple):
    """What tells the names of a window's templates apart.

    Attributes:
        offset: int64[n + 1], limits of each read's name in ``names``.
        names: uint8[], ASCII.
        template_row: int32[t], a read of each template.
        key: uint64[t], ordered as the names are wherever it differs.
    """

    offset: NDArray[np.int64]
    names: NDArray[np.uint8]
    template_row: NDArray[np.int32]
    key: NDArray[np.uint64]


_SEED_STATE = (47382911 ^ 0x5DEECE66D) & ((1 << 48) - 1)
_FIXED = 36


@kernel
def _int32(data: NDArray[np.uint8], at: int) -> int:
    return np.int64(
        np.int32(
            np.uint32(data[at])
            | (np.uint32(data[at + 1]) << np.uint32(8))
            | (np.uint32(data[at + 2]) << np.uint32(16))
            | (np.uint32(data[at + 3]) << np.uint32(24))
        )
    )


@kernel
def _uint16(data: NDArray[np.uint8], at: int) -> int:
    return np.int64(data[at]) | (np.int64(data[at + 1]) << 8)


@kernel
def _cigar_is_good(data: NDArray[np.uint8], at: int, count: int, bases: int) -> int:
    """Reference length of a CIGAR the caller accepts, -1 for one it does not (``CigarUtils.isGood``).

    Refused: empty elements, N, clips inside, a deletion next to the clips, two indels in a row, a read length
    other than ``bases``.
    """
    reference = 0
    read = 0
    first, last = count, -1
    for i in range(count):
        operator = data[at + 4 * i] & 15
        length = _int32(data, at + 4 * i) >> 4 & 0xFFFFFFF
        if length == 0 or operator > 8 or operator == 3:
            return -1
        if operator == 0 or operator == 2 or operator >= 7:
            reference += length
        if operator == 0 or operator == 1 or operator == 4 or operator >= 7:
            read += length
        if operator != 4 and operator != 5:
            first = min(first, i)
            last = i
        elif operator == 5 and i != 0 and i != count - 1:
            return -1
    if last < 0 or read != bases or reference == 0:
        return -1
    if data[at + 4 * first] & 15 == 2 or data[at + 4 * last] & 15 == 2:
        return -1
    indel_before = False
    for i in range(first, last + 1):
        operator = data[at + 4 * i] & 15
        if operator == 4 or operator == 5:
            return -1
        indel = operator == 1 or operator == 2
        if indel and indel_before:
            return -1
        indel_before = indel
    return reference


@kernel
def _reference_length(data: NDArray[np.uint8], record: int, contig_length: int) -> int:
    """Reference length of a record that passes the caller's filters, -1 for one that does not."""
    flag = _uint16(data, record + 18)
    mapq = data[record + 13]
    if flag & 0x704 or mapq < MINIMUM_MAPQ or mapq == 255:
        return -1
    name = np.int64(data[record + 12])
    cigar = _uint16(data, record + 16)
    bases = _int32(data, record + 20)
    at = record + _FIXED + name
    if bases == 0 or data[at + 4 * cigar + (bases + 1) // 2] == 255:
        return -1
    length = _cigar_is_good(data, at, cigar, bases)
    start = _int32(data, record + 8)
    if start < 0 or start + length > contig_length:
        return -1
    return length


@kernel
def _close_group(slots: NDArray[np.int64], state: NDArray[np.int64], accepted: NDArray[np.int64], count: int) -> int:
    for i in range(state[GROUP_KEPT]):
        accepted[count + i] = slots[i]
    count += state[GROUP_KEPT]
    state[GROUP_KEPT] = 0
    state[GROUP_SEEN] = 0
    return count


@kernel
def _reservoir_slot(state: NDArray[np.int64], limit: int) -> int:
    """Where the next read of the current start goes, -1 for nowhere.

    GATK draws from one generator for the whole run. Here every start begins with that generator's seed, so that
    the sample is the same for any cut of the genome into shards; the first crowded start of a run is GATK's.
    """
    state[GROUP_SEEN] += 1
    if state[GROUP_SEEN] <= limit:
        state[GROUP_KEPT] += 1
        return state[GROUP_KEPT] - 1
    if state[GROUP_SEEN] == limit + 1:
        state[RANDOM] = _SEED_STATE
    state[DROPPED_RESERVOIR] += 1
    slot = next_int(state[RANDOM : RANDOM + 1], state[GROUP_SEEN])
    return slot if slot < limit else -1


@kernel
def scan(
    data: NDArray[np.uint8],
    begin: int,
    contig: int,
    contig_length: int,
    stop: int,
    wanted_start: NDArray[np.int64],
    wanted_end: NDArray[np.int64],
    groups: NDArray[np.uint8],
    group_offset: NDArray[np.int64],
    limit: int,
    state: NDArray[np.int64],
    slots: NDArray[np.int64],
    accepted: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Collect the records of one contig that overlap the wanted intervals and pass filters and reservoir.

    Args:
        data: uint8[], bytes of BAM records.
        begin: offset of the first whole record to look at.
        contig: the header's index of the contig.
        contig_length: its length.
        stop: reads that start at or behind it end the scan.
        wanted_start: int64[w], sorted starts of disjoint intervals; a read counts if it overlaps one.
        wanted_end: int64[w], their ends.
        groups: uint8[], read group ids that count, concatenated.
        group_offset: int64[g + 1], their limits in ``groups``.
        limit: reads kept per start, 0 for all.
        state: int64[STATE_SIZE], carried from batch to batch.
        slots: int64[max(limit, 1)], offsets of the kept reads of the start that is not yet complete.
        accepted: int64[], filled with the offsets of kept records; as long as there can be records.

    Returns:
        How many were accepted, offset of the first byte not used, and how it ended (``MORE``, ``DONE``, ...).
    """
    count = 0
    at = begin
    size = data.size
    while at + _FIXED <= size:
        length = _int32(data, at)
        if length < 32:
            return count, at, BROKEN
        if at + 4 + length > size:
            break
        record = at
        at += 4 + length
        of = _int32(data, record + 4)
        start = _int32(data, record + 8)
        if of != contig:
            if of < 0 or of > contig:
                return _close_group(slots, state, accepted, count), at, DONE
            continue
        if start < state[LAST_POSITION]:
            return count, record, UNSORTED
        state[LAST_POSITION] = start
        if start >= stop:
            return _close_group(slots, state, accepted, count), at, DONE
        reference = _reference_length(data, record, contig_length)
        if reference < 0:
            state[DROPPED_FILTER] += 1
            continue
        while state[INTERVAL] < wanted_end.size and wanted_end[state[INTERVAL]] <= start:
            state[INTERVAL] += 1
        if state[INTERVAL] >= wanted_end.size or start + reference <= wanted_start[state[INTERVAL]]:
            continue
        tags = record + _FIXED + np.int64(data[record + 12]) + 4 * _uint16(data, record + 16)
        bases = _int32(data, record + 20)
        if read_group_of(data, tags + (bases + 1) // 2 + bases, at, groups, group_offset) < 0:
            state[DROPPED_FILTER] += 1
            continue
        if limit == 0:
            accepted[count] = record
            count += 1
            continue
        if start != state[GROUP_START]:
            count = _close_group(slots, state, accepted, count)
            state[GROUP_START] = start
        slot = _reservoir_slot(state, limit)
        if slot >= 0:
            slots[slot] = record
    return count, at, MORE


@kernel
def measure(data: NDArray[np.uint8], records: NDArray[np.int64]) -> tuple[int, int, int]:
    """How many bases, CIGAR elements and name bytes the records hold.

    Args:
        data: uint8[], bytes of BAM records.
        records: int64[n], their offsets.
    """
    bases = 0
    elements = 0
    names = 0
    for record in records:
        bases += _int32(data, record + 20)
        elements += _uint16(data, record + 16)
        names += np.int64(data[record + 12]) - 1
    return bases, elements, names


@kernel
def decode(
    data: NDArray[np.uint8],
    records: NDArray[np.int64],
    letters: NDArray[np.uint8],
    columns: ReadColumns,
    name_offset: NDArray[np.int64],
    names: NDArray[np.uint8],
) -> None:
    """Write the records' fields into columns made to :func:`measure`; ``columns.name`` is left alone.

    Args:
        data: uint8[], bytes of BAM records.
        records: int64[n], their offsets.
        letters: uint8[256, 2] flattened to 512, the two ASCII bases of a packed byte.
        columns: to be filled.
        name_offset: int64[n + 1], to be filled: limits in ``names``.
        names: uint8[], to be filled with the read names.
    """
    columns.base_offset[0] = 0
    columns.cigar_offset[0] = 0
    name_offset[0] = 0
    for i in range(records.size):
        record = records[i]
        name_length = np.int64(data[record + 12])
        elements = _uint16(data, record + 16)
        length = _int32(data, record + 20)
        columns.start[i] = _int32(data, record + 8)
        columns.mapq[i] = data[record + 13]
        columns.mate_contig[i] = _int32(data, record + 24)
        columns.mate_start[i] = _int32(data, record + 28)
        flag = np.int64(_uint16(data, record + 18))
        columns.flag[i] = flag | MATE_UNMAPPED if flag & PAIRED and not mate_is_placed(data, record) else flag
        columns.template_length[i] = _int32(data, record + 32)
        at = record + _FIXED
        to = name_offset[i]
        for k in range(name_length - 1):
            names[to + k] = data[at + k]
        name_offset[i + 1] = to + name_length - 1
        at += name_length
        to = columns.cigar_offset[i]
        end = columns.start[i]
        for k in range(elements):
            element = np.uint32(_int32(data, at + 4 * k))
            columns.cigar[to + k] = element
            operator = element & 15
            if operator == 0 or operator == 2 or operator >= 7:
                end += element >> 4
        columns.cigar_offset[i + 1] = to + elements
        columns.end[i] = end
        at += 4 * elements
        to = columns.base_offset[i]
        for k in range(length // 2):
            pair = np.int64(data[at + k]) * 2
            columns.bases[to + 2 * k] = letters[pair]
            columns.bases[to + 2 * k + 1] = letters[pair + 1]
        if length & 1:
            columns.bases[to + length - 1] = letters[np.int64(data[at + length // 2]) * 2]
        at += (length + 1) // 2
        for k in range(length):
            columns.qualities[to + k] = data[at + k]
        columns.base_offset[i + 1] = to + length


@kernel
def number_templates(
    name_offset: NDArray[np.int64],
    names: NDArray[np.uint8],
    number: NDArray[np.int32],
    first_row: NDArray[np.int32],
) -> int:
    """Give reads of one name one number, from 0 in order of first appearance (open addressing, FNV-1a).

    Args:
        name_offset: int64[n + 1], limits in ``names``.
        names: uint8[], the names.
        number: int32[n], filled.
        first_row: int32[n], filled with the first read of each template.

    Returns:
        How many templates there are.
    """
    count = number.size
    capacity = 16
    while capacity < 2 * count:
        capacity *= 2
    table = np.full(capacity, -1, np.int32)
    templates = 0
    for i in range(count):
        begin, end = name_offset[i], name_offset[i + 1]
        code = np.uint64(14695981039346656037)
        for k in range(begin, end):
            code = (code ^ np.uint64(names[k])) * np.uint64(1099511628211)
        slot = np.int64((code ^ (code >> np.uint64(32))) & np.uint64(capacity - 1))
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = i
                number[i] = templates
                first_row[templates] = i
                templates += 1
                break
            first = name_offset[other]
            if name_offset[other + 1] - first == end - begin:
                equal = True
                for k in range(end - begin):
                    if names[first + k] != names[begin + k]:
                        equal = False
                        break
                if equal:
                    number[i] = number[other]
                    break
            slot = (slot + 1) & (capacity - 1)
    return templates


@kernel
def key_names(naming: Naming) -> None:
    """Fill in the keys: the eight bytes behind what all names begin with."""
    rows, offset, names = naming.template_row, naming.offset, naming.names
    if rows.size == 0:
        return
    begin = offset[rows[0]]
    shared = offset[rows[0] + 1] - begin
    for row in rows:
        length = min(shared, offset[row + 1] - offset[row])
        k = 0
        while k < length and names[offset[row] + k] == names[begin + k]:
            k += 1
        shared = k
    for t in range(rows.size):
        first, last = offset[rows[t]] + shared, offset[rows[t] + 1]
        key = np.uint64(0)
        for k in range(first, first + 8):
            key = key << np.uint64(8)
            if k < last:
                key |= np.uint64(names[k])
        naming.key[t] = key
