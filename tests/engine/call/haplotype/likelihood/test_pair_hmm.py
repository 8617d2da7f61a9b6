"""The vector kernel of the pair HMM against its definition, its own promises and GATK's stored results."""

import gzip
import json
import math
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.haplotype.likelihood.lanes import LANES
from engine.call.haplotype.likelihood.pair_hmm import pair_hmm

Read = tuple[str, list[int], list[int]]


def likelihoods(reads: Sequence[Read], haplotypes: Sequence[str]) -> np.ndarray:
    """The kernel on bases, qualities and gap opening qualities written as Python values."""
    read_offset = np.cumsum([0] + [len(bases) for bases, _, _ in reads])
    return pair_hmm(
        read_offset,
        np.frombuffer("".join(bases for bases, _, _ in reads).encode(), np.uint8),
        np.array([quality for _, qualities, _ in reads for quality in qualities], np.uint8),
        np.array([quality for _, _, opening in reads for quality in opening], np.uint8),
        np.cumsum([0] + [len(haplotype) for haplotype in haplotypes]),
        np.frombuffer("".join(haplotypes).encode(), np.uint8),
    )


def by_definition(read: Read, haplotype: str) -> float:
    """Log10 of the sum over all alignments, states and transitions written out in double precision."""
    bases, qualities, gap_open = read
    columns = range(len(haplotype) + 1)
    gap = 0.1
    match, insertion, deletion = (dict.fromkeys(columns, 0.0) for _ in range(3))
    deletion = {j: 2.0**1000 / len(haplotype) for j in columns}
    for base, quality, opening in zip(bases, qualities, gap_open, strict=True):
        error, leave = 10 ** (-quality / 10), 10 ** (-opening / 10)
        new_match, new_insertion, new_deletion = {0: 0.0}, {0: 0.0}, {0: 0.0}
        for j in columns[1:]:
            same = base == haplotype[j - 1] or "N" in (base, haplotype[j - 1])
            emitted = 1 - error if same else error / 3
            came = match[j - 1] * max(0.0, 1 - 2 * leave) + (insertion[j - 1] + deletion[j - 1]) * (1 - gap)
            new_match[j] = emitted * came
            new_insertion[j] = match[j] * leave + insertion[j] * gap
            new_deletion[j] = new_match[j - 1] * leave + new_deletion[j - 1] * gap
        match, insertion, deletion = new_match, new_insertion, new_deletion
    return math.log10(sum(match.values()) + sum(insertion.values())) - math.log10(2.0**1000)


@st.composite
def read(draw: st.DrawFn) -> Read:
    bases = draw(st.text("ACGTN", min_size=1, max_size=40))
    quality = st.integers(6, 60)
    size = len(bases)
    return (
        bases,
        draw(st.lists(quality, min_size=size, max_size=size)),
        draw(st.lists(st.integers(6, 45), min_size=size, max_size=size)),
    )


haplotype = st.text("ACGT", min_size=1, max_size=60)


def test_a_perfect_read_costs_its_length_in_haplotype_positions() -> None:
    """Only one placement fits: one start in 8, times the probability that nothing went wrong."""
    perfect = ("ACGT", [60] * 4, [45] * 4)
    expected = -math.log10(8) + math.log10(0.9) + 3 * math.log10(1 - 2 * 10**-4.5) + 4 * math.log10(1 - 1e-6)
    assert likelihoods([perfect], ["TTACGTTT"])[0, 0] == pytest.approx(expected, abs=1e-4)


def test_one_mismatch_costs_its_quality_and_a_third() -> None:
    perfect, mistaken = ("ACGTACTG", [30] * 8, [45] * 8), ("ACGTACAG", [30] * 8, [45] * 8)
    best, worse = likelihoods([perfect, mistaken], ["GGACGTACTGCC"])[:, 0]
    assert worse - best == pytest.approx(-3.0 - math.log10(3) - math.log10(1 - 1e-3), abs=0.01)


