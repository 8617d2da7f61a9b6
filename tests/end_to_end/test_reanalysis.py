"""Two people, two ClinVar releases, one reclassification: one report changes, and nobody asked for anything by hand.

Every run here is one that a sensor of the platform asked for; the runs are Dagster's own records of them.
"""

from __future__ import annotations

import gzip
import inspect
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from engine.errors import KnowledgeError
from engine.ops.artifact import outdated
from engine.ops.knowledge import clinvar
from engine.ops.reanalysis import behind
from engine.reads.registration import SampleStatus
from engine.reanalysis.confirmation import read_touched
from genomics_assets.definitions import build_definitions
from genomics_assets.reanalysis import SAMPLES_BEHIND
from resources.environment import Resources, build_resources
from resources.sample_runs import PARTITION
from tests.builders.deployment import Delivery, Deployment, let_settle, tiny_deployment, write_reads, write_sheet

pytestmark = pytest.mark.slow

CARRIER, OTHER = Delivery("demo-unrelated-1"), Delivery("demo-unrelated-3", coverage=31.0)
BOTH = (CARRIER.sample_id, OTHER.sample_id)
SENSORS = ("sample_sheets", "knowledge_sources", "sample_runs", "knowledge_changes")


class Server:
    """The platform's sensors and the runs they ask for, in this process, one after the other."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance) -> None:
        self.deployment, self.instance = deployment, instance
        self.cursors: dict[str, str | None] = {}

    def settle(self) -> None:
        """Let the sensors look and their runs run, until nobody asks for anything."""
        for _ in range(12):
            if not self.look():
                return
        raise AssertionError("the sensors go on asking")

    def look(self) -> int:
        """One look of every sensor; how many runs they asked for."""
        defs = build_definitions(self.deployment.settings)
        return sum(self.tick(defs, name) for name in SENSORS)

    def tick(self, defs: dg.Definitions, name: str) -> int:
        sensor = defs.resolve_sensor_def(name)
        resources = {key: defs.resources[key] for key in sensor.required_resource_keys}  # type: ignore[index]
        context = dg.build_sensor_context(
            self.instance, cursor=self.cursors.get(name), resources=resources, definitions=defs
        )
        look = sensor._raw_fn  # as the daemon does, but for its validation, which needs a workspace
        named = [parameter for parameter in inspect.signature(look).parameters if parameter != "context"]
        told = look(context, **{key: resources[key] for key in named})
        if isinstance(told, dg.RunRequest):
            told = dg.SensorResult(run_requests=[told])
        elif not isinstance(told, dg.SensorResult):
            return 0
        self.cursors[name] = told.cursor
        for event in told.asset_events:
            self.instance.report_runless_asset_event(event)
        for request in told.dynamic_partitions_requests or ():
            assert isinstance(request, dg.AddDynamicPartitionsRequest)
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        for request in told.run_requests or ():
            job = defs.resolve_job_def(request.job_name or str(sensor.job_name))
            done = job.execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                tags=dict(request.tags),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            assert done.success
        return len(told.run_requests or ())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Both samples reported under the first release."""
    deployment = tiny_deployment(tmp_path_factory.mktemp("reanalysis"))
    deployment.prepare()
    for delivery in (CARRIER, OTHER):
        write_reads(deployment.settings.landing, delivery)
    write_sheet(deployment.settings.landing / "sheet.csv", [CARRIER.row(), OTHER.row()])
    let_settle(deployment.settings.landing)
    with dg.DagsterInstance.from_config(str(deployment.settings.dagster_home)) as instance:
        running = Server(deployment, instance)
        running.settle()
        yield running


def platform(server: Server) -> Resources:
    return build_resources(server.deployment.settings)


def runs(server: Server) -> Counter[tuple[str, str | None]]:
    """How many runs of each job there are, by sample; each of them asked for by a sensor."""
    records = server.instance.get_runs()
    assert all(run.status is dg.DagsterRunStatus.SUCCESS for run in records)
    return Counter((run.job_name, run.tags.get(PARTITION)) for run in records)


def said(server: Server, sample: str) -> tuple[str, str]:
    """Digest of what is said of a sample, and when its annotated variants were made."""
    lake = platform(server).lake
    return (
        str(lake.require("statement", sample).measures["statement_digest"]),
        lake.require("annotated_variants", sample).created,
    )


