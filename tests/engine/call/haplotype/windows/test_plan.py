"""How what is asked for becomes stretches and windows."""

from engine.call.haplotype.windows.plan import (
    SHARD_BASES,
    WINDOW_BASES,
    CallingInterval,
    calling_intervals,
    whole_contigs,
    windows,
)
from engine.call.ploidy import PloidyPart
from engine.reference.intervals import Interval


def test_touching_parts_of_one_ploidy_are_one_stretch() -> None:
    parts = [
        PloidyPart(Interval("1", start, end), copies) for start, end, copies in [(0, 10, 2), (10, 20, 2), (20, 30, 1)]
    ]
    assert calling_intervals(parts) == [CallingInterval("1", 0, 20, 2), CallingInterval("1", 20, 30, 1)]


def test_parts_without_copies_are_left_out() -> None:
    assert calling_intervals([PloidyPart(Interval("Y", 0, 100), 0)]) == []


def test_stretches_end_at_fixed_positions_whatever_is_asked_for() -> None:
    whole = calling_intervals(whole_contigs([("1", 2 * SHARD_BASES + 5)]))
    right = calling_intervals([PloidyPart(Interval("1", SHARD_BASES, 2 * SHARD_BASES + 5), 2)])
    assert whole[1:] == right
    assert [stretch.end for stretch in whole] == [SHARD_BASES, 2 * SHARD_BASES, 2 * SHARD_BASES + 5]


def test_windows_cover_a_long_stretch_piece_by_piece() -> None:
    made = windows([CallingInterval("1", 100, 100 + 2 * WINDOW_BASES + 1, 2)])
    assert [(window.start, window.end) for window in made] == [
        (100, 100 + WINDOW_BASES),
        (100 + WINDOW_BASES, 100 + 2 * WINDOW_BASES),
        (100 + 2 * WINDOW_BASES, 101 + 2 * WINDOW_BASES),
    ]
    assert (made[0].pieces[0].is_first, made[0].pieces[0].is_last, made[2].pieces[0].is_last) == (True, False, True)


def test_short_stretches_near_each_other_share_a_window() -> None:
    targets = [CallingInterval("1", start, start + 200, 2) for start in (0, 1_000, 5_000, 60_000)]
    other = [CallingInterval("1", 60_300, 60_400, 1), CallingInterval("2", 60_500, 60_600, 1)]
    assert [len(window.pieces) for window in windows([*targets, *other])] == [3, 1, 1, 1]
