"""The work list in the web UI: told when a row has changed, those first that wait for somebody, never without end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from engine.ops.shown import MOST_ROWS
from genomics_assets.work_list import TOLD, rows_of, work_list_rows
from resources.environment import Resources, Settings, build_resources
from resources.work_list import State, WorkItem
from tests.builders.runs import add_run, execute, instance_of
from tests.builders.sheets import entry


@dataclass(frozen=True)
class Told:
    """The metadata of what was told of the list, and the sensor's cursor."""

    metadata: list[dict[str, Any]]
    cursor: str | None


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    """S1 and S2 are registered."""
    made = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    entries = [entry(tmp_path / "reads", sample) for sample in ("S1", "S2")]
    made.registry.register(entries, sheet="run 7.csv", sheet_digest="0")
    return made


@pytest.fixture
def instance(platform: Resources) -> Iterator[dg.DagsterInstance]:
    with instance_of(platform) as instance:
        yield instance


def tick(platform: Resources, instance: dg.DagsterInstance, cursor: str | None = None) -> Told:
    """What comes of one look."""
    services = {name: getattr(platform, name) for name in Resources.names()}
    context = dg.build_sensor_context(instance, cursor=cursor, resources=services)
    told = work_list_rows.evaluate_tick(context)
    assert all(isinstance(event, dg.AssetMaterialization) for event in told.asset_events)
    return Told([dict(event.metadata) for event in told.asset_events], told.cursor)


def rows(told: Told) -> list[dict[str, Any]]:
    (metadata,) = told.metadata
    table = metadata["work list"]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def test_the_list_is_told_and_told_anew_when_a_sample_stands_elsewhere(
    platform: Resources, instance: dg.DagsterInstance
) -> None:
    first = tick(platform, instance)
    assert [(row["sample"], row["state"]) for row in rows(first)] == [("S1", "waiting"), ("S2", "waiting")]
    assert first.metadata[0]["samples"].value == 2
    assert not tick(platform, instance, first.cursor).metadata
    execute(platform, "S2", ValueError("broken"))
    again = tick(platform, instance, first.cursor)
    assert [(row["sample"], row["state"]) for row in rows(again)] == [("S2", "failed"), ("S1", "waiting")]
    assert "genomics retry S2" in str(rows(again)[0]["todo"])


def test_a_run_that_waits_for_its_turn_is_queued_and_not_running(
    platform: Resources, instance: dg.DagsterInstance
) -> None:
    add_run(platform, "S1", dg.DagsterRunStatus.NOT_STARTED)
    assert {row["sample"]: row["state"] for row in rows(tick(platform, instance))}["S1"] == "queued"


def item(number: int, state: State) -> WorkItem:
    since = "2026-11-27T20:15:00+00:00"
    return WorkItem(f"S{number:05}", None, None, state, "gvcf", since, None, "", "", 1, "a.csv", None)


def test_ten_thousand_samples_are_counted_and_those_first_that_wait_for_somebody() -> None:
    items = [item(number, State.FAILED if number % 1000 == 0 else State.DONE) for number in range(10_000)]
    shown = rows_of(items, Path("/landing"))
    assert len(shown) == MOST_ROWS + 1
    assert [row["state"] for row in shown[:11]] == ["failed"] * 10 + ["done"]
    assert shown[0]["since"] == "2026-11-27 20:15 UTC"
    assert shown[-1]["sample"] == f"and {10_000 - MOST_ROWS} more" and set(shown[-1]) == set(TOLD)


def test_a_file_of_the_landing_zone_is_named_from_there() -> None:
    broken = replace(item(1, State.FAILED), why="/srv/landing/run 7/S1_R1.fastq.gz: cut off, see /srv/other")
    (row,) = rows_of([broken], Path("/srv/landing"))
    assert row["why"] == "run 7/S1_R1.fastq.gz: cut off, see /srv/other"
