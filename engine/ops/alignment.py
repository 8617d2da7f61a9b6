"""Alignment: reads placed on the reference, duplicates marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Facts, Landed, Making, Options, Own, Parts
from engine.ops.services import Settings
from engine.person import Person, Sex
from engine.receipt import Measure
from engine.reference.bundle import ReferenceBundle

if TYPE_CHECKING:
    from engine.align.aligner import Aligner
    from engine.align.pipeline import AlignedReads

LONGEST_SERIES = 1000
"""Values of a histogram that a receipt keeps."""


def _aligner(settings: Settings) -> Mapping[str, str]:
    from engine.align.programs import aligner_version

    return {settings.aligner: aligner_version(settings.aligner)}


@artifact(kinds={"bam"}, programs=_aligner)
def aligned_reads(
    making: Making,
    raw_reads: Own,
    landed: Landed,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "aligner_index")],
    person: Annotated[Person, Facts("sex")],
    settings: Annotated[Settings, Options("aligner", "alignment_format", "umi", "umi_errors")],
) -> Computed:
    """The sample's reads aligned (BWA-MEM), duplicates marked (Picard's definition), sorted by coordinate and indexed.

    All in one stream; with coverage, insert size and duplication metrics, and where the depth is below 20x.
    """
    from engine.align.pipeline import AlignmentOptions, align_reads
    from engine.reads.conventions import UmiSource
    from engine.reads.low_coverage import SUFFIX, write_low_coverage
    from engine.reads.manifest import read_manifest
    from engine.reads.picard_metrics import write_metrics
    from engine.reference.genome import open_reference
    from engine.reference.intervals import select_intervals

    pairs, umi = raw_reads.measures["pairs"], UmiSource(settings.umi)
    options = AlignmentOptions(
        threads=making.threads,
        format=settings.alignment_format,
        umi=umi,
        umi_errors=umi is not UmiSource.NONE and settings.umi_errors == "join",
    )
    aligned = align_reads(
        read_manifest(raw_reads.folder, base=landed.root, sha256=landed.sha256),
        making.sample,
        open_reference(reference.fasta),
        _aligner_of(settings.aligner, reference, making),
        making.folder / f"{making.sample}.{settings.alignment_format}",
        targets=select_intervals(reference.contig_lengths, targets=reference.targets),
        options=options,
        expected_pairs=pairs if isinstance(pairs, int) else None,
        log=making.log,
    )
    write_metrics(making.sample, aligned.histograms, aligned.duplication, aligned.set_sizes, making.folder)
    write_low_coverage(aligned.histograms.low_coverage, making.folder / f"{making.sample}{SUFFIX}")
    return Computed(aligned.records, _measures(aligned, person.sex))


def _aligner_of(name: str, reference: ReferenceBundle, making: Making) -> Aligner:
    """The aligner on this machine, or on those that the deployment names."""
    if making.machines is None:
        from engine.align.aligner import open_aligner

        return open_aligner(name, reference.aligner_index, reference.contigs)
    from engine.align.scattered import ScatteredAligner

    machines, folder = making.machines, making.folder
    return ScatteredAligner(name, reference.aligner_index, reference.contigs, machines, folder, making.log)


def _measures(aligned: AlignedReads, stated_sex: Sex) -> dict[str, Measure]:
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
