"""``python -m benchmarks.faulty_day``: a day of a deployment in which everything fails once, and what became of it.

With ``--azure`` its lake is in Azurite behind a proxy that answers 503, and registry and Dagster's state are in a
PostgreSQL server that is stopped as by a power cut.

Twenty-four simulated hours, in each of which a sheet of three samples is dropped, sensors tick, runs publish an
artifact and signed reports are delivered to a real FHIR server; registry, lake, audit log, event log and queue of
deliveries are the real ones, in one process on a small disk of its own, and only the step itself computes nothing.
:data:`FAULTS` and :data:`IN_AZURE` say what happens in which hours. Where a sample has failed in words
a person asks for it again in the next hour without a fault, as the guide says.

At the end nothing may be lost (every sample done, every report on the server in its words), nothing there twice, and
every failure must have been told. Needs root, for the disk.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from benchmarks.deliveries import Trial, beside, look
from benchmarks.soak import drop
from engine.errors import DeliveryError, GenomicsError
from engine.ops.dagster_op import clear_failure
from engine.reads.registration import SampleStatus
from engine.receipt import Recipe
from genomics_assets import sample_runs
from genomics_assets.dead_runs import open_instance
from genomics_assets.instance import prepare_instance
from genomics_assets.partitions import SAMPLES
from genomics_assets.run_process import process_tags, unfinished
from genomics_assets.sensors import sample_sheets
from resources.environment import Resources, Settings, build_resources
from resources.fhir_server import FhirServer, Patience
from resources.hospital import Hospital
from resources.lake.azure import AzureLake
from resources.ledger import ABANDONED, PUBLISHED
from resources.registry import database, sqlite
from resources.registry.deliveries import Deliveries
from tests.builders.azurite import Token, azurite
from tests.builders.busy_storage import BusyStorage, busy_storage
from tests.builders.fhir_server import Faults, faulty
from tests.builders.postgres import PASSWORD, QUOTED, PostgresServer, running_server
from tests.builders.report_bundle import report_statements, signed_bundle
from tests.builders.small_disk import SmallDisk, small_disk
from tests.end_to_end.many_samples import publish_knowledge, services

HOURS, MOST_AFTERWARDS, TICKS_AN_HOUR = 24, 6, 3
FAULTS: Mapping[int, str] = {
    **dict.fromkeys((3, 4), "disk full"),
    **dict.fromkeys((6, 7), "database held"),
    **dict.fromkeys((10, 11), "storage read-only"),
    **dict.fromkeys((13, 14), "FHIR server answers 503"),
    **dict.fromkeys((16,), "clock a day ahead"),
    **dict.fromkeys((18,), "clock a day behind"),
    **dict.fromkeys((20, 21), "node lost"),
}
"""By hour; a node is lost in the middle of every run of these hours."""
IN_AZURE: Mapping[int, str] = {
    **dict.fromkeys((2, 3), "storage answers 503"),
    **dict.fromkeys((5,), "storage answers 503 to every fourth"),
    **dict.fromkeys((7, 8), "database away"),
    **dict.fromkeys((10, 11), "database gone in the middle"),
    **dict.fromkeys((13, 14), "FHIR server answers 503"),
    **dict.fromkeys((16,), "clock a day ahead"),
    **dict.fromkeys((18,), "clock a day behind"),
    **dict.fromkeys((20, 21), "node lost"),
}
"""The same for a deployment in Azure; in the middle of every run the database goes away, and comes back."""
_IN_A_RUN = frozenset({"node lost", "database gone in the middle"})
_OF_SOMEBODY = (GenomicsError, dg.DagsterError, DagsterPostgresException, OSError, SQLAlchemyError)
"""Errors in words of ours, of Dagster's, of the system's or of the database's."""
_PATIENCE = 0.2
"""Seconds for which a held database is waited for, instead of a minute."""
_PERSON: dict[str, str] = {"person": "Dr Example", "reason": "the fault is mended"}


@dataclass
class Day:
    """What became of it.

    Attributes:
        samples: that were dropped.
        done: of them, at the end.
        unfinished: those that are not, with the words that say why.
        told: how often what was told while it was at fault, by the fault and the kind of error.
        untold: errors that are not in the platform's or Dagster's words.
        asked_again: samples for which a person asked again.
        lost: reports or resources that the server lacks.
        doubled: artifacts published, or resources there, more than once.
        hours_after: without a fault until everything had ended.
    """

    samples: int = 0
    done: int = 0
    unfinished: list[str] = field(default_factory=list)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    untold: list[str] = field(default_factory=list)
    asked_again: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    hours_after: int = 0


