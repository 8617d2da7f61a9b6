"""Databricks by configuration: the bundle as its types read it, a file that is refused, and the task run to its end."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pysam
import pytest
import yaml

from engine.annotate.alleles import annotate_alleles
from engine.errors import DeliveryError, ToolError
from engine.ops import knowledge
from genomics_assets.databricks import NAME
from genomics_assets.definitions import build_definitions
from resources.databricks import PACKAGE, PROGRAM, connected, read_databricks
from resources.environment import Resources, build_resources
from tests.builders.contributions import contribute, contribution
from tests.builders.databricks_workspace import TOKEN, DatabricksWorkspace, databricks_workspace
from tests.builders.deployment import START, Deployment, tiny_deployment
from tests.conftest import PROJECT

SPARK = PROJECT / ".spark" / "bin" / "python"
"""Where ``make spark`` puts Spark, Databricks' SDK and Dagster's client with the platform."""
CONNECT = PROJECT / ".databricks-connect" / "bin" / "python"
"""Where ``make databricks-connect`` puts Databricks Connect, which does not stand beside the platform's NumPy."""
BUNDLE = PROJECT / "deploy" / "databricks" / "databricks.yml"
PARTS = ("reference_genome", "gene_model", "clinvar", "frequencies", "dbsnp")
VOLUME = "/Volumes/main/genomics/platform"
TOLD = {"host": "https://adb-1.2.azuredatabricks.net", "volume": VOLUME, "wheel": f"{VOLUME}/genomics.whl"}


def access(folder: Path, **said: object) -> Path:
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "databricks.yaml").write_text(yaml.safe_dump({**TOLD, "secret_file": "token", **said}))
    return folder / "databricks.yaml"


def bundle() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(BUNDLE.read_text())
    return told


def test_databricks_own_types_read_the_bundle_and_its_job_runs_a_program_of_ours() -> None:
    from databricks.bundles.jobs import Job
    from databricks.bundles.schemas import Schema
    from databricks.bundles.volumes import Volume, VolumeType

    made = bundle()["resources"]
    assert set(made) == {"schemas", "volumes", "jobs"}
    (schema,) = (Schema.from_dict(one) for one in made["schemas"].values())
    (volume,) = (Volume.from_dict(one) for one in made["volumes"].values())
    (job,) = (Job.from_dict(one) for one in made["jobs"].values())
    assert volume.volume_type == VolumeType.MANAGED and schema.catalog_name == volume.catalog_name
    (task,), (environment,) = job.tasks, job.environments
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert task.python_wheel_task.package_name == project["name"] == PACKAGE
    assert task.python_wheel_task.entry_point == PROGRAM in project["scripts"]
    assert task.environment_key == environment.environment_key
    asked = {word.partition("=")[0] for word in task.python_wheel_task.parameters}
    assert asked == {f"--{one.name}" for one in job.parameters} == {"--counts", "--bundle", "--output"}
    misspelt = yaml.safe_load(BUNDLE.read_text().replace("entry_point", "entry_pint"))["resources"]["jobs"]
    with pytest.raises(ValueError, match="entry_pint"):
        Job.from_dict(misspelt["annotate_cohort"])


def test_every_variable_of_the_bundle_is_declared_and_every_path_lies_in_its_volume() -> None:
    text, told = BUNDLE.read_text(), bundle()
    named = set(re.findall(r"\$\{var\.(\w+)\}", text))
    assert named == set(told["variables"]) and "dbfs" not in text.lower()
    for path in re.findall(r"/Volumes/\S+", text):
        assert path.startswith("/Volumes/${var.catalog}/${var.schema}/platform"), path
    assert [one for one, target in told["targets"].items() if target.get("default")] == ["dev"]
    assert told["targets"]["prod"]["mode"] == "production"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"host": ""}, "lacks host"),
        ({"host": "http://adb.example.org"}, "host that is not https"),
        ({"volume": "dbfs:/genomics"}, "volume that is none of Unity Catalog"),
        ({"wheel": "/Workspace/genomics.whl"}, "wheel that does not lie in the volume"),
        ({"warehouse": "1"}, "what is not known: warehouse"),
    ],
)
def test_a_file_that_is_no_workspace_is_refused(tmp_path: Path, said: dict[str, object], told: str) -> None:
    with pytest.raises(DeliveryError, match=told):
        read_databricks(access(tmp_path, **said))
    assert read_databricks(access(tmp_path)).volume == VOLUME


_CONNECTED = """
import sys
from pathlib import Path
from engine.errors import GenomicsError
from resources.databricks import connected

for name in sys.argv[1:]:
    try:
        channel = connected(Path(name)).client._builder
        print(channel.url.geturl(), channel._config.authenticate(), sorted(dict(channel.metadata()).items()))
    except GenomicsError as error:
        print(type(error).__name__, error)
"""


