"""Base and gap opening qualities as the pair HMM takes them (specification 10.1).

Base qualities are capped by mapping quality; gap opening qualities come from GATK's CONSERVATIVE model of the
errors that polymerases make in tandem repeats. Nothing here looks at haplotypes.

>>> import numpy as np
>>> poly_a = np.frombuffer(b"CAAAAAAAAG", np.uint8)
>>> gap_open = np.empty(10, np.uint8)
>>> fill_gap_open_qualities(poly_a, gap_open)
>>> gap_open.tolist()
[39, 39, 39, 39, 39, 39, 39, 39, 40, 45]
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.numerics import MINIMUM_USABLE_QUALITY
from engine.kernel import kernel

_LOWEST_TRUSTED_QUALITY: Final = 18
"""Lower base qualities count as the minimum usable one."""
_HIGHEST_QUALITY: Final = 127
"""The pair HMM's tables end there; no sequencer says more than 93."""
_DEFAULT_GAP_OPEN: Final = 45
_INITIAL_GAP_OPEN: Final = 40
_LOWEST_GAP_OPEN: Final = 10
_RATE_FACTOR: Final = 3.0
"""Of the CONSERVATIVE model."""
_LONGEST_UNIT: Final = 8
_MOST_REPEATS: Final = 20
_FEWEST_NOTABLE_REPEATS: Final = 4
"""Up to one repeat fewer, the penalty is that of no repeat; the kernel relies on it, the tests prove it."""


def _penalty(repeats: int) -> int:
    quality = _INITIAL_GAP_OPEN - math.exp(repeats / (_RATE_FACTOR * math.pi)) + 1.0
    return min(_DEFAULT_GAP_OPEN, max(_LOWEST_GAP_OPEN, math.floor(quality + 0.5)))


GAP_OPEN_BY_REPEATS: Final = np.array([_penalty(repeats) for repeats in range(_MOST_REPEATS + 1)], np.uint8)
"""uint8[21], phred of a gap opening where a unit repeats so many times."""


@kernel
def pair_hmm_qualities(
    mapq: NDArray[np.uint8],
    base_offset: NDArray[np.int64],
    bases: NDArray[np.uint8],
    qualities: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Base qualities and gap opening qualities for the pair HMM, from the columns of reads, row by row.

    Args:
        mapq: uint8[n], MAPQ of the reads.
        base_offset: int64[n + 1], row limits in what follows.
        bases: uint8[], ASCII.
        qualities: uint8[], phred.
    """
    capped = np.empty(qualities.size, np.uint8)
    gap_open = np.empty(qualities.size, np.uint8)
    for row in range(mapq.size):
        first, last = base_offset[row], base_offset[row + 1]
        for at in range(first, last):
            quality = min(qualities[at], mapq[row], _HIGHEST_QUALITY)
            capped[at] = MINIMUM_USABLE_QUALITY if quality < _LOWEST_TRUSTED_QUALITY else quality
        fill_gap_open_qualities(bases[first:last], gap_open[first:last])
    return capped, gap_open


@kernel
def fill_gap_open_qualities(bases: NDArray[np.uint8], gap_open: NDArray[np.uint8]) -> None:
    """Fill the gap opening qualities of one read.

    A base's quality is set by the tandem repeat that the next base begins or continues: the shortest unit, up to
    8 bases, of which another copy follows (failing that, the next base alone), counted forwards from the next
    base and backwards from this one. The last base keeps the default. GATK: ``findTandemRepeatUnits``.

    Args:
        bases: uint8[n], ASCII.
        gap_open: uint8[n], filled, phred.
    """
    size = bases.size
    if size == 0:
        return
    gap_open[:] = GAP_OPEN_BY_REPEATS[1]
    gap_open[size - 1] = _DEFAULT_GAP_OPEN
    for unit in range(_LONGEST_UNIT, 0, -1):
        shortest_run = (_FEWEST_NOTABLE_REPEATS - 1) * unit
        # A run of bases that equal those one unit on, if long enough, contains one of these places.
        probe = shortest_run - 1
        while probe + unit < size:
            if bases[probe] != bases[probe + unit]:
                probe += shortest_run
                continue
            start, end = probe, probe + 1
            while start > 0 and bases[start - 1] == bases[start - 1 + unit]:
                start -= 1
            while end + unit < size and bases[end] == bases[end + unit]:
                end += 1
            if end - start >= shortest_run:
                _fill_run(bases, gap_open, unit, start, end)
            while probe < end:
                probe += shortest_run


@kernel
def _fill_run(bases: NDArray[np.uint8], gap_open: NDArray[np.uint8], unit: int, start: int, end: int) -> None:
    """Set the qualities of one maximal run ``[start, end)`` of bases that equal those one unit on.

    Within the run all that matters repeats with the unit: it is decided once for each of the unit's bases.
    """
    for first in range(start, start + unit):
        if _repeated_unit(bases, first, unit) == unit:
            repeats = 1 + (end - first) // unit
            quality = GAP_OPEN_BY_REPEATS[min(repeats, _MOST_REPEATS)]
            for following in range(first, end - unit + 1, unit):
                if following > 0:
                    gap_open[following - 1] = quality
    if unit == 1 and _repeated_unit(bases, end, _LONGEST_UNIT + 1) == 1:
        gap_open[end - 1] = GAP_OPEN_BY_REPEATS[min(1 + end - start, _MOST_REPEATS)]


@kernel
def _repeated_unit(bases: NDArray[np.uint8], start: int, limit: int) -> int:
    """The shortest unit below ``limit`` that is repeated from ``start`` on; if none, ``limit``, and 1 for 9."""
    for unit in range(1, limit):
        if start + 2 * unit > bases.size:
            break
        same = 0
        while same < unit and bases[start + same] == bases[start + unit + same]:
            same += 1
        if same == unit:
            return unit
    return 1 if limit > _LONGEST_UNIT else limit
