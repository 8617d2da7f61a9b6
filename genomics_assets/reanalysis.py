"""Re-analysis by itself: once knowledge has changed, one run looks whom it touches, and nobody does a backfill.

The look asks for the touched samples' runs and confirms all others (:mod:`engine.ops.reanalysis`). What is behind is
shown by the asset ``samples_behind``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from engine.errors import LakeError
from engine.ops.dagster_op import clear_failure, table_value
from engine.ops.reanalysis import behind, reanalyse, versions_in_force
from engine.ops.services import Services
from engine.ops.shown import first_rows
from engine.reads.registration import RegisteredSample, SampleStatus
from engine.reanalysis.confirmation import CONFIRMATIONS, TOUCHED_FILE, read_touched
from engine.receipt import Receipt, canonical_json, digest_text
from engine.tables import Column
from genomics_assets.attempts import attempts, is_under_way
from genomics_assets.binding import OWNERS
from genomics_assets.clear_ticks import clear_ticks
from genomics_assets.jobs import IN_PROCESS, knowledge_job
from genomics_assets.messages import tell
from resources.cursor import Cursor

GROUP = "reanalysis"
CHANGED = "genomics/knowledge"
"""Tag of a run of the job: the knowledge, and the samples behind it, that it was asked for."""
_TOUCHED = (
    Column("sample_id", "VARCHAR", "Sample id"),
    Column("why", "VARCHAR", "What changed of what it carries"),
)
_BEHIND = (_TOUCHED[0], Column("state", "VARCHAR", "How far its run has come"), _TOUCHED[1])
SAMPLES_BEHIND = dg.AssetSpec(
    "samples_behind",
    group_name=GROUP,
    description="Samples that changed knowledge touches and whose run is to come, is under way, or failed: what is "
    "said of them was said with earlier knowledge.",
    owners=list(OWNERS),
    kinds={"table"},
)


@dg.asset(
    name=CONFIRMATIONS,
    group_name=GROUP,
    required_resource_keys=set(Services.names()),
    description="Whom changed knowledge touches, and that all others stand under it: these are confirmed in one "
    "publication and not interpreted again; the touched are asked for again, each by its own run.",
    owners=list(OWNERS),
    kinds={"parquet"},
    pool=GROUP,
)
def knowledge_confirmations(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Look, and tell of whom it was that the knowledge touches."""
    services = Services.of(context.resources)
    with clear_failure(None):
        look = reanalyse(services, context.log.info)
    for sample in look.asked:
        tell(f"{sample} is run again: {'; '.join(look.touched[sample])}")
    rows = [{"sample_id": sample, "why": "; ".join(why)} for sample, why in sorted(look.touched.items())]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(look.receipt.data_version),
        metadata={
            "touched": table_value(first_rows(_TOUCHED, rows, told_in="sample_id")),
            "samples touched": len(look.touched),
            "samples asked for": len(look.asked),
            "samples confirmed": look.confirmed,
            "path": dg.MetadataValue.path(str(services.lake.folder(look.receipt))),
        },
    )


reanalysis_job = dg.define_asset_job(
    "reanalysis",
    selection=dg.AssetSelection.assets(CONFIRMATIONS),
    description="Finds whom changed knowledge touches, asks for their runs and confirms all others.",
    executor_def=IN_PROCESS,
)


@dg.sensor(
    job=reanalysis_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys=set(Services.names()),
)
@clear_ticks
def knowledge_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Asks for a look once knowledge has changed, or a sample came to its end with the knowledge of before."""
    services, instance = Services.of(context.resources), context.instance
    if is_under_way(instance, knowledge_job.name) or is_under_way(instance, reanalysis_job.name):
        return dg.SkipReason("The knowledge is being built, or what it changes is being looked for.")
    try:
        now = versions_in_force(services)
    except LakeError as error:
        return dg.SkipReason(f"The knowledge is not as published: {error}")
    looked = services.lake.receipt(CONFIRMATIONS)
    if looked is None and not context.resources.lake.samples():
        return dg.SkipReason("No sample was made yet.")
    before = _Cursor.parse(context.cursor)
    samples = context.resources.registry.samples()
    events_of = {name: one.recorded for name, one in context.resources.registry.last_entries().items()}
    seen, news = _news(events_of, samples, before.seen)
    events, shown = _behind_now(services, looked, samples, before.shown)
    late = sorted({one.sample for one in behind(services, news)})
    state = digest_text(canonical_json([now, late]))[:16]
    tried = attempts(instance, reanalysis_job.name, CHANGED, state)
    if looked and dict(looked.recipe.inputs) == now and (not late or tried.succeeded):
        cursor = _Cursor(seen, shown).text()
        return dg.SensorResult(skip_reason="Every sample was looked at.", cursor=cursor, asset_events=events)
    asked, cursor = tried.ask(), _Cursor(before.seen, shown).text()
    if isinstance(asked, dg.SkipReason):
        return dg.SensorResult(skip_reason=asked, cursor=cursor, asset_events=events)
    return dg.SensorResult(run_requests=[asked], cursor=cursor, asset_events=events)


@dataclass
class _Cursor(Cursor):
    """Up to when samples were looked at, and a digest of what was last shown as behind."""

    seen: str = ""
    shown: str = ""


def _news(events: Mapping[str, str], samples: Sequence[RegisteredSample], since: str) -> tuple[str, list[str]]:
    """When something last happened, and the samples that came to their end after ``since``."""
    done = {one.sample_id for one in samples if one.status is SampleStatus.DONE and not one.withdrawn}
    news = sorted(sample for sample, when in events.items() if when > since and sample in done)
    return max([since, *events.values()]), news


def _behind_now(
    services: Services, looked: Receipt | None, samples: Sequence[RegisteredSample], shown: str
) -> tuple[list[dg.AssetMaterialization], str]:
    """The samples that are behind, as an event where they are others than were shown, and their digest."""
    if looked is None:
        return [], shown
    status = {one.sample_id: one.status for one in samples if not one.withdrawn}
    rows = [
        {"sample_id": sample, "state": str(status[sample]), "why": why}
        for sample, why in read_touched(services.lake.path(looked, TOUCHED_FILE))
        if status.get(sample, SampleStatus.DONE) is not SampleStatus.DONE
    ]
    digest = digest_text(canonical_json(rows))[:16]
    if digest == shown:
        return [], shown
    shown_rows = first_rows(_BEHIND, rows, told_in="sample_id")
    metadata: dict[str, Any] = {"samples": len(rows), "samples behind": table_value(shown_rows)}
    return [dg.AssetMaterialization(SAMPLES_BEHIND.key, metadata=metadata)], digest
