from pathlib import Path

import pytest

from engine import headroom
from engine.call.needs import calling_needs
from engine.genotype.needs import genotyping_needs
from engine.headroom import Needs, tell_needs
from engine.reference.intervals import Interval

GENOME = [Interval("1", 0, 2_935_000_000)]


def test_a_genome_takes_what_was_measured() -> None:
    two, sixteen = (calling_needs(GENOME, threads=threads, scattered=False) for threads in (2, 16))
    assert two.result == sixteen.result == pytest.approx(6.5e9, rel=0.05)
    assert two.memory < 1e9 < 4e9 < sixteen.memory < 5e9
    assert two.temporary == 0


def test_shards_of_other_machines_lie_beside_the_result() -> None:
    needs = calling_needs(GENOME, threads=2, scattered=True)
    assert needs.temporary == needs.result


def test_calls_are_few_beside_their_gvcf(tmp_path: Path) -> None:
    gvcf = tmp_path / "x.g.vcf.gz"
    with gvcf.open("wb") as file:
        file.truncate(6_500_000_000)
    assert genotyping_needs(gvcf).result == 650_000_000


def test_needs_are_told_beside_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "free_memory", lambda: 1 << 30)
    monkeypatch.setattr(headroom, "free_disk", lambda folder: 1 << 30)
    said: list[str] = []
    tell_needs("calling", Needs(1 << 29, 1 << 29, 0), tmp_path, said.append)
    assert said == [
        "calling takes about 0.5 GiB of memory (1.0 GiB free), and 0.5 GiB of disk for the result, with 0.0 GiB beside "
        "it meanwhile (1.0 GiB free)"
    ]
    tell_needs("calling", Needs(1 << 31, 1 << 31, 0), tmp_path, said.append)
    assert said[2:] == [
        "there may be too little memory: fewer threads take less",
        "there may be too little room on the disk: free some before it is needed",
    ]
