"""``python -m benchmarks.soak [--hours N]``: what a process that stays up holds, what each sample leaves on the disk.

Every simulated hour a sheet of a few samples is dropped, the sensors tick, each sample is run as a Dagster run of one
step that publishes an artifact, and metrics and work list are told: all in this process, with the real registry, lake,
audit log and event log; only the step itself computes nothing. Resident memory, open files, threads and bytes on disk
are read after each hour. Ends with 1 where one of them grows beyond :data:`BOUNDS`.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np

from engine.receipt import Recipe
from genomics_assets.dead_runs import open_instance
from genomics_assets.instance import prepare_instance
from genomics_assets.partitions import SAMPLES
from genomics_assets.sample_runs import look
from genomics_assets.sensors import sample_sheets
from resources.environment import Resources, Settings, build_resources
from resources.metrics import metrics
from resources.sample_runs import Runs
from resources.work_list import work_list
from tests.builders.deployment import let_settle, write_sheet
from tests.builders.sheets import write_pair
from tests.end_to_end.many_samples import publish_knowledge, services

SAMPLES_AN_HOUR, TICKS_AN_HOUR, WARM_HOURS = 3, 20, 6
BOUNDS: Mapping[str, float] = {"KiB of memory": 200.0, "open files": 0.0, "threads": 0.0, "KiB on disk": 600.0}
"""Growth a sample, at most: of memory what the work list holds of it and Python's arenas, on disk two databases' pages,
an artifact, receipts and log lines."""


@dataclass(frozen=True)
class Hour:
    """What the process held at the end of one.

    Attributes:
        samples: that were done so far.
        memory: resident, KiB.
        files: open descriptors.
        threads: alive.
        disk: of the data folder, KiB.
    """

    samples: int
    memory: float
    files: int
    threads: int
    disk: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the hours, tell the growth; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--hours", type=int, default=72)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        hours = soak(Path(folder), chosen.hours)
    growth = growth_of(hours[min(WARM_HOURS, len(hours) // 2) :])
    for what, much in growth.items():
        print(f"{what}: {much:+.2f} a sample, at most {BOUNDS[what]:g}")
    last = hours[-1]
    print(f"after {len(hours)} hours and {last.samples} samples: {last.memory / 1024:.0f} MiB, {last.files} open files")
    return int(any(much > BOUNDS[what] + 1e-3 for what, much in growth.items()))


def soak(folder: Path, hours: int) -> list[Hour]:
    """Live through as many hours of a deployment in a folder."""
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(folder / "data")}))
    held: list[Hour] = []
    cursors: list[str | None] = [None, None]
    with open_instance(prepare_instance(platform.settings)) as instance:
        publish_knowledge(platform)
        for hour in range(hours):
            drop(platform, hour)
            live(platform, instance, cursors)
            held.append(_held(platform, (hour + 1) * SAMPLES_AN_HOUR))
    return held


def growth_of(hours: Sequence[Hour]) -> dict[str, float]:
    """How much more is held for each further sample: the slope of a line through the hours."""
    samples = [hour.samples for hour in hours]
    columns = {"KiB of memory": "memory", "open files": "files", "threads": "threads", "KiB on disk": "disk"}
    return {
        what: float(np.polyfit(samples, [getattr(hour, name) for hour in hours], 1)[0])
        for what, name in columns.items()
    }


def drop(platform: Resources, hour: int) -> None:
    """A sheet with its files."""
    landing, said = platform.settings.landing, []
    for number in range(SAMPLES_AN_HOUR):
        sample = f"S{hour:04}{number}"
        read1, read2 = write_pair(landing, sample)
        row = {"sample_id": sample, "subject_id": f"P{hour:04}{number}", "sex": "female"}
        said.append(row | {"read1": read1.name, "read2": read2.name})
    write_sheet(landing / f"hour{hour:04}.csv", said)
    let_settle(landing)


def live(platform: Resources, instance: dg.DagsterInstance, cursors: list[str | None]) -> None:
    """An hour's ticks; what is asked for in one is run before the next."""
    for _ in range(TICKS_AN_HOUR):
        context = dg.build_sensor_context(instance=instance, cursor=cursors[0])
        result = sample_sheets(context, **services(platform))
        assert isinstance(result, dg.SensorResult)
        cursors[0] = result.cursor
        for wanted in result.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(str(SAMPLES.name), list(wanted.partition_keys))
        for request in result.run_requests or ():
            _run(platform, instance, request)
        cursors[1] = look(instance, platform, platform.registry, cursors[1]).cursor
    work_list(platform, Runs(instance))
    metrics(platform)


def _run(platform: Resources, instance: dg.DagsterInstance, request: dg.RunRequest) -> None:
    sample = str(request.partition_key)

    @dg.op
    def publish() -> None:
        with platform.lake.work("raw_reads", sample) as work:
            (work.folder / "file").write_text(sample)
            work.publish(records=1, recipe=Recipe(), measures={})

    @dg.job(name="sample")
    def job() -> None:
        publish()

    assert job.execute_in_process(instance=instance, tags={**request.tags, "dagster/partition": sample}).success


def _held(platform: Resources, samples: int) -> Hour:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 1024
    disk = sum(path.stat().st_size for path in platform.settings.data.rglob("*") if path.is_file()) / 1024
    return Hour(samples, memory, len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), disk)


if __name__ == "__main__":
    began = time.process_time()
    code = main()
    print(f"{time.process_time() - began:.0f} CPU s")
    sys.exit(code)
