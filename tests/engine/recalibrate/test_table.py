"""What follows from counts: empirical qualities, corrections, quantised levels, and the report as text."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KnowledgeError
from engine.recalibrate.gatk_report import read_report, write_report
from engine.recalibrate.quantization import quantise
from engine.recalibrate.table import CONTEXTS, RecalibrationTable, empirical_quality


def slow_empirical_quality(bases: int, errors: int, prior: float) -> int:
    """Specification 16.2 with the binomial coefficient written out."""
    n, k = bases + 2, errors + 1

    def log_posterior(quality: int) -> float:
        probability = 10 ** (-quality / 10)
        distance = min(abs(int(quality - prior)), 40)
        log_prior = math.log(max(2 / math.sqrt(2 * math.pi) * math.exp(-2 * distance**2), 5e-324))
        coefficient = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return log_prior + coefficient + k * math.log(probability) + (n - k) * math.log1p(-probability)

    return max(range(1, 61), key=log_posterior)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**8), st.floats(0, 1), st.floats(0, 60))
def test_the_empirical_quality_is_the_most_probable(bases: int, share: float, prior: float) -> None:
    errors = int(bases * share**4)
    (found,) = empirical_quality(np.array([bases]), np.array([errors]), np.array([prior]))
    assert found == slow_empirical_quality(bases, errors, prior)


def test_no_bases_leave_the_prior_and_many_outvote_it() -> None:
    found = empirical_quality(np.array([0, 10**7, 2**40]), np.array([0, 10**5, 2**30]), np.array([30.0, 30.0, 40.0]))
    assert found.tolist() == [30, 20, 30]


def small_table(maximum_cycle: int = 500) -> RecalibrationTable:
    """Two read groups; quality 30 is really 20 in the first, and worse still in its cycle 2."""
    by_cycle = np.zeros((2, 94, 2 * maximum_cycle + 1, 2), dtype=np.int64)
    by_context = np.zeros((2, 94, 16, 2), dtype=np.int64)
    by_cycle[0, 30, maximum_cycle + 1] = 1_000_000, 5_000
    by_cycle[0, 30, maximum_cycle + 2] = 1_000_000, 50_000
    by_cycle[0, 30, maximum_cycle - 1] = 3_000_000, 5_000
    by_context[0, 30, CONTEXTS.index("AC")] = 4_000_000, 60_000
    by_cycle[1, 35, maximum_cycle + 1] = 1_000_000, 320
    by_context[1, 35, CONTEXTS.index("TT")] = 1_000_000, 320
    return RecalibrationTable(("lane1", "lane2"), by_cycle, by_context, by_cycle.sum(axis=2))


def test_corrections_go_from_group_to_quality_to_context_and_cycle() -> None:
    table = small_table()
    assert table.reported_quality.tolist() == [30.0, 35.0]
    corrections = table.corrections
    assert corrections.quality[0, 30] == 19
    assert corrections.cycle_shift[0, 30, 500 + 2] == 13 - 19
    assert corrections.cycle_shift[0, 30, 500 - 1] == 28 - 19
    assert corrections.context_shift[0, 30, CONTEXTS.index("AC")] == 18 - 19
    assert corrections.cycle_shift[0, 30, 500 + 3] == 0
    assert not corrections.context_shift[:, :, 16].any()
    assert corrections.quality[1, 35] == 35
    assert corrections.quality[0, 40] == corrections.quality[0, 12] == 19


def test_a_report_read_again_is_the_same_table(tmp_path: Path) -> None:
    for table in (small_table(), small_table(maximum_cycle=250)):
        write_report(table, tmp_path / "bqsr.table")
        again = read_report(tmp_path / "bqsr.table")
        assert (again.read_groups, again.maximum_cycle) == (table.read_groups, table.maximum_cycle)
        for name in ("by_cycle", "by_context", "by_quality", "reported_quality"):
            assert np.array_equal(getattr(again, name), getattr(table, name)), name
        write_report(again, tmp_path / "again.table")
        assert (tmp_path / "again.table").read_text() == (tmp_path / "bqsr.table").read_text()


def test_gatks_own_report_is_read_and_written_unchanged(shared_data: Path, tmp_path: Path) -> None:
    text = gzip.decompress((shared_data / "gatk_goldens" / "na12878_100kb" / "bqsr.table.gz").read_bytes())
    (tmp_path / "gatk.table").write_bytes(text)
    write_report(read_report(tmp_path / "gatk.table"), tmp_path / "ours.table")
    assert (tmp_path / "ours.table").read_bytes() == text


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("#:GATKReport", "#:OtherReport", "does not begin"),
        ("RecalTable2", "RecalTable9", "RecalTable2"),
        ("  AC  ", "  ACG  ", "not in tuple"),
        ("  Cycle  ", "  Circle ", "covariate Circle"),
        ("maximum_cycle_value         500", "maximum_cycle_value         1", "cycle 2"),
        ("Errors", "Mistakes", "'Errors' is not in list"),
        ("4000000", "4e6", "invalid literal"),
    ],
)
def test_a_report_that_cannot_be_used(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "bqsr.table"
    write_report(small_table(), path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(KnowledgeError, match=problem) as caught:
        read_report(path)
    assert caught.value.problem.startswith("this is no recalibration report that can be used")


def test_a_report_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "bqsr.table"
    write_report(small_table(), path)
    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    with pytest.raises(KnowledgeError):
        read_report(path)
    with pytest.raises(KnowledgeError):
        read_report(tmp_path / "absent.table")


def test_quantised_levels_keep_the_qualities_that_matter_most() -> None:
    bases = [0] * 94
    bases[12], bases[23], bases[37] = 1_000, 5_000, 90_000
    levels = quantise(bases, levels=4)
    assert len(set(levels)) <= 4
    assert (levels[12], levels[23], levels[37]) == (12, 23, 37)
    assert quantise(bases, levels=94) == list(range(94))
    assert len(set(quantise([10] * 94, levels=1))) == 1
