"""From a profile of activity to assembly regions, interval by interval.

An active region is assembled and called, an inactive one only asked how surely it is reference. Regions follow
one another without a gap and may depend on all before them in their interval, so the cutter is fed in order; it
is cheap (under 10 ms a megabase), the profile itself is made in parallel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.activity import region_kernels as kernels
from engine.call.haplotype.activity.profile import Activity

PADDING = 100
"""Bases to either side of a region that its assembly sees."""
LOOK_AHEAD = kernels.READY_STATES + kernels.HALF_WIDTH
"""Positions of activity that must be known from a region's start to know its end."""
_SIGMA = 17.0


def _gaussian() -> NDArray[np.float64]:
    offsets = np.arange(-kernels.HALF_WIDTH, kernels.HALF_WIDTH + 1)
    density = np.exp(-(offsets * offsets) / (2.0 * _SIGMA * _SIGMA)) / (_SIGMA * np.sqrt(2.0 * np.pi))
    return np.asarray(density / density.sum())


_KERNEL = _gaussian()


class Regions(NamedTuple):
    """Consecutive assembly regions of one interval.

    Attributes:
        start: int64[n], 0-based first base.
        end: int64[n], one past the last.
        active: bool[n].
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    active: NDArray[np.bool_]


class RegionCutter:
    """Cuts the regions of one interval from activity that arrives in consecutive pieces.

    Args:
        start: 0-based first base of the interval.
        contig_length: end of the contig.
    """

    def __init__(self, start: int, contig_length: int) -> None:
        self._contig_length = contig_length
        self._next = start
        self._first = start
        self._known = -1
        self._probability = np.zeros(0)
        self._spread = np.zeros(0, np.int16)

    def feed(self, piece: Activity, *, last: bool) -> Regions:
        """The regions that are certain once ``piece``, and with ``last`` the whole interval, is known."""
        self._probability = np.concatenate([self._probability, piece.probability])
        self._spread = np.concatenate([self._spread, piece.spread])
        size = self._probability.size
        profile = np.zeros(size)
        kernels.smooth(self._probability, self._spread, self._first, self._contig_length, _KERNEL, profile)
        limits, active = np.empty(size, np.int64), np.empty(size, np.bool_)
        count, known = kernels.cut_regions(
            profile,
            self._probability,
            self._spread,
            _KERNEL,
            self._next - self._first,
            self._known - self._first,
            last,
            limits,
            active,
        )
        self._known = self._first + known
        ends = limits[:count] + self._first
        starts = np.concatenate([[self._next], ends[:-1]]) if count else ends
        self._forget(int(ends[-1]) if count else self._next)
        return Regions(starts.astype(np.int64), ends, active[:count].copy())

    def _forget(self, upto: int) -> None:
        """Drop what no later region depends on: a kernel's half width before the next start is needed."""
        self._next = upto
        cut = max(0, upto - kernels.HALF_WIDTH - self._first)
        self._probability = self._probability[cut:]
        self._spread = self._spread[cut:]
        self._first += cut
