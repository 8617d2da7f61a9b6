"""``python -m benchmarks.genome``: what a whole genome takes, by the slope of made-up ones of several sizes.

Genomes of some megabases on several contigs are drawn (two fifths of each are copies of older pieces, a tenth of whose
bases has changed), a person's variants are planted, and reads at 30x go through the engine's steps: CPU, wall time,
memory and temporary disk of each. A line is laid through the sizes by least squares, and read off at the length of a
genome, with the standard error of that reading; three sizes at least, or there is no error to tell. With ``--platform``
the same reads go through the platform, artifact by artifact.

A real genome's repeats are harder to align: the slope is of these genomes, and says so.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.inputs import RESULTS
from benchmarks.measure import StepFailedError
from benchmarks.simulate import simulate
from engine.reference.intervals import Interval

GENOME = 2_935.0
"""Megabases of GRCh38's primary assembly that are not N."""
COPIED, CHANGED, PIECE = 0.4, 0.1, 3_000
SNP_EVERY, INDEL_EVERY = 1_000, 8_000
SAMPLE, SEED = "P1", 18
FIGURES = ("CPU s", "wall s", "memory MB", "temporary MB", "result MB")


@dataclass(frozen=True)
class Used:
    """What a step used.

    Attributes:
        cpu: seconds, user and system, of it and all it started.
        wall: seconds.
        memory: MB resident at the peak, of all its processes together.
        temporary: MB of disk at the peak, of which what the result takes in the end is taken off.
        result: MB of files that it left.
    """

    cpu: float
    wall: float
    memory: float = math.nan
    temporary: float = math.nan
    result: float = math.nan

    def figures(self) -> tuple[float, ...]:
        """In the order of :data:`FIGURES`."""
        return self.cpu, self.wall, self.memory, self.temporary, self.result


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every size, and print the tables."""
    given = _options(arguments)
    engine: dict[str, dict[float, Used]] = {}
    platform: dict[str, dict[float, Used]] = {}
    for size in given.megabases:
        folder = given.folder / f"genome-{size:g}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            # in a process of its own: what a step's peak of memory is told to be is no less than its parent's size
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                reads = process.submit(make_sample, folder, size, given.contigs, given.depth).result()
            _note(engine, size, engine_steps(folder, reads, given.threads))
            if given.platform:
                _note(platform, size, platform_steps(folder, reads, given.threads))
        except StepFailedError as error:
            print(error, file=sys.stderr)
            return 1
        if not given.keep:
            shutil.rmtree(folder)
    for title, steps in (("engine", engine), ("platform", platform)):
        if steps:
            print(f"\n{title}, {given.threads} threads, {given.depth:g}x; a genome is {given.genome:,.0f} Mb\n")
            print(table(steps, given.genome))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.genome", description=__doc__)
    sizes = [75.0, 150.0, 300.0]
    parser.add_argument("--megabases", type=float, nargs="+", default=sizes, help="sizes to measure (%(default)s)")
    parser.add_argument("--contigs", type=int, default=4, help="of each genome (%(default)s)")
    parser.add_argument("--depth", type=float, default=30.0, help="mean coverage (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="(%(default)s)")
    parser.add_argument("--genome", type=float, default=GENOME, help="Mb to read the line off at (%(default)s)")
    parser.add_argument("--platform", action="store_true", help="go through the platform, too")
    parser.add_argument("--keep", action="store_true", help="keep the files of each size")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where to write")
    given = parser.parse_args(arguments)
    if len(set(given.megabases)) < 2:
        parser.error("a slope is that of two sizes at least")
    return given


def _note(all_steps: dict[str, dict[float, Used]], size: float, steps: Mapping[str, Used]) -> None:
    for name, used in steps.items():
        print(f"{size:g} Mb, {name}: {used.cpu:.1f} CPU s, {used.wall:.1f} s", file=sys.stderr, flush=True)
        all_steps.setdefault(name, {})[size] = used


def make_sample(folder: Path, megabases: float, contigs: int, depth: float) -> list[tuple[Path, Path]]:
    """Draw the genome and the reads; one lane a contig.

    Returns:
        The FASTQ files of each lane.
    """
    draw = np.random.default_rng([SEED, int(megabases * 1000)])
    length = int(megabases * 1e6 / contigs)
    sequences = {f"chr{number}": _draw_contig(length, draw) for number in range(1, contigs + 1)}
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in sequences.items()))
    _index(fasta)
    variants = folder / "person.vcf.gz"
    _write_variants(sequences, variants, draw)
    lanes = []
    for number, (name, sequence) in enumerate(sequences.items()):
        lane = folder / name
        lane.mkdir()
        whole = Interval(name, 0, len(sequence))
        reads = simulate(fasta, variants, whole, lane, depth=depth, seed=SEED + number)
        lanes.append((_named(reads.read1, name), _named(reads.read2, name)))
    return lanes


def _named(fastq: Path, contig: str) -> Path:
    """The file with the contig before every name: the simulator counts from one in each."""
    named = fastq.with_name(f"{contig}_{fastq.name}")
    with gzip.open(fastq, "rb") as source, gzip.open(named, "wb", compresslevel=1) as out:
        for number, line in enumerate(source):
            out.write(b"@" + contig.encode() + b":" + line[1:] if number % 4 == 0 else line)
    fastq.unlink()
    return named


def _draw_contig(length: int, draw: np.random.Generator) -> str:
    codes = draw.integers(0, 4, length, dtype=np.uint8)
    for _ in range(int(COPIED * length / PIECE)):
        size = int(min(draw.geometric(1 / PIECE), length // 8))
        origin, to = draw.integers(0, length - size, 2)
        codes[to : to + size] = _changed(codes[origin : origin + size].copy(), draw)
    return np.frombuffer(b"ACGT", dtype=np.uint8)[codes].tobytes().decode()


def _changed(piece: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
    places = draw.random(len(piece)) < CHANGED
    piece[places] = draw.integers(0, 4, int(places.sum()), dtype=np.uint8)
    return piece


def _index(fasta: Path) -> None:
    import pysam

    pysam.faidx(str(fasta))


def _write_variants(sequences: Mapping[str, str], path: Path, draw: np.random.Generator) -> None:
    """SNPs, insertions and deletions of a base, two of three on one copy."""
    import pysam

    header = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    header += [f"##contig=<ID={name},length={len(sequence)}>" for name, sequence in sequences.items()]
    with pysam.BGZFile(str(path), "wb", None) as out:
        out.write("\n".join([*header, f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{SAMPLE}\n"]).encode())
        for name, sequence in sequences.items():
            places = np.flatnonzero(draw.random(len(sequence) - 2_000) < 1 / SNP_EVERY) + 1_000
            for place in places[np.diff(places, prepend=0) > 5].tolist():
                kind = int(draw.random() * 2 * INDEL_EVERY / SNP_EVERY)
                base, after = sequence[place], sequence[place + 1]
                # of three SNPs two are transitions, as in people
                other = "ACGT"[("ACGT".index(base) + int(draw.choice((1, 2, 3), p=(1 / 6, 2 / 3, 1 / 6)))) % 4]
                ref, alt = (base + after, base) if kind == 0 else (base, base + other) if kind == 1 else (base, other)
                genotype = "1/1" if draw.random() < 1 / 3 else "0/1"
                out.write(f"{name}\t{place + 1}\t.\t{ref}\t{alt}\t50\tPASS\t.\tGT\t{genotype}\n".encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)


def engine_steps(folder: Path, lanes: Sequence[tuple[Path, Path]], threads: int) -> dict[str, Used]:
    """FASTQ to VCF by the engine alone, step by step, the aligner's index before."""
    at, cores = ("--reference", str(folder / "genome.fa")), ("--threads", str(threads))
    bam, gvcf, vcf = (folder / f"{SAMPLE}.{suffix}" for suffix in ("bam", "g.vcf.gz", "vcf.gz"))
    reads = [word for one, two in lanes for word in ("--read1", str(one), "--read2", str(two))]
    steps = {
        "index": (("index", *at, *cores), folder / "genome.fa.genomics-engine"),
        "align": (("align", *at, "--sample", SAMPLE, *reads, "--output", str(bam), *cores), bam),
        "call": (("call", *at, "--reads", str(bam), "--output", str(gvcf), *cores), gvcf),
        "genotype": (("genotype", *at, "--gvcf", str(gvcf), "--output", str(vcf)), vcf),
    }
    program = str(Path(sys.executable).with_name("genomics-engine"))
    return {name: watched([program, *command], folder, result) for name, (command, result) in steps.items()}


