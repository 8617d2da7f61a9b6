"""Runs in Dagster's queue: where one comes from (without it Dagster keeps none), and a server that is asked for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from starlette.testclient import TestClient

from portal.web import door_before
from resources.environment import Resources
from resources.web_token import web_token
from tests.builders.server import LAUNCH
from tests.builders.web import OWN, PORT

QUEUE = {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}

ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("genomics_assets"), "__repository__"), "sample"
)


class Pages:
    """Dagster's server behind the door, and nobody who would take a run out of the queue."""

    def __init__(self, client: TestClient, context: WorkspaceProcessContext) -> None:
        self.client = client
        self.context = context

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.context.instance

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def launch(self, sample: str) -> str:
        """Ask for a run of the job ``sample``; its id."""
        selector = {"repositoryName": "__repository__", "repositoryLocationName": "made", "pipelineName": "sample"}
        tags = [{"key": "dagster/partition", "value": sample}]
        asked = {"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}}
        launched = self.ask(LAUNCH, asked=asked)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def start(self, run: str) -> None:
        """Take a run out of the queue, as the daemon does: a process of its own works on it."""
        self.instance.launch_run(run, self.context.create_request_context())


@contextmanager
def pages_of(
    platform: Resources, folder: Path, definitions: str, samples: list[str], **overrides: dict[str, str]
) -> Iterator[Pages]:
    """The server of code of one's own, with an instance of its own."""
    code = folder / "code.py"
    code.write_text(definitions)
    target = PythonFileTarget(str(code), attribute=None, working_directory=None, location_name="made")
    with (
        dg.DagsterInstance.local_temp(str(folder), overrides={"run_coordinator": QUEUE, **overrides}) as instance,
        WorkspaceProcessContext(instance, workspace_load_target=target) as context,
    ):
        instance.add_dynamic_partitions("samples", samples)
        door = door_before(context, platform, PORT)
        headers = {"Authorization": f"Bearer {web_token(platform.settings)}"}
        yield Pages(TestClient(door, base_url=OWN, headers=headers), context)
