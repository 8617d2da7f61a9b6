"""Kernels that join reference sites into blocks and write them as VCF text. No I/O.

Source: ``GVCFBlockCombiner``, ``GVCFBlock`` and ``HomRefBlock`` of GATK; VCF 4.2 for the text.
"""

from __future__ import annotations

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.reference_model.confidence_kernels import Sites
from engine.kernel import kernel

LINE_ROOM = 96
"""Bytes that a line needs beside the contig's name and its likelihoods."""
_NUMBER_ROOM = 12
_MAXIMUM_QUALITY = 99

_START, _END, _BAND, _GENOTYPES, _LETTER, _COUNT, _SHALLOWEST, _DEEPEST = range(8)


class OpenBlock(NamedTuple):
    """The block that the next site may still join.

    Attributes:
        state: int64[8], start, end, quality band, genotypes, reference letter, sites, smallest and largest depth;
            no block is open while there are no sites.
        phred: int32[], smallest PL of each genotype.
        histogram: int64[], sites by depth; longer than any depth.
    """

    state: NDArray[np.int64]
    phred: NDArray[np.int32]
    histogram: NDArray[np.int64]


class Words(NamedTuple):
    """The fixed parts of a line as ASCII.

    Attributes:
        contig: CHROM.
        genotypes: concatenated GT of hom-ref, ``0/0``.
        block: what stands between REF and END's number.
        format_block: what stands between END's number and the genotype.
        site: what stands between REF and the genotype of a single site.
    """

    contig: NDArray[np.uint8]
    genotypes: NDArray[np.uint8]
    block: NDArray[np.uint8]
    format_block: NDArray[np.uint8]
    site: NDArray[np.uint8]


@kernel
def _put_text(text: NDArray[np.uint8], at: int, word: NDArray[np.uint8]) -> int:
    for k in range(word.size):
        text[at + k] = word[k]
    return at + word.size


@kernel
def _put_number(text: NDArray[np.uint8], at: int, number: int) -> int:
    if number == 0:
        text[at] = 48
        return at + 1
    digits = 0
    rest = number
    while rest:
        digits += 1
        rest //= 10
    for k in range(digits - 1, -1, -1):
        text[at + k] = 48 + number % 10
        number //= 10
    return at + digits


@kernel
def _put_byte(text: NDArray[np.uint8], at: int, byte: int) -> int:
    text[at] = byte
    return at + 1


@kernel
def quality_of(phred: NDArray[np.int32], genotypes: int) -> int:
    """GQ: the second smallest PL less the smallest, at most 99.

    Args:
        phred: int32[], PLs, of which the first ``genotypes`` count.
    """
    first, second = np.int64(phred[0]), np.int64(phred[1])
    if first > second:
        first, second = second, first
    for g in range(2, genotypes):
        value = np.int64(phred[g])
        if value <= first:
            first, second = value, first
        elif value < second:
            second = value
    return min(second - first, _MAXIMUM_QUALITY)


@kernel
def _band_of(quality: int) -> int:
    """Lower limit of a quality's band: one each up to 60, then 60, 70, 80, 90, 99."""
    if quality < 60:
        return quality
    if quality >= 99:
        return 99
    return quality // 10 * 10


@kernel
def _median(histogram: NDArray[np.int64], low: int, high: int, count: int) -> int:
    """Median of counted depths, halves rounded up."""
    lower, upper = (count - 1) // 2, count // 2
    seen = 0
    first = -1
    for depth in range(low, high + 1):
        seen += histogram[depth]
        if first < 0 and seen > lower:
            first = depth
        if seen > upper:
            return (first + depth + 1) // 2
    return high


@kernel
def _put_likelihoods(text: NDArray[np.uint8], at: int, phred: NDArray[np.int32], genotypes: int) -> int:
    for g in range(genotypes):
        at = _put_byte(text, at, 44 if g else 58)  # , :
        at = _put_number(text, at, phred[g])
    return _put_byte(text, at, 10)


@kernel
def _put_place(text: NDArray[np.uint8], at: int, contig: NDArray[np.uint8], position: int, letter: int) -> int:
    at = _put_text(text, at, contig)
    at = _put_byte(text, at, 9)
    at = _put_number(text, at, position + 1)
    at = _put_byte(text, at, 9)
    at = _put_byte(text, at, 46)
    at = _put_byte(text, at, 9)
    return _put_byte(text, at, letter)