def watched(command: Sequence[str], folder: Path, result: Path) -> Used:
    """Run a program, and look at its processes and at the folder's disk five times a second.

    Args:
        command: the program and its arguments.
        folder: where it writes everything.
        result: file, or prefix of the files, that it is to leave.

    Raises:
        StepFailedError: it ended with an error.
    """
    before = _bytes_below(folder)
    log = folder / "log"
    with log.open("wb") as said:
        started = time.monotonic()
        process = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        peaks = _Peaks(process.pid, folder, before)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        peaks.stop()
    if process.returncode:
        raise StepFailedError(f"{' '.join(command[:3])} ... ended with {process.returncode}: {log.read_text()[-600:]}")
    memory = max(peaks.memory, used.ru_maxrss * 1024)
    left = _size_of(result)
    temporary = max(0, peaks.disk - left)
    return Used(used.ru_utime + used.ru_stime, wall, memory / 1e6, temporary / 1e6, left / 1e6)


class _Peaks:
    """The most memory and disk that a process and its children had at once, looked at on a thread."""

    def __init__(self, pid: int, folder: Path, before: int) -> None:
        self.memory, self.disk = 0, 0
        self._pid, self._folder, self._before = pid, folder, before
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            family = _family(self._pid)
            self.memory = max(self.memory, sum(map(_resident, family)))
            disk = _bytes_below(self._folder) + sum(map(_deleted_but_open, family)) - self._before
            self.disk = max(self.disk, disk)


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
    return [pid, *(each for child in children for each in _family(child))]


