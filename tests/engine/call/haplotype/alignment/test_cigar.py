"""CIGAR kernels: normal form, parts, composition and left-alignment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    composed,
    left_align,
    normalised,
    packed,
    read_length,
    reference_length,
    reference_offset,
    text,
    trimmed_by_read,
    trimmed_by_reference,
)
from engine.call.haplotype.alignment.smith_waterman import INDEL_OVERHANG, SOFT_CLIP_OVERHANG
from engine.call.haplotype.assembly.haplotype_cigar import haplotype_cigar


def _bases(sequence: str) -> NDArray[np.uint8]:
    return np.frombuffer(sequence.encode(), np.uint8)


@pytest.mark.parametrize("cigar", ["10M", "3S5M2I4M1D7M2H", "*"])
def test_text_is_the_inverse_of_packed(cigar: str) -> None:
    assert text(packed(cigar)) == cigar


def test_lengths_count_what_each_side_consumes() -> None:
    cigar = packed("2H3S5M2I4M1D6N7M")
    assert read_length(cigar) == 21
    assert reference_length(cigar) == 23


@pytest.mark.parametrize(
    ("cigar", "expected", "leading", "trailing"),
    [
        ("3M4M", "7M", 0, 0),
        ("3M2I1D4M", "3M1D2I4M", 0, 0),
        ("3M1D2I2D4M", "3M3D2I4M", 0, 0),
        ("2D5M", "5M", 2, 0),
        ("5S2D5M", "5S5M", 2, 0),
        ("2I3D5M", "2I5M", 3, 0),
        ("5M3D", "5M", 0, 3),
        ("5M3D2I", "5M2I", 0, 3),
        ("5M3D2S", "5M2S", 0, 3),
        ("5M3D1I2S", "5M1I2S", 0, 3),
    ],
)
def test_normal_form_strips_and_counts_end_deletions(cigar: str, expected: str, leading: int, trailing: int) -> None:
    built = normalised(packed(cigar), True)
    assert (text(built.cigar), built.leading_deletion, built.trailing_deletion) == (expected, leading, trailing)


def test_normal_form_keeps_end_deletions_when_asked() -> None:
    assert text(normalised(packed("2D5M3D"), False).cigar) == "2D5M3D"


def test_part_of_a_cigar_takes_the_insertion_at_its_cut() -> None:
    assert text(trimmed_by_reference(packed("5M2I5M3D5M"), 5, 9).cigar) == "2I4M"
    assert text(trimmed_by_read(packed("5M2I5M3D5M"), 5, 14).cigar) == "2I5M3D2M"


def test_part_of_a_cigar_counts_the_deletion_at_its_cut() -> None:
    part = trimmed_by_read(packed("5M3D5M2D1M"), 5, 10)
    assert (text(part.cigar), part.leading_deletion, part.trailing_deletion) == ("5M", 3, 2)


@pytest.mark.parametrize(("offset", "expected"), [(0, 0), (3, 3), (5, 5), (6, 9), (10, 13), (12, 13), (13, 14)])
def test_reference_offset_of_a_base(offset: int, expected: int) -> None:
    assert reference_offset(packed("5M3D5M2I5M"), offset) == expected


def test_reference_offset_beyond_the_cigar_is_an_error() -> None:
    with pytest.raises(ValueError, match="ends before"):
        reference_offset(packed("5M"), 6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("10M", "10M", "10M"),
        ("10M", "4M2I4M", "4M2I4M"),
        ("10M", "4M3D6M", "4M3D6M"),
        ("4M2D4M", "10M", "4M2D4M"),
        ("4M2D4M", "4M2I4M", "8M"),
        ("4M2D4M", "3M1D7M", "3M1D1M2D4M"),
        ("4M3I4M", "4M2D4M", "4M2D3I4M"),
        ("3S5M", "9M", "3I5M"),
    ],
)
def test_composition(first: str, second: str, expected: str) -> None:
    assert text(composed(packed(first), packed(second))) == expected


@pytest.mark.parametrize(
    ("reference", "read", "cigar", "expected"),
    [
        ("GAAAAT", "GAAAT", "4M1D1M", "1M1D4M"),
        ("GCACACT", "GCACACACT", "6M2I1M", "1M2I6M"),
        ("GATTACA", "GATTTACA", "4M1I3M", "2M1I5M"),
        ("AAAAC", "AAAC", "3M1D1M", "4M"),
        ("GTCCTA", "GTCTA", "3M1D2M", "2M1D3M"),
        ("ACGT", "ACGT", "4M", "4M"),
    ],
)
def test_indels_move_left(reference: str, read: str, cigar: str, expected: str) -> None:
    assert text(left_align(packed(cigar), _bases(reference), _bases(read), 0).cigar) == expected


def test_a_deletion_that_reaches_the_start_is_counted() -> None:
    assert left_align(packed("3M1D1M"), _bases("AAAAC"), _bases("AAAC"), 0).leading_deletion == 1


@settings(max_examples=200, deadline=None)
@given(st.text("AC", min_size=1, max_size=30), st.text("AC", min_size=1, max_size=30), st.integers(0, 5))
def test_left_alignment_keeps_every_base_and_never_gains_mismatches(reference: str, read: str, matches: int) -> None:
    matches = min(matches, len(reference), len(read))
    cigar = packed(f"{matches}M{len(reference) - matches}D{len(read) - matches}I")
    aligned = left_align(cigar, _bases(reference), _bases(read), 0)
    assert read_length(aligned.cigar) == len(read)
    consumed = aligned.leading_deletion + reference_length(aligned.cigar) + aligned.trailing_deletion
    assert consumed == len(reference)
    assert _mismatches(aligned.cigar, reference[aligned.leading_deletion :], read) <= _mismatches(
        cigar, reference, read
    )


def _mismatches(cigar: NDArray[np.uint32], reference: str, read: str) -> int:
    i = j = found = 0
    for element in cigar:
        length, operator = int(element) >> 4, int(element) & 15
        if operator == 0:
            found += sum(a != b for a, b in zip(reference[i : i + length], read[j : j + length], strict=True))
        i += length if operator != 1 else 0
        j += length if operator != 2 else 0
    return found


class TestHaplotypeCigar:
    REFERENCE = "GATCCGTTACAGATTTTTCGACCATGCAATTGCCAGTACCGATTAC"

    @pytest.mark.parametrize(
        ("haplotype", "expected"),
        [
            (REFERENCE, "46M"),
            (REFERENCE.replace("ACAG", "ACTG"), "46M"),
            (REFERENCE.replace("TTTTT", "TTTT"), "13M1D32M"),
            (REFERENCE.replace("CCAT", "CCACCAT"), "20M3I26M"),
            (REFERENCE[4:], "4D42M"),
            (REFERENCE[:-5], "41M5D"),
        ],
    )
    def test_indels_are_left_aligned_and_ends_kept(self, haplotype: str, expected: str) -> None:
        cigar = haplotype_cigar(_bases(self.REFERENCE), _bases(haplotype), SOFT_CLIP_OVERHANG)
        assert text(cigar) == expected

    def test_a_haplotype_whose_end_does_not_hold_has_none(self) -> None:
        overhanging = _bases("GC" * 120 + self.REFERENCE)
        assert haplotype_cigar(_bases(self.REFERENCE), overhanging, SOFT_CLIP_OVERHANG).size == 0
        assert text(haplotype_cigar(_bases(self.REFERENCE), overhanging, INDEL_OVERHANG)) == "240I46M"