@kernel
def close_block(block: OpenBlock, words: Words, text: NDArray[np.uint8], at: int) -> int:
    """Write the open block, if there is one; returns the end of the text.

    Args:
        text: uint8[], written to from ``at``.
    """
    state = block.state
    if state[_COUNT] == 0:
        return at
    genotypes = state[_GENOTYPES]
    low, high = state[_SHALLOWEST], state[_DEEPEST]
    at = _put_place(text, at, words.contig, state[_START], state[_LETTER])
    at = _put_text(text, at, words.block)
    at = _put_number(text, at, state[_END])
    at = _put_text(text, at, words.format_block)
    at = _put_text(text, at, words.genotypes[: 2 * genotypes - 3])
    at = _put_byte(text, at, 58)
    at = _put_number(text, at, _median(block.histogram, low, high, state[_COUNT]))
    at = _put_byte(text, at, 58)
    at = _put_number(text, at, quality_of(block.phred, genotypes))
    at = _put_byte(text, at, 58)
    at = _put_number(text, at, low)
    at = _put_likelihoods(text, at, block.phred, genotypes)
    for depth in range(low, high + 1):
        block.histogram[depth] = 0
    state[_COUNT] = 0
    return at


@kernel
def join_sites(
    sites: Sites,
    begin: int,
    end: int,
    letters: NDArray[np.uint8],
    letters_start: int,
    block: OpenBlock,
    words: Words,
    text: NDArray[np.uint8],
    at: int,
) -> int:
    """Add the known sites of ``[begin, end)`` to blocks, writing each block that ends; returns the text's end.

    Args:
        letters: uint8[], ASCII reference bases from position ``letters_start``, 0-based.
        text: uint8[], written to from ``at``.
    """
    state = block.state
    genotypes = sites.phred.shape[1]
    for position in range(begin, end):
        site = position - sites.origin
        if not sites.known[site]:
            continue
        phred = sites.phred[site]
        depth = np.int64(sites.depth[site])
        band = _band_of(quality_of(phred, genotypes))
        joins = state[_COUNT] > 0 and state[_END] == position
        if joins and state[_BAND] == band and state[_GENOTYPES] == genotypes:
            for g in range(genotypes):
                block.phred[g] = min(block.phred[g], phred[g])
            state[_SHALLOWEST] = min(state[_SHALLOWEST], depth)
            state[_DEEPEST] = max(state[_DEEPEST], depth)
        else:
            at = close_block(block, words, text, at)
            state[_START] = position
            state[_BAND] = band
            state[_GENOTYPES] = genotypes
            state[_LETTER] = letters[position - letters_start]
            for g in range(genotypes):
                block.phred[g] = phred[g]
            state[_SHALLOWEST] = depth
            state[_DEEPEST] = depth
        block.histogram[depth] += 1
        state[_COUNT] += 1
        state[_END] = position + 1
    return at


@kernel
def write_sites(
    sites: Sites,
    begin: int,
    end: int,
    letters: NDArray[np.uint8],
    letters_start: int,
    words: Words,
    text: NDArray[np.uint8],
    at: int,
) -> int:
    """Write each known site of ``[begin, end)`` as a line of its own; returns the text's end.

    Args:
        letters: uint8[], ASCII reference bases from position ``letters_start``, 0-based.
        text: uint8[], written to from ``at``.
    """
    genotypes = sites.phred.shape[1]
    for position in range(begin, end):
        site = position - sites.origin
        if not sites.known[site]:
            continue
        phred = sites.phred[site]
        at = _put_place(text, at, words.contig, position, letters[position - letters_start])
        at = _put_text(text, at, words.site)
        at = _put_text(text, at, words.genotypes[: 2 * genotypes - 3])
        at = _put_byte(text, at, 58)
        at = _put_number(text, at, sites.reference_depth[site])
        at = _put_byte(text, at, 44)
        at = _put_number(text, at, sites.depth[site] - sites.reference_depth[site])
        at = _put_byte(text, at, 58)
        at = _put_number(text, at, sites.depth[site])
        at = _put_byte(text, at, 58)
        at = _put_number(text, at, quality_of(phred, genotypes))
        at = _put_likelihoods(text, at, phred, genotypes)
    return at


def room_for(sites: int, contig: NDArray[np.uint8], genotypes: int) -> int:
    """Bytes that suffice for as many lines as there are sites."""
    return sites * int(LINE_ROOM + contig.size + 2 * genotypes + _NUMBER_ROOM * (genotypes + 4))
