"""``python -m benchmarks.drill``: the drill of a backup, as it would be after a fire: how long each step of it takes.

A deployment with artifacts of random bytes is backed up, backed up again with a few changes, lost, restored from the
second backup, and verified whole, every byte of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.receipt import Recipe
from resources.backup import back_up, restore
from resources.environment import Resources, Settings, build_resources
from resources.recovery import recover
from tests.builders.sheets import entry

_BLOCK = 1 << 20


def main() -> int:
    """Drill, print the seconds of each step; 1 where something is not as it was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drill", description=__doc__)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=100, help="of each sample's artifact")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return drill(Path(folder), options.samples, options.megabytes)


def drill(folder: Path, samples: int, megabytes: int) -> int:
    """One drill below a folder."""
    platform = _opened(folder / "data")
    names = [f"S{number:04}" for number in range(samples)]
    platform.registry.register([entry(folder / "reads", name) for name in names], sheet="a.csv", sheet_digest="0")
    for name in names:
        _publish(platform, name, megabytes)
    with _timed("first backup"):
        made = back_up(platform, folder / "backups")
    made.folder.rename(folder / "backups" / "20200101T000000Z")
    _publish(platform, names[0], megabytes)
    with _timed("second backup, of which one artifact is new"):
        made = back_up(platform, folder / "backups")
    shutil.rmtree(folder / "data")
    again = _opened(folder / "data")
    with _timed("restore"):
        restore(again, made.folder)
        recover(again)
    with _timed("every byte read and compared"):
        whole = all(again.lake.is_whole(again.lake.require("aligned_reads", name)) for name in names)
        again.audit.verify()
    outcome = "whole" if whole else "NOT WHOLE"
    print(f"{made.files:,} files, {made.bytes / 1e9:.2f} GB, {made.linked:,} linked: {outcome}")
    return int(not whole)


def _opened(data: Path) -> Resources:
    return build_resources(Settings.from_environment({"GENOMICS_DATA": str(data), "GENOMICS_REFERENCE": "demo"}))


def _publish(platform: Resources, sample: str, megabytes: int) -> None:
    with platform.lake.work("aligned_reads", sample) as work:
        with (work.folder / f"{sample}.bam").open("wb") as stream:
            for _ in range(megabytes):
                stream.write(os.urandom(_BLOCK))
        work.publish(records=1, recipe=Recipe(), measures={})


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begun, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{what}: {time.perf_counter() - begun:.1f} s, CPU {time.process_time() - cpu:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
