"""Kernel of the activity of each position. No I/O.

Source: ``LocusIteratorByState``, ``ReferenceConfidenceModel.calcGenotypeLikelihoodsOfRefVsAny`` and
``AlleleFrequencyCalculator.calculateSingleSampleBiallelicNonRefPosterior`` of GATK.
"""

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
# ruff: noqa: SIM109

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.numerics import java_round
from engine.call.haplotype.reads.pileup_kernels import DELETION, INSERTION, MATCH, SOFT_CLIP, insert_limits
from engine.kernel import kernel

MINIMUM_QUALITY = 10
"""Bases at or below it are no evidence."""
DELETION_QUALITY = 30
HIGH_QUALITY = 28
"""Soft-clipped bases above it count."""
SOFT_CLIP_THRESHOLD = 6.0
"""Mean number of such bases above which a position's activity is spread."""
MAXIMUM_SPREAD = 100


@kernel
def _neighbours(cigar: NDArray[np.uint32], first: int, last: int, k: int, step: int) -> tuple[bool, bool]:
    """Whether the element beside ``k`` makes the adjacent base evidence of an indel, and whether it is a clip."""
    beside = k + step
    if beside < first or beside >= last:
        return False, False
    operator = cigar[beside] & 15
    if operator == SOFT_CLIP:
        return False, True
    if operator == INSERTION or operator == DELETION:
        return True, False
    return False, False


@kernel
def mark_alternates(reads: ReadColumns, reference: NDArray[np.uint8], origin: int, marked: NDArray[np.uint8]) -> None:
    """Set ``marked`` where any element of the pileup speaks against the reference; only there can activity be.

    Args:
        reads: in coordinate order.
        reference: uint8[n], bases from ``origin``.
        origin: position of the first of them.
        marked: uint8[n + 1], zeros, to be filled.
    """
    size = reference.size
    for i in range(reads.start.size):
        first, last = reads.cigar_offset[i], reads.cigar_offset[i + 1]
        position = reads.start[i]
        begin, end = insert_limits(
            np.int64(reads.flag[i]), position, reads.end[i], reads.mate_start[i], np.int64(reads.template_length[i])
        )
        begin, end = max(begin, origin), min(end, origin + size)
        base = reads.base_offset[i]
        for k in range(first, last):
            operator = reads.cigar[k] & 15
            length = np.int64(reads.cigar[k] >> 4)
            if operator == MATCH or operator >= 7:
                low, high = max(position, begin), min(position + length, end)
                shift = base - position
                for p in range(low, high):
                    if reads.bases[p + shift] != reference[p - origin] and (
                        reads.qualities[p + shift] > MINIMUM_QUALITY
                    ):
                        marked[p - origin] = 1
                indel, clip = _neighbours(reads.cigar, first, last, k, -1)
                if (indel or clip) and begin <= position < end:
                    marked[position - origin] = 1
                indel, clip = _neighbours(reads.cigar, first, last, k, 1)
                if (indel or clip) and begin <= position + length - 1 < end:
                    marked[position + length - 1 - origin] = 1
                position += length
                base += length
            elif operator == DELETION:
                for p in range(max(position, begin), min(position + length, end)):
                    marked[p - origin] = 1
                position += length
            elif operator == INSERTION or operator == SOFT_CLIP:
                base += length


@kernel
def _high_quality_clips(reads: ReadColumns, i: int) -> int:
    count = 0
    base = reads.base_offset[i]
    for k in range(reads.cigar_offset[i], reads.cigar_offset[i + 1]):
        operator = reads.cigar[k] & 15
        length = np.int64(reads.cigar[k] >> 4)
        if operator == SOFT_CLIP:
            for b in range(base, base + length):
                if reads.qualities[b] > HIGH_QUALITY:
                    count += 1
        if operator == MATCH or operator == INSERTION or operator == SOFT_CLIP or operator >= 7:
            base += length
    return count


@kernel
def _add_element(
    likelihoods: NDArray[np.float64],
    row: int,
    quality: int,
    is_alternate: bool,
    element: NDArray[np.float64],
) -> None:
    kind = 1 if is_alternate else 0
    for g in range(likelihoods.shape[1]):
        likelihoods[row, g] += element[kind, quality, g]