@settings(max_examples=60, deadline=None)
@given(st.lists(read(), min_size=1, max_size=2 * LANES + 1), st.lists(haplotype, min_size=1, max_size=4))
def test_every_value_is_the_sum_over_all_alignments(reads: list[Read], haplotypes: list[str]) -> None:
    expected = [[by_definition(one, haplotype) for haplotype in haplotypes] for one in reads]
    assert likelihoods(reads, haplotypes) == pytest.approx(np.array(expected), abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(read(), min_size=2, max_size=2 * LANES + 1), haplotype)
def test_a_value_does_not_depend_on_the_reads_beside_it(reads: list[Read], haplotype: str) -> None:
    together = likelihoods(reads, [haplotype])
    assert np.array_equal(together, np.concatenate([likelihoods([one], [haplotype]) for one in reads]))


@settings(max_examples=60, deadline=None)
@given(read(), st.lists(st.text("AC", min_size=6, max_size=7), min_size=2, max_size=12))
def test_sharing_columns_between_haplotypes_changes_no_bit(one: Read, haplotypes: list[str]) -> None:
    """Few letters and equal lengths make common starts of every depth, and haplotypes given twice."""
    haplotypes = sorted(haplotypes, key=lambda bases: (len(bases), bases))
    alone = [likelihoods([one], [haplotype])[0, 0] for haplotype in haplotypes]
    assert likelihoods([one], haplotypes)[0].tolist() == alone


def test_what_single_precision_cannot_reach_is_computed_in_double() -> None:
    hopeless = ("A" * 60, [40] * 60, [45] * 60)
    result = likelihoods([hopeless], ["C" * 80])[0, 0]
    assert result < -64
    assert result == pytest.approx(by_definition(hopeless, "C" * 80), abs=1e-3)


def test_no_reads_or_no_haplotypes_give_an_empty_table() -> None:
    assert likelihoods([], ["ACGT"]).shape == (0, 1)
    assert likelihoods([("A", [30], [45])], []).shape == (1, 0)


def test_results_equal_those_of_gatk(shared_data: Path) -> None:
    """All 20,804 pairs of the golden within 7e-6, nearly all to the seven printed digits."""
    pairs: dict[Read | tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    with gzip.open(shared_data / "gatk_goldens/na12878_20kb/pairhmm.txt.gz", "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                bases, *inputs, _continuation, expected = line.split()
                one, qualities, insertion, deletion = inputs
                assert insertion == deletion
                pairs[one, qualities, insertion][bases] = expected
    assert len(pairs) == 5079
    by_haplotypes: dict[tuple[str, ...], list[tuple[str, str, str]]] = defaultdict(list)
    for key, results in pairs.items():
        by_haplotypes[tuple(sorted(results, key=lambda bases: (len(bases), bases)))].append(key)
    total = printed_alike = 0
    for haplotypes, keys in by_haplotypes.items():
        reads = [(one, [ord(c) - 33 for c in q], [ord(c) - 33 for c in gap]) for one, q, gap in keys]
        computed = likelihoods(reads, haplotypes)
        expected = [pairs[key][haplotype] for key in keys for haplotype in haplotypes]
        assert np.abs(computed.ravel() - np.array(expected, float)).max() < 7e-6
        total += computed.size
        printed_alike += sum(f"{a:.6e}" == b for a, b in zip(computed.flat, expected, strict=True))
    assert total == 20804
    assert printed_alike >= 20780


def test_the_benchmark_measures_every_cell_that_was_asked_for() -> None:
    """40 reads of 41 bases against 2 haplotypes of 41: rate times time is their number."""
    project = Path(__file__).resolve().parents[5]
    command = [sys.executable, "-m", "benchmarks.pair_hmm", "--json"]
    found = json.loads(subprocess.run(command, cwd=project, check=True, capture_output=True).stdout)
    first = found["shapes"][0]
    assert found["lanes"] == LANES
    assert first["gcups"] * 1e3 * first["microseconds"] == pytest.approx(40 * 41 * 2 * 41, rel=0.05)
