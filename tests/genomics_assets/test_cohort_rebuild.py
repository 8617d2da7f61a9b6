"""The cohort's sums are compared with a scan every night, and a difference is a failed check."""

import dagster as dg
import pytest

from engine.cohort.columns import GOLD, typed_table
from genomics_assets.cohort_rebuild import nightly_cohort_rebuild, sums_equal_a_rebuild
from genomics_assets.definitions import defs
from resources.warehouse import Warehouse
from tests.resources.test_cohort_sums import contribute


@pytest.mark.parametrize("differs", [False, True])
def test_a_difference_fails_the_check_and_is_shown(tmp_path, differs: bool) -> None:
    warehouse = Warehouse(tmp_path / "cohort")
    contribute(warehouse, "S1")
    if differs:
        row = ("chr20", 7, "A", "C", "male", 2, 1, 1, 0, 0)
        warehouse.add("allele_count", typed_table([row], GOLD["allele_count"]), of="S1", number=1)
    result = sums_equal_a_rebuild(warehouse)
    assert isinstance(result, dg.AssetCheckResult) and result.passed != differs
    assert ("position 7, ref A, alt C, sex male" in str(result.metadata["allele_count"].value)) == differs
    assert ("made anew" in (result.description or "")) == differs


def test_it_runs_at_night_and_not_with_every_build() -> None:
    nodes = {name: [node.name for node in defs.resolve_job_def(name).nodes] for name in ("cohort", "cohort_rebuild")}
    assert nodes["cohort_rebuild"] == ["cohort_allele_frequency_sums_equal_a_rebuild"]
    assert "cohort_tables" in nodes["cohort"] and nodes["cohort_rebuild"][0] not in nodes["cohort"]
    assert nightly_cohort_rebuild.default_status == dg.DefaultScheduleStatus.RUNNING
