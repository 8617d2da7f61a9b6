"""Reads: what the sequencer gave, verified."""

from __future__ import annotations

from typing import Annotated

from engine.ops.artifact import Computed, artifact
from engine.ops.inputs import Delivered, Making, Options
from engine.ops.services import Settings


@artifact(kinds={"fastq"})
def raw_reads(
    making: Making, delivered: Delivered, settings: Annotated[Settings, Options("reads", "mixed_read_lengths", "umi")]
) -> Computed:
    """A sample's FASTQ files: complete, in step, as delivered (md5), used by no other sample; measured by cycle.

    They are registered where they lie. Their sha256 is what every later artifact traces back to.
    """
    from engine.reads.conventions import UmiSource
    from engine.reads.intake import verify_reads
    from engine.reads.manifest import write_manifest

    summary = verify_reads(
        making.sample,
        delivered.lanes,
        threads=making.threads,
        allow_mixed_lengths=settings.mixed_read_lengths == "accept",
        umi=UmiSource(settings.umi),
        log=making.log,
    )
    delivered.record(summary.files)
    copy = settings.reads == "copy"
    write_manifest(delivered.lanes, summary.files, making.folder, base=delivered.landing, copy=copy)
    return Computed(2 * summary.pairs, summary.measures())
