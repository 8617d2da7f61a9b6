"""Runs told as JSON lines: which run, sample, step, asset and check, and nobody's words."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from engine.errors import FastqError
from engine.ops.dagster_op import clear_failure
from genomics_assets.dead_runs import open_instance
from genomics_assets.instance import prepare_instance
from resources.environment import Settings
from resources.structured_log import FILE

NAME = "Kunigunde Beispielhuber"
SAMPLES = dg.StaticPartitionsDefinition(["S0001"])


@dg.asset(partitions_def=SAMPLES, check_specs=[dg.AssetCheckSpec("mean_coverage", asset="aligned_reads")])
def aligned_reads(context: dg.AssetExecutionContext) -> Iterator[Any]:
    context.log.info(f"reads of {NAME}")
    yield dg.MaterializeResult(asset_key="aligned_reads")
    yield dg.AssetCheckResult(check_name="mean_coverage", passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset(partitions_def=SAMPLES, deps=[aligned_reads])
def gvcf() -> None:
    with clear_failure("S0001"):
        raise FastqError(f"the reads of {NAME} are cut off", remedy="copy them again", file=f"/{NAME}_R1.fastq.gz")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What stands in the log after a run of two steps, of which one fails, in an instance as make serve sets it up."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    settings = Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")})
    with open_instance(prepare_instance(settings)) as instance:
        dg.materialize([aligned_reads, gvcf], instance=instance, partition_key="S0001", raise_on_error=False)
    text = (settings.data / FILE).read_text()
    assert "Kunigunde" not in text and "fastq" not in text
    return [json.loads(line) for line in text.splitlines()]


def test_steps_artifacts_checks_and_the_end_of_a_run_are_told(told: list[dict[str, Any]]) -> None:
    events = [one["event"] for one in told]
    assert events[0] == "pipeline_start" and events[-1] == "pipeline_failure"
    assert len({one["run"] for one in told}) == 1 and {one["sample"] for one in told} == {"S0001"}
    (made,) = [one for one in told if one["event"] == "asset_materialization"]
    assert (made["step"], made["asset"]) == ("aligned_reads", "aligned_reads")
    (judged,) = [one for one in told if one["event"] == "asset_check_evaluation"]
    assert (judged["asset"], judged["check"], judged["passed"]) == ("aligned_reads", "mean_coverage", False)


def test_a_failure_is_told_by_its_kind_alone(told: list[dict[str, Any]]) -> None:
    (failed,) = [one for one in told if one["event"] == "step_failure"]
    assert (failed["step"], failed["error"], failed["level"]) == ("gvcf", "FastqError", "error")
