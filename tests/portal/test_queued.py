"""What waits in the queue is not shown as materializing: asked of Dagster's server with a real run in a real queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_graphql.implementation import fetch_runs
from dagster_graphql.schema import asset_graph

from portal import queued
from resources.environment import Settings, build_resources
from tests.builders.queued import Pages, pages_of

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


class Made(Pages):
    """What Dagster says is being made."""

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
def pages(tmp_path: Path) -> Iterator[Made]:
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    with pages_of(platform, tmp_path, DEFINITIONS, ["S1", "S2"]) as found:
        yield Made(found.client, found.context)


def test_a_run_in_the_queue_makes_nothing_yet_and_one_that_has_begun_does(
    pages: Made, monkeypatch: pytest.MonkeyPatch
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
