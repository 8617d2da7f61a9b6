"""Calls: what the sample's genome reads at every target position, and where it varies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from engine.ops.artifact import Computed, NotApplicable, artifact
from engine.ops.inputs import Facts, Genome, Kin, Making, Options, Own, Parent, Parts
from engine.ops.services import Settings
from engine.person import Person
from engine.reference.bundle import ReferenceBundle


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
    )
    return Computed(summary.records, vars(summary))


@artifact(kinds={"vcf"})
def trio_variants(
    making: Making,
    gvcf: Own,
    father: Annotated[Kin | None, Parent("gvcf")],
    mother: Annotated[Kin | None, Parent("gvcf")],
    reference: Genome,
    settings: Annotated[Settings, Options("caller", "filters")],
) -> Computed | NotApplicable:
    """Child, father and mother genotyped together: at each site all three have a genotype and its quality.

    Made where both parents were sequenced and called; it tells what is new in the child from what was not seen in a
    parent.
    """
    from engine.genotype.filter import FILTERS
    from engine.genotype.joint import genotype_gvcfs
    from engine.genotype.target_reach import reach_of
    from engine.genotype.trio import measure_trio

    if father is None or mother is None:
        return NotApplicable("father and mother are not both sequenced and called")
    if settings.caller == "bcftools":
        return NotApplicable("gVCFs of bcftools hold no likelihoods that can be joined")
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
    return Computed(summary.records, {"sites": summary.sites, "pass_records": summary.pass_records} | vars(measures))
