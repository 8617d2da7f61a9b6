"""When the cohort tables are built: after the samples under way, every hour even so, and until it has succeeded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from engine.cohort.columns import TABLES, typed_table
from engine.ops.cohort import PUT_ASIDE, contributions
from engine.receipt import Recipe
from genomics_assets.sensors import COHORT_EVERY, cohort_contributions
from resources.environment import Resources, Settings, build_resources

FAILURE, SUCCESS, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    return build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def contribute(platform: Resources, sample: str) -> None:
    rows = {name: [] for name in TABLES} | {"samples": [(sample, "female", None, None, None, "demo", "bcftools", "1")]}
    tables = {name: typed_table(rows.get(name, ()), columns) for name, columns in TABLES.items()}
    platform.warehouse.contribute(tables, sample=sample, versions=dict.fromkeys(tables, sample[1:]))


def publish(platform: Resources, *put_aside: str) -> None:
    """Tables of what has been contributed."""
    with platform.lake.work("cohort_tables") as work:
        (work.folder / "tables").write_text("tables")
        measures = {PUT_ASIDE: list(put_aside)} if put_aside else {}
        work.publish(records=1, recipe=Recipe(inputs=contributions(platform.warehouse)), measures=measures)


def tick(platform: Resources, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = cohort_contributions(context, warehouse=platform.warehouse, lake=platform.lake)
    return result if isinstance(result, dg.SensorResult) else dg.SensorResult(skip_reason=result)


def said(result: dg.SensorResult) -> str:
    return str(result.skip_reason.skip_message if result.skip_reason else "")


def asked(result: dg.SensorResult) -> dg.RunRequest:
    (request,) = result.run_requests or ()
    return request


def end(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """The run that was asked for has ended so."""
    instance.add_run(dg.DagsterRun("cohort", status=status, tags=dict(request.tags)))


def test_nothing_is_built_of_nothing(platform: Resources, instance: dg.DagsterInstance) -> None:
    assert said(tick(platform, instance)) == "No sample has contributed to the cohort yet."


def test_a_failed_build_is_asked_for_again_and_never_called_done(
    platform: Resources, instance: dg.DagsterInstance
) -> None:
    contribute(platform, "S1")
    first = asked(tick(platform, instance))
    end(instance, first, FAILURE)
    assert "The last run of the job cohort failed" in said(tick(platform, instance))
    publish(platform)
    assert "failed" in said(tick(platform, instance)), "its pages were not made"
    end(instance, first, SUCCESS)
    assert said(tick(platform, instance)) == "The cohort tables are built of what was contributed."
    contribute(platform, "S2")
    assert asked(tick(platform, instance)).run_key != first.run_key


def test_samples_under_way_are_waited_for_an_hour(
    platform: Resources, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    contribute(platform, "S1")
    instance.add_run(dg.DagsterRun("sample", status=STARTED))
    waiting = tick(platform, instance)
    assert "Samples are under way; the tables are built when they are done" in said(waiting)
    later = time.time() + COHORT_EVERY - 60
    monkeypatch.setattr("genomics_assets.sensors.time.time", lambda: later)
    again = tick(platform, instance, waiting.cursor)
    assert "under way" in said(again)
    monkeypatch.setattr("genomics_assets.sensors.time.time", lambda: later + 120)
    assert asked(tick(platform, instance, again.cursor)).run_key


def test_who_is_left_out_is_told(platform: Resources, instance: dg.DagsterInstance) -> None:
    contribute(platform, "S1")
    publish(platform, "S7 0a1b unique_sample_id")
    told = said(tick(platform, instance))
    assert told.endswith("S7 is left out of the cohort tables: it breaks unique_sample_id.")
