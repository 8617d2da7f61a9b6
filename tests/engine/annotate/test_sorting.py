"""Which neighbours are judged together: those that make an allele of ClinVar's, however each is written."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from engine.annotate.compound import close_groups, one_allele
from engine.annotate.edit import Edit, shifted, trimmed
from engine.annotate.known_alleles import KnownOnContig
from engine.annotate.sequences import Sequence
from engine.annotate.sorting import KnownReach


def known(alleles: list[tuple[int, str, str]], sequence: Sequence) -> KnownReach:
    """ClinVar that knows some alleles: 1-based position, ref and alt."""
    position, ref, alt = zip(*sorted(alleles), strict=True)
    ids, stars = [str(number) for number in range(len(position))], [0] * len(position)
    table = pa.table({"position": position, "ref": ref, "alt": alt, "variation_id": ids, "stars": stars})
    return KnownReach(KnownOnContig(table), sequence)


def edits_on(sequence: Sequence, chance: random.Random) -> list[Edit]:
    """Substitutions, insertions and deletions of one or two bases, a few bases apart, as far left as they go."""
    start, edits = chance.randrange(30), []
    for _ in range(5):
        start += chance.randint(1, 12)
        ref = sequence.bases[start : start + 1 + chance.choice((0, 0, 1, 2))]
        alt = ref[0] + "".join(chance.choices("ACGT", k=chance.choice((0, 0, 1, 2))))
        edit = trimmed(start, ref, alt if alt != ref else "ACGT"["ACGT".index(ref) - 1 if len(ref) == 1 else 0])
        edits.append(shifted(edit, sequence.bases, -1))
    return edits


@pytest.mark.parametrize("letters", ["ACGT", "AC", "AAAT"])
def test_neighbours_make_what_clinvar_knows_of_any_of_their_groups(letters: str) -> None:
    chance = random.Random(letters)
    made = 0
    for _ in range(150):
        sequence = Sequence("1", "G" + "".join(chance.choices(letters, k=120)))
        edits = edits_on(sequence, chance)
        wholes = {one_allele(group, sequence.bases) for group in close_groups(sorted(edits))} - {None}
        for whole in wholes:
            assert whole and known([whole], sequence).is_made_of(edits)
            made += 1
    assert made > 500


def test_neighbours_make_nothing_of_what_clinvar_knows_of_others() -> None:
    sequence = Sequence("1", "GATTACAGATTACA")
    edits = [Edit(2, 3, "C"), Edit(6, 7, "G")]
    whole = one_allele(edits, sequence.bases)
    assert whole == (3, "TTACA", "CTACG")
    others = [(3, "TTACA", "CTACT"), (3, "T", "C"), (3, "TTACA", "C"), (4, "T", "TC")]
    assert not known(others, sequence).is_made_of(edits)
    assert known([*others, whole], sequence).is_made_of(edits)
    assert not known([whole], sequence).is_made_of(edits[:1])
    assert np.array_equal(known(others, sequence).starts, [2, 2, 2, 3])
