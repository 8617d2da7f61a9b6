"""The work list as a table in the web UI: the asset ``work_list``, told anew by a sensor when a row has changed.

No run makes it, since nothing of it is kept (:mod:`resources.work_list`); ``genomics samples`` shows the same rows, all
of them. Here those come first that a person has to do something about.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from engine.ops.dagster_op import table_value
from engine.ops.shown import MOST_ROWS, Shown
from engine.receipt import canonical_json, digest_text
from genomics_assets.binding import OWNERS
from resources.environment import Resources
from resources.sample_runs import Runs
from resources.work_list import COLUMNS, State, WorkItem, work_list

TOLD = ("sample", "state", "stage", "why", "todo", "since")
"""The fields that the table has room for."""
_ORDER = (State.FAILED, State.WAITING, State.RUNNING, State.QUEUED, State.DONE, State.WITHDRAWN)
_COLUMNS = tuple(column for name in TOLD for column in COLUMNS if column.name == name)

WORK_LIST = dg.AssetSpec(
    "work_list",
    group_name="work",
    description="Where every sample stands, since when, what it waits for or why it failed, and what to do. "
    "Samples that wait for somebody come first; `genomics samples` shows all of them.",
    owners=list(OWNERS),
    kinds={"table"},
)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys=set(Resources.names()),
)
def work_list_rows(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Tells the work list anew when a sample has come further, failed, or waits for something else."""
    platform = Resources.of(context.resources)
    items = work_list(platform, Runs(context.instance))
    rows = rows_of(items, platform.settings.landing)
    counts = Counter(item.state for item in items)
    shown = digest_text(canonical_json([rows, counts]))[:16]
    if shown == context.cursor:
        return dg.SkipReason("No sample stands elsewhere than when the list was last told.")
    return dg.SensorResult(asset_events=[_told(rows, counts)], cursor=shown)


def _told(rows: Sequence[Mapping[str, str]], counts: Counter[State]) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        WORK_LIST.key,
        metadata={
            "work list": table_value(Shown(_COLUMNS, rows)),
            "samples": counts.total(),
            **{str(state): counts[state] for state in _ORDER if counts[state]},
        },
    )


def rows_of(items: Sequence[WorkItem], landing: Path) -> list[dict[str, str]]:
    """The rows shown, and one that says how many are left out; files of the landing zone are named from there."""
    first = sorted(items, key=lambda item: (_ORDER.index(item.state), item.sample))
    rows = [_row(item, landing) for item in first[:MOST_ROWS]]
    left_out = len(items) - len(rows)
    if left_out:
        words = {"sample": f"and {left_out} more", "todo": "genomics samples"}
        rows.append(dict.fromkeys(TOLD, "") | words)
    return rows


def _row(item: WorkItem, landing: Path) -> dict[str, str]:
    row = {name: str(getattr(item, name)).replace(f"{landing}/", "") for name in TOLD}
    return row | {"since": f"{item.since[:16].replace('T', ' ')} UTC" if item.since else ""}
