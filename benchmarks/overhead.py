"""``python -m benchmarks.overhead``: what a run and a command cost beside their work, user CPU seconds.

A sample of the demo is run again, and all is fresh; and the haplotype caller is started for a few bases of its reads.
The demo is to be made before (``make demo``).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import run
from demo.people import PEOPLE
from engine.errors import LakeError
from engine.receipt import Receipt
from genomics_assets.instance import prepare_instance
from resources.environment import Settings
from resources.lake import LocalLake

_REPEATS = 5
_BASES = 100


def main() -> int:
    """Measure each several times and print the median."""
    settings = Settings.from_environment(os.environ | {"GENOMICS_REFERENCE": "demo"})
    sample = PEOPLE[0].sample
    lake = LocalLake(settings.data / "lake")
    try:
        reads = _only(lake, lake.require("aligned_reads", sample), ".bam")
        genome = _only(lake, lake.require("reference_genome"), ".fa.gz")
    except LakeError as error:
        print(f"{error} (make demo makes all)", file=sys.stderr)
        return 1
    prepare_instance(settings)
    tags = json.dumps({"dagster/partition": sample})
    with tempfile.TemporaryDirectory() as name:
        output = Path(name, "calls.g.vcf.gz")
        _tell("the code location loaded", [sys.executable, "-c", "import genomics_assets.definitions"], output)
        job = ("job", "execute", "-m", "genomics_assets.definitions", "-j", "sample", "--tags", tags)
        _tell(f"a run of {sample} in which all is fresh", [_program("dagster"), *job], output)
        call = ("call", "--quiet", "--threads", "1", "--reference", str(genome), "--reads", str(reads))
        where = ("--region", _some_bases_with_reads(reads), "--output", str(output))
        _tell(f"the caller, {_BASES} bases", [_program("genomics-engine"), *call, *where], output)
    return 0


def _tell(what: str, command: Sequence[str], output: Path) -> None:
    costs = [run(command, output.with_name("log")) for _ in range(_REPEATS)]
    user, wall = (statistics.median(getattr(cost, kind) for cost in costs) for kind in ("user", "wall"))
    print(f"{what}: {user:.1f} user CPU s, {wall:.1f} s", flush=True)


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _only(lake: LocalLake, receipt: Receipt, suffix: str) -> Path:
    (name,) = (file.name for file in receipt.files if file.name.endswith(suffix))
    return lake.path(receipt, name)


def _some_bases_with_reads(reads: Path) -> str:
    import pysam

    with pysam.AlignmentFile(str(reads)) as records:
        first = next(record for record in records if not record.is_unmapped)
    start = first.reference_start + 1 + _BASES
    return f"{first.reference_name}:{start}-{start + _BASES - 1}"


if __name__ == "__main__":
    sys.exit(main())
