"""Where a reference's bases are known: what lies between its long runs of N."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.reference.genome import Reference, read_sequences
from engine.reference.intervals import Interval

SHORTEST_GAP = 1000
"""Runs of N at least this long are left out: longer than any read, so that none could span one."""


def find_pieces(sequence: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """What lies between the long runs of N of one upper-cased sequence, 0-based half-open."""
    from engine.reference.run_kernels import find_runs

    gaps = find_runs(sequence, ord("N"), SHORTEST_GAP)
    starts = [0, *(int(end) for end in gaps[:, 1])]
    ends = [*(int(start) for start in gaps[:, 0]), len(sequence)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def known_territory(reference: Reference) -> list[Interval]:
    """All of a reference but its long runs of N, as :func:`engine.align.pipeline.align_reads` measures it."""
    return [
        Interval(name, start, end)
        for name, sequence in read_sequences(reference.fasta)
        for start, end in find_pieces(np.frombuffer(sequence, np.uint8))
    ]
