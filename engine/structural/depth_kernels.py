"""Kernels: bases of reads in small bins, and the most likely course of copy numbers. No I/O."""

# numba, not mypy, decides which integer a value is.
# mypy: disable-error-code="arg-type,assignment,no-any-return,return-value"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel
from engine.reads.record_kernels import contig_of, flag_of, reference_length, start_of

_LEFT_OUT = 0x4 | 0x100 | 0x200 | 0x400 | 0x800


@kernel
def count_bases(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    first_bin: NDArray[np.int64],
    size: int,
    least_mapping: int,
    counts: NDArray[np.int64],
    every: NDArray[np.int64],
) -> int:
    """Add the reference bases that reads span to the bins that they lie in.

    Args:
        data: uint8[bytes], packed BAM records (SAM specification 4.2).
        offset: int64[n + 1], where each begins.
        first_bin: int64[contigs + 1], the number of each contig's first bin, and of the one behind the last.
        size: bases of a bin.
        least_mapping: mapping quality, Phred, from which a read counts as certain; duplicates and second places are
            left out.
        counts: int64[bins], of certain reads, added to.
        every: int64[bins], of all reads, added to.

    Returns:
        How many reads were counted.
    """
    reads = 0
    for record in range(offset.size - 1):
        at = offset[record]
        contig = contig_of(data, at)
        if contig < 0 or flag_of(data, at) & _LEFT_OUT:
            continue
        certain = data[at + 13] >= least_mapping
        position = start_of(data, at)
        end = position + reference_length(data, at)
        stop = first_bin[contig + 1]
        reads += 1
        while position < end:
            number = first_bin[contig] + position // size
            if number >= stop:
                break
            reach = min(end, (position // size + 1) * size)
            every[number] += reach - position
            if certain:
                counts[number] += reach - position
            position = reach
    return reads


@kernel
def likeliest_copies(likelihood: NDArray[np.float64], stay: float, change: float, usual: int) -> NDArray[np.int64]:
    """The copy numbers along a contig that together are most likely (Viterbi).

    Args:
        likelihood: float64[windows, states], natural logarithm for each copy number.
        stay: logarithm of the probability that the next window has the same number.
        change: the same of each other number.
        usual: the number that a contig begins with, most likely.

    Returns:
        int64[windows], the copy number of each.
    """
    windows, states = likelihood.shape
    back = np.zeros((windows, states), np.int64)
    best = np.full(states, change)
    best[usual] = stay
    best = best + likelihood[0]
    for window in range(1, windows):
        leader = np.argmax(best)
        following = np.empty(states)
        for state in range(states):
            kept, moved = best[state] + stay, best[leader] + change
            if state == leader or kept >= moved:
                following[state] = kept
                back[window, state] = state
            else:
                following[state] = moved
                back[window, state] = leader
        best = following + likelihood[window]
    course = np.empty(windows, np.int64)
    course[windows - 1] = np.argmax(best)
    for window in range(windows - 1, 0, -1):
        course[window - 1] = back[window, course[window]]
    return course


@kernel
def course_of_targets(likelihood: NDArray[np.float64], enter: float, leave: float, usual: int) -> NDArray[np.int64]:
    """The most likely copy number of each target along a contig (Viterbi), which begins and ends with the usual one.

    Args:
        likelihood: float64[targets, states], natural logarithm of each target's depth given each copy number.
        enter: natural logarithm of the probability that the next target begins an event, of each other number.
        leave: the same that the next target is none of an event any more; from event to event it is both.
        usual: the number that is no event.

    Returns:
        int64[targets], the copy number of each.
    """
    targets, states = likelihood.shape
    stay, remain = np.log(1.0 - (states - 1) * np.exp(enter)), np.log(1.0 - np.exp(leave))
    back = np.zeros((targets, states), np.int64)
    best = np.full(states, enter)
    best[usual] = stay
    best = best + likelihood[0]
    for target in range(1, targets):
        following = np.empty(states)
        for state in range(states):
            most, origin = -np.inf, usual
            for before in range(states):
                step = stay if before == usual else remain
                if before != state:
                    step = (0.0 if before == usual else leave) + (0.0 if state == usual else enter)
                if best[before] + step > most:
                    most, origin = best[before] + step, before
            following[state], back[target, state] = most, origin
        best = following + likelihood[target]
    best = best + leave
    best[usual] = best[usual] - leave
    course = np.empty(targets, np.int64)
    course[targets - 1] = np.argmax(best)
    for target in range(targets - 1, 0, -1):
        course[target - 1] = back[target, course[target]]
    return course
