"""How probable a read is given a haplotype: the pair hidden Markov model, many reads at a time (GCUPS matter here).

Nothing here knows of base quality caps, alleles or regions; ``likelihoods`` prepares the inputs and draws the
conclusions. Model and parameters: Durbin et al. 1998 section 4 in the form of GATK's ``LoglessPairHMM``; tables,
scaling and order of operations are those of Intel's GKL 0.8 in single precision with flush to zero. Multiplications
and additions are fused, as in GKL's AVX-512 build: 1.7 times fewer operations on Intel, and of GATK's 20,804 stored
results (made without fusing) 20,785 come out equal to the last printed digit, the others within 7e-6. Gap
continuation has phred 10 everywhere, and one array gives the gap opening quality of insertions and deletions alike.

Reads of similar length share a vector, a lane each. The matrix is filled column by column (a column is a
haplotype base), two columns a sweep, so that a haplotype resumes where it first differs from the one before it:
columns, and with them work, are shared between haplotypes of equal length.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.likelihood.lanes import (
    LANES,
    add,
    choose_by_bit,
    flush_to_zero,
    fused,
    load,
    multiply,
    restore_control,
    splat,
    store,
)
from engine.kernel import kernel

GAP_CONTINUATION_QUALITY: Final = 10
_SMALLEST_TRUSTED_SUM: Final = np.float32(1e-28)
_SCALE: Final = np.float32(2.0**120)
_LOG10_SCALE: Final = np.float32(math.log10(2.0**120))
_DOUBLE_SCALE: Final = 2.0**1020


def _single_error() -> NDArray[np.float32]:
    exponents = -np.arange(128, dtype=np.float32) / np.float32(10.0)
    return np.array([math.pow(10.0, float(exponent)) for exponent in exponents], np.float32)


def _single_match_to_match() -> NDArray[np.float32]:
    both = np.float32(-0.1) * np.arange(128, dtype=np.float32) + np.float32(math.log10(2.0))
    return np.array([_stay_matched(float(log10_gap)) for log10_gap in both], np.float32)


def _stay_matched(log10_gap: float) -> float:
    gap = min(1.0, math.pow(10.0, log10_gap))
    return 0.0 if gap == 1.0 else math.pow(10.0, math.log1p(-gap) * 0.434294)


_ERROR: Final = _single_error()
_MATCH_TO_MATCH: Final = _single_match_to_match()
_BASE_MATCH: Final = np.float32(1.0) - _ERROR
_BASE_MISMATCH: Final = _ERROR / np.float32(3.0)
_DOUBLE_ERROR: Final = np.array([math.pow(10.0, -quality / 10.0) for quality in range(128)])
_DOUBLE_MATCH_TO_MATCH: Final = np.array([_stay_matched(-0.1 * quality + math.log10(2.0)) for quality in range(128)])


def _base_bits() -> NDArray[np.int32]:
    bits = np.full(256, 16, np.int32)
    for row, base in enumerate(b"ACGT"):
        bits[base] = 1 << row
    bits[ord("N")] = 31
    return bits


_BASE_BITS: Final = _base_bits()
"""int32[256], one bit a base; N has them all, for it matches every base."""
_BASES: Final = 5
_ROW_OF_BASE: Final = np.array([{1: 0, 2: 1, 4: 2, 8: 3}.get(int(bits), 4) for bits in _BASE_BITS])


class _Sharing(NamedTuple):
    """What haplotypes have in common with those before them.

    Attributes:
        resume: int64[h], columns taken over.
        height: int64[h], how many saved states are below what this haplotype saves; it resumes from the topmost.
        stop_offset: int64[h + 1], row limits in ``stops``.
        stops: int64[], columns, ascending, after which the state is saved for later haplotypes.
        depth: the most states kept at a time.
    """

    resume: NDArray[np.int64]
    height: NDArray[np.int64]
    stop_offset: NDArray[np.int64]
    stops: NDArray[np.int64]
    depth: int


def pair_hmm(
    read_offset: NDArray[np.int64],
    read_bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    gap_open: NDArray[np.uint8],
    haplotype_offset: NDArray[np.int64],
    haplotype_bases: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """Log10 probability of every read given every haplotype.

    Args:
        read_offset: int64[n + 1], row limits of the reads in the three arrays that follow.
        read_bases: uint8[], ASCII upper case.
        qualities: uint8[], phred of a base, below 128.
        gap_open: uint8[], phred of a gap opening before the base, below 128.
        haplotype_offset: int64[h + 1], row limits in ``haplotype_bases``.
        haplotype_bases: uint8[], ASCII upper case. Haplotypes sorted by length, then bases, are quickest.

    Returns:
        float64[n, h]. Values beyond the range of single precision (below about -64) were computed in double.
    """
    result = single_precision_likelihoods(
        read_offset, read_bases, qualities, gap_open, haplotype_offset, haplotype_bases
    )
    for read, haplotype in np.argwhere(np.isnan(result)):
        bases = slice(read_offset[read], read_offset[read + 1])
        result[read, haplotype] = _double_precision_likelihood(
            read_bases[bases],
            qualities[bases],
            gap_open[bases],
            haplotype_bases[haplotype_offset[haplotype] : haplotype_offset[haplotype + 1]],
        )
    return result


@kernel(error_model="numpy")
def single_precision_likelihoods(
    read_offset: NDArray[np.int64],
    read_bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    gap_open: NDArray[np.uint8],
    haplotype_offset: NDArray[np.int64],
    haplotype_bases: NDArray[np.uint8],
) -> NDArray[np.float64]:
    """:func:`pair_hmm` with NaN where single precision does not reach (below about -64).

    Args:
        read_offset: int64[n + 1], as are all that follow, of :func:`pair_hmm`.
        read_bases: uint8[], ASCII upper case.
        qualities: uint8[], phred.
        gap_open: uint8[], phred.
        haplotype_offset: int64[h + 1], row limits.
        haplotype_bases: uint8[], ASCII upper case.
    """
    n = read_offset.size - 1
    haplotypes = haplotype_offset.size - 1
    result = np.empty((n, haplotypes), np.float64)
    if n == 0 or haplotypes == 0:
        return result
    order = _longest_first(read_offset)
    rows = read_offset[order[0] + 1] - read_offset[order[0]]
    sharing = _shared_columns(haplotype_offset, haplotype_bases)
    floats = rows * LANES
    steps = _aligned(2 * floats)
    priors = _aligned(_BASES * floats)
    codes = np.zeros(floats, np.int32)
    state = _aligned(3 * floats)
    sums = _aligned(2 * LANES * LANES)
    mismatch = _aligned(floats)
    saved = _aligned(sharing.depth * (state.size + sums.size))
    control = flush_to_zero()
    for first in range(0, n, LANES):
        members = order[first : min(first + LANES, n)]
        _pack(members, read_offset, read_bases, qualities, gap_open, steps, priors, mismatch, codes)
        ends, lane_end = _distinct_ends(members, read_offset)
        for h in range(haplotypes):
            bases = haplotype_bases[haplotype_offset[h] : haplotype_offset[h + 1]]
            _fill(h, bases, sharing, ends, steps, priors, state, sums, saved)
            for lane in range(members.size):
                end = 2 * LANES * lane_end[lane] + lane
                result[members[lane], h] = _log10(sums[end] + sums[end + LANES])
    restore_control(control)
    return result


@kernel
def _aligned(size: int) -> NDArray[np.float32]:
    """Uninitialised float32 on a 64-byte boundary: vector loads then never straddle two cache lines."""
    whole = np.empty(size + 16, np.float32)
    skip = (-(whole.ctypes.data // 4)) % 16
    return whole[skip : skip + size]


@kernel
def _shared_columns(haplotype_offset: NDArray[np.int64], haplotype_bases: NDArray[np.uint8]) -> _Sharing:
    """Plan which columns each haplotype takes over from those before it.

    Only equal lengths share, for the state before the first column is scaled by the length.
    """
    haplotypes = haplotype_offset.size - 1
    resume = np.zeros(haplotypes, np.int64)
    for h in range(1, haplotypes):
        a, b, end = haplotype_offset[h - 1], haplotype_offset[h], haplotype_offset[h + 1]
        if b - a == end - b:
            shared = 0
            while b + shared < end and haplotype_bases[a + shared] == haplotype_bases[b + shared]:
                shared += 1
            resume[h] = shared
    height = np.zeros(haplotypes, np.int64)
    stop_offset = np.zeros(haplotypes + 1, np.int64)
    stops = np.empty(haplotypes, np.int64)
    kept = np.empty(haplotypes + 1, np.int64)
    top, depth, count = 0, 0, 0
    for h in range(haplotypes):
        while top > 0 and kept[top - 1] > resume[h]:
            top -= 1
        height[h] = top
        first = count
        for later in range(h + 1, haplotypes):
            if resume[later] <= resume[h]:
                break
            if count == first or resume[later] < stops[count - 1]:
                stops[count] = resume[later]
                count += 1
        stop_offset[h + 1] = count
        for k in range((count - first) // 2):
            stops[first + k], stops[count - 1 - k] = stops[count - 1 - k], stops[first + k]
        for k in range(first, count):
            kept[top] = stops[k]
            top += 1
        depth = max(depth, top)
    return _Sharing(resume, height, stop_offset, stops, depth)


@kernel
def _pack(
    members: NDArray[np.int64],
    read_offset: NDArray[np.int64],
    read_bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    gap_open: NDArray[np.uint8],
    steps: NDArray[np.float32],
    priors: NDArray[np.float32],
    mismatch: NDArray[np.float32],
    codes: NDArray[np.int32],
) -> None:
    """Lay the reads of one group out, a lane each: transitions, and the prior of each row for each base.

    ``steps`` holds per row match to match, then gap opening; ``priors`` per base of the haplotype and row the
    probability to see the read's base. Rows beyond a read's end, and lanes without a read, stay impossible.
    """
    rows = read_offset[members[0] + 1] - read_offset[members[0]]
    match = priors[4 * rows * LANES :]
    for lane in range(LANES):
        length = 0
        if lane < members.size:
            start = read_offset[members[lane]]
            length = read_offset[members[lane] + 1] - start
        for i in range(length):
            at, quality, gap = i * LANES + lane, qualities[start + i], gap_open[start + i]
            codes[at] = _BASE_BITS[read_bases[start + i]]
            match[at] = _BASE_MATCH[quality]
            mismatch[at] = _BASE_MISMATCH[quality]
            steps[2 * i * LANES + lane] = _MATCH_TO_MATCH[gap]
            steps[2 * i * LANES + LANES + lane] = _ERROR[gap]
        for i in range(length, rows):
            at = i * LANES + lane
            codes[at] = 0
            match[at] = mismatch[at] = np.float32(0.0)
            steps[2 * i * LANES + lane] = steps[2 * i * LANES + LANES + lane] = np.float32(0.0)
    for base in range(4):
        bit, table = np.int32(1 << base), base * rows * LANES
        for at in range(0, rows * LANES, LANES):
            store(priors, table + at, choose_by_bit(codes, at, bit, load(match, at), load(mismatch, at)))


@kernel
def _longest_first(read_offset: NDArray[np.int64]) -> NDArray[np.int64]:
    n = read_offset.size - 1
    longest = 0
    for k in range(n):
        longest = max(longest, read_offset[k + 1] - read_offset[k])
    place = np.zeros(longest + 2, np.int64)
    for k in range(n):
        place[longest - (read_offset[k + 1] - read_offset[k]) + 1] += 1
    for length in range(longest + 1):
        place[length + 1] += place[length]
    order = np.empty(n, np.int64)
    for k in range(n):
        slot = longest - (read_offset[k + 1] - read_offset[k])
        order[place[slot]] = k
        place[slot] += 1
    return order


@kernel
def _distinct_ends(
    members: NDArray[np.int64], read_offset: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different lengths of a group's reads, ascending, and which of them is each lane's."""
    ends, lane_end = np.empty(members.size, np.int64), np.empty(members.size, np.int64)
    count = 0
    for lane in range(members.size - 1, -1, -1):
        length = read_offset[members[lane] + 1] - read_offset[members[lane]]
        if count == 0 or length > ends[count - 1]:
            ends[count] = length
            count += 1
        lane_end[lane] = count - 1
    return ends[:count], lane_end


