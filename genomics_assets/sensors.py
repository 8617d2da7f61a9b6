"""When runs start by themselves: files dropped in the landing zone, contributions to the cohort, runs that ended.

Sensors only look and ask; what they find is judged by the landing zone and the registry, and computed by the jobs.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from engine.errors import LakeError
from engine.ops.cohort import PutAside, contributions
from engine.reads.registration import RegisteredSample, SampleStatus
from engine.receipt import digest_text
from genomics_assets.artifacts import KNOWLEDGE
from genomics_assets.attempts import attempts, is_under_way
from genomics_assets.clear_ticks import clear_ticks
from genomics_assets.jobs import cohort_job, knowledge_job, sample_job
from genomics_assets.messages import listed, tell, tell_once
from genomics_assets.partitions import SAMPLES
from genomics_assets.run_traces import ASKED, REGISTERED
from genomics_assets.sample_runs import TIME_A_TICK, sample_runs
from genomics_assets.turns import turns
from genomics_assets.withdrawn import end_withdrawn
from resources.audit import AuditLog
from resources.canary import Canary
from resources.environment import Settings
from resources.knowledge import Knowledge
from resources.lake import Lake
from resources.landing_zone import LandingZone
from resources.registry import SampleRegistry
from resources.sample_runs import RUN_KEY
from resources.structured_log import StructuredLog
from resources.warehouse import Warehouse

DECLARED = "genomics/declared"
"""Tag of a run of the knowledge job: the state of the declared sources that it was asked for."""
NOTHING_NEW = "No new or changed sample in the landing zone."
SAMPLES_A_TICK = 500
"""Samples looked at in one tick, so that a sheet of ten thousand rows does not outlast the tick's time limit."""
CONTRIBUTED = "genomics/contributed"
"""Tag of a run of the cohort job: what had been contributed when it was asked for."""
COHORT_EVERY = 3600.0
"""Seconds after which the cohort tables are built even while samples are under way."""


_PartitionRequest = dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest


