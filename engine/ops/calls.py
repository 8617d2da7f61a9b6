"""Calls: what the sample's genome reads at every target position, and where it varies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from engine.ops.artifact import NOT_EXAMINED, Computed, NotApplicable, artifact
from engine.ops.inputs import Facts, Genome, Kin, Making, Options, Own, Parent, Parts
from engine.ops.services import Settings
from engine.person import Person
from engine.reference.bundle import ReferenceBundle
from engine.report.exon_coverage import EXON_COLUMNS


def _recalibrates(settings: Settings) -> bool:
    return settings.recalibrates


def _caller(settings: Settings) -> Mapping[str, str]:
    from engine.call.callers import caller_version

    return {"caller": caller_version(settings.caller)}


@artifact(kinds={"vcf"}, programs=_caller)
def gvcf(
    making: Making,
    aligned_reads: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "known_sites", only_if=_recalibrates)],
    person: Annotated[Person, Facts("sex")],
    settings: Annotated[Settings, Options("caller", "profile", "recalibrates", "alignment_format", "target_padding")],
) -> Computed:
    """Variants with genotype likelihoods, and blocks of confident reference.

    Every target base is covered by a record, so that what was not seen cannot pass for reference.
    """
    from engine.call.caller import call_gvcf
    from engine.recalibrate.gatk_report import write_report
    from engine.recalibrate.recalibration import recalibrate

    reads, table = aligned_reads.file(f".{settings.alignment_format}"), None
    if settings.recalibrates:
        known = [reference.known_sites] if reference.known_sites else []
        table = recalibrate(reads, known, reference.fasta, threads=making.threads, log=making.log)
        write_report(table, making.folder / f"{making.sample}.recalibration.table")
    summary = call_gvcf(
        reads,
        reference,
        making.folder / f"{making.sample}.g.vcf.gz",
        caller=settings.caller,
        sample=making.sample,
        targets=reference.targets,
        padding=settings.target_padding,
        sex=person.sex,
        recalibration=table,
        threads=making.threads,
        progress=making.progress("calling", unit="bases"),
        machines=making.machines,
        log=making.log,
    )
    return Computed(summary.records, vars(summary))


@artifact(kinds={"vcf"})
def variants(
    making: Making, gvcf: Own, reference: Genome, settings: Annotated[Settings, Options("caller", "filters")]
) -> Computed:
    """The sample's variant calls with a FILTER that says which are to be trusted."""
    from engine.genotype.sample import genotype_sample

    summary = genotype_sample(
        gvcf.file(".g.vcf.gz"),
        reference,
        making.folder / f"{making.sample}.vcf.gz",
        caller=settings.caller,
        targets=reference.targets,
        filters=settings.filters,
        progress=making.progress("genotyping", unit="sites"),
        log=making.log,
    )
    return Computed(summary.records, vars(summary))


@artifact(kinds={"parquet"}, columns=EXON_COLUMNS)
def exon_coverage(
    making: Making,
    aligned_reads: Own,
    gvcf: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model", "panels")],
    person: Annotated[Person, Facts("sex", "ordered_genes", "panel")],
) -> Computed | NotApplicable:
    """Exon by exon of the genes that the order asks about, or of all where it names none: bases below 20x, below 10x,
    and not called.
    """
    from engine.classify.question import question_of
    from engine.reads.low_coverage import SUFFIX, read_low_coverage
    from engine.reference.panels import panel_of
    from engine.report.coverage import asked_about, expected_targets, spokesmen_of, uncalled_intervals
    from engine.report.exon_coverage import exon_coverage, write_exon_coverage

    if reference.gene_model is None:
        return NotApplicable("the reference has no gene model")
    asked = question_of(person, panel_of(person.panel, reference.panels)).genes
    targets = expected_targets(reference, person.sex)
    rows = exon_coverage(
        asked_about(spokesmen_of(reference), asked),
        targets,
        uncalled_intervals(gvcf.file(".g.vcf.gz"), targets),
        read_low_coverage(aligned_reads.file(SUFFIX)),
    )
    measures = write_exon_coverage(rows, making.folder / f"{making.sample}.exon_coverage.parquet")
    return Computed(len(rows), measures | {"asked_genes": len(asked)})


@artifact(kinds={"vcf", "json"})
def trio_variants(
    making: Making,
    gvcf: Own,
    father: Annotated[Kin | None, Parent("gvcf")],
    mother: Annotated[Kin | None, Parent("gvcf")],
    reference: Genome,
    settings: Annotated[Settings, Options("caller", "filters")],
) -> Computed:
    """Child, father and mother genotyped together: at each site all three have a genotype and its quality.

    Made of three where both parents were sequenced and called; it tells what is new in the child from what was not
    seen in a parent. Of anybody else it says why there is none.
    """
    if father is None or mother is None:
        return _no_trio(making, "father and mother are not both sequenced and called")
    if settings.caller == "bcftools":
        return _no_trio(making, "gVCFs of bcftools hold no likelihoods that can be joined")
    from engine.genotype.filter import FILTERS  # what is not made in most runs loads no kernels in them
    from engine.genotype.joint import genotype_gvcfs
    from engine.genotype.target_reach import reach_of
    from engine.genotype.trio import TOO_FEW, measure_trio

    joint = making.folder / f"{making.sample}.trio.vcf.gz"
    gvcfs = [each.file(".g.vcf.gz") for each in (gvcf, father["gvcf"], mother["gvcf"])]
    with reach_of(reference.targets, reference) as reach:
        summary = genotype_gvcfs(
            gvcfs,
            reference.contigs,
            joint,
            filters=FILTERS[settings.filters],
            reach=reach,
            progress=making.progress("genotyping", unit="sites"),
        )
    measures = measure_trio(joint, making.sample, father.sample, mother.sample)
    counted = {"sites": summary.sites, "pass_records": summary.pass_records}
    told = {"examined": int(measures.telling_contigs > 0), NOT_EXAMINED: "" if measures.telling_contigs else TOO_FEW}
    return Computed(summary.records, counted | vars(measures) | told)


def _no_trio(making: Making, why: str) -> Computed:
    """An artifact all the same: what Dagster's op does not make, nothing that reads it is made after."""
    (making.folder / f"{making.sample}.trio.json").write_text(json.dumps({NOT_EXAMINED: why}, indent=2) + "\n")
    return Computed(0, {"compared_sites": 0, "telling_contigs": 0, "examined": 0, NOT_EXAMINED: why})