def shown_behind(server: Server) -> list[list[dict[str, Any]]]:
    """What the asset of the samples behind has shown, oldest first."""
    records = server.instance.fetch_materializations(SAMPLES_BEHIND.key, limit=50, ascending=True).records
    told = [one.asset_materialization.metadata["samples behind"] for one in records if one.asset_materialization]
    return [[dict(row.data) for row in one.records] if isinstance(one, dg.TableMetadataValue) else [] for one in told]


def release(server: Server, name: str, old: str = "", new: str = "", more: str = "") -> None:
    """Another ClinVar release where the reference declares it: a word of its table replaced, and lines added."""
    deployment = server.deployment
    source, declaration = deployment.folder / "data" / "sources" / "clinvar.tsv.gz", Path(deployment.reference)
    text = gzip.decompress(source.read_bytes()).decode()
    assert old in text
    source.write_bytes(gzip.compress((text.replace(old, new, 1) + more).encode(), mtime=0))
    declared = [line for line in declaration.read_text().splitlines() if not line.startswith("clinvar_release")]
    declaration.write_text("\n".join([*declared, f'clinvar_release: "{name}"', ""]))


def carried(server: Server, sample: str) -> set[tuple[str, str]]:
    """Classification by allele of what the sample carries and ClinVar knows."""
    import pyarrow.parquet as pq

    lake = platform(server).lake
    receipt = lake.require("annotated_variants", sample)
    rows = pq.read_table(lake.path(receipt, f"{sample}.annotated.parquet")).to_pylist()
    return {(row["allele"], row["clinvar_classification"]) for row in rows if row["clinvar_classification"]}


def test_one_reclassification_amends_one_report_and_all_others_are_confirmed(server: Server) -> None:
    told = [(allele, kind) for allele, kind in carried(server, CARRIER.sample_id) if kind == "pathogenic"]
    assert told and not set(told) & carried(server, OTHER.sample_id)
    before, other, had = said(server, CARRIER.sample_id), said(server, OTHER.sample_id), runs(server)
    position = told[0][0].split("-")[1]
    source = server.deployment.folder / "data" / "sources" / "clinvar.tsv.gz"
    (line,) = [one for one in gzip.decompress(source.read_bytes()).decode().splitlines() if f"\t{position}\t" in one]
    release(server, "2025-01", line, line.replace("\tPathogenic\t", "\tLikely_pathogenic\t"))
    told_once = {sample: platform(server).lake.require("variant_consequences", sample) for sample in BOTH}
    server.look()
    assert not server.tick(build_definitions(server.deployment.settings), "knowledge_changes")
    server.settle()

    assert runs(server) - had == Counter(
        {("knowledge", None): 1, ("reanalysis", None): 1, ("sample", CARRIER.sample_id): 1}
    )
    assert {sample: platform(server).lake.require("variant_consequences", sample) for sample in BOTH} == told_once
    assert not any("clinvar" in receipt.recipe.inputs for receipt in told_once.values())
    assert said(server, CARRIER.sample_id)[0] != before[0]
    assert said(server, OTHER.sample_id) == other
    services = platform(server)
    assert services.lake.require("annotated_variants", CARRIER.sample_id).recipe.knowledge["clinvar"] == "2025-01"
    assert {one.release_after for one in services.confirmations.of(OTHER.sample_id)} == {"2025-01"}
    assert not list(behind(services, [CARRIER.sample_id, OTHER.sample_id]))
    (rows, none) = shown_behind(server)[-2:]
    assert [(row["sample_id"], row["state"]) for row in rows] == [(CARRIER.sample_id, "waiting")] and none == []
    assert rows[0]["why"].count(told[0][0]) == 1 and "pathogenic to likely pathogenic" in rows[0]["why"]
    (asked,) = [
        entry for entry in services.registry.history(CARRIER.sample_id) if entry.details.get("cause") == "knowledge"
    ]
    assert f"{told[0][0]}: pathogenic to likely pathogenic" in asked.details["why"]


def test_a_confirmed_sample_is_fresh_and_says_so(server: Server) -> None:
    made = said(server, OTHER.sample_id)
    shown = server.deployment.run("genomics", "sample", OTHER.sample_id)
    assert "stands under clinvar 2025-01, confirmed " in shown.stdout, shown.stdout + shown.stderr
    services = platform(server)
    services.registry.retry(OTHER.sample_id, person="Dr Example", reason="once more")
    server.settle()
    assert services.registry.sample(OTHER.sample_id).status is SampleStatus.DONE
    assert said(server, OTHER.sample_id) == made


