"""CIGARs inside the caller's kernels: building, measuring, trimming, composing and left-aligning them.

Works on packed CIGARs as BAM stores them (uint32, ``length << 4 | operator``) and on plain arrays of bases; it
aligns nothing itself. What a CIGAR looks like after each step follows GATK's ``CigarBuilder`` and
``AlignmentUtils`` (specification 7.16, 10.5), because later stages compare CIGARs, not alignments.

Throughout, ``cigar``: uint32[n], packed elements.

>>> import numpy as np
>>> reference, read = np.frombuffer(b"ACAAAAGTC", np.uint8), np.frombuffer(b"ACAAAGTC", np.uint8)
>>> text(left_align(packed("5M1D3M"), reference, read, 0).cigar)
'2M1D6M'
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

MATCH: Final = 0
"""Operator M."""
INSERTION: Final = 1
"""Operator I."""
DELETION: Final = 2
"""Operator D."""
SKIP: Final = 3
"""Operator N."""
SOFT_CLIP: Final = 4
"""Operator S."""
HARD_CLIP: Final = 5
"""Operator H."""
PADDING: Final = 6
"""Operator P."""
EQUAL: Final = 7
"""Operator =."""
DIFFERENT: Final = 8
"""Operator X."""

OPERATORS: Final = "MIDNSHP=X"
"""Letter of each operator (SAM specification 4.2)."""

_CONSUMES_READ: Final = 0b1_1001_0011
_CONSUMES_REFERENCE: Final = 0b1_1000_1101


class BuiltCigar(NamedTuple):
    """A CIGAR and the deletions at its ends that were taken off while it was built.

    Attributes:
        cigar: uint32[], packed as in BAM.
        leading_deletion: reference bases of deletions removed from its start; the alignment starts that much later.
        trailing_deletion: reference bases of deletions removed from its end.
    """

    cigar: NDArray[np.uint32]
    leading_deletion: int
    trailing_deletion: int


def packed(cigar: str) -> NDArray[np.uint32]:
    """The packed form of a CIGAR string, empty for ``*``."""
    elements = re.findall(r"(\d+)([MIDNSHP=X])", cigar)
    return np.array([int(length) << 4 | OPERATORS.index(letter) for length, letter in elements], np.uint32)


def text(cigar: NDArray[np.uint32]) -> str:
    """The CIGAR string of a packed CIGAR, ``*`` when it has no element."""
    return "".join(f"{int(element) >> 4}{OPERATORS[int(element) & 15]}" for element in cigar) or "*"


@kernel
def operator_of(element: np.uint32) -> int:
    """Operator of a packed element, as a signed integer so that arithmetic with it stays integral."""
    signed: Any = np.int64(element)
    operator: int = signed & 15
    return operator


@kernel
def length_of(element: np.uint32) -> int:
    """Length of a packed element, as a signed integer."""
    signed: Any = np.int64(element)
    length: int = signed >> 4
    return length


@kernel
def packed_element(length: int, operator: int) -> np.uint32:
    """One packed element."""
    return np.uint32(length << 4 | operator)


@kernel
def consumes_read(operator: int) -> bool:
    """Whether bases of the read lie in an element of this operator (M, I, S, = or X)."""
    return (_CONSUMES_READ >> operator) & 1 == 1


@kernel
def consumes_reference(operator: int) -> bool:
    """Whether bases of the reference lie in an element of this operator (M, D, N, = or X)."""
    return (_CONSUMES_REFERENCE >> operator) & 1 == 1


@kernel
def is_aligned(operator: int) -> bool:
    """Whether an element of this operator pairs read with reference bases (M, = or X)."""
    return operator == MATCH or operator >= EQUAL


@kernel
def read_length(cigar: NDArray[np.uint32]) -> int:
    """Bases of the read that the CIGAR covers, soft clips included."""
    total = 0
    for element in cigar:
        if consumes_read(operator_of(element)):
            total += length_of(element)
    return total


@kernel
def reference_length(cigar: NDArray[np.uint32]) -> int:
    """Bases of the reference that the CIGAR covers."""
    total = 0
    for element in cigar:
        if consumes_reference(operator_of(element)):
            total += length_of(element)
    return total


_COUNT: Final = 0
_LEADING: Final = 1
_TRAILING: Final = 2


@kernel
def _append(elements: NDArray[np.uint32], state: NDArray[np.int64], length: int, operator: int, strip: bool) -> None:
    """Add one element to a CIGAR under construction, keeping it in normal form.

    Equal neighbours merge and a deletion goes before the insertion it follows. With ``strip`` a deletion with
    nothing but an insertion or a clip between it and an end is counted in ``state`` instead of kept.
    """
    if length == 0:
        return
    count = state[_COUNT]
    last = operator_of(elements[count - 1]) if count > 0 else -1
    before_last = operator_of(elements[count - 2]) if count > 1 else -1
    clip = operator in (SOFT_CLIP, HARD_CLIP)
    last_is_clip = last in (SOFT_CLIP, HARD_CLIP)
    if strip and operator == DELETION:
        starts = last == -1 or last_is_clip
        before_last_is_clip = before_last in (SOFT_CLIP, HARD_CLIP)
        if starts or (last == INSERTION and (before_last == -1 or before_last_is_clip)):
            state[_LEADING] += length
            return
    element = packed_element(length, operator)
    if operator == last:
        elements[count - 1] += packed_element(length, 0)
    elif strip and clip and (last in (DELETION, SKIP)):
        state[_TRAILING] += length_of(elements[count - 1])
        elements[count - 1] = element
    elif strip and clip and last == INSERTION and before_last == DELETION:
        state[_TRAILING] += length_of(elements[count - 2])
        elements[count - 2] = elements[count - 1]
        elements[count - 1] = element
    elif operator == DELETION and last == INSERTION:
        if before_last == DELETION:
            elements[count - 2] += packed_element(length, 0)
        else:
            elements[count] = elements[count - 1]
            elements[count - 1] = element
            state[_COUNT] += 1
    else:
        elements[count] = element
        state[_COUNT] += 1


@kernel
def _finished(elements: NDArray[np.uint32], state: NDArray[np.int64], strip: bool) -> BuiltCigar:
    """The CIGAR under construction, with ``strip`` without a deletion at its right end."""
    count = state[_COUNT]
    if strip and count > 0:
        last = operator_of(elements[count - 1])
        if last == DELETION:
            state[_TRAILING] += length_of(elements[count - 1])
            count -= 1
        elif (
            count > 1 and operator_of(elements[count - 1]) == INSERTION and operator_of(elements[count - 2]) == DELETION
        ):
            state[_TRAILING] += length_of(elements[count - 2])
            elements[count - 2] = elements[count - 1]
            count -= 1
    return BuiltCigar(elements[:count].copy(), state[_LEADING], state[_TRAILING])


@kernel
def normalised(cigar: NDArray[np.uint32], strip: bool) -> BuiltCigar:
    """Merge equal neighbours and put deletions before insertions (GATK's ``CigarBuilder``).

    Args:
        cigar: packed, elements of length 0 allowed.
        strip: take deletions off both ends and count them.
    """
    elements = np.empty(cigar.size, np.uint32)
    state = np.zeros(3, np.int64)
    for element in cigar:
        _append(elements, state, length_of(element), operator_of(element), strip)
    return _finished(elements, state, strip)


@kernel
def _trimmed(cigar: NDArray[np.uint32], start: int, end: int, by_reference: bool) -> BuiltCigar:
    elements = np.empty(cigar.size, np.uint32)
    state = np.zeros(3, np.int64)
    element_end = 0
    for element in cigar:
        operator = operator_of(element)
        length = length_of(element)
        consumed = consumes_reference(operator) if by_reference else consumes_read(operator)
        element_start = element_end
        if consumed:
            element_end += length
        if element_end < start or (element_end == start and element_start < start):
            continue
        if element_start >= end and element_end > end:
            break
        kept = min(end, element_end) - max(start, element_start) if consumed else length
        _append(elements, state, kept, operator, True)
    return _finished(elements, state, True)


@kernel
def trimmed_by_read(cigar: NDArray[np.uint32], start: int, end: int) -> BuiltCigar:
    """The part of a CIGAR over bases ``[start, end)`` of the read.

    Deletions exactly at either cut belong to the part and are then taken off it and counted.
    """
    return _trimmed(cigar, start, end, False)


@kernel
def trimmed_by_reference(cigar: NDArray[np.uint32], start: int, end: int) -> BuiltCigar:
    """The part of a CIGAR over reference bases ``[start, end)``, counted from the CIGAR's own start.

    Insertions exactly at either cut belong to the part; deletions at its ends are taken off and counted.
    """
    return _trimmed(cigar, start, end, True)


@kernel
def reference_offset(cigar: NDArray[np.uint32], read_offset: int) -> int:
    """How many reference bases the CIGAR consumes before it reaches base ``read_offset`` of the read.

    A deletion right before that base is not yet consumed. GATK: ``readStartOnReferenceHaplotype``.

    Raises:
        ValueError: the CIGAR has fewer than ``read_offset`` bases.
    """
    if read_offset == 0:
        return 0
    on_reference = 0
    on_read = 0
    for element in cigar:
        operator = operator_of(element)
        length = length_of(element)
        if consumes_reference(operator):
            on_reference += length
        if consumes_read(operator):
            on_read += length
        if on_read >= read_offset:
            return on_reference - (on_read - read_offset if consumes_reference(operator) else 0)
    raise ValueError("the CIGAR ends before the offset")


@kernel
def composed(first_to_second: NDArray[np.uint32], second_to_third: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The CIGAR of the first sequence on the third, from first on second and second on third.

    Both start at the same base of the second sequence. Soft clips of the first become insertions. Deletions at
    the ends are dropped. GATK: ``AlignmentUtils.applyCigarToCigar``.

    Args:
        first_to_second: uint32[], packed.
        second_to_third: uint32[], packed.
    """
    elements = np.empty(2 * (first_to_second.size + second_to_third.size) + 2, np.uint32)
    state = np.zeros(3, np.int64)
    i = 0
    j = 0
    left_i = 0
    left_j = 0
    while True:
        if left_i == 0:
            if i == first_to_second.size:
                break
            left_i = length_of(first_to_second[i])
            operator_i = operator_of(first_to_second[i])
            i += 1
        if left_j == 0:
            if j == second_to_third.size:
                break
            left_j = length_of(second_to_third[j])
            operator_j = operator_of(second_to_third[j])
            j += 1
        if operator_i in (INSERTION, SOFT_CLIP):
            _append(elements, state, left_i, INSERTION, True)
            left_i = 0
        elif operator_j == DELETION:
            _append(elements, state, left_j, DELETION, True)
            left_j = 0
        else:
            step = min(left_i, left_j)
            second_inserted = operator_j in (INSERTION, SOFT_CLIP)
            if operator_i == DELETION:
                if not second_inserted:
                    _append(elements, state, step, DELETION, True)
            else:
                _append(elements, state, step, INSERTION if second_inserted else MATCH, True)
            left_i -= step
            left_j -= step
    return _finished(elements, state, True).cigar


@kernel
def left_align(
    cigar: NDArray[np.uint32], reference: NDArray[np.uint8], read: NDArray[np.uint8], read_start: int
) -> BuiltCigar:
    """Move every indel as far left as the bases allow; indels that meet become one.

    An indel's alleles are first made parsimonious (shared bases at both ends become matches), then shifted left
    through matches, never through clips. One pass from right to left, GATK's ``AlignmentUtils.leftAlignIndels``.

    Args:
        cigar: uint32[n], packed, of ``read`` on ``reference``, covering every base of the read.
        reference: uint8[], ASCII bases, at least up to the last base before or in the right-most indel.
        read: uint8[], ASCII, the aligned bases.
        read_start: index in ``reference`` of the first base the CIGAR consumes.
    """
    if not _has_indel(cigar):
        return BuiltCigar(cigar.copy(), 0, 0)
    # Right to left; an element gives at most five: gained matches, the indel's two parts, gained matches, its rest.
    backwards = np.empty(5 * cigar.size + 2, np.uint32)
    count = 0
    end = np.array([read_start + reference_length(cigar), read.size], np.int64)
    start = end.copy()
    for n in range(cigar.size - 1, -1, -1):
        operator = operator_of(cigar[n])
        length = length_of(cigar[n])
        on_reference = length if consumes_reference(operator) else 0
        on_read = length if consumes_read(operator) else 0
        if operator in (INSERTION, DELETION):
            start[_ON_REFERENCE] -= on_reference
            start[_ON_READ] -= on_read
            continue
        if start[_ON_REFERENCE] == end[_ON_REFERENCE] and start[_ON_READ] == end[_ON_READ]:
            backwards[count] = cigar[n]
            count += 1
            start[_ON_REFERENCE] -= on_reference
            start[_ON_READ] -= on_read
            end[:] = start
            continue
        furthest = length if is_aligned(operator) else 0
        shift, gained_right = _shift_left(reference, read, start, end, furthest)
        gained_left = max(-shift, 0)
        remaining = length - max(shift, 0)
        backwards[count] = packed_element(gained_right, MATCH)
        count += 1
        if n == 0 or shift < furthest or not is_aligned(operator):
            backwards[count] = packed_element(end[_ON_REFERENCE] - start[_ON_REFERENCE], DELETION)
            backwards[count + 1] = packed_element(end[_ON_READ] - start[_ON_READ], INSERTION)
            count += 2
            start[_ON_REFERENCE] -= gained_left + (remaining if on_reference > 0 else 0)
            start[_ON_READ] -= gained_left + (remaining if on_read > 0 else 0)
            end[:] = start
        backwards[count] = packed_element(gained_left, MATCH)
        backwards[count + 1] = packed_element(remaining, operator)
        count += 2
    backwards[count] = packed_element(end[_ON_REFERENCE] - start[_ON_REFERENCE], DELETION)
    backwards[count + 1] = packed_element(end[_ON_READ] - start[_ON_READ], INSERTION)
    elements = np.empty(count + 2, np.uint32)
    state = np.zeros(3, np.int64)
    for n in range(count + 1, -1, -1):
        _append(elements, state, length_of(backwards[n]), operator_of(backwards[n]), True)
    return _finished(elements, state, True)


_ON_REFERENCE: Final = 0
_ON_READ: Final = 1


@kernel
def _shift_left(
    reference: NDArray[np.uint8],
    read: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    furthest: int,
) -> tuple[int, int]:
    """Make the alleles ``[start, end)`` of an indel parsimonious, then shift them left by up to ``furthest``.

    Moves ``start`` and ``end`` (each: on the reference, on the read). Returns how far their start moved left,
    negative where trimming moved it right, and how many matches that leaves on the indel's right.
    """
    r0, q0 = start[_ON_REFERENCE], start[_ON_READ]
    r1, q1 = end[_ON_REFERENCE], end[_ON_READ]
    shift = 0
    gained_right = 0
    while r1 > r0 and q1 > q0 and reference[r1 - 1] == read[q1 - 1]:
        r1 -= 1
        q1 -= 1
        gained_right += 1
    while r1 > r0 and q1 > q0 and reference[r0] == read[q0]:
        r0 += 1
        q0 += 1
        shift -= 1
    while shift < furthest and reference[r0 - 1] == read[q0 - 1] and reference[r1 - 1] == read[q1 - 1]:
        r0 -= 1
        q0 -= 1
        r1 -= 1
        q1 -= 1
        shift += 1
        gained_right += 1
    start[_ON_REFERENCE], start[_ON_READ] = r0, q0
    end[_ON_REFERENCE], end[_ON_READ] = r1, q1
    return shift, gained_right


@kernel
def _has_indel(cigar: NDArray[np.uint32]) -> bool:
    found = False
    for element in cigar:
        found |= operator_of(element) in (INSERTION, DELETION)
    return found