@kernel(error_model="numpy")
def _fill(
    h: int,
    bases: NDArray[np.uint8],
    sharing: _Sharing,
    ends: NDArray[np.int64],
    steps: NDArray[np.float32],
    priors: NDArray[np.float32],
    state: NDArray[np.float32],
    sums: NDArray[np.float32],
    saved: NDArray[np.float32],
) -> None:
    """Fill the matrix of one group of reads against haplotype ``h``.

    Args:
        h: the haplotype's row in ``sharing``.
        bases: its bases.
        sharing: the columns it takes over and those that it must save.
        ends: rows after which reads of the group end.
        steps: transitions by row.
        priors: by base and row.
        state: match, insertion and deletion by row, of the last column filled.
        sums: by end, the sums of match and of insertion over the columns so far.
        saved: the stack of states and sums to resume from.
    """
    used = 3 * LANES * ends[ends.size - 1]
    block = state.size + sums.size
    height, column = sharing.height[h], sharing.resume[h]
    if column == 0:
        _clear(state, used)
        _clear(sums, sums.size)
    else:
        _copy(saved, (height - 1) * block, state, 0, used)
        _copy(saved, (height - 1) * block + state.size, sums, 0, sums.size)
    above = _SCALE / np.float32(bases.size)
    for stop in range(sharing.stop_offset[h], sharing.stop_offset[h + 1]):
        _sweep(bases, column, sharing.stops[stop], above, ends, steps, priors, state, sums)
        column = sharing.stops[stop]
        _copy(state, 0, saved, height * block, used)
        _copy(sums, 0, saved, height * block + state.size, sums.size)
        height += 1
    _sweep(bases, column, bases.size, above, ends, steps, priors, state, sums)