def _resident(pid: int) -> int:
    """Bytes in memory of a process; what it shares with others counts in part (``Pss``)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _deleted_but_open(pid: int) -> int:
    """Bytes of the disk under files that have no name any more, as temporary files have none."""
    held = {}
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if str(link.readlink()).endswith(" (deleted)"):
                found = link.stat()
                held[found.st_dev, found.st_ino] = found.st_blocks * 512
    except OSError:
        pass
    return sum(held.values())


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue
    return total


def _size_of(prefix: Path) -> int:
    return sum(file.stat().st_size for file in prefix.parent.glob(f"{prefix.name}*") if file.is_file())


def platform_steps(folder: Path, lanes: Sequence[tuple[Path, Path]], threads: int) -> dict[str, Used]:
    """The same reads through the platform: a deployment in the folder, knowledge, then the sample's job."""
    from dagster import DagsterInstance

    from tests.builders.deployment import Deployment, write_sheet

    home = folder / "deployment"
    landing = home / "data" / "landing"
    landing.mkdir(parents=True)
    (home / "data" / "sources").mkdir()
    shutil.copyfile(folder / "genome.fa", home / "data" / "sources" / "genome.fa")
    declaration = home / "genome.yaml"
    declaration.write_text("name: simulated\nbuild: GRCh38\nfasta: genome.fa\n")
    here = Deployment(home, str(declaration), {"GENOMICS_THREADS": str(threads)})
    rows = []
    for number, mates in enumerate(lanes, start=1):
        for file in mates:
            os.link(file, landing / file.name)
        row = {"sample_id": SAMPLE, "subject_id": SAMPLE, "sex": "female", "lane": f"L{number:03}"}
        rows.append(row | {"read1": mates[0].name, "read2": mates[1].name})
    here.prepare()
    write_sheet(landing / "samples.csv", rows)
    here.register()
    for job, sample in (("knowledge", None), ("sample", SAMPLE)):
        done = here.run(*_job(job, sample), timeout=7 * 24 * 3600)
        if done.returncode:
            print(f"{job}: {done.stderr[-1500:]}", file=sys.stderr)
    with DagsterInstance.from_config(str(here.settings.dagster_home)) as instance:
        return _artifacts(instance)


def _job(job: str, sample: str | None) -> list[str]:
    tags = ["--tags", json.dumps({"dagster/partition": sample})] if sample else []
    return ["dagster", "job", "execute", "-m", "genomics_assets.definitions", "-j", job, *tags]


def _artifacts(instance: object) -> dict[str, Used]:
    """CPU and wall seconds of every artifact that was made, and the MB of it."""
    import dagster as dg

    from engine.ops.dagster_op import CPU_SECONDS

    assert isinstance(instance, dg.DagsterInstance)
    steps: dict[str, Used] = {}
    for run in reversed(instance.get_runs()):
        seconds = {
            stats.step_key: stats.end_time - stats.start_time
            for stats in instance.get_run_step_stats(run.run_id)
            if stats.start_time and stats.end_time
        }
        for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            event = record.dagster_event
            if event is None or event.asset_key is None:
                continue
            told = event.step_materialization_data.materialization.metadata
            cpu, size = (told.get(name) for name in (CPU_SECONDS, "size (MB)"))
            if isinstance(cpu, dg.FloatMetadataValue) and isinstance(size, dg.FloatMetadataValue):
                wall = seconds.get(event.step_key or "", math.nan)
                steps[event.asset_key.path[-1]] = Used(cpu.value or 0.0, wall, result=size.value or 0.0)
    return steps


def extrapolated(sizes: Sequence[float], values: Sequence[float], at: float) -> tuple[float, float]:
    """What a line through the points says at another place, and the standard error of that.

    Least squares; nothing is said of the error by fewer than three points (NaN).
    """
    x, y = np.array(sizes), np.array(values)
    slope, start = np.polyfit(x, y, 1)
    if len(x) < 3:
        return float(start + slope * at), math.nan
    variance = ((y - start - slope * x) ** 2).sum() / (len(x) - 2)
    spread = ((x - x.mean()) ** 2).sum()
    return float(start + slope * at), float(math.sqrt(variance * (1 / len(x) + (at - x.mean()) ** 2 / spread)))


def table(steps: Mapping[str, Mapping[float, Used]], genome: float) -> str:
    """Markdown: each step's figures at each size, and at a genome's."""
    sizes = sorted({size for by_size in steps.values() for size in by_size})
    rows = [f"| step | figure | {' | '.join(f'{size:g} Mb' for size in sizes)} | a genome |"]
    rows.append("|---" * (len(sizes) + 3) + "|")
    for name, by_size in steps.items():
        for number, figure in enumerate(FIGURES):
            found = {size: used.figures()[number] for size, used in by_size.items()}
            if any(map(math.isnan, found.values())):
                continue
            value, error = extrapolated(list(found), list(found.values()), genome)
            told = f"{value:,.0f}" + ("" if math.isnan(error) else f" ± {error:,.0f}")
            cells = [f"{found[size]:,.1f}" if size in found else "" for size in sizes]
            rows.append(f"| {name} | {figure} | {' | '.join(cells)} | {told} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
