"""Annotation: what each variant does, how it is named, and what is known of it."""

import dagster as dg

from engine import ops
from engine.annotate.columns import ANNOTATED_COLUMNS
from genomics_assets.binding import asset_from_op

annotated_variants = asset_from_op(
    ops.annotated_variants,
    group="annotation",
    kinds={"vcf", "parquet"},
    description="Every allele that the sample carries, normalised, with its consequence on each transcript, its HGVS "
    "names and ClinVar's assertion; the same in VCF and Parquet.",
    columns=[dg.TableColumn(column.name, column.type, column.meaning) for column in ANNOTATED_COLUMNS],
)
