"""What the runs of samples came to: the one sensor that looks after every sample whose run has begun or ended.

It looks at all runs that have a sample's partition, however they were started (by a sensor, in the web UI, by a
backfill, from the command line), and notes in the registry what they mean. A run that was interrupted, and a request
that nobody carried out, are asked for again; what failed for a reason of its own stays failed until its files or its
row change, or a person asks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from engine.errors import GenomicsError
from engine.ops import cohort, interpretation, report
from engine.ops.artifact import ancestors
from engine.ops.inputs import Scope
from engine.ops.services import Services
from engine.reads.registration import RegisteredSample, SampleStatus
from genomics_assets.artifacts import OF_A_SAMPLE
from genomics_assets.clear_ticks import clear_ticks
from genomics_assets.jobs import sample_job
from genomics_assets.messages import listed, tell
from genomics_assets.run_process import ALONE, ENDED_BY, WITH_THE_SERVER
from genomics_assets.slurm_launcher import end_lost
from resources.cursor import Cursor
from resources.registry import RegistryError, SampleRegistry
from resources.sample_runs import PARTITION, RUN_KEY, Runs

RUNS_A_TICK = 500
"""Runs looked at in one tick, so that thousands that end at once do not outlast the tick's time limit."""
LOST_AFTER = 60.0
"""Seconds after which a request is to be seen as a run of Dagster's."""
TIME_A_TICK = 30.0
"""Seconds after which a tick takes up nothing new; Dagster gives it 60."""
_OVERLAP = 5.0
"""Seconds looked at again in the next tick: what is written at the same time may be seen in another order."""
_CHECK_FAILED = "dagster._core.errors.DagsterAssetCheckFailedError: "
_MACHINERY = "machinery"
LIMITS = {ALONE: 5, WITH_THE_SERVER: 50, _MACHINERY: 5}
"""How often a sample is asked for again by the cause: its own process may be what fills the memory."""
PARENTS = "parents"
"""Cause of another run: the parents' calls were not there, or were other ones."""


