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
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.numerics import java_round
from engine.call.haplotype.reads.decoding_kernels import Naming
from engine.call.haplotype.reads.finalization_kernels import clip_to_span, finalize, passes
from engine.call.haplotype.reads.pileup_kernels import DELETION, INSERTION, MATCH, SOFT_CLIP, insert_limits
from engine.kernel import kernel

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


class Pileup(NamedTuple):
    """Sums over the reads of each position of a span.

    Attributes:
        start: first position.
        likelihoods: float64[n, ploidy + 1], log10.
        depth: int32[n], elements that counted.
        reference_depth: int32[n], those that show the reference base.
        informative_depth: int32[n], reads that exclude a small indel.
    """

    start: int
    likelihoods: NDArray[np.float64]
    depth: NDArray[np.int32]
    reference_depth: NDArray[np.int32]
    informative_depth: NDArray[np.int32]


@kernel
def _align_one_to_one(
    bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    cigar: NDArray[np.uint32],
    bits: NDArray[np.uint8],
    base: NDArray[np.uint8],
    quality: NDArray[np.uint8],
) -> tuple[int, int]:
    """Lay a read out with one entry per reference position (``getBasesAndBaseQualitiesAlignedOneToOne``).

    A read without indels keeps its soft clips. In one with indels insertions and soft clips go, deletions become
    gaps, and as in GATK the room of the soft clips is left empty behind the read.

    Returns:
        The length of the layout, and how many of its entries lie before the alignment start.
    """
    indel = False
    length = 0
    ahead = 0
    for k in range(cigar.size):
        operator = cigar[k] & 15
        size = np.int64(cigar[k] >> 4)
        if operator == INSERTION or operator == DELETION:
            indel = True
        if operator == MATCH or operator == DELETION or operator == SOFT_CLIP or operator >= 7:
            length += size
        if operator == SOFT_CLIP and length == size:
            ahead = size
    at = 0
    to = 0
    for k in range(cigar.size):
        operator = cigar[k] & 15
        size = np.int64(cigar[k] >> 4)
        if operator == MATCH or operator >= 7 or (operator == SOFT_CLIP and not indel):
            letters, marks = bases[at : at + size], qualities[at : at + size]
            base_to, quality_to = base[to : to + size], quality[to : to + size]
            for b in range(size):
                base_to[b] = bits[letters[b]]
                quality_to[b] = marks[b]
            to += size
            at += size
        elif operator == DELETION:
            for b in range(to, to + size):
                base[b] = _GAP
                quality[b] = 0
            to += size
        elif operator == INSERTION or operator == SOFT_CLIP:
            at += size
    for b in range(to, length):
        base[b] = 0
        quality[b] = 0
    return length, ahead


@kernel
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


@kernel
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


@kernel
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


@kernel
def _add_matches(
    letters: NDArray[np.uint8],
    bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    element: NDArray[np.float64],
    likelihoods: NDArray[np.float64],
    depth: NDArray[np.int32],
    reference_depth: NDArray[np.int32],
) -> None:
    """Add aligned bases to the positions they stand on; all arguments begin at the first of them."""
    genotypes = likelihoods.shape[1]
    for p in range(bases.size):
        quality = qualities[p]
        if quality > MINIMUM_QUALITY:
            kind = 0 if bases[p] == letters[p] else 1
            depth[p] += 1
            reference_depth[p] += 1 - kind
            for g in range(genotypes):
                likelihoods[p, g] += element[kind, quality, g]


