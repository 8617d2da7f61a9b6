"""When runs start by themselves: files dropped in the landing zone, contributions to the cohort, runs that ended.

Sensors only look and ask; what they find is judged by the landing zone and the registry, and computed by the jobs.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from engine.errors import LakeError
from engine.reads.registration import SampleStatus
from engine.receipt import digest_text
from genomics_assets.artifacts import KNOWLEDGE
from genomics_assets.jobs import cohort_job, knowledge_job, sample_job
from genomics_assets.partitions import SAMPLES
from resources.audit import AuditLog
from resources.knowledge import Knowledge
from resources.landing_zone import LandingZone
from resources.registry import SampleRegistry
from resources.sample_runs import RUN_KEY
from resources.warehouse import Warehouse

DECLARED = "genomics/declared"
"""Tag of a run of the knowledge job: the state of the declared sources that it was asked for."""
KNOWLEDGE_ATTEMPTS = 5
SAMPLES_A_TICK = 500
"""Samples looked at in one tick, so that a sheet of ten thousand rows does not outlast the tick's time limit."""
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    job=sample_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def sample_sheets(
    context: dg.SensorEvaluationContext,
    landing_zone: dg.ResourceParam[LandingZone],
    registry: dg.ResourceParam[SampleRegistry],
    audit: dg.ResourceParam[AuditLog],
    knowledge: dg.ResourceParam[Knowledge],
) -> dg.SensorResult:
    """Registers the samples of new and changed sample sheets as partitions and requests a run for each.

    The partition of a withdrawn sample goes, so that no backfill asks for it again.
    """
    scan = landing_zone.scan(context.cursor, registry, audit, limit=SAMPLES_A_TICK)
    for problem in (*scan.refused, *scan.told):
        context.log.warning(str(problem))
    waits = _waits_for_knowledge(context.instance, knowledge)
    if waits:
        return dg.SensorResult(skip_reason=waits, cursor=scan.cursor)
    waiting = registry.take_waiting(SAMPLES_A_TICK)
    partitions = list(_partition_requests(context.instance, [sample.sample_id for sample in waiting], registry))
    if not waiting:
        reason = "No new or changed sample in the landing zone."
        return dg.SensorResult(skip_reason=reason, dynamic_partitions_requests=partitions, cursor=scan.cursor)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=sample.run_key,
                partition_key=sample.sample_id,
                tags={RUN_KEY: sample.run_key, "genomics/sheet": sample.sheet},
            )
            for sample in waiting
        ],
        dynamic_partitions_requests=partitions,
        cursor=scan.cursor,
    )


def _partition_requests(
    instance: dg.DagsterInstance, waiting: list[str], registry: SampleRegistry
) -> Iterator[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest]:
    if waiting:
        yield SAMPLES.build_add_request(waiting)
    gone = set(registry.withdrawn()) & set(instance.get_dynamic_partitions(str(SAMPLES.name)))
    if gone:
        yield SAMPLES.build_delete_request(sorted(gone))


def _waits_for_knowledge(instance: dg.DagsterInstance, knowledge: Knowledge) -> str | None:
    """Why no sample may begin yet, absent where the knowledge is there and nobody is making it anew."""
    try:
        missing = [part for part in knowledge.parts if knowledge.lake.receipt(part) is None]
    except LakeError as error:
        return f"Samples wait, the knowledge is not as published: {error}"
    if instance.get_runs_count(dg.RunsFilter(job_name=knowledge_job.name, statuses=UNDER_WAY)):
        return "The knowledge is being built; samples follow."
    return f"Samples wait for {', '.join(missing)}, which the sensor knowledge_sources asks for." if missing else None


