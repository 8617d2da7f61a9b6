"""Reads: what the sequencer gave, verified."""

from engine import ops
from genomics_assets.binding import asset_from_op

raw_reads = asset_from_op(
    ops.raw_reads,
    group="reads",
    kinds={"fastq"},
    description="A sample's FASTQ files: complete, in step, as delivered (md5), used by no other sample; measured by "
    "cycle, and registered where they lie. Their sha256 is what every later artifact traces back to.",
)
