"""Annotation: what each variant does, how it is named, and what is known of it."""

from __future__ import annotations

from typing import Annotated

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Artifact, Making, Own, Parts
from engine.ops.services import Services
from engine.reference.bundle import ReferenceBundle


def note_carried(published: Artifact, services: Services) -> None:
    """What the sample carries, for whoever asks whom a change of knowledge touches; exactly once."""
    from engine.reanalysis.carried import TABLE, carried

    receipt, sample = published.receipt, str(published.receipt.sample)
    if services.warehouse.holds(TABLE, sample=sample, version=receipt.data_version):
        return
    rows = carried(published.file(".annotated.parquet"), sample, receipt.data_version)
    services.warehouse.put(TABLE, rows, sample=sample, version=receipt.data_version)
    if services.registry.sample(sample).withdrawn:  # meanwhile, and what was there then has been taken out already
        services.warehouse.remove(sample)


@artifact(kinds={"vcf", "parquet"}, columns=ANNOTATED_COLUMNS, after=note_carried)
def annotated_variants(
    making: Making,
    variants: Own,
    reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model", "clinvar")],
) -> Computed:
    """Every allele that the sample carries, normalised, with its consequence on each transcript, its HGVS names and
    ClinVar's assertion; the same in VCF and Parquet.
    """
    from engine.annotate.annotate import annotate_variants

    progress = making.progress("annotating", unit="variants")
    summary = annotate_variants(variants.file(".vcf.gz"), reference, making.folder, making.sample, progress=progress)
    return Computed(summary.records, vars(summary))
