"""Reference blocks: sites where nothing was found, joined while they are equally certain, and gaps said aloud.

Takes sites in order and gives gVCF lines; which program found the sites is the caller's business. A block speaks
for every base it spans: depth, genotype quality and likelihoods are the minima over its sites. Bases that no
read covers become blocks without genotype, so that no target base is left out. Coordinates are 0-based half-open.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.reference.intervals import Interval

QUALITY_BANDS = (1, 10, 20, 30, 40, 60, 99)
"""Lower limits of genotype quality: sites of one band share a block."""
MAX_QUALITY = 99


@dataclass(frozen=True)
class ReferenceSite:
    """Consecutive bases called homozygous reference alike.

    Attributes:
        start: 0-based first base.
        end: one past the last base.
        depth: smallest number of reads.
        likelihoods: phred-scaled genotype likelihoods of reference and any other allele (3 diploid, 2 haploid).
        quality: genotype quality, at most 99.
    """

    start: int
    end: int
    depth: int
    likelihoods: tuple[int, ...]
    quality: int

    @property
    def band(self) -> tuple[int, int]:
        """Ploidy and quality band: what two sites must share to be joined."""
        return len(self.likelihoods), bisect_right(QUALITY_BANDS, self.quality)

    def joined(self, other: ReferenceSite) -> ReferenceSite:
        """Both as one, the less certain of each value."""
        return ReferenceSite(
            self.start,
            max(self.end, other.end),
            min(self.depth, other.depth),
            tuple(map(min, self.likelihoods, other.likelihoods)),
            min(self.quality, other.quality),
        )


class BlockStream:
    """Takes sites and variants of one contig in order and writes gVCF lines without a gap.

    Args:
        intervals: what must be covered, sorted, all on one contig.
        base_at: the reference base at a 0-based position.
        write: takes each finished line.
    """

    def __init__(
        self, intervals: Sequence[Interval], base_at: Callable[[int], str], write: Callable[[str], object]
    ) -> None:
        self._contig = intervals[0].contig
        self._left = list(reversed(intervals))
        self._base_at, self._write = base_at, write
        self._position = intervals[0].start
        self._block: ReferenceSite | None = None

    def add_reference(self, site: ReferenceSite) -> None:
        """Add a site; what earlier records already speak for is left out."""
        if site.end <= self._position:
            return
        if site.start < self._position:
            site = replace(site, start=self._position)
        self._fill(site.start)
        block = self._block
        if block is not None and block.end == site.start and block.band == site.band:
            self._block = block.joined(site)
        else:
            self._flush()
            self._block = site
        self._position = site.end

    def doubt(self, site: ReferenceSite) -> None:
        """Lower the certainty of the base just added, for which a second, weaker opinion has come."""
        block = self._block
        if block is None or block.end != site.start + 1 or len(block.likelihoods) != len(site.likelihoods):
            self.add_reference(replace(site, end=site.start + 1))
            return
        last = replace(block, start=site.start).joined(replace(site, end=block.end))
        self._position = site.start
        self._block = replace(block, end=site.start) if block.start < site.start else None
        self.add_reference(last)

    def add_variant(self, start: int, end: int, line: str) -> None:
        """Write a variant's line; it speaks for ``[start, end)``."""
        self._fill(start)
        block, rest = self._block, None
        if block is not None and block.end > start:
            self._block = replace(block, end=start) if block.start < start else None
            rest = replace(block, start=max(block.start, end)) if block.end > end else None
        self._flush()
        self._write(line)
        self._block = rest
        self._position = max(self._position, end)

    def finish(self) -> None:
        """Write what is pending and cover the intervals to their end."""
        if self._left:
            self._fill(self._left[0].end)
        self._flush()

    def _fill(self, limit: int) -> None:
        """Cover target bases from the current position up to ``limit`` as not called."""
        while self._left and self._position < limit:
            interval = self._left[-1]
            start, end = max(self._position, interval.start), min(limit, interval.end)
            if start < end:
                self._flush()
                self._write_block(ReferenceSite(start, end, 0, (), 0))
            self._position = max(self._position, end)
            if interval.end <= limit:
                self._left.pop()
            else:
                break

    def _flush(self) -> None:
        if self._block is not None:
            self._write_block(self._block)
            self._block = None

    def _write_block(self, block: ReferenceSite) -> None:
        likelihoods = block.likelihoods or (0, 0, 0)
        genotype = "/".join("0" if block.likelihoods else "." for _ in likelihoods[1:])
        values = f"{genotype}:{block.depth}:{block.quality}:{block.depth}:{','.join(map(str, likelihoods))}"
        self._write(
            f"{self._contig}\t{block.start + 1}\t.\t{self._base_at(block.start)}\t<NON_REF>\t.\t.\t"
            f"END={block.end}\tGT:DP:GQ:MIN_DP:PL\t{values}\n"
        )
