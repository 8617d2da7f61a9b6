"""Smith-Waterman against a dynamic program without a band, and the ties that GATK breaks in its own way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import text
from engine.call.haplotype.alignment.smith_waterman import (
    DANGLING_END,
    HAPLOTYPE_TO_REFERENCE,
    INDEL_OVERHANG,
    LEADING_INDEL_OVERHANG,
    READ_TO_HAPLOTYPE,
    SOFT_CLIP_OVERHANG,
    Scoring,
    align,
)

SCORINGS = (HAPLOTYPE_TO_REFERENCE, DANGLING_END, READ_TO_HAPLOTYPE)
OVERHANGS = (SOFT_CLIP_OVERHANG, INDEL_OVERHANG, LEADING_INDEL_OVERHANG)


def _bases(sequence: str) -> NDArray[np.uint8]:
    return np.frombuffer(sequence.encode(), np.uint8)


def _aligned(reference: str, alternate: str, scoring: Scoring, overhang: np.int64) -> tuple[int, str]:
    found = align(_bases(reference), _bases(alternate), scoring, overhang)
    return found.offset, text(found.cigar)


def _plain(reference: str, alternate: str, scoring: Scoring, overhang: np.int64) -> tuple[int, str]:
    """The whole matrix, every gap length tried at every cell; of equal gaps the longest."""
    if overhang == SOFT_CLIP_OVERHANG and alternate in reference:
        return reference.rindex(alternate), f"{len(alternate)}M"
    n, m = len(reference), len(alternate)
    gap = [0] + [scoring.gap_open + k * scoring.gap_extend for k in range(max(n, m))]
    bound = overhang != SOFT_CLIP_OVERHANG
    score = [[0] * (m + 1) for _ in range(n + 1)]
    step = [[(0, "M")] * (m + 1) for _ in range(n + 1)]
    for j in range(m + 1):
        score[0][j] = gap[j] if bound else 0
    for i in range(1, n + 1):
        score[i][0] = gap[i] if bound else 0
        for j in range(1, m + 1):
            match = scoring.match if reference[i - 1] == alternate[j - 1] else scoring.mismatch
            ways = [(score[i - 1][j - 1] + match, 2, 1, "M")]
            ways += [(score[i][j - k] + gap[k], 1, k, "I") for k in range(1, j + 1)]
            ways += [(score[i - k][j] + gap[k], 0, k, "D") for k in range(1, i + 1)]
            score[i][j], _, length, operator = max(ways)
            step[i][j] = (length, operator)
    i, j = _plain_end(score, overhang)
    backwards = [(m - j, "S")]
    while i > 0 and j > 0:
        length, operator = step[i][j]
        i -= length if operator != "I" else 0
        j -= length if operator != "D" else 0
        backwards.append((length, operator))
    if bound:
        backwards.append((i, "D") if i else (j, "I"))
    else:
        backwards.append((j, "S"))
    return i if not bound else 0, _merged(backwards[::-1])


def _plain_end(score: list[list[int]], overhang: np.int64) -> tuple[int, int]:
    n, m = len(score) - 1, len(score[0]) - 1
    if overhang == INDEL_OVERHANG:
        return n, m
    row = max(range(1, n + 1), key=lambda i: (score[i][m], i))
    column, best = m, score[row][m]
    if overhang == SOFT_CLIP_OVERHANG:
        for j in range(1, m + 1):
            if score[n][j] > best or (score[n][j] == best and abs(n - j) < abs(row - column)):
                row, column, best = n, j, score[n][j]
    return row, column


def _merged(elements: list[tuple[int, str]]) -> str:
    merged: list[list[object]] = []
    for length, operator in elements:
        if merged and merged[-1][1] == operator:
            merged[-1][0] = int(str(merged[-1][0])) + length
        elif length:
            merged.append([length, operator])
    return "".join(f"{length}{operator}" for length, operator in merged)


@st.composite
def _related(draw: st.DrawFn) -> tuple[str, str]:
    """A reference and a copy of it, or of a part of it, with a few edits."""
    alphabet = draw(st.sampled_from(["ACGT", "AC", "A"]))
    reference = draw(st.text(alphabet, min_size=1, max_size=40))
    start = draw(st.integers(0, len(reference) - 1))
    copy = reference[start : draw(st.integers(start + 1, len(reference)))]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(copy)))
        removed = draw(st.integers(0, 12))
        copy = copy[:at] + draw(st.text(alphabet + "T", max_size=12)) + copy[at + removed :]
    return reference, copy or "A"


@settings(max_examples=150, deadline=None)
@given(_related(), st.sampled_from(SCORINGS), st.sampled_from(OVERHANGS))
def test_band_gives_what_the_whole_matrix_gives(pair: tuple[str, str], scoring: Scoring, overhang: np.int64) -> None:
    reference, alternate = pair
    assert _aligned(reference, alternate, scoring, overhang) == _plain(reference, alternate, scoring, overhang)


def test_last_of_several_exact_occurrences_is_taken() -> None:
    assert _aligned("TTACGTTACGTT", "ACG", READ_TO_HAPLOTYPE, SOFT_CLIP_OVERHANG) == (7, "3M")


@pytest.mark.parametrize(
    ("overhang", "expected"),
    [
        (SOFT_CLIP_OVERHANG, (0, "3S12M")),
        (INDEL_OVERHANG, (0, "3I12M4D")),
        (LEADING_INDEL_OVERHANG, (0, "3I12M")),
    ],
)
def test_overhang_decides_what_becomes_of_the_ends(overhang: np.int64, expected: tuple[int, str]) -> None:
    assert _aligned("ACGATTACCAGTGGCA", "TTTACGATTACCAGT", READ_TO_HAPLOTYPE, overhang) == expected


def test_gap_far_wider_than_the_first_band_is_found() -> None:
    left, right = "ACGTTGCAAGGCTTAC" * 3, "GGATCCATTGACATCG" * 3
    inserted = "".join("ACGT"[(i * i // 3) % 4] for i in range(150))
    shifted = left + inserted + right
    assert _aligned(left + right + "T" * 150, shifted + "T" * 150, DANGLING_END, INDEL_OVERHANG)[1].count("I") == 1
    assert _aligned(shifted, left + right, HAPLOTYPE_TO_REFERENCE, INDEL_OVERHANG) == (0, "48M150D48M")
