"""The work list as lines and as JSON: which samples a person asks for, and how a row is told."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict

from console.names import require_name
from console.output import plain, print_json
from engine.errors import GenomicsError
from resources.environment import Resources
from resources.sample_runs import open_runs
from resources.work_list import State, WorkItem, sample_stages, work_list

_MOST_REPORTS = 5
_HEADER = ("SAMPLE", "STATE", "STAGE", "SINCE (UTC)", "ATTEMPT", "WHY, AND WHAT TO DO")


class EmptyDeploymentError(GenomicsError):
    """There is no sample yet in the deployment that was asked."""


def samples(platform: Resources, chosen: argparse.Namespace) -> int:
    """List where every sample stands, or those that the filters leave."""
    rows = rows_of(platform)
    shown = filtered(platform, rows, chosen)
    if chosen.json:
        print_json([asdict(row) for row in shown])
    elif shown:
        print_table([_HEADER, *map(_cells, shown)])
    print(_summary(platform, rows, shown), file=sys.stderr)
    reports = platform.landing_zone.problem_reports()
    for report in reports[:_MOST_REPORTS]:
        print(f"a sheet has rows that were not taken: {plain(str(report))}", file=sys.stderr)
    if len(reports) > _MOST_REPORTS:
        print(f"and {len(reports) - _MOST_REPORTS:,} more sheets", file=sys.stderr)
    return 0


def rows_of(platform: Resources, asked: Collection[str] | None = None) -> tuple[WorkItem, ...]:
    """The work list, of all samples or of those asked for."""
    with open_runs(platform.settings.dagster_home) as runs:
        return work_list(platform, runs, asked)


def filtered(platform: Resources, rows: Sequence[WorkItem], chosen: argparse.Namespace) -> list[WorkItem]:
    """The rows that all filters given leave; a stage or a family that there is not is refused with the nearest."""
    if chosen.stage:
        stages = dict.fromkeys((*sample_stages(platform), *(row.stage for row in rows)))
        require_name(chosen.stage, tuple(stages), kind="stage")
    if chosen.family:
        families = sorted({row.family for row in rows if row.family})
        require_name(chosen.family, families, kind="family")
    why = (chosen.why or "").casefold()
    return [
        row
        for row in rows
        if (not chosen.state or row.state in chosen.state)
        and chosen.stage in (None, row.stage)
        and chosen.family in (None, row.family)
        and why in row.why.casefold()
    ]


def told(row: WorkItem) -> str:
    """Why a sample stands where it stands, and what to do, in one line."""
    todo = f"to do: {row.todo}" if row.todo else ""
    return f"{row.why} ({todo})" if row.why and todo else row.why or todo


def named(row: WorkItem) -> str:
    """The sample's id, and as the laboratory writes it where that is another."""
    return f"{row.sample} ({row.name})" if row.name else row.sample


def since(time: str) -> str:
    """A time for people: to the second, UTC."""
    return time[:19].replace("T", " ")


def empty(platform: Resources) -> EmptyDeploymentError:
    """What to say of a deployment without samples."""
    return EmptyDeploymentError(
        f"no samples in {platform.settings.data}",
        remedy=f"drop a sample sheet into {platform.settings.landing}, or set GENOMICS_DATA and GENOMICS_REFERENCE to "
        "the deployment you mean",
    )


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns as wide as what they hold, the last one as it is."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*padded, row[-1]]).rstrip())


def _cells(row: WorkItem) -> tuple[str, ...]:
    return named(row), row.state, row.stage, since(row.since), str(row.attempt), told(row)


def _summary(platform: Resources, rows: Sequence[WorkItem], shown: Sequence[WorkItem]) -> str:
    """How many samples there are by state, and where."""
    if not rows:
        return str(empty(platform))
    count = Counter(row.state for row in rows)
    states = ", ".join(f"{count[state]:,} {state}" for state in State if count[state])
    left = "" if len(shown) == len(rows) else f"{len(shown):,} shown of "
    return f"{left}{len(rows):,} samples in {platform.settings.data}: {states}"
