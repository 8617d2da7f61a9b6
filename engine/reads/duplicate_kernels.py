"""Kernels of duplicate marking by the rules of Picard's MarkDuplicates. No I/O.

Two pairs are duplicates of each other when the unclipped 5' ends of both reads, their strands and the library agree;
a read without a mapped mate is a duplicate when its 5' end is also that of a read of a pair, or of a better read
without one. Kept is the pair with the highest sum of base qualities of at least 15, among equals the first by tile,
x, y and then place in the coordinate-sorted file. With UMIs, reads are compared only with reads of the same UMI: letter
by letter, as Picard does with ``BARCODE_TAG``, or with errors allowed for (:func:`engine.reads.umi_kernels.molecules`).

A pair is one row of int64 columns ``KEY1 ... ORDINAL2``, and ``UMI`` behind them where UMIs may err, until
:func:`join_umis` has put it into the keys; a lone read is one of ``LONE_KEY ... LONE_ORDINAL``.

Throughout, ``data``: uint8[], packed records.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import (
    FAILS_QUALITY,
    FIRST,
    MATE_UNMAPPED,
    NAME,
    NOT_PRIMARY,
    PAIRED,
    REVERSE,
    UNMAPPED,
    contig_of,
    flag_of,
    same_name,
    sequence_at,
    start_of,
    unclipped_five_prime,
)
from engine.reads.umi_kernels import molecules, umi_code, umi_hash, umi_start
from engine.reads.unaligned import int32_at

KEY1, KEY2, RANK, PLACE, START, ORDINAL1, ORDINAL2 = range(7)
PAIR_COLUMNS = UMI = 7
NO_UMI, SAME_UMI, NEAR_UMI = range(3)
"""Whether UMIs tell reads apart: not at all, letter by letter, or so that one with an error counts as the right one."""
LONE_KEY, LONE_RANK, LONE_PLACE, LONE_START, LONE_ORDINAL = range(5)
LONE_COLUMNS = 5

UNPAIRED_READS, PAIRED_READS, NOT_PRIMARY_READS, UNMAPPED_READS, UNPAIRED_DUPLICATES, PAIRED_DUPLICATES = range(6)
OPTICAL_PAIRS = 6
COUNTS = 7

_LOWEST_QUALITY = 15
_HIGHEST_SCORE = 32767 // 2
_FAILED_SCORE = -32768 // 2
_NO_TILE = -1
_COLON, _ZERO, _NINE, _MINUS = 58, 48, 57, 45
_LARGEST_OPTICAL_SET = 300_000

_COORDINATE_BITS, _CONTIG_BITS = 33, 23
_COORDINATE_SHIFT = 1 << 31
_UNKNOWN = -(1 << 62)
_KEY_BITS = _CONTIG_BITS + _COORDINATE_BITS + 1
_SPREAD = 0x9E3779B97F4A7C15
_NONE: Any = np.int64(-1)  # a literal would have what it is passed to compiled once more
_GROUP_BITS = (1 << 40) - 1


@kernel
def end_key(library: int, contig: int, five_prime: int, reverse: int) -> int:
    """One end of a read in one integer: library, contig, unclipped 5' position, strand."""
    key = (library << _CONTIG_BITS) | contig
    return (((key << _COORDINATE_BITS) | (five_prime + _COORDINATE_SHIFT)) << 1) | reverse


@kernel
def _with_umi(key: int, umi: int) -> int:
    """A key that also tells UMIs apart: what is below the library is scattered together with the UMI's hash.

    Two ends or UMIs that differ have one key once in 2 ** 57.
    """
    value = np.uint64(key & ((1 << _KEY_BITS) - 1)) ^ (np.uint64(umi) * np.uint64(_SPREAD))
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scattered = int(np.int64((value ^ (value >> np.uint64(31))) & np.uint64((1 << _KEY_BITS) - 1)))
    return (library_of(key) << _KEY_BITS) | scattered


