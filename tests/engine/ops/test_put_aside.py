"""A sample that breaks a test of the cohort tables is put aside and named; the tables of all others are published."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from engine.cohort.columns import TABLES, typed_table
from engine.ops.cohort import FailedTestsError, PutAside, build_cohort
from engine.receipt import Recipe
from resources.environment import Resources, Settings, build_resources

CALL = ("chr20", 0, 100, "A", "G", 1, 2, 60, 30, 15, 15, 99, 0, 900)


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    return build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))


def contribute(platform: Resources, sample: str, *calls: tuple[object, ...]) -> None:
    """A sample's contribution, as its op leaves it."""
    rows = {
        "calls": [(sample, *call) for call in calls],
        "no_calls": [],
        "samples": [(sample, "female", None, None, None, "demo", "bcftools", "1")],
        "measures": [(sample, "raw_reads", "pairs", 5.0)],
    }
    version = f"{len(calls)}{hash(calls) & 0xFFFF}"
    with platform.lake.work("cohort_contribution", sample) as work:
        (work.folder / "calls").write_text(version)
        work.publish(records=len(calls), recipe=Recipe(), measures={})
    tables = {name: typed_table(rows.get(name, ()), columns) for name, columns in TABLES.items()}
    platform.warehouse.contribute(tables, sample=sample, versions=dict.fromkeys(tables, version))


def published_samples(platform: Resources) -> list[str]:
    receipt = platform.lake.require("cohort_tables")
    table = platform.lake.path(receipt, "dim_sample.parquet")
    return [row[0] for row in duckdb.sql(f"select sample_id from '{table}' order by 1").fetchall()]


def test_the_others_tables_are_published_and_the_sample_comes_back_when_it_is_mended(platform: Resources) -> None:
    contribute(platform, "S1", CALL)
    contribute(platform, "S2", CALL, CALL)  # an allele twice
    said: list[str] = []
    built = build_cohort(platform, said.append)
    assert published_samples(platform) == ["S1"]
    (aside,) = built.put_aside
    assert (aside.sample, aside.tests) == ("S2", ("a_sample_carries_an_allele_once",))
    assert said[-1] == "S2 is left out of the cohort tables: it breaks a_sample_carries_an_allele_once"
    assert all(result.passed for result in built.results)
    assert PutAside.noted(build_cohort(platform).receipt) == (aside,), "and it stays so while nothing changes"

    contribute(platform, "S3", CALL)
    said.clear()
    assert build_cohort(platform, said.append).put_aside == (aside,)
    assert published_samples(platform) == ["S1", "S3"] and not said, "the cause is not looked for again"

    contribute(platform, "S2", CALL)
    assert build_cohort(platform).put_aside == ()
    assert published_samples(platform) == ["S1", "S2", "S3"]


def test_where_nothing_is_left_the_previous_tables_stay(platform: Resources) -> None:
    contribute(platform, "S1", CALL, CALL)
    with pytest.raises(FailedTestsError, match="no sample by itself is the cause; the previous tables stay"):
        build_cohort(platform)
    assert platform.lake.receipt("cohort_tables") is None
