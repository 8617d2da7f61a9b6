"""The haplotype caller behind the interface that all callers share: on this machine, or cut into shards for others."""

from __future__ import annotations

from engine.call.caller import CallTask
from engine.call.callers import haplotype_caller_version
from engine.call.haplotype.caller import call_haplotypes
from engine.call.ploidy import ploidy_of
from engine.call.shard import Shard, call_on_machines


class HaplotypeVariantCaller:
    """The engine's own caller; any number of threads or machines gives the same bytes."""

    recalibrates = True

    def version(self) -> str:
        """Name and version as it appears in receipts."""
        return haplotype_caller_version()

    def write_gvcf(self, task: CallTask) -> None:
        """Write ``task.output``."""
        lengths = task.contig_lengths
        parts = [
            part for interval in task.intervals for part in ploidy_of(interval, lengths[interval.contig], task.sex)
        ]
        if task.machines:
            whole = Shard(task.reads, task.reference.fasta, task.sample, tuple(parts), task.recalibration)
            call_on_machines(whole, task.output, task.machines, advance=task.progress.advance, log=task.log)
            return
        call_haplotypes(
            task.reads,
            task.reference.fasta,
            task.output,
            sample=task.sample,
            parts=parts,
            threads=task.threads,
            recalibration=task.recalibration,
            index=False,
            progress=task.progress,
        )
