"""Kernels that read the calls of a VCF from its text, and add up what alleles weigh.

Source: VCF 4.3, sections 1.6.1 (columns) and 1.6.2 (GT).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.risk.dosages import ALTERNATE, REFERENCE

START, CONTIG_END, RUN, POSITION, ID, REF, ALT, ALT_END, CALLS, END, IS_PLAIN, COLUMNS = range(12)

_TAB, _NEWLINE, _COLON, _SEMICOLON, _COMMA, _DOT, _SPACE, _EQUALS = 9, 10, 58, 59, 44, 46, 32, 61
_SLASH, _BAR, _ZERO, _ONE, _HASH = 47, 124, 48, 49, 35
_D, _P, _A, _S = 68, 80, 65, 83
_MOST_DIGITS = 9
_MOST_COPIES = 2


@kernel
def _are_bases(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Capital letters of bases, and at least one."""
    for i in range(at, end):
        letter = data[i]
        if letter != 65 and letter != 67 and letter != 71 and letter != 84 and letter != 78:
            return False
    return at < end


@kernel
def _is_quality(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """A full stop, or digits with at most one among them."""
    if end - at == 1 and data[at] == _DOT:
        return True
    dots = 0
    for i in range(at, end):
        if data[i] == _DOT and at < i < end - 1:
            dots += 1
        elif data[i] < _ZERO or data[i] > _ZERO + 9:
            return False
    return at < end <= at + 2 * _MOST_DIGITS and dots <= 1


@kernel
def _is_plain_info(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Without a space, and without END."""
    for i in range(at, end):
        if data[i] == _SPACE:
            return False
        if data[i] == _EQUALS and i - at >= 3 and data[i - 1] == 68 and data[i - 2] == 78 and data[i - 3] == 69:
            return False
    return at < end


@kernel
def _differ(data: NDArray[np.uint8], one: int, one_end: int, other: int, other_end: int) -> bool:
    """Two pieces of the text are not the same."""
    if one_end - one != other_end - other:
        return True
    same = 0
    for i in range(one_end - one):
        same += data[one + i] == data[other + i]
    return same < one_end - one


@kernel
def _passed(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """FILTER is PASS or missing."""
    if end - at == 1:
        return bool(data[at] == _DOT)
    return end - at == 4 and data[at] == _P and data[at + 1] == _A and data[at + 2] == _S and data[at + 3] == _S


@kernel
def _depth_field(data: NDArray[np.uint8], calls: int) -> int:
    """Which of FORMAT's keys, from 0, is DP, or where it lacks, AD; -1 where both do.

    Args:
        data: uint8[], text.
        calls: where the first sample's column begins, behind FORMAT and a tab.
    """
    at = calls - 2
    while data[at] != _TAB:
        at -= 1
    at, field, of_alleles = at + 1, 0, -1
    while at < calls - 2:
        ends = data[at + 2] == _COLON or data[at + 2] == _TAB
        begins = data[at - 1] == _COLON or data[at - 1] == _TAB
        if begins and ends and data[at] == _D and data[at + 1] == _P:
            return field
        if begins and ends and data[at] == _A and data[at + 1] == _D:
            of_alleles = field
        field += data[at] == _COLON
        at += 1
    return of_alleles


@kernel
def read_places(data: NDArray[np.uint8], width: int, rows: NDArray[np.int64]) -> int:
    """Find the columns of whole lines, each with its line end.

    Args:
        data: uint8[], text.
        width: columns of a record, more than nine.
        rows: int64[lines, COLUMNS], filled: where in ``data`` line, columns and the samples' columns begin or end, a
            number that grows where CHROM is another than in the line before, POS, and whether the line is a plain
            record: one that passed, one alternate allele, of capital letters of bases or missing, and nothing to look
            closer at. Of
            other lines only their place is told.

    Returns:
        Number of lines.
    """
    count = at = 0
    run, name, name_end = 0, 0, 0
    tabs = np.empty(9, np.int64)
    while at < data.size:
        row = rows[count]
        found, end = 0, at
        while data[end] != _NEWLINE:
            if data[end] == _TAB:
                if found < 9:
                    tabs[found] = end
                found += 1
            end += 1
        row[START], row[END], row[IS_PLAIN] = at, end, 0
        if found == width - 1 and data[at] != _HASH:
            same = tabs[0] - at == name_end - name
            for i in range(tabs[0] - at):
                if not same:
                    break
                same = data[at + i] == data[name + i]
            named = tabs[0] > at
            for i in range(at, tabs[0]):
                named = named and data[i] != _SPACE
            position = 0
            placed = 1 <= tabs[1] - tabs[0] - 1 <= _MOST_DIGITS
            for i in range(tabs[0] + 1, tabs[1]):
                placed = placed and _ZERO <= data[i] <= _ZERO + 9
                position = position * 10 + data[i] - _ZERO if placed else 0
            missing = tabs[4] - tabs[3] == 2 and data[tabs[3] + 1] == _DOT
            if (
                named
                and placed
                and tabs[2] - tabs[1] > 1
                and _are_bases(data, tabs[2] + 1, tabs[3])
                and (missing or _are_bases(data, tabs[3] + 1, tabs[4]))
                and _differ(data, tabs[2] + 1, tabs[3], tabs[3] + 1, tabs[4])
                and _is_quality(data, tabs[4] + 1, tabs[5])
                and _passed(data, tabs[5] + 1, tabs[6])
                and _is_plain_info(data, tabs[6] + 1, tabs[7])
            ):
                if not same or count == 0:
                    run += 1
                    name, name_end = at, tabs[0]
                row[CONTIG_END], row[RUN], row[POSITION], row[IS_PLAIN] = tabs[0], run, position, 1
                row[ID], row[REF], row[ALT], row[ALT_END] = tabs[1] + 1, tabs[2] + 1, tabs[3] + 1, tabs[4]
                row[CALLS] = tabs[8] + 1
        count += 1
        at = end + 1
    return count


@kernel
def read_genotypes(
    data: NDArray[np.uint8],
    rows: NDArray[np.int64],
    copies: NDArray[np.int8],
    alleles: NDArray[np.int8],
    is_odd: NDArray[np.bool_],
) -> None:
    """Read the genotypes of plain records.

    Args:
        data: uint8[], text.
        rows: int64[records, COLUMNS], as :func:`read_places` fills them.
        copies: int8[records, samples], filled: of the alternate allele.
        alleles: int8[records, samples], filled: alleles of the genotype; -1 where it is missing, even in part.
        is_odd: bool[records], filled: whether a genotype is to be looked at closer.
    """
    for number in range(len(rows)):
        at, end = rows[number, CALLS], rows[number, END]
        is_odd[number] = False
        depth = _depth_field(data, at)
        for sample in range(copies.shape[1]):
            many, ones, missing, digits = 1, 0, False, 0
            first = at
            while at < end and data[at] != _TAB and data[at] != _COLON:
                letter = data[at]
                if letter in (_SLASH, _BAR):
                    is_odd[number] |= digits != 1
                    many, digits = many + 1, 0
                elif letter == _DOT:
                    missing, digits = True, digits + 1
                elif letter in (_ZERO, _ONE):
                    ones, digits = ones + (letter == _ONE), digits + 1
                else:
                    is_odd[number] = True
                at += 1
            missing |= at == first
            is_odd[number] |= digits != 1 or many > _MOST_COPIES
            copies[number, sample] = 0 if missing else ones
            alleles[number, sample] = -1 if missing else many
            field = 0
            while at < end and data[at] != _TAB:
                field += data[at] == _COLON
                # A depth of 0, as which one is taken that begins with it, also one of alleles.
                is_odd[number] |= field == depth and data[at] == _COLON and at + 1 < end and data[at + 1] == _ZERO
                at += 1
            at += 1


@kernel
def add_up(
    entry: NDArray[np.int64],
    counted: NDArray[np.int8],
    copies: NDArray[np.int8],
    alleles: NDArray[np.int8],
    weights: NDArray[np.float64],
    totals: NDArray[np.float64],
    matched: NDArray[np.int64],
) -> None:
    """Add up what each sample's alleles weigh, in the order of the rows.

    Args:
        entry: int64[rows], which genotypes are a row's, -1 where none.
        counted: int8[rows], which allele counts: REFERENCE, ALTERNATE or NEITHER.
        copies: int8[entries, samples], of the alternate allele.
        alleles: int8[entries, samples], of the genotype; -1 where it is not known.
        weights: float64[rows, 3], of none, one and two copies.
        totals: float64[samples], added to.
        matched: int64[samples], rows known of each, added to.
    """
    for row in range(len(entry)):
        at = entry[row]
        if at < 0:
            continue
        for sample in range(len(totals)):
            known = alleles[at, sample]
            if known < 0:
                continue
            many = 0
            if counted[row] == ALTERNATE:
                many = copies[at, sample]
            elif counted[row] == REFERENCE:
                many = known - copies[at, sample]
            totals[sample] += weights[row, min(many, 2)]
            matched[sample] += 1
