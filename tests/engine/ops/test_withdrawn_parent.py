"""A parent who was withdrawn is named in no row again: neither when the child is run anew, nor by a run under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cohort.columns import TABLES, typed_table
from engine.cohort.contributed import write_contribution
from engine.ops.cohort import cohort_contribution
from engine.ops.inputs import Artifact, Facts, Opened, Scope
from engine.receipt import Recipe
from resources.environment import Resources, Settings, build_resources
from tests.builders.deployment import let_settle, write_sheet
from tests.builders.sheets import write_pair

GONE, CHILD = "GONE-0000001", "CHILD"
WHY = {"person": "Dr Example", "reason": "consent taken back"}


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    """A child whose sheet names both parents."""
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    landing = platform.settings.landing
    landing.mkdir(parents=True)
    rows = []
    for sample, sex in ((GONE, "male"), ("MOTHER", "female"), (CHILD, "unknown")):
        read1, read2 = write_pair(landing, sample)
        row = {"sample_id": sample, "subject_id": f"P-{sample}", "sex": sex, "read1": read1.name, "read2": read2.name}
        rows.append(row | {"father_id": "", "mother_id": ""})
    rows[-1] |= {"father_id": GONE, "mother_id": "MOTHER"}
    write_sheet(landing / "sheet.csv", rows)
    let_settle(landing)
    platform.landing_zone.scan(None, platform.registry, platform.audit)
    return platform


def parents(platform: Resources) -> Opened:
    return Facts("father_id", "mother_id").open("person", Scope(platform, cohort_contribution.name, CHILD))


def test_a_withdrawn_parent_is_no_fact_of_the_child_and_decides_its_freshness(platform: Resources) -> None:
    assert parents(platform).parameters == {"father_id": GONE, "mother_id": "MOTHER"}
    platform.decisions.withdraw(GONE, **WHY)
    opened = parents(platform)
    assert opened.parameters == {"father_id": None, "mother_id": "MOTHER"}
    assert (opened.value.father_id, opened.value.mother_id) == (None, "MOTHER")
    platform.decisions.reinstate(GONE, person="Dr Example", reason="consent given again")
    assert parents(platform).parameters["father_id"] == GONE


def test_a_run_that_read_the_parent_before_leaves_no_row_that_names_him(platform: Resources) -> None:
    rows = {
        "calls": [],
        "no_calls": [],
        "samples": [(CHILD, "unknown", None, GONE, "MOTHER", "demo", "haplotype", "1")],
        "measures": [],
    }
    with platform.lake.work(cohort_contribution.name, CHILD) as work:
        write_contribution(
            {name: typed_table(rows.get(name, ()), columns) for name, columns in TABLES.items()}, work.folder
        )
        receipt = work.publish(records=0, recipe=Recipe(), measures={})
    platform.decisions.withdraw(GONE, **WHY)
    assert cohort_contribution.after
    cohort_contribution.after(Artifact(receipt, platform.lake), platform)
    assert platform.warehouse.traces(GONE) == [] and platform.warehouse.traces("MOTHER")
