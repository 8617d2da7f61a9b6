"""``python -m benchmarks.portal [CASES]``: how long the portal's pages take, milliseconds of wall-clock and CPU time.

A deployment of so many cases is made in a temporary folder from one finished case of the demo (``make demo`` first):
every case is registered, has a run of Dagster's, and publishes the artifacts that pages show. Each page is asked for
once as the first after the start, then twenty times. ``PORTAL_COLD=yes`` leaves out what the server does beforehand.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from starlette.testclient import TestClient

from benchmarks.work_list import _run_all
from engine.person import Person
from engine.reads.lane import Lane
from engine.reads.sample_sheet import SampleEntry
from engine.receipt import Recipe
from genomics_assets.instance import prepare_instance
from portal.clinic.admission import ROOT
from portal.clinic.application import portal_of
from portal.clinic.house import House
from portal.clinic.rights import Person as Visitor
from portal.clinic.rights import Role
from portal.clinic.warming import warm
from resources.environment import PROJECT, Resources, Settings, build_resources
from resources.sample_runs import Runs

_CASES = 1_000
_IN_MEMORY = "/dev/shm"
"""Where the deployment is made if there is such a folder: a thousand cases flush 8,000 artifacts to disk."""
_PART, _TIMES, _LARGE = 500, 20, 1 << 20
_MODEL = "demo-child"
_SHOWN = ("aligned_reads", "exon_coverage", "annotated_variants", "findings", "statement", "clinical_report")
_AT_END = ("fhir_bundle", "cohort_contribution")


def main() -> int:
    """Make the deployment and tell what its pages take."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portal", description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=_CASES, help=f"how many cases there are ({_CASES:,})")
    count = parser.parse_args().cases
    with temporary_folder() as folder:
        platform = prepared(folder, count)
        with dg.DagsterInstance.from_config(str(prepare_instance(platform.settings))) as instance:
            _measure(platform, instance)
    return 0


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Where a deployment is made for a measurement."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if Path(_IN_MEMORY).is_dir() else None) as folder:
        yield Path(folder)


def prepared(folder: Path, count: int) -> Resources:
    """A deployment of so many cases with the demo's knowledge, each with a run and the artifacts that pages show."""
    model = build_resources(
        Settings.from_environment({"GENOMICS_REFERENCE": "demo", "GENOMICS_DATA": str(PROJECT / "data" / "demo")})
    )
    platform = build_resources(Settings.from_environment({"GENOMICS_REFERENCE": "demo", "GENOMICS_DATA": str(folder)}))
    _register(platform, folder, count)
    _publish(model, platform, folder / "model")
    _run_all(platform)
    return platform


def _register(platform: Resources, folder: Path, count: int) -> None:
    reads = [folder / f"R{mate}.fastq" for mate in (1, 2)]
    for path in reads:
        path.write_text("@r\nACGT\n+\nIIII\n")
    lanes = (Lane("L001", reads[0], reads[1]),)
    entries = [
        SampleEntry(f"S{number:06}", Person(f"P{number:06}", order_id=f"ORDER-{number}"), lanes)
        for number in range(count)
    ]
    for start in range(0, count, _PART):
        platform.registry.register(entries[start : start + _PART], sheet="sheet.csv", sheet_digest="0")


def _publish(model: Resources, platform: Resources, kept: Path) -> None:
    """Every case gets the model's artifacts, under its own name; their files are links to one copy."""
    receipts = [model.lake.require(asset, _MODEL) for asset in (*_SHOWN, *_AT_END)]
    for receipt in receipts:
        shutil.copytree(model.lake.folder(receipt), kept / receipt.asset)
    opened = _opened(platform)
    for sample in platform.registry.samples():
        for receipt in receipts:
            with platform.lake.work(receipt.asset, sample.sample_id) as work:
                for file in receipt.files if receipt.asset in _SHOWN else receipt.files[:1]:
                    if file.bytes > _LARGE and sample.sample_id != opened:
                        continue  # a large file is noted once its time of change is past: half a second each
                    name = work.folder / file.name.replace(_MODEL, sample.sample_id)
                    name.hardlink_to(kept / receipt.asset / file.name)
                work.publish(records=receipt.records, recipe=Recipe(), measures=receipt.measures)


def _opened(platform: Resources) -> str:
    """The case that is opened: one in the middle."""
    samples = sorted(platform.registry.ids())
    return samples[len(samples) // 2]


def _measure(platform: Resources, instance: dg.DagsterInstance) -> None:
    from contextlib import nullcontext

    app = portal_of(platform, lambda: nullcontext(Runs(instance)))
    if os.environ.get("PORTAL_COLD") != "yes":
        warm(app).join()
    house: House = app.state.house
    key = house.visits.open(Visitor("Dr Bench", Role.GENETICIST, every_case=True), "benchmark", time.time())
    officer = house.visits.open(Visitor("Sam Bench", Role.SECURITY_OFFICER), "benchmark", time.time())
    print(f"{'page':<42} {'first ms':>9} {'median ms':>9} {'slowest ms':>10} {'CPU ms':>7}")
    case = f"/cases/{_opened(platform)}"
    finding = "/variants/20-3910770-CAG-C"
    pages = ("/cases", "/cases?state=failed", "/cases?q=ORDER-7&first=51", case, f"{case}/findings", f"{case}{finding}")
    for path in (*pages, f"{case}/report", f"{case}/report/page", "/inbox", "/deliveries", "/api/cases"):
        _tell(TestClient(app, cookies={"portal_80": key, "portal_web": key}), house, key, path)
    for path in ("/audit", "/audit?sample=S000001"):
        _tell(TestClient(app, cookies={"portal_80": officer, "portal_web": officer}), house, officer, path)


def _tell(client: TestClient, house: House, key: str, path: str) -> None:
    times, began = [], time.process_time()
    for _ in range(_TIMES + 1):
        visit = house.visits.find(key, time.time())
        assert visit is not None
        visit.allowance = 1e9
        start = time.perf_counter()
        answer = client.get(f"{ROOT}{path}")
        times.append((time.perf_counter() - start) * 1000)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
    spent = (time.process_time() - began) * 1000 / len(times)
    print(f"{path:<42} {times[0]:9.0f} {statistics.median(times[1:]):9.0f} {max(times[1:]):10.0f} {spent:7.0f}")


if __name__ == "__main__":
    sys.exit(main())
