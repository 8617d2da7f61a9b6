"""Files dropped in the landing zone of ``make serve``: runs start by themselves, and what is bad stops alone."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from deltalake import DeltaTable

from demo.outcome import SAMPLE_ASSETS
from engine.cohort.columns import TABLES
from engine.cohort.models import cohort_models
from engine.reads.registration import SampleStatus
from resources.registry import SampleRegistry
from tests.builders.deployment import Delivery
from tests.builders.server import Run, Server
from tests.end_to_end.conftest import AT_ONCE, MENDED, PATIENT, SHALLOW, Laboratory

pytestmark = pytest.mark.slow

KNOWLEDGE = ("reference_genome", "aligner_index", "gene_model", "known_sites", "clinvar", "phenotypes")


NIGHTLY = "sums_equal_a_rebuild"
"""The check that a schedule executes, not the cohort's run."""


def status(server: Server, delivery: Delivery) -> SampleStatus:
    registry = SampleRegistry(server.deployment.settings.data / "registry" / "samples.sqlite")
    return registry.sample(delivery.sample_id).status


def assert_green(server: Server, delivery: Delivery) -> None:
    """Every asset of the sample is materialized, every check was executed and passed."""
    for asset in SAMPLE_ASSETS:
        assert server.materializations(asset, delivery.sample_id), f"{asset} was not materialized"
        for name, execution in server.checks(asset, delivery.sample_id).items():
            assert execution, f"{asset}.{name} was not executed"
            assert execution["status"] == "SUCCEEDED" and execution["evaluation"]["success"], f"{asset}.{name}"


def test_files_dropped_in_the_landing_zone_become_green_by_themselves(laboratory: Laboratory) -> None:
    server = laboratory.server
    assert all(server.materializations(part) for part in KNOWLEDGE)
    assert_green(server, PATIENT)
    server.wait("the registry's word", lambda: status(server, PATIENT) is SampleStatus.DONE, 90)
    bundle = server.deployment.lake.require("fhir_bundle", PATIENT.sample_id)
    text = json.dumps(json.loads(server.deployment.lake.path(bundle, bundle.files[0].name).read_text()))
    assert "12206" in text, "the AVP variant's ClinVar id is not in the bundle"


def test_the_cohort_tables_follow_when_the_samples_are_done(laboratory: Laboratory) -> None:
    server = laboratory.server
    server.wait("the cohort's run", lambda: any(run.status == "SUCCESS" for run in server.runs("cohort")), 300)
    for model in (one.name for one in cohort_models()):
        assert server.materializations(model)
        executions = {name: each for name, each in server.checks(model).items() if name != NIGHTLY}
        assert executions and all(each and each["evaluation"]["success"] for each in executions.values())


def test_a_second_drop_of_the_same_files_starts_nothing(laboratory: Laboratory) -> None:
    server = laboratory.server
    landing = server.deployment.settings.landing
    before = {run.run_id for run in server.runs("sample", PATIENT.sample_id)}
    for name in (*PATIENT.read_names, "delivery.csv"):
        again = landing / f".{name}.copying"
        shutil.copyfile(landing / name, again)
        again.replace(landing / name)
    dropped = time.time()
    server.wait("two looks of the sensor after the drop", lambda: _looks(server, since=dropped + 6) >= 2, 120)
    assert {run.run_id for run in server.runs("sample", PATIENT.sample_id)} == before


def _looks(server: Server, since: float) -> int:
    """How often the sensor looked at the landing zone since the files have settled."""
    query = """{ sensorOrError(sensorSelector: {repositoryName: "__repository__",
        repositoryLocationName: "genomics_assets", sensorName: "sample_sheets"}) {
        ... on Sensor { sensorState { ticks(limit: 20) { timestamp status } } } } }"""
    ticks = server.ask(query)["sensorOrError"]["sensorState"]["ticks"]
    return sum(tick["timestamp"] > since and tick["status"] in ("SKIPPED", "SUCCESS") for tick in ticks)


