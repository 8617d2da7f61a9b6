"""Kernels that smooth the activity profile and cut it into regions. No I/O.

Source: ``BandPassActivityProfile`` and ``ActivityProfile.popReadyAssemblyRegions`` of GATK.
"""

# numba, not mypy, decides which integer a value is; chained comparisons compile to less than tuples do.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

HALF_WIDTH = 50
"""Positions to either side over which one activity is spread."""
MINIMUM_SIZE = 50
MAXIMUM_SIZE = 300
THRESHOLD = 0.002
READY_STATES = 400
"""GATK decides about a region once it knows this many positions from its start."""


@kernel
def smooth(
    probability: NDArray[np.float64],
    spread: NDArray[np.int16],
    start: int,
    contig_length: int,
    kernel: NDArray[np.float64],
    profile: NDArray[np.float64],
) -> None:
    """Add every activity, spread by the kernel, to ``profile``.

    An activity with soft clips counts once for each position on the contig that its spread reaches, always around
    its own position.

    Args:
        probability: float64[n], from position ``start``.
        spread: int16[n].
        start: 0-based position of the first.
        contig_length: end of the contig.
        kernel: float64[2 * HALF_WIDTH + 1].
        profile: float64[n], zeros, to be filled.
    """
    size = probability.size
    for i in range(size):
        p = probability[i]
        if p <= 0.0:
            continue
        position = start + i
        copies = 1 + min(spread[i], position) + min(spread[i], contig_length - 1 - position)
        low, high = max(0, i - HALF_WIDTH), min(size, i + HALF_WIDTH + 1)
        for _ in range(copies):
            for j in range(low, high):
                profile[j] += p * kernel[j - i + HALF_WIDTH]


@kernel
def _best_cut(profile: NDArray[np.float64], first: int, size: int, behind_last: float) -> int:
    """Length of a full active region cut at its quietest minimum (``findBestCutSite``).

    Args:
        profile: float64[n].
        first: where the region begins in it.
        size: how many positions are known from there.
        behind_last: the profile at ``first + MAXIMUM_SIZE`` as far as GATK knows it when it decides.
    """
    cut = MAXIMUM_SIZE - 1
    lowest = np.inf
    for i in range(MAXIMUM_SIZE - 1, MINIMUM_SIZE - 2, -1):
        if i == size - 1:
            continue
        here = profile[first + i]
        following = behind_last if i == MAXIMUM_SIZE - 1 else profile[first + i + 1]
        if here < lowest and here <= following and here < profile[first + i - 1]:
            lowest = here
            cut = i
    return cut + 1


@kernel
def _first_active(probability: NDArray[np.float64], begin: int, end: int) -> int:
    for i in range(max(begin, 0), min(end, probability.size)):
        if probability[i] > 0.0:
            return i
    return end


@kernel
def cut_regions(
    profile: NDArray[np.float64],
    probability: NDArray[np.float64],
    spread: NDArray[np.int16],
    kernel: NDArray[np.float64],
    begin: int,
    known: int,
    last: bool,
    limits: NDArray[np.int64],
    active: NDArray[np.bool_],
) -> tuple[int, int]:
    """Cut regions from ``begin`` on, as long as enough of the profile is known.

    Args:
        profile: float64[n], complete but for the last ``HALF_WIDTH`` positions unless ``last``.
        probability: float64[n], unsmoothed, for when GATK decides.
        spread: int16[n].
        kernel: float64[2 * HALF_WIDTH + 1].
        begin: where the first region begins.
        known: last position GATK had seen when it cut the region before, any negative number for none.
        last: the profile ends here, everything is to be cut.
        limits: int64[], filled with the end of each region.
        active: bool[], filled.

    Returns:
        How many regions, and the last position GATK had seen when it cut the last.
    """
    count = 0
    size = profile.size
    while begin < size:
        if not last and begin + READY_STATES + HALF_WIDTH > size:
            break
        ready = max(known, begin + READY_STATES - 1)
        trigger = _first_active(probability, max(known, begin + READY_STATES - 1 - HALF_WIDTH), ready)
        known = min(ready, trigger)
        is_active = profile[begin] > THRESHOLD
        length = 1
        while length < MAXIMUM_SIZE and begin + length < size:
            if (profile[begin + length] > THRESHOLD) != is_active:
                break
            length += 1
        if is_active and length == MAXIMUM_SIZE:
            behind = begin + MAXIMUM_SIZE
            behind_last = profile[behind] if behind < size else 0.0
            if known < size and known < behind + HALF_WIDTH and behind + HALF_WIDTH < size:
                late = behind + HALF_WIDTH
                if probability[late] > 0.0:
                    behind_last -= (2 * spread[late] + 1) * probability[late] * kernel[0]
            length = _best_cut(profile, begin, size - begin, behind_last)
        begin += length
        limits[count] = begin
        active[count] = is_active
        count += 1
    return count, known
