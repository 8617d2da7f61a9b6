"""``make serve`` under test: the web server with daemon in a session of its own, and questions to it by GraphQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from resources.environment import PROJECT
from resources.web_token import web_address, web_token
from tests.builders.deployment import BIN, Deployment

FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
RUNS = """query($tags: [ExecutionTag!], $job: String) {
  runsOrError(filter: {tags: $tags, pipelineName: $job}, limit: 100) {
    ... on Runs { results { runId status jobName tags { key value } } } } }"""
LAUNCH = """mutation($asked: ExecutionParams!) {
  launchRun(executionParams: $asked) { __typename ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message } } }"""
MATERIALIZATIONS = """query($asset: AssetKeyInput!, $partitions: [String!]) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode {
    assetMaterializations(partitions: $partitions, limit: 20) {
      runId partition metadataEntries { label ... on MarkdownMetadataEntry { mdStr } } } } } }"""
PARTITIONS = """query($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { assetPartitionStatuses {
    ... on DefaultPartitionStatuses { materializedPartitions failedPartitions unmaterializedPartitions } } } } }"""
CHECKS = """query($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode {
    assetChecksOrError { ... on AssetChecks { checks { name blocking } } } } } }"""
CHECK = """query($asset: AssetKeyInput!, $check: String!, $partition: String) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, partition: $partition, limit: 1) {
    status evaluation { success severity description } } }"""
FAILURES = """query($run: ID!) { runOrError(runId: $run) { ... on Run { eventConnection(limit: 1000) { events {
    ... on ExecutionStepFailureEvent { stepKey failureMetadata { description } error { message } } } } } } }"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } workspaceOrError { __typename } }"


@dataclass(frozen=True)
class Run:
    """A run as the server tells of it."""

    run_id: str
    job: str
    status: str
    sample: str | None
    tags: dict[str, str]

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        deployment: what it serves.
        port: on the loopback address.
        log: what it and its daemon print.
    """

    deployment: Deployment
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return web_token(self.deployment.settings)

    @property
    def address(self) -> str:
        """What a browser opens first."""
        return web_address(self.deployment.settings, self.port)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Answer of a GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = Request(f"{self.url}/graphql", body, headers)
        with urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def runs(self, job: str | None = None, sample: str | None = None, **tags: str) -> list[Run]:
        """Runs, newest first."""
        wanted = [{"key": f"dagster/{name}", "value": value} for name, value in tags.items()]
        if sample:
            wanted.append({"key": "dagster/partition", "value": sample})
        runs = []
        for told in self.ask(RUNS, tags=wanted, job=job)["runsOrError"]["results"]:
            by_key = {tag["key"]: tag["value"] for tag in told["tags"]}
            runs.append(Run(told["runId"], told["jobName"], told["status"], by_key.get("dagster/partition"), by_key))
        return runs

    def launch(self, sample: str) -> str:
        """Ask for a run of a sample as a person does in the web UI; its id."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "genomics_assets",
            "pipelineName": "sample",
        }
        tags = [{"key": "dagster/partition", "value": sample}]
        asked = {"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}}
        answer = self.ask(LAUNCH, asked=asked)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run: str = answer["run"]["runId"]
        return run

    def materializations(self, asset: str, sample: str | None = None) -> list[dict[str, Any]]:
        """Materializations, newest first."""
        answer = self.ask(MATERIALIZATIONS, asset={"path": [asset]}, partitions=[sample] if sample else None)
        found: list[dict[str, Any]] = answer["assetNodeOrError"]["assetMaterializations"]
        return found

    def partitions(self, asset: str) -> dict[str, list[str]]:
        """Samples by status: materialized, failed, unmaterialized."""
        statuses = self.ask(PARTITIONS, asset={"path": [asset]})["assetNodeOrError"]["assetPartitionStatuses"]
        return {name.removesuffix("Partitions"): samples for name, samples in statuses.items()}

    def checks(self, asset: str, sample: str | None = None) -> dict[str, dict[str, Any] | None]:
        """The latest execution of each check of an asset, by name; None for one that was never executed."""
        key = {"path": [asset]}
        checks = self.ask(CHECKS, asset=key)["assetNodeOrError"]["assetChecksOrError"]["checks"]
        latest = {}
        for name in [check["name"] for check in checks]:
            executions = self.ask(CHECK, asset=key, check=name, partition=sample)["assetCheckExecutions"]
            latest[name] = executions[0] if executions else None
        return latest

    def failures(self, run: Run) -> dict[str, str]:
        """What each failed step of a run said, by step."""
        events = self.ask(FAILURES, run=run.run_id)["runOrError"]["eventConnection"]["events"]
        return {
            event["stepKey"]: (event["failureMetadata"] or {}).get("description") or event["error"]["message"]
            for event in events
            if event
        }

    def wait(self, what: str, done: Callable[[], Any], seconds: float = 300) -> Any:
        """Wait until ``done`` gives something true, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := done()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{self.log.read_text()[-4000:]}"
            time.sleep(1)
        return found


@contextmanager
def serving(deployment: Deployment, log: Path) -> Iterator[Server]:
    """Start the server, wait until its daemon is well, and stop all of it in the end."""
    server = Server(deployment, _free_port(), log)
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(BIN / "python"), "-m", "demo.serve", "--port", str(server.port)],
            cwd=PROJECT,
            env=deployment.variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        server.wait("the server with its daemon", lambda: _is_well(server, process), 180)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            _kill_what_is_left(deployment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_well(server: Server, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"the server ended:\n{server.log.read_text()[-4000:]}"
    with suppress(OSError, HTTPException):
        answer = server.ask(DAEMONS)
        daemons = {
            daemon["daemonType"]: daemon["healthy"]
            for daemon in answer["instance"]["daemonHealth"]["allDaemonStatuses"]
        }
        wanted = ("SENSOR", "QUEUED_RUN_COORDINATOR", "BACKFILL")
        return answer["workspaceOrError"]["__typename"] == "Workspace" and all(daemons.get(each) for each in wanted)
    return False


def _kill_what_is_left(deployment: Deployment) -> None:
    """Kill processes of this deployment that outlived the server: they bear its folder in their environment."""
    mark = f"GENOMICS_DATA={deployment.settings.data}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(entry.name) != os.getpid() and mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
