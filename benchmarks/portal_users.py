"""``python -m benchmarks.portal_users [CASES] [USERS]``: the portal's pages under load, milliseconds of wall-clock.

The deployment of :mod:`benchmarks.portal` with an audit log of a laboratory at work and comments on every case, served
by the program that ``make serve`` starts, in a process of its own. Persons sign in and open pages one after the other
with a second of reading between two, as several people at once do; each opens cases that nobody has opened before. Of
each kind of page: the first view after the start, median, 95th percentile and slowest.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.portal import prepared, temporary_folder
from engine.dashboards.pages import PAGES
from engine.ops.dashboards import gold_snapshot
from portal.clinic import trail
from portal.clinic.admission import ROOT
from portal.clinic.rights import Role
from resources.audit import AuditEvent
from resources.comments import COMMENTED
from resources.environment import PROJECT, Resources
from resources.web_token import web_token

_CASES, _USERS, _SECONDS, _READING = 1_000, 8, 60.0, 1.0
_SIGN_IN = 5.0
"""Seconds from the server's start until somebody has signed in."""
_PORT = 3917
_ADDRESS = f"http://127.0.0.1:{_PORT}"
_VIEWS, _COMMENTS = 50, 3
"""Entries of the audit log about each case before the measurement: views, comments."""
_PART = 10_000
ALLELE = "20-3910770-CAG-C"
_OF_A_CASE = ("", "/findings", f"/variants/{ALLELE}", f"/why?variant={ALLELE}", "/comments", "/report", "/report/page")
_OF_ALL = ("/cases", "/cases?state=failed", "/cases?q=ORDER-7&first=51", "/inbox", "/deliveries", "/api/cases")
_BOARDS = tuple(f"/dashboards/{board.name}" for board in PAGES)
_OFFICER = ("/audit", "/audit?sample=S000001", "/rights")
Times = dict[str, list[float]]


def main() -> int:
    """Make the deployment, serve it, and tell what its pages take."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.portal_users", description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=_CASES, help=f"how many cases there are ({_CASES:,})")
    parser.add_argument(
        "users", nargs="?", type=int, default=_USERS, help=f"how many persons read at once ({_USERS:,})"
    )
    options = parser.parse_args()
    count, users = options.cases, options.users
    with temporary_folder() as folder:
        platform = prepared(folder, count)
        _write_log(platform)
        workspace = folder / "workspace.yaml"
        workspace.write_text("load_from: []\n")
        gold_snapshot.make(platform, "", log=lambda _: None)
        with _served(platform, workspace) as server:
            before = _cpu_seconds(server)
            times = _measured(platform, users)
            spent = _cpu_seconds(server) - before
    _tell(times, users)
    views = sum(map(len, times.values()))
    print(f"server: {spent * 1000 / views:.0f} CPU ms a view; load of the machine {os.getloadavg()[0]:.1f}")
    return 0


def _write_log(platform: Resources) -> None:
    """What a laboratory has looked at and said before."""
    samples, chance = sorted(platform.registry.ids()), random.Random(17)
    viewed = {"action": "see a case", "role": "geneticist", "visit": "0", "method": "GET", "route": "/cases/{case}"}
    views = [AuditEvent("Dr Before", trail.ACCESS, sample, viewed) for sample in samples for _ in range(_VIEWS)]
    told = {"text": "Looked at with the ward; the father is to be asked.", "allele": ""}
    said = [AuditEvent("Dr Before", COMMENTED, sample, told) for sample in samples for _ in range(_COMMENTS)]
    events = views + said
    chance.shuffle(events)
    for start in range(0, len(events), _PART):
        platform.audit.record_all(events[start : start + _PART])


@contextmanager
def _served(platform: Resources, workspace: Path) -> Iterator[int]:
    """The server of the deployment, ready, in a process of its own; its id."""
    settings = platform.settings
    told = {
        "GENOMICS_REFERENCE": "demo",
        "GENOMICS_DATA": str(settings.data),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    command = [sys.executable, "-m", "portal.web", "--port", str(_PORT), "--workspace", str(workspace)]
    process = subprocess.Popen(command, env=os.environ | told, cwd=PROJECT)
    try:
        _wait_for(process)
        time.sleep(_SIGN_IN)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def _cpu_seconds(process: int) -> float:
    """What a process has computed, user and system (proc(5), fields 14 and 15 of stat)."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            httpx.get(f"{_ADDRESS}{ROOT}/enter", timeout=30)
        except httpx.TransportError:
            assert time.monotonic() < deadline and process.poll() is None, "the server does not start"
            time.sleep(0.2)
        else:
            return


