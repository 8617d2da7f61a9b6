"""Programs of others that read our files, and one small sample that they are given: every file the engine writes."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import cli
from engine.annotate.annotate import annotate_variants
from engine.call.gatk import GatkCaller
from engine.errors import ToolError
from engine.reference.bundle import ReferenceBundle
from tests.builders.alignments import SmallReference, write_reference
from tests.builders.sequencing import cut_pairs, write_lane
from tests.conftest import PROJECT

READERS = PROJECT / ".readers" / "bin"
PEDDY = PROJECT / ".readers" / "peddy" / "peddy-0.4.8.tar.gz"
"""Where ``make readers`` puts programs whose dependencies are not ours."""
GENE = "1001\t2200"
_EXONS = ((1_001, 1_300), (1_901, 2_200))


@dataclass(frozen=True)
class SmallSample:
    """One sample from FASTQ to annotation.

    Attributes:
        folder: holds every file below, their indexes, ``picard/`` with metrics, and ``targets.bed``.
        reference: of two contigs, the second of which begins with N.
    """

    folder: Path
    reference: SmallReference

    def file(self, name: str) -> Path:
        """One of ``S1.bam``, ``S1.cram``, ``S1.g.vcf.gz``, ``S1.vcf.gz``, ``S1.annotated.vcf.gz`` and the like."""
        return self.folder / name


def make_sample(folder: Path) -> SmallSample:
    """Reads at 40x of a person with SNPs, an insertion and a deletion, aligned, called over targets, annotated."""
    sequence = _coding_sequence()
    reference = write_reference(folder, {"chr20": sequence, "chr21": "N" * 1_500 + _random(1_500, 3)})
    copies = [_edited(sequence, edits) for edits in _EDITS]
    pairs = [
        pair
        for number, copy in enumerate(copies)
        for pair in cut_pairs(copy, 500, seed=number, prefix=f"M1:1:FCX:1:110{number}")
    ]
    lane = write_lane(folder, pairs)
    (folder / "targets.bed").write_text("chr20\t900\t1400\nchr20\t1800\t2300\nchr21\t1400\t1600\n")
    common = ["--reference", str(reference.fasta), "--quiet"]
    reads = ["--read1", str(lane.read1), "--read2", str(lane.read2), "--sample", "S1", "--threads", "1"]
    for form in ("bam", "cram"):
        run("align", *common, *reads, "--output", folder / f"S1.{form}", "--picard", folder / "picard")
    targets = ["--intervals", folder / "targets.bed"]
    run("call", *common, "--reads", folder / "S1.bam", *targets, "--output", folder / "S1.g.vcf.gz", "--threads", "1")
    run("genotype", *common, "--gvcf", folder / "S1.g.vcf.gz", *targets, "--output", folder / "S1.vcf.gz")
    _write_genes(folder / "genes.gff3")
    bundle = ReferenceBundle(
        "small", "GRCh38", reference.fasta, reference.contigs, Path(), folder / "genes.gff3", None, None, None, {}
    )
    annotate_variants(folder / "S1.vcf.gz", bundle, folder, "S1")
    return SmallSample(folder, reference)


def run(command: str, *arguments: str | Path) -> None:
    """Run a command of the engine that is to succeed."""
    assert cli.main([command, *map(str, arguments)]) == 0


def program(name: str, remedy: str) -> str:
    """A program on PATH or among the readers; the test skips where it is not installed."""
    found = shutil.which(name, path=str(READERS)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: {remedy}")
    return found


def gatk() -> GatkCaller:
    """GATK, which brings Picard's programs too."""
    caller = GatkCaller(memory="1g")
    try:
        caller.command()
    except ToolError as error:
        pytest.skip(f"{error}")
    return caller


def said_by(*command: str | Path) -> str:
    """What a program prints that is to succeed."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert ran.returncode == 0, f"{command[0]} failed: {ran.stdout[-3000:]} {ran.stderr[-3000:]}"
    return ran.stdout + ran.stderr


def _random(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


def _coding_sequence() -> str:
    """Random, but for a gene of two exons with one open reading frame between ATG and TAA."""
    draw = random.Random(8)
    codons = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT" if a + b + c not in ("TAA", "TAG", "TGA")]
    coding = "ATG" + "".join(draw.choices(codons, k=198)) + "TAA"
    bases = list(_random(3_000, 7))
    bases[1_000:1_300], bases[1_900:2_200] = coding[:300], coding[300:]
    bases[1_300:1_302], bases[1_898:1_900] = "GT", "AG"
    return "".join(bases)


_EDITS: tuple[tuple[tuple[int, str], ...], ...] = (
    ((1_050, "SNP"), (1_120, "DEL"), (2_000, "SNP"), (2_100, "INS")),
    ((1_200, "SNP"), (2_000, "SNP")),
)
"""Of each copy of the genome, 0-based places and what is changed there."""


def _edited(sequence: str, edits: tuple[tuple[int, str], ...]) -> str:
    """The sequence with edits, made from the last to the first."""
    for place, kind in sorted(edits, reverse=True):
        if kind == "SNP":
            sequence = sequence[:place] + ("A" if sequence[place] != "A" else "C") + sequence[place + 1 :]
        elif kind == "DEL":
            sequence = sequence[: place + 1] + sequence[place + 5 :]
        else:
            sequence = sequence[: place + 1] + "GATTAC" + sequence[place + 1 :]
    return sequence


def _write_genes(path: Path) -> None:
    rows = [
        f"chr20\tx\tgene\t{GENE}\t.\t+\t.\tID=gene:G1;Name=SMALL1;biotype=protein_coding",
        f"chr20\tx\tmRNA\t{GENE}\t.\t+\t.\tID=transcript:T1;Parent=gene:G1;biotype=protein_coding",
    ]
    for start, end in _EXONS:
        rows += [f"chr20\tx\t{kind}\t{start}\t{end}\t.\t+\t{phase}\tParent=transcript:T1" for kind, phase in
                 (("exon", "."), ("CDS", "0"))]  # fmt: skip
    path.write_text("##gff-version 3\n" + "".join(f"{row}\n" for row in rows))
