"""The downhill simplex of Nelder and Mead in the form of *Numerical Recipes*, which contracts on one side only.

SciPy's contracts on both, and so takes other ways; programs of genetics that use this form (VerifyBamID2) are followed
step by step only with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_MOST_EVALUATIONS = 50_000
_TINY = 3e-10


def downhill(function: Callable[[Numbers], float], start: Numbers, *, tolerance: float = 1e-8) -> Numbers:
    """A point where the function is smallest in its surroundings.

    Args:
        function: of float64[n].
        start: float64[n]; the simplex begins with it and a step of 1 in each direction.
        tolerance: relative difference of the highest and the lowest corner at which it ends.
    """
    width = start.size
    corners = np.vstack([start + np.eye(width), start])
    values = np.array([function(corner) for corner in corners])
    evaluations = width + 1
    while evaluations < _MOST_EVALUATIONS:
        *_, second, highest = np.argsort(values, kind="stable")
        lowest = int(width - np.argmin(values[::-1]))
        spread = 2 * abs(values[highest] - values[lowest])
        if spread < tolerance * (abs(values[highest]) + abs(values[lowest]) + _TINY):
            break
        evaluations += _step(function, corners, values, lowest, int(second), int(highest))
    return np.array(corners[int(np.argmin(values))])


def _step(
    function: Callable[[Numbers], float], corners: Numbers, values: Numbers, lowest: int, second: int, highest: int
) -> int:
    """Move the highest corner through the opposite face, or towards it, or all towards the lowest."""
    reflected = _moved(function, corners, values, highest, -1.0)
    if reflected <= values[lowest]:
        _moved(function, corners, values, highest, 2.0)
        return 2
    if reflected < values[second]:
        return 1
    before = values[highest]
    if _moved(function, corners, values, highest, 0.5) < before:
        return 2
    for corner in range(len(corners)):
        if corner != lowest:
            corners[corner] = (corners[corner] + corners[lowest]) / 2
            values[corner] = function(corners[corner])
    return 2 + len(corners) - 1


def _moved(
    function: Callable[[Numbers], float], corners: Numbers, values: Numbers, corner: int, factor: float
) -> float:
    """The value at a corner moved through the middle of the others by a factor; taken where it is lower."""
    width = corners.shape[1]
    share = (1 - factor) / width
    tried = share * corners.sum(axis=0) + (factor - share) * corners[corner]
    value = function(tried)
    if value < values[corner]:
        corners[corner], values[corner] = tried, value
    return value
