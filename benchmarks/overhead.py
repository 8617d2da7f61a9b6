"""``python -m benchmarks.overhead``: what a run and a command cost beside their work, user CPU seconds.

A sample of the demo is run again, and all is fresh; counted are the bytes, too, that Dagster keeps in its event log.
The haplotype caller is started for a few bases of its reads.
The demo is to be made before (``make demo``).
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
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
_EVENTS = "SELECT coalesce(dagster_event_type, ''), sum(length(CAST(event AS BLOB))) FROM event_logs GROUP BY 1"


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
        before = _event_log(settings)
        _tell(f"a run of {sample} in which all is fresh", [_program("dagster"), *job], output)
        _tell_of_the_event_log(before, _event_log(settings))
        call = ("call", "--quiet", "--threads", "1", "--reference", str(genome), "--reads", str(reads))
        where = ("--region", _some_bases_with_reads(reads), "--output", str(output))
        _tell(f"the caller, {_BASES} bases", [_program("genomics-engine"), *call, *where], output)
    return 0


def _tell(what: str, command: Sequence[str], output: Path) -> None:
    costs = [run(command, output.with_name("log")) for _ in range(_REPEATS)]
    user, wall = (statistics.median(getattr(cost, kind) for cost in costs) for kind in ("user", "wall"))
    print(f"{what}: {user:.1f} user CPU s, {wall:.1f} s", flush=True)


def _event_log(settings: Settings) -> dict[str, int]:
    """Bytes of events by kind, in the database of each run and in the one of all assets."""
    told: dict[str, int] = {}
    for path in (settings.dagster_home / "history" / "runs").glob("*.db"):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            for kind, size in database.execute(_EVENTS):
                told[kind] = told.get(kind, 0) + size
    return told


def _tell_of_the_event_log(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    added = {kind or "other": (size - before.get(kind, 0)) / _REPEATS / 1000 for kind, size in after.items()}
    most = sorted(added, key=lambda kind: -added[kind])[:3]
    told = ", ".join(f"{kind} {added[kind]:.0f}" for kind in most)
    print(f"Dagster's event log of such a run: {sum(added.values()):.0f} kB of events ({told})", flush=True)


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
