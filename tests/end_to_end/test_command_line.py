"""The platform from a terminal: backfills, single assets, a gate that is shut and opened, commands that are wrong."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace

import pytest

from engine.ops.artifact import ancestors
from resources.environment import PROJECT, build_resources
from tests.builders.server import Run, Server
from tests.end_to_end.conftest import DELIVERED, LET_THROUGH, PATIENT, SHALLOW, Laboratory

pytestmark = pytest.mark.slow


def console(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return server.deployment.run("genomics", *words)


def test_a_backfill_over_all_samples_runs_each_and_a_failing_one_stops_alone(laboratory: Laboratory) -> None:
    server = laboratory.server
    lake = server.deployment.lake
    before = lake.require("fhir_bundle", PATIENT.sample_id)
    guide = (PROJECT / "docs" / "operators-guide.md").read_text()
    (documented,) = [line for line in guide.splitlines() if line.startswith("dagster job backfill")]
    asked = server.deployment.run(*shlex.split(documented, comments=True))
    assert asked.returncode == 0, asked.stderr
    server.wait("a finished run of each sample", lambda: len(ended(server)) == len(DELIVERED), 400)
    assert len(runs_of_backfills(server)) == len(DELIVERED)
    assert ended(server)[PATIENT.sample_id] == "SUCCESS"
    assert ended(server)[SHALLOW.sample_id] == "FAILURE"
    assert lake.require("fhir_bundle", PATIENT.sample_id) == before, "what is fresh is not computed again"


def runs_of_backfills(server: Server) -> list[Run]:
    return [run for run in server.runs("sample") if "dagster/backfill" in run.tags]


def ended(server: Server) -> dict[str | None, str]:
    """How each sample's run of a backfill ended, of those that have."""
    return {run.sample: run.status for run in runs_of_backfills(server) if run.is_finished}


def test_one_asset_of_one_sample_is_materialized_from_the_command_line(laboratory: Laboratory) -> None:
    server = laboratory.server
    before = len(server.materializations("findings", PATIENT.sample_id))
    done = server.deployment.materialize("findings", sample=PATIENT.sample_id)
    assert done.returncode == 0, done.stderr
    assert len(server.materializations("findings", PATIENT.sample_id)) == before + 1


def test_a_shut_gate_stays_shut_for_manual_runs_until_a_person_overrides_it(laboratory: Laboratory) -> None:
    server = laboratory.server
    refused = server.deployment.materialize("gvcf", sample=LET_THROUGH.sample_id)
    assert refused.returncode == 1
    assert (
        f"sample {LET_THROUGH.sample_id}: the gate of aligned_reads is shut: mean_coverage: observed " in refused.stderr
    )
    assert f"genomics override {LET_THROUGH.sample_id} aligned_reads CHECK" in refused.stderr
    assert server.deployment.lake.receipt("gvcf", LET_THROUGH.sample_id) is None

    assert override(server, "mean_coverage").returncode == 0
    still = server.deployment.materialize("gvcf", sample=LET_THROUGH.sample_id)
    assert still.returncode == 1 and "is shut: fraction_20x: observed " in still.stderr

    assert override(server, "fraction_20x").returncode == 0
    opened = server.deployment.materialize("gvcf", sample=LET_THROUGH.sample_id)
    assert opened.returncode == 0, opened.stderr
    assert server.deployment.lake.require("gvcf", LET_THROUGH.sample_id)
    shown = console(server, "sample", LET_THROUGH.sample_id).stdout
    assert "overridden: mean_coverage" in shown and "Dr Example" in shown

    made = {"raw_reads", "aligned_reads", "gvcf"}
    settings = server.deployment.settings
    before = ancestors("fhir_bundle", settings, build_resources(settings).knowledge.parts)
    rest = [*(name for name in before if name not in made), "fhir_bundle"]
    reported = server.deployment.materialize(*rest, sample=LET_THROUGH.sample_id)
    assert reported.returncode == 0, reported.stderr
    receipt = server.deployment.lake.require("fhir_bundle", LET_THROUGH.sample_id)
    (file,) = receipt.files
    told = server.deployment.lake.path(receipt, file.name).read_text()
    assert "let through by a person: 2" in told and "let through by Dr Example (the order asks for one gene" in told


def override(server: Server, check: str) -> subprocess.CompletedProcess[str]:
    words = ("override", LET_THROUGH.sample_id, "aligned_reads", check, "--person", "Dr Example")
    return console(server, *words, "--reason", "the order asks for one gene, which is well covered")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("override", PATIENT.sample_id, "aligned_reads", "coverage", "--reason", "good enough"),
            "mean mean_coverage?",
        ),
        (("sample", "nobody"), "sample nobody: the sample is not registered"),
        (("verify", "nobody"), "sample nobody: the sample is not registered"),
        (("verify", "../../registry"), "the sample is not registered"),
        (("withdraw", "nobody", "--reason", "asked to"), "sample nobody: the sample is not registered"),
    ],
)
def test_a_wrong_console_command_gives_one_clear_error(
    laboratory: Laboratory, words: tuple[str, ...], told: str
) -> None:
    done = console(laboratory.server, *words)
    assert done.returncode == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert told in line and "Remedy: " in line


@pytest.mark.parametrize(
    ("asset", "sample", "told"),
    [
        ("gvcf", "nobody", "containing the passed partition key `nobody`"),
        ("gvcff", PATIENT.sample_id, 'did you mean one of the following?\n\t["gvcf"]'),
    ],
)
def test_a_wrong_materialize_command_ends_with_what_is_wrong(
    laboratory: Laboratory, asset: str, sample: str, told: str
) -> None:
    done = laboratory.server.deployment.materialize(asset, sample=sample)
    assert done.returncode == 1
    assert told in done.stderr[-400:]


@pytest.mark.parametrize("command", ["python -m demo.serve", "python -m demo.run", "genomics samples"])
def test_a_wrong_option_of_the_deployment_gives_one_clear_error(laboratory: Laboratory, command: str) -> None:
    wrong = replace(laboratory.server.deployment, reference="demo", options={"GENOMICS_CALLER": "magic"})
    done = wrong.run(*command.split())
    assert done.returncode == 1
    assert done.stderr == (
        "GENOMICS_CALLER is 'magic'. Remedy: set it to one of haplotype, bcftools, gatk or leave it unset.\n"
    )
