"""What waits in the queue is not shown as materializing: asked of Dagster's server with a real run in a real queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster_graphql.implementation import fetch_runs
from dagster_graphql.schema import asset_graph
from starlette.testclient import TestClient

from portal import queued
from portal.web import door_before
from resources.environment import Settings, build_resources
from resources.web_token import web_token
from tests.builders.server import LAUNCH
from tests.builders.web import OWN, PORT

DEFINITIONS = """
import dagster as dg

SAMPLES = dg.DynamicPartitionsDefinition(name="samples")

@dg.asset(partitions_def=SAMPLES)
def reads(): ...

sample = dg.define_asset_job("sample", [reads], partitions_def=SAMPLES)
definitions = dg.Definitions(assets=[reads], jobs=[sample])
"""
ASK = """{
  assetNodes(assetKeys: [{path: ["reads"]}]) { partitionStats { numMaterializing numMaterialized numFailed }
    assetPartitionStatuses { ... on DefaultPartitionStatuses { materializingPartitions unmaterializedPartitions } } }
  assetsLatestInfo(assetKeys: [{path: ["reads"]}]) { unstartedRunIds inProgressRunIds } }"""


class Pages:
    """Dagster's server behind the door, and nobody who would take a run out of the queue."""

    def __init__(self, client: TestClient, instance: dg.DagsterInstance) -> None:
        self.client = client
        self.instance = instance

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def launch(self, sample: str) -> str:
        selector = {"repositoryName": "__repository__", "repositoryLocationName": "made", "pipelineName": "sample"}
        tags = [{"key": "dagster/partition", "value": sample}]
        asked = {"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}}
        launched = self.ask(LAUNCH, asked=asked)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def begin(self, run: str) -> None:
        """Let Dagster's record say that the run has begun."""
        self.instance.run_storage.handle_run_event(run, dg.DagsterEvent("PIPELINE_START", "sample"))

    def materializing(self) -> tuple[int, list[str], int]:
        """How many partitions and which are being made, and how many runs are said to make the asset."""
        told = self.ask(ASK)
        (node,), (info,) = told["assetNodes"], told["assetsLatestInfo"]
        partitions = node["assetPartitionStatuses"]["materializingPartitions"]
        runs = info["unstartedRunIds"] + info["inProgressRunIds"]
        return node["partitionStats"]["numMaterializing"], partitions, len(runs)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    code = tmp_path / "code.py"
    code.write_text(DEFINITIONS)
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    queue = {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}
    target = PythonFileTarget(str(code), attribute=None, working_directory=None, location_name="made")
    with (
        dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_coordinator": queue}) as instance,
        WorkspaceProcessContext(instance, workspace_load_target=target) as context,
    ):
        instance.add_dynamic_partitions("samples", ["S1", "S2"])
        door = door_before(context, platform, PORT)
        headers = {"Authorization": f"Bearer {web_token(platform.settings)}"}
        yield Pages(TestClient(door, base_url=OWN, headers=headers), instance)


def test_a_run_in_the_queue_makes_nothing_yet_and_one_that_has_begun_does(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queued, "_HOLDS", 0.0)
    first = pages.launch("S1")
    assert pages.materializing() == (0, [], 0)
    with monkeypatch.context() as as_it_comes:
        as_it_comes.setattr(asset_graph, "regenerate_and_check_partition_subsets", queued._subsets)
        as_it_comes.setattr(fetch_runs, "_get_in_progress_runs_for_assets", queued._runs)
        assert pages.materializing() == (1, ["S1"], 1), "Dagster has mended it: portal/queued.py may go"
    pages.begin(first)
    pages.launch("S2")
    pages.launch("S1")  # another one of the same sample, while the first runs
    assert pages.materializing()[:2] == (1, ["S1"])
