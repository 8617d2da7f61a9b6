"""Compiling the engine's kernels once, so that a first sample does not wait: ``python -m engine.warm [STAGE ...]``.

Set-up does so for the stages that the defaults use; numba keeps compiled kernels on disk beside their source. A tiny
made-up sample is taken through each stage in a process of its own, as many at a time as there are cores. Samples may be
worked on meanwhile: a step waits for a kernel that is being compiled here, and compiles itself what is not begun yet.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from engine.reads.lane import Lane

CONTIG_LENGTH, PAIRS, READ_LENGTH, INSERT = 4_000, 400, 100, 300


def warm(stages: Sequence[str] = (), log: Callable[[str], None] = print) -> None:
    """Compile what is not compiled yet of the named stages, or of all; a second call takes a few seconds."""
    started = time.monotonic()
    wanted = stages or tuple(_STAGES)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        under_way: dict[str, Future[float]] = {}
        for stage in (stage for stage in _STAGES if stage in wanted):
            for before in _AFTER.get(stage, ()):
                if before in under_way:
                    under_way[before].result()
            under_way[stage] = processes.submit(_warm_stage, stage)
        for stage, compiled in under_way.items():
            log(f"  {stage} ready ({compiled.result():.0f} s)")
    log(f"  kernels ready in {time.monotonic() - started:.0f} s")


def _warm_stage(stage: str) -> float:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        _STAGES[stage](Path(folder))
    return time.monotonic() - started


def _intake(folder: Path) -> None:
    from engine.reads.intake import verify_reads

    verify_reads("warm", [_write_sample(folder)])


def _alignment(folder: Path) -> None:
    _align(folder)


def _assembly(_: Path) -> None:
    from engine.call.haplotype.assembly.assembler import assemble
    from engine.call.haplotype.columns import ReadColumns

    reference = np.frombuffer(bytearray(random.Random(1).choices(b"ACGT", k=200)), np.uint8)
    none, offset = np.zeros(0, np.int64), np.zeros(1, np.int64)
    reads = ReadColumns(
        *(none, none, none.astype(np.uint16), none.astype(np.uint8), none, none.astype(np.int32)),
        *(none.astype(np.int32), none.astype(np.int32), offset, none.astype(np.uint8), none.astype(np.uint8)),
        *(offset, none.astype(np.uint32)),
    )
    assemble(reads, reference, 0)


def _haplotype_caller(folder: Path) -> None:
    from engine.call.caller import call_gvcf
    from engine.call.haplotype.caller import call_haplotypes
    from engine.call.ploidy import PloidyPart
    from engine.genotype.sample import genotype_sample
    from engine.reference.genome import open_reference
    from engine.reference.intervals import Interval

    reads, reference = _align(folder), open_reference(folder / "reference.fa")
    gvcf = folder / "warm.g.vcf.gz"
    call_gvcf(reads, reference, gvcf, caller="haplotype")
    genotype_sample(gvcf, reference, folder / "warm.vcf.gz", caller="haplotype")
    one_copy = PloidyPart(Interval("warm", 0, CONTIG_LENGTH), 1)
    call_haplotypes(reads, reference.fasta, folder / "one_copy.vcf.gz", parts=[one_copy], emit="vcf")


_STAGES: dict[str, Callable[[Path], None]] = {
    "alignment": _alignment,
    "intake": _intake,
    "assembly": _assembly,
    "haplotype-caller": _haplotype_caller,
}
"""In the order in which they are begun: what a sample needs first comes first."""
_AFTER: dict[str, tuple[str, ...]] = {"haplotype-caller": ("alignment",)}
"""What shares kernels with a stage and is to be compiled before; it reaches the assembly when that is ready."""


def _align(folder: Path) -> Path:
    from engine.align.aligner import open_aligner
    from engine.align.index import build_index
    from engine.align.pipeline import AlignmentOptions, align_reads
    from engine.reference.genome import open_reference

    lane = _write_sample(folder)
    reference = open_reference(folder / "reference.fa")
    build_index(reference, folder / "index")
    aligner = open_aligner("bwa-mem3", folder / "index", reference.contigs)
    output = folder / "warm.bam"
    # so little that records go to disk: the kernels that do that are wanted, too
    options = AlignmentOptions(memory=1 << 16)
    align_reads([lane], "warm", reference, aligner, output, options=options, log=lambda _: None)
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
