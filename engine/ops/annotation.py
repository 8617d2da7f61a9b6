"""Annotation: what each variant does, how it is named, and what is known of it."""

from __future__ import annotations

from typing import Annotated

from engine.annotate.columns import ANNOTATED_COLUMNS, CONSEQUENCE_COLUMNS
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


@artifact(kinds={"vcf", "parquet"}, columns=CONSEQUENCE_COLUMNS)
def variant_consequences(
    making: Making, variants: Own, reference: Annotated[ReferenceBundle, Parts("reference_genome", "gene_model")]
) -> Computed:
    """The annotated VCF: every allele that the sample carries, normalised, with its consequence on each transcript and
    its HGVS names; the same as Parquet. No release of knowledge beside the gene model makes it anew.
    """
    from engine.annotate.annotate import tell_consequences

    progress = making.progress("annotating", unit="variants")
    summary = tell_consequences(variants.file(".vcf.gz"), reference, making.folder, making.sample, progress=progress)
    return Computed(summary.records, summary.without_knowledge())


@artifact(kinds={"parquet"}, columns=ANNOTATED_COLUMNS, after=note_carried)
def annotated_variants(
    making: Making,
    variant_consequences: Own,
    reference: Annotated[
        ReferenceBundle,
        Parts(
            *("reference_genome", "gene_model", "clinvar", "frequencies", "dbsnp", "predictors", "splice_predictors"),
        ),
    ],
) -> Computed:
    """The variants' consequences joined with what is known of exactly these alleles: ClinVar's assertion, also of what
    neighbours make together, how frequent they are in populations, dbSNP's ids, and what predictors of the protein and
    of splicing say.
    """
    from engine.annotate.frequency_bands import frequency_bands
    from engine.annotate.joined import Consequences, join_knowledge

    told = Consequences(variant_consequences.file(".annotated.vcf.gz"), variant_consequences.file(".parquet"))
    output = making.folder / f"{making.sample}.annotated.parquet"
    progress = making.progress("joining", unit="variants")
    summary = join_knowledge(told, reference, output, making.sample, progress=progress)
    bands = frequency_bands(output) if reference.frequencies else {}
    plotted = {"frequency_bands": list(bands), "frequency_band_counts": list(bands.values())}
    return Computed(summary.records, vars(summary) | plotted)
