"""Reads laid on the reference by way of the haplotype that explains them best (specification 10.5).

Alignments made here serve annotations and the reference model; likelihoods do not depend on them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.alignment.cigar import (
    HARD_CLIP,
    MATCH,
    composed,
    left_align,
    operator_of,
    packed_element,
    read_length,
    reference_length,
    reference_offset,
    trimmed_by_read,
)
from engine.call.haplotype.alignment.smith_waterman import READ_TO_HAPLOTYPE, SOFT_CLIP_OVERHANG, Alignment, align
from engine.call.haplotype.columns import HaplotypeColumns, ReadColumns
from engine.call.haplotype.likelihood.read_likelihoods import ReadLikelihoods
from engine.call.haplotype.reads.finalization import rows
from engine.kernel import kernel

INFORMATIVE_DIFFERENCE: Final = 0.2
"""Log10 likelihoods closer than this do not tell alleles, or haplotypes, apart."""
_PADDING: Final = 1000
"""Matches appended to a haplotype's CIGAR, so that reads that hang over its end find reference there."""


class Realigned(NamedTuple):
    """New alignments of reads, one row a read.

    Attributes:
        start: int64[k], first reference base, clips excluded.
        end: int64[k], one past the last.
        cigar_offset: int64[k + 1], row limits in ``cigar``.
        cigar: uint32[], packed as in BAM, with the hard clips that the reads had.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    cigar_offset: NDArray[np.int64]
    cigar: NDArray[np.uint32]


def realigned_reads(reads: ReadColumns, likelihoods: ReadLikelihoods, haplotypes: HaplotypeColumns) -> ReadColumns:
    """The reads that a haplotype explains, aligned to the reference through their best haplotype.

    Args:
        reads: the reads that the likelihoods are of.
        likelihoods: rows kept and their likelihoods by haplotype.
        haplotypes: with the CIGAR of each on the reference.

    Returns:
        One row for each of ``likelihoods.rows``, in that order; bases and qualities as they were.
    """
    wanted = np.zeros(reads.start.size, np.bool_)
    wanted[likelihoods.rows] = True
    kept = reads if wanted.all() else rows(reads, wanted)
    new = _realigned(
        likelihoods.values,
        kept.base_offset,
        kept.bases,
        kept.cigar_offset,
        kept.cigar,
        haplotypes.start,
        haplotypes.reference,
        haplotypes.base_offset,
        haplotypes.bases,
        haplotypes.cigar_offset,
        haplotypes.cigar,
    )
    return kept._replace(start=new.start, end=new.end, cigar_offset=new.cigar_offset, cigar=new.cigar)


@kernel
def best_haplotype(likelihoods: NDArray[np.float64], priority: NDArray[np.int64]) -> int:
    """The haplotype a read is aligned to: the likeliest, or of those within 0.2 of it the one of highest priority.

    Ties keep the first. GATK: ``AlleleLikelihoods.searchBestAllele``.

    Args:
        likelihoods: float64[haplotypes], log10, of one read.
        priority: int64[haplotypes].
    """
    best = 0
    for h in range(1, likelihoods.size):
        if likelihoods[h] > likelihoods[best]:
            best = h
    likeliest = likelihoods[best]
    second = -np.inf
    for h in range(likelihoods.size):
        if h != best and likelihoods[h] > second:
            second = likelihoods[h]
    if likeliest - second >= INFORMATIVE_DIFFERENCE:
        return best
    chosen = best
    for h in range(likelihoods.size):
        if likeliest - likelihoods[h] <= INFORMATIVE_DIFFERENCE and priority[h] > priority[chosen]:
            chosen = h
    return chosen


@kernel
def aligned_to_haplotype(haplotype: NDArray[np.uint8], read: NDArray[np.uint8]) -> Alignment:
    """A read's Smith-Waterman alignment to a haplotype, found without one where a mismatch at most is between them.

    With n bases and scores 10, -15, -30 and -5 a gap leaves at most 10 n - 30 and one mismatch 10 n - 25; only a
    read that hangs over an end by one base or two and fits the rest is in between. The last place wins, as there.

    Args:
        haplotype: uint8[], ASCII bases.
        read: uint8[], ASCII bases.
    """
    last = haplotype.size - read.size
    nearest = -1
    for offset in range(last, -1, -1):
        mismatches = _mismatches(haplotype, read, offset)
        if mismatches == 0 or (mismatches == 1 and nearest < 0):
            nearest = offset
        if mismatches == 0:
            break
    if nearest < 0 or (
        mismatches > 0
        and (
            _mismatches(haplotype, read, -2) == 0
            or _mismatches(haplotype, read, -1) == 0
            or _mismatches(haplotype, read, last + 1) == 0
            or _mismatches(haplotype, read, last + 2) == 0
        )
    ):
        return align(haplotype, read, READ_TO_HAPLOTYPE, SOFT_CLIP_OVERHANG)
    cigar = np.empty(1, np.uint32)
    cigar[0] = packed_element(read.size, MATCH)
    return Alignment(nearest, cigar)


@kernel
def _mismatches(haplotype: NDArray[np.uint8], read: NDArray[np.uint8], offset: int) -> int:
    """Mismatches, 2 for all beyond, of the read's bases within the haplotype when it begins at ``offset``."""
    mismatches = 0
    for i in range(max(0, -offset), min(read.size, haplotype.size - offset)):
        if read[i] != haplotype[offset + i]:
            mismatches += 1
            if mismatches == 2:
                break
    return mismatches


