"""Alignment: reads placed on the reference, duplicates marked."""

from engine import ops
from genomics_assets.binding import asset_from_op

aligned_reads = asset_from_op(
    ops.aligned_reads,
    group="alignment",
    kinds={"bam"},
    description="The sample's reads aligned (BWA-MEM), duplicates marked (Picard's definition), sorted by coordinate "
    "and indexed, in one stream; with coverage, insert size and duplication metrics.",
)
