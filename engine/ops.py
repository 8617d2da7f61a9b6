"""Thin Dagster ops around engine functions: the one file of the engine that knows Dagster.

An op opens the gates of what it uses, states the recipe of what it makes, lets an engine function write into a work
folder, and publishes. It is where retries, pools and sizes are set. An artifact whose recipe is unchanged is not
computed again unless the op's config says ``recompute``.

Ops find their services by name in ``context.resources``: ``settings``, ``lake``, ``gate``, ``knowledge``, ``registry``
and ``warehouse`` (see ``resources/environment.py``). Which assets the ops make is said in ``genomics_assets/assets``.
"""

import base64
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg

from engine.errors import GateError, GenomicsError, KnowledgeError, LakeError
from engine.progress import Progress
from engine.receipt import Measure, Receipt, Recipe, describe_file
from engine.tools import versions

# Data versions on op outputs are how an asset made from an op says what it holds; Dagster still calls them beta.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `data_version` of initializer `Output")

SERVICES = {"settings", "lake", "gate", "knowledge", "registry"}
CONFIG = {"recompute": dg.Field(bool, default_value=False, description="Compute again even if nothing has changed.")}
MEASURED_ASSETS = ("raw_reads", "aligned_reads", "gvcf", "variants")
TOOLS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "reference_genome": (("pysam",), ("reference",)),
    "aligner_index": (("bwa-mem3", "pydivsufsort"), ("align",)),
    "gene_model": (("pysam",), ("reference",)),
    "known_sites": (("pysam",), ("reference",)),
    "clinvar": (("pysam",), ("annotate",)),
    "raw_reads": (("isal",), ("reads",)),
    "aligned_reads": (("bwa-mem3", "isal", "pysam"), ("align", "reads")),
    "gvcf": (("pysam",), ("call", "reads")),
    "variants": (("pysam",), ("genotype",)),
    "annotated_variants": (("pysam", "duckdb", "pyarrow"), ("annotate",)),
    "findings": (("duckdb", "pyarrow"), ("classify",)),
    "fhir_bundle": (("fhir.resources",), ("fhir",)),
    "cohort_contribution": (("cyvcf2", "pyarrow"), ("cohort",)),
    "cohort_tables": (("dbt-core", "dbt-duckdb", "duckdb"), ("cohort",)),
}
"""By op the installed packages and the engine folders that do its work: their versions are its code version."""
REPORTED_ASSETS = ("raw_reads", "aligned_reads", "gvcf", "variants", "annotated_variants", "findings")
CPU_SECONDS = "CPU seconds"
"""Name in an artifact's metadata: what the step took, near nothing where the artifact was fresh."""
LONGEST_SERIES = 1000
"""Values of a histogram that a receipt keeps."""
# A full disk or a lost network share may be back a little later; bad input is not retried (see `_clear_failure`).
RETRY = dg.RetryPolicy(max_retries=1, delay=5, backoff=dg.Backoff.EXPONENTIAL)


MakeOp = Callable[[Callable[..., Any]], dg.OpDefinition]


@dataclass(frozen=True)
class Made:
    """What a computation gave: the number of records and what was measured."""

    records: int
    measures: Mapping[str, Measure] = field(default_factory=dict)


def _tools(op: str) -> dict[str, str]:
    packages, code = TOOLS[op]
    return versions(*packages, code=code)


def _code_version(op: str) -> str:
    return ", ".join(f"{name} {version}" for name, version in _tools(op).items())


def _sample_op(*upstream: str, services: frozenset[str] = frozenset()) -> MakeOp:
    return _op_maker(upstream, SERVICES | services)


def _knowledge_op(*upstream: str) -> MakeOp:
    return _op_maker(upstream, {"settings", "lake", "knowledge"})


def _op_maker(upstream: tuple[str, ...], services: set[str]) -> MakeOp:
    def make(compute: Callable[[dg.OpExecutionContext], dg.Output[None]]) -> dg.OpDefinition:
        @wraps(compute)
        def op(context: dg.OpExecutionContext) -> dg.Output[None]:
            with _clear_failure(context.partition_key if context.has_partition_key else None):
                return compute(context)

        return dg.op(
            ins={name: dg.In(dg.Nothing) for name in upstream},
            out=dg.Out(dg.Nothing),
            required_resource_keys=services,
            config_schema=CONFIG,
            retry_policy=RETRY,
            code_version=_code_version(compute.__name__),
        )(op)

    return make