def test_the_change_is_told_and_the_release_before_can_be_replayed(server: Server) -> None:
    ran = server.deployment.run("genomics", "changes", "--json")
    (change,) = json.loads(ran.stdout)
    assert (change["sample"], change["gene"]) == (CARRIER.sample_id, "AVP")
    assert (change["before"], change["after"]) == ("pathogenic", "likely pathogenic")
    assert change["why"] == "clinvar 2024-12-15 to 2025-01" and change["first_seen"] < change["changed"]

    made = said(server, CARRIER.sample_id)
    replayed = server.deployment.run(
        "genomics", "replay", CARRIER.sample_id, "--knowledge", "clinvar=2024-12-15", "--json"
    )
    told = json.loads(replayed.stdout)
    assert told["now"]["digest"] == made[0] != told["then"]["digest"]
    assert any("was pathogenic, is likely pathogenic" in line for line in told["differs"]), told["differs"]
    assert said(server, CARRIER.sample_id) == made
    unknown = server.deployment.run("genomics", "replay", CARRIER.sample_id, "--knowledge", "clinvar=1999-01-01")
    assert unknown.returncode == 1 and "clinvar has no release '1999-01-01'" in unknown.stderr
    assert "2024-12-15, 2025-01" in unknown.stderr


def test_a_release_that_touches_nobody_runs_no_sample(server: Server) -> None:
    had = runs(server)
    release(server, "2025-02")
    server.settle()
    assert runs(server) - had == Counter({("knowledge", None): 1, ("reanalysis", None): 1})
    services = platform(server)
    held = {one.sample_id: (one.release_before, one.release_after) for one in services.confirmations.all()}
    assert held == {CARRIER.sample_id: ("2025-01", "2025-02"), OTHER.sample_id: ("2024-12-15", "2025-02")}


def test_a_panel_that_changes_touches_those_whose_order_names_it(server: Server) -> None:
    had = runs(server)
    panels = server.deployment.folder / "data" / "sources" / "panels.csv"
    panels.write_text(panels.read_text().replace(",1.2", ",1.3"))
    server.settle()
    assert runs(server) - had == Counter({("knowledge", None): 1, ("reanalysis", None): 1})


def test_a_gene_model_touches_everybody(server: Server) -> None:
    had: Any = runs(server)
    genes = server.deployment.folder / "data" / "sources" / "genes.gff3.gz"
    lines = gzip.decompress(genes.read_bytes())
    assert b"Name=OXT;" in lines
    genes.write_bytes(gzip.compress(lines.replace(b"Name=OXT;", b"Name=OXT2;"), mtime=0))
    server.settle()
    assert runs(server) - had == Counter(
        {("knowledge", None): 1, ("reanalysis", None): 1} | {("sample", one.sample_id): 1 for one in (CARRIER, OTHER)}
    )
    services = platform(server)
    looked = services.lake.require("knowledge_confirmations")
    assert len(read_touched(services.lake.path(looked, "touched.parquet"))) == 2


