"""Kernels that say how surely each position is reference. No I/O.

Source: ``ReferenceConfidenceModel`` of GATK. Its cache of "no indel of up to 10 bases fits here as well" is a
property of one read against one stretch of reference and is computed per read here too, from the read's end.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
# ruff: noqa: SIM109
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.finalization_kernels import finalize, passes
from engine.call.haplotype.numerics import java_round
from engine.call.haplotype.pileup_kernels import DELETION, INSERTION, MATCH, SOFT_CLIP, insert_limits
from engine.call.haplotype.read_kernels import Naming

MINIMUM_QUALITY = 6
"""Bases at or below it are no evidence."""
DELETION_QUALITY = 30
LARGEST_INDEL = 10
"""Indels of up to this size are excluded by an informative read."""
MAXIMUM_INFORMATIVE = 40
_GAP = 16


class Sites(NamedTuple):
    """What is known of consecutive positions, to be filled in region by region.

    Attributes:
        origin: 0-based position of the first.
        phred: int32[n, ploidy + 1], PL of 0..ploidy copies of any other allele.
        depth: int32[n], reads that counted.
        reference_depth: int32[n], those that show the reference base.
        known: uint8[n], 1 where the other columns have been filled in.
    """

    origin: int
    phred: NDArray[np.int32]
    depth: NDArray[np.int32]
    reference_depth: NDArray[np.int32]
    known: NDArray[np.uint8]


class ModelTables(NamedTuple):
    """Constants of the model for one ploidy.

    Attributes:
        element: float64[2, 256, ploidy + 1], what a reference (0) or alternate (1) base of a quality adds.
        indel: float64[41, ploidy + 1], log10 likelihoods by the number of informative reads.
        bits: uint8[256], the bases an ASCII code may stand for, as a set of four bits.
        log10_ploidy: log10 of the ploidy.
    """

    element: NDArray[np.float64]
    indel: NDArray[np.float64]
    bits: NDArray[np.uint8]
    log10_ploidy: float


@njit(nogil=True, cache=True)
def _align_one_to_one(
    reads: ReadColumns, i: int, bits: NDArray[np.uint8], base: NDArray[np.uint8], quality: NDArray[np.uint8]
) -> tuple[int, int]:
    """Lay a read out with one entry per reference position (``getBasesAndBaseQualitiesAlignedOneToOne``).

    A read without indels keeps its soft clips. In one with indels insertions and soft clips go, deletions become
    gaps, and as in GATK the room of the soft clips is left empty behind the read.

    Returns:
        The length of the layout, and how many of its entries lie before the alignment start.
    """
    first, last = reads.cigar_offset[i], reads.cigar_offset[i + 1]
    indel = False
    length = 0
    ahead = 0
    for k in range(first, last):
        operator = reads.cigar[k] & 15
        if operator == INSERTION or operator == DELETION:
            indel = True
        if operator == MATCH or operator == DELETION or operator == SOFT_CLIP or operator >= 7:
            length += np.int64(reads.cigar[k] >> 4)
        if operator == SOFT_CLIP and length == np.int64(reads.cigar[k] >> 4):
            ahead = length
    at = reads.base_offset[i]
    to = 0
    for k in range(first, last):
        operator = reads.cigar[k] & 15
        size = np.int64(reads.cigar[k] >> 4)
        if operator == MATCH or operator >= 7 or (operator == SOFT_CLIP and not indel):
            for b in range(size):
                base[to + b] = bits[reads.bases[at + b]]
                quality[to + b] = reads.qualities[at + b]
            to += size
            at += size
        elif operator == DELETION:
            for b in range(size):
                base[to + b] = _GAP
                quality[to + b] = 0
            to += size
        elif operator == INSERTION or operator == SOFT_CLIP:
            at += size
    for b in range(to, length):
        base[b] = 0
        quality[b] = 0
    return length, ahead


@njit(nogil=True, cache=True)
def _last_informative(length: int, read_length: int, reference_left: int) -> int:
    """Entries at or behind this one are too close to the end of the read or of the reference.

    Args:
        length: of the read's layout.
        read_length: its bases.
        reference_left: reference bases from the layout's first entry on.
    """
    within_read = read_length - LARGEST_INDEL + 1
    if length <= reference_left:
        return min(length - LARGEST_INDEL, within_read)
    end = reference_left - LARGEST_INDEL + 1
    return end - 1 if end < within_read else within_read


@njit(nogil=True, cache=True)
def _exclude(
    base: NDArray[np.uint8],
    quality: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    read_from: int,
    reference_from: int,
    compared: int,
    low: int,
    high: int,
    unshifted: NDArray[np.int64],
    informative: NDArray[np.uint8],
) -> None:
    """Mark as uninformative each entry from which the shifted read fits no worse than the unshifted."""
    limit = unshifted[low]
    total = 0
    for k in range(compared - 1, low - 1, -1):
        letter = base[read_from + k]
        if letter != _GAP and letter & reference[reference_from + k] == 0:
            total += quality[read_from + k]
            if total > limit:
                return
        if k < high and unshifted[k] >= total:
            informative[k] = 0


@njit(nogil=True, cache=True)
def _mark_informative(
    base: NDArray[np.uint8],
    quality: NDArray[np.uint8],
    length: int,
    read_length: int,
    reference: NDArray[np.uint8],
    shift: int,
    low: int,
    unshifted: NDArray[np.int64],
    informative: NDArray[np.uint8],
) -> int:
    """Set ``informative`` for the entries from ``low`` on; returns the end of what was set.

    Args:
        base: uint8[], layout of the read as sets of bases.
        quality: uint8[], its qualities.
        length: entries of the layout.
        read_length: bases of the read.
        reference: uint8[], sets of bases.
        shift: index in ``reference`` of the layout's first entry, may be negative.
        low: first entry asked for; ``low + shift`` is within the reference.
        unshifted: int64[], room for the mismatches from each entry on.
        informative: uint8[], room for the answer.
    """
    left = reference.size - shift
    high = _last_informative(length, read_length, left)
    if high <= low:
        return low
    total = 0
    for k in range(min(length, left) - 1, low - 1, -1):
        if base[k] != _GAP and base[k] & reference[k + shift] == 0:
            total += quality[k]
        unshifted[k] = total
    for k in range(low, high):
        informative[k] = 1
    for size in range(1, LARGEST_INDEL + 1):
        compared = min(length, left - size)
        _exclude(base, quality, reference, 0, shift + size, compared, low, high, unshifted, informative)
        compared = min(length - size, left)
        _exclude(base, quality, reference, size, shift, compared, low, high, unshifted, informative)
    return high


@njit(nogil=True, cache=True)
def _add_read(
    reads: ReadColumns,
    i: int,
    letters: NDArray[np.uint8],
    start: int,
    span_start: int,
    begin: int,
    end: int,
    informative: NDArray[np.uint8],
    informative_end: int,
    ahead: int,
    tables: ModelTables,
    likelihoods: NDArray[np.float64],
    depth: NDArray[np.int32],
    reference_depth: NDArray[np.int32],
    informative_depth: NDArray[np.int32],
) -> None:
    """Add one read to the positions ``[begin, end)`` of the span."""
    genotypes = likelihoods.shape[1]
    position = reads.start[i]
    base = reads.base_offset[i]
    entry = ahead
    first, last = reads.cigar_offset[i], reads.cigar_offset[i + 1]
    for k in range(first, last):
        operator = reads.cigar[k] & 15
        length = np.int64(reads.cigar[k] >> 4)
        if operator == MATCH or operator >= 7:
            before_indel = False
            if k + 1 < last:
                following = reads.cigar[k + 1] & 15
                before_indel = following == INSERTION or following == DELETION
            for p in range(max(position, begin), min(position + length, end)):
                b = base + p - position
                quality = np.int64(reads.qualities[b])
                site = p - span_start
                if quality > MINIMUM_QUALITY:
                    kind = 0 if reads.bases[b] == letters[p - start] else 1
                    depth[site] += 1
                    reference_depth[site] += 1 - kind
                    for g in range(genotypes):
                        likelihoods[site, g] += tables.element[kind, quality, g]
                at = entry + p - position
                if at < informative_end and informative[at] and not (before_indel and p == position + length - 1):
                    informative_depth[site] += 1
            position += length
            base += length
            entry += length
        elif operator == DELETION:
            for p in range(max(position, begin), min(position + length, end)):
                site = p - span_start
                depth[site] += 1
                for g in range(genotypes):
                    likelihoods[site, g] += tables.element[1, DELETION_QUALITY, g]
            position += length
            entry += length
        elif operator == INSERTION or operator == SOFT_CLIP:
            base += length


@njit(nogil=True, cache=True)
def _settle(
    likelihoods: NDArray[np.float64], depth: int, informative: int, tables: ModelTables, phred: NDArray[np.int32]
) -> None:
    """PLs of a position: of substitutions or of indels, whichever leaves more doubt."""
    genotypes = likelihoods.size
    reference = likelihoods[0] - depth * tables.log10_ploidy
    other = -np.inf
    likelihoods[0] = reference
    for g in range(1, genotypes):
        likelihoods[g] = min(likelihoods[g] - depth * tables.log10_ploidy, reference)
        other = max(other, likelihoods[g])
    indel = tables.indel[min(informative, MAXIMUM_INFORMATIVE)]
    indel_other = -np.inf
    for g in range(1, genotypes):
        indel_other = max(indel_other, indel[g])
    chosen = indel if indel[0] - indel_other < reference - other else likelihoods
    best = chosen[0]
    for g in range(1, genotypes):
        best = max(best, chosen[g])
    for g in range(genotypes):
        phred[g] = java_round(-10.0 * (chosen[g] - best))


@njit(nogil=True, cache=True)
def model_span(
    reads: ReadColumns,
    counted: NDArray[np.bool_],
    letters: NDArray[np.uint8],
    start: int,
    span_start: int,
    span_end: int,
    tables: ModelTables,
    sites: Sites,
) -> None:
    """Fill in the sites ``[span_start, span_end)``.

    Args:
        reads: finalised or realigned to their haplotypes.
        counted: bool[n], which of them are evidence.
        letters: uint8[], upper-case reference of the padded span.
        start: position of its first base.
        span_start: first position to fill in.
        span_end: one past the last.
        tables: constants.
        sites: to be filled.
    """
    size = span_end - span_start
    genotypes = tables.indel.shape[1]
    likelihoods = np.zeros((size, genotypes))
    depth, reference_depth = np.zeros(size, np.int32), np.zeros(size, np.int32)
    informative_depth = np.zeros(size, np.int32)
    reference = np.empty(letters.size, np.uint8)
    for k in range(letters.size):
        reference[k] = tables.bits[letters[k]]
    room = 0
    for i in range(reads.start.size):
        bases = reads.base_offset[i + 1] - reads.base_offset[i]
        room = max(room, bases + reads.end[i] - reads.start[i])
    base, quality = np.empty(room, np.uint8), np.empty(room, np.uint8)
    unshifted, informative = np.empty(room, np.int64), np.empty(room, np.uint8)
    for i in range(reads.start.size):
        if not counted[i]:
            continue
        begin, end = insert_limits(
            np.int64(reads.flag[i]),
            reads.start[i],
            reads.end[i],
            reads.mate_start[i],
            np.int64(reads.template_length[i]),
        )
        begin, end = max(begin, span_start), min(end, span_end)
        if begin >= end:
            continue
        length, ahead = _align_one_to_one(reads, i, tables.bits, base, quality)
        read_length = reads.base_offset[i + 1] - reads.base_offset[i]
        shift = reads.start[i] - start - ahead
        high = _mark_informative(
            base,
            quality,
            length,
            read_length,
            reference,
            shift,
            begin - start - shift,
            unshifted,
            informative,
        )
        _add_read(
            reads,
            i,
            letters,
            start,
            span_start,
            begin,
            end,
            informative,
            high,
            ahead,
            tables,
            likelihoods,
            depth,
            reference_depth,
            informative_depth,
        )
    for p in range(size):
        site = span_start + p - sites.origin
        _settle(likelihoods[p], depth[p], informative_depth[p], tables, sites.phred[site])
        sites.depth[site] = depth[p]
        sites.reference_depth[site] = reference_depth[p]
        sites.known[site] = 1


@njit(nogil=True, cache=True)
def model_inactive(
    reads: ReadColumns,
    furthest: NDArray[np.int64],
    naming: Naming,
    contig: int,
    letters: NDArray[np.uint8],
    letters_start: int,
    region_start: NDArray[np.int64],
    region_end: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    padding: int,
    tables: ModelTables,
    sites: Sites,
) -> None:
    """Finalise and fill in the wanted regions, one after the other, without returning to Python.

    Args:
        reads: of the contig, as aligned, in coordinate order.
        furthest: int64[n], largest end up to each read.
        naming: of the reads.
        contig: the header's index of the contig.
        letters: uint8[], upper-case reference from ``letters_start`` that covers the padded regions, as far as
            the contig reaches.
        letters_start: its position.
        region_start: int64[r], 0-based starts.
        region_end: int64[r], ends.
        wanted: bool[r].
        padding: bases to either side that reads are clipped to.
        tables: constants.
        sites: to be filled.
    """
    for r in range(region_start.size):
        if not wanted[r]:
            continue
        low = max(region_start[r] - padding, letters_start)
        high = min(region_end[r] + padding, letters_start + letters.size)
        final = finalize(reads, furthest, naming, low, high)
        counted = np.empty(final.start.size, np.bool_)
        long_enough = np.empty(final.start.size, np.bool_)
        passes(final, contig, counted, long_enough)
        span = letters[low - letters_start : high - letters_start]
        model_span(final, counted, span, low, region_start[r], region_end[r], tables, sites)
