"""Windows dealt out to processes: the same bytes as without, errors that arrive whole, nothing left running."""

import os
import signal
from multiprocessing import active_children
from pathlib import Path

import pytest

from engine.call.haplotype.caller import call_haplotypes
from engine.call.haplotype.windows import workers
from engine.errors import AlignmentFileError, ToolError
from tests.builders.alignments import (
    Haplotype,
    SmallReference,
    damaged_bam,
    random_sequence,
    write_bam,
    write_reference,
)

LENGTH = 200_000
"""Four windows."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallReference, Path]:
    """A contig with a SNP every 5 kb, of which a run has four windows."""
    folder = tmp_path_factory.mktemp("sample")
    sequence = random_sequence(LENGTH)
    reference = write_reference(folder, {"one": sequence})
    snps = tuple((at, sequence[at], "ACGT"["ACGT".index(sequence[at]) - 1]) for at in range(2_500, LENGTH, 5_000))
    people = [Haplotype("one", sequence), Haplotype("one", sequence, snps)]
    return reference, write_bam(folder / "r.bam", reference, people, starts=range(0, LENGTH - 100, 12))


@pytest.fixture(autouse=True)
def two_windows_are_worth_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WINDOWS_WORTH_A_PROCESS", 2)


def call(sample: tuple[SmallReference, Path], output: Path, threads: int) -> bytes:
    reference, reads = sample
    summary = call_haplotypes(reads, reference.fasta, output, threads=threads)
    assert summary.calls == LENGTH // 5_000
    return output.read_bytes()


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_processes_give_the_bytes_of_one(
    start_method: str, sample: tuple[SmallReference, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "start_method", lambda: start_method)
    alone = call(sample, tmp_path / "one.g.vcf.gz", threads=1)
    assert call(sample, tmp_path / "two.g.vcf.gz", threads=2) == alone
    assert not active_children()


def test_a_damaged_file_is_told_as_it_is_without_processes(sample: tuple[SmallReference, Path], tmp_path: Path) -> None:
    reference, reads = sample
    damaged = damaged_bam(reads, tmp_path)
    told = []
    for threads in (1, 2):
        with pytest.raises(AlignmentFileError) as error:
            call_haplotypes(damaged, reference.fasta, tmp_path / "o.g.vcf.gz", threads=threads)
        told.append(str(error.value))
    assert told[0] == told[1] and "damaged.bam" in told[0]
    assert not active_children()


def test_a_process_that_is_killed_ends_the_run_with_a_remedy(
    sample: tuple[SmallReference, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, reads = sample

    def killed(self: workers.WindowWorker, number: int, regions: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(workers, "start_method", lambda: "fork")
    monkeypatch.setattr(workers, "_load_kernels", lambda *_: None)
    monkeypatch.setattr(workers.WindowWorker, "call", killed)
    with pytest.raises(ToolError, match=r"ended before its time.*fewer threads"):
        call_haplotypes(reads, reference.fasta, tmp_path / "o.g.vcf.gz", threads=2)
    assert not active_children()