class Clock:
    """The wall clock, which can be put ahead."""

    def __init__(self) -> None:
        self._real, self.ahead = time.time, 0.0

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """While this lasts ``time.time`` tells this clock's time."""
        time.time = lambda: self._real() + self.ahead
        try:
            yield
        finally:
            time.time = self._real


class _Deployment:
    """The platform, its Dagster instance, its hospital, and what it is doing."""

    def __init__(
        self,
        platform: Resources,
        instance: dg.DagsterInstance,
        hospital: Hospital,
        bundles: Mapping[str, Any],
        day: Day,
        database: PostgresServer | None,
    ) -> None:
        self.platform, self.instance, self.hospital, self.bundles, self.day = platform, instance, hospital, bundles, day
        self.database = database
        self.fault = ""
        self.arrived: set[str] = set()
        self._cursors: dict[str, str | None] = {}

    def hour(self) -> None:
        """Every deed of the deployment's, each of which may fail as a sensor's tick or a step does."""
        for _ in range(TICKS_AN_HOUR):
            for request in self._guarded(self._sheets) or []:
                self._guarded(partial(self._run, request))
            self._guarded(self._watch)
            self._guarded(self._note)
        self._deliver()

    def ask_again(self) -> None:
        """What a person does once the fault is mended."""
        for sample in self.platform.registry.samples():
            if sample.status is SampleStatus.FAILED:
                self.platform.decisions.retry(sample.sample_id, **_PERSON)
                self.day.asked_again += 1

    def _guarded(self, deed: Callable[[], Any]) -> Any:
        try:
            return deed()
        except Exception as error:
            kind = type(error).__name__
            self._tell(f"{kind}: {error}", kind)
            if self.fault and not isinstance(error, _OF_SOMEBODY):
                self.day.untold.append(f"{self.fault}: {kind}: {error}")
            return None

    def _tell(self, words: str, kind: str) -> None:
        """Count what is told; without a fault nothing is to be."""
        self.day.told[self.fault or "none", kind] += 1
        if not self.fault:
            self.day.untold.append(f"without a fault: {words}")

    def _sheets(self) -> Sequence[dg.RunRequest]:
        context = dg.build_sensor_context(instance=self.instance, cursor=self._cursors.get("sheets"))
        result = sample_sheets(context, **services(self.platform))
        if not isinstance(result, dg.SensorResult):
            why = result.skip_message if isinstance(result, dg.SkipReason) else "nothing"
            self._tell(f"a tick that says why: {why}", "a tick that says why")
            return ()
        for wanted in result.dynamic_partitions_requests or ():
            self.instance.add_dynamic_partitions(str(SAMPLES.name), list(wanted.partition_keys))
        self._cursors["sheets"] = result.cursor
        return result.run_requests or ()

    def _watch(self) -> None:
        """As the daemon's run monitoring asks after every run."""
        for record in unfinished(self.instance):
            self.instance.run_launcher.check_run_worker_health(record.dagster_run)

    def _note(self) -> None:
        result = sample_runs.look(self.instance, self.platform, self.platform.registry, self._cursors.get("runs"))
        self._cursors["runs"] = result.cursor

    def _run(self, request: dg.RunRequest) -> None:
        sample = str(request.partition_key)
        tags = {**request.tags, "dagster/partition": sample}
        if self.fault not in _IN_A_RUN:
            job = _job(self.platform, sample)
            if not job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False).success:
                self._tell(f"{sample}: its run failed", "a run that fails in words")
            return
        began = Path(tempfile.mkdtemp()) / "began"
        child = os.fork()
        if child == 0:
            try:
                job = _job(self.platform, sample, began)
                job.execute_in_process(instance=self.instance, tags=tags | process_tags(), raise_on_error=False)
            finally:
                os._exit(0)
        _until(began.exists)
        if self.fault == "node lost":
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.day.told[self.fault, "a run's process killed"] += 1
        else:
            assert self.database
            self.database.stop(signal.SIGQUIT)
            began.unlink()
            os.waitpid(child, 0)
            self.database.start()
            self.day.told[self.fault, "a run that lost it"] += 1

    def _deliver(self) -> None:
        """The reports of what is done, and again what did not arrive."""
        for sample in self._guarded(self.platform.registry.samples) or ():
            if sample.status is SampleStatus.DONE and sample.sample_id not in self.arrived:
                try:
                    self.hospital.deliver(sample.sample_id, self.bundles[sample.sample_id])
                    self.arrived.add(sample.sample_id)
                except DeliveryError as error:
                    self.day.told[self.fault or "none", type(error).__name__] += 1
                except Exception as error:
                    self._guarded(partial(_raise, error))