def test_a_session_of_databricks_connect_goes_to_the_cluster_or_serverless_as_the_file_says(tmp_path: Path) -> None:
    if not CONNECT.exists():
        pytest.skip("Databricks Connect is not installed: make databricks-connect")
    with databricks_workspace(tmp_path / "there", SPARK) as workspace:
        asked = {"new": "0123-new", "old": "0123-old", "gone": "0123-gone", "serverless": "", "stranger": "0123-new"}
        for name, cluster in asked.items():
            (tmp_path / name).mkdir()
            access(tmp_path / name, host=workspace.host, cluster=cluster)
        (tmp_path / "stranger" / "token").write_text("of somebody else")
        files = [str(tmp_path / name / "databricks.yaml") for name in asked]
        done = subprocess.run(
            [str(CONNECT), "-c", _CONNECTED, *files],
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    new, old, gone, serverless, stranger = done.stdout.splitlines()
    bearer = f"{workspace.host} {{'Authorization': 'Bearer {TOKEN}'}} "
    assert new == f"{bearer}[('x-databricks-cluster-id', '0123-new')]"
    assert serverless.startswith(f"{bearer}[('x-databricks-session-id', '")
    assert old.startswith("ToolError") and "13.3" in old and "later release" in old
    assert gone.startswith("DeliveryError") and "Cluster does not exist" in gone
    assert stranger.startswith("DeliveryError") and "no token" in stranger


def test_where_databricks_connect_is_not_installed_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="is not installed"):
        connected(access(tmp_path))


def test_the_asset_is_there_where_a_workspace_is_named(tmp_path: Path) -> None:
    for options, there in (({}, False), ({"GENOMICS_DATABRICKS": str(access(tmp_path))}, True)):
        deployment = tiny_deployment(tmp_path / str(there), **options)
        assets = build_definitions(deployment.settings).get_repository_def().asset_graph.get_all_asset_keys()
        assert (NAME in {key.to_user_string() for key in assets}) == there


_MATERIALIZE = """
import sys
import dagster as dg
from genomics_assets import databricks
from resources.environment import Settings, build_resources

databricks._POLLED = 0.2
settings = Settings.from_environment()
asset = databricks.annotated_on(settings.databricks)
done = dg.materialize([asset], resources=vars(build_resources(settings)), raise_on_error=False)
for event in done.get_asset_materialization_events():
    print("made", event.materialization.metadata)
for event in done.all_events:
    if event.is_step_failure:
        print("failed", event.step_failure_data.error.to_string())
"""


def alleles_of(platform: Resources) -> list[tuple[str, int, str, str]]:
    reference = platform.knowledge.bundle("reference_genome")
    (contig,) = reference.contigs
    with pysam.FastaFile(str(reference.fasta)) as fasta:
        bases = fasta.fetch(contig.name, START, START + 20_000).upper()
    steps = [at for at in range(100, 20_000, 250) if bases[at] in "ACGT"]
    return [(contig.name, START + at + 1, bases[at], "A" if bases[at] != "A" else "G") for at in steps]


def materialize(deployment: Deployment) -> str:
    done = subprocess.run(
        [str(SPARK), "-c", _MATERIALIZE],
        env=os.environ | deployment.variables | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_cohorts_alleles_come_back_annotated_as_by_one_machine_and_a_failed_task_is_told(tmp_path: Path) -> None:
    if not SPARK.exists() or not shutil.which("java"):
        pytest.skip("Spark is not installed: make spark (needs Java 17)")
    with databricks_workspace(tmp_path / "there", SPARK) as workspace:
        deployment = tiny_deployment(tmp_path, GENOMICS_DATABRICKS=str(access(tmp_path, host=workspace.host)))
        platform = build_resources(deployment.settings)
        for part in PARTS:
            getattr(knowledge, part).make(platform, "", log=lambda _: None)
        alleles = alleles_of(platform)
        contribute(platform.warehouse, "S1", contribution("S1", [(*one, 1, 2) for one in alleles]))
        contribute(platform.warehouse, "S2", contribution("S2", [(*one, 1, 2) for one in alleles[:5]]))
        workspace.failing = True
        assert "the task on Databricks failed" in materialize(deployment)
        assert platform.lake.receipt(NAME) is None
        workspace.failing = False
        assert "made" in materialize(deployment), workspace.said
        assert_annotated(platform, alleles, tmp_path)
        asked = len(workspace.submitted)
        assert "made" in materialize(deployment) and len(workspace.submitted) == asked, "it is fresh"
        assert_only_ours_lies_there(workspace)


def assert_annotated(platform: Resources, alleles: list[tuple[str, int, str, str]], folder: Path) -> None:
    receipt = platform.lake.require(NAME)
    pq.write_table(annotate_alleles(alleles, platform.knowledge.bundle(*PARTS), folder), folder / "one.parquet")
    there = platform.lake.path(receipt, "annotated_alleles.parquet")
    for one, other in ((folder / "one.parquet", there), (there, folder / "one.parquet")):
        assert duckdb.sql(f"from '{one}' except all from '{other}'").fetchall() == []
    assert receipt.records == len(alleles) > 50


def assert_only_ours_lies_there(workspace: DatabricksWorkspace) -> None:
    left = {path.relative_to(workspace.local(VOLUME)).parts[0] for path in workspace.local(VOLUME).rglob("*")}
    assert left == {"runs", "reference", "pipes"}
    assert not any(path.is_file() for path in workspace.local(f"{VOLUME}/pipes").rglob("*"))
