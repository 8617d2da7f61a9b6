"""The trial of many samples: sheets of ten thousand rows, ten thousand rows in a second, a thousand queued runs.

``python -m tests.end_to_end.many_samples`` prints how long the sensors' ticks take, of 60 seconds that Dagster gives
them: ``sample_sheets`` while it takes the sheets a portion at a time, ``sample_runs`` with many queued runs, and with
as many that end at once. Files and registry are real; what they lead to is not run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import dagster as dg

from engine.reads.registration import SampleStatus
from engine.receipt import Recipe
from genomics_assets.dead_runs import open_instance
from genomics_assets.instance import prepare_instance
from genomics_assets.partitions import SAMPLES
from genomics_assets.sample_runs import look
from genomics_assets.sensors import sample_sheets
from resources.environment import Resources, Settings, build_resources
from resources.sample_runs import PARTITION, RUN_KEY, Runs
from resources.work_list import work_list
from tests.builders.deployment import let_settle, write_sheet
from tests.builders.sheets import write_pair

Result = TypeVar("Result")


def main() -> int:
    """Drop the sheets, tick until all is asked for, queue, and end."""
    parser = argparse.ArgumentParser(prog="many_samples", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="of each of the two sheets")
    parser.add_argument("--runs", type=int, default=1_000)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="many-samples-"))
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(folder / "data")}))
    with open_instance(prepare_instance(platform.settings)) as instance:
        publish_knowledge(platform)
        drop(platform, "first.csv", chosen.rows)
        cursor, asked = take(platform, instance, "one sheet", chosen.rows, None)
        drop(platform, "second.csv", chosen.rows, first=chosen.rows)
        cursor, _ = take(platform, instance, "a second sheet", chosen.rows, cursor)
        take(platform, instance, "both again, as a new server reads them", 0, None)
        look_over(platform, instance, "asked for")
        queue(platform, instance, asked[: chosen.runs])
    return 0


def publish_knowledge(platform: Resources) -> None:
    """Something in the place of each part: no run is started that would read it."""
    for part in platform.knowledge.parts:
        with platform.lake.work(part) as work:
            (work.folder / "file").write_text(part)
            work.publish(records=1, recipe=Recipe(), measures={})


def drop(platform: Resources, name: str, rows: int, first: int = 0) -> None:
    """A sheet of as many samples, each with files of its own."""
    landing = platform.settings.landing
    began, said = time.monotonic(), []
    for number in range(first, first + rows):
        sample = f"S{number:06}"
        read1, read2 = write_pair(landing, sample)
        row = {"sample_id": sample, "subject_id": f"P{number:06}", "sex": "female"}
        said.append(row | {"read1": read1.name, "read2": read2.name})
    write_sheet(landing / name, said)
    let_settle(landing)
    print(f"{name}: {rows:,} rows and their files written in {time.monotonic() - began:.1f} s", flush=True)


def take(
    platform: Resources, instance: dg.DagsterInstance, what: str, rows: int, cursor: str | None
) -> tuple[str | None, list[dg.RunRequest]]:
    """Tick until every row has been asked for, and once more where there is none; the cursor, and what was asked."""
    asked: list[dg.RunRequest] = []
    ticks: list[float] = []
    began = time.monotonic()
    while len(asked) < rows or not ticks:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        result = timed(ticks, partial(sample_sheets, context, **services(platform)))
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        asked += result.run_requests or []
        for wanted in result.dynamic_partitions_requests or ():
            instance.add_dynamic_partitions(str(SAMPLES.name), list(wanted.partition_keys))
    tell(f"sample_sheets, {what}", ticks, f"{len(asked):,} asked for in {time.monotonic() - began:.0f} s")
    return cursor, asked


def look_over(platform: Resources, instance: dg.DagsterInstance, what: str) -> None:
    """The work list of all samples, once."""
    ticks: list[float] = []
    items = timed(ticks, partial(work_list, platform, Runs(instance)))
    tell(f"work_list_rows, {len(items):,} samples, {what}", ticks, "all told")


def services(platform: Resources) -> dict[str, object]:
    """What the sensor asks for."""
    return {name: getattr(platform, name) for name in sample_sheets.required_resource_keys}


def queue(platform: Resources, instance: dg.DagsterInstance, asked: list[dg.RunRequest]) -> None:
    """As many runs that wait for their turn, then all of them at their end."""
    ticks: list[float] = []
    runs = [
        instance.add_run(dg.DagsterRun("sample", tags={**request.tags, PARTITION: str(request.partition_key)}))
        for request in asked
    ]
    cursor = timed(ticks, partial(look, instance, platform, platform.registry, None)).cursor
    look_over(platform, instance, f"{len(runs):,} of them queued")
    end = dg.DagsterEvent("PIPELINE_SUCCESS", "sample", message="the trial ends it")
    for run in runs:  # the run storage alone is told: nothing reads the event log of a run that succeeded
        instance.run_storage.handle_run_event(run.run_id, end, datetime.now(UTC))
    while platform.registry.count(SampleStatus.DONE) < len(asked):
        cursor = timed(ticks, partial(look, instance, platform, platform.registry, cursor)).cursor
    assert all(RUN_KEY in run.tags for run in runs)
    tell(f"sample_runs, {len(asked):,} runs queued and then ended at once", ticks, "all noted")
    look_over(platform, instance, f"{len(runs):,} of them done")
    for sample in platform.registry.samples():
        platform.registry.ask_again(sample.sample_id, cause="trial", why="the trial asks for all of them again")
    look_over(platform, instance, "all asked for again")


def timed(ticks: list[float], tick: Callable[[], Result]) -> Result:
    """Carry out a tick and keep its seconds."""
    began = time.monotonic()
    result = tick()
    ticks.append(time.monotonic() - began)
    return result


def tell(what: str, ticks: list[float], outcome: str) -> None:
    """One line."""
    mean = sum(ticks) / len(ticks)
    print(f"{what}: {len(ticks)} ticks of {mean:.1f} s, the longest {max(ticks):.1f} s; {outcome}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
