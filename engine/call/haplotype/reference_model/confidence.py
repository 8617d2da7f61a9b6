"""How surely each position that carries no call is reference.

The answer is the more doubtful of two: that every read's base says so, and that enough reads exclude a small
indel. What becomes of the answers (blocks, lines) is :mod:`engine.call.haplotype.records.gvcf_blocks`' business.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.activity.profile import element_likelihoods
from engine.call.haplotype.activity.regions import PADDING, Regions
from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.numerics import LOG10_SUM_TABLE, approximate_log10_sum
from engine.call.haplotype.reads.source import DecodedReads
from engine.call.haplotype.reference_model import confidence_kernels as kernels
from engine.call.haplotype.reference_model.confidence_kernels import ModelTables, Sites

__all__ = [
    "ModelTables",
    "Sites",
    "fill_finalized",
    "fill_inactive",
    "fill_realigned",
    "model_tables",
    "new_sites",
]

_INDEL_QUALITY = 45
_AMBIGUITY = {"A": 1, "C": 2, "G": 4, "T": 8, "N": 15, "R": 5, "Y": 10, "S": 6, "W": 9, "K": 12, "M": 3}
_AMBIGUITY |= {"B": 14, "D": 13, "H": 11, "V": 7}


@functools.cache
def model_tables(ploidy: int) -> ModelTables:
    """The model's constants for a ploidy."""
    bits = np.zeros(256, np.uint8)
    for letter, bases in _AMBIGUITY.items():
        bits[ord(letter)] = bases
    return ModelTables(element_likelihoods(ploidy), _indel_likelihoods(ploidy), bits, math.log10(ploidy))


def _indel_likelihoods(ploidy: int) -> NDArray[np.float64]:
    """float64[41, ploidy + 1]: log10 likelihoods of 0..ploidy copies of an indel by informative reads."""
    table = np.zeros((kernels.MAXIMUM_INFORMATIVE + 1, ploidy + 1))
    absent = math.log10(1.0 - math.pow(10.0, -_INDEL_QUALITY / 10.0))
    present = _INDEL_QUALITY * -0.1
    for reads in range(1, kernels.MAXIMUM_INFORMATIVE + 1):
        table[reads, 0] = reads * absent
        for copies in range(1, ploidy + 1):
            without = absent + math.log10(ploidy - copies) if copies < ploidy else -math.inf
            either = approximate_log10_sum(without, present + math.log10(copies), LOG10_SUM_TABLE)
            table[reads, copies] = reads * (either - math.log10(ploidy))
    return table


def new_sites(start: int, end: int, ploidy: int) -> Sites:
    """Sites ``[start, end)`` of which nothing is known yet."""
    size = end - start
    return Sites(
        origin=start,
        phred=np.zeros((size, ploidy + 1), np.int32),
        depth=np.zeros(size, np.int32),
        reference_depth=np.zeros(size, np.int32),
        known=np.zeros(size, np.uint8),
    )


def fill_realigned(
    sites: Sites,
    reads: ReadColumns,
    reference: NDArray[np.uint8],
    reference_start: int,
    span_start: int,
    span_end: int,
    ploidy: int = 2,
) -> None:
    """Fill in ``[span_start, span_end)`` from reads aligned through their best haplotypes.

    Args:
        sites: where the answers go.
        reads: all of them evidence.
        reference: uint8[], upper-case bases of the padded span of the haplotypes; indels that would reach beyond
            it are not asked for, so its ends matter.
        reference_start: position of its first base.
        span_start: 0-based first position.
        span_end: one past the last.
        ploidy: copies in one cell.
    """
    counted = np.ones(reads.start.size, np.bool_)
    kernels.model_span(reads, counted, reference, reference_start, span_start, span_end, model_tables(ploidy), sites)


def fill_finalized(
    sites: Sites,
    reads: DecodedReads,
    finalized: ReadColumns,
    contig: int,
    reference: NDArray[np.uint8],
    reference_start: int,
    padded: tuple[int, int],
    span: tuple[int, int],
    ploidy: int = 2,
) -> None:
    """Fill in a span from finalised reads of the region that it is part of.

    Args:
        sites: where the answers go.
        reads: those that ``finalized`` was made from.
        finalized: reads of the region.
        contig: the header's index of the contig.
        reference: uint8[], upper-case bases that cover ``padded``.
        reference_start: position of its first base.
        padded: start and end of what the reads are cut to.
        span: start and end of what is filled in.
        ploidy: copies in one cell.
    """
    kernels.model_part(
        finalized,
        reads.naming,
        contig,
        reference,
        reference_start,
        padded[0],
        padded[1],
        span[0],
        span[1],
        model_tables(ploidy),
        sites,
    )


def fill_inactive(
    sites: Sites,
    reads: DecodedReads,
    contig: int,
    reference: NDArray[np.uint8],
    reference_start: int,
    regions: Regions,
    wanted: NDArray[np.bool_],
    ploidy: int = 2,
) -> None:
    """Fill in whole regions that are not assembled, from reads as aligned.

    Args:
        sites: where the answers go.
        reads: all that overlap the padded regions.
        contig: the header's index of the contig.
        reference: uint8[], upper-case bases that cover the padded regions as far as the contig reaches.
        reference_start: position of its first base.
        regions: assembly regions.
        wanted: bool[r], which of them.
        ploidy: copies in one cell.
    """
    kernels.model_inactive(
        reads.columns,
        reads.furthest,
        reads.naming,
        contig,
        reference,
        reference_start,
        regions.start,
        regions.end,
        wanted,
        PADDING,
        model_tables(ploidy),
        sites,
    )
