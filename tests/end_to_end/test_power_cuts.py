"""``make serve`` goes on after a power cut by itself, ends when it is told to, and leaves no process behind.

Twenty cuts at random moments: ``python -m tests.end_to_end.power_cuts``, figures in docs/measurements.md.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.reads.registration import SampleStatus
from resources.deployment import live_server
from resources.environment import PROJECT
from tests.builders.deployment import BIN, Delivery, let_settle, tiny_deployment, write_reads, write_sheet
from tests.builders.power import Site

pytestmark = pytest.mark.slow
SAMPLE = Delivery("demo-unrelated-1")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A sample dropped into the landing zone of a server that is off."""
    site = Site(tiny_deployment(tmp_path))
    landing = site.deployment.settings.landing
    write_reads(landing, SAMPLE)
    write_sheet(landing / "sheet.csv", [SAMPLE.row()])
    let_settle(landing)
    yield site
    site.cut()


def test_the_power_is_cut_and_everything_goes_on_by_itself(site: Site) -> None:
    site.start()
    site.wait("a run", lambda: site.runs(SAMPLE.sample_id), 180)
    deaf = [each for each in site.deaf() if "resource_tracker" not in each]  # Python's own, which ends with its parent
    assert len(deaf) == 1 and "genomics_assets.guard" in deaf[0], "whatever does the work hears who ends it"
    assert site.cut() >= 5, "server, guard, web server, daemon, code server and the run"
    assert live_server(site.deployment.settings.data) is None

    site.start()
    site.wait("the web UI", lambda: site.log.read_text().count("Open http://127.0.0.1") == 2)
    refuses_a_second_one(site)
    assert site.await_end(1) == {SAMPLE.sample_id: SampleStatus.DONE}
    (again,) = [entry for entry in site.resources.registry.history(SAMPLE.sample_id) if entry.event == "asked again"]
    assert again.details["cause"] == "with the server" and "the power was cut" in again.details["why"]

    code, seconds = site.stop()
    assert code == 0 and seconds < 10
    assert site.processes() == []
    shown = site.log.read_text()
    assert "Traceback" not in shown and f"{SAMPLE.sample_id} is done" in shown
    assert len(shown.splitlines()) < 30, shown

    site.start()
    site.wait("its processes", lambda: len(site.processes()) >= 3)
    assert site.server
    site.server.kill()
    site.wait("the end of what it started", lambda: not site.processes(), 10)


def refuses_a_second_one(site: Site) -> None:
    """On the same data, and on the same port."""
    second = site.deployment.run("python", "-m", "demo.serve", "--port", str(site.port + 1))
    assert second.returncode == 1
    assert second.stderr.startswith(f"{site.deployment.settings.data} is being served already: the server on 127.0.0.1")
    elsewhere = site.deployment.variables | {"GENOMICS_DATA": str(site.deployment.folder / "other")}
    command = [str(BIN / "python"), "-m", "demo.serve", "--port", str(site.port)]
    third = subprocess.run(command, cwd=PROJECT, env=elsewhere, capture_output=True, text=True, check=False)
    assert third.returncode == 1
    assert third.stderr.startswith(
        f"the port {site.port} cannot be used (Address already in use). Remedy: stop what uses"
    )
