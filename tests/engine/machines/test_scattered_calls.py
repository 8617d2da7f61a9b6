"""A sample called shard by shard on Dask's and Slurm's machines, some of which are killed: the bytes of one machine."""

from __future__ import annotations

import pickle
import signal
from pathlib import Path

import pytest

from engine.call import shard
from engine.call.caller import call_gvcf
from engine.call.haplotype.windows import plan
from engine.errors import AlignmentFileError, GenomicsError, ToolError
from engine.machines import slurm as slurm_machines
from engine.machines import work
from engine.machines.named import machines_named
from engine.machines.work import Machines, Work, write_work
from tests.builders.alignments import (
    Haplotype,
    SmallReference,
    damaged_bam,
    random_sequence,
    write_bam,
    write_reference,
)
from tests.builders.at_work import Beside, is_gone, processes, soon
from tests.builders.dask import Dask
from tests.builders.slurm import Slurm

LENGTH, CUT = 120_000, 60_000


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallReference, Path]:
    """A contig with a SNP every 5 kb and a deletion over a cut, and a short contig behind it."""
    folder = tmp_path_factory.mktemp("sample")
    sequence = random_sequence(LENGTH)
    reference = write_reference(folder, {"one": sequence, "two": random_sequence(3_000, seed=2)})
    edits = [(at, sequence[at], "ACGT"["ACGT".index(sequence[at]) - 1]) for at in range(2_500, LENGTH, 5_000)]
    edits.append((CUT - 10, sequence[CUT - 10 : CUT + 15], sequence[CUT - 10]))
    people = [Haplotype("one", sequence), Haplotype("one", sequence, tuple(sorted(edits)))]
    people.append(Haplotype("two", reference.sequences["two"]))
    return reference, write_bam(folder / "r.bam", reference, people, step=12)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts every 60 kb instead of every 16 Mb."""
    monkeypatch.setattr(plan, "SHARD_BASES", CUT)
    monkeypatch.setattr(shard, "SHARD_BASES", CUT)
    monkeypatch.setattr(shard, "SMALLEST_SHARD", CUT)


def call(
    sample: tuple[SmallReference, Path],
    output: Path,
    machines: Machines | None = None,
    told: list[str] | None = None,
) -> bytes:
    reference, reads = sample
    said: list[str] = [] if told is None else told
    summary = call_gvcf(reads, reference, output, machines=machines, log=said.append)
    assert summary.variant_records >= LENGTH // 5_000
    assert not list(output.parent.glob(".shards-*"))
    return output.read_bytes() + Path(f"{output}.tbi").read_bytes()


def test_a_worker_of_dask_that_is_killed_costs_its_shard_only(
    sample: tuple[SmallReference, Path], cluster: Dask, tmp_path: Path
) -> None:
    alone = call(sample, tmp_path / "alone.g.vcf.gz")
    victim = cluster.workers[0]
    ended: list[bool] = []

    def kill() -> None:
        soon(lambda: any(one.ppid() == victim.pid for one in processes(tmp_path)))
        (work_of_victim,) = [one for one in processes(tmp_path) if one.ppid() == victim.pid]
        victim.kill()
        soon(lambda: is_gone(work_of_victim))
        ended.append(True)
        cluster.add_worker()

    with Beside(kill):
        scattered = call(sample, tmp_path / "scattered.g.vcf.gz", machines_named(f"dask:{cluster.address}"))
    assert ended and scattered == alone


def test_tasks_of_slurm_that_are_killed_or_cancelled_are_done_again(
    sample: tuple[SmallReference, Path], on_slurm: Slurm, tmp_path: Path
) -> None:
    alone = call(sample, tmp_path / "alone.g.vcf.gz")
    lost: list[str] = []

    def lose() -> None:
        soon(lambda: bool(processes(tmp_path)))
        processes(tmp_path)[0].send_signal(signal.SIGKILL)
        (array,) = {line.strip() for line in on_slurm.ask("squeue", "-h", "-o", "%F").splitlines()}
        on_slurm.ask("scancel", f"{array}_2")
        lost.append(array)

    told: list[str] = []
    with Beside(lose):
        scattered = call(sample, tmp_path / "scattered.g.vcf.gz", machines_named("slurm:--nice=100"), told)
    assert lost and scattered == alone
    assert any("pieces were lost" in line for line in told)


def test_what_nobody_waits_for_any_more_ends(
    sample: tuple[SmallReference, Path], on_slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        soon(lambda: bool(processes(tmp_path)))
        raise KeyboardInterrupt

    monkeypatch.setattr(slurm_machines._Run, "_take", interrupt)
    with pytest.raises(KeyboardInterrupt):
        call(sample, tmp_path / "interrupted.g.vcf.gz", machines_named("slurm"))
    assert not list(tmp_path.iterdir())
    soon(lambda: not processes(tmp_path) and not on_slurm.ask("squeue", "-h").strip())


def test_damaged_reads_are_told_as_they_are_on_one_machine(
    sample: tuple[SmallReference, Path], cluster: Dask, tmp_path: Path
) -> None:
    reference, reads = sample
    damaged = damaged_bam(reads, tmp_path)
    told = []
    for machines in (None, machines_named(f"dask:{cluster.address}")):
        with pytest.raises(AlignmentFileError) as error:
            call((reference, damaged), tmp_path / "o.g.vcf.gz", machines)
        told.append(str(error.value))
    assert told[0] == told[1] and "damaged.bam" in told[0]


def test_a_machine_with_another_release_is_refused(cluster: Dask, tmp_path: Path) -> None:
    (piece,) = write_work(shard.FUNCTION, [None], tmp_path)
    piece.task.write_bytes(pickle.dumps(("another", None)))
    with pytest.raises(ToolError, match=r"another release of the engine.*Remedy: install the same release"):
        finish(cluster, piece)


def test_a_piece_that_no_machine_finishes_ends_the_work_with_its_last_words(
    cluster: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_ATTEMPTS", 2)
    (piece,) = write_work(shard.FUNCTION, ["no shard"], tmp_path)
    with pytest.raises(ToolError, match=r"given to 2 machines, and none finished it: .*AttributeError.*Remedy: see"):
        finish(cluster, piece)


def test_a_folder_that_a_machine_does_not_see_is_told(
    cluster: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_ATTEMPTS", 1)
    with pytest.raises(ToolError, match=r"none finished it: .* does not see /nowhere\."):
        finish(cluster, Work(shard.FUNCTION, Path("/nowhere/0.task")))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("dask:tcp://127.0.0.1:9", "no Dask scheduler answers"),
        ("dask:somewhere", "no machines called 'dask:somewhere'"),
        ("kubernetes", "no machines called 'kubernetes'"),
        ("slurm:--no-such-option", "Slurm takes no jobs"),
    ],
)
def test_machines_that_cannot_be_had_are_told_with_a_remedy(
    named: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if named.startswith("slurm"):
        request.getfixturevalue("on_slurm")
    monkeypatch.setattr("engine.machines.dask_cluster.ANSWERS_WITHIN", 1)
    with pytest.raises(ToolError, match=rf"{told}.*Remedy: "):
        machines_named(named).run(write_work(shard.FUNCTION, [None], tmp_path), lambda _: None, print)


def finish(cluster: Dask, piece: Work) -> None:
    machines_named(f"dask:{cluster.address}").run([piece], lambda _: None, print)


def test_errors_of_data_are_whole_after_a_journey() -> None:
    error = GenomicsError("wrong", remedy="mend it", file="a.bam", place="chr1:5", sample="S1")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
