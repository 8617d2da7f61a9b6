"""A variant as an edit of the sequence: trimmed of shared bases, and moved as far as it means the same.

How an edit is written down is the business of :mod:`engine.annotate.hgvs`. Coordinates are 0-based half-open on the
contig, bases are those of the forward strand, in upper case.

>>> trimmed(9, "CAA", "CA")
Edit(start=10, end=11, alt='')
>>> shifted(trimmed(0, "C", "CA"), "CAAAG", strand=1)
Edit(start=4, end=4, alt='A')
"""

from __future__ import annotations

from typing import NamedTuple

_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


class Edit(NamedTuple):
    """What is replaced by what, without shared bases at either end.

    Attributes:
        start: 0-based first replaced base; where nothing is replaced, the base before which bases are inserted.
        end: one past the last replaced base.
        alt: the bases that come instead, on the forward strand.
    """

    start: int
    end: int
    alt: str


def trimmed(start: int, ref: str, alt: str) -> Edit:
    """The edit that a pair of alleles means, shared bases taken off the end first, then off the start."""
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[-1 - shared] == alt[-1 - shared]:
        shared += 1
    end = start + len(ref) - shared
    alt = alt[: len(alt) - shared]
    ref = ref[: len(ref) - shared]
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[shared] == alt[shared]:
        shared += 1
    return Edit(start + shared, end, alt[shared:])


def shifted(edit: Edit, sequence: str, strand: int, limits: tuple[int, int] | None = None) -> Edit:
    """Move a pure insertion or deletion as far 3' as it means the same, on the strand given.

    Args:
        edit: as :func:`trimmed` gives it; anything but a pure insertion or deletion is given back as it is.
        sequence: the contig's bases.
        strand: 1 moves to the right, -1 to the left.
        limits: bases it may not leave, the whole sequence by default.
    """
    start, end, alt = edit
    if bool(alt) == (end > start):
        return edit
    first, last = limits or (0, len(sequence))
    moving = alt or sequence[start:end]
    size = len(moving)
    moved = 0
    if strand == 1:
        while end + moved < last and sequence[end + moved] == (
            moving[moved] if moved < size else sequence[end + moved - size]
        ):
            moved += 1
        turn = moved % size
        return Edit(start + moved, end + moved, alt[turn:] + alt[:turn])
    while start - moved > first and sequence[start - moved - 1] == (
        moving[-1 - moved] if moved < size else sequence[start - moved - 1 + size]
    ):
        moved += 1
    turn = size - moved % size
    return Edit(start - moved, end - moved, alt[turn:] + alt[:turn])


def left_aligned(start: int, ref: str, alt: str, sequence: str) -> tuple[int, str, str]:
    """The alleles as VCF wants them: minimal, leftmost, an insertion or deletion with the base before it.

    Returns:
        1-based position, ref, alt (Tan et al. 2015, Bioinformatics 31:2202; the form ``bcftools norm`` writes).
    """
    edit = shifted(trimmed(start, ref, alt), sequence, strand=-1)
    replaced = sequence[edit.start : edit.end]
    if replaced and edit.alt:
        return edit.start + 1, replaced, edit.alt
    if edit.start == 0:
        after = sequence[edit.end]
        return 1, replaced + after, edit.alt + after
    before = sequence[edit.start - 1]
    return edit.start, before + replaced, before + edit.alt


def reverse_complement(bases: str) -> str:
    """The other strand, read in its own direction."""
    return bases.translate(_COMPLEMENT)[::-1]
