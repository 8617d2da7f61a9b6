"""What calling a sample takes of memory and disk, told before it begins (figures: docs/engine.md, docs/setup.md)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.headroom import Needs
from engine.reference.intervals import Interval

A_PROCESS = 250 << 20
"""Bytes of memory of each process that calls, whatever the length of the genome."""
BYTES_A_BASE = 2.2
"""Of the gVCF, by a base that is called."""


def calling_needs(intervals: Iterable[Interval], *, threads: int, scattered: bool) -> Needs:
    """The needs of a sample.

    Args:
        intervals: that are called.
        threads: that call.
        scattered: whether other machines call shards, which lie beside the result until they are put together.
    """
    result = int(BYTES_A_BASE * sum(map(len, intervals)))
    return Needs(A_PROCESS * (threads + 1), result, result if scattered else 0)
