"""Smith-Waterman with affine gaps, equal to GATK's aligner in every tie (specification 8).

One public kernel, :func:`align`, and the scores its callers use. What the alignment is for, padding and
left-alignment, belongs to them. The result is that of a full integer dynamic program; only a band of it is
computed where a bound proves that no alignment outside of the band can score as well.

>>> import numpy as np
>>> from engine.call.haplotype.alignment.cigar import text
>>> reference = np.frombuffer(b"ACGTACCATTGACCAGT", np.uint8)
>>> found = align(reference, np.frombuffer(b"TACCGACC", np.uint8), READ_TO_HAPLOTYPE, SOFT_CLIP_OVERHANG)
>>> found.offset, text(found.cigar)
(3, '4M3D4M')
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import DELETION, INSERTION, MATCH, SOFT_CLIP, packed_element
from engine.kernel import kernel


class Scoring(NamedTuple):
    """What an alignment earns and pays, one gap of length n pays ``gap_open + (n - 1) * gap_extend``.

    Attributes:
        match: for a pair of equal bases, positive.
        mismatch: for a pair of unequal bases, negative.
        gap_open: for the first base of a gap, negative.
        gap_extend: for each further base of a gap, negative.
    """

    match: int
    mismatch: int
    gap_open: int
    gap_extend: int


HAPLOTYPE_TO_REFERENCE: Final = Scoring(200, -150, -260, -11)
"""GATK's ``NEW_SW_PARAMETERS``."""
DANGLING_END: Final = Scoring(25, -50, -110, -6)
"""GATK's ``STANDARD_NGS``."""
READ_TO_HAPLOTYPE: Final = Scoring(10, -15, -30, -5)
"""GATK's ``ALIGNMENT_TO_BEST_HAPLOTYPE_SW_PARAMETERS``."""

# Of one type, not literals: numba compiles a function anew for every literal it is called with.
SOFT_CLIP_OVERHANG: Final = np.int64(0)
"""Ends of the alternate that hang over the reference become soft clips and cost nothing."""
INDEL_OVERHANG: Final = np.int64(1)
"""Both sequences are aligned from end to end, overhangs become indels and cost as such."""
LEADING_INDEL_OVERHANG: Final = np.int64(2)
"""As :data:`INDEL_OVERHANG` at the start; at the end the reference may hang over at no cost."""


class Alignment(NamedTuple):
    """Where and how the alternate lies on the reference.

    Attributes:
        offset: 0-based reference base at which the CIGAR starts.
        cigar: uint32[], packed as in BAM, covering every base of the alternate.
    """

    offset: int
    cigar: NDArray[np.uint32]


_LOWEST: Final = -(2**30)
_WIDEST_GUESS: Final = 8
_LENGTH_BITS: Final = 24
_LENGTH_MASK: Final = (1 << _LENGTH_BITS) - 1


@kernel
def align(
    reference: NDArray[np.uint8], alternate: NDArray[np.uint8], scoring: Scoring, overhang: np.int64
) -> Alignment:
    """Align ``alternate`` to ``reference``; neither is empty.

    With :data:`SOFT_CLIP_OVERHANG` an exact occurrence is taken at once, the last of several.

    Args:
        reference: uint8[], ASCII bases.
        alternate: uint8[], ASCII bases.
        scoring: one of the scores above.
        overhang: one of the overhang strategies above.
    """
    rows = reference.size
    columns = alternate.size
    if overhang == SOFT_CLIP_OVERHANG:
        found = _last_occurrence(reference, alternate)
        if found >= 0:
            return Alignment(found, np.array([packed_element(columns, MATCH)], np.uint32))
    lost = _lost_with_one_gap(reference, alternate, scoring, overhang)
    width = min(_WIDEST_GUESS, _sufficient_width(lost, scoring, overhang))
    while True:
        lowest = min(0, columns - rows) - width
        if overhang == LEADING_INDEL_OVERHANG:
            lowest = -width
        highest = max(0, columns - rows) + width
        last_column, last_row, steps = _fill(reference, alternate, scoring, overhang, lowest, highest)
        row, column = _end(last_column, last_row, overhang)
        best = last_column[row] if column == columns else last_row[column]
        sufficient = _sufficient_width(scoring.match * min(rows, columns) - best, scoring, overhang)
        if width >= sufficient or (-lowest >= rows and highest >= columns):
            return _traced(steps, lowest, row, column, columns, overhang)
        width = min(sufficient, 4 * max(width, _WIDEST_GUESS))