def _raise(error: Exception) -> None:
    raise error


def _until(done: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.01)


def _job(platform: Resources, sample: str, hangs: Path | None = None) -> dg.JobDefinition:
    @dg.op(name="raw_reads")
    def publish() -> None:
        if platform.lake.receipt("raw_reads", sample):  # fresh: an op that finds it so computes nothing
            return
        with clear_failure(sample), platform.lake.work("raw_reads", sample) as work:
            (work.folder / "file").write_text(sample * 1000)
            if hangs:
                hangs.touch()
                _until(lambda: not hangs.exists())
            work.publish(records=1, recipe=Recipe(), measures={})

    @dg.job(name="sample")
    def job() -> None:
        publish()

    return job


@dataclass
class Parts:
    """What can be broken.

    Attributes:
        disk: of everything on this machine.
        ehr: the FHIR server.
        clock: the wall's.
        storage: of the lake, where that is in Azure.
        database: of registry and Dagster, where that is a server.
    """

    disk: SmallDisk
    ehr: Faults
    clock: Clock
    storage: BusyStorage | None = None
    database: PostgresServer | None = None


def faulty_day(folder: Path, faults: Mapping[int, str] = FAULTS, hours: int = HOURS, *, in_azure: bool = False) -> Day:
    """Live through it in a deployment in a folder."""
    day, ehr = Day(), Faults(share=0.0, kinds=("503",), in_a_row=10**9)
    with (
        ExitStack() as running,
        small_disk(folder / "disk", size="200m", inodes=100_000) as disk,
        beside(folder / "ehr") as server,
        faulty(server, ehr) as proxy,
    ):
        parts = Parts(disk, ehr, Clock())
        clock, platform = parts.clock, _in_azure(running, parts) if in_azure else _here(disk)
        names = [f"S{hour:04}{number}" for hour in range(hours) for number in range(3)]
        bundles = {one.case.sample: signed_bundle(one) for one in report_statements(folder / "r", names)}
        with open_instance(prepare_instance(platform.settings)) as instance, clock.in_force():
            publish_knowledge(platform)
            ours = _Deployment(platform, instance, _hospital(platform, proxy), bundles, day, parts.database)
            for hour in range(hours):
                drop(platform, hour)
                ours.fault = faults.get(hour, "")
                with _at_fault(ours.fault, parts, platform):
                    ours.hour()
                clock.ahead += 3600
                if not faults.get(hour + 1):
                    ours.ask_again()
            ours.fault = ""
            while _open(platform, ours) and day.hours_after < MOST_AFTERWARDS:
                ours.hour()
                ours.ask_again()
                clock.ahead += 3600
                day.hours_after += 1
        _judge(platform, day, names)
        found = Trial(len(names))
        look(server, [bundles], found)
        day.lost += found.lost
        day.doubled += found.doubled
    return day


def _open(platform: Resources, ours: _Deployment) -> bool:
    samples = platform.registry.samples()
    return any(one.status is not SampleStatus.DONE for one in samples) or len(ours.arrived) < len(samples)


def _here(disk: SmallDisk) -> Resources:
    return build_resources(Settings.from_environment({"GENOMICS_DATA": str(disk.root / "data")}))


def _in_azure(running: ExitStack, parts: Parts) -> Resources:
    """A platform whose lake, registry and Dagster's state are elsewhere."""
    import azure.identity
    from azure.storage.blob import ExponentialRetry

    parts.storage = running.enter_context(busy_storage(azurite()))
    parts.database = running.enter_context(running_server())
    parts.database.query("CREATE DATABASE dagster")
    container = parts.storage.there.container().rpartition("/")[2]
    environment = {
        "GENOMICS_DATA": str(parts.disk.root / "data"),
        "GENOMICS_ENV": "azure",
        "GENOMICS_LAKE": f"{parts.storage.url}/{container}",
        "GENOMICS_REGISTRY": parts.database.new_database().replace(QUOTED, "{secret:database-password}"),
        "GENOMICS_DAGSTER_STORAGE": "postgresql://tests:{secret:database-password}@/dagster?host="
        + str(parts.database.folder),
        "SECRET_DATABASE_PASSWORD": PASSWORD,
    }
    os.environ |= {"REQUESTS_CA_BUNDLE": str(parts.storage.certificate), "SECRET_DATABASE_PASSWORD": PASSWORD}
    setattr(azure.identity, "DefaultAzureCredential", Token)  # noqa: B010 - nobody here gives tokens that hold
    platform = build_resources(Settings.from_environment(environment))
    lake = platform.lake
    assert isinstance(lake, AzureLake) and "_container" not in lake.__dict__
    # As often as the library asks again by default, without the minute and a half that it waits between.
    lake.options["retry_policy"] = ExponentialRetry(
        initial_backoff=0, increment_base=0, retry_total=3, random_jitter_range=0
    )
    return platform


