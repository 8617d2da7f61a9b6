"""What the web UI shows of an artifact stands in Dagster's event log with the asset, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from engine.ops.dagster_op import CPU_SECONDS
from engine.ops.knowledge import reference_genome
from genomics_assets.binding import asset_of
from resources.environment import build_resources
from tests.builders.deployment import tiny_deployment


@pytest.mark.filterwarnings("ignore:Parameter `data_version` of initializer `Output:dagster.BetaWarning")
def test_metadata_is_told_of_the_asset_and_not_of_the_steps_output_too(tmp_path: Path) -> None:
    resources = build_resources(tiny_deployment(tmp_path).settings)
    asset = asset_of(reference_genome, resources.settings, resources.knowledge.parts)
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([asset], instance=instance, resources=vars(resources))
        stored = [one.dagster_event for one in instance.all_logs(run.run_id) if one.dagster_event]
    (made,) = [one.step_materialization_data.materialization for one in stored if one.is_step_materialization]
    (output,) = [one.step_output_data for one in stored if one.is_successful_output]
    receipt = resources.lake.require(reference_genome.name)
    assert made.metadata["path"].value == str(resources.lake.folder(receipt))
    assert {"records", "files", "tools", "made from", CPU_SECONDS} <= set(made.metadata)
    assert made.tags and made.tags["dagster/data_version"] == receipt.data_version
    assert output.metadata == {}
