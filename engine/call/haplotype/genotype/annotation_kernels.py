"""Kernels of the annotations: where a read meets a site, rank sums, Fisher's exact test. No I/O.

Source: specification 13; GATK's ``MannWhitneyU``, ``FisherExactTest`` and ``ReadUtils``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    HARD_CLIP,
    INSERTION,
    SOFT_CLIP,
    consumes_read,
    consumes_reference,
    length_of,
    operator_of,
)
from engine.call.haplotype.genotype.genotyping_kernels import supported_alleles
from engine.kernel import kernel

BASE_QUALITY, MAPQ, READ_POSITION = 0, 1, 2
"""Rows of the rank sum tests."""
NO_TEST, Z_SCORE, P_VALUE = 0, 1, 2
"""What a rank sum test gave: nothing, a z score, or a p value still to be turned into one."""

_FEWEST_FOR_NORMAL = 10
_UNAVAILABLE_MAPQ = 255
_TOLERANCE = 1 - 1e-6
_LARGEST_TABLE = 400
_TARGET_TABLE = 200.0
_LN10 = math.log(10.0)


class Observed(NamedTuple):
    """What reads show at a site.

    Attributes:
        allele_depths: int64[alleles], informative reads by allele of the call, 0 for alleles outside it.
        strands: int64[4], informative reads for the reference forward, reverse, for the alternates forward, reverse.
        depth: reads over the site, those that are no evidence included.
        mapq_depth: those of them that have a MAPQ.
        mapq_squares: sum of the squares of their MAPQ.
        kinds: int64[3], what each rank sum test gave.
        values: float64[3], its value.
    """

    allele_depths: NDArray[np.int64]
    strands: NDArray[np.int64]
    depth: int
    mapq_depth: int
    mapq_squares: int
    kinds: NDArray[np.int64]
    values: NDArray[np.float64]


@kernel
def observe(
    likelihoods: NDArray[np.float64],
    in_call: NDArray[np.bool_],
    rows: NDArray[np.int64],
    site_start: int,
    site_end: int,
    margin: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    flag: NDArray[np.uint16],
    mapq: NDArray[np.uint8],
    base_offset: NDArray[np.int64],
    qualities: NDArray[np.uint8],
    cigar_offset: NDArray[np.int64],
    cigar: NDArray[np.uint32],
    filtered_start: NDArray[np.int64],
    filtered_end: NDArray[np.int64],
    filtered_mapq: NDArray[np.uint8],
) -> Observed:
    """Count and compare the reads at a site by the allele each supports.

    Args:
        likelihoods: float64[n, alleles], of the reads over the site.
        in_call: bool[alleles], alleles of the call.
        rows: int64[n], the reads' rows in the columns.
        site_start: 0-based position of the call.
        site_end: one past its reference allele.
        margin: reads so near still are over the site.
        start: int64[m], column of the realigned reads, as are those to ``cigar``; 0-based.
        end: int64[m], one past the last position.
        flag: uint16[m], FLAG.
        mapq: uint8[m], MAPQ.
        base_offset: int64[m + 1], row limits in ``qualities``.
        qualities: uint8[], phred.
        cigar_offset: int64[m + 1], row limits in ``cigar``.
        cigar: uint32[], packed elements.
        filtered_start: int64[f], of the reads that are no evidence; 0-based.
        filtered_end: int64[f], one past their last positions.
        filtered_mapq: uint8[f], MAPQ.
    """
    every = np.ones(in_call.size, np.bool_)
    supported, of_call = supported_alleles(likelihoods, every), supported_alleles(likelihoods, in_call)
    allele_depths, strands = np.zeros(in_call.size, np.int64), np.zeros(4, np.int64)
    depth, mapq_depth, mapq_squares = rows.size, 0, 0
    for n in range(rows.size):
        if of_call[n] >= 0:
            allele_depths[of_call[n]] += 1
        if supported[n] >= 0 and in_call[supported[n]]:
            strands[(2 if supported[n] > 0 else 0) + (1 if flag[rows[n]] & 16 else 0)] += 1
        else:
            supported[n] = -1
        if mapq[rows[n]] != _UNAVAILABLE_MAPQ:
            mapq_depth += 1
            mapq_squares += int(mapq[rows[n]]) ** 2
    for row in range(filtered_start.size):
        if filtered_start[row] < site_end + margin and filtered_end[row] > site_start - margin:
            depth += 1
            if filtered_mapq[row] != _UNAVAILABLE_MAPQ:
                mapq_depth += 1
                mapq_squares += int(filtered_mapq[row]) ** 2
    kinds, values = _rank_sums(
        supported, rows, site_start, site_end, start, end, mapq, base_offset, qualities, cigar_offset, cigar
    )
    return Observed(allele_depths, strands, depth, mapq_depth, mapq_squares, kinds, values)


@kernel
def _rank_sums(
    supported: NDArray[np.int64],
    rows: NDArray[np.int64],
    site_start: int,
    site_end: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    mapq: NDArray[np.uint8],
    base_offset: NDArray[np.int64],
    qualities: NDArray[np.uint8],
    cigar_offset: NDArray[np.int64],
    cigar: NDArray[np.uint32],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The three rank sum tests of reads for the call's alternates against reads for the reference."""
    values = np.empty((3, rows.size), np.int64)
    sizes = np.zeros(3, np.int64)
    for n in range(rows.size):
        row = rows[n]
        if supported[n] < 0 or mapq[row] == 0 or mapq[row] == _UNAVAILABLE_MAPQ:
            continue
        # The lowest bit tells the groups apart, alternate first, as ties are ordered.
        group = 1 if supported[n] == 0 else 0
        values[MAPQ, sizes[MAPQ]] = 2 * np.int64(mapq[row]) + group
        sizes[MAPQ] += 1
        elements = cigar[cigar_offset[row] : cigar_offset[row + 1]]
        index, in_read = _index_at(elements, start[row], site_start)
        if index >= 0 and in_read and start[row] <= site_start < end[row]:
            quality = np.int64(qualities[base_offset[row] + index])
            values[BASE_QUALITY, sizes[BASE_QUALITY]] = 2 * quality + group
            sizes[BASE_QUALITY] += 1
        if start[row] <= site_end and end[row] > site_start:
            length = base_offset[row + 1] - base_offset[row]
            distance = _distance_to_end(elements, index, length, start[row] == site_end)
            if distance >= 0:
                values[READ_POSITION, sizes[READ_POSITION]] = 2 * distance + group
                sizes[READ_POSITION] += 1
    kinds, results = np.empty(3, np.int64), np.empty(3, np.float64)
    for test in range(3):
        kinds[test], results[test] = mann_whitney(values[test], sizes[test])
    return kinds, results