@dataclass
class _Cursor(Cursor):
    """Up to when runs were looked at, and when requests were; seconds since 1970."""

    runs: float = 0.0
    requests: float = 0.0

    def as_of(self, now: float) -> _Cursor:
        """The cursor, or a new one where the clock was put back since: what came in between is looked at again."""
        return _Cursor() if max(self.runs, self.requests) > now + LOST_AFTER else self


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    required_resource_keys=set(Services.names()),
)
@clear_ticks
def sample_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Notes how far samples have come, and asks again for what was interrupted, or is to be told beside parents."""
    services, registry = Services.of(context.resources), context.resources.registry
    end_lost(context.instance)
    return look(context.instance, services, registry, context.cursor)


def look(
    instance: dg.DagsterInstance, services: Services, registry: SampleRegistry, cursor: str | None
) -> dg.SensorResult:
    """One tick, which stops in time: what it does not come to is for the next."""
    now = time.time()
    before = _Cursor.parse(cursor).as_of(now)
    desk = _Desk(instance, services, registry, until=time.monotonic() + TIME_A_TICK)
    filters = dg.RunsFilter(updated_after=datetime.fromtimestamp(before.runs, UTC)) if before.runs else None
    records = instance.get_run_records(filters, limit=RUNS_A_TICK, order_by="update_timestamp", ascending=True)
    seen = [record.update_timestamp.timestamp() for record in records if desk.has_time() and desk.look_at(record)]
    rest = len(seen) < len(records) or len(records) == RUNS_A_TICK
    after = max([before.runs, *(moment - (0 if rest else _OVERLAP) for moment in seen)])
    looks = now - before.requests > LOST_AFTER and desk.has_time()
    if looks:
        desk.look_for_requests(registry.requested(before=now - LOST_AFTER))
    if desk.done:
        tell(f"{listed(desk.done)} {'is' if len(desk.done) == 1 else 'are'} done")
    noted = len(desk.noted)
    return dg.SensorResult(
        skip_reason=f"{noted} samples came further." if noted else "Nothing new of any sample's run.",
        cursor=_Cursor(after, now if looks else before.requests).text(),
    )


@dataclass(frozen=True)
class _Desk:
    """Where runs are judged."""

    instance: dg.DagsterInstance
    services: Services
    registry: SampleRegistry
    until: float
    noted: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def has_time(self) -> bool:
        """Whether the tick may go on."""
        return time.monotonic() < self.until

    def look_at(self, record: dg.RunRecord) -> bool:
        """Note what a run means, where it is of a sample; one that cannot be judged is told and stops no other."""
        run = record.dagster_run
        if PARTITION not in run.tags:
            return True
        try:
            if self._note(record):
                self.noted.append(run.tags[PARTITION])
        except Exception as error:  # whatever it is, the samples after this one are looked at
            tell(f"{run.tags[PARTITION]}: its run {run.run_id[:8]} cannot be judged ({type(error).__name__}: {error})")
        return True

    def _note(self, record: dg.RunRecord) -> bool:
        """Note what a run means for its sample; whether that was something new."""
        run = record.dagster_run
        try:
            sample = self.registry.sample(run.tags[PARTITION])
        except RegistryError:
            return False  # a partition that a person made up
        key = run.tags.get(RUN_KEY)
        if sample.withdrawn or key not in (None, sample.run_key):
            return False
        if run.status == dg.DagsterRunStatus.STARTED and sample.status is SampleStatus.REQUESTED and key:
            return self.registry.mark(sample.sample_id, SampleStatus.RUNNING, run_key=key)
        if run.status == dg.DagsterRunStatus.SUCCESS:
            return self._succeeded(sample, run)
        if run.status == dg.DagsterRunStatus.CANCELED and key:
            return self._failed(sample, "the run was stopped by a person")
        if run.status == dg.DagsterRunStatus.FAILURE and run.job_name == sample_job.name:
            return self._broke(sample, run)
        return False

    def look_for_requests(self, samples: Iterable[RegisteredSample]) -> None:
        """Give back requests that are no run of Dagster's, and note runs whose end was not seen."""
        asked = {sample.run_key: sample for sample in samples}
        keys = list(asked)
        for start in range(0, len(keys), RUNS_A_TICK):
            portion = keys[start : start + RUNS_A_TICK] if self.has_time() else []
            records = self.instance.get_run_records(dg.RunsFilter(tags={RUN_KEY: portion})) if portion else []
            for record in records:
                if record.dagster_run.is_finished and self.has_time():
                    self.look_at(record)
            seen = {record.dagster_run.tags[RUN_KEY] for record in records}
            lost = [asked[key] for key in portion if key not in seen]
            for status in {sample.status for sample in lost}:
                self.registry.give_back([each.sample_id for each in lost if each.status is status], status=status)
            self.noted.extend(sample.sample_id for sample in lost)

    def _succeeded(self, sample: RegisteredSample, run: dg.DagsterRun) -> bool:
        """Done by the run of the whole path; by hand, once all that makes a sample is as it would be made now."""
        news = sample.status is not SampleStatus.DONE
        if news:
            whole = run.job_name == sample_job.name and RUN_KEY in run.tags
            if not whole and (sample.status is not SampleStatus.FAILED or not self._is_complete(sample.sample_id)):
                return False
            self.registry.mark(sample.sample_id, SampleStatus.DONE, run_key=sample.run_key)
            self.done.append(sample.sample_id)
        children = self.registry.family_of(sample.sample_id).others
        kin = (sample, *(one for one in children if self._is_done_child(one, sample)))
        again = [one for one in kin if self._beside_parents(one)]
        return news or bool(again)

    def _is_done_child(self, child: RegisteredSample, parent: RegisteredSample) -> bool:
        parents = (child.person.father_id, child.person.mother_id)
        return child.status is SampleStatus.DONE and parent.sample_id in parents

    def _beside_parents(self, child: RegisteredSample) -> bool:
        """Ask for a sample again whose findings were told beside other calls of its parents than there are now."""
        if not parents_changed(self.services, child):
            return False
        why = "its parents' calls have come, or have changed, since its findings were made"
        self.registry.ask_again(child.sample_id, cause=PARENTS, why=why)
        tell(f"{child.sample_id} is run again: {why}")
        return True

    def _is_complete(self, sample: str) -> bool:
        names = {
            *ancestors(report.fhir_bundle.name, self.services.settings, self.services.knowledge.parts),
            report.fhir_bundle.name,
            cohort.cohort_contribution.name,
        }
        return all(one.is_current(self.services, sample) for one in OF_A_SAMPLE if one.name in names)

    def _broke(self, sample: RegisteredSample, run: dg.DagsterRun) -> bool:
        """Ask again for what was interrupted; what failed by itself has failed."""
        mine = RUN_KEY in run.tags or sample.status in (SampleStatus.DONE, SampleStatus.FAILED)
        if not mine:
            return False  # by hand, while the platform's own run is to come
        failure = Runs(self.instance).failure(run.run_id)
        told = failure.problem.removeprefix(_CHECK_FAILED) if failure else "the run ended without a word"
        if failure and failure.step and ENDED_BY not in run.tags:  # else by a signal, at its launch, in Dagster
            return RUN_KEY in run.tags and self._failed(sample, told)
        cause = run.tags.get(ENDED_BY, _MACHINERY)
        if RUN_KEY not in run.tags and self._is_complete(sample.sample_id):
            return False
        times = self.registry.asked_again(sample.sample_id, cause=cause) + 1
        if times > LIMITS[cause]:
            return self._failed(sample, f"its run was interrupted {times} times: {told}")
        if any(entry.details.get("run") == run.run_id for entry in self.registry.history(sample.sample_id)):
            return False
        pause = 0.0 if cause == WITH_THE_SERVER else min(15.0 * 2 ** (times - 1), 600.0)
        self.registry.ask_again(sample.sample_id, cause=cause, why=told, pause=pause, run=run.run_id)
        tell(f"{sample.sample_id} is asked for again in {pause:.0f} s ({times} of {LIMITS[cause]}): {told}")
        return True

    def _failed(self, sample: RegisteredSample, why: str) -> bool:
        if sample.status is SampleStatus.FAILED:
            return False
        self.registry.mark(sample.sample_id, SampleStatus.FAILED, run_key=sample.run_key, why=why)
        tell(f"{sample.sample_id} failed: {why}")
        return True


def parents_changed(services: Services, child: RegisteredSample) -> bool:
    """Whether a sample's findings were made beside other calls of its parents than may be used now."""
    if not (child.person.father_id or child.person.mother_id):
        return False
    name = interpretation.findings.name
    try:
        receipt = services.lake.receipt(name, child.sample_id)
        scope = Scope(services, name, child.sample_id)
        takes = interpretation.findings.takes
        now = {**takes["father"].open("father", scope).inputs, **takes["mother"].open("mother", scope).inputs}
    except GenomicsError:
        return False
    if receipt is None:
        return False
    beside = {
        one: version for one, version in receipt.recipe.inputs.items() if one.endswith((" of father", " of mother"))
    }
    return bool(now) and beside != now
