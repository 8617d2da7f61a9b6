"""``python -m benchmarks.low_coverage``: what finding the stretches of low depth costs beside measuring, CPU ns a base.

The depth is made up: 30x with its spread, in steps of some bases, over 20 Mb; once all of it is territory, once exons.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

from engine.reads.low_coverage import LowCoverage

_LENGTH, _STEP, _WINDOW = 20_000_000, 20, 200_000
_DEPTH = 30
_EXON, _APART = 200, 3_000


def main() -> int:
    """Measure both."""
    random = np.random.default_rng(1)
    depth = np.repeat(random.poisson(_DEPTH, _LENGTH // _STEP), _STEP).astype(np.int32)
    exons = np.arange(0, _LENGTH - _EXON, _APART)
    for what, starts, ends in (
        ("whole", np.array([0]), np.array([_LENGTH])),
        ("exons", exons, exons + _EXON),
    ):
        spent, stretches = _spent(depth, starts, ends)
        bases = int((ends - starts).sum())
        print(f"{what}: {stretches:,} stretches, {1e9 * spent / bases:.0f} ns a base of {bases:,}")
    return 0


def _spent(depth: NDArray[np.int32], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[float, int]:
    """CPU seconds, and how many stretches were found."""
    low, began = LowCoverage(["20"]), time.process_time()
    for base in range(0, _LENGTH, _WINDOW):
        low.add(0, depth[base : base + _WINDOW], base, base + _WINDOW, starts, ends)
    found = low.stretches()["20"]
    return time.process_time() - began, len(found)


if __name__ == "__main__":
    sys.exit(main())
