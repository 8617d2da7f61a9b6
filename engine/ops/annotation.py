"""Annotation: what each variant does, how it is named, and what is known of it."""

from __future__ import annotations

from typing import Annotated

from engine.annotate.columns import ANNOTATED_COLUMNS
from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Making, Own, Parts
from engine.reference.bundle import ReferenceBundle


@artifact(kinds={"vcf", "parquet"}, columns=ANNOTATED_COLUMNS)
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
