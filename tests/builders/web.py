"""Dagster's own web application, of a small workspace, behind the door: for one test process, without a port."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from portal.door import Door
from portal.web import door_before
from resources.audit import AuditEntry, AuditLog
from resources.environment import Resources, Settings, build_resources
from resources.web_token import web_token

PORT = 3000
OWN = f"http://127.0.0.1:{PORT}"
ADD_PARTITION = """mutation Add($key: String!) {
  addDynamicPartition(repositorySelector: {repositoryLocationName: "x", repositoryName: "y"},
    partitionsDefName: "samples", partitionKey: $key) { __typename } }"""
END_RUN = "mutation End($run: String!) { terminateRun(runId: $run) { __typename } }"
WIPE = """mutation Wipe($key: [String!]!) {
  wipeAssets(assetPartitionRanges: [{assetKey: {path: $key}}]) {
    __typename ... on AssetWipeSuccess { assetPartitionRanges { assetKey { path } } } } }"""
MARK = "a_record_of_dagster"
"""An asset that Dagster has one record of: what a mutation that gets through wipes."""


@dataclass
class Web:
    """The application and what it stands on."""

    door: Door
    instance: dg.DagsterInstance
    platform: Resources
    forgotten: int = 0

    @property
    def settings(self) -> Settings:
        return self.platform.settings

    @property
    def audit(self) -> AuditLog:
        return self.platform.audit

    @property
    def token(self) -> str:
        return web_token(self.settings)

    def client(self, host: str = OWN, **headers: str) -> TestClient:
        """Somebody who asks under that address, and sends these headers with everything."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        here = ("127.0.0.1", 50_000)
        return TestClient(self.door, base_url=host, headers=named, follow_redirects=False, client=here)

    def program(self, **headers: str) -> TestClient:
        """One that sends the token."""
        return self.client(Authorization=f"Bearer {self.token}", **headers)

    def person(self, name: str = "") -> TestClient:
        """A browser that has opened the address, its pages being ours from then on."""
        client = self.client(Sec_Fetch_Site="same-origin")
        opened = client.get("/", params={"token": self.token, "person": name})
        assert opened.status_code == 200 and client.cookies, opened.text
        client.headers["Origin"] = OWN
        return client

    def record(self) -> None:
        """Give Dagster the record that a mutation may wipe."""
        self.instance.report_runless_asset_event(dg.AssetMaterialization(MARK))

    @property
    def is_wiped(self) -> bool:
        return self.instance.get_latest_materialization_event(dg.AssetKey(MARK)) is None

    def forget(self) -> None:
        """Ask from now on for what is written from now on."""
        self.forgotten = self.audit.head().entries

    def mutations(self) -> list[AuditEntry]:
        """Changes that the audit log tells of, oldest first."""
        written = (entry for entry in self.audit.entries() if entry.event.what == "web mutation")
        return [entry for entry in written if entry.number > self.forgotten]


def wiping(**more: Any) -> dict[str, Any]:
    """The request that wipes the record."""
    return {"query": WIPE, "variables": {"key": [MARK]}, "operationName": "Wipe"} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def listening(app: ASGIApp, port: int) -> Iterator[None]:
    """Serve an application on the loopback address, from a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error", timeout_graceful_shutdown=1))
    thread = Thread(target=server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def web_of(folder: Path, port: int = PORT, **options: str) -> Iterator[Web]:
    """The web UI of a deployment in a folder, with Dagster's record in it."""
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(folder / "data"), **options}))
    with (
        dg.DagsterInstance.local_temp(str(folder)) as instance,
        WorkspaceProcessContext(instance, workspace_load_target=EmptyWorkspaceTarget()) as context,
    ):
        web = Web(door_before(context, platform, port), instance, platform)
        web.record()
        yield web
