import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.giving_back import give_back_disk
from engine.reads import sort as sorting
from engine.reads.record_kernels import UNPLACED, sort_keys
from engine.reads.records import Records
from engine.reads.sort import RecordSorter
from tests.builders.packed import names_of, records_from_sam

CONTIGS = {"1": 1_000_000, "2": 1_000_000}


def line(name: str, contig: str, position: int, flag: int = 0, length: int = 50) -> str:
    cigar = "*" if flag & 4 else f"{length}M"
    return f"{name}\t{flag}\t{contig}\t{position}\t0\t{cigar}\t*\t0\t0\t{'A' * length}\t{'I' * length}"


def sort(records: Records, *, memory: int, folder: Path, parts: int = 1) -> tuple[list[str], list[int]]:
    names: list[str] = []
    ordinals: list[int] = []
    cuts = np.linspace(0, len(records), parts + 1).astype(int)
    with RecordSorter(memory=memory, folder=folder) as sorter:
        for start, stop in pairwise(cuts):
            offset = records.offset[start : stop + 1]
            sorter.add(Records(records.data[offset[0] : offset[-1]], offset - offset[0]))
        for chunk in sorter.sorted():
            names += names_of(chunk.records)
            ordinals += chunk.ordinals.tolist()
    return names, ordinals


def test_order_is_contig_position_forward_before_reverse_then_arrival_and_unplaced_last(tmp_path: Path) -> None:
    lines = [
        line("unplaced", "*", 0, 4),
        line("second contig", "2", 1),
        line("reverse", "1", 5, 16),
        line("forward", "1", 5),
        line("forward again", "1", 5),
        line("first", "1", 1, 16),
        line("placed by its mate", "1", 5, 4),
    ]
    names, ordinals = sort(records_from_sam(lines, CONTIGS), memory=1 << 20, folder=tmp_path)
    assert names == [
        "first",
        "forward",
        "forward again",
        "placed by its mate",
        "reverse",
        "second contig",
        "unplaced",
    ]
    assert ordinals == [5, 3, 4, 6, 2, 1, 0]


@pytest.mark.parametrize("memory", [200_000, 20_000, 5_000, 100])
def test_the_order_is_the_same_with_runs_on_disk(memory: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(memory)
    lines = []
    for i in range(3000):
        contig = str(rng.choice(["1", "2", "*"], p=[0.6, 0.3, 0.1]))
        flag, position = (4, 0) if contig == "*" else (int(rng.choice([0, 16])), int(rng.integers(1, 60)))
        lines.append(line(f"r{i}", contig, position, flag, int(rng.integers(20, 200))))
    records = records_from_sam(lines, CONTIGS)
    keys = sort_keys(records.data, records.offset)
    assert (keys == UNPLACED).sum() > 200
    expected = np.argsort(keys, kind="stable").tolist()
    names, ordinals = sort(records, memory=memory, folder=tmp_path, parts=30)
    assert ordinals == expected
    assert names == [f"r{i}" for i in expected]
    assert not list(tmp_path.iterdir())


def test_nothing_to_sort(tmp_path: Path) -> None:
    with RecordSorter(memory=1000, folder=tmp_path) as sorter:
        assert list(sorter.sorted()) == []


def held_on_disk(folder: Path) -> int:
    """Bytes of the disk under files of this process that have no name any more."""
    held = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            held += link.stat().st_blocks * 512 if str(link.readlink()).startswith(f"{folder}/") else 0
    return held


def test_what_is_merged_leaves_the_disk_before_the_rest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as probe:
        probe.write(bytes(1 << 16))
        if not give_back_disk(probe.fileno(), 1 << 12):
            pytest.skip("this file system cannot free a part of a file")
    for name, size in (("_PART_BYTES", 64 << 10), ("_CHUNK_BYTES", 16 << 10), ("_GIVEN_BACK", 8 << 10)):
        monkeypatch.setattr(sorting, name, size)
    rng = np.random.default_rng(1)
    lines = [
        line(f"r{i}-{rng.integers(1 << 62)}{rng.integers(1 << 62)}", "1", int(rng.integers(1, 900_000)))
        for i in range(8000)
    ]
    records = records_from_sam(lines, CONTIGS)
    with RecordSorter(memory=len(records.data) // 4, folder=tmp_path) as sorter:
        for start, stop in pairwise(range(0, 8001, 200)):
            offset = records.offset[start : stop + 1]
            sorter.add(Records(records.data[offset[0] : offset[-1]], offset - offset[0]))
        parts = sorter.sorted(threads=2)
        next(parts)
        at_first = held_on_disk(tmp_path)
        left = [held_on_disk(tmp_path) for _ in parts]
    assert at_first > 200_000
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.7 * at_first


def test_an_error_of_the_thread_that_writes_is_raised(tmp_path: Path) -> None:
    records = records_from_sam([line(f"r{i}", "1", i + 1) for i in range(40)], CONTIGS)
    gone = tmp_path / "gone"
    with RecordSorter(memory=2 * len(records.data), folder=gone) as sorter:
        sorter.add(records)
        sorter.add(records)
        with pytest.raises(FileNotFoundError):
            list(sorter.sorted())
