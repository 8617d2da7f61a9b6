"""Stretches of low depth: found window by window, they are what a look at the whole depth gives."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import AlignmentFileError
from engine.reads.low_coverage import LOW_DEPTHS, LowCoverage, read_low_coverage, write_low_coverage

LENGTH = 3_000


def by_base(depth: np.ndarray, spans: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Position and kind of every low base of the territory."""
    return {
        (place, next(kind for kind, bound in enumerate(LOW_DEPTHS) if depth[place] < bound))
        for start, end in spans
        for place in range(start, end)
        if depth[place] < LOW_DEPTHS[-1]
    }


@pytest.mark.parametrize("seed", range(20))
def test_windows_give_what_the_whole_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    depth = np.repeat(random.integers(0, 30, LENGTH), random.integers(1, 40, LENGTH))[:LENGTH].astype(np.int32)
    covered = int(random.integers(1, LENGTH))  # beyond it there is no read: the window does not reach there
    depth[covered:] = 0
    cuts = sorted(random.choice(LENGTH, 12, replace=False).tolist())
    spans = list(zip(cuts[::2], cuts[1::2], strict=True))
    starts, ends = (np.array(column, np.int64) for column in zip(*spans, strict=True))
    low, base = LowCoverage(["20"]), 0
    for end in [*sorted(random.choice(LENGTH, 5, replace=False).tolist()), 1 << 40]:
        low.add(0, depth[base : min(end, covered)] if base < covered else depth[:0], base, end, starts, ends)
        base = end
    rows = low.stretches().get("20", np.zeros((0, 3), np.int64)).tolist()
    assert {(place, kind) for start, end, kind in rows for place in range(start, end)} == by_base(depth, spans)
    assert sum(end - start for start, end, _ in rows) == len(by_base(depth, spans))
    assert rows == sorted(rows)


def test_a_stretch_goes_on_over_the_border_of_a_window() -> None:
    low = LowCoverage(["20"])
    spans = np.array([100]), np.array([300])
    low.add(0, np.full(200, 5, np.int32), 0, 200, *spans)
    low.add(0, np.full(200, 5, np.int32), 200, 400, *spans)
    assert low.stretches()["20"].tolist() == [[100, 300, 0]]


def test_a_contig_without_a_read_is_low_throughout_and_one_without_territory_is_not_told() -> None:
    low = LowCoverage(["20", "21"])
    low.add(0, np.zeros(0, np.int32), 0, 1 << 40, np.array([5]), np.array([50_000_000]))
    low.add(1, np.zeros(9, np.int32), 0, 1 << 40, np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert {contig: rows.tolist() for contig, rows in low.stretches().items()} == {"20": [[5, 50_000_000, 0]]}


def test_the_file_holds_what_was_written_and_equal_stretches_make_equal_bytes(tmp_path: Path) -> None:
    stretches = {"20": np.array([[0, 7, 0], [7, 9, 1]], np.int64), "X": np.array([[3, 4, 1]], np.int64)}
    one, other = tmp_path / "one.bed.gz", tmp_path / "other.bed.gz"
    for path in (one, other):
        write_low_coverage(stretches, path)
    assert one.read_bytes() == other.read_bytes()
    read = read_low_coverage(one)
    assert {contig: rows.tolist() for contig, rows in read.items()} == {
        "20": [[0, 7, 0], [7, 9, 1]],
        "X": [[3, 4, 1]],
    }


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "S.low_coverage.bed.gz"
    path.write_text("20\t1\tx\tbelow_10x\n")
    with pytest.raises(AlignmentFileError, match="cannot be read"):
        read_low_coverage(path)
