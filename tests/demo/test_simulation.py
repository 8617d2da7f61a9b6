"""The demo's reads are what a sequencer would give of its six people."""

import gzip
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from demo.people import PEOPLE
from demo.simulate import DUPLICATES, READ_LENGTH, simulate_family
from demo.slices import SLICES
from engine.reads.fastq import read_pairs
from engine.reads.intake import verify_reads
from engine.reads.sample_sheet import read_sample_sheet


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    simulate_family(folder / "landing", folder / "truth")
    return folder


def test_the_platform_accepts_the_sheet_and_the_reads(family: Path) -> None:
    sheet = read_sample_sheet(family / "landing" / "demo-family.csv", family / "landing")
    assert sheet.problems == ()
    assert [entry.sample_id for entry in sheet.samples] == [person.sample for person in PEOPLE]
    child = sheet.samples[0]
    assert (child.father_id, child.mother_id, len(child.lanes)) == ("demo-father", "demo-mother", 2)
    summary = verify_reads(child.sample_id, child.lanes)
    expected = 30 * sum(len(piece) for piece in SLICES) / (2 * READ_LENGTH)
    assert summary.pairs == pytest.approx(expected * (1 + DUPLICATES), rel=0.05)
    assert 0.88 < summary.q30_fraction < 0.97
    assert 0.001 < summary.adapter_fraction < 0.02
    assert 0.0001 < summary.n_fraction < 0.001
    assert summary.read1.quality_by_cycle[0] > summary.read1.quality_by_cycle[-1] > summary.read2.quality_by_cycle[-1]


def test_the_same_seed_gives_the_same_files_and_a_second_call_touches_none(family: Path, tmp_path: Path) -> None:
    simulate_family(tmp_path / "landing", tmp_path / "truth")
    names = sorted(path.name for path in (family / "landing").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "landing").iterdir())
    for name in names:
        first, second = ((folder / "landing" / name).read_bytes() for folder in (family, tmp_path))
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").iterdir()}
    simulate_family(tmp_path / "landing", tmp_path / "truth")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "landing").iterdir()}


def test_another_seed_gives_other_reads(family: Path, tmp_path: Path) -> None:
    simulate_family(tmp_path / "landing", tmp_path / "truth", seed=21)
    name = "demo-father_L001_R1.fastq.gz"
    assert (family / "landing" / name).read_bytes() != (tmp_path / "landing" / name).read_bytes()


def test_mates_bear_one_name_and_places_on_the_flow_cell_are_distinct(family: Path) -> None:
    landing = family / "landing"
    batches = read_pairs(landing / "demo-father_L001_R1.fastq.gz", landing / "demo-father_L001_R2.fastq.gz")
    assert sum(len(batch.read1.base_offset) - 1 for batch in batches) > 15_000
    with gzip.open(landing / "demo-father_L001_R1.fastq.gz", "rt") as stream:
        names = Counter(line.split()[0] for number, line in enumerate(stream) if number % 4 == 0)
    assert names.most_common(1)[0][1] == 1


def test_errors_occur_as_often_as_qualities_say() -> None:
    from demo.simulate import _qualities, _with_errors

    random = np.random.default_rng(1)
    qualities = _qualities(20_000, 1, random)
    truth = random.choice(np.frombuffer(b"ACGT", np.uint8), qualities.shape)
    wrong = _with_errors(truth.copy(), qualities, random) != truth
    for quality in (11, 25, 37):
        chosen = qualities == quality
        assert wrong[chosen].mean() == pytest.approx(10 ** (-quality / 10), rel=0.15)