@dg.sensor(
    job=sample_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
@clear_ticks
def sample_sheets(
    context: dg.SensorEvaluationContext,
    landing_zone: dg.ResourceParam[LandingZone],
    registry: dg.ResourceParam[SampleRegistry],
    audit: dg.ResourceParam[AuditLog],
    knowledge: dg.ResourceParam[Knowledge],
    events: dg.ResourceParam[StructuredLog],
    settings: dg.ResourceParam[Settings],
) -> dg.SensorResult:
    """Registers the samples of new and changed sample sheets as partitions and requests a run for each.

    When the runs of a withdrawn sample are over, what they told programs goes, and then its partition, so that no
    backfill asks for it again.
    """
    scan = landing_zone.scan(context.cursor, registry, audit, limit=SAMPLES_A_TICK, seconds=TIME_A_TICK)
    for problem in (*scan.refused, *scan.told):
        context.log.warning(str(problem))
        tell_once(str(problem))
    if registered := (*scan.new, *scan.changed):
        tell(f"registered: {listed(registered)}")
    waits = _waits_for_knowledge(context.instance, knowledge)
    if waits:
        return dg.SensorResult(skip_reason=waits, cursor=scan.cursor)
    waiting = registry.take_waiting(SAMPLES_A_TICK)
    asked = [sample.sample_id for sample in waiting]
    partitions: list[_PartitionRequest] = list(_wanted(context.instance, asked, registry))
    partitions += _unwanted(context.instance, registry, events)
    if not waiting:
        held = registry.count(SampleStatus.WAITING)
        reason = f"{held} samples wait for their parents' runs, or to be tried again." if held else NOTHING_NEW
        return dg.SensorResult(skip_reason=reason, dynamic_partitions_requests=partitions, cursor=scan.cursor)
    turn = turns(context.instance, settings.queue, waiting)
    return dg.SensorResult(
        run_requests=[_request(sample, turn[sample.sample_id]) for sample in waiting],
        dynamic_partitions_requests=partitions,
        cursor=scan.cursor,
    )


def _request(sample: RegisteredSample, turn: Mapping[str, str]) -> dg.RunRequest:
    times = {REGISTERED: sample.registered, ASKED: datetime.now(UTC).isoformat()}
    tags = {RUN_KEY: sample.run_key, "genomics/sheet": sample.sheet, **times, **turn}
    return dg.RunRequest(run_key=sample.run_key, partition_key=sample.sample_id, tags=tags)


def _wanted(
    instance: dg.DagsterInstance, waiting: list[str], registry: SampleRegistry
) -> Iterator[dg.AddDynamicPartitionsRequest]:
    lost = set(registry.begun()) - set(instance.get_dynamic_partitions(str(SAMPLES.name))) - set(waiting)
    if wanted := [*waiting, *sorted(lost)]:  # some are lost where Dagster's own state was, or a person took them away
        yield SAMPLES.build_add_request(wanted)


def _unwanted(
    instance: dg.DagsterInstance, registry: SampleRegistry, events: StructuredLog
) -> Iterator[dg.DeleteDynamicPartitionsRequest]:
    gone = end_withdrawn(instance, registry.withdrawn())
    with suppress(OSError):  # a full disk: the partitions stay, and the next tick tries again
        events.leave(gone)
        if gone:
            yield SAMPLES.build_delete_request(gone)


def _waits_for_knowledge(instance: dg.DagsterInstance, knowledge: Knowledge) -> str | None:
    """Why no sample may begin yet, absent where the knowledge is there and nobody is making it anew."""
    try:
        missing = [part for part in knowledge.parts if knowledge.lake.receipt(part) is None]
    except LakeError as error:
        return f"Samples wait, the knowledge is not as published: {error}"
    if is_under_way(instance, knowledge_job.name):
        return "The knowledge is being built; samples follow."
    return f"Samples wait for {', '.join(missing)}, which the sensor knowledge_sources asks for." if missing else None


@dg.sensor(
    job=knowledge_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
@clear_ticks
def knowledge_sources(
    context: dg.SensorEvaluationContext,
    knowledge: dg.ResourceParam[Knowledge],
    canary: dg.ResourceParam[Canary],
) -> dg.RunRequest | dg.SkipReason:
    """Builds the knowledge when what the reference declares has changed, or the code that builds it.

    A run that failed or was ended is asked for again, later each time, so that no sample waits for ever.
    """
    released = sorted(version for part in knowledge.parts for version in canary.released(part))
    tried = attempts(context.instance, knowledge_job.name, DECLARED, _declared_state(knowledge, released))
    if is_under_way(context.instance, knowledge_job.name):
        return dg.SkipReason("The knowledge is being built.")
    if tried.succeeded and not _missing(knowledge):
        return dg.SkipReason("The knowledge is as the reference declares it.")
    if tried.failed and (waiting := [one for part in knowledge.parts if (one := canary.held(part))]):
        told = "; ".join(one.summary for one in waiting)
        return dg.SkipReason(f"Held until a person releases it (genomics knowledge --held): {told}.")
    return tried.ask()


def _missing(knowledge: Knowledge) -> list[str]:
    """Parts that were never built; one that is damaged is a matter for a person."""
    with suppress(LakeError):
        return [part for part in knowledge.parts if knowledge.lake.receipt(part) is None]
    return []


def _declared_state(knowledge: Knowledge, released: Iterable[str]) -> str:
    """Changes when the declaration, a declared file, or the code that builds a part changes, or one is released."""
    declared = knowledge.declaration
    sources = (*vars(declared).values(), declared.alternates)
    files = [_state(value) for value in sources if isinstance(value, Path)]
    code = [one.code.digest for one in KNOWLEDGE if one.name in knowledge.parts]
    return digest_text("\n".join([str(declared), *files, *code, *released]))[:16]


def _state(path: Path) -> str:
    facts = path.stat() if path.exists() else None
    return f"{path} {facts.st_size} {facts.st_mtime_ns}" if facts else f"{path} absent"


@dg.sensor(
    job=cohort_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
@clear_ticks
def cohort_contributions(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], lake: dg.ResourceParam[Lake]
) -> dg.SensorResult | dg.SkipReason:
    """Rebuilds the cohort tables once the samples under way have contributed: one run for many samples.

    Where samples are under way all the time, the tables are built at least every hour.
    """
    if warehouse.version("samples") < 0:
        return dg.SkipReason("No sample has contributed to the cohort yet.")
    contributed, instance = contributions(warehouse), context.instance
    state = digest_text(str(sorted(contributed.items())))[:16]
    published = lake.receipt("cohort_tables")
    tried = attempts(instance, cohort_job.name, CONTRIBUTED, state)
    if is_under_way(instance, cohort_job.name):
        return dg.SkipReason("The cohort tables are being built.")
    if published and dict(published.recipe.inputs) == contributed and (tried.succeeded or not tried.begun):
        aside = "".join(f" {one}." for one in PutAside.noted(published))
        return dg.SensorResult(skip_reason=f"The cohort tables are built of what was contributed.{aside}", cursor="")
    since = min(float(context.cursor or time.time()), time.time())  # the clock may have been put back
    due = since + COHORT_EVERY
    if is_under_way(instance, sample_job.name) and time.time() < due:
        at = time.strftime("%H:%M UTC", time.gmtime(due))
        reason = f"Samples are under way; the tables are built when they are done, at {at} at the latest."
        return dg.SensorResult(skip_reason=reason, cursor=str(since))
    asked = tried.ask()
    if isinstance(asked, dg.SkipReason):
        return dg.SensorResult(skip_reason=asked, cursor=str(since))
    return dg.SensorResult(run_requests=[asked], cursor=str(since))


SENSORS = [sample_sheets, knowledge_sources, cohort_contributions, sample_runs]