@kernel
def _index_at(cigar: NDArray[np.uint32], start: int, position: int) -> tuple[int, bool]:
    """Index in the read at a reference position, -1 outside, and whether a base is there (not a deletion)."""
    if position < start:
        return -1, False
    on_read, on_reference = 0, start
    for element in cigar:
        operator, length = operator_of(element), length_of(element)
        in_read = consumes_read(operator)
        if consumes_reference(operator) or operator == SOFT_CLIP:
            if on_reference <= position < on_reference + length:
                return (on_read + position - on_reference if in_read else on_read), in_read
            on_reference += length
        if in_read:
            on_read += length
    return -1, False


@kernel
def _distance_to_end(cigar: NDArray[np.uint32], index: int, length: int, begins_behind_site: bool) -> int:
    """Bases between a read's index and its nearer end, clipped bases included; -1 for no index.

    A read that begins with an insertion right behind the site is at its end.
    """
    first, last = 0, cigar.size - 1
    before = length_of(cigar[first]) if operator_of(cigar[first]) == HARD_CLIP else 0
    behind = length_of(cigar[last]) if operator_of(cigar[last]) == HARD_CLIP else 0
    while first < last and (operator_of(cigar[first]) == HARD_CLIP or operator_of(cigar[first]) == SOFT_CLIP):
        first += 1
    if begins_behind_site and operator_of(cigar[first]) == INSERTION:
        return 0
    if index < 0:
        return -1
    return min(before + index, length - 1 - index + behind)


