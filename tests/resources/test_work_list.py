"""The work list: where a sample stands is what Dagster, the registry, the artifacts and their gates say together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from engine.errors import FastqError, SampleSheetError
from engine.reads.registration import SampleStatus
from engine.receipt import Recipe
from resources.environment import PROJECT, Resources, Settings, build_resources
from resources.sample_runs import open_runs
from resources.work_list import State, Waits, WorkItem, sample_stages, work_list
from tests.builders.runs import add_run, execute, instance_of
from tests.builders.sheets import entry, said_anew

WHY = {"person": "Dr Example", "reason": "the share was offline"}
SHORT = FastqError("read 2 ends 3 reads before read 1", file="S1_R2.fastq.gz", place="read 104", remedy="copy it again")


@pytest.fixture
def platform(tmp_path: Path) -> Resources:
    """S1, S2, and CHILD with the parents FATHER and MOTHER; the knowledge is built."""
    made = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "data")}))
    kin = {"father_id": "FATHER", "mother_id": "MOTHER", "family_id": "F1"}
    entries = [entry(tmp_path / "reads", sample) for sample in ("S1", "S2", "FATHER", "MOTHER")]
    child = said_anew(entry(tmp_path / "reads", "CHILD"), **kin)
    made.registry.register([*entries, child], sheet="run 7.csv", sheet_digest="0")
    for part in made.knowledge.parts:
        publish(made, None, part)
    return made


def publish(platform: Resources, sample: str | None, *assets: str, **measures: float) -> None:
    """Artifacts that pass every gate, but for the measures given."""
    for asset in assets:
        bounds = {row.measure: row.minimum or row.maximum or 0 for row in platform.gate.thresholds.of(asset)}
        with platform.lake.work(asset, sample) as work:
            (work.folder / "file").write_text(asset)
            work.publish(records=1, recipe=Recipe(), measures=bounds | measures)


def look(platform: Resources) -> dict[str, WorkItem]:
    """Every row; asked for alone, for which less is read, each is the same."""
    with open_runs(platform.settings.dagster_home) as runs:
        rows = {item.sample: item for item in work_list(platform, runs)}
        assert {name: work_list(platform, runs, [name]) for name in rows} == {
            name: (row,) for name, row in rows.items()
        }
        return rows


def test_a_sample_that_nobody_has_run_waits_for_its_run(platform: Resources) -> None:
    item = look(platform)["S1"]
    assert (item.state, item.waits_for, item.stage) == (State.WAITING, Waits.RUN, "sample_sheet")
    assert item.since == platform.registry.sample("S1").registered[:19] + "+00:00"


def test_where_no_server_runs_it_is_said_what_to_do(platform: Resources) -> None:
    assert look(platform)["S1"].todo == "no server is running: make serve"
    with instance_of(platform) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "1"))
    assert look(platform)["S1"].todo == ""
    with instance_of(platform) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 3600, "SENSOR", "1"))
    assert look(platform)["S1"].todo == "no server is running: make serve"


def test_an_empty_deployment_has_no_rows_and_nothing_is_made(tmp_path: Path) -> None:
    platform = build_resources(Settings.from_environment({"GENOMICS_DATA": str(tmp_path / "nowhere")}))
    with open_runs(platform.settings.dagster_home) as runs:
        assert runs is None and work_list(platform, runs) == ()
    assert not platform.settings.data.exists()


def test_a_run_is_told_as_it_is_queued_and_as_it_runs(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    add_run(platform, "S1", dg.DagsterRunStatus.NOT_STARTED)
    run = add_run(platform, "S2", dg.DagsterRunStatus.STARTED)
    items = look(platform)
    assert (items["S1"].state, items["S2"].state) == (State.QUEUED, State.RUNNING)
    assert items["S2"].run == run and "2 runs at a time" in items["S1"].why


def test_while_a_run_runs_its_sample_stands_at_the_step_that_is_being_made(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    seen: list[WorkItem] = []
    execute(platform, "S1", step="aligned_reads", meanwhile=lambda: seen.append(look(platform)["S1"]))
    (item,) = seen
    assert (item.state, item.stage, item.why) == (State.RUNNING, "aligned_reads", "")


def test_a_failed_sample_is_told_in_the_words_of_its_error(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    run = execute(platform, "S1", SHORT, step="raw_reads")
    item = look(platform)["S1"]
    assert (item.state, item.stage, item.run) == (State.FAILED, "raw_reads", run)
    assert item.why == "S1_R2.fastq.gz, read 104: read 2 ends 3 reads before read 1"
    assert item.todo == "copy it again; then genomics retry S1 --reason ..."


def test_an_error_of_the_program_is_told_in_its_own_words_too(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    execute(platform, "S1", ValueError("a block ends\nbefore it begins"))
    item = look(platform)["S1"]
    assert item.state is State.FAILED and item.why == "ValueError: a block ends before it begins"


def test_a_failed_run_that_was_asked_for_again_speaks_no_longer(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    execute(platform, "S1", SHORT)
    platform.registry.mark("S1", SampleStatus.FAILED)
    platform.registry.retry("S1", **WHY)
    item = look(platform)["S1"]
    assert (item.state, item.attempt, item.run) == (State.WAITING, 2, None)


def test_a_run_stopped_by_a_person_is_told_as_such(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    add_run(platform, "S1", dg.DagsterRunStatus.CANCELED)
    item = look(platform)["S1"]
    assert item.state is State.FAILED and "stopped by a person" in item.why


def test_a_sample_is_done_when_its_report_and_its_part_of_the_cohort_are_there(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    execute(platform, "S1")
    assert look(platform)["S1"].state is State.FAILED
    publish(platform, "S1", "fhir_bundle", "cohort_contribution")
    assert look(platform)["S1"].state is State.DONE


def test_a_sample_mended_by_hand_in_the_web_ui_is_no_longer_failed(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    execute(platform, "S1", SHORT)
    platform.registry.mark("S1", SampleStatus.FAILED)
    *path, contribution = sample_stages(platform)
    publish(platform, "S1", *path)
    execute(platform, "S1", by_hand=True)
    item = look(platform)["S1"]
    assert (item.state, item.stage) == (State.FAILED, contribution) and "is not made yet" in item.why
    publish(platform, "S1", contribution)
    assert look(platform)["S1"].state is State.DONE


def test_what_was_mended_by_hand_in_the_middle_leaves_the_rest_to_be_made(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    execute(platform, "S1", SHORT)
    platform.registry.mark("S1", SampleStatus.FAILED)
    publish(platform, "S1", *sample_stages(platform))
    bounds = {row.measure: row.minimum or row.maximum or 0 for row in platform.gate.thresholds.of("variants")}
    with platform.lake.work("variants", "S1") as work:
        (work.folder / "file").write_text("variants")
        work.publish(records=1, recipe=Recipe(inputs={"gvcf": "of another gVCF"}), measures=bounds)
    execute(platform, "S1", by_hand=True)
    item = look(platform)["S1"]
    assert (item.state, item.stage) == (State.FAILED, "variants") and "from the gvcf made by hand" in item.why


def test_a_run_by_hand_that_fails_leaves_a_sample_done_and_is_told(platform: Resources) -> None:
    platform.registry.mark("S1", SampleStatus.DONE)
    publish(platform, "S1", *sample_stages(platform))
    execute(platform, "S1", SHORT, by_hand=True)
    item = look(platform)["S1"]
    assert item.state is State.DONE and "read 2 ends 3 reads before read 1" in item.why


def test_a_run_under_way_is_told_though_one_by_hand_was_asked_for_since(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    run = add_run(platform, "S1", dg.DagsterRunStatus.STARTED)
    execute(platform, "S1", by_hand=True)
    item = look(platform)["S1"]
    assert (item.state, item.run) == (State.RUNNING, run)


def test_of_two_runs_of_a_sample_the_one_that_runs_speaks_and_not_the_one_in_the_queue(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    run = add_run(platform, "S1", dg.DagsterRunStatus.STARTED)
    add_run(platform, "S1", dg.DagsterRunStatus.NOT_STARTED)
    item = look(platform)["S1"]
    assert (item.state, item.run) == (State.RUNNING, run)


def test_a_shut_gate_names_its_check_and_the_command_that_opens_it(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    publish(platform, "S1", "raw_reads", "aligned_reads", mean_coverage=7.5)
    execute(platform, "S1", RuntimeError("a check failed"), step="aligned_reads_gate")
    item = look(platform)["S1"]
    assert (item.state, item.waits_for, item.stage) == (State.WAITING, Waits.GATE, "aligned_reads")
    assert "mean_coverage: observed 7.5, expected mean_coverage >= 15" in item.why
    assert "genomics override S1 aligned_reads mean_coverage --reason ..." in item.todo


def test_a_gate_beside_the_path_is_named_too(platform: Resources) -> None:
    platform.registry.take_waiting(10)
    (shut,) = [row for row in platform.gate.thresholds.of("trio_variants") if row.severity == "block"][:1]
    wrong = (shut.maximum + 1) if shut.maximum is not None else (shut.minimum or 0) - 1
    publish(platform, "S1", "raw_reads")
    publish(platform, "S1", "trio_variants", **_evidence(platform), **{shut.measure: wrong})
    execute(platform, "S1", RuntimeError("a check failed"), step="trio_variants_gate")
    item = look(platform)["S1"]
    assert (item.waits_for, item.stage) == (Waits.GATE, "trio_variants") and shut.name in item.todo


def _evidence(platform: Resources) -> dict[str, float]:
    """Enough of what the checks of a trio need to apply."""
    rows = platform.gate.thresholds.of("trio_variants")
    return {row.given: row.given_at_least for row in rows if row.given}


def test_a_gate_that_a_person_opened_leaves_the_sample_to_be_retried(platform: Resources) -> None:
    test_a_shut_gate_names_its_check_and_the_command_that_opens_it(platform)
    platform.gate.override("aligned_reads", "S1", "mean_coverage", **WHY)
    item = look(platform)["S1"]
    assert (item.state, item.todo) == (State.FAILED, "genomics retry S1 --reason ...")


def test_samples_wait_for_knowledge_and_say_which_part(platform: Resources, tmp_path: Path) -> None:
    (platform.settings.data / "lake" / "shared" / "clinvar" / "receipt.json").unlink()
    item = look(platform)["S1"]
    assert item.waits_for is Waits.KNOWLEDGE and "clinvar" in item.why
    add_run(platform, "", dg.DagsterRunStatus.STARTED, job="knowledge")
    assert "is being built" in look(platform)["S1"].why


def test_a_child_waits_for_its_parents_until_they_are_done(platform: Resources) -> None:
    item = look(platform)["CHILD"]
    assert (item.waits_for, item.family) == (Waits.PARENTS, "F1") and "FATHER and MOTHER first" in item.why
    platform.registry.mark("FATHER", SampleStatus.DONE)
    assert look(platform)["CHILD"].why.startswith("MOTHER first")
    platform.registry.withdraw("MOTHER", **WHY)
    assert look(platform)["CHILD"].waits_for is Waits.RUN


def test_a_withdrawn_sample_is_withdrawn_whatever_its_runs_say(platform: Resources) -> None:
    platform.registry.withdraw("S1", **WHY)
    add_run(platform, "S1", dg.DagsterRunStatus.STARTED)
    assert look(platform)["S1"].state is State.WITHDRAWN


def test_a_row_that_was_refused_waits_for_its_sheet(platform: Resources, tmp_path: Path) -> None:
    missing = entry(tmp_path / "reads", "NEW")
    missing.lanes[0].read1.unlink()
    (refused,) = platform.registry.register([missing], sheet="run 8.csv", sheet_digest="1").refused
    assert isinstance(refused, SampleSheetError)
    item = look(platform)["NEW"]
    assert (item.state, item.waits_for, item.attempt) == (State.WAITING, Waits.SHEET, 0)
    assert item.why.startswith("run 8.csv, line 2: ") and "cannot be read" in item.why


def test_a_sample_whose_runs_are_purged_is_told_from_what_is_left(platform: Resources) -> None:
    platform.registry.mark("S1", SampleStatus.DONE)
    publish(platform, "S1", "fhir_bundle", "cohort_contribution")
    platform.registry.mark("S2", SampleStatus.FAILED)
    items = look(platform)
    assert items["S1"].state is State.DONE
    assert items["S2"].state is State.FAILED and "the record of its run is gone" in items["S2"].why


def test_the_stages_are_told_by_whoever_loads_nothing_else(tmp_path: Path) -> None:
    """A process that has not loaded the assets, as the console and the portal have not."""
    asked = (
        "from resources.environment import Settings, build_resources; from resources.work_list import sample_stages; "
        "print(*sample_stages(build_resources(Settings.from_environment())))"
    )
    variables = os.environ | {"GENOMICS_DATA": str(tmp_path / "data"), "GENOMICS_REFERENCE": "demo"}
    done = subprocess.run([sys.executable, "-c", asked], env=variables, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"raw_reads", "statement", "fhir_bundle"} <= set(done.stdout.split())