def test_a_decision_is_told_in_the_report_of_whoever_carries_the_allele_and_no_release_takes_it_back(
    server: Server,
) -> None:
    """A person judges what ClinVar calls pathogenic; the carrier alone is run, and a later release leaves the word."""
    (allele, _), *_ = [one for one in carried(server, CARRIER.sample_id) if one[1] == "likely_pathogenic"]
    before, had = said(server, CARRIER.sample_id), runs(server)
    decide = ("genomics", "decide", CARRIER.sample_id, allele, "--person", "Dr A", "--comment", "Assayed in this house")
    done = server.deployment.run(*decide, "--class", "likely benign", "--criteria", "BS3,BP4")
    assert done.returncode == 0 and f"asked for again: {CARRIER.sample_id}" in done.stdout, done.stderr
    services = platform(server)
    assert outdated("statement", services, CARRIER.sample_id) == "findings"
    assert outdated("statement", services, OTHER.sample_id) is None
    server.settle()
    assert runs(server) - had == Counter({("sample", CARRIER.sample_id): 1})
    assert said(server, CARRIER.sample_id)[0] != before[0]
    why = server.deployment.run("genomics", "why", CARRIER.sample_id, allele)
    assert "Judged by the laboratory" in why.stdout, why.stdout + why.stderr

    release(server, "2025-03")
    server.settle()
    assert "Judged by the laboratory" in server.deployment.run("genomics", "why", CARRIER.sample_id, allele).stdout
    again = server.deployment.run(*decide, "--class", "LP", "--json")
    assert json.loads(again.stdout)["supersedes"] == 1, again.stderr
    server.settle()
    listed = server.deployment.run("genomics", "decisions", allele, "--json")
    assert [(one["classification"], one["stands"]) for one in json.loads(listed.stdout)] == [
        ("likely_benign", False),
        ("likely_pathogenic", True),
    ]
    told = server.deployment.run("genomics", "report", CARRIER.sample_id, "--json")
    assert "as Dr A decided on" in told.stdout, told.stdout + told.stderr
    refused = server.deployment.run(*decide, "--class", "harmless")
    assert refused.returncode == 1 and "'harmless' is no class" in refused.stderr


def as_pathogenic(server: Server, sample: str, count: int) -> str:
    """Lines of ClinVar's table that tell of alleles which a sample carries and ClinVar did not know."""
    import pyarrow.parquet as pq

    lake = platform(server).lake
    table = pq.read_table(lake.path(lake.require("annotated_variants", sample), f"{sample}.annotated.parquet"))
    known = "clinvar_classification"
    unknown = [row for row in table.to_pylist() if row["filter"] == "PASS" and not row[known]]
    assert len(unknown) >= count
    status = "criteria_provided,_multiple_submitters,_no_conflicts"
    return "".join(
        f"{row['contig']}\t{row['position']}\t{row['ref']}\t{row['alt']}\t{9_000_000 + number}\t{row['gene'] or ''}\t"
        f"Pathogenic\t{status}\tnot_provided\t\t\t\n"
        for number, row in enumerate(unknown[:count])
    )


def test_a_release_that_says_much_otherwise_of_signed_cases_is_held_until_a_person_releases_it(server: Server) -> None:
    """The canary: beside what was signed other findings would be told, so that the release before stays."""
    sample, deployment = CARRIER.sample_id, server.deployment
    signed = deployment.run("genomics", "sign", sample, "--person", "Dr B", "--digest", said(server, sample)[0])
    assert signed.returncode == 0, signed.stdout + signed.stderr
    release(server, "2025-04", more=as_pathogenic(server, sample, 3))
    in_force = platform(server).lake.require("clinvar")
    for _ in range(2):  # the same release is no better when it is built again
        with pytest.raises(KnowledgeError, match=r"the release is held.*clinvar 2025-04: of \d+ class"):
            clinvar.make(platform(server), "", log=lambda _: None)
    assert platform(server).lake.require("clinvar") == in_force
    shown = json.loads(deployment.run("genomics", "knowledge", "--held", "--json").stdout)
    (trial,) = shown
    assert (trial["part"], trial["release"], trial["cases"]) == ("clinvar", "2025-04", 1)
    assert len(trial["flips"]) >= 2 and {one["sample"] for one in trial["flips"]} == {sample}
    listed = deployment.run("genomics", "knowledge", "--held")
    assert f"{sample}: " in listed.stdout and "not reported" in listed.stdout, listed.stdout

    refused = deployment.run("genomics", "knowledge", "--release", "clinvar", "--person", "Dr B")
    assert refused.returncode == 1 and "needs a person and a reason" in refused.stderr
    asked = (
        "genomics",
        "knowledge",
        "--release",
        "clinvar",
        "--person",
        "Dr B",
        "--reason",
        "The experts reclassified",
    )
    done = deployment.run(*asked)
    assert done.returncode == 0, done.stderr
    (entry,) = platform(server).audit.entries_of("knowledge released")
    assert (entry.event.who, entry.event.details["release"]) == ("Dr B", "2025-04")
    assert deployment.run(*asked).returncode == 1, "nothing waits any more"
    server.settle()
    assert platform(server).lake.require("clinvar").measures["release"] == "2025-04"
    assert platform(server).lake.require("annotated_variants", sample).recipe.knowledge["clinvar"] == "2025-04"