@kernel
def mann_whitney(coded: NDArray[np.int64], size: int) -> tuple[int, float]:
    """One-sided Mann-Whitney test of the first group against the second (specification 13).

    Args:
        coded: int64[], twice each value, plus one for the second group; values are small.
        size: how many of them there are.

    Returns:
        What it gave and its value: a z score from 10 values in either group on, else the exact p value.
    """
    n2, largest = 0, 0
    for i in range(size):
        n2 += coded[i] & 1
        largest = max(largest, coded[i] >> 1)
    n1 = size - n2
    if n1 == 0 or n2 == 0:
        return NO_TEST, np.nan
    counts = np.zeros((largest + 1, 2), np.int64)
    for i in range(size):
        counts[coded[i] >> 1, coded[i] & 1] += 1
    ranks = np.empty(size, np.float32)
    rank_sum, ties, below = np.float32(0.0), 0.0, 0
    for value in range(largest + 1):
        equal = counts[value, 0] + counts[value, 1]
        if equal == 0:
            continue
        # single precision, as GATK has it; it matters beyond some five thousand reads
        rank = np.float32(0.0)
        for i in range(below, below + equal):
            rank = np.float32(rank + np.float32(i + 1))
        rank = np.float32(rank / np.float32(equal))
        if equal != size:
            ties += float(equal) ** 3 - equal
        for i in range(below, below + equal):
            ranks[i] = rank
        for _ in range(counts[value, 0]):
            rank_sum = np.float32(rank_sum + rank)
        below += equal
    if n1 >= _FEWEST_FOR_NORMAL or n2 >= _FEWEST_FOR_NORMAL:
        u = rank_sum - n1 * (n1 + 1) / 2.0
        correction = 0.0 if ties == 0.0 else -0.5
        sigma = math.sqrt((n1 * n2 / 12.0) * ((size + 1) - ties / (size * (size - 1))))
        return Z_SCORE, float((u - n1 * n2 / 2.0 - correction) / sigma)
    return P_VALUE, _exact_p_value(ranks, n1, int(2.0 * rank_sum))


@kernel
def _exact_p_value(ranks: NDArray[np.float32], chosen: int, twice_sum: int) -> float:
    """Share of the ways to choose so many ranks whose sum is smaller; equal sums count half."""
    largest = ranks.size * (ranks.size + 1)
    ways = np.zeros((chosen + 1, largest + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        twice = int(2.0 * rank)
        for count in range(chosen, 0, -1):
            for total in range(largest, twice - 1, -1):
                ways[count, total] += ways[count - 1, total - twice]
    smaller, every = 0.5 * ways[chosen, twice_sum], 0.0
    for total in range(largest + 1):
        every += ways[chosen, total]
        if total < twice_sum:
            smaller += ways[chosen, total]
    return float(smaller / every)


@kernel
def fisher_p_value(a: int, b: int, c: int, d: int) -> float:
    """Two-sided p value of Fisher's exact test on ``[[a, b], [c, d]]``; large tables are scaled down first."""
    if a + b + c + d > _LARGEST_TABLE:
        factor = (a + b + c + d) / _TARGET_TABLE
        a, b, c, d = int(a / factor), int(b / factor), int(c / factor), int(d / factor)
    first_row, second_row, first_column = a + b, c + d, a + c
    low, high = max(0, first_column - second_row), min(first_column, first_row)
    if high <= low:
        return 1.0
    threshold = _log_hypergeometric(a, first_row, second_row, first_column) * _TOLERANCE
    total = 0.0
    for x in range(low, high + 1):
        log_probability = _log_hypergeometric(x, first_row, second_row, first_column)
        if log_probability <= threshold:
            total += math.exp(log_probability)
    return min(total, 1.0)


@kernel
def _log_hypergeometric(x: int, first_row: int, second_row: int, first_column: int) -> float:
    return (
        _log_choose(first_row, x)
        + _log_choose(second_row, first_column - x)
        - _log_choose(first_row + second_row, first_column)
    )


@kernel
def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