@kernel
def _umi_of(data: NDArray[np.uint8], at: int, by_umi: int) -> int:
    """The UMI at the end of a record's name in a number: its code where it may err, else its hash."""
    start, end = at + NAME, at + NAME + data[at + 12] - 1
    first = umi_start(data, start, end)
    return umi_code(data, first, end) if by_umi == NEAR_UMI else umi_hash(data, first, end)


@kernel
def _score(data: NDArray[np.uint8], at: int) -> int:
    bases = int32_at(data, at + 20)
    start = sequence_at(data, at) + (bases + 1) // 2
    total = 0
    for i in range(start, start + bases):
        quality = data[i]
        total += quality * (quality >= _LOWEST_QUALITY)
    score = min(total, _HIGHEST_SCORE)
    return score + _FAILED_SCORE if flag_of(data, at) & FAILS_QUALITY else score


@kernel
def location(data: NDArray[np.uint8], at: int) -> tuple[int, int, int]:
    """Tile, x and y from the last three of five or seven fields of a read name; -1 each where there are none.

    A UMI in a field of its own behind them does not count.

    Each in 16 bits, as Picard keeps them (``PhysicalLocationShort``): on flow cells of more than 32,767 pixels, such as
    NovaSeq's, x and y of the far end are negative, and the far end comes first.
    """
    start, end = at + NAME, at + NAME + data[at + 12] - 1
    umi = umi_start(data, start, end)
    if umi < end:
        end = umi - 1
    colons = 0
    for i in range(start, end):
        colons += data[i] == _COLON
    if colons != 4 and colons != 6:
        return _NO_TILE, -1, -1
    last = end
    for _ in range(3):
        last -= 1
        while data[last] != _COLON:
            last -= 1
    tile, after = _leading_integer(data, last + 1, end)
    x, after = _leading_integer(data, _next_field(data, after), end)
    y, after = _leading_integer(data, _next_field(data, after), end)
    if tile == _UNKNOWN or x == _UNKNOWN or y == _UNKNOWN:
        return _NO_TILE, -1, -1
    return _int16(tile), _int16(x), _int16(y)


@kernel
def _int16(value: int) -> int:
    return ((value + 32768) & 65535) - 32768


@kernel
def _next_field(data: NDArray[np.uint8], at: int) -> int:
    while data[at] != _COLON and data[at] != 0:
        at += 1
    return at + 1


