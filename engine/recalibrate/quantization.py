"""Quantised qualities: few levels in place of many, at the least loss, as GATK's report lists them.

The table of levels is part of the report; qualities are not quantised unless a user asks for it. Source: GATK's
``QualQuantizer`` and ``QuantizationInfo``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LEVELS = 16
_LOWEST_THAT_MATTERS = 6
_HIGHEST = 93


@dataclass(frozen=True)
class _Interval:
    """Neighbouring qualities that share one level.

    Attributes:
        first: lowest quality.
        last: highest quality.
        bases: bases of these qualities.
        errors: errors expected among them.
        parts: ``(last, log10 error rate, bases)`` of each single quality with bases or without.
    """

    first: int
    last: int
    bases: int
    errors: int
    parts: tuple[tuple[int, float, int], ...]

    @property
    def error_rate(self) -> float:
        if self.first == self.last:
            return float(10 ** (-self.first / 10))
        return (self.errors + 1) / (self.bases + 1) if self.bases else 0.0

    @property
    def level(self) -> int:
        if self.first == self.last:
            return self.first
        if not self.bases:
            return _HIGHEST
        return min(max(math.floor(-10 * math.log10(self.error_rate) + 0.5), 1), _HIGHEST)

    @property
    def penalty(self) -> float:
        """How far the level is from its qualities, in log10 error rate times bases."""
        if not self.bases:
            return 0.0
        log_rate = math.log10(self.error_rate)
        return sum(
            abs(own_rate - log_rate) * bases
            for quality, own_rate, bases in self.parts
            if quality > _LOWEST_THAT_MATTERS
        )

    def joined(self, other: _Interval) -> _Interval:
        return _Interval(
            self.first, other.last, self.bases + other.bases, self.errors + other.errors, self.parts + other.parts
        )


def quantise(bases_by_quality: Sequence[int], levels: int = LEVELS) -> list[int]:
    """The level of each quality, when the cheapest pair of neighbours is joined until ``levels`` are left."""
    intervals = [
        _Interval(q, q, bases, math.floor(bases * 10 ** (-q / 10)), ((q, math.log10(10 ** (-q / 10)), bases),))
        for q, bases in enumerate(bases_by_quality)
    ]
    joined = [left.joined(right) for left, right in pairwise(intervals)]
    while len(intervals) > levels:
        at = min(range(len(joined)), key=lambda i: joined[i].penalty)
        intervals[at : at + 2] = [joined[at]]
        joined = [left.joined(right) for left, right in pairwise(intervals)]
    return [interval.level for interval in intervals for _ in range(interval.first, interval.last + 1)]
