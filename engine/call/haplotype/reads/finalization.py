"""Reads of one region, made ready: clipped to what is evidence there, ordered, mates reconciled.

Soft clips of fragments whose ends are known become aligned bases, those of others are cut; low-quality ends and
adaptors are cut; what two mates both saw is capped so that it does not count twice. Cut bases leave a hard clip in
the CIGAR, whose length later annotations count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.reads import finalization_kernels as kernels
from engine.call.haplotype.reads.source import DecodedReads


def finalize_region(reads: DecodedReads, span_start: int, span_end: int) -> ReadColumns:
    """Reads that overlap the padded span ``[span_start, span_end)`` as the assembler takes them.

    Rows are in GATK's coordinate order; there are no soft clips; ``name`` is that of ``reads``.
    """
    return kernels.finalize(
        reads.columns,
        reads.furthest,
        reads.naming,
        span_start,
        span_end,
    )


def evidence_in(
    reads: DecodedReads, finalized: ReadColumns, span_start: int, span_end: int, contig: int
) -> tuple[ReadColumns, ReadColumns]:
    """Finalised reads cut to a smaller span, in GATK's coordinate order; reads left without a base are dropped.

    Args:
        reads: those that ``finalized`` was made from.
        finalized: of the region that the span is part of.
        span_start: 0-based first position to keep.
        span_end: one past the last.
        contig: the header's index of the contig they are on.

    Returns:
        Reads that are evidence for genotypes, and those that only count for depth and mapping quality because
        their mate is on another contig. Reads shorter than 10 bases are in neither.
    """
    evidence, filtered = kernels.clip_and_split(finalized, reads.naming, span_start, span_end, contig)
    return evidence, filtered


def rows(reads: ReadColumns, wanted: NDArray[np.bool_]) -> ReadColumns:
    """The wanted rows as columns of their own."""
    return kernels.select(reads, wanted)
