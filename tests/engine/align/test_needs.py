from pathlib import Path

import pytest

from engine import headroom
from engine.align.needs import AlignmentNeeds, alignment_needs, tell_alignment_needs
from engine.reads.lane import Lane

GIB = 1 << 30


def sparse(path: Path, size: int, *, packed: bool) -> Path:
    """A file of that size that takes no room."""
    with path.open("wb") as file:
        file.write(b"\x1f\x8b" if packed else b"@r")
        file.truncate(size)
    return path


def test_a_genome_takes_what_was_measured(tmp_path: Path) -> None:
    """587 million reads of 81 bytes and an index of 16 GB: 19 GB at two threads, 32 GB of result and less beside."""
    mates = [sparse(tmp_path / f"R{mate}.fq.gz", 293_500_000 * 81, packed=True) for mate in (1, 2)]
    index = [sparse(tmp_path / "index.bwt", 16_000_000_000, packed=False)]
    found = alignment_needs(index, [Lane("L001", *mates)], threads=2, memory=GIB)
    assert found.index == 16_000_000_000
    assert 18e9 < found.memory < 20e9
    assert 30e9 < found.result < 36e9 and 0.5 * found.result < found.temporary < found.result


def test_few_reads_wait_in_memory_and_text_is_told_from_gzip(tmp_path: Path) -> None:
    packed, plain = (sparse(tmp_path / name, 1_000_000, packed=name == "gz") for name in ("gz", "text"))
    found = alignment_needs([], [Lane("L001", packed, plain)], threads=1, memory=GIB)
    assert found.temporary == 0 and found.result == 820_000
    assert alignment_needs([], [Lane("L001", Path("/dev/null"), plain)], threads=1, memory=GIB).result == 150_000


def test_what_is_short_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "free_memory", lambda: 8 * GIB)
    monkeypatch.setattr(headroom, "free_disk", lambda folder: 50 * GIB)
    said: list[str] = []
    tell_alignment_needs(AlignmentNeeds(2 * GIB, 20 * GIB, 22 * GIB, GIB), tmp_path, said.append)
    assert said == [
        "aligning takes about 2.0 GiB of memory, 1.0 GiB of it the index (8.0 GiB free), and 20 GiB of disk for the "
        "result, with 22 GiB beside it meanwhile (50 GiB free)"
    ]
    tell_alignment_needs(AlignmentNeeds(9 * GIB, 30 * GIB, 33 * GIB, GIB), tmp_path, said.append)
    assert "too little memory" in said[2] and "too little room" in said[3]