def test_a_shut_gate_stops_the_sample_and_its_check_says_why(laboratory: Laboratory) -> None:
    server = laboratory.server
    run = server.runs("sample", SHALLOW.sample_id)[-1]
    made = {
        asset: [each["runId"] for each in server.materializations(asset, SHALLOW.sample_id)] for asset in SAMPLE_ASSETS
    }
    assert {asset for asset, runs in made.items() if run.run_id in runs} == {"raw_reads", "aligned_reads"}
    check = server.checks("aligned_reads", SHALLOW.sample_id)["mean_coverage"]
    assert check and not check["evaluation"]["success"] and check["evaluation"]["severity"] == "ERROR"
    assert "expected mean_coverage >= 15" in check["evaluation"]["description"]


def test_a_broken_sample_stops_alone_and_runs_again_when_it_is_mended(laboratory: Laboratory) -> None:
    server = laboratory.server
    first = server.runs("sample", MENDED.sample_id)[-1]
    assert first.status == "FAILURE"
    (told,) = server.failures(first).values()
    assert told.startswith(f"sample {MENDED.sample_id}: ") and MENDED.read_names[0] in told
    assert "truncated" in told and "Remedy: " in told
    server.wait("the registry's word", lambda: status(server, MENDED) is not SampleStatus.REQUESTED, 90)

    before = {run.run_id for run in server.runs("sample", MENDED.sample_id)}
    landing = server.deployment.settings.landing
    part = landing / ".copying"
    part.write_bytes(laboratory.whole)
    part.replace(landing / MENDED.read_names[0])
    started = server.wait("a run of the mended sample", lambda: _runs_since(server, before), 120)
    server.wait("its end", lambda: _runs_since(server, before)[0].is_finished, 300)
    assert len(started) == 1
    assert_green(server, MENDED)


def test_of_runs_of_one_sample_at_once_one_waits_and_nothing_is_there_twice(laboratory: Laboratory) -> None:
    """Three in the queue and one beside it, of a sample of which nothing is there yet, but its rows in the cohort."""
    server, deployment, sample = laboratory.server, laboratory.server.deployment, AT_ONCE.sample_id
    server.wait("the registry's word", lambda: status(server, AT_ONCE) is SampleStatus.DONE, 90)
    shutil.rmtree(deployment.settings.data / "lake" / "samples" / sample)
    looks: list[list[Run]] = []
    with ThreadPoolExecutor() as beside:
        with deployment.lake.work("raw_reads", sample):  # nobody makes anything until two are under way
            asked = [server.launch(sample) for _ in range(3)]
            # the queue begins none beside one that it did not begin: its own must be first
            server.wait("one of the queue under way", lambda: bool(_started(server, sample, looks) & set(asked)), 120)
            direct = beside.submit(deployment.execute, "sample", sample)
            server.wait("two runs under way", lambda: len(_started(server, sample, looks)) == 2, 120)
        while not direct.done() or not looks or not all(run.is_finished for run in looks[-1]):
            time.sleep(0.5)
            looks.append(server.runs("sample", sample))
    assert direct.result().returncode == 0, direct.result().stderr[-3000:]
    assert {run.run_id: run.status for run in looks[-1] if run.run_id in asked} == dict.fromkeys(asked, "SUCCESS")
    at_once = max(sum(run.status == "STARTED" for run in look) for look in looks)
    assert at_once == 2, "one of the queue at a time, and the one beside it"
    of_queue = max(sum(run.status == "STARTED" and run.run_id in asked for run in look) for look in looks)
    assert of_queue == 1, "one of the queue at a time"
    for asset in SAMPLE_ASSETS:
        assert len(deployment.lake.history(asset, sample)) == 1, asset
        deployment.lake.verify(deployment.lake.require(asset, sample))
    contributed = deployment.lake.require("cohort_contribution", sample).measures
    for table in TABLES:
        rows = DeltaTable(str(deployment.settings.data / "cohort" / table)).to_pyarrow_table(columns=["sample_id"])
        assert rows.column("sample_id").to_pylist().count(sample) == contributed[table], table


def _started(server: Server, sample: str, looks: list[list[Run]]) -> set[str]:
    """The runs that have begun and not ended; keeps what was seen."""
    looks.append(server.runs("sample", sample))
    return {run.run_id for run in looks[-1] if run.status == "STARTED"}


def _runs_since(server: Server, before: set[str]) -> list[Run]:
    return [run for run in server.runs("sample", MENDED.sample_id) if run.run_id not in before]
