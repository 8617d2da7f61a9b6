"""The work list: where every sample stands, since when, what it waits for or why it failed, and what to do.

Nothing of it is kept: a row is derived each time from the registry's word, Dagster's runs, the published artifacts and
their gates. ``genomics samples``, the web UI's table and ``genomics retry`` all read it here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property

from engine.errors import GenomicsError
from engine.quality.evaluation import CheckResult, evaluate
from engine.reads.registration import RegisteredSample, SampleStatus
from engine.receipt import Receipt
from engine.tables import Column
from resources.environment import Resources
from resources.registry import HistoryEntry
from resources.sample_runs import Failure, Run, Runs, RunState

SAMPLE_JOB = "sample"
KNOWLEDGE_JOB = "knowledge"
SHEET_STAGE = "sample_sheet"
LAST_STAGES = ("fhir_bundle", "cohort_contribution")
"""What a sample that is done has: its report, and its part of the cohort."""


class State(StrEnum):
    """Where a sample stands, in one word, the same everywhere."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Waits(StrEnum):
    """What a waiting sample waits for."""

    KNOWLEDGE = "knowledge"
    PARENTS = "parents"
    GATE = "gate"
    SHEET = "sheet"
    RUN = "run"


@dataclass(frozen=True)
class WorkItem:
    """Where one sample stands; what each field says, the column of its name in :data:`COLUMNS` tells."""

    sample: str
    name: str | None
    family: str | None
    state: State
    stage: str
    since: str
    waits_for: Waits | None
    why: str
    todo: str
    attempt: int
    sheet: str
    run: str | None


COLUMNS = (
    Column("sample", "VARCHAR", "Sample id; as the sheet has it where the sheet was refused", required=True),
    Column("name", "VARCHAR", "The id as the laboratory writes it; absent where that is the sample id"),
    Column("family", "VARCHAR", "Pseudonym of the family; absent where none was stated"),
    Column("state", "VARCHAR", "Where the sample stands, in one word", required=True, values=tuple(State)),
    Column(
        "stage",
        "VARCHAR",
        "The artifact that is being made, that failed, or whose gate is shut; the last one of a sample that is done; "
        f"{SHEET_STAGE} before the first",
        required=True,
    ),
    Column("since", "VARCHAR", "UTC time since when it stands there, ISO 8601 to the second", required=True),
    Column("waits_for", "VARCHAR", "What a waiting sample waits for; absent of any other", values=tuple(Waits)),
    Column(
        "why", "VARCHAR", "What it waits for or why it failed, in words; empty where nothing holds it", required=True
    ),
    Column("todo", "VARCHAR", "What a person does about it; empty where nothing is to be done", required=True),
    Column(
        "attempt", "BIGINT", "Runs asked for, from 1; 0 where the sheet was refused", "runs", required=True, minimum=0
    ),
    Column("sheet", "VARCHAR", "The sheet that spoke last, relative to the landing zone", required=True),
    Column("run", "VARCHAR", "Id of Dagster's run that this was read from; absent where there is none"),
)
"""The fields of :class:`WorkItem` as a table's columns."""
assert tuple(column.name for column in COLUMNS) == tuple(field.name for field in fields(WorkItem))


def work_list(platform: Resources, runs: Runs | None, samples: Iterable[str] | None = None) -> tuple[WorkItem, ...]:
    """Where every sample stands, by sample id, rows of sheets that were refused among them.

    Args:
        platform: the services of the deployment.
        runs: its runs (:func:`resources.sample_runs.open_runs`), absent where nothing ever ran.
        samples: ids of the samples that are asked for, all where absent.
    """
    if not platform.settings.data.is_dir():
        return ()
    asked = None if samples is None else set(samples)
    desk = _Desk(platform, runs, asked)
    chosen = [sample for sample in desk.samples.values() if asked is None or sample.sample_id in asked]
    rows = [*desk.rows(chosen), *(row for row in desk.refused if asked is None or row.sample in asked)]
    return tuple(sorted(rows, key=lambda row: row.sample))


def sample_stages(platform: Resources) -> tuple[str, ...]:
    """The artifacts of a sample's path in this deployment, in the order in which they are made."""
    from engine.ops import report
    from engine.ops.artifact import ancestors
    from resources.contracts import load_contracts

    load_contracts()
    return (*ancestors(report.fhir_bundle.name, platform.settings, platform.knowledge.parts), *LAST_STAGES)


