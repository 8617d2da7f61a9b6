"""The recalibration table: how many bases of each kind there were, how many were wrong, and the qualities that follow.

Counting reads is in :mod:`.recalibration`; GATK's text form in :mod:`.report`. A table of several files or shards is
the sum of their tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

QUALITIES = 94
CONTEXTS = tuple(first + second for first in "ACGT" for second in "ACGT")
"""The base before and the base itself, in the order of sequencing."""
MAXIMUM_CYCLE = 500
"""GATK's ``--maximum-cycle-value``."""

_LARGEST_EMPIRICAL = 60
_PRIOR_WIDTH = 0.5
_PRIOR_LIMIT = 40
_MOST_OBSERVATIONS = 2**31 - 2


@dataclass(frozen=True)
class RecalibrationTable:
    """Bases and mismatches by read group, reported quality, and context or cycle.

    Attributes:
        read_groups: platform unit, or id where there is none, of each read group with counts, sorted.
        by_cycle: int64[groups, 94, 2 * maximum cycle + 1, 2], bases and mismatches; cycle 0 in the middle is empty,
            cycles of read 2 are negative.
        by_context: int64[groups, 94, 16, 2], bases and mismatches by :data:`CONTEXTS`.
        by_quality: int64[groups, 94, 2], bases and mismatches.
    """

    read_groups: tuple[str, ...]
    by_cycle: NDArray[np.int64]
    by_context: NDArray[np.int64]
    by_quality: NDArray[np.int64]

    @property
    def maximum_cycle(self) -> int:
        """The largest cycle there is room for."""
        return int(self.by_cycle.shape[2]) // 2

    @cached_property
    def reported_quality(self) -> NDArray[np.float64]:
        """float64[groups]: the quality that the reported qualities amount to, to four decimals as in GATK's report."""
        expected = self.by_quality[:, :, 0] @ 10 ** (-np.arange(QUALITIES) / 10)
        bases = self.by_quality[:, :, 0].sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            quality: NDArray[np.float64] = np.nan_to_num(np.round(-10 * np.log10(expected / bases), 4))
        return quality

    @cached_property
    def corrections(self) -> Corrections:
        """What the table makes of each base."""
        return _corrections(self)

    @property
    def observations(self) -> int:
        """Bases counted."""
        return int(self.by_quality[:, :, 0].sum())

    @property
    def mismatches(self) -> int:
        """Bases counted that differ from the reference."""
        return int(self.by_quality[:, :, 1].sum())


@dataclass(frozen=True)
class Corrections:
    """Recalibrated quality of a base: ``quality`` plus the shifts of its context and its cycle, within 1 to 93.

    Attributes:
        quality: int16[groups, 94], by reported quality.
        context_shift: int16[groups, 94, 17], by context; the last column, of bases without one, is 0.
        cycle_shift: int16[groups, 94, 2 * maximum cycle + 1], by cycle.
    """

    quality: NDArray[np.int16]
    context_shift: NDArray[np.int16]
    cycle_shift: NDArray[np.int16]


def empirical_quality(
    observations: NDArray[np.int64], errors: NDArray[np.int64], prior: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The most probable quality, 0 to 60, given the counts and a normal prior around ``prior`` (specification 16.2).

    One error and one match are added to the counts; the prior falls off with width 0.5 over the whole qualities
    between.
    """
    n, k = _within_int32(observations.astype(np.float64), errors.astype(np.float64))
    quality = np.arange(_LARGEST_EMPIRICAL + 1)
    probability = 10 ** (-quality / 10)
    with np.errstate(divide="ignore"):
        match, miss = np.log1p(-probability), np.log(probability)
    likelihood = (k + 1)[..., np.newaxis] * miss + (n - k + 1)[..., np.newaxis] * match
    distance = np.minimum(np.abs(np.trunc(quality - prior[..., np.newaxis])).astype(np.int64), _PRIOR_LIMIT)
    best: NDArray[np.int64] = np.argmax(_LOG_PRIOR[distance] + likelihood, axis=-1)
    return best


def _within_int32(
    observations: NDArray[np.float64], errors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """GATK scales counts down that do not fit its integers."""
    scale = np.minimum(1.0, _MOST_OBSERVATIONS / np.maximum(observations, 1.0))
    scaled = np.where(scale < 1.0, np.floor(errors * scale + 0.5), errors)
    return np.floor(observations * scale), scaled


def _log_prior() -> NDArray[np.float64]:
    """Log density by distance, never below that of the smallest double."""
    height = 1 / (_PRIOR_WIDTH * math.sqrt(2 * math.pi))
    densities = [height * math.exp(-(d**2) / (2 * _PRIOR_WIDTH**2)) for d in range(_PRIOR_LIMIT + 1)]
    return np.log(np.maximum(densities, 5e-324))


_LOG_PRIOR = _log_prior()


def _corrections(table: RecalibrationTable) -> Corrections:
    """Section 16.3: each level takes the level above as its prior, and adds its own shift."""
    of_group = empirical_quality(
        table.by_quality[:, :, 0].sum(axis=1), table.by_quality[:, :, 1].sum(axis=1), table.reported_quality
    )
    quality = _or_prior(table.by_quality, np.broadcast_to(of_group[:, np.newaxis], table.by_quality.shape[:2]))
    shifts = []
    for counts in (table.by_context, table.by_cycle):
        prior = np.broadcast_to(quality[:, :, np.newaxis], counts.shape[:3])
        shifts.append((_or_prior(counts, prior) - prior).astype(np.int16))
    no_context = np.zeros((*quality.shape, 1), dtype=np.int16)
    return Corrections(quality.astype(np.int16), np.concatenate([shifts[0], no_context], axis=2), shifts[1])


def _or_prior(counts: NDArray[np.int64], prior: NDArray[np.int64]) -> NDArray[np.int64]:
    """The empirical quality of what was seen, the prior of what was not."""
    seen = counts[..., 0] > 0
    found = prior.copy()
    found[seen] = empirical_quality(counts[seen][:, 0], counts[seen][:, 1], prior[seen].astype(np.float64))
    return found


def add_tables(*tables: RecalibrationTable) -> RecalibrationTable:
    """The table of all reads of several tables, whose maximum cycle is the same."""
    groups = tuple(sorted({group for table in tables for group in table.read_groups}))
    first = tables[0]
    sums = [
        np.zeros((len(groups), *counts.shape[1:]), dtype=np.int64)
        for counts in (first.by_cycle, first.by_context, first.by_quality)
    ]
    for table in tables:
        rows = [groups.index(group) for group in table.read_groups]
        for total, counts in zip(sums, (table.by_cycle, table.by_context, table.by_quality), strict=True):
            total[rows] += counts
    return RecalibrationTable(groups, *sums)
