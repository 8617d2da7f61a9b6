"""Dashboards: one versioned snapshot of all cases, which Power BI and the portal show."""

from __future__ import annotations

from typing import Annotated

from engine.dashboards.columns import CASE_COLUMNS
from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Artifact, Everybody, EveryCase, Making
from engine.ops.services import Services


def _show(published: Artifact, services: Services) -> None:
    """The new release in Power BI, where a dataset of it is named."""
    services.power_bi.show(published.receipt.data_version)


@artifact(kinds={"parquet", "powerbi"}, by_sample=False, pool="cohort", columns=CASE_COLUMNS, after=_show)
def gold_snapshot(
    making: Making,
    everybody: Annotated[Everybody, EveryCase("statement", "raw_reads", "aligned_reads", "identity", "variants")],
) -> Computed:
    """What dashboards show of all cases: findings, carriers, consent, turnaround, quality, frequencies, risk.

    No table names a person, a sample or an allele that somebody carries. Earlier versions stay, so that a dashboard
    can be pointed at what was shown before.
    """
    from engine.dashboards.snapshot import write_snapshot

    rows = write_snapshot(everybody.cases, everybody.frequencies, making.folder)
    held = sum(case.held for case in everybody.cases)
    return Computed(sum(rows.values()), {**rows, "cases_held": held})
