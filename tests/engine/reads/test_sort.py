from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

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
