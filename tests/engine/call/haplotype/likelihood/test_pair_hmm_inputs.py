"""Gap opening qualities in tandem repeats, against their definition spelled out and against GATK's inputs."""

import gzip
import math
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.haplotype.likelihood.pair_hmm_inputs import fill_gap_open_qualities, pair_hmm_qualities


def gap_open(bases: str) -> list[int]:
    filled = np.zeros(len(bases), np.uint8)
    fill_gap_open_qualities(np.frombuffer(bases.encode(), np.uint8), filled)
    return filled.tolist()


def copies_at_start(unit: str, bases: str) -> int:
    count = 0
    while bases.startswith(unit * (count + 1)):
        count += 1
    return count


def copies_at_end(unit: str, bases: str) -> int:
    count = 0
    while bases.endswith(unit * (count + 1)):
        count += 1
    return count


def by_definition(bases: str) -> list[int]:
    """Base by base: the unit that the next base begins, its copies on both sides, the penalty for so many."""
    qualities = []
    for following in range(1, len(bases)):
        rest = bases[following:]
        units = [rest[:size] for size in range(1, 9) if copies_at_start(rest[:size], rest) > 1]
        unit = units[0] if units else rest[0]
        repeats = min(20, copies_at_start(unit, rest) + copies_at_end(unit, bases[:following]))
        qualities.append(min(45, max(10, round(41 - math.exp(repeats / (3 * math.pi))))))
    return [*qualities, 45]


def test_a_read_without_repeats_has_the_default_qualities() -> None:
    assert gap_open("ACGTCA") == [40, 40, 40, 40, 40, 45]


def test_the_longer_the_repeat_the_likelier_the_gap() -> None:
    twice, five, twenty = gap_open("ACGACGT")[0], gap_open("ACG" * 5 + "T")[2], gap_open("A" * 30)[10]
    assert (twice, five, twenty) == (40, 39, 33)


@settings(max_examples=300, deadline=None)
@given(st.text("ACN", min_size=1, max_size=60))
def test_few_letters_and_many_repeats(bases: str) -> None:
    assert gap_open(bases) == by_definition(bases)


@settings(max_examples=200, deadline=None)
@given(st.text("ACGT", min_size=1, max_size=8), st.integers(1, 12), st.text("ACGT", max_size=20))
def test_one_repeat_and_what_follows_it(unit: str, repeats: int, after: str) -> None:
    assert gap_open("TG" + unit * repeats + after) == by_definition("TG" + unit * repeats + after)


def test_base_qualities_are_capped_by_mapping_quality_and_low_ones_not_believed() -> None:
    """Below 18 all count as 6; nothing beyond 127, however wild the file."""
    quality = np.array([40, 18, 17, 2, 40, 30, 255, 20], np.uint8)
    bases = np.frombuffer(b"ACGTACGT", np.uint8)
    capped, _ = pair_hmm_qualities(np.array([60, 25, 255], np.uint8), np.array([0, 4, 6, 8]), bases, quality)
    assert capped.tolist() == [40, 18, 6, 6, 25, 25, 127, 20]


def test_gap_openings_equal_those_gatk_gave_its_pair_hmm(shared_data: Path) -> None:
    with gzip.open(shared_data / "gatk_goldens/na12878_20kb/pairhmm.txt.gz", "rt") as lines:
        inputs = {tuple(line.split()[1:4:2]) for line in lines if not line.startswith("#")}
    assert len(inputs) > 3000
    assert all(gap_open(bases) == [ord(letter) - 33 for letter in expected] for bases, expected in inputs)