@kernel
def _realigned(
    likelihoods: NDArray[np.float64],
    base_offset: NDArray[np.int64],
    bases: NDArray[np.uint8],
    cigar_offset: NDArray[np.int64],
    cigar: NDArray[np.uint32],
    span_start: int,
    reference: int,
    haplotype_offset: NDArray[np.int64],
    haplotype_bases: NDArray[np.uint8],
    haplotype_cigar_offset: NDArray[np.int64],
    haplotype_cigar: NDArray[np.uint32],
) -> Realigned:
    n = base_offset.size - 1
    priority = np.empty(haplotype_offset.size - 1, np.int64)
    for h in range(priority.size):
        elements = haplotype_cigar_offset[h + 1] - haplotype_cigar_offset[h]
        priority[h] = (2 if h == reference else 1) - elements
    reference_bases = haplotype_bases[haplotype_offset[reference] : haplotype_offset[reference + 1]]
    start, end = np.empty(n, np.int64), np.empty(n, np.int64)
    new_offset = np.zeros(n + 1, np.int64)
    new_cigar = np.empty(cigar.size + 64, np.uint32)
    for row in range(n):
        h = best_haplotype(likelihoods[row], priority)
        read = bases[base_offset[row] : base_offset[row + 1]]
        found = aligned_to_haplotype(haplotype_bases[haplotype_offset[h] : haplotype_offset[h + 1]], read)
        to_reference = haplotype_cigar[haplotype_cigar_offset[h] : haplotype_cigar_offset[h + 1]]
        offset, aligned = _through_haplotype(found.cigar, found.offset, to_reference, reference_bases, read)
        start[row] = span_start + offset
        end[row] = start[row] + reference_length(aligned)
        first, last = cigar_offset[row], cigar_offset[row + 1] - 1
        size = new_offset[row]
        if size + aligned.size + 2 > new_cigar.size:
            new_cigar = _longer(new_cigar, size, 2 * new_cigar.size + aligned.size)
        if operator_of(cigar[first]) == HARD_CLIP:
            new_cigar[size] = cigar[first]
            size += 1
        for element in aligned:
            new_cigar[size] = element
            size += 1
        if last > first and operator_of(cigar[last]) == HARD_CLIP:
            new_cigar[size] = cigar[last]
            size += 1
        new_offset[row + 1] = size
    return Realigned(start, end, new_offset, new_cigar[: new_offset[n]].copy())


@kernel
def _through_haplotype(
    to_haplotype: NDArray[np.uint32],
    offset: int,
    haplotype_to_reference: NDArray[np.uint32],
    reference: NDArray[np.uint8],
    read: NDArray[np.uint8],
) -> tuple[int, NDArray[np.uint32]]:
    """A read's place and CIGAR on the reference, from those on its haplotype, indels as far left as they go."""
    if haplotype_to_reference.size == 1 and to_haplotype.size == 1:
        return offset, to_haplotype
    last = haplotype_to_reference.size - 1
    padded = _longer(haplotype_to_reference, last + 1, last + 2)
    if operator_of(padded[last]) == MATCH:
        padded[last] += packed_element(_PADDING, MATCH)
        padded = padded[: last + 1]
    else:
        padded[last + 1] = packed_element(_PADDING, MATCH)
    on_reference = reference_offset(padded, offset)
    rest = trimmed_by_read(padded, offset, read_length(padded))
    aligned = left_align(composed(to_haplotype, rest.cigar), reference, read, on_reference)
    return on_reference + aligned.leading_deletion, aligned.cigar


@kernel
def _longer(cigar: NDArray[np.uint32], kept: int, size: int) -> NDArray[np.uint32]:
    """An array of ``size`` elements that begins with the first ``kept`` of ``cigar``."""
    longer = np.empty(size, np.uint32)
    for i in range(kept):
        longer[i] = cigar[i]
    return longer
