"""A sample's calling cut into shards for many machines, and put together: the bytes that one machine writes.

A shard is a run of the intervals that never depend on each other (:mod:`engine.call.haplotype.windows.plan`); it is
called by one core.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.call.haplotype.caller import call_haplotypes
from engine.call.haplotype.gather import gather
from engine.call.haplotype.windows.plan import FARTHEST_REACH, SHARD_BASES, CallingInterval, calling_intervals
from engine.call.ploidy import PloidyPart
from engine.machines.work import Machines, write_work
from engine.recalibrate.table import RecalibrationTable
from engine.reference.intervals import Interval

SHARDS = 64
"""Into so many at least is a sample cut, unless they became too small to be worth a process."""
SMALLEST_SHARD = 500_000
"""Bases; half a minute's work of a core at 30x, of which two seconds are spent on starting."""
FUNCTION = "engine.call.shard:call_shard"


@dataclass(frozen=True)
class Shard:
    """What one process calls.

    Attributes:
        reads: coordinate-sorted BAM or CRAM with its index.
        fasta: the reference.
        sample: whose read groups count.
        parts: what to call and with which ploidy.
        recalibration: what base qualities are replaced by, absent where they stay.
    """

    reads: Path
    fasta: Path
    sample: str
    parts: tuple[PloidyPart, ...]
    recalibration: RecalibrationTable | None

    @property
    def bases(self) -> int:
        """Positions to call."""
        return sum(len(part.interval) for part in self.parts)


def call_shard(shard: Shard, output: Path) -> None:
    """Write the shard's gVCF (bgzip, without index)."""
    call_haplotypes(
        shard.reads,
        shard.fasta,
        output,
        sample=shard.sample,
        parts=shard.parts,
        recalibration=shard.recalibration,
        index=False,
    )


def call_on_machines(
    whole: Shard,
    output: Path,
    machines: Machines,
    *,
    advance: Callable[[int], None],
    log: Callable[[str], None],
) -> None:
    """Have a sample called shard by shard, and write its gVCF (bgzip, without index).

    Args:
        whole: what one process would call.
        output: the file to write; shards lie in a folder beside it until all are there.
        machines: that call shards; they see reads, reference and this folder under the same paths.
        advance: told of bases called.
        log: takes lines for the people who watch.

    Raises:
        GenomicsError: what calling raises, from whichever machine.
    """
    cut = [
        Shard(whole.reads.absolute(), whole.fasta.absolute(), whole.sample, parts, whole.recalibration)
        for parts in cut_into_shards(whole.parts)
    ]
    with tempfile.TemporaryDirectory(prefix=".shards-", dir=output.parent.absolute()) as folder:
        pieces = write_work(FUNCTION, cut, Path(folder))
        bases = {work: shard.bases for work, shard in zip(pieces, cut, strict=True)}
        machines.run(pieces, lambda work: advance(bases[work]), log)
        gather([work.output for work in pieces], output, index=False)


def cut_into_shards(parts: Sequence[PloidyPart]) -> list[tuple[PloidyPart, ...]]:
    """Runs of calling intervals, each about as long as the others.

    >>> [len(shard) for shard in cut_into_shards([PloidyPart(Interval("1", 0, 40_000_000), 2)])]
    [1, 1, 1]
    """
    intervals = calling_intervals(parts)
    bases = sum(one.end - one.start for one in intervals)
    size = min(SHARD_BASES, max(SMALLEST_SHARD, bases // SHARDS))
    shards: list[list[PloidyPart]] = []
    room, before = 0, intervals[0]
    for interval in intervals:
        length = interval.end - interval.start
        if not shards or (length > room and _may_be_cut(before, interval)):
            shards.append([])
            room = size
        shards[-1].append(_part(interval))
        room -= length
        before = interval
    return [tuple(shard) for shard in shards]


def _may_be_cut(before: CallingInterval, here: CallingInterval) -> bool:
    """Whether no deletion called in one covers a base of the other, or what it covers is told anyway."""
    return before.contig != here.contig or here.begins_at_cut or here.start - before.end > FARTHEST_REACH


def _part(interval: CallingInterval) -> PloidyPart:
    return PloidyPart(Interval(interval.contig, interval.start, interval.end), interval.ploidy)
