"""Insertions and deletions moved many at a time: the same as each moved by itself."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.annotate.edit import Edit, left_aligned, shifted
from engine.annotate.hgvs import changed
from engine.annotate.indels import Indels, indels_of


def edits_on(bases: str, chance: random.Random, count: int) -> list[Edit]:
    """Deletions and insertions anywhere, at both ends of the contig, too."""
    edits = []
    for _ in range(count):
        start, size = chance.randrange(len(bases)), chance.randint(1, 5)
        if chance.random() < 0.5 and start + size <= len(bases):
            edits.append(Edit(start, start + size, ""))
        else:
            edits.append(Edit(start, start, "".join(chance.choices(bases, k=size))))
    return edits


def moved(bases: str, edits: list[Edit]) -> Indels:
    """The same by columns, each of a record of its own."""
    anchored = [edit.start > 0 for edit in edits]
    return indels_of(np.arange(len(edits)), edits, anchored, np.frombuffer(bases.encode(), np.uint8))


@pytest.mark.parametrize("letters", ["ACGT", "AC", "AAAT", "A"])
def test_many_are_moved_as_each_would_be(letters: str) -> None:
    chance = random.Random(letters)
    for _ in range(40):
        bases = "".join(chance.choices(letters, k=60))
        edits = edits_on(bases, chance, 50)
        found = moved(bases, edits)
        for place, edit in enumerate(edits):
            left, right = shifted(edit, bases, -1), shifted(edit, bases, 1)
            assert (found.edit(place), found.edit(place, rightmost=True)) == (left, right)
            assert found.repeats[place] == changed(right, bases)[2].startswith("dup")
            assert found.is_normal[place] == (edit.start > 0 and left == edit)
            if left.start:
                ref = bases[edit.start : edit.end]
                before = bases[edit.start - 1] if edit.start else ""
                if before:
                    whole = left_aligned(edit.start - 1, before + ref, before + edit.alt, bases)
                    assert found.alleles(place, bases) == whole


def test_one_allele_that_is_written_twice_is_found() -> None:
    found = moved("GATTTACA", [Edit(2, 3, ""), Edit(4, 5, ""), Edit(2, 2, "T"), Edit(7, 7, "C"), Edit(6, 6, "C")])
    assert found.several_times().tolist() == [0, 1, 3, 4]


def test_what_is_given_out_of_order_is_told_in_order() -> None:
    found = indels_of(
        np.array([9, 4]), [Edit(1, 2, ""), Edit(3, 3, "C")], [True, True], np.frombuffer(b"GATTACA", np.uint8)
    )
    assert (found.numbers.tolist(), found.place(9), found.place(5)) == ([4, 9], 1, None)
    assert found.taken(np.array([1])).edit(0) == Edit(1, 2, "")
