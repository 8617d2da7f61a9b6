"""The steps that are measured: the engine's own and its peers', over the same reads, reference and window.

A step is a program and its arguments. What is compared with what is :mod:`benchmarks.comparison`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.call.gatk import JARS, GatkCaller
from engine.errors import ToolError
from engine.reference.intervals import Interval

SAMPLE = "HG002"


@dataclass(frozen=True)
class Step:
    """One program run.

    Attributes:
        name: unique, as in the JSON.
        program: whose it is, as in the table of versions.
        does: what it does, for the table.
        command: program and arguments.
        output: takes standard output, where the program writes there.
    """

    name: str
    program: str
    does: str
    command: tuple[str, ...]
    output: Path | None = None


SMALL_BASES = 20_000
"""A job so small that starting up decides."""


@dataclass(frozen=True)
class Setting:
    """What all steps share.

    Attributes:
        folder: where everything is written.
        reference: plain FASTA with all indexes beside it.
        read1: FASTQ of first reads.
        read2: of their mates.
        known: VCF of known sites for recalibration.
        window: what is called.
        threads: for every program that takes a number of them.
        jars: folder of GATK's jars.
    """

    folder: Path
    reference: Path
    read1: Path
    read2: Path
    known: Path
    window: Interval
    threads: int
    jars: Path = JARS

    def file(self, name: str) -> str:
        """A file in the folder."""
        return str(self.folder / name)


def engine_steps(at: Setting) -> list[Step]:
    """FASTQ to VCF by the engine alone, as a user would run it."""
    single = replace(at, threads=1)
    small = replace(at, window=replace(at.window, end=min(at.window.end, at.window.start + SMALL_BASES)))
    return [
        _engine("align", "align, sort, mark duplicates", at, "--sample", SAMPLE, "--read1", str(at.read1),
                "--read2", str(at.read2), "--output", at.file("engine.bam"), "--threads", str(at.threads)),
        _engine("call", "call", at, *_call(at, "engine.bam", "engine.g.vcf.gz", "haplotype")),
        _engine("genotype", "genotype", at, *_genotype(at, "engine.g.vcf.gz", "engine.vcf.gz")),
        _engine("recalibrate", "recalibrate", at, "--reads", at.file("engine.bam"), "--known-sites",
                str(at.known), "--report", at.file("engine.table"), "--threads", str(at.threads)),
        _engine("call", "apply recalibration, call", at, *_call(at, "engine.bam", "applied.g.vcf.gz", "haplotype"),
                "--recalibration", at.file("engine.table"), name="engine call, recalibrating"),
        _engine("call", "call at one thread", at, *_call(single, "engine.bam", "one.g.vcf.gz", "haplotype"),
                name="engine call, 1 thread"),
        _engine("call", "call 20 kb", at, *_call(small, "engine.bam", "small.g.vcf.gz", "haplotype"),
                name="engine call, 20 kb"),
    ]  # fmt: skip


def alignment_peers(at: Setting) -> list[Step]:
    """BWA-MEM and samtools: a sorted BAM."""
    group = f"@RG\\tID:{SAMPLE}\\tSM:{SAMPLE}\\tLB:{SAMPLE}\\tPL:ILLUMINA"
    threads = str(at.threads)
    bwa = ("bwa", "mem", "-t", threads, "-R", group, str(at.reference), str(at.read1), str(at.read2))
    sort = ("samtools", "sort", "-@", threads, "-o", at.file("sorted.bam"), at.file("aligned.sam"))
    return [
        Step("bwa mem", "bwa", "align", bwa, at.folder / "aligned.sam"),
        Step("samtools sort", "samtools", "sort", sort),
    ]


def gatk_steps(at: Setting) -> list[Step]:
    """GATK best practices from a sorted BAM: duplicates, recalibration, calling, genotyping."""
    reference = ("-R", str(at.reference))
    recalibrate = ("-I", at.file("marked.bam"), *reference)
    return [
        _gatk("MarkDuplicates", "mark duplicates", at, "-I", at.file("sorted.bam"), "-O", at.file("marked.bam"),
              "-M", at.file("duplicates.metrics"), "--CREATE_INDEX", "true"),
        _gatk("BaseRecalibrator", "recalibrate", at, *recalibrate, "--known-sites", str(at.known),
              "-O", at.file("recalibration.table")),
        _gatk("ApplyBQSR", "apply recalibration", at, *recalibrate, "--bqsr-recal-file",
              at.file("recalibration.table"), "-O", at.file("recalibrated.bam")),
        _gatk("HaplotypeCaller", "call", at, *recalibrate, "-L", at.window.region, "-ERC", "GVCF",
              "--native-pair-hmm-threads", str(at.threads), "-O", at.file("gatk.g.vcf.gz")),
        _gatk("GenotypeGVCFs", "genotype", at, *reference, "-V", at.file("gatk.g.vcf.gz"),
              "-O", at.file("gatk.vcf.gz")),
    ]  # fmt: skip


def callers_on_the_same_reads(at: Setting) -> list[Step]:
    """The other callers on GATK's duplicate-marked BAM, so that they differ by calling alone."""
    freebayes = ("freebayes", "-f", str(at.reference), "-r", _freebayes_region(at.window), at.file("marked.bam"))
    return [
        _engine("call", "call (GATK's BAM)", at, *_call(at, "marked.bam", "same.g.vcf.gz", "haplotype"), same=True),
        _engine("genotype", "genotype (GATK's BAM)", at, *_genotype(at, "same.g.vcf.gz", "same.vcf.gz"), same=True),
        _engine("call", "call with bcftools", at, *_call(at, "marked.bam", "bcftools.g.vcf.gz", "bcftools"),
                program="bcftools", name="bcftools mpileup, call"),
        _engine("genotype", "filter bcftools' calls", at, *_genotype(at, "bcftools.g.vcf.gz", "bcftools.vcf.gz"),
                program="bcftools", name="bcftools filter"),
        Step("freebayes", "freebayes", "call", freebayes, at.folder / "freebayes.vcf"),
    ]  # fmt: skip


