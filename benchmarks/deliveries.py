"""``python -m benchmarks.deliveries``: a thousand deliveries to a real FHIR server through a proxy full of faults.

Five hundred signed reports are delivered, all of them are amended, and the amended ones are delivered, sixteen at a
time: most of the time is waited. What is late of a first version may come after the amended one. What failed is sent
again from the ledger, as ``genomics deliver --failed`` does it. At the end the server itself is asked what it has:
every resource in the words that were sent last, and none beside them.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from engine.errors import DeliveryError
from engine.fhir.transactions import Resources, addressed
from engine.fhir.validation.matching import contains
from resources.audit import AuditLog
from resources.fhir_server import FhirServer, Patience
from resources.hospital import Hospital
from resources.registry import SampleRegistry
from resources.registry.deliveries import Deliveries
from tests.builders.fhir_server import FAULTS, Faults, faulty
from tests.builders.report_bundle import report_statements, signed_bundle
from tests.builders.sheets import entry

JsonObject = dict[str, Any]

PATIENCE = Patience(attempts=8, first=0.02, longest=2.0, timeout=3.0)
_MOST_ROUNDS = 20
_AT_A_TIME = 50
ROOT = Path(__file__).parent.parent
_SHARED = frozenset({"Device", "Organization", "Practitioner"})


@dataclass
class Trial:
    """What became of the deliveries.

    Attributes:
        deliveries: reports that were to be delivered.
        requests: transactions that were sent.
        retried: waits before something was sent or asked again.
        failed: deliveries that were given up, and delivered later.
        faults: how often what happened.
        expected: resources that are to lie on the server.
        lost: of them those that do not, or not in the words that were sent last.
        doubled: resources on the server that nobody sent, or that it has twice.
        repeated: versions of a sample's own resources that say what the one before them says: the server took
            a transaction again that had been given up.
        seconds: from the first delivery to the last.
    """

    deliveries: int
    requests: int = 0
    retried: int = 0
    failed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    expected: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeated: int = 0
    seconds: float = 0.0


def trial(
    folder: Path, samples: int, *, share: float = 0.3, threads: int = 16, seed: int = 1, patience: Patience = PATIENCE
) -> Trial:
    """Deliver the report of each sample and then its amended one, and see what the server has.

    Args:
        folder: takes the server's data, the registry and the reports.
        samples: half of the deliveries.
        share: of requests that something happens to.
        threads: deliveries at a time.
        seed: of what happens.
        patience: of each delivery; a slow answer is one that takes longer than its time-out.
    """
    registry = SampleRegistry(folder / "samples.sqlite")
    names = [f"S{number:04}" for number in range(samples)]
    registry.register([entry(folder / "reads", name) for name in names], sheet="a.csv", sheet_digest="0")
    said = report_statements(folder / "r", names)
    rounds = [{one.case.sample: signed_bundle(one, signed) for one in said} for signed in (1, 2)]
    done = Trial(2 * samples)
    faults = Faults(share=share, seed=seed, slow=1.2 * patience.timeout)
    ledger, audit = Deliveries(registry.database), AuditLog(folder / "audit.jsonl")
    with beside(folder / "ehr") as server, faulty(server, faults) as proxy:
        servers = {
            name: FhirServer(proxy, patience=patience, client=httpx.Client(timeout=patience.timeout)) for name in names
        }
        started = time.monotonic()
        hospitals = {name: Hospital(proxy, None, ledger, audit, server=servers[name]) for name in names}
        for bundles in rounds:
            _deliver(bundles, hospitals, threads, done)
        done.seconds = time.monotonic() - started
        faults.settle()
        done.requests = sum(one.sent for one in servers.values())
        done.retried = sum(one.retried for one in servers.values())
        done.faults = faults.happened
        look(server, rounds, done)
    return done


@contextmanager
def beside(folder: Path) -> Iterator[str]:
    """The base URL of a FHIR server in a process of its own, so that the trial does not take its processor."""
    command = [sys.executable, "-m", "demo.hospital"]
    environment = os.environ | {"GENOMICS_DATA": str(folder)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        told = re.search(r"http://\S+?(?=;)", server.stdout.readline() if server.stdout else "")
        try:
            assert told, "the server told where it answers"
            yield told[0]
        finally:
            server.terminate()


def _deliver(bundles: dict[str, JsonObject], hospitals: dict[str, Hospital], threads: int, done: Trial) -> None:
    """Each, and again what failed, until nothing waits any more."""
    waiting = list(bundles)

    def deliver(name: str) -> bool:
        try:
            hospitals[name].deliver(name, bundles[name])
        except DeliveryError:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        for number in range(_MOST_ROUNDS):
            taken = dict(zip(waiting, pool.map(deliver, waiting), strict=True))
            letters = {letter.sample for letter in next(iter(hospitals.values())).ledger.dead_letters()}
            waiting = [name for name, is_taken in taken.items() if not is_taken]
            assert letters == set(waiting), "the ledger knows what did not arrive"
            done.failed += len(waiting) if number == 0 else 0
            if not waiting:
                return
    done.lost += [f"report of {name}: not delivered" for name in waiting]


def look(server: str, rounds: list[dict[str, JsonObject]], done: Trial) -> None:
    """Ask the server what it has, beside the proxy."""
    latest: Resources = {}
    versions: Counter[str] = Counter()
    for bundle in [bundle for bundles in rounds for bundle in bundles.values()]:
        told = addressed(bundle)
        versions.update(place for place in told if latest.get(place) != told[place])
        latest |= told
    done.expected = len(latest)
    with httpx.Client(base_url=server, timeout=60) as client:
        has = _found(client, latest)
        for place, resource in latest.items():
            if place not in has or not contains(has[place], resource):
                done.lost.append(place)
            elif place.partition("/")[0] not in _SHARED:
                done.repeated += int(has[place]["meta"]["versionId"]) - versions[place]
        for kind, count in Counter(place.partition("/")[0] for place in latest).items():
            more = int(client.get(f"/{kind}", params={"_summary": "count"}).json()["total"]) - count
            done.doubled += [f"{more} more of {kind}"] if more else []
        for report in (place for place in latest if place.startswith("DiagnosticReport/")):
            known = {"identifier": f"urn:uuid:{report.partition('/')[2]}", "_summary": "count"}
            marks = client.get("/Basic", params=known).json()["total"]
            done.doubled += [f"{marks} marks of {report}"] if marks != 1 else []
        for name in rounds[-1]:
            reports = client.get("/DiagnosticReport", params={"identifier": name, "_summary": "count"}).json()["total"]
            done.doubled += [f"{reports} reports of {name}"] if reports != 1 else []


def _found(client: httpx.Client, places: Iterable[str]) -> Resources:
    """What the server has at these places."""
    kinds: dict[str, list[str]] = {}
    for place in places:
        kinds.setdefault(place.partition("/")[0], []).append(place.partition("/")[2])
    found: Resources = {}
    for kind, names in kinds.items():
        for start in range(0, len(names), _AT_A_TIME):
            some = names[start : start + _AT_A_TIME]
            told = client.get(f"/{kind}", params={"_id": ",".join(some), "_count": str(len(some))}).json()
            found |= {f"{kind}/{one['resource']['id']}": one["resource"] for one in told.get("entry", [])}
    return found


def main() -> int:
    """Run the trial and print its figures; the exit code is 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliveries", description=__doc__)
    parser.add_argument("--samples", type=int, default=500, help="each delivered twice (%(default)s)")
    parser.add_argument("--share", type=float, default=0.3, help="of requests that something happens to (%(default)s)")
    parser.add_argument("--threads", type=int, default=16, help="deliveries at a time (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the chance (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = trial(Path(folder), options.samples, share=options.share, threads=options.threads, seed=options.seed)
    print(f"{done.deliveries:,} deliveries of {done.expected:,} resources in {done.seconds:.0f} s")
    print(f"{done.requests:,} transactions sent, {done.retried:,} waits before something was sent or asked again")
    print(f"{done.failed:,} given up and sent again from the ledger")
    print(f"faults: {', '.join(f'{done.faults[kind]:,} {kind}' for kind in FAULTS)}")
    print(f"lost {len(done.lost):,}, doubled {len(done.doubled):,}; {done.repeated:,} versions that repeat another")
    for line in [*done.lost, *done.doubled][:20]:
        print(line)
    return int(bool(done.lost or done.doubled))


if __name__ == "__main__":
    sys.exit(main())
