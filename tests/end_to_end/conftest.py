"""The deployment that several end-to-end tests look at: a laboratory's first delivery, worked off by server and daemon.

It takes two minutes to make, so that it is made once; the files that use it are named in ``tests/conftest.py``, which
keeps them on one worker. Whichever test comes first finds the same: each sample that a test alters is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.builders.deployment import Delivery, tiny_deployment, write_reads, write_sheet
from tests.builders.server import Server, serving

PATIENT = Delivery("demo-unrelated-1")
"""Central diabetes insipidus; good reads."""
TRUNCATED = Delivery("demo-unrelated-2")
"""The copy of the first file was cut off on its way."""
SHALLOW = Delivery("demo-unrelated-3", coverage=13)
"""Too few reads: the gate of the aligned reads stays shut."""
MENDED = Delivery("demo-mother")
"""Truncated too, until its test lays down the whole file."""
LET_THROUGH = Delivery("demo-father", coverage=13)
"""Too shallow too, until its test overrides the gate."""
AT_ONCE = Delivery("demo-child")
"""Good reads too: its test lets several runs of it go at once."""
DELIVERED = (PATIENT, TRUNCATED, SHALLOW, MENDED, LET_THROUGH, AT_ONCE)


@dataclass(frozen=True)
class Laboratory:
    """The server and what it was given.

    Attributes:
        server: running.
        whole: the truncated file of the sample that is mended, as it should be.
    """

    server: Server
    whole: bytes


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """Six samples dropped in the landing zone of a running server, each run to its end."""
    folder = tmp_path_factory.mktemp("laboratory")
    deployment = tiny_deployment(folder)
    with serving(deployment, folder / "server.log") as server:
        landing = deployment.settings.landing
        whole = b""
        for delivery in DELIVERED:
            read1, _ = write_reads(landing, delivery)
            if delivery in (TRUNCATED, MENDED):
                whole = read1.read_bytes()
                read1.write_bytes(whole[: len(whole) // 2])
        write_sheet(landing / "delivery.csv", [each.row() for each in DELIVERED])
        server.wait("a finished run of each sample", lambda: _all_finished(server), 600)
        yield Laboratory(server, whole)


def _all_finished(server: Server) -> bool:
    runs = server.runs("sample")
    return {run.sample for run in runs} == {each.sample_id for each in DELIVERED} and all(
        run.is_finished for run in runs
    )
