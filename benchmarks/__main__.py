"""``python -m benchmarks``: simulate, run the engine and its peers, print the table, write the JSON."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.chains import (
    SAMPLE,
    Setting,
    Step,
    alignment_peers,
    callers_on_the_same_reads,
    engine_steps,
    gatk_steps,
    versions,
)
from benchmarks.comparison import accuracy, as_json, ratios, table
from benchmarks.inputs import RESULTS, SHARED, plain_reference
from benchmarks.measure import Cost, StepFailedError, run
from benchmarks.simulate import simulate
from engine.call.gatk import JARS
from engine.files.calls_index import index_calls
from engine.reference.genome import open_reference
from engine.reference.intervals import parse_region

REFERENCE = SHARED / "grch38_chr20_10M_ref" / "grch38.chr20_and_21_10M.fa.gz"
VARIANTS = SHARED / "truth_giab_chr20" / "HG002_GRCh38_1_22_v4.2.1_benchmark.chr20.vcf.gz"
_WARM_PAIRS = 200


def main() -> int:
    """Measure and report; the exit code tells whether every installed program ran."""
    options = _options()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    at, truth, pairs = _prepare(options)
    found = versions(options.jars)
    steps = _steps(at, found)
    _warm_up(at)
    costs: dict[str, Cost] = {}
    failed = False
    for step in steps:
        if found[step.program] is None:
            continue
        print(f"{step.name} ...", file=sys.stderr, flush=True)
        try:
            costs[step.name] = run(step.command, folder / f"{_file_name(step.name)}.log", step.output)
        except StepFailedError as error:
            print(error, file=sys.stderr)
            failed = True
    report = {
        "window": at.window.region,
        "depth": options.depth,
        "pairs": pairs,
        "threads": at.threads,
        "machine": _machine(),
        "versions": found,
        "steps": as_json(costs),
        "ratios": ratios(costs),
        "accuracy": accuracy(at, truth),
    }
    (folder / "benchmark.json").write_text(json.dumps(report, indent=2) + "\n")
    print(table(steps, costs, report))
    print(f"\nwritten to {folder / 'benchmark.json'}")
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--window", default="chr20:2000001-5000000", help="1-based, ends included (%(default)s)")
    parser.add_argument("--depth", type=float, default=30.0, help="mean coverage (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="for every program (%(default)s)")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="FASTA that holds the window")
    parser.add_argument("--variants", type=Path, default=VARIANTS, help="VCF of the person's variants")
    parser.add_argument("--jars", type=Path, default=JARS, help="folder of GATK's jars (see make gatk)")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where to write")
    return parser.parse_args()


def _prepare(options: argparse.Namespace) -> tuple[Setting, Path, int]:
    """Reference with every program's index, reads and truth; none of it is measured."""
    folder: Path = options.folder
    reference = plain_reference(options.reference, folder)
    lengths = {contig.name: contig.length for contig in open_reference(reference).contigs}
    window = parse_region(options.window, lengths)
    variants = _indexed(options.variants, folder)
    # In a process of its own: what a step's peak of memory is told to be cannot be less than its parent's size.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        reads = process.submit(simulate, reference, variants, window, folder, depth=options.depth).result()
    if shutil.which("bwa") and not reference.with_name(reference.name + ".bwt").exists():
        run(("bwa", "index", str(reference)), folder / "bwa_index.log")
    at = Setting(folder, reference, reads.read1, reads.read2, reads.truth, window, options.threads, options.jars)
    return at, reads.truth, reads.pairs


def _indexed(vcf: Path, folder: Path) -> Path:
    """The VCF, or a link to it with an index beside it."""
    if vcf.with_name(vcf.name + ".tbi").exists():
        return vcf
    link = folder / f"source.{vcf.name}"
    if not link.exists():
        link.symlink_to(vcf)
        index_calls(link)
    return link


def _steps(at: Setting, found: Mapping[str, str | None]) -> list[Step]:
    peers = alignment_peers(at)
    if found["gatk"] is not None:
        peers += gatk_steps(at) + callers_on_the_same_reads(at)
    return [*peers, *engine_steps(at)]


def _warm_up(at: Setting) -> None:
    """Build the engine's index and compile its kernels on a few reads: done once at set-up, not for each sample."""
    small = at.folder / "warm"
    small.mkdir(exist_ok=True)
    few = []
    for path in (at.read1, at.read2):
        few.append(small / path.name)
        with gzip.open(path) as source, gzip.open(few[-1], "wb") as out:
            for _ in range(4 * _WARM_PAIRS):
                out.write(source.readline())
    warm = Setting(small, at.reference, few[0], few[1], at.known, at.window, at.threads, at.jars)
    for step in engine_steps(warm):
        print(f"{step.name} (warming up) ...", file=sys.stderr, flush=True)
        try:
            run(step.command, small / f"{_file_name(step.name)}.log", step.output)
        except StepFailedError as error:
            print(error, file=sys.stderr)


def _file_name(step: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in step)


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        names = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    return f"{model}, {os.cpu_count()} cores, {SAMPLE} simulated"


if __name__ == "__main__":
    sys.exit(main())
