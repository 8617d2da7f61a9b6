"""The trial of deliveries, in small: some tens of them, every fault, a real server on loopback."""

from pathlib import Path

from benchmarks.deliveries import trial
from resources.fhir_server import Patience
from tests.builders.fhir_server import FAULTS

HURRIED = Patience(attempts=8, first=0.01, longest=0.2, timeout=1.0)


def test_nothing_is_lost_and_nothing_doubled_whatever_happens_on_the_way(tmp_path: Path) -> None:
    done = trial(tmp_path, 12, share=0.5, seed=3, patience=HURRIED)
    assert done.deliveries == 24 and done.expected > 200
    assert (done.lost, done.doubled) == ([], [])
    assert done.retried > 20 and len(done.faults) > len(FAULTS) // 2
