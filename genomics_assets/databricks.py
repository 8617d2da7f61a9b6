"""The cohort's alleles annotated on Databricks, and taken back into the lake: an asset where a workspace is named."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import dagster as dg

import resources.databricks
from engine.code_version import code_version
from engine.duckdb_paths import as_pattern
from engine.errors import KnowledgeError, LakeError, ToolError
from engine.ops.dagster_op import clear_failure
from engine.ops.services import Services
from engine.receipt import Receipt, Recipe, digest_text
from engine.reference.bundle import ReferenceBundle
from engine.reference.bundle_file import write_bundle
from genomics_assets.binding import OWNERS
from resources.databricks import Workspace

NAME = "annotate_cohort_databricks"
_PARTS = ("reference_genome", "gene_model", "clinvar", "frequencies", "dbsnp")
_FILES = ("fasta", "gene_model", "clinvar", "frequencies", "dbsnp")
"""Files of a bundle by which alleles are annotated."""
_OPTIONAL = {one.name for one in fields(ReferenceBundle) if one.type == "Path | None"}
_WORDS = {"counts": "alleles.parquet", "bundle": "bundle.json", "output": "annotated"}
_RUN_THERE = [Path(resources.databricks.__file__).with_name(f"{name}.py") for name in ("spark", "databricks_job")]
"""What runs there beside the annotator: a changed text makes the artifact anew."""
_A_PART = 20_000
"""Alleles of a range of places, which is annotated at once: each reads the gene model."""
_POLLED = 5.0
"""Seconds between two looks at the task."""
_ALLELES = """COPY (
    SELECT contig, position, ref, alt, CAST(sum(carriers) AS BIGINT) AS carriers FROM read_parquet($1)
    GROUP BY ALL HAVING sum(carriers) <> 0 ORDER BY ALL
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""
_WHOLE = "COPY (SELECT * FROM read_parquet($1) ORDER BY contig, position, ref, alt) TO '{file}' (COMPRESSION zstd)"


def annotated_on(access: Path) -> dg.AssetsDefinition:
    """The asset of a deployment whose option names a workspace.

    Args:
        access: the file that tells of it.
    """

    @dg.asset(
        name=NAME,
        group_name="cohort",
        deps=["cohort_allele_frequency", "reference_genome"],
        required_resource_keys=set(Services.names()),
        description="Every distinct allele of the cohort annotated by the platform's own annotator on Databricks, in a"
        " task of its own; the rows are those of annotate_cohort.",
        owners=list(OWNERS),
        kinds={"databricks", "parquet"},
        pool="cohort",
    )
    def annotate_cohort_databricks(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        """Lay alleles and reference into the volume, run the task, take what it made."""
        services = Services.of(context.resources)
        with clear_failure(None):
            receipt, told = annotate(context, services, Workspace.of(access))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(receipt.data_version),
            metadata={"alleles": receipt.records, "path": str(services.lake.folder(receipt)), **told},
        )

    return annotate_cohort_databricks


def annotate(
    context: dg.AssetExecutionContext, services: Services, workspace: Workspace
) -> tuple[Receipt, dict[str, Any]]:
    """The annotated alleles as an artifact, and what Databricks told of the task; found fresh where nothing changed.

    Raises:
        LakeError: nobody has contributed to the cohort.
        KnowledgeError: the reference has no gene model.
        DeliveryError: the workspace does not do as asked.
        ToolError: the extra `databricks` is not installed, or the task annotated other alleles than it was given.
    """
    counts = services.warehouse.listing()["allele_count"]
    if not counts:
        raise LakeError("no sample has contributed to the cohort", remedy="let a sample come to its end first")
    parts = [part for part in _PARTS if part in services.knowledge.parts]
    bundle = services.knowledge.bundle(*parts)
    if bundle.gene_model is None:
        raise KnowledgeError("the reference has no gene model", remedy="declare gene_model in its YAML")
    knowledge = {part: services.knowledge.require(part).data_version for part in parts}
    with services.lake.work(NAME) as work:
        recipe = Recipe(
            inputs={"allele_count": digest_text("\n".join(sorted(Path(one).name for one in counts))), **knowledge},
            tools=code_version("engine.annotate.alleles:annotate_alleles", files=_RUN_THERE).tools(NAME),
        )
        if (fresh := work.fresh(recipe)) is not None:
            return fresh, {}
        place = workspace.place("runs", context.run_id)
        given = _lay_alleles(counts, workspace, f"{place}/alleles.parquet", work.scratch)
        _lay_bundle(bundle, knowledge, workspace, f"{place}/bundle.json", work.scratch)
        told = _run(context, workspace, place, parts=1 + given // _A_PART)
        records = _taken(workspace, f"{place}/annotated", work.folder, work.scratch)
        if records != given:
            raise ToolError(
                f"{given:,} alleles were given to Databricks, and {records:,} came back",
                remedy="materialize it again; look at the task's page where it happens again",
            )
        return work.publish(records=records, recipe=recipe, measures={"alleles": records}), told


def _lay_alleles(counts: Sequence[str], workspace: Workspace, place: str, scratch: Path) -> int:
    """Every allele that somebody carries, with how many do; how many alleles."""
    import duckdb
    import pyarrow.parquet as pq

    file = scratch / "alleles.parquet"
    with duckdb.connect() as db:
        db.execute(_ALLELES.format(file=str(file).replace("'", "''")), [[as_pattern(Path(one)) for one in counts]])
    workspace.put(file, place)
    return int(pq.read_metadata(file).num_rows)


def _lay_bundle(
    bundle: ReferenceBundle, knowledge: Mapping[str, str], workspace: Workspace, place: str, scratch: Path
) -> None:
    """The reference's files, unless an earlier run laid them, and a bundle that names them where they lie there."""
    release = digest_text("\n".join(f"{part} {version}" for part, version in sorted(knowledge.items())))[:16]
    there: dict[str, Any] = {}
    for name in _FILES:
        path: Path | None = getattr(bundle, name)
        for file in path.parent.glob(f"{path.name}*") if path else ():  # with its index
            workspace.put(file, workspace.place("reference", release, name, file.name), anew=False)
        if path:
            there[name] = Path(workspace.place("reference", release, name, path.name))
    there |= dict.fromkeys(_OPTIONAL - there.keys())
    file = scratch / "bundle.json"
    write_bundle(replace(bundle, **there), file)
    workspace.put(file, place)


def _run(context: dg.AssetExecutionContext, workspace: Workspace, place: str, *, parts: int) -> dict[str, Any]:
    """Run the task until it ends; its page."""
    from dagster._core.errors import DagsterPipesExecutionError  # no part of what it offers, and no DagsterError
    from dagster_databricks.pipes import PipesDatabricksServerlessClient

    words = [*(f"--{name}={place}/{file}" for name, file in _WORDS.items()), f"--parts={parts}"]
    task, beside = workspace.task(*words)
    client = PipesDatabricksServerlessClient(workspace.client, workspace.place("pipes"), poll_interval_seconds=_POLLED)
    try:
        ran = client.run(context=context, task=task, submit_args=beside)
    except DagsterPipesExecutionError as error:
        raise ToolError(f"the task on Databricks failed: {error}", remedy="look at the task's page there") from error
    return dict(ran.metadata)


def _taken(workspace: Workspace, there: str, folder: Path, scratch: Path) -> int:
    """What the task made as one file, in order of places; how many rows."""
    import duckdb
    import pyarrow.parquet as pq

    files = [as_pattern(one) for one in workspace.take(there, scratch)]
    made = folder / "annotated_alleles.parquet"
    with duckdb.connect() as db:
        db.execute(_WHOLE.format(file=str(made).replace("'", "''")), [files])
    return int(pq.read_metadata(made).num_rows)