@dataclass(frozen=True)
class _Standing:
    """How a sample stands, beside what is known of it anyway."""

    state: State
    stage: str
    since: str
    why: str = ""
    todo: str = ""
    waits_for: Waits | None = None


class _Desk:
    """What is looked up once for all samples, or for those that are asked for and their parents."""

    def __init__(self, platform: Resources, runs: Runs | None, asked: Collection[str] | None) -> None:
        self.platform = platform
        self.runs = runs
        self.stages = sample_stages(platform)
        self.asked = None if asked is None else sorted(asked)
        found = platform.registry.samples(ids=self.asked)
        parents = {parent for one in found for parent in (one.person.father_id, one.person.mother_id) if parent}
        if self.asked is not None and parents:
            found += platform.registry.samples(ids=sorted(parents - {*self.asked}))
        self.samples = {sample.sample_id: sample for sample in found}

    def rows(self, samples: Sequence[RegisteredSample]) -> list[WorkItem]:
        """The rows of these samples."""
        failed = [run.run for sample in samples if (run := self._run_that_speaks(sample)) and _broke(run)]
        failures = self.runs.failures(failed) if self.runs and failed else {}
        return [self._row(sample, failures) for sample in samples]

    @cached_property
    def refused(self) -> list[WorkItem]:
        """Rows of sheets that the registry refused, of samples that it does not know."""
        known = self.platform.registry.refusals()
        return [
            WorkItem(
                sample=str(error.sample),
                name=None,
                family=None,
                state=State.WAITING,
                stage=SHEET_STAGE,
                since="",
                waits_for=Waits.SHEET,
                why=f"{error.file}, {error.place}: {error.problem}",
                todo=f"{error.remedy}; then drop the sheet again",
                attempt=0,
                sheet=str(error.file),
                run=None,
            )
            for error in known
            if error.sample not in self.samples
        ]

    def _row(self, sample: RegisteredSample, failures: Mapping[str, Failure]) -> WorkItem:
        run = self._run_that_speaks(sample)
        standing = self._standing(sample, run, failures)
        return WorkItem(
            sample=sample.sample_id,
            name=sample.name,
            family=sample.person.family_id,
            state=standing.state,
            stage=standing.stage,
            since=standing.since,
            waits_for=standing.waits_for,
            why=standing.why,
            todo=standing.todo,
            attempt=sample.attempt,
            sheet=sample.sheet,
            run=run.run if run else None,
        )

    @cached_property
    def _last_runs(self) -> Mapping[str, Run]:
        return self.runs.of_samples(self.samples if self.asked is None else self.asked) if self.runs else {}

    @cached_property
    def _last_entries(self) -> Mapping[str, HistoryEntry]:
        return self.platform.registry.last_entries(self.asked)

    def _told_since(self, sample: RegisteredSample) -> str:
        """When something last happened to it."""
        entry = self._last_entries.get(sample.sample_id)
        return _to_second(entry.recorded if entry else sample.registered)

    def _run_that_speaks(self, sample: RegisteredSample) -> Run | None:
        """The last run, unless another one has been asked for since."""
        run = self._last_runs.get(sample.sample_id)
        if run is None or sample.withdrawn:
            return None
        outdated = run.key not in (None, sample.run_key) and not run.under_way
        by_hand = run.key is None and not run.under_way and sample.status in _ASKED
        return None if outdated or by_hand else run

    def _standing(self, sample: RegisteredSample, run: Run | None, failures: Mapping[str, Failure]) -> _Standing:
        if sample.withdrawn:
            return _Standing(State.WITHDRAWN, self._last_stage(sample), _to_second(sample.withdrawn))
        if run and run.under_way:
            return self._under_way(sample, run)
        if run is None and sample.status in (*_ASKED, SampleStatus.RUNNING):
            return self._waiting(sample)
        if run and run.job == SAMPLE_JOB and run.state is RunState.DONE:
            return self._done(sample, run.since)
        return self._by_artifacts(sample, run, failures)

    def _under_way(self, sample: RegisteredSample, run: Run) -> _Standing:
        if run.state is RunState.QUEUED:
            limit = self.platform.settings.max_runs
            why = f"its run waits for its turn; {limit} run{'s' if limit > 1 else ''} at a time"
            return _Standing(State.QUEUED, self._next_stage(sample), run.since, why, self._serve)
        step = self.runs.step_of(run.run) if self.runs else ""
        return _Standing(State.RUNNING, step or self._next_stage(sample), run.since)

    def _waiting(self, sample: RegisteredSample) -> _Standing:
        since = self._told_since(sample)
        waits_for, why, todo = self._knowledge or self._parents(sample) or self._for_its_run(sample)
        return _Standing(State.WAITING, self._next_stage(sample), since, why, todo, waits_for)

    @cached_property
    def _serve(self) -> str:
        """What to do where the platform does not go on by itself; empty where its server runs."""
        return "" if self.runs and self.runs.is_served() else "no server is running: make serve"

    @cached_property
    def _knowledge(self) -> tuple[Waits, str, str] | None:
        """Why no sample may begin yet; nothing where the knowledge is built."""
        knowledge = self.platform.knowledge
        try:
            missing = [part for part in knowledge.parts if knowledge.lake.receipt(part) is None]
        except GenomicsError as error:
            return Waits.KNOWLEDGE, f"the knowledge is not as published: {error.problem}", error.remedy
        run = self.runs.last_of(KNOWLEDGE_JOB) if self.runs else None
        if run and run.under_way:
            return Waits.KNOWLEDGE, f"the knowledge is being built, since {run.since}", ""
        if not missing:
            return None
        failure = self.runs.failures([run.run]).get(run.run) if self.runs and run else None
        if failure:
            return (
                Waits.KNOWLEDGE,
                f"building {failure.step or 'the knowledge'} failed: {failure.problem}",
                failure.remedy,
            )
        return Waits.KNOWLEDGE, f"{', '.join(missing)}: not built yet", self._serve

    def _parents(self, sample: RegisteredSample) -> tuple[Waits, str, str] | None:
        """The parents who have not come to their end yet."""
        named = [parent for parent in (sample.person.father_id, sample.person.mother_id) if parent]
        new = [parent for parent in named if (known := self.samples.get(parent)) and self._is_new(known)]
        return (
            (Waits.PARENTS, f"{' and '.join(new)} first: phase is told beside the parents", self._serve)
            if new
            else None
        )

    def _for_its_run(self, sample: RegisteredSample) -> tuple[Waits, str, str]:
        """What the platform is about to do; where it asks again by itself, what for."""
        why = _ASKED_FOR[sample.status]
        entry = self._last_entries.get(sample.sample_id) if sample.attempt > 1 else None
        again = str(entry.details.get("why", "")) if entry else ""
        return Waits.RUN, f"{why}, again: {again}" if again else why, self._serve

    def _is_new(self, sample: RegisteredSample) -> bool:
        return not sample.withdrawn and sample.status in (*_ASKED, SampleStatus.RUNNING)

    def _by_artifacts(self, sample: RegisteredSample, run: Run | None, failures: Mapping[str, Failure]) -> _Standing:
        """Of a sample whose last run failed, or was not that of its whole path: what the artifacts say."""
        since = run.since if run else self._told_since(sample)
        shut = self._shut_gate(sample, since)
        if shut:
            return shut
        if sample.status is SampleStatus.DONE and (run is None or run.key is None):
            done = self._done(sample, since)
            broke = failures.get(run.run) if run else None
            return replace(done, why=f"a run by hand failed since: {broke.problem}") if broke else done
        if run and run.state is RunState.DONE:
            return self._made_by_hand(sample, since)
        return self._failed(sample, run, since, failures)

    def _made_by_hand(self, sample: RegisteredSample, since: str) -> _Standing:
        """Done, if all that makes a sample is there and each made from what is there now."""
        receipts = {stage: receipt for stage in self.stages if (receipt := self._receipt(stage, sample))}
        for stage in self.stages:
            made_from = receipts[stage].recipe.inputs if stage in receipts else {}
            old = [
                name for name, version in made_from.items() if name in receipts and version != _version(receipts, name)
            ]
            if stage not in receipts or old:
                why = f"{stage} is not made again from the {old[0]} made by hand" if old else f"{stage} is not made yet"
                again = f"{RETRY} {sample.sample_id} --reason ..."
                return _Standing(State.FAILED, stage, since, why, again)
        return _Standing(State.DONE, LAST_STAGES[0], since)

    def _failed(
        self, sample: RegisteredSample, run: Run | None, since: str, failures: Mapping[str, Failure]
    ) -> _Standing:
        again = f"{RETRY} {sample.sample_id} --reason ..."
        stage = self._next_stage(sample)
        if run and run.state is RunState.CANCELED:
            return _Standing(State.FAILED, stage, since, "the run was stopped by a person", again)
        failure = failures.get(run.run) if run else None
        if failure is None:
            why = "the run ended without a word" if run else "the record of its run is gone"
            return _Standing(State.FAILED, stage, since, why, again)
        why = failure.problem.removeprefix(f"sample {sample.sample_id}: ")
        todo = f"{failure.remedy}; then {again}" if failure.remedy else again
        return _Standing(State.FAILED, failure.step or stage, since, why, todo)

    def _done(self, sample: RegisteredSample, since: str) -> _Standing:
        """Done, if the report is there and the sample's part of the cohort."""
        missing = [stage for stage in LAST_STAGES if stage not in self._published(sample)]
        if not missing:
            return _Standing(State.DONE, LAST_STAGES[0], since)
        stage = self._next_stage(sample)
        again = f"{RETRY} {sample.sample_id} --reason ..."
        return _Standing(State.FAILED, stage, since, f"{' and '.join(missing)} not made by the last run", again)

    def _shut_gate(self, sample: RegisteredSample, since: str) -> _Standing | None:
        """The first gate on the sample's path that is shut now, then that of what is made beside it."""
        for stage in dict.fromkeys((*self.stages, *self.platform.gate.thresholds.assets)):
            receipt = self._receipt(stage, sample)
            shut = self._shut(receipt, sample.sample_id) if receipt else ()
            if shut:
                checks = [verdict.threshold.name for verdict in shut]
                also = f" (and so for {', '.join(checks[1:])})" if checks[1:] else ""
                todo = (
                    f"mend the sample, or: genomics override {sample.sample_id} {stage} {checks[0]} --reason ...{also}"
                )
                why = f"the gate of {stage} is shut: {'; '.join(map(str, shut))}"
                return _Standing(State.WAITING, stage, since, why, todo, Waits.GATE)
        return None

    def _shut(self, receipt: Receipt, sample: str) -> tuple[CheckResult, ...]:
        """The failed checks of an artifact that nobody has let through."""
        gate, asset = self.platform.gate, receipt.asset
        failed = [verdict for verdict in evaluate(gate.thresholds.of(asset), receipt.measures) if verdict.blocks]
        with suppress(GenomicsError):  # an artifact that cannot be used has no override that holds
            return tuple(one for one in failed if not gate.overridden(asset, sample, one.threshold.name))
        return tuple(failed)

    def _receipt(self, stage: str, sample: RegisteredSample) -> Receipt | None:
        with suppress(GenomicsError):
            return self.platform.lake.receipt(stage, sample.sample_id)
        return None

    def _published(self, sample: RegisteredSample) -> set[str]:
        return set(self.platform.lake.assets(sample.sample_id))

    def _last_stage(self, sample: RegisteredSample) -> str:
        """The artifact that was made last."""
        published = self._published(sample)
        return next((stage for stage in reversed(self.stages[:-1]) if stage in published), SHEET_STAGE)

    def _next_stage(self, sample: RegisteredSample) -> str:
        """The artifact after the last one that is there; what does not apply to a sample is passed over."""
        published = self._published(sample)
        made = [number for number, stage in enumerate(self.stages) if stage in published]
        return self.stages[min(max(made) + 1, len(self.stages) - 1)] if made else SHEET_STAGE


RETRY = "genomics retry"
_ASKED = (SampleStatus.WAITING, SampleStatus.REQUESTED)
_ASKED_FOR = {
    SampleStatus.WAITING: "the server asks for its run when it next looks, within seconds",
    SampleStatus.REQUESTED: "its run was asked for and has not appeared yet",
    SampleStatus.RUNNING: "its run is gone; another one is asked for",
}


def _broke(run: Run) -> bool:
    return run.state is RunState.FAILED


def _version(receipts: Mapping[str, Receipt], stage: str) -> str:
    return receipts[stage].data_version


def _to_second(time: str) -> str:
    """A time of the registry to the second."""
    return f"{time[:19]}+00:00" if time else ""
