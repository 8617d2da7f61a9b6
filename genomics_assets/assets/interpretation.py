"""Interpretation: what of all this is told, and in which form the clinician's systems receive it."""

import dagster as dg

from engine import ops
from engine.classify.columns import FINDING_COLUMNS
from genomics_assets.binding import asset_from_op

findings = asset_from_op(
    ops.findings,
    group="interpretation",
    kinds={"parquet"},
    description="Pathogenic and likely pathogenic variants with zygosity, inheritance, phase and evidence: primary, "
    "compound heterozygous, carrier, and secondary (ACMG SF genes) where the person agreed to hear of them.",
    columns=[dg.TableColumn(column.name, column.type, column.meaning) for column in FINDING_COLUMNS],
)
fhir_bundle = asset_from_op(
    ops.fhir_bundle,
    group="interpretation",
    kinds={"json"},
    description="The report as a FHIR R4 transaction after HL7's Genomics Reporting guide: stable ids, PUT entries, "
    "and a Provenance that leads back to the reads' digests and the versions of tools and knowledge.",
)
