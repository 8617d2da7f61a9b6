"""``python -m benchmarks.work_list [SAMPLES]``: what the work list costs, user CPU seconds.

A deployment of so many samples is made in a temporary folder, each with a run of Dagster's, every tenth of them failed;
nothing is computed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg

from engine.person import Person
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry
from genomics_assets.instance import prepare_instance
from resources.environment import Resources, Settings, build_resources
from resources.sample_runs import PARTITION, RUN_KEY, open_runs
from resources.work_list import work_list

_SAMPLES = 1_000
_PART = 500
_EVERY = 10


def main() -> int:
    """Make the deployment and read its work list twice; the second time is told."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.work_list", description=__doc__)
    parser.add_argument(
        "samples", nargs="?", type=int, default=_SAMPLES, help=f"how many samples there are ({_SAMPLES:,})"
    )
    count = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        platform = build_resources(Settings.from_environment({"GENOMICS_DATA": folder}))
        _register(platform, Path(folder), count)
        _run_all(platform)
        for _ in range(2):
            began = time.process_time()
            with open_runs(platform.settings.dagster_home) as runs:
                rows = work_list(platform, runs)
            spent = time.process_time() - began
    print(f"{len(rows):,} samples: {spent:.2f} CPU s")
    return 0


def _register(platform: Resources, folder: Path, count: int) -> None:
    reads = [folder / f"R{mate}.fastq" for mate in (1, 2)]
    for path in reads:
        path.write_text("@r\nACGT\n+\nIIII\n")
    lanes = (Lane("L001", reads[0], reads[1]),)
    entries = [SampleEntry(f"S{number:06}", Person(f"P{number:06}"), lanes) for number in range(count)]
    for start in range(0, count, _PART):
        platform.registry.register(entries[start : start + _PART], sheet="sheet.csv", sheet_digest="0")


def _run_all(platform: Resources) -> None:
    with dg.DagsterInstance.from_config(str(prepare_instance(platform.settings))) as instance:
        for number, sample in enumerate(platform.registry.samples()):
            status = dg.DagsterRunStatus.SUCCESS if number % _EVERY else dg.DagsterRunStatus.FAILURE
            tags = {PARTITION: sample.sample_id, RUN_KEY: sample.run_key}
            instance.add_run(dg.DagsterRun("sample", status=status, tags=tags))


if __name__ == "__main__":
    sys.exit(main())