@kernel
def _leading_integer(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """The digits at the front of a field, and where they end; unknown where there are none."""
    negative = at < end and data[at] == _MINUS
    at += negative
    value, digits = 0, 0
    while at < end and _ZERO <= data[at] <= _NINE:
        value = value * 10 + data[at] - _ZERO
        at, digits = at + 1, digits + 1
    if digits == 0 or digits > 9:
        return _UNKNOWN, at
    return -value if negative else value, at


@kernel
def _rank(score: int, tile: int, read_group: int, orientation: int) -> int:
    """Score, tile, read group and the strands of first and second read in one integer."""
    return ((score + 65536) << 40) | ((tile + 32768) << 24) | (read_group << 2) | orientation


@kernel
def _place(x: int, y: int) -> int:
    return ((x + (1 << 30)) << 31) | (y + (1 << 30))


@kernel
def score_of(rank: int) -> int:
    """Sum of qualities of a rank."""
    return (rank >> 40) - 65536


@kernel
def collect(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    ordinal: NDArray[np.int64],
    read_group: NDArray[np.int32],
    library: NDArray[np.int32],
    by_umi: int,
    counts: NDArray[np.int64],
) -> Any:
    """Find the pairs and lone reads among records of which those of one template lie side by side.

    Args:
        data: packed records.
        offset: int64[n + 1], where each begins.
        ordinal: int64[n], the number of each record, by which duplicates are reported.
        read_group: int32[n], index of each record's read group.
        library: int32[read groups], index of each read group's library.
        by_umi: :data:`NO_UMI`, or which reads may be duplicates of each other.
        counts: int64[libraries, COUNTS], added to.

    Returns:
        Pairs int64[p, PAIR_COLUMNS], one column more with :data:`NEAR_UMI`; lone reads int64[l, LONE_COLUMNS], the
        orientation bits of whose rank are 1 where the mate is mapped but not here (such a read is never a duplicate).
    """
    records = len(offset) - 1
    pairs = np.empty((records // 2 + 1, PAIR_COLUMNS + (by_umi == NEAR_UMI)), dtype=np.int64)
    lone = np.empty((records, LONE_COLUMNS), dtype=np.int64)
    found, found_lone = 0, 0
    waiting = _NONE
    for i in range(records):
        at = offset[i]
        if waiting >= 0 and (read_group[waiting] != read_group[i] or not same_name(data, at, offset[waiting])):
            _put_lone(lone[found_lone], data, offset, waiting, ordinal, read_group, library, by_umi)
            found_lone, waiting = found_lone + 1, _NONE
        kind = _kind(flag_of(data, at))
        counts[library[read_group[i]], kind] += 1
        if kind == UNPAIRED_READS:
            _put_lone(lone[found_lone], data, offset, i, ordinal, read_group, library, by_umi)
            found_lone += 1
        elif kind == PAIRED_READS and waiting < 0:
            waiting = i
        elif kind == PAIRED_READS:
            _put_pair(pairs[found], data, offset, waiting, i, ordinal, read_group, library, by_umi)
            found, waiting = found + 1, _NONE
    if waiting >= 0:
        _put_lone(lone[found_lone], data, offset, waiting, ordinal, read_group, library, by_umi)
        found_lone += 1
    return pairs[:found], lone[:found_lone]


@kernel
def _kind(flag: int) -> int:
    if flag & NOT_PRIMARY:
        return NOT_PRIMARY_READS
    if flag & UNMAPPED:
        return UNMAPPED_READS
    if not flag & PAIRED or flag & MATE_UNMAPPED:
        return UNPAIRED_READS
    return PAIRED_READS


@kernel
def _put_lone(
    row: NDArray[np.int64],
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    i: int,
    ordinal: NDArray[np.int64],
    read_group: NDArray[np.int32],
    library: NDArray[np.int32],
    by_umi: int,
) -> None:
    at = offset[i]
    flag = flag_of(data, at)
    tile, x, y = location(data, at)
    reverse = 1 if flag & REVERSE else 0
    mate_elsewhere = 1 if _kind(flag) == PAIRED_READS else 0
    key = end_key(library[read_group[i]], contig_of(data, at), unclipped_five_prime(data, at), reverse)
    row[LONE_KEY] = _with_umi(key, _umi_of(data, at, by_umi)) if by_umi else key
    row[LONE_RANK] = _rank(_score(data, at), tile, read_group[i], mate_elsewhere)
    row[LONE_PLACE], row[LONE_START], row[LONE_ORDINAL] = _place(x, y), _tie(data, at), ordinal[i]


@kernel
def _put_pair(
    row: NDArray[np.int64],
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    i: int,
    j: int,
    ordinal: NDArray[np.int64],
    read_group: NDArray[np.int32],
    library: NDArray[np.int32],
    by_umi: int,
) -> None:
    """KEY1 is the end that comes first on the reference, ORDINAL1 the read it belongs to.

    Of two ends at one place KEY1 is the forward one, ORDINAL1 the read that stands first in the sorted file.
    """
    group = read_group[i]
    reverse_i = 1 if flag_of(data, offset[i]) & REVERSE else 0
    reverse_j = 1 if flag_of(data, offset[j]) & REVERSE else 0
    key_i = end_key(library[group], contig_of(data, offset[i]), unclipped_five_prime(data, offset[i]), reverse_i)
    key_j = end_key(library[group], contig_of(data, offset[j]), unclipped_five_prime(data, offset[j]), reverse_j)
    first_is_i = flag_of(data, offset[i]) & FIRST != 0
    orientation = reverse_i << 1 | reverse_j if first_is_i else reverse_j << 1 | reverse_i
    tile, x, y = location(data, offset[i])
    score = _score(data, offset[i]) + _score(data, offset[j])
    row[KEY1], row[KEY2] = min(key_i, key_j), max(key_i, key_j)
    if by_umi == NEAR_UMI:
        row[UMI] = _umi_of(data, offset[i], by_umi)
    elif by_umi:
        umi = _umi_of(data, offset[i], by_umi)
        row[KEY1], row[KEY2] = _with_umi(row[KEY1], umi), _with_umi(row[KEY2], umi)
    row[RANK], row[PLACE] = _rank(score, tile, group, orientation), _place(x, y)
    tie_i, tie_j = _tie(data, offset[i]), _tie(data, offset[j])
    if key_j >> 1 < key_i >> 1 or (key_j >> 1 == key_i >> 1 and (tie_j, ordinal[j]) < (tie_i, ordinal[i])):
        i, j, tie_i = j, i, tie_j
    row[START], row[ORDINAL1], row[ORDINAL2] = tie_i, ordinal[i], ordinal[j]


@kernel
def _tie(data: NDArray[np.uint8], at: int) -> int:
    """Alignment start and strand: what decides, before the ordinal, which of two reads stands first in the file."""
    return start_of(data, at) << 1 | (1 if flag_of(data, at) & REVERSE else 0)


@kernel
def _better(rows: NDArray[np.int64], one: int, other: int, rank: int, place: int, start: int, ordinal: int) -> bool:
    """Whether row ``one`` is kept rather than ``other``."""
    a, b = score_of(rows[one, rank]), score_of(rows[other, rank])
    if a != b:
        return bool(a > b)
    a, b = (rows[one, rank] >> 24) & 65535, (rows[other, rank] >> 24) & 65535
    if a != b:
        return bool(a < b)
    if rows[one, place] != rows[other, place]:
        return bool(rows[one, place] < rows[other, place])
    if rows[one, start] != rows[other, start]:
        return bool(rows[one, start] < rows[other, start])
    return bool(rows[one, ordinal] < rows[other, ordinal])


@kernel
def _set_end(pairs: NDArray[np.int64], order: NDArray[np.int64], start: int) -> int:
    """One past the last pair with the ends of the one at ``start``."""
    first, end = order[start], start + 1
    while end < len(order) and pairs[order[end], KEY1] == pairs[first, KEY1]:
        if pairs[order[end], KEY2] != pairs[first, KEY2]:
            break
        end += 1
    return end


@kernel
def join_umis(pairs: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """Put the UMI of each pair's molecule into its keys.

    Args:
        pairs: int64[p, PAIR_COLUMNS + 1], rows of :func:`collect` with :data:`NEAR_UMI`; changed.
        order: int64[p], rows by KEY1 and KEY2.
    """
    start = 0
    while start < len(order):
        end = _set_end(pairs, order, start)
        rows = order[start:end]
        umis = pairs[rows, UMI]
        if end - start > 1:
            umis = molecules(umis)
        for number in range(end - start):
            row, umi = rows[number], umis[number]
            pairs[row, KEY1], pairs[row, KEY2] = _with_umi(pairs[row, KEY1], umi), _with_umi(pairs[row, KEY2], umi)
        start = end


@kernel
def mark_pairs(
    pairs: NDArray[np.int64],
    order: NDArray[np.int64],
    optical_distance: int,
    bits: NDArray[np.uint8],
    counts: NDArray[np.int64],
    set_sizes: NDArray[np.int64],
) -> None:
    """Mark all but the best pair of every set.

    Args:
        pairs: int64[p, PAIR_COLUMNS], rows of :func:`collect`.
        order: int64[p], rows by KEY1, KEY2, :func:`cluster_group` and x.
        optical_distance: pixels within which two clusters of one tile count as one cluster seen twice.
        bits: uint8[], a bit for each ordinal (highest first), set for duplicates.
        counts: int64[libraries, COUNTS], added to.
        set_sizes: int64[3, m], added to: sets by size, by optical duplicates + 1, by what is left without those;
            the last column holds all beyond.
    """
    last_size = set_sizes.shape[1] - 1
    start = 0
    while start < len(order):
        first, end = order[start], _set_end(pairs, order, start)
        optical = 0
        if end - start > 1:
            _mark_set(pairs, order, start, end, bits, counts)
            if end - start <= _LARGEST_OPTICAL_SET:
                optical = count_optical(pairs, order, start, end, optical_distance)
                counts[library_of(pairs[first, KEY1]), OPTICAL_PAIRS] += optical
        set_sizes[0, min(end - start, last_size)] += 1
        set_sizes[2, min(end - start - optical, last_size)] += 1
        if optical:
            set_sizes[1, min(optical + 1, last_size)] += 1
        start = end


@kernel
def library_of(key: int) -> int:
    """The library in an :func:`end_key`."""
    return key >> _KEY_BITS


@kernel
def _mark_set(
    pairs: NDArray[np.int64],
    order: NDArray[np.int64],
    start: int,
    end: int,
    bits: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> None:
    best = order[start]
    for k in range(start + 1, end):
        if _better(pairs, order[k], best, RANK, PLACE, START, ORDINAL1):
            best = order[k]
    for k in range(start, end):
        if order[k] != best:
            _set_bit(bits, pairs[order[k], ORDINAL1])
            _set_bit(bits, pairs[order[k], ORDINAL2])
    counts[library_of(pairs[best, KEY1]), PAIRED_DUPLICATES] += 2 * (end - start - 1)


@kernel
def _set_bit(bits: NDArray[np.uint8], ordinal: int) -> None:
    bits[ordinal >> 3] |= np.uint8(128 >> (ordinal & 7))


def cluster_group(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tile, read group and strands of first and second read: optical duplicates agree in all of them."""
    return pairs[:, RANK] & _GROUP_BITS


@kernel
def count_optical(pairs: NDArray[np.int64], order: NDArray[np.int64], start: int, end: int, distance: int) -> int:
    """Pairs of one set that are optical duplicates: clusters near each other, chains included, count once.

    Near is: the same :func:`cluster_group`, by which and by x the rows ``order[start:end]`` are sorted, and x and y
    each within the distance.

    Args:
        pairs: int64[p, PAIR_COLUMNS], rows of :func:`collect`.
        order: int64[p], their order.
    """
    parent = np.arange(end - start)
    joined = 0
    for a in range(start, end):
        one = order[a]
        group, x, y = pairs[one, RANK] & _GROUP_BITS, pairs[one, PLACE] >> 31, pairs[one, PLACE] & 0x7FFFFFFF
        if group >> 24 == _NO_TILE + 32768:
            continue
        for b in range(a + 1, end):
            other = order[b]
            if pairs[other, RANK] & _GROUP_BITS != group or (pairs[other, PLACE] >> 31) - x > distance:
                break
            if abs((pairs[other, PLACE] & 0x7FFFFFFF) - y) <= distance:
                root, other_root = _root(parent, a - start), _root(parent, b - start)
                if root != other_root:
                    parent[root] = other_root
                    joined += 1
    return joined


@kernel
def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def mark_lone(
    lone: NDArray[np.int64],
    order: NDArray[np.int64],
    beside_pair: NDArray[np.bool_],
    bits: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> None:
    """Mark lone reads: all where a read of a pair has the same end, else all but the best.

    Args:
        lone: int64[l, LONE_COLUMNS], rows of :func:`collect`.
        order: int64[l], rows by LONE_KEY.
        beside_pair: bool[l], by row: whether a read of a pair has the same end.
        bits: uint8[], as in :func:`mark_pairs`.
        counts: int64[libraries, COUNTS], added to.
    """
    start = 0
    while start < len(order):
        key = lone[order[start], LONE_KEY]
        end, with_pair, best = start, False, -1
        while end < len(order) and lone[order[end], LONE_KEY] == key:
            row = order[end]
            if beside_pair[row] or lone[row, LONE_RANK] & 3:
                with_pair = True
            elif best < 0 or _better(lone, row, best, LONE_RANK, LONE_PLACE, LONE_START, LONE_ORDINAL):
                best = row
            end += 1
        library = library_of(key)
        for k in range(start, end):
            row = order[k]
            if not lone[row, LONE_RANK] & 3 and (with_pair or row != best):
                _set_bit(bits, lone[row, LONE_ORDINAL])
                counts[library, UNPAIRED_DUPLICATES] += 1
        start = end