@contextmanager
def _clear_failure(sample: str | None) -> Iterator[None]:
    """Turn an error that a user can mend into a failure that says so and is not retried."""
    try:
        yield
    except GenomicsError as error:
        raise dg.Failure(description=str(error.about(sample=sample)), allow_retries=False) from error


def _publish(
    context: dg.OpExecutionContext, recipe: Recipe, compute: Callable[[Any], Made], *, sample: str | None
) -> dg.Output[None]:
    """Make and publish the op's artifact, or find it fresh, and tell Dagster what it holds."""
    before = _cpu_seconds()
    receipt = _make(context, recipe, compute, sample=sample)
    return _output(context, receipt, cpu_seconds=_cpu_seconds() - before)


def _cpu_seconds() -> float:
    """CPU time that this process and those it has waited for have taken."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _make(
    context: dg.OpExecutionContext, recipe: Recipe, compute: Callable[[Any], Made], *, sample: str | None
) -> Receipt:
    asset = context.op.name
    with context.resources.lake.work(asset, sample) as work:
        receipt: Receipt | None = None if context.op_config["recompute"] else work.fresh(recipe)
        if receipt is not None:
            context.log.info(f"{asset} is fresh: made {receipt.created} from the same inputs by the same tools")
            return receipt
        made = compute(work)
        published: Receipt = work.publish(records=made.records, recipe=recipe, measures=made.measures)
        return published


def _output(context: dg.OpExecutionContext, receipt: Receipt, *, cpu_seconds: float) -> dg.Output[None]:
    metadata = _metadata(receipt, context.resources.lake.folder(receipt)) | {CPU_SECONDS: round(cpu_seconds, 2)}
    return dg.Output(None, metadata=metadata, data_version=dg.DataVersion(receipt.data_version))


def _metadata(receipt: Receipt, folder: Path) -> dict[str, Any]:
    from engine.quality.plots import draw

    shown: dict[str, Any] = {
        "path": dg.MetadataValue.path(str(folder)),
        "records": receipt.records,
        "size (MB)": round(sum(file.bytes for file in receipt.files) / 1e6, 3),
        "files": dg.MetadataValue.md(
            "\n".join(f"- `{file.name}` {file.bytes:,} bytes, sha256 `{file.sha256}`" for file in receipt.files)
        ),
    }
    shown |= {name: _rounded(value) for name, value in receipt.measures.items() if isinstance(value, int | float | str)}
    for title, png in draw(receipt.measures).items():
        shown[title] = dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")
    shown["tools"] = dg.MetadataValue.json(dict(receipt.recipe.tools))
    shown["made from"] = dg.MetadataValue.json(dict(receipt.recipe.inputs) | dict(receipt.recipe.knowledge))
    return shown


def _rounded(value: float | str) -> float | str:
    """For people, six digits; the receipt has them all."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _describe_sources(*sources: Path | None) -> dict[str, str]:
    """sha256 of declared source files by name: what a knowledge artifact is made from."""
    return {source.name: describe_file(source).sha256 for source in sources if source is not None and source.is_file()}


