"""Compiling the engine's kernels once, so that a first sample does not wait: ``python -m engine.warm [STAGE ...]``.

Set-up does so for the stages that the defaults use; numba keeps compiled kernels on disk beside their source. A tiny
made-up sample is taken through each stage in a process of its own, as many at a time as there are cores.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from engine.reads.lane import Lane

CONTIG_LENGTH, PAIRS, READ_LENGTH, INSERT = 4_000, 400, 100, 300


def warm(stages: Sequence[str] = (), log: Callable[[str], None] = print) -> None:
    """Compile what is not compiled yet of the named stages, or of all; a second call takes a few seconds."""
    started = time.monotonic()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        for stage, seconds in processes.map(_warm_stage, stages or tuple(_STAGES)):
            log(f"  {stage} ready ({seconds:.0f} s)")
    log(f"  kernels ready in {time.monotonic() - started:.0f} s")


def _warm_stage(stage: str) -> tuple[str, float]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        _STAGES[stage](Path(folder))
    return stage, time.monotonic() - started


def _intake(folder: Path) -> None:
    from engine.reads.intake import verify_reads

    verify_reads("warm", [_write_sample(folder)])


def _alignment(folder: Path) -> None:
    _align(folder)


def _haplotype_caller(folder: Path) -> None:
    from engine.call.caller import call_gvcf
    from engine.genotype.sample import genotype_sample
    from engine.reference.genome import open_reference

    reads, reference = _align(folder), open_reference(folder / "reference.fa")
    gvcf = folder / "warm.g.vcf.gz"
    call_gvcf(reads, reference, gvcf, caller="haplotype")
    genotype_sample(gvcf, reference, folder / "warm.vcf.gz", caller="haplotype")


_STAGES: dict[str, Callable[[Path], None]] = {
    "haplotype-caller": _haplotype_caller,
    "alignment": _alignment,
    "intake": _intake,
}


def _align(folder: Path) -> Path:
    from engine.align.aligner import open_aligner
    from engine.align.index import build_index
    from engine.align.pipeline import align_reads
    from engine.reference.genome import open_reference

    lane = _write_sample(folder)
    reference = open_reference(folder / "reference.fa")
    build_index(reference, folder / "index")
    aligner = open_aligner("bwa-mem3", folder / "index", reference.contigs)
    output = folder / "warm.bam"
    align_reads([lane], "warm", reference, aligner, output, log=lambda _: None)
    return output


def _write_sample(folder: Path) -> Lane:
    """A made-up contig, and reads of a person who carries a SNP, an insertion and a deletion on one copy of it."""
    chance = random.Random(1)
    contig = "".join(chance.choices("ACGT", k=CONTIG_LENGTH))
    snp = "ACGT"["ACGT".index(contig[1000]) - 1]
    other = contig[:1000] + snp + contig[1001:2000] + "GATTACA" + contig[2000:3000] + contig[3005:]
    (folder / "reference.fa").write_text(f">warm\n{contig}\n")
    complement = str.maketrans("ACGT", "TGCA")
    texts: tuple[list[str], list[str]] = ([], [])
    for number in range(PAIRS):
        copy = (contig, other)[number % 2]
        start = chance.randrange(len(copy) - INSERT)
        fragment = copy[start : start + INSERT]
        mates = (fragment[:READ_LENGTH], fragment[::-1].translate(complement)[:READ_LENGTH])
        for mate, bases in enumerate(mates):
            texts[mate].append(f"@warm:1:A:1:1101:{number + 1000}:{number + 1000} {mate + 1}:N:0:A\n{bases}\n+\n")
            texts[mate].append("F" * READ_LENGTH + "\n")
    paths = (folder / "warm_R1.fastq", folder / "warm_R2.fastq")
    for path, text in zip(paths, texts, strict=True):
        path.write_text("".join(text))
    return Lane("L001", *paths)


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(_STAGES)
    if unknown:
        sys.exit(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(_STAGES)}")
    warm(sys.argv[1:], lambda line: print(line, flush=True))
