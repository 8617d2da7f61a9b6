"""What both pileup models ask of a read: how far its adaptor reaches and how its CIGAR lies on the reference.

Source: ``ReadUtils.getAdaptorBoundary``, ``hasWellDefinedFragmentSize`` and ``isBaseInsideAdaptor`` of GATK.
"""

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"

from __future__ import annotations

from typing import Final

from engine.kernel import kernel

PAIRED: Final = 0x1
MATE_UNMAPPED: Final = 0x8
REVERSE: Final = 0x10
MATE_REVERSE: Final = 0x20

MATCH, INSERTION, DELETION, SKIP, SOFT_CLIP, HARD_CLIP, PADDING, EQUAL, DIFFERENT = range(9)
"""CIGAR operators as numbered in BAM."""

NO_BOUNDARY: Final = -(1 << 40)
_ADAPTOR_SIZE: Final = 100


@kernel
def fragment_is_known(flag: int, start: int, end: int, mate_start: int, template_length: int) -> bool:
    """Whether the two ends of the fragment can be told: a mapped pair of opposite strands facing each other.

    Args:
        flag: SAM FLAG.
        start: first aligned base as the read is now, clipped or not.
        end: one past its last.
        mate_start: first aligned base of the mate.
        template_length: TLEN.
    """
    if template_length == 0 or not flag & PAIRED or flag & (MATE_UNMAPPED | 0x4):
        return False
    reverse = flag & REVERSE != 0
    if reverse == (flag & MATE_REVERSE != 0):
        return False
    if reverse:
        return end - 1 > mate_start
    return start <= mate_start + template_length


@kernel
def adaptor_boundary(flag: int, start: int, end: int, mate_start: int, template_length: int) -> int:
    """First base of the adaptor next to the insert, :data:`NO_BOUNDARY` where it cannot be told."""
    if not fragment_is_known(flag, start, end, mate_start, template_length):
        return NO_BOUNDARY
    if flag & REVERSE:
        return mate_start - 1
    return start + abs(template_length)


@kernel
def insert_limits(flag: int, start: int, end: int, mate_start: int, template_length: int) -> tuple[int, int]:
    """The part of ``[start, end)`` that is not adaptor and so stands in pileups.

    A forward read of a fragment longer than 100 bases is left whole, as GATK does.
    """
    boundary = adaptor_boundary(flag, start, end, mate_start, template_length)
    if boundary == NO_BOUNDARY or template_length > _ADAPTOR_SIZE:
        return start, end
    if flag & REVERSE:
        return max(start, boundary + 1), end
    return start, min(end, boundary)