@_knowledge_op()
def reference_genome(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Check the declared FASTA against its declared M5 and index it."""
    from engine.reference.build import build_genome

    declared = context.resources.knowledge.declaration

    def compute(work: Any) -> Made:
        measures = build_genome(declared.fasta, declared.targets, declared.contig_md5, work.folder)
        return Made(measures.contigs, vars(measures))

    recipe = Recipe(
        tools=_tools(context.op.name),
        parameters={
            "sources": _describe_sources(declared.fasta, declared.targets),
            "contig_md5": dict(declared.contig_md5),
        },
    )
    return _publish(context, recipe, compute, sample=None)


@_knowledge_op("reference_genome")
def aligner_index(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Build the aligner's index of the reference, long runs of N left out."""
    from engine.align.index import build_index
    from engine.reference.genome import open_reference

    knowledge, aligner = context.resources.knowledge, context.resources.settings.aligner

    def compute(work: Any) -> Made:
        index = build_index(open_reference(knowledge.reference().fasta), work.folder / "index", aligner=aligner)
        return Made(len(index.pieces), {"pieces": len(index.pieces), "aligner": aligner})

    recipe = Recipe(
        inputs=knowledge.versions("reference_genome"),
        tools=_tools(context.op.name),
        parameters={"aligner": aligner},
    )
    return _publish(context, recipe, compute, sample=None)


@_knowledge_op("reference_genome")
def gene_model(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Sort and index the declared gene model in the reference's contig names."""
    from engine.reference.build import build_gene_model

    knowledge = context.resources.knowledge
    source = knowledge.declaration.gene_model

    def compute(work: Any) -> Made:
        genes = build_gene_model(source, knowledge.reference().contigs, work.folder)
        return Made(genes, {"genes": genes})

    return _publish_source(context, source, compute)


@_knowledge_op("reference_genome")
def known_sites(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Sort and index the declared known variants in the reference's contig names."""
    from engine.reference.build import build_known_sites

    knowledge = context.resources.knowledge
    source = knowledge.declaration.known_sites

    def compute(work: Any) -> Made:
        sites = build_known_sites(source, knowledge.reference().contigs, work.folder)
        return Made(sites, {"sites": sites})

    return _publish_source(context, source, compute)


@_knowledge_op("reference_genome")
def clinvar(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Make the declared ClinVar release a table by normalised allele."""
    from engine.annotate.clinvar import build_clinvar

    knowledge = context.resources.knowledge
    declared = knowledge.declaration

    def compute(work: Any) -> Made:
        reference = knowledge.reference()
        found = build_clinvar(
            declared.clinvar, reference.fasta, reference.contigs, declared.clinvar_release, work.folder
        )
        return Made(found.records, vars(found) | {"release": declared.clinvar_release})

    return _publish_source(context, declared.clinvar, compute, release=declared.clinvar_release)


def _publish_source(
    context: dg.OpExecutionContext,
    source: Path | None,
    compute: Callable[[Any], Made],
    **parameters: str | None,
) -> dg.Output[None]:
    """Publish a part of the bundle that is made from one declared file beside the genome."""
    if source is None:
        raise KnowledgeError(
            f"the reference declares no {context.op.name}",
            remedy=f"add {context.op.name} to its YAML, or leave this asset out of the run",
        )
    recipe = Recipe(
        inputs=context.resources.knowledge.versions("reference_genome"),
        tools=_tools(context.op.name),
        parameters={"sources": _describe_sources(source), **parameters},
    )
    return _publish(context, recipe, compute, sample=None)


@_sample_op("reference_genome", services=frozenset({"landing_zone"}))
def raw_reads(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Verify a sample's FASTQ files, measure them, and register where they lie."""
    from engine.reads.conventions import UmiSource
    from engine.reads.intake import verify_reads
    from engine.reads.manifest import write_manifest

    sample, services = context.partition_key, context.resources
    settings = services.settings
    services.knowledge.versions(*services.knowledge.parts)  # the wrong build is told before any work is done
    lanes = services.registry.participant(sample).lanes
    landing = services.landing_zone.root.resolve()

    def compute(work: Any) -> Made:
        summary = verify_reads(
            sample,
            lanes,
            threads=settings.threads,
            allow_mixed_lengths=settings.mixed_read_lengths == "accept",
            umi=UmiSource(settings.umi),
            log=context.log.info,
        )
        services.registry.record_digests(sample, summary.files)
        write_manifest(lanes, summary.files, work.folder, base=landing, copy=settings.reads == "copy")
        return Made(2 * summary.pairs, summary.measures())

    recipe = Recipe(
        tools=_tools(context.op.name),
        parameters={
            "reads": settings.reads,
            "mixed_read_lengths": settings.mixed_read_lengths,
            "umi": settings.umi,
            "lanes": [_stated(lane, landing) for lane in lanes],
        },
    )
    return _publish(context, recipe, compute, sample=sample)


def _stated(lane: Any, landing: Path) -> dict[str, Any]:
    """A lane as the sheet has it, and what tells a replaced file from the one that was read, without reading it."""
    return {
        "lane": lane.name,
        "read1": [*_file_facts(lane.read1, landing), lane.md5_read1],
        "read2": [*_file_facts(lane.read2, landing), lane.md5_read2],
        "quality_encoding": str(lane.quality_encoding),
    }


def _file_facts(path: Path, landing: Path) -> list[str | int]:
    """Place in the landing zone, size, time of change."""
    from engine.reads.manifest import require_landed

    facts = require_landed(path, landing).stat()
    return [path.relative_to(landing).as_posix(), facts.st_size, facts.st_mtime_ns]


@_sample_op("raw_reads", "reference_genome", "aligner_index", services=frozenset({"landing_zone"}))
def aligned_reads(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Align the reads, mark duplicates, sort and index, measuring on the way."""
    from engine.align.aligner import open_aligner
    from engine.align.pipeline import AlignmentOptions, align_reads
    from engine.reads.conventions import UmiSource
    from engine.reads.manifest import read_manifest
    from engine.reads.picard_metrics import write_metrics
    from engine.reference.genome import open_reference
    from engine.reference.intervals import read_bed

    sample, services = context.partition_key, context.resources
    settings, person = services.settings, services.registry.participant(sample).person
    inputs = _open_gates(context, "raw_reads")
    bundle = services.knowledge.bundle()
    aligner = open_aligner(settings.aligner, bundle.aligner_index, bundle.contigs)

    def compute(work: Any) -> Made:
        reads = services.lake.require("raw_reads", sample)
        aligned = align_reads(
            read_manifest(
                services.lake.folder(reads), base=services.landing_zone.root.resolve(), sha256=services.lake.sha256
            ),
            sample,
            open_reference(bundle.fasta),
            aligner,
            work.folder / f"{sample}.{settings.alignment_format}",
            targets=read_bed(bundle.targets, bundle.contig_lengths),
            options=AlignmentOptions(
                threads=settings.threads, format=settings.alignment_format, umi=UmiSource(settings.umi)
            ),
            expected_pairs=reads.measures["pairs"],
            log=context.log.info,
        )
        write_metrics(sample, aligned.histograms, aligned.duplication, aligned.set_sizes, work.folder)
        return Made(aligned.records, _alignment_measures(aligned, str(person.sex)))

    recipe = Recipe(
        inputs=inputs | services.knowledge.versions("reference_genome", "aligner_index"),
        tools={aligner.name: aligner.version} | _tools(context.op.name),
        parameters={"format": settings.alignment_format, "umi": settings.umi, "sex": str(person.sex)},
    )
    return _publish(context, recipe, compute, sample=sample)


def _alignment_measures(aligned: Any, stated_sex: str) -> dict[str, Measure]:
    """The figures of an alignment, what they say of the person's sex, and the series for plots."""
    from engine.reads.sex import judge_sex

    figures: dict[str, Measure] = dict(vars(aligned.measures))
    sex = judge_sex(
        stated_sex,
        autosomes=aligned.measures.autosome_coverage,
        x=aligned.measures.x_coverage,
        y=aligned.measures.y_coverage,
    )
    histograms = aligned.histograms
    return figures | {
        "sex_observed": sex.observed,
        "sex_evidence": sex.evidence,
        "sex_mismatch": sex.mismatch,
        "coverage_histogram": histograms.depths[:LONGEST_SERIES].tolist(),
        "insert_size_histogram": histograms.insert_sizes[0][:LONGEST_SERIES].tolist(),
        "read1_quality_by_cycle": histograms.quality_by_cycle[0].round(3).tolist(),
        "read2_quality_by_cycle": histograms.quality_by_cycle[1].round(3).tolist(),
    }


@_sample_op("aligned_reads", "reference_genome")
def gvcf(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Call every target position: variants with genotype likelihoods, blocks of confident reference."""
    from engine.call.caller import call_gvcf, variant_caller
    from engine.recalibrate.recalibration import recalibrate
    from engine.recalibrate.report import write_report

    sample, services = context.partition_key, context.resources
    settings, person = services.settings, services.registry.participant(sample).person

    def compute(work: Any) -> Made:
        bundle = services.knowledge.reference()
        reads = _alignment_file(services, sample)
        table = None
        if settings.recalibrates:
            known = services.knowledge.bundle().known_sites
            table = recalibrate(
                reads, [known] if known else [], bundle.fasta, threads=settings.threads, log=context.log.info
            )
            write_report(table, work.folder / f"{sample}.recalibration.table")
        summary = call_gvcf(
            reads,
            bundle,
            work.folder / f"{sample}.g.vcf.gz",
            caller=settings.caller,
            sample=sample,
            targets=bundle.targets,
            padding=settings.target_padding,
            sex=person.sex,
            recalibration=table,
            threads=settings.threads,
            progress=Progress("calling", unit="bases", log=context.log.info),
        )
        return Made(summary.records, vars(summary))

    parts = ("reference_genome", "known_sites") if settings.recalibrates else ("reference_genome",)
    recalibration = versions(code=("recalibrate",)) if settings.recalibrates else {}
    recipe = Recipe(
        inputs=_open_gates(context, "aligned_reads") | services.knowledge.versions(*parts),
        tools={"caller": variant_caller(settings.caller).version()} | _tools(context.op.name) | recalibration,
        parameters={
            "caller": settings.caller,
            "profile": settings.profile,
            "sex": str(person.sex),
            "target_padding": settings.target_padding,
        },
    )
    return _publish(context, recipe, compute, sample=sample)


def _open_gates(context: dg.OpExecutionContext, *assets: str) -> dict[str, str]:
    """Pass the gates of upstream artifacts; their data versions by asset."""
    gate, sample = context.resources.gate, context.partition_key
    return {asset: gate.require(asset, sample).data_version for asset in assets}


def _file(services: Any, asset: str, sample: str, suffix: str) -> Path:
    """The one file of an artifact with that suffix."""
    receipt = services.lake.require(asset, sample)
    (name,) = [file.name for file in receipt.files if file.name.endswith(suffix)]
    path: Path = services.lake.path(receipt, name)
    return path


def _alignment_file(services: Any, sample: str) -> Path:
    return _file(services, "aligned_reads", sample, f".{services.settings.alignment_format}")


@_sample_op("gvcf", "reference_genome")
def variants(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Genotype the gVCF's variant sites and mark calls that are not to be trusted."""
    from engine.genotype.sample import genotype_sample

    sample, services = context.partition_key, context.resources

    def compute(work: Any) -> Made:
        bundle = services.knowledge.reference()
        summary = genotype_sample(
            _file(services, "gvcf", sample, ".g.vcf.gz"),
            bundle,
            work.folder / f"{sample}.vcf.gz",
            caller=services.settings.caller,
            targets=bundle.targets,
            filters=services.settings.filters,
            progress=Progress("genotyping", unit="sites", log=context.log.info),
        )
        return Made(summary.records, vars(summary))

    recipe = Recipe(
        inputs=_open_gates(context, "gvcf") | services.knowledge.versions("reference_genome"),
        tools=_tools(context.op.name),
        parameters={"caller": services.settings.caller, "filters": services.settings.filters},
    )
    return _publish(context, recipe, compute, sample=sample)


@_sample_op("variants", "reference_genome", "gene_model", "clinvar")
def annotated_variants(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Say of each allele what it does to which gene, how HGVS names it, and what ClinVar knows of it."""
    from engine.annotate.annotate import annotate_variants

    sample, services = context.partition_key, context.resources

    def compute(work: Any) -> Made:
        source = _file(services, "variants", sample, ".vcf.gz")
        progress = Progress("annotating", unit="variants", log=context.log.info)
        summary = annotate_variants(source, services.knowledge.bundle(), work.folder, sample, progress=progress)
        return Made(summary.records, vars(summary))

    knowledge = services.knowledge.versions("reference_genome", "gene_model", "clinvar")
    recipe = Recipe(
        inputs=_open_gates(context, "variants") | knowledge,
        tools=_tools(context.op.name),
        knowledge=services.knowledge.releases(),
    )
    return _publish(context, recipe, compute, sample=sample)


@_sample_op("annotated_variants", "clinvar")
def findings(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Choose what is to be told: pathogenic variants with their zygosity, inheritance and evidence."""
    from engine.classify.findings import Subject, find_variants

    sample, services = context.partition_key, context.resources
    person = services.registry.participant(sample).person
    parents = {"father": person.father_id, "mother": person.mother_id}

    def compute(work: Any) -> Made:
        subject = Subject(
            person,
            father=_parent(services, present.get("father")),
            mother=_parent(services, present.get("mother")),
        )
        annotated = _file(services, "annotated_variants", sample, ".parquet")
        summary = find_variants(annotated, subject, services.knowledge.bundle(), work.folder, sample)
        return Made(summary.findings, vars(summary))

    # A parent who has not come this far yet is done without; when he has, the child is run again (sensors.py).
    present = {
        kin: parent for kin, parent in parents.items() if parent and _is_open(services, "annotated_variants", parent)
    }
    kin_versions = {
        f"{asset} of {kin}": services.lake.require(asset, parent).data_version
        for kin, parent in present.items()
        for asset in ("annotated_variants", "gvcf")
    }
    recipe = Recipe(
        inputs=_open_gates(context, "annotated_variants")
        | services.knowledge.versions("reference_genome", "clinvar")
        | kin_versions,
        tools=_tools(context.op.name),
        knowledge=services.knowledge.releases(),
        parameters={"sex": str(person.sex), "secondary_findings_consent": person.secondary_findings_consent}
        | ({"ordered_genes": list(person.ordered_genes)} if person.ordered_genes else {}),
    )
    return _publish(context, recipe, compute, sample=sample)


def _parent(services: Any, sample: str | None) -> Any:
    """A parent's calls, as far as there is such a sample."""
    from engine.classify.phase import Parent

    if sample is None:
        return None
    return Parent(
        _file(services, "annotated_variants", sample, ".parquet"), _file(services, "gvcf", sample, ".g.vcf.gz")
    )


def _is_open(services: Any, asset: str, sample: str) -> bool:
    """Whether another sample's artifact is there and may be used."""
    if services.lake.receipt(asset, sample) is None:
        return False
    try:
        services.gate.require(asset, sample)
    except GateError:
        return False
    return True


@_sample_op(*REPORTED_ASSETS, "reference_genome", "gene_model")
def fhir_bundle(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Write the report as a FHIR bundle that leads back to the reads, the tools and the knowledge."""
    from engine.fhir.bundle import statement_digest, write_bundle
    from engine.fhir.case import CaseFacts
    from engine.fhir.lineage import Lineage
    from engine.fhir.regions import study_regions
    from engine.reads.manifest import read_digests
    from engine.reference.build import link_or_copy

    sample, services = context.partition_key, context.resources
    person = services.registry.participant(sample).person
    inputs = _open_gates(context, *REPORTED_ASSETS)
    let_through = services.gate.let_through(sample, *REPORTED_ASSETS)

    def compute(work: Any) -> Made:
        receipts = tuple(services.lake.require(asset, sample) for asset in REPORTED_ASSETS)
        reads, coverage, bundle = receipts[0], receipts[1].measures, services.knowledge.bundle()
        case = CaseFacts(
            sample=sample,
            person=person,
            regions=study_regions(
                bundle,
                _file(services, "gvcf", sample, ".g.vcf.gz"),
                sex=person.sex,
                mean_coverage=coverage["mean_coverage"],
                fraction_20x=coverage["fraction_20x"],
            ),
            let_through=let_through,
        )
        lineage = Lineage(read_digests(services.lake.folder(reads)), receipts)
        table = _file(services, "findings", sample, ".parquet")
        said = {
            "statement_digest": statement_digest(table, case, lineage, bundle.build),
            "written_by": _code_version(context.op.name),
        }
        previous = services.lake.previous("fhir_bundle", sample)
        if previous and said.items() <= previous.measures.items() and services.lake.is_whole(previous):
            # A report that says the same is the same report: it stays as it was issued.
            for file in previous.files:
                link_or_copy(services.lake.path(previous, file.name), work.folder / file.name)
            return Made(previous.records, previous.measures)
        issued = datetime.now(UTC).isoformat(timespec="seconds")
        summary = write_bundle(table, case, lineage, bundle.build, issued, work.folder)
        return Made(summary.resources, vars(summary) | said | {"issued": issued})

    knowledge = services.knowledge.versions("reference_genome", "gene_model")
    recipe = Recipe(
        inputs=inputs | knowledge,
        tools=_tools(context.op.name),
        knowledge=services.knowledge.releases(),
        parameters={
            "subject": person.subject_id,
            "sex": str(person.sex),
            "order": person.order_id,
            "phenotype": list(person.phenotype),
            "secondary_findings_consent": person.secondary_findings_consent,
            "let_through": list(let_through),
        },
    )
    return _publish(context, recipe, compute, sample=sample)


@_sample_op("raw_reads", "aligned_reads", "gvcf", "variants", "reference_genome", services=frozenset({"warehouse"}))
def cohort_contribution(context: dg.OpExecutionContext) -> dg.Output[None]:
    """Add the sample's calls, and where it was not called, to the cohort's Delta tables, exactly once."""
    from engine.cohort.columns import TABLES
    from engine.cohort.contribution import contribute, read_contribution, write_contribution

    sample, services = context.partition_key, context.resources
    person = services.registry.participant(sample).person

    def compute(work: Any) -> Made:
        tables = contribute(
            _file(services, "variants", sample, ".vcf.gz"),
            _file(services, "gvcf", sample, ".g.vcf.gz"),
            services.knowledge.reference(),
            sample=sample,
            person=person,
            caller=services.settings.caller,
            measures={asset: services.lake.require(asset, sample).measures for asset in MEASURED_ASSETS},
            scratch=work.scratch,
        )
        write_contribution(tables, work.folder)
        return Made(len(tables["calls"]), {name: len(rows) for name, rows in tables.items()})

    recipe = Recipe(
        inputs=_open_gates(context, *MEASURED_ASSETS) | services.knowledge.versions("reference_genome"),
        tools=_tools(context.op.name),
        parameters={"sex": str(person.sex), "family": [person.family_id, person.father_id, person.mother_id]},
    )
    before = _cpu_seconds()
    receipt = _make(context, recipe, compute, sample=sample)
    # After publication and on every run: a process killed in between is made good by the next one.
    for name in TABLES:
        rows = read_contribution(services.lake.folder(receipt), name)
        services.warehouse.put(name, rows, sample=sample, version=receipt.file(f"{name}.parquet").sha256)
    if services.registry.sample(sample).withdrawn:  # meanwhile, and what was there then has been taken out already
        services.warehouse.remove(sample)
    return _output(context, receipt, cpu_seconds=_cpu_seconds() - before)


def cohort_tables(context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """Build every cohort table in one dbt run and publish them together, if all their tests pass."""
    from engine.cohort.columns import TABLES
    from engine.cohort.tables import build_tables, cohort_models, count_rows
    from engine.receipt import digest_text

    services = context.resources
    files = {name: services.warehouse.files(name) for name in TABLES}
    with _clear_failure(None), services.lake.work("cohort_tables") as work:
        if services.warehouse.version("samples") < 0:
            raise LakeError("no sample has contributed to the cohort", remedy="materialize cohort_contribution first")
        recipe = Recipe(
            inputs={name: digest_text("\n".join(Path(uri).name for uri in uris)) for name, uris in files.items()},
            tools=_tools("cohort_tables"),
        )
        receipt = work.fresh(recipe)
        if receipt is not None:
            context.log.info(f"the cohort tables are fresh: made {receipt.created} from the same contributions")
            # Tables are published only with all tests passed: what is fresh has passed them.
            yield from (_passed(model.name, test) for model in cohort_models() for test in model.tests)
        else:
            results = build_tables(files, work.folder, work.scratch, threads=services.settings.threads)
            yield from map(_cohort_check, results)
            failed = [f"{result.model}.{result.name}" for result in results if not result.passed]
            if failed:
                raise LakeError(
                    f"the cohort tables fail {', '.join(failed)}; the previous tables stay",
                    remedy="look at the failed checks and mend the contribution that they point to",
                )
            rows = {model.name: count_rows(work.folder / f"{model.name}.parquet") for model in cohort_models()}
            receipt = work.publish(records=sum(rows.values()), recipe=recipe, measures=rows)
    for model in cohort_models():
        file = receipt.file(f"{model.name}.parquet")
        yield dg.MaterializeResult(
            asset_key=model.name,
            data_version=dg.DataVersion(file.sha256[:32]),
            metadata={
                "path": dg.MetadataValue.path(str(services.lake.path(receipt, file.name))),
                "dagster/row_count": receipt.measures[model.name],
                "size (MB)": round(file.bytes / 1e6, 3),
            },
        )


def _cohort_check(result: Any) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=result.model,
        check_name=result.name,
        passed=result.passed,
        metadata={"failures": result.failures, "message": result.message or ""},
    )


def _passed(model: str, test: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=model, check_name=test, passed=True, metadata={"failures": 0})