@kernel
def _clear(numbers: NDArray[np.float32], size: int) -> None:
    for at in range(size):
        numbers[at] = np.float32(0.0)


@kernel
def _copy(source: NDArray[np.float32], first: int, target: NDArray[np.float32], to: int, size: int) -> None:
    for at in range(size):
        target[to + at] = source[first + at]


@kernel
def _sweep(
    bases: NDArray[np.uint8],
    first: int,
    stop: int,
    above: np.float32,
    ends: NDArray[np.int64],
    steps: NDArray[np.float32],
    priors: NDArray[np.float32],
    state: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Carry the state over columns ``[first, stop)``, two at a time; ``above`` is the deletion state of row 0."""
    floats = ends[ends.size - 1] * LANES
    gap = splat(_ERROR[GAP_CONTINUATION_QUALITY])
    no_gap = splat(np.float32(1.0) - _ERROR[GAP_CONTINUATION_QUALITY])
    zero, start = splat(np.float32(0.0)), splat(above)
    for j in range(first, stop - 1, 2):
        prior1, prior2 = _ROW_OF_BASE[bases[j]] * floats, _ROW_OF_BASE[bases[j + 1]] * floats
        m0, i0, d0 = zero, zero, start
        m1, i1, d1 = zero, zero, start
        m2, i2 = zero, zero
        row = 0
        for end in range(ends.size):
            for at in range(row * LANES, ends[end] * LANES, LANES):
                match, opening = load(steps, 2 * at), load(steps, 2 * at + LANES)
                below1 = _matched(m0, i0, d0, match, no_gap, load(priors, prior1 + at))
                below2 = _matched(m1, i1, d1, match, no_gap, load(priors, prior2 + at))
                i2 = _gapped(m2, opening, i2, gap)
                i1 = _gapped(m1, opening, i1, gap)
                m0, i0, d0 = load(state, 3 * at), load(state, 3 * at + LANES), load(state, 3 * at + 2 * LANES)
                d1 = _gapped(m0, opening, d0, gap)
                m1, m2 = below1, below2
                store(state, 3 * at, m2)
                store(state, 3 * at + LANES, i2)
                store(state, 3 * at + 2 * LANES, _gapped(m1, opening, d1, gap))
            row = ends[end]
            total = 2 * LANES * end
            store(sums, total, add(add(load(sums, total), m1), m2))
            store(sums, total + LANES, add(add(load(sums, total + LANES), i1), i2))
    if (stop - first) % 2:
        prior1 = _ROW_OF_BASE[bases[stop - 1]] * floats
        m0, i0, d0 = zero, zero, start
        m1, i1 = zero, zero
        row = 0
        for end in range(ends.size):
            for at in range(row * LANES, ends[end] * LANES, LANES):
                match, opening = load(steps, 2 * at), load(steps, 2 * at + LANES)
                below1 = _matched(m0, i0, d0, match, no_gap, load(priors, prior1 + at))
                i1 = _gapped(m1, opening, i1, gap)
                m0, i0, d0 = load(state, 3 * at), load(state, 3 * at + LANES), load(state, 3 * at + 2 * LANES)
                m1 = below1
                store(state, 3 * at, m1)
                store(state, 3 * at + LANES, i1)
                store(state, 3 * at + 2 * LANES, _gapped(m0, opening, d0, gap))
            row = ends[end]
            total = 2 * LANES * end
            store(sums, total, add(load(sums, total), m1))
            store(sums, total + LANES, add(load(sums, total + LANES), i1))


@kernel
def _matched(m: Any, i: Any, d: Any, match: Any, no_gap: Any, prior: Any) -> Any:
    """A cell's match state from the three states diagonally above; lanes of numbers throughout."""
    return multiply(fused(d, no_gap, fused(i, no_gap, multiply(m, match))), prior)


@kernel
def _gapped(m: Any, opening: Any, same: Any, gap: Any) -> Any:
    """A cell's insertion or deletion state from the match and the same state one step before."""
    return fused(same, gap, multiply(m, opening))


@kernel(error_model="numpy")
def _log10(total: np.float32) -> float:
    """Log10 of a scaled sum less that of the scale, NaN where the sum is too small to trust.

    Rounded as the C library's ``log10f`` rounds (exponent and mantissa apart), which is what GKL calls.
    """
    if not total >= _SMALLEST_TRUSTED_SUM:
        return np.nan
    mantissa, exponent = math.frexp(total)
    below_one = np.float32(exponent - 1)
    if below_one < 0.0:
        mantissa, below_one = mantissa * 0.5, np.float32(exponent)
    log = np.float32(math.log(np.float64(mantissa) * 2.0))
    low = below_one * np.float32(7.9034151668e-07) + np.float32(4.3429449201e-01) * log
    return np.float64(np.float32(low + below_one * np.float32(3.0102920532e-01)) - _LOG10_SCALE)


@kernel(error_model="numpy")
def _double_precision_likelihood(
    read: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
    gap_open: NDArray[np.uint8],
    haplotype: NDArray[np.uint8],
) -> float:
    """The same model for one read and haplotype in double precision, down to about -600."""
    columns = haplotype.size + 1
    match, insertion, deletion = np.zeros(columns), np.zeros(columns), np.full(columns, _DOUBLE_SCALE / haplotype.size)
    gap = _DOUBLE_ERROR[GAP_CONTINUATION_QUALITY]
    for i in range(read.size):
        error, opening, stay = (
            _DOUBLE_ERROR[qualities[i]],
            _DOUBLE_ERROR[gap_open[i]],
            _DOUBLE_MATCH_TO_MATCH[gap_open[i]],
        )
        m0, i0, d0 = match[0], insertion[0], deletion[0]
        match[0] = insertion[0] = deletion[0] = 0.0
        for j in range(1, columns):
            m, n, d = match[j], insertion[j], deletion[j]
            same = (_BASE_BITS[read[i]] & _BASE_BITS[haplotype[j - 1]]) != 0
            prior = 1.0 - error if same else error / 3.0
            match[j] = prior * (m0 * stay + i0 * (1.0 - gap) + d0 * (1.0 - gap))
            insertion[j] = m * opening + n * gap
            deletion[j] = match[j - 1] * opening + deletion[j - 1] * gap
            m0, i0, d0 = m, n, d
    return math.log10(match[1:].sum() + insertion[1:].sum()) - math.log10(_DOUBLE_SCALE)
