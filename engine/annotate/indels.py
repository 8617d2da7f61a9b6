"""Insertions and deletions of one contig by columns: moved as far left and as far right as they mean the same.

What :func:`engine.annotate.edit.shifted` does to one edit is done here to many at a time; a test holds the two against
each other. Coordinates are 0-based on the contig.

>>> bases = "GATTTACA"
>>> edits = [Edit(3, 4, ""), Edit(5, 5, "AC")]
>>> found = indels_of(np.array([7, 9]), edits, [True, False], np.frombuffer(bases.encode(), np.uint8))
>>> found.left.tolist(), found.right.tolist(), found.inserts.tolist(), found.repeats.tolist()
([2, 5], [4, 8], [False, True], [False, True])
>>> found.edit(1, rightmost=True)
Edit(start=8, end=8, alt='CA')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.annotate.edit import Edit


@dataclass(frozen=True)
class Indels:
    """Pure insertions and deletions, in ascending order of their records; all arrays of shape (indels,).

    Attributes:
        numbers: of the record of each.
        alts: bases that each inserts in the form in which it was given; empty of a deletion.
        sizes: bases inserted or deleted.
        inserts: whether it is an insertion.
        left: first base replaced, or base before which is inserted, as far left as it means the same.
        right: the same as far right.
        given: the same as it was given.
        is_normal: whether its record is written as VCF wants it, minimal and leftmost.
    """

    numbers: NDArray[np.int64]
    alts: Sequence[str]
    sizes: NDArray[np.int64]
    inserts: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    given: NDArray[np.int64]
    is_normal: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def repeats(self) -> NDArray[np.bool_]:
        """Of each, whether it is an insertion of bases that stand beside it: it can be moved by its own size."""
        found: NDArray[np.bool_] = self.inserts & (self.right - self.left >= self.sizes)
        return found

    @property
    def replaced(self) -> NDArray[np.int64]:
        """How many bases of the reference each replaces."""
        return np.where(self.inserts, 0, self.sizes)

    def extent(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Bases within which each can be written, those that an insertion may repeat among them: first and end."""
        inserted = np.where(self.inserts, self.sizes, 0)
        first = np.minimum(self.left - 1, self.right - inserted)
        return first, np.maximum(self.right + self.replaced + 1, self.left + inserted)

    def place(self, record: int) -> int | None:
        """Which of them is of a record; absent where none is."""
        place = int(np.searchsorted(self.numbers, record))
        return place if place < len(self.numbers) and self.numbers[place] == record else None

    def alt(self, place: int, *, rightmost: bool = False) -> str:
        """Bases that one inserts, in its leftmost or rightmost form; empty of a deletion."""
        alt = self.alts[place]
        if not alt:
            return alt
        turn = int((self.right if rightmost else self.left)[place] - self.given[place]) % len(alt)
        return alt[turn:] + alt[:turn]

    def edit(self, place: int, *, rightmost: bool = False) -> Edit:
        """One of them in its leftmost or rightmost form."""
        start = int((self.right if rightmost else self.left)[place])
        return Edit(start, start + int(self.replaced[place]), self.alt(place, rightmost=rightmost))

    def alleles(self, place: int, bases: str) -> tuple[int, str, str]:
        """One of them as VCF wants it: 1-based position, ref and alt, with the base before it."""
        start, end, alt = self.edit(place)
        before = bases[start - 1]
        return start, before + bases[start:end], before + alt

    def taken(self, places: NDArray[np.int64]) -> Indels:
        """Some of them."""
        alts = [self.alts[place] for place in places.tolist()]
        return Indels(
            self.numbers[places], alts, self.sizes[places], self.inserts[places],
            self.left[places], self.right[places], self.given[places], self.is_normal[places],
        )  # fmt: skip

    def several_times(self) -> NDArray[np.int64]:
        """Records of those that are there more than once."""
        ends = self.left * 2 + self.inserts
        _, back, counts = np.unique(ends, return_inverse=True, return_counts=True)
        same: dict[Edit, list[int]] = {}
        for place in np.flatnonzero(counts[back] > 1).tolist():
            same.setdefault(self.edit(place), []).append(place)
        places = [place for found in same.values() if len(found) > 1 for place in found]
        return self.numbers[np.array(places, np.int64)]


def indels_of(
    numbers: NDArray[np.int64], edits: Sequence[Edit], anchored: Sequence[bool], letters: NDArray[np.uint8]
) -> Indels:
    """Edits as columns.

    Args:
        numbers: of the record of each, in any order.
        edits: pure insertions and deletions.
        anchored: of each, whether its record has the base before it and no other: is normal, if nothing can be moved.
        letters: of the contig.
    """
    order = np.argsort(numbers, kind="stable")
    edits = [edits[place] for place in order.tolist()]
    starts = np.array([edit.start for edit in edits], np.int64)
    alts = [edit.alt for edit in edits]
    inserted = np.array([len(alt) for alt in alts], np.int64)
    inserts = inserted > 0
    sizes = np.where(inserts, inserted, np.array([edit.end for edit in edits], np.int64) - starts)
    changed = _Changed(starts, sizes, inserts, alts, letters)
    left, right = starts - changed.reach(-1), starts + changed.reach(1)
    is_normal = np.array(anchored, np.bool_)[order] & (left == starts)
    return Indels(numbers[order], alts, sizes, inserts, left, right, starts, is_normal)


class _Changed:
    """The contig with the bases of each insertion in it: a deletion and an insertion are then moved alike."""

    def __init__(
        self,
        starts: NDArray[np.int64],
        sizes: NDArray[np.int64],
        inserts: NDArray[np.bool_],
        alts: Sequence[str],
        letters: NDArray[np.uint8],
    ) -> None:
        self._starts, self._sizes, self._inserts, self._letters = starts, sizes, inserts, letters
        self._inserted = np.frombuffer(("".join(alts) + " ").encode(), np.uint8)
        lengths = np.where(inserts, sizes, 0)
        self._offsets = np.cumsum(lengths) - lengths
        self._lasts = len(letters) - np.where(inserts, 0, sizes)

    def reach(self, step: int) -> NDArray[np.int64]:
        """By how many bases each can be moved, to the right (1) or to the left (-1)."""
        moved = np.zeros(len(self._starts), np.int64)
        moving = np.arange(len(self._starts))
        while len(moving):
            starts = self._starts[moving]
            base = starts + moved[moving] if step == 1 else starts - 1 - moved[moving]
            inside = base < self._lasts[moving] if step == 1 else base >= 0
            moving, base = moving[inside], base[inside]
            same = self._at(moving, base) == self._at(moving, base + self._sizes[moving])
            moving = moving[same]
            moved[moving] += 1
        return moved

    def _at(self, which: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Letters at places of the changed contig."""
        starts, sizes, inserts = self._starts[which], self._sizes[which], self._inserts[which]
        behind = inserts & (places >= starts + sizes)
        within = inserts & (places >= starts) & ~behind
        found = self._letters[np.minimum(np.where(behind, places - sizes, places), len(self._letters) - 1)]
        inserted = self._inserted[np.where(within, self._offsets[which] + places - starts, 0)]
        return np.where(within, inserted, found)
