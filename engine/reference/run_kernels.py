"""The kernel that finds runs of one letter in a sequence. No I/O."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel


@kernel
def find_runs(sequence: NDArray[np.uint8], letter: int, shortest: int) -> Any:
    """Runs of at least ``shortest`` equal letters: int64[n, 2], 0-based half-open.

    Args:
        sequence: uint8[n], ASCII.
    """
    runs = [(0, 0) for _ in range(0)]
    start = -1
    for i in range(len(sequence)):
        if sequence[i] == letter:
            if start < 0:
                start = i
        elif start >= 0:
            if i - start >= shortest:
                runs.append((start, i))
            start = -1
    if start >= 0 and len(sequence) - start >= shortest:
        runs.append((start, len(sequence)))
    out = np.empty((len(runs), 2), dtype=np.int64)
    for i in range(len(runs)):
        out[i, 0], out[i, 1] = runs[i]
    return out