@kernel
def _last_occurrence(reference: NDArray[np.uint8], alternate: NDArray[np.uint8]) -> int:
    """Start of the last exact occurrence of ``alternate`` in ``reference``, -1 for none."""
    for start in range(reference.size - alternate.size, -1, -1):
        length = 0
        while length < alternate.size and reference[start + length] == alternate[length]:
            length += 1
        if length == alternate.size:
            return start
    return -1


@kernel
def _sufficient_width(lost: int, scoring: Scoring, overhang: np.int64) -> int:
    """How wide the band must be to hold every alignment that loses no more than ``lost``.

    A loss is counted from a match of every base of the shorter sequence. The band holds every diagonal between
    those of the two corners and ``width`` more on each side; to leave it costs the matches of at least
    ``width + 1`` bases. An alignment bound to the first corner, in a band around that corner's diagonal only,
    leaves it by a deletion of more than ``width`` bases.
    """
    if overhang == LEADING_INDEL_OVERHANG:
        return max(0, (lost + scoring.gap_open) // -scoring.gap_extend + 1)
    return lost // scoring.match


@kernel
def _lost_with_one_gap(
    reference: NDArray[np.uint8], alternate: NDArray[np.uint8], scoring: Scoring, overhang: np.int64
) -> int:
    """What the best alignment loses that has at most one gap and begins and, unless free to, ends at a corner."""
    rows = reference.size
    columns = alternate.size
    shorter = min(rows, columns)
    free_end = overhang == LEADING_INDEL_OVERHANG and rows >= columns
    matched = 0
    for i in range(shorter if not free_end else 0):
        matched += reference[rows - shorter + i] == alternate[columns - shorter + i]
    most = matched
    for i in range(shorter):
        matched += reference[i] == alternate[i]
        if not free_end:
            matched -= reference[rows - shorter + i] == alternate[columns - shorter + i]
        most = max(most, matched)
    lost = (scoring.match - scoring.mismatch) * (shorter - most)
    if rows != columns and not free_end:
        lost -= scoring.gap_open + scoring.gap_extend * (abs(rows - columns) - 1)
    return lost


@kernel
def _fill(
    reference: NDArray[np.uint8],
    alternate: NDArray[np.uint8],
    scoring: Scoring,
    overhang: np.int64,
    lowest: int,
    highest: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """The dynamic program on diagonals ``lowest <= column - row <= highest``.

    Returns the scores in the last column by row and in the last row by column, and the step by which each cell
    is reached: 0 diagonal, n a deletion of n bases, -n an insertion. Row i of the steps begins at column
    ``max(1, i + lowest)``.
    """
    rows = reference.size
    columns = alternate.size
    steps = np.empty((rows + 1, min(columns, highest - lowest + 1)), np.int32)
    last_column = np.full(rows + 1, _LOWEST, np.int64)
    score = np.full(columns + 1, _LOWEST, np.int64)
    # A gap is its score and, below it, its length: of equal scores the longer gap, the older one, is the greater.
    down = np.full(columns + 1, _LOWEST << _LENGTH_BITS, np.int64)
    open_gap = (scoring.gap_open << _LENGTH_BITS) + 1
    extend_gap = (scoring.gap_extend << _LENGTH_BITS) + 1
    bound = overhang != SOFT_CLIP_OVERHANG
    for column in range(min(columns, highest) + 1):
        score[column] = scoring.gap_open + (column - 1) * scoring.gap_extend if bound and column > 0 else 0
    for row in range(1, rows + 1):
        first = max(1, row + lowest)
        last = min(columns, row + highest)
        if first > columns:
            break
        diagonal = score[first - 1]
        if row > -lowest:
            score[first - 1] = _LOWEST
        elif bound:
            score[0] = scoring.gap_open + (row - 1) * scoring.gap_extend
        left = score[first - 1]
        right = _LOWEST << _LENGTH_BITS
        base = reference[row - 1]
        for i in range(np.uint64(last - first + 1)):
            at = np.uint64(first) + i  # unsigned: no check for an index from the end
            by_match = diagonal + (scoring.match if base == alternate[at - np.uint64(1)] else scoring.mismatch)
            diagonal = score[at]
            deletion = max(down[at] + extend_gap, (diagonal << _LENGTH_BITS) + open_gap)
            down[at] = deletion
            right = max(right + extend_gap, (left << _LENGTH_BITS) + open_gap)
            by_deletion = deletion >> _LENGTH_BITS
            # A gap opened behind an insertion never beats that insertion prolonged, so the next cell need not
            # wait for whether this one ends in an insertion.
            left = max(by_match, by_deletion)
            by_insertion = right >> _LENGTH_BITS
            length = deletion & _LENGTH_MASK if by_deletion > by_insertion else -(right & _LENGTH_MASK)
            steps[np.uint64(row), i] = 0 if by_match >= max(by_deletion, by_insertion) else length
            score[at] = max(left, by_insertion)
        if last == columns:
            last_column[row] = score[columns]
    score[: max(0, min(columns + 1, rows + lowest))] = _LOWEST
    score[min(columns + 1, rows + highest + 1) :] = _LOWEST
    return last_column, score, steps


@kernel
def _end(last_column: NDArray[np.int64], last_row: NDArray[np.int64], overhang: np.int64) -> tuple[int, int]:
    """The cell in which the alignment ends, found in the order in which GATK breaks ties."""
    rows = last_column.size - 1
    columns = last_row.size - 1
    if overhang == INDEL_OVERHANG:
        return rows, columns
    row = 1
    for candidate in range(2, rows + 1):
        if last_column[candidate] >= last_column[row]:
            row = candidate
    if overhang == LEADING_INDEL_OVERHANG:
        return row, columns
    best = last_column[row]
    column = columns
    for candidate in range(1, columns + 1):
        value = last_row[candidate]
        if value > best or (value == best and abs(rows - candidate) < abs(row - column)):
            row, column, best = rows, candidate, value
    return row, column


@kernel
def _traced(
    steps: NDArray[np.int32], lowest: int, row: int, column: int, columns: int, overhang: np.int64
) -> Alignment:
    """Walk back from the end cell to the first row or column and turn the way into a CIGAR."""
    backwards = np.empty(row + column + 3, np.uint32)
    count = 0
    if column < columns:
        backwards[0] = packed_element(columns - column, SOFT_CLIP)
        count = 1
    operator = MATCH
    length = 0
    while row > 0 and column > 0:
        step = steps[row, column - max(1, row + lowest)]
        moved = MATCH if step == 0 else (DELETION if step > 0 else INSERTION)
        if moved != operator:
            if length > 0:
                backwards[count] = packed_element(length, operator)
                count += 1
            operator = moved
            length = 0
        span = 1 if step == 0 else abs(step)
        length += span
        if moved != INSERTION:
            row -= span
        if moved != DELETION:
            column -= span
    backwards[count] = packed_element(length, operator)
    count += 1
    offset = 0
    if overhang == SOFT_CLIP_OVERHANG:
        offset = row
        if column > 0:
            backwards[count] = packed_element(column, SOFT_CLIP)
            count += 1
    elif row > 0 or column > 0:
        left, moved = (row, DELETION) if row > 0 else (column, INSERTION)
        backwards[count] = packed_element(left, moved)
        count += 1
    return Alignment(offset, backwards[:count][::-1].copy())