def _measured(platform: Resources, users: int) -> Times:
    samples = sorted(platform.registry.ids())
    times: Times = defaultdict(list)
    token = web_token(platform.settings)
    first = _signed_in(token, Role.GENETICIST)
    for path in _pages(samples[-1]):  # the first view of each kind, by one person alone
        _ask(first, path, times)
    officer = _signed_in(token, Role.SECURITY_OFFICER)
    for path in _OFFICER:
        _ask(officer, path, times)
    until = time.monotonic() + _SECONDS
    threads = [threading.Thread(target=_work, args=(token, number, samples, until, times)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _pages(sample: str) -> Iterator[str]:
    yield from _OF_ALL
    yield from (f"/cases/{sample}{path}" for path in _OF_A_CASE)
    yield from _BOARDS


def _work(token: str, number: int, samples: list[str], until: float, times: Times) -> None:
    """One person's time: the list, a case that nobody has opened, each of its pages; the last one is the officer."""
    chance = random.Random(number)
    role = Role.SECURITY_OFFICER if number == 0 else Role.GENETICIST
    client = _signed_in(token, role)
    own = itertools.cycle(samples[number::_USERS])
    while time.monotonic() < until:
        sample = next(own)
        for path in _OFFICER if role is Role.SECURITY_OFFICER else _pages(sample):
            time.sleep(chance.uniform(0.5, 1.5) * _READING)
            if time.monotonic() >= until:
                return
            _ask(client, path, times)


def _signed_in(token: str, role: Role) -> httpx.Client:
    headers = {"Origin": _ADDRESS, "Sec-Fetch-Site": "same-origin"}
    client = httpx.Client(base_url=_ADDRESS, headers=headers, timeout=60)
    assert client.get(ROOT, params={"token": token}).status_code in (200, 303)
    told = client.post(f"{ROOT}/enter", data={"role": str(role), "to": f"{ROOT}/home"})
    assert told.status_code in (200, 303), told.text
    return client


def _ask(client: httpx.Client, path: str, times: Times) -> None:
    start = time.perf_counter()
    answer = client.get(f"{ROOT}{path}")
    spent = (time.perf_counter() - start) * 1000
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    times[_kind(path)].append(spent)


def _kind(path: str) -> str:
    parts = path.split("/")
    return "/".join([*parts[:2], "{case}", *parts[3:]]) if len(parts) > 2 and parts[1] == "cases" else path


def _tell(times: Times, users: int) -> None:
    print(f"{users} persons at once\n{'page':<44} {'views':>6} {'first ms':>9} {'median':>7} {'95%':>7} {'slowest':>8}")
    for path, found in times.items():
        later = sorted(found[1:])
        if later:
            high = later[min(len(later) - 1, int(len(later) * 0.95))]
            middle = statistics.median(later)
            print(f"{path:<44} {len(found):6} {found[0]:9.0f} {middle:7.0f} {high:7.0f} {later[-1]:8.0f}")
    everything = sorted(one for found in times.values() for one in found)
    print(f"every view: 95% {everything[int(len(everything) * 0.95)]:.0f} ms of {len(everything)}")


if __name__ == "__main__":
    sys.exit(main())