@kernel
def _add_read(
    position: int,
    bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    cigar: NDArray[np.uint32],
    letters: NDArray[np.uint8],
    start: int,
    begin: int,
    end: int,
    informative: NDArray[np.uint8],
    ahead: int,
    element: NDArray[np.float64],
    pileup: Pileup,
) -> None:
    """Add one read to the positions ``[begin, end)`` of the span.

    Args:
        position: its alignment start.
        bases: uint8[], its bases.
        qualities: uint8[], its qualities.
        cigar: uint32[], its CIGAR.
        letters: uint8[], reference from ``start``.
        start: position of the first of them.
        begin: first position to add to.
        end: one past the last.
        informative: uint8[], by entry of its layout; entries behind its end are not informative.
        ahead: entries of the layout before the alignment start.
        element: float64[2, 256, genotypes].
        pileup: of the span, to be added to.
    """
    base = 0
    entry = ahead
    for k in range(cigar.size):
        operator = cigar[k] & 15
        length = np.int64(cigar[k] >> 4)
        low: int = max(position, begin)
        high: int = min(position + length, end)
        if operator == MATCH or operator >= 7:
            if low < high:
                site, count = low - pileup.start, high - low
                first = base + low - position
                _add_matches(
                    letters[low - start : high - start],
                    bases[first : first + count],
                    qualities[first : first + count],
                    element,
                    pileup.likelihoods[site : site + count],
                    pileup.depth[site : site + count],
                    pileup.reference_depth[site : site + count],
                )
                if k + 1 < cigar.size and high == position + length:
                    following = cigar[k + 1] & 15
                    if following == INSERTION or following == DELETION:
                        count -= 1
                at = entry + low - position
                count = min(count, informative.size - at)
                for p in range(count):
                    pileup.informative_depth[site + p] += informative[at + p]
            position += length
            base += length
            entry += length
        elif operator == DELETION:
            for p in range(low - pileup.start, high - pileup.start):
                pileup.depth[p] += 1
                for g in range(element.shape[2]):
                    pileup.likelihoods[p, g] += element[1, DELETION_QUALITY, g]
            position += length
            entry += length
        elif operator == INSERTION or operator == SOFT_CLIP:
            base += length


@kernel
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


@kernel
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
    pileup = Pileup(
        span_start,
        np.zeros((size, tables.indel.shape[1])),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
    )
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
        first, last = reads.base_offset[i], reads.base_offset[i + 1]
        bases, qualities = reads.bases[first:last], reads.qualities[first:last]
        cigar = reads.cigar[reads.cigar_offset[i] : reads.cigar_offset[i + 1]]
        length, ahead = _align_one_to_one(bases, qualities, cigar, tables.bits, base, quality)
        shift = reads.start[i] - start - ahead
        low = begin - start - shift
        high = _mark_informative(base, quality, length, last - first, reference, shift, low, unshifted, informative)
        _add_read(
            reads.start[i],
            bases,
            qualities,
            cigar,
            letters,
            start,
            begin,
            end,
            informative[:high],
            ahead,
            tables.element,
            pileup,
        )
    for p in range(size):
        site = span_start + p - sites.origin
        if pileup.depth[p] or pileup.informative_depth[p]:
            _settle(pileup.likelihoods[p], pileup.depth[p], pileup.informative_depth[p], tables, sites.phred[site])
        else:
            for g in range(sites.phred.shape[1]):
                sites.phred[site, g] = 0
        sites.depth[site] = pileup.depth[p]
        sites.reference_depth[site] = pileup.reference_depth[p]
        sites.known[site] = 1


@kernel
def model_part(
    final: ReadColumns,
    naming: Naming,
    contig: int,
    letters: NDArray[np.uint8],
    letters_start: int,
    padded_start: int,
    padded_end: int,
    span_start: int,
    span_end: int,
    tables: ModelTables,
    sites: Sites,
) -> None:
    """Fill in ``[span_start, span_end)`` from finalised reads, cut to the padded span unless they are already.

    Args:
        letters: uint8[], ASCII reference bases from position ``letters_start``, 0-based.
    """
    reads = final
    for i in range(final.start.size):
        if final.start[i] < padded_start or final.end[i] > padded_end:
            reads = clip_to_span(final, naming, padded_start, padded_end)
            break
    counted, long_enough = np.empty(reads.start.size, np.bool_), np.empty(reads.start.size, np.bool_)
    passes(reads, contig, counted, long_enough)
    span = letters[padded_start - letters_start : padded_end - letters_start]
    model_span(reads, counted, span, padded_start, span_start, span_end, tables, sites)


@kernel
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
        model_part(
            final,
            naming,
            contig,
            letters,
            letters_start,
            low,
            high,
            region_start[r],
            region_end[r],
            tables,
            sites,
        )
