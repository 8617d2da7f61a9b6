"""What else is in the genome: structural variants, repeats, the mitochondrion, runs of homozygosity.

Each artifact is there for every sample; where something was not looked for it says so and why, so that a report can.
What is found is told only as far as it was asked about (:mod:`engine.classify.further`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from engine.ops.artifact import NOT_EXAMINED, Computed, artifact
from engine.ops.inputs import Alike, Artifact, Facts, Genome, Making, Options, Own, PanelOf, Parts
from engine.ops.services import Settings
from engine.person import Person, Sex
from engine.receipt import Measure
from engine.reference.bundle import ReferenceBundle
from engine.structural.normals import PANELS

if TYPE_CHECKING:
    from engine.reference.genome import Reference
    from engine.structural.events import StructuralVariant
    from engine.structural.target_copies import TargetCopies

_KINDS = ("DEL", "DUP", "INV", "INS", "BND")
_BASES, _TARGETS = ".target_depths.npy", "targets"
_NO_CALLER = "the deployment names no caller of structural variants"


def _structural_caller(settings: Settings) -> Mapping[str, str]:
    if settings.structural != "dysgu":
        return {}
    from engine.structural.dysgu import dysgu_version

    return {"structural": dysgu_version()}


@artifact(kinds={"npy"})
def target_depths(
    making: Making,
    aligned_reads: Own,
    reference: Genome,
    settings: Annotated[Settings, Options("alignment_format", "structural")],
) -> Computed:
    """How many bases of reads lie on each target: what copy number of targets is told by, in this sample and others.

    Counted where targets are sequenced and the deployment looks for structural variants.
    """
    if settings.structural == "none" or reference.targets is None:
        why = "the whole genome is sequenced" if reference.targets is None else _NO_CALLER
        return _not_examined(making, why)
    from engine.receipt import digest_text
    from engine.reference.intervals import read_bed
    from engine.structural.depth import count_depths
    from engine.structural.target_copies import bases_on, pieces_of, write_bases

    pieces = pieces_of(read_bed(reference.targets, reference.contig_lengths))
    depths = count_depths(aligned_reads.file(f".{settings.alignment_format}"), reference.fasta)
    write_bases(bases_on(depths, pieces), making.folder / f"{making.sample}{_BASES}")
    alike = digest_text("".join(f"{piece.contig}\t{piece.start}\t{piece.end}\n" for piece in pieces))
    return Computed(len(pieces), {"examined": 1, NOT_EXAMINED: "", _TARGETS: alike})


@artifact(kinds={"vcf", "json"}, programs=_structural_caller)
def structural_variants(
    making: Making,
    aligned_reads: Own,
    target_depths: Own,
    normals: Annotated[tuple[Alike, ...], PanelOf("target_depths", _BASES, _TARGETS, PANELS)],
    reference: Genome,
    person: Annotated[Person, Facts("sex")],
    settings: Annotated[Settings, Options("alignment_format", "structural")],
) -> Computed:
    """Deletions, duplications, inversions, insertions and translocations from 50 bases on (dysgu), and copy number by
    depth: of genomes by itself, of targets beside the deployment's other samples.

    Looked for where the deployment names a caller of structural variants.
    """
    if settings.structural == "none":
        return _not_examined(making, _NO_CALLER)
    from engine.reference.genome import open_reference
    from engine.structural.sample import call_structural, with_targets, write_structural

    genome, reads = open_reference(reference.fasta), aligned_reads.file(f".{settings.alignment_format}")
    caller: Literal["dysgu", "depth"] = "dysgu" if settings.structural == "dysgu" else "depth"
    found = call_structural(reads, genome, sex=person.sex, threads=making.threads, caller=caller)
    targets = None if found.has_depth else _copies_of_targets(target_depths, normals, genome, reference, person.sex)
    if isinstance(targets, str) and caller == "depth":
        return _not_examined(making, targets)
    if targets and not isinstance(targets, str):
        found = with_targets(found, targets, genome.contigs)
    events = found.events
    output = making.folder / f"{making.sample}.structural.vcf.gz"
    write_structural(output, making.sample, events, genome, caller=caller)
    passing = {f"{kind.lower()}_events": sum(one.passes and one.kind == kind for one in events) for kind in _KINDS}
    passing["depth_events"] = sum(one.passes and one.by_depth for one in events)
    told = {
        "looked_for": _looked_for(caller, targets, person.sex),
        "events": [asdict(event) for event in events],
    }
    return _examined(making, len(events), passing | _of_panel(targets), told)


def _copies_of_targets(
    target_depths: Artifact, normals: Sequence[Alike], genome: Reference, reference: ReferenceBundle, sex: Sex
) -> TargetCopies | str:
    """Gains and losses of targets beside a panel of normals, or why there are none to tell."""
    from engine.reference.intervals import read_bed
    from engine.structural.sample import NO_DEPTH, usual_copies
    from engine.structural.target_copies import Normal, copies_of_targets, pieces_of, read_bases, share_of_strong

    if not target_depths.measures["examined"] or reference.targets is None:
        return NO_DEPTH
    pieces = pieces_of(read_bed(reference.targets, reference.contig_lengths))
    usual = {one: usual_copies(pieces, genome.contigs, one) for one in Sex}
    own = Normal(read_bases(target_depths.file(_BASES)), usual[sex])
    others = [Normal(read_bases(one.file), usual[one.sex]) for one in normals]
    with genome.open() as fasta:
        return copies_of_targets(own, others, pieces, share_of_strong(pieces, fasta))


def _of_panel(targets: TargetCopies | str | None) -> dict[str, Measure]:
    """Figures of a comparison with normals; nothing of them where there was none."""
    if targets is None or isinstance(targets, str):
        return {"normals": 0}
    return {"normals": targets.normals, "untold_targets": targets.untold, "target_spread": targets.spread}


def _looked_for(caller: Literal["dysgu", "depth"], targets: TargetCopies | str | None, sex: Sex) -> dict[str, str]:
    """What is looked for by junctions and by depth, each with why it was not; empty where it was.

    Args:
        caller: of junctions and depth, or of depth alone.
        targets: what their depth says or why it says nothing; absent of a genome, whose depth does.
        sex: of the person.
    """
    from engine.structural.events import BY_DEPTH, BY_JUNCTIONS, X_AND_Y_BY_DEPTH

    why = targets if isinstance(targets, str) else ""
    told = {BY_JUNCTIONS: "" if caller == "dysgu" else "the deployment looks at depth alone", BY_DEPTH: why}
    if not why and sex is Sex.UNKNOWN:
        told[X_AND_Y_BY_DEPTH] = "the sex is not known"
    if targets and not isinstance(targets, str) and targets.untold:
        told[f"{BY_DEPTH} in {targets.untold:,} pieces of targets"] = "they were read too thinly or unevenly"
    return told


@artifact(kinds={"json"})
def repeats(
    making: Making,
    aligned_reads: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "repeat_loci")],
    person: Annotated[Person, Facts("sex")],
    settings: Annotated[Settings, Options("alignment_format")],
) -> Computed:
    """Units of short tandem repeats on either copy at disease loci, with intervals.

    Looked for where the reference declares the loci (STRchive's catalogue).
    """
    if reference.repeat_loci is None:
        return _not_examined(making, "the reference declares no loci of repeats")
    from engine.reference.genome import open_reference
    from engine.repeats.loci import read_loci
    from engine.repeats.sample import as_json, call_repeats, loci_within

    loci = loci_within(read_loci(reference.repeat_loci, reference.build), reference.contigs, reference.repeat_loci)
    reads = aligned_reads.file(f".{settings.alignment_format}")
    calls = call_repeats(reads, open_reference(reference.fasta), loci, person.sex)
    measures = {"called_loci": sum(bool(call.alleles) for call in calls)}
    return _examined(making, len(calls), measures, {"loci": [as_json(call) for call in calls]})


@artifact(kinds={"vcf", "json"})
def mitochondria(
    making: Making,
    aligned_reads: Own,
    reference: Genome,
    settings: Annotated[Settings, Options("alignment_format")],
) -> Computed:
    """The mitochondrial genome as the circle it is: each allele's share of molecules, large deletions, copies a cell.

    Looked for where the reference has a mitochondrial contig and reads lie on it.
    """
    from engine.mitochondria.sample import call_mitochondria, has_circle, write_mitochondria

    if not has_circle(reference.contigs):
        return _not_examined(making, "the reference has no mitochondrial contig")
    from engine.mitochondria.circle import find_circle
    from engine.mitochondria.reads import has_reads
    from engine.reference.genome import open_reference

    genome, reads = open_reference(reference.fasta), aligned_reads.file(f".{settings.alignment_format}")
    if not has_reads(reads, genome, find_circle(genome)):
        return _not_examined(making, "no read lies on the mitochondrial contig")
    found = call_mitochondria(reads, genome, sample=making.sample, threads=making.threads)
    write_mitochondria(making.folder / f"{making.sample}.mitochondria.vcf.gz", found, reference.contigs)
    autosomes = aligned_reads.measures["autosome_coverage"]
    copies = found.copies(float(autosomes) if isinstance(autosomes, int | float) else None)
    measures = {
        "mean_molecules": round(found.mean_molecules, 2),
        "heteroplasmic_calls": found.heteroplasmic,
        "large_deletions": len(found.deletions),
        "copies_a_cell": None if copies is None else round(copies, 1),
    }
    told = {
        "contig": found.circle.name,
        "calls": [asdict(call) for call in found.calls],
        "deletions": [asdict(gone) for gone in found.deletions],
    }
    return _examined(making, len(found.calls) + len(found.deletions), measures, told)


@artifact(kinds={"json"})
def homozygosity(making: Making, variants: Own, reference: Genome) -> Computed:
    """Long runs of homozygosity on the autosomes (``bcftools roh``): related parents, or two copies of one parent's.

    Looked for where the sample's targets hold enough variants.
    """
    from engine.genotype.homozygosity import LEAST_VARIANTS, find_runs, share_of_autosomes, told_runs

    snps = variants.measures["snps"]
    if not isinstance(snps, int) or snps < LEAST_VARIANTS:
        return _not_examined(making, f"fewer than {LEAST_VARIANTS:,} variants were called")
    runs = told_runs(find_runs(variants.file(".vcf.gz"), is_judged=True))
    share = share_of_autosomes(runs, reference.contig_lengths)
    return _examined(making, len(runs), {"homozygous_share": round(share, 5)}, {"runs": [asdict(run) for run in runs]})


@artifact(kinds={"json"})
def smn_copies(
    making: Making,
    aligned_reads: Own,
    reference: Genome,
    settings: Annotated[Settings, Options("alignment_format")],
) -> Computed:
    """Copies of SMN1 and SMN2, whose reads no aligner tells apart: by depth and by the base at c.840.

    Looked for in genomes whose reference has chromosome 5.
    """
    from engine.errors import KnowledgeError
    from engine.reference.genome import open_reference
    from engine.structural.smn import NOT_TOLD, count_smn, numbers, smn_sites

    genome = open_reference(reference.fasta)
    try:
        sites = smn_sites(genome, reference.build)
    except KnowledgeError as error:
        return _not_examined(making, error.problem)
    if sites is None:
        return _not_examined(making, "the reference has no chromosome 5")
    found = count_smn(aligned_reads.file(f".{settings.alignment_format}"), genome, sites)
    if isinstance(found, str):
        return _not_examined(making, found)
    if found.state == NOT_TOLD:
        return _not_examined(making, f"the reads leave open whether there are {numbers(found.likely)} copies of SMN1")
    measures = {"smn1_copies": found.smn1, "smn2_copies": found.smn2, "smn_depth_copies": found.depth}
    return _examined(making, 1, measures, asdict(found))


@artifact(kinds={"json"})
def further_findings(
    making: Making,
    structural_variants: Own,
    repeats: Own,
    mitochondria: Own,
    homozygosity: Own,
    smn_copies: Own,
    trio_variants: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model", "clinvar", "panels", "constraint")],
    person: Annotated[Person, Facts("ordered_genes", "panel", "sex")],
) -> Computed:
    """What of all this is told: events over exons asked about, expanded repeats, mitochondrial variants, homozygosity.

    What was not looked for is named with its reason.
    """
    from engine.acmg.constraint import haploinsufficient_genes
    from engine.annotate.known_alleles import KnownAlleles
    from engine.classify.further import (
        REPEAT_EXPANSIONS,
        SMN1_COPIES,
        Further,
        FurtherFinding,
        homozygosity_findings,
        mitochondrial_findings,
        repeat_findings,
        smn_findings,
        structural_findings,
        told_once,
        uniparental_findings,
        with_accessions,
        write_further,
    )
    from engine.classify.question import question_of
    from engine.genotype.homozygosity import Run
    from engine.mitochondria.calls import MitochondrialCall
    from engine.mitochondria.deletions import LargeDeletion
    from engine.reference.panels import panel_of
    from engine.report.coverage import spokesmen_of
    from engine.structural.events import BY_DEPTH, BY_JUNCTIONS, StructuralVariant
    from engine.structural.smn import SmnCopies

    question = question_of(person, panel_of(person.panel, reference.panels))
    sources = {
        BY_JUNCTIONS: structural_variants,
        REPEAT_EXPANSIONS: repeats,
        "the mitochondrial genome": mitochondria,
        "runs of homozygosity": homozygosity,
        SMN1_COPIES: smn_copies,
    }
    told = {
        what: json.loads(one.file(_SUFFIX).read_text()) for what, one in sources.items() if one.measures["examined"]
    }
    structural: list[FurtherFinding] = []
    if found := told.get(BY_JUNCTIONS):
        events = [StructuralVariant(**event) for event in found["events"]]
        dosage = haploinsufficient_genes(reference.constraint) if reference.constraint else None
        usual = _usual_copies(reference, person.sex)
        structural = structural_findings(events, spokesmen_of(reference), question, dosage, usual)
    found = told.get(REPEAT_EXPANSIONS)
    findings = told_once(structural, repeat_findings(found["loci"], question) if found else ())
    if found := told.get("the mitochondrial genome"):
        calls = [MitochondrialCall(**call) for call in found["calls"]]
        deletions = [LargeDeletion(**gone) for gone in found["deletions"]]
        findings += mitochondrial_findings(found["contig"], calls, deletions, KnownAlleles(reference.clinvar))
    if found := told.get("runs of homozygosity"):
        runs, share = [Run(**run) for run in found["runs"]], homozygosity.measures["homozygous_share"]
        findings += homozygosity_findings(runs, float(share) if isinstance(share, int | float) else 0.0)
    if found := told.get(SMN1_COPIES):
        findings += smn_findings(SmnCopies(**{**found, "likely": tuple(found["likely"])}), question)
    findings += uniparental_findings(str(trio_variants.measures.get("uniparental_contigs_told") or ""))
    findings = list(with_accessions(findings, reference.build, reference.contig_lengths))
    every = sources | {_UNIPARENTAL: trio_variants}
    why = {what: "" if one.measures["examined"] else str(one.measures[NOT_EXAMINED]) for what, one in every.items()}
    why |= told.get(BY_JUNCTIONS, {}).get("looked_for", {BY_DEPTH: why[BY_JUNCTIONS]})
    examined = [what for what, reason in why.items() if not reason]
    missing = tuple((what, reason) for what, reason in why.items() if reason)
    write_further(making.folder / f"{making.sample}.further.json", Further(tuple(findings), tuple(examined), missing))
    return Computed(len(findings), {"further_findings": len(findings), "examined": examined})


def _usual_copies(reference: ReferenceBundle, sex: Sex) -> Callable[[StructuralVariant], int]:
    """How many copies a person has of an event's stretch; of one that reaches into a shared end of X and Y two."""
    from engine.call.ploidy import ploidy_of
    from engine.reference.intervals import Interval

    def usual(event: StructuralVariant) -> int:
        where = Interval(event.contig, event.start, event.end)
        return max(part.copies for part in ploidy_of(where, reference.contig_lengths[event.contig], sex))

    return usual


_SUFFIX = ".found.json"
_UNIPARENTAL = "uniparental disomy"


def _examined(making: Making, records: int, measures: Mapping[str, Measure], found: Mapping[str, Any]) -> Computed:
    (making.folder / f"{making.sample}{_SUFFIX}").write_text(json.dumps(found, indent=2) + "\n")
    return Computed(records, {"examined": 1, NOT_EXAMINED: "", **measures})


def _not_examined(making: Making, why: str) -> Computed:
    (making.folder / f"{making.sample}{_SUFFIX}").write_text(json.dumps({NOT_EXAMINED: why}, indent=2) + "\n")
    return Computed(0, {"examined": 0, NOT_EXAMINED: why})
