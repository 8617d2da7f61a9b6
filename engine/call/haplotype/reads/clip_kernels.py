"""Hard-clipping of one read's CIGAR, element by element. No I/O.

A CIGAR here is the first ``n`` elements of a uint32 buffer. Source: ``CigarUtils.clipCigar``, ``CigarBuilder`` and
``ReadUtils.getReadIndexForReferenceCoordinate`` of GATK.

Throughout, ``cigar``: uint32[], packed elements, of which the first ``n`` count. What is written
goes to ``out``: uint32[], with room for three elements more.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
# ruff: noqa: SIM109
import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.reads.pileup_kernels import (
    DELETION,
    EQUAL,
    HARD_CLIP,
    INSERTION,
    MATCH,
    SKIP,
    SOFT_CLIP,
)
from engine.kernel import kernel

NOT_FOUND = -1


@kernel
def consumes_read(operator: int) -> bool:
    """Whether the operator's length counts read bases."""
    return operator == MATCH or operator == INSERTION or operator == SOFT_CLIP or operator >= EQUAL


@kernel
def consumes_reference(operator: int) -> bool:
    """Whether the operator's length counts reference bases."""
    return operator == MATCH or operator == DELETION or operator == SKIP or operator >= EQUAL


@kernel
def _element(operator: int, length: int) -> np.uint32:
    return np.uint32(length << 4 | operator)


@kernel
def _add(cigar: NDArray[np.uint32], n: int, operator: int, length: int) -> int:
    """Append an element: merges, drops deletions at the ends, puts deletions before insertions."""
    if length == 0:
        return n
    last = np.int64(cigar[n - 1] & 15) if n else -1
    if operator == DELETION:
        if n == 0 or last == HARD_CLIP or last == SOFT_CLIP:
            return n
        if last == INSERTION and (n == 1 or cigar[n - 2] & 15 == HARD_CLIP or cigar[n - 2] & 15 == SOFT_CLIP):
            return n
    if operator == last:
        cigar[n - 1] = _element(operator, np.int64(cigar[n - 1] >> 4) + length)
        return n
    clip = operator == HARD_CLIP or operator == SOFT_CLIP
    last_clip = last == HARD_CLIP or last == SOFT_CLIP
    if n and clip and not last_clip and not consumes_read(last):
        cigar[n - 1] = _element(operator, length)
        return n
    if clip and last == INSERTION and n > 1 and cigar[n - 2] & 15 == DELETION:
        cigar[n - 2] = cigar[n - 1]
        cigar[n - 1] = _element(operator, length)
        return n
    if operator == DELETION and last == INSERTION:
        if n > 1 and cigar[n - 2] & 15 == DELETION:
            cigar[n - 2] = _element(operator, np.int64(cigar[n - 2] >> 4) + length)
            return n
        cigar[n] = cigar[n - 1]
        cigar[n - 1] = _element(operator, length)
        return n + 1
    cigar[n] = _element(operator, length)
    return n + 1


@kernel
def _finish(cigar: NDArray[np.uint32], n: int) -> int:
    """Drop a deletion that ended up last, or before a last insertion."""
    if n and cigar[n - 1] & 15 == DELETION:
        return n - 1
    if n > 1 and cigar[n - 1] & 15 == INSERTION and cigar[n - 2] & 15 == DELETION:
        cigar[n - 2] = cigar[n - 1]
        return n - 1
    return n


@kernel
def unclip(cigar: NDArray[np.uint32], n: int, out: NDArray[np.uint32]) -> int:
    """Turn soft clips into matches; returns the length of the CIGAR written to ``out``."""
    m = 0
    for k in range(n):
        operator = np.int64(cigar[k] & 15)
        m = _add(out, m, MATCH if operator == SOFT_CLIP else operator, np.int64(cigar[k] >> 4))
    return _finish(out, m)


@kernel
def clip(cigar: NDArray[np.uint32], n: int, start: int, stop: int, out: NDArray[np.uint32]) -> int:
    """Hard-clip the read bases ``[start, stop)``, one end of the read; returns the length of ``out``."""
    m = 0
    element_start = 0
    for k in range(n):
        operator = np.int64(cigar[k] & 15)
        length = np.int64(cigar[k] >> 4)
        if operator == HARD_CLIP:
            m = _add(out, m, operator, length)
            continue
        in_read = consumes_read(operator)
        element_end = element_start + length if in_read else element_start
        if element_end <= start or element_start >= stop:
            if in_read or (element_start != start and element_start != stop):
                m = _add(out, m, operator, length)
        else:
            kept = element_end - stop if start == 0 else start - element_start
            if kept <= 0:
                if in_read:
                    m = _add(out, m, HARD_CLIP, length)
            elif start == 0:
                m = _add(out, m, HARD_CLIP, length - kept)
                m = _add(out, m, operator, kept)
            else:
                m = _add(out, m, operator, kept)
                m = _add(out, m, HARD_CLIP, length - kept)
        element_start = element_end
    return _finish(out, m)


@kernel
def start_shift(cigar: NDArray[np.uint32], n: int, clipped: int) -> int:
    """How far the alignment start moves when the first ``clipped`` bases go (``alignmentStartShift``)."""
    shift = 0
    element_start = 0
    for k in range(n):
        operator = np.int64(cigar[k] & 15)
        length = np.int64(cigar[k] >> 4)
        if operator == HARD_CLIP:
            continue
        element_end = element_start + length if consumes_read(operator) else element_start
        if element_end <= clipped:
            if consumes_reference(operator):
                shift += length
        elif element_start < clipped:
            if consumes_reference(operator):
                shift += clipped - element_start
            break
        element_start = element_end
    return shift


@kernel
def reference_length(cigar: NDArray[np.uint32], n: int) -> int:
    """Reference bases the CIGAR spans."""
    length = 0
    for k in range(n):
        if consumes_reference(np.int64(cigar[k] & 15)):
            length += np.int64(cigar[k] >> 4)
    return length


@kernel
def read_index(cigar: NDArray[np.uint32], n: int, start: int, position: int) -> tuple[int, bool]:
    """Read base at a reference position of a read without soft clips.

    Returns:
        Index of the base (of the next one, inside a deletion) or ``NOT_FOUND``, and whether it stands there.
    """
    base = 0
    at = start
    if position < start:
        return NOT_FOUND, False
    for k in range(n):
        operator = np.int64(cigar[k] & 15)
        length = np.int64(cigar[k] >> 4)
        in_read = consumes_read(operator)
        if consumes_reference(operator):
            if position < at + length:
                return (base + position - at, True) if in_read else (base, False)
            at += length
        if in_read:
            base += length
    return NOT_FOUND, False