def _hospital(platform: Resources, url: str) -> Hospital:
    patience = Patience(attempts=2, first=0.01, longest=0.05, timeout=5.0)
    server = FhirServer(url, patience=patience, client=httpx.Client(timeout=patience.timeout))
    return Hospital(url, None, Deliveries(platform.registry.database), platform.audit, server=server)


_BUSY = {"storage answers 503": 1.0, "storage answers 503 to every fourth": 0.25}


@contextmanager
def _at_fault(fault: str, parts: Parts, platform: Resources) -> Iterator[None]:
    """While this lasts, something is broken."""
    day = 86_400.0
    jump = {"clock a day ahead": day, "clock a day behind": -day}.get(fault, 0.0)
    parts.clock.ahead += jump
    parts.ehr.share = float(fault.startswith("FHIR"))
    if fault == "disk full":
        parts.disk.fill()
    if parts.storage:
        parts.storage.share = _BUSY.get(fault, 0.0)
    try:
        if fault == "storage read-only":
            with _read_only(platform.settings.data / "lake"):
                yield
        elif fault == "database held":
            with closing(sqlite3.connect(Path(platform.settings.registry), isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                yield
                other.execute("ROLLBACK")
        elif fault == "database away":
            assert parts.database
            parts.database.stop(signal.SIGQUIT)
            yield
            parts.database.start()
        else:
            yield
    finally:
        parts.disk.mend()
        parts.ehr.share = 0.0
        parts.clock.ahead -= jump
        if parts.storage:
            parts.storage.share = 0.0


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """The folder alone: databases of the same disk are open for writing, so that the disk cannot be."""
    for options in (["--bind", str(folder)], ["-o", "remount,ro,bind"]):
        subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _judge(platform: Resources, day: Day, names: Sequence[str]) -> None:
    known = {one.sample_id: one for one in platform.registry.samples()}
    day.samples = len(names)
    day.lost += [f"{name}: not registered" for name in names if name not in known]
    day.done = sum(one.status is SampleStatus.DONE for one in known.values())
    day.unfinished = [f"{one.sample_id}: {one.status}" for one in known.values() if one.status is not SampleStatus.DONE]
    for name in names:
        receipt = platform.lake.receipt("raw_reads", name)
        if receipt is None:
            day.lost.append(f"{name}: no artifact")
        entries = Counter(one.event.what for one in platform.audit.entries_of(PUBLISHED, ABANDONED, sample=name))
        times = entries[PUBLISHED] - entries[ABANDONED]
        day.doubled += [f"{name}: published {times} times"] if times > 1 else []
    platform.audit.verify()
    if missing := platform.audit.missing():
        day.lost.append(f"audit log: {missing}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the day and tell it; the exit code is 1 where something was lost, doubled or not told."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faulty_day", description=__doc__)
    parser.add_argument("--azure", action="store_true", help="the lake in Azurite, state in PostgreSQL")
    in_azure = parser.parse_args(arguments).azure
    for module in (sqlite, database):
        setattr(module, "PATIENCE", _PATIENCE)  # noqa: B010 - it is a name that sqlite has from database
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faulty-day-") as folder:
        day = faulty_day(Path(folder), IN_AZURE if in_azure else FAULTS, in_azure=in_azure)
    print(f"{day.samples} samples in {HOURS} hours, {day.done} done after {day.hours_after} more")
    print(f"{day.asked_again} asked for again by a person")
    for (fault, kind), times in sorted(day.told.items()):
        print(f"{fault}: {kind} told {times} times")
    print(f"lost {len(day.lost)}, doubled {len(day.doubled)}, not told {len(day.untold)}, open {len(day.unfinished)}")
    for line in [*day.lost, *day.doubled, *day.untold, *day.unfinished][:40]:
        print(f"  {line[:300]}")
    print(f"{time.monotonic() - began:.0f} s")
    return int(bool(day.lost or day.doubled or day.untold or day.unfinished))


if __name__ == "__main__":
    sys.exit(main())
