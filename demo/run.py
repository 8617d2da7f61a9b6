"""``make demo``: the demo family from FASTQ to FHIR, by the same jobs and the same sensor that a laboratory uses.

The files are dropped into the landing zone, the sensor is asked what to run, and the runs are executed here, as many at
a time as the deployment allows; then what was found is told and compared with the planted truth
(:mod:`demo.summary`). What is fresh is not computed again.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

import dagster as dg

from demo.delivery import deliver
from demo.outcome import SAMPLE_ASSETS, RunResult, tell
from demo.people import PEOPLE
from demo.reference import write_reference
from demo.simulate import simulate_family
from demo.summary import report
from engine.errors import GenomicsError
from resources.environment import Settings
from resources.lake import LocalLake


def main() -> int:
    """Run the demo; exit code 0 if every person's bundle was made."""
    started = time.monotonic()
    try:
        settings = Settings.from_environment()
    except GenomicsError as error:
        print(error, file=sys.stderr)
        return 1
    if settings.reference != "demo":
        print(f"The demo needs its own reference: GENOMICS_REFERENCE is {settings.reference!r}.", file=sys.stderr)
        return 1
    from genomics_assets.instance import hand_down, prepare_instance

    prepare_instance(settings)
    hand_down(settings)
    tell("This takes about two minutes on two cores, and a minute more the first time, while kernels are compiled.")
    tell("Writing the reference and simulating the family's reads from real haplotypes ...")
    write_reference(settings.data / "sources")
    simulate_family(settings.landing, settings.data / "truth")
    results = run_everything(settings)
    tell("         the reports go to a hospital's FHIR server ...")
    delivered = deliver(settings)
    return report(settings, results, delivered, time.monotonic() - started)


def run_everything(settings: Settings) -> list[RunResult]:
    """Knowledge, then every person (parents before their child), then the cohort."""
    results = [_show(run_job("knowledge", None), "knowledge")]
    samples: dict[str, str] = {}
    parents_first = [[p.sample for p in PEOPLE if not p.parents], [p.sample for p in PEOPLE if p.parents]]
    with ProcessPoolExecutor(settings.max_runs, mp_context=get_context("spawn")) as workers:
        for generation in parents_first:  # the sensor asks for a child when its parents' runs have ended
            samples |= _ask_the_sensor()
            runs = {workers.submit(run_job, "sample", sample, samples.get(sample)): sample for sample in generation}
            results += [_show(run.result(), runs[run]) for run in _as_completed(runs, settings)]
    return [*results, _show(run_job("cohort", None), "cohort")]


def _as_completed(runs: Mapping[Future[RunResult], str], settings: Settings) -> Iterator[Future[RunResult]]:
    """Runs as they end; meanwhile what they publish is told as it appears."""
    lake = LocalLake(settings.data / "lake")
    seen = {(sample, asset): lake.receipt(asset, sample) for sample in runs.values() for asset in SAMPLE_ASSETS}
    pending = set(runs)
    while pending:
        done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
        for (sample, asset), before in seen.items():
            now = lake.receipt(asset, sample)
            if now != before:
                seen[sample, asset] = now
                tell(f"         {sample:<20} {asset}")
        yield from done


def run_job(job: str, sample: str | None, run_key: str | None = None) -> RunResult:
    """Execute one job in this process against the deployment's Dagster instance."""
    from engine.ops.dagster_op import CPU_SECONDS
    from engine.reads.registration import SampleStatus
    from genomics_assets.definitions import defs
    from genomics_assets.run_here import problems_of, run_here

    services = defs.resources or {}
    lake, registry = services["lake"], services["registry"]
    before = {asset: lake.receipt(asset, sample) for asset in SAMPLE_ASSETS} if sample else {}
    with dg.DagsterInstance.get() as instance:
        done = run_here(instance, job, sample, run_key)
        result = RunResult(sample, done.success)
        for stats in instance.get_run_step_stats(done.run_id):
            if stats.start_time and stats.end_time:  # a step that was skipped has no beginning
                result.seconds[stats.step_key] = round(stats.end_time - stats.start_time, 3)
    for event in done.all_events:
        if event.is_step_materialization and event.asset_key:
            used = event.materialization.metadata.get(CPU_SECONDS)
            if isinstance(used, dg.FloatMetadataValue):
                result.cpu_seconds[event.asset_key.path[-1]] = used.value or 0.0
    result.problems = problems_of(done)
    result.fresh = [asset for asset in before if before[asset] and lake.receipt(asset, sample) == before[asset]]
    if sample:
        registry.mark(sample, SampleStatus.DONE if done.success else SampleStatus.FAILED, run_key=run_key)
    return result


def _ask_the_sensor() -> dict[str, str]:
    """What the sensor would request: run key by sample; new samples become partitions, as the daemon would do.

    The landing zone takes files once they have not changed for some seconds, so the sensor is asked again.
    """
    from genomics_assets.definitions import defs
    from genomics_assets.partitions import SAMPLES
    from genomics_assets.sensors import sample_sheets

    requested: dict[str, str] = {}
    registry = (defs.resources or {})["registry"]
    with dg.DagsterInstance.get() as instance:
        cursor = None
        deadline = time.monotonic() + 60
        while True:
            context = dg.build_sensor_context(
                instance=instance, definitions=defs, resources=defs.resources, cursor=cursor
            )
            asked = sample_sheets(context)
            assert isinstance(asked, dg.SensorResult)
            cursor = asked.cursor
            for wanted in asked.dynamic_partitions_requests or []:
                instance.add_dynamic_partitions(str(SAMPLES.name), list(wanted.partition_keys))
            requested |= {str(request.partition_key): str(request.run_key) for request in asked.run_requests or []}
            known = {sample.sample_id for sample in registry.samples()}
            if {person.sample for person in PEOPLE} <= known or time.monotonic() > deadline:
                return requested
            time.sleep(1)


def _show(result: RunResult, name: str) -> RunResult:
    seconds = sum(result.seconds.values())
    fresh = [asset for asset in SAMPLE_ASSETS if asset in result.fresh]
    state = "fresh, nothing to compute" if len(fresh) == len(SAMPLE_ASSETS) else f"{seconds:.1f} s"
    tell(f"  {'done  ' if result.success else 'FAILED'} {name:<20} {state}")
    for problem in result.problems:
        tell(f"         {problem}")
    return result


if __name__ == "__main__":
    os.environ.setdefault("GENOMICS_REFERENCE", "demo")
    sys.exit(main())
