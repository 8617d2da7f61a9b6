"""The short way to a read's alignment on its haplotype, against Smith-Waterman itself."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.call.haplotype.alignment.cigar import text
from engine.call.haplotype.alignment.smith_waterman import READ_TO_HAPLOTYPE, SOFT_CLIP_OVERHANG, align
from engine.call.haplotype.likelihood.realignment import aligned_to_haplotype


def both(haplotype: str, read: str) -> tuple[tuple[int, str], tuple[int, str]]:
    """Offset and CIGAR, ours and by Smith-Waterman."""
    along, across = (np.frombuffer(bases.encode(), np.uint8) for bases in (haplotype, read))
    ours, theirs = aligned_to_haplotype(along, across), align(along, across, READ_TO_HAPLOTYPE, SOFT_CLIP_OVERHANG)
    return (ours.offset, text(ours.cigar)), (theirs.offset, text(theirs.cigar))


@settings(max_examples=400, deadline=None)
@given(st.text("AC", min_size=1, max_size=30), st.text("AC", min_size=1, max_size=30))
@example("ACACACAC", "CACACAA")
def test_repetitive_sequences_have_many_places_of_equal_score(haplotype: str, read: str) -> None:
    ours, theirs = both(haplotype, read)
    assert ours == theirs


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_pieces_of_the_haplotype_with_mismatches_gaps_and_overhangs(data: st.DataObject) -> None:
    haplotype = data.draw(st.text("ACGT", min_size=12, max_size=40))
    start = data.draw(st.integers(0, len(haplotype) - 8))
    read = list(haplotype[start : start + data.draw(st.integers(8, 30))])
    for place in data.draw(st.lists(st.integers(0, len(read) - 1), max_size=2)):
        read[place] = data.draw(st.sampled_from("ACGT"))
    ends = st.text("ACGT", max_size=2)
    ours, theirs = both(haplotype, data.draw(ends) + "".join(read) + data.draw(ends))
    assert ours == theirs


@pytest.mark.parametrize(
    ("read", "expected"),
    [("GATT", (1, "4M")), ("GACT", (1, "4M")), ("TGATT", (0, "5M")), ("CTGATT", (0, "1S5M"))],
)
def test_by_hand(read: str, expected: tuple[int, str]) -> None:
    """On TGATTACA: as it is, with a mismatch, at the start, and hanging over it."""
    ours, theirs = both("TGATTACA", read)
    assert ours == theirs
    assert ours == expected
