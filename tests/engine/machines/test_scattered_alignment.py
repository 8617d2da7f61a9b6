"""A sample's reads aligned by Dask's and Slurm's machines, some of which are killed: the bytes of one machine."""

from __future__ import annotations

import gzip
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.align import scattered
from engine.align.aligner import Aligner, open_aligner
from engine.align.index import build_index
from engine.align.pipeline import AlignmentOptions, align_reads
from engine.align.scattered import ScatteredAligner
from engine.errors import FastqError
from engine.machines.named import machines_named
from engine.reads.lane import Lane
from engine.reference.genome import Reference, open_reference
from tests.builders.alignments import random_sequence
from tests.builders.at_work import Beside, is_gone, processes, soon
from tests.builders.dask import Dask
from tests.builders.sequencing import cut_pairs, write_lane
from tests.builders.slurm import Slurm

BATCH = 50_000


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Path]:
    """A reference, and the prefix of its index."""
    folder = tmp_path_factory.mktemp("genome")
    (folder / "ref.fa").write_text(f">1\n{random_sequence(30_000)}\n>X\n{random_sequence(20_000, seed=2)}\n")
    reference = open_reference(folder / "ref.fa")
    return reference, build_index(reference, folder / "index").prefix


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> list[Lane]:
    """Two lanes, eighteen batches; some pairs of the first are there again in the second."""
    folder = tmp_path_factory.mktemp("lanes")
    one, two = random_sequence(30_000), random_sequence(20_000, seed=2)
    first = cut_pairs(one, 2000, prefix="M:1:FC:1:1101") + cut_pairs(two, 500, seed=2, prefix="M:1:FC:1:1102")
    again = cut_pairs(one, 200, prefix="M:1:FC:2:1101") + cut_pairs(one, 300, seed=3, prefix="M:1:FC:2:1102")
    return [write_lane(folder, first, "L001"), write_lane(folder, again, "L002")]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that the first lane is three pieces, given out in two goes."""
    monkeypatch.setattr(scattered, "BATCHES_A_PIECE", 6)
    monkeypatch.setattr(scattered, "PIECES_AT_ONCE", 2)


def aligned(genome: tuple[Reference, Path], lanes: Sequence[Lane], folder: Path, machines: str = "") -> bytes:
    """The bytes of BAM and index."""
    folder.mkdir(parents=True)
    reference, index = genome
    chosen = machines_named(machines)
    aligner: Aligner = (
        ScatteredAligner("bwa-mem3", index, reference.contigs, chosen, folder, print, batch_bases=BATCH)
        if chosen
        else open_aligner("bwa-mem3", index, reference.contigs)
    )
    made = align_reads(lanes, "S1", reference, aligner, folder / "S1.bam", options=AlignmentOptions(batch_bases=BATCH))
    assert made.pairs == 3000
    assert sorted(path.name for path in folder.iterdir()) == ["S1.bam", "S1.bam.bai"], "nothing is left on the way"
    return made.path.read_bytes() + made.index.read_bytes()


def test_a_worker_of_dask_that_is_killed_costs_its_piece_only(
    genome: tuple[Reference, Path], lanes: list[Lane], cluster: Dask, tmp_path: Path
) -> None:
    alone = aligned(genome, lanes, tmp_path / "alone")
    victim = cluster.workers[-1]
    ended: list[bool] = []

    def kill() -> None:
        soon(lambda: any(one.ppid() == victim.pid for one in processes(tmp_path)))
        its_own = [one for one in processes(tmp_path) if one.ppid() == victim.pid]
        victim.kill()
        soon(lambda: all(is_gone(one) for one in its_own))
        ended.append(True)
        cluster.add_worker()

    with Beside(kill):
        scattered_ = aligned(genome, lanes, tmp_path / "scattered", f"dask:{cluster.address}")
    assert ended and scattered_ == alone


def test_a_task_of_slurm_that_is_killed_is_done_again(
    genome: tuple[Reference, Path], lanes: list[Lane], on_slurm: Slurm, tmp_path: Path
) -> None:
    alone = aligned(genome, lanes, tmp_path / "alone")
    killed: list[int] = []

    def kill() -> None:
        soon(lambda: bool(processes(tmp_path)))
        (victim, *_) = processes(tmp_path)
        victim.send_signal(signal.SIGKILL)
        killed.append(victim.pid)

    with Beside(kill):
        assert aligned(genome, lanes, tmp_path / "scattered", "slurm") == alone
    assert killed


def test_damaged_reads_are_told_as_they_are_on_one_machine(
    genome: tuple[Reference, Path], lanes: list[Lane], cluster: Dask, tmp_path: Path
) -> None:
    cut = tmp_path / "cut_R2.fastq"
    cut.write_bytes(b"".join(gzip.decompress(lanes[1].read2.read_bytes()).splitlines(keepends=True)[:-4]))
    told = []
    for name, machines in (("alone", ""), ("scattered", f"dask:{cluster.address}")):
        with pytest.raises(FastqError) as error:
            aligned(genome, [replace(lanes[1], read2=cut)], tmp_path / name, machines)
        told.append(str(error.value))
        assert not list((tmp_path / name).glob(".aligning-*"))
    assert told[0] == told[1] and "cut_R2.fastq" in told[0]