@dg.sensor(
    job=knowledge_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def knowledge_sources(
    context: dg.SensorEvaluationContext, knowledge: dg.ResourceParam[Knowledge]
) -> dg.RunRequest | dg.SkipReason:
    """Builds the knowledge when what the reference declares has changed, or the code that builds it.

    A run that failed or was ended is asked for again, later each time, so that no sample waits for ever.
    """
    state = _declared_state(knowledge)
    records = context.instance.get_run_records(
        dg.RunsFilter(job_name=knowledge_job.name, tags={DECLARED: state}), limit=KNOWLEDGE_ATTEMPTS + 1
    )
    last = records[0] if records else None
    if last and last.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
        return dg.SkipReason("The knowledge is as the reference declares it.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=knowledge_job.name, statuses=UNDER_WAY)):
        return dg.SkipReason("The knowledge is being built.")
    attempt = len(records) + 1
    if attempt > KNOWLEDGE_ATTEMPTS:
        return dg.SkipReason(
            f"Building the knowledge failed {len(records)} times: look at the last run of the job knowledge, mend what "
            "it says, and start the job by hand."
        )
    waited = time.time() - last.update_timestamp.timestamp() if last else 0.0
    if last and waited < (pause := 30.0 * 2**attempt):
        return dg.SkipReason(f"Building the knowledge failed; it is tried again in {pause - waited:.0f} s.")
    return dg.RunRequest(run_key=f"knowledge-{state}-{attempt}", tags={DECLARED: state})


def _declared_state(knowledge: Knowledge) -> str:
    """Changes when the declaration, a declared file, or the code that builds a part changes."""
    declared = knowledge.declaration
    sources = (*vars(declared).values(), declared.alternates)
    files = [_state(value) for value in sources if isinstance(value, Path)]
    code = [one.code.digest for one in KNOWLEDGE if one.name in knowledge.parts]
    return digest_text("\n".join([str(declared), *files, *code]))[:16]


def _state(path: Path) -> str:
    facts = path.stat() if path.exists() else None
    return f"{path} {facts.st_size} {facts.st_mtime_ns}" if facts else f"{path} absent"


@dg.sensor(
    job=cohort_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def cohort_contributions(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.SensorResult:
    """Rebuilds the cohort tables once the samples under way have contributed: one run for many samples."""
    version = str(warehouse.version("calls"))
    if version in ("-1", context.cursor):
        return dg.SensorResult(skip_reason="No contribution since the tables were last built.")
    under_way = dg.RunsFilter(job_name=sample_job.name, statuses=UNDER_WAY)
    if context.instance.get_runs_count(under_way):
        return dg.SensorResult(skip_reason="Samples are under way; the tables are built when they are done.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"cohort-{version}")], cursor=version)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[sample_job],
    request_job=sample_job,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def sample_done(
    context: dg.RunStatusSensorContext, registry: dg.ResourceParam[SampleRegistry]
) -> Iterator[dg.RunRequest]:
    """Notes that a sample is done, and runs its children again, whose phase is known only beside their parents."""
    mark(registry, context.dagster_run, SampleStatus.DONE)
    sample = context.dagster_run.tags.get("dagster/partition", "")
    for child in registry.samples(status=SampleStatus.DONE):
        if sample in (child.person.father_id, child.person.mother_id) and not child.withdrawn:
            run_key = f"{child.run_key}-beside-{context.dagster_run.run_id}"
            yield dg.RunRequest(run_key=run_key, partition_key=child.sample_id, tags={RUN_KEY: child.run_key})


@dg.run_failure_sensor(monitored_jobs=[sample_job], default_status=dg.DefaultSensorStatus.RUNNING)
def sample_failed(context: dg.RunFailureSensorContext, registry: dg.ResourceParam[SampleRegistry]) -> None:
    """Notes in the registry that a sample failed; it runs again when its files or its row change, or on request."""
    mark(registry, context.dagster_run, SampleStatus.FAILED)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    monitored_jobs=[sample_job],
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def sample_canceled(context: dg.RunStatusSensorContext, registry: dg.ResourceParam[SampleRegistry]) -> None:
    """Notes that a person stopped a sample's run: it counts as failed, and runs again like one that did."""
    mark(registry, context.dagster_run, SampleStatus.FAILED)


def mark(registry: SampleRegistry, run: dg.DagsterRun, status: SampleStatus) -> None:
    """Note how far the sample of a run has come, unless a newer run speaks for it."""
    sample = run.tags.get("dagster/partition")
    if sample is not None:
        registry.mark(sample, status, run_key=run.tags.get(RUN_KEY))


SENSORS = [sample_sheets, knowledge_sources, cohort_contributions, sample_done, sample_failed, sample_canceled]
