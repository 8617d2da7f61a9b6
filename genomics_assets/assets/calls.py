"""Calls: what the sample's genome reads at every target position, and where it varies."""

from engine import ops
from genomics_assets.binding import asset_from_op

gvcf = asset_from_op(
    ops.gvcf,
    group="calls",
    kinds={"vcf"},
    description="Variants with genotype likelihoods, and blocks of confident reference: every target base is covered "
    "by a record, so that what was not seen cannot pass for reference.",
)
variants = asset_from_op(
    ops.variants,
    group="calls",
    kinds={"vcf"},
    description="The sample's variant calls with a FILTER that says which are to be trusted.",
)
