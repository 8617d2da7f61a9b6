"""The trial of power cuts: every process of a server killed at a random moment of its samples' runs, again and again.

``python -m tests.end_to_end.power_cuts --times 20`` kills and starts anew so often, and prints one line for each;
nothing else is done by hand. A trial is passed when every sample has come to its end with all its artifacts, each as
its receipt says, and the cohort holds each sample once. ``--folder`` goes on with a deployment of an earlier trial.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from deltalake import DeltaTable

from demo.outcome import SAMPLE_ASSETS
from engine.reads.registration import SampleStatus
from tests.builders.deployment import Delivery, Deployment, let_settle, tiny_deployment, write_reads, write_sheet
from tests.builders.power import Site

PEOPLE = ("demo-unrelated-1", "demo-unrelated-2")


def main() -> int:
    """Cut the power so often as is asked; 1 where a sample did not come to its end."""
    parser = argparse.ArgumentParser(prog="power_cuts", description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--most", type=float, default=45.0, help="seconds from the start to the cut, at most")
    parser.add_argument("--folder", type=Path, help="a deployment of an earlier trial; made where it is absent")
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="power-cuts-"))
    site = Site(_deployment(folder))
    moments = random.Random(chosen.seed)
    try:
        for number in range(1, chosen.times + 1):
            cut_once(site, moments.uniform(0, chosen.most), number)
    finally:
        site.cut()
    return 0


def _deployment(folder: Path) -> Deployment:
    """Samples that nobody has run, or those of an earlier trial."""
    if (folder / "data").is_dir():
        return Deployment(folder, str(folder / "avp.yaml"))
    deployment = tiny_deployment(folder)
    landing = deployment.settings.landing
    deliveries = [Delivery(person) for person in PEOPLE]
    for delivery in deliveries:
        write_reads(landing, delivery)
    write_sheet(landing / "sheet.csv", [delivery.row() for delivery in deliveries])
    let_settle(landing)
    return deployment


def cut_once(site: Site, moment: float, number: int) -> None:
    """Let every sample run anew, cut the power at that moment, start again, and wait for the end of all."""
    forget(site)
    site.start()
    time.sleep(moment)
    before = {name: str(status) for name, status in site.statuses().items()}
    killed = site.cut()
    began = time.monotonic()
    site.start()
    found = site.await_end(len(PEOPLE))
    seconds = time.monotonic() - began
    site.stop()
    assert set(found.values()) == {SampleStatus.DONE}, site.said()
    assert_whole(site)
    at = ", ".join(sorted(before.values())) or "nothing registered"
    print(
        f"{number}: {killed} processes killed after {moment:.1f} s ({at}); all ended {seconds:.0f} s later", flush=True
    )


def forget(site: Site) -> None:
    """Remove what was made of the samples and ask for them anew; at first there is nothing."""
    for folder in (site.deployment.settings.data / "lake" / "samples", site.deployment.settings.data / "cohort"):
        shutil.rmtree(folder, ignore_errors=True)
    for sample in site.statuses():
        site.resources.registry.retry(sample, person="the trial", reason="the power is to be cut again")


def assert_whole(site: Site) -> None:
    """Every artifact is there and what its receipt says; each sample is in the cohort once."""
    for sample in PEOPLE:
        for asset in SAMPLE_ASSETS:
            site.deployment.lake.verify(site.deployment.lake.require(asset, sample))
    table = DeltaTable(str(site.deployment.settings.data / "cohort" / "samples")).to_pyarrow_table()
    assert sorted(table.column("sample_id").to_pylist()) == sorted(PEOPLE)


if __name__ == "__main__":
    sys.exit(main())