def _call(at: Setting, reads: str, output: str, caller: str) -> tuple[str, ...]:
    where = ("--region", at.window.region, "--threads", str(at.threads))
    return ("--reads", at.file(reads), "--output", at.file(output), "--caller", caller, *where)


def _genotype(at: Setting, gvcf: str, output: str) -> tuple[str, ...]:
    return ("--gvcf", at.file(gvcf), "--output", at.file(output))


def _freebayes_region(window: Interval) -> str:
    return f"{window.contig}:{window.start}-{window.end}"


def _engine(
    command: str, does: str, at: Setting, *arguments: str, same: bool = False, program: str = "engine", name: str = ""
) -> Step:
    name = name or f"engine {command}" + (" (GATK's BAM)" if same else "")
    start = (sys.executable, "-m", "engine.cli", command, "--reference", str(at.reference))
    return Step(name, program, does, (*start, *arguments))


def _gatk(tool: str, does: str, at: Setting, *arguments: str) -> Step:
    return Step(tool, "gatk", does, (*GatkCaller(at.jars).command(), tool, *arguments))


def versions(jars: Path) -> Mapping[str, str | None]:
    """Version of every program, ``None`` where it is not installed."""
    from engine.call.bcftools import BcftoolsCaller
    from engine.release import engine_release

    return {
        "engine": engine_release(),
        "bwa": _told(("bwa",), r"Version: (\S+)"),
        "samtools": _told(("samtools", "--version"), r"samtools (\S+)"),
        "gatk": _gatk_version(jars),
        "freebayes": _told(("freebayes", "--version"), r"version:\s+v?(\S+)"),
        "bcftools": BcftoolsCaller().version().removeprefix("bcftools "),
    }


def _told(command: tuple[str, ...], pattern: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace")
    match = re.search(pattern, ran.stdout + ran.stderr)
    return match[1] if match else "unknown"


def _gatk_version(jars: Path) -> str | None:
    try:
        return GatkCaller(jars).version().removeprefix("GATK ")
    except ToolError:
        return None