@kernel
def accumulate(
    reads: ReadColumns,
    reference: NDArray[np.uint8],
    origin: int,
    row_of: NDArray[np.int32],
    next_marked: NDArray[np.int32],
    element: NDArray[np.float64],
    likelihoods: NDArray[np.float64],
    depth: NDArray[np.int32],
    clip_count: NDArray[np.int32],
    clip_mean: NDArray[np.float64],
) -> None:
    """Add every element of the marked positions' pileups to their genotype likelihoods, read after read.

    Args:
        reads: in coordinate order.
        reference: uint8[n], bases from ``origin``.
        origin: position of the first of them.
        row_of: int32[n], row of a marked position, -1 elsewhere.
        next_marked: int32[n + 1], the next marked position at or behind each, ``n`` for none.
        element: float64[2, 256, ploidy + 1], what a reference (0) or alternate (1) element of a quality adds.
        likelihoods: float64[rows, ploidy + 1], log10, to be added to.
        depth: int32[rows], elements that counted.
        clip_count: int32[rows], alternate elements beside a soft clip.
        clip_mean: float64[rows], running mean of their reads' high-quality soft-clipped bases.
    """
    size = reference.size
    for i in range(reads.start.size):
        position = reads.start[i]
        begin, end = insert_limits(
            np.int64(reads.flag[i]), position, reads.end[i], reads.mate_start[i], np.int64(reads.template_length[i])
        )
        begin, end = max(begin, origin), min(end, origin + size)
        if begin >= end or next_marked[begin - origin] + origin >= end:
            continue
        clips = -1
        first, last = reads.cigar_offset[i], reads.cigar_offset[i + 1]
        base = reads.base_offset[i]
        for k in range(first, last):
            operator = reads.cigar[k] & 15
            length = np.int64(reads.cigar[k] >> 4)
            if operator == MATCH or operator >= 7 or operator == DELETION:
                low, high = max(position, begin), min(position + length, end)
                if low < high:
                    p = next_marked[low - origin] + origin
                    while p < high:
                        row = row_of[p - origin]
                        if operator == DELETION:
                            _add_element(likelihoods, row, DELETION_QUALITY, True, element)
                            depth[row] += 1
                        else:
                            b = base + p - position
                            quality = np.int64(reads.qualities[b])
                            if quality > MINIMUM_QUALITY:
                                alternate = reads.bases[b] != reference[p - origin]
                                beside_clip = False
                                if p == position:
                                    indel, clip = _neighbours(reads.cigar, first, last, k, -1)
                                    alternate |= indel | clip
                                    beside_clip |= clip
                                if p == position + length - 1:
                                    indel, clip = _neighbours(reads.cigar, first, last, k, 1)
                                    alternate |= indel | clip
                                    beside_clip |= clip
                                _add_element(likelihoods, row, quality, alternate, element)
                                depth[row] += 1
                                if beside_clip:
                                    if clips < 0:
                                        clips = _high_quality_clips(reads, i)
                                    clip_count[row] += 1
                                    clip_mean[row] += (clips - clip_mean[row]) / clip_count[row]
                        p = next_marked[p + 1 - origin] + origin
            if operator == MATCH or operator >= 7:
                position += length
                base += length
            elif operator == DELETION:
                position += length
            elif operator == INSERTION or operator == SOFT_CLIP:
                base += length


@kernel
def active_probability(
    likelihoods: NDArray[np.float64], depth: int, prior: NDArray[np.float64], log10_ploidy: float
) -> float:
    """Probability that a position is not homozygous reference, exactly 0 where reference is the best guess.

    Args:
        likelihoods: float64[ploidy + 1], sums of elements; overwritten.
        depth: how many elements.
        prior: float64[ploidy + 1], log10, not normalised.
        log10_ploidy: log10 of the ploidy.
    """
    genotypes = likelihoods.size
    best = -np.inf
    for g in range(genotypes):
        likelihoods[g] -= depth * log10_ploidy
        best = max(best, likelihoods[g])
    for g in range(genotypes):
        likelihoods[g] = java_round(-10.0 * (likelihoods[g] - best)) / -10.0
    likely = 0
    for g in range(1, genotypes):
        if likelihoods[g] > likelihoods[likely]:
            likely = g
    if likely == 0:
        return 0.0
    probable = 0
    for g in range(genotypes):
        likelihoods[g] += prior[g]
        if likelihoods[g] > likelihoods[probable]:
            probable = g
    if probable == 0:
        return 0.0
    total = 0.0
    top = likelihoods[probable]
    for g in range(genotypes):
        total += math.pow(10.0, likelihoods[g] - top)
    return 1.0 - math.pow(10.0, likelihoods[0] - top) / total


@kernel
def index_marked(marked: NDArray[np.uint8], row_of: NDArray[np.int32], next_marked: NDArray[np.int32]) -> int:
    """Number the marked positions, note for each position the next one; returns how many there are.

    Args:
        marked: uint8[n], not 0 where a position is marked.
        row_of: int32[n], filled: number of each marked position.
        next_marked: int32[n], filled: the next marked position, n where there is none.
    """
    size = row_of.size
    rows = 0
    for p in range(size):
        row_of[p] = -1
        if marked[p]:
            row_of[p] = rows
            rows += 1
    following = size
    next_marked[size] = size
    for p in range(size - 1, -1, -1):
        if marked[p]:
            following = p
        next_marked[p] = following
    return rows


@kernel
def probabilities(
    row_of: NDArray[np.int32],
    likelihoods: NDArray[np.float64],
    depth: NDArray[np.int32],
    clip_mean: NDArray[np.float64],
    prior: NDArray[np.float64],
    log10_ploidy: float,
    probability: NDArray[np.float64],
    spread: NDArray[np.int16],
) -> None:
    """Fill in the activity of every position and how far high-quality soft clips spread it.

    Args:
        row_of: int32[n], row of each position in the arrays by row, negative where nothing covers it.
        likelihoods: float64[rows, ploidy + 1], log10, by copies that are not reference.
        depth: int32[rows], elements of the pileup.
        clip_mean: float64[rows], mean number of high-quality soft-clipped bases.
        prior: float64[ploidy + 1], log10.
        probability: float64[n], filled: activity, 0 to 1.
        spread: int16[n], filled: positions either side.
    """
    for p in range(row_of.size):
        row = row_of[p]
        if row < 0 or depth[row] == 0:
            continue
        probability[p] = active_probability(likelihoods[row], depth[row], prior, log10_ploidy)
        if clip_mean[row] > SOFT_CLIP_THRESHOLD:
            spread[p] = min(int(clip_mean[row]), MAXIMUM_SPREAD)
