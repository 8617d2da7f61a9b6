"""What joint genotyping says about a site beside its genotypes: strand bias, excess of heterozygotes, quality by depth.

Each function names the GATK annotation it equals (FisherStrand, StrandOddsRatio, ExcessHet, InbreedingCoeff,
QualByDepth). Text is formatted as htsjdk writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.numerics import format_half_up, seeded

_STRAND_TABLE_SIZE = 200
_SMALLEST_P = 1e-320
_HIGH_QD, _IDEAL_QD, _QD_JITTER = 35.0, 30.0, 3.0
_SMALLEST_NEEDED = 1e-16


def format_float(value: float) -> str:
    """A float as htsjdk writes it: two decimals, three below 1, scientific below 0.01."""
    if value >= 1:
        return format_half_up(value, 2)
    if value >= 0.01:
        return format_half_up(value, 3)
    return f"{value:.3e}" if abs(value) >= 1e-20 else "0.00"


def fisher_strand(table: Sequence[int]) -> float:
    """FS: phred-scaled two-sided p of Fisher's exact test on ref/alt by forward/reverse counts.

    Args:
        table: reference forward, reference reverse, alternate forward, alternate reverse.
    """
    total = sum(table)
    if total > 2 * _STRAND_TABLE_SIZE:
        factor = total / _STRAND_TABLE_SIZE
        table = [int(count / factor) for count in table]
    return -10.0 * math.log10(max(_two_sided(*table), _SMALLEST_P)) + 0.0


def _two_sided(a: int, b: int, c: int, d: int) -> float:
    row, column, total = a + b, a + c, a + b + c + d
    logs = [
        _log_hypergeometric(k, row, column, total) for k in range(max(0, row + column - total), min(row, column) + 1)
    ]
    if len(logs) <= 1:
        return 1.0
    observed = _log_hypergeometric(a, row, column, total)
    chosen = [math.exp(value) for value in logs if math.exp(value) <= math.exp(observed) * (1 + 1e-7)]
    return min(1.0, sum(chosen) / sum(math.exp(value) for value in logs))


def _log_hypergeometric(k: int, row: int, column: int, total: int) -> float:
    return _log_choose(row, k) + _log_choose(total - row, column - k) - _log_choose(total, column)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def strand_odds_ratio(table: Sequence[int]) -> float:
    """SOR: symmetric odds ratio of the same counts, one added to each."""
    a, b, c, d = (count + 1.0 for count in table)
    ratio = (a / b) * (d / c) + (b / a) * (c / d)
    return math.log(ratio) + math.log(min(a, b) / max(a, b)) - math.log(min(c, d) / max(c, d))


def excess_heterozygosity(references: int, heterozygotes: int, homozygotes: int) -> float:
    """ExcessHet: phred-scaled chance of at least as many heterozygotes at Hardy-Weinberg equilibrium.

    Source: Wigginton, Cutler and Abecasis 2005.
    """
    rare = min(references, homozygotes)
    common = max(references, homozygotes)
    copies, people = 2 * rare + heterozygotes, heterozygotes + rare + common
    if not people or not copies:
        return 0.0
    middle = math.floor(copies * (2.0 * people - copies) / (2.0 * people - 1.0))
    middle += (middle % 2) != (copies % 2)
    chances = {middle: 1.0}
    _walk(chances, middle, copies, people, down=True)
    _walk(chances, middle, copies, people, down=False)
    total = sum(chances.values())
    p = min(1.0, sum(chance for hets, chance in chances.items() if hets >= heterozygotes) / total)
    if p < 10e-60:
        return -10.0 * math.log10(_SMALLEST_NEEDED)
    return -10.0 * math.log10(p) + 0.0


def _walk(chances: dict[int, float], hets: int, copies: int, people: int, *, down: bool) -> None:
    """Add the chances of ever fewer, or ever more, heterozygotes until they no longer matter."""
    chance, rare = 1.0, (copies - hets) // 2
    common = people - hets - rare
    while hets >= 2 if down else hets <= copies - 2:
        if down:
            chance *= hets * (hets - 1.0) / (4.0 * (rare + 1.0) * (common + 1.0))
            hets, rare, common = hets - 2, rare + 1, common + 1
        else:
            chance *= 4.0 * rare * common / ((hets + 2.0) * (hets + 1.0))
            hets, rare, common = hets + 2, rare - 1, common - 1
        if chance < _SMALLEST_NEEDED:
            return
        chances[hets] = chance


def genotype_counts(
    likelihoods: Sequence[Sequence[int]], alternates: int, *, rounded: bool
) -> tuple[float, float, float]:
    """Diploid samples without, with one, with two alternate alleles, by their likelihoods.

    Args:
        likelihoods: PL of each sample.
        alternates: number of alternate alleles; with several, each sample counts by its best one.
        rounded: count whole people by their best genotype rather than fractions.
    """
    totals = [0.0, 0.0, 0.0]
    for phred in likelihoods:
        shares = _shares([10.0 ** (-value / 10.0) for value in phred], alternates)
        if shares is None:
            totals[2] += 1
            continue
        reference, heterozygous, variant = shares
        if not rounded:
            totals = [total + share for total, share in zip(totals, shares, strict=True)]
            continue
        # Ties are counted once: as reference, then as heterozygous.
        totals[0] += math.floor(reference + 0.5)
        totals[1] += math.floor(heterozygous + 0.5) if reference != heterozygous else 0
        totals[2] += math.floor(variant + 0.5) if variant != heterozygous else 0
    return totals[0], totals[1], totals[2]


def _shares(weights: Sequence[float], alternates: int) -> tuple[float, float, float] | None:
    """Reference, heterozygous and homozygous shares; ``None`` if the best genotype has no reference allele."""
    total = sum(weights)
    heterozygous, homozygous = 1, 2
    if alternates > 1:
        starts = [allele * (allele + 1) // 2 for allele in range(alternates + 1)]
        best = max(range(len(weights)), key=weights.__getitem__)
        if best not in starts:
            return None
        for allele in range(2, alternates + 1):
            if weights[starts[allele]] > weights[heterozygous]:
                heterozygous, homozygous = starts[allele], starts[allele] + allele
        total = weights[0] + weights[heterozygous] + weights[homozygous]
    return weights[0] / total, weights[heterozygous] / total, weights[homozygous] / total


def inbreeding_coefficient(references: float, heterozygotes: float, homozygotes: float, samples: int) -> float:
    """InbreedingCoeff: one minus observed over expected heterozygotes."""
    p = (2.0 * references + heterozygotes) / (2.0 * (references + heterozygotes + homozygotes))
    expected = 2.0 * p * (1.0 - p) * samples
    return 1.0 - heterozygotes / expected if expected else math.nan


def quality_by_depth(quality: float, depth: int) -> float | None:
    """QD of a site; absent where it is too high to be useful, and one is to be drawn (:class:`QualityByDepth`)."""
    value = quality / depth
    return value if value < _HIGH_QD else None


class QualityByDepth:
    """QD of sites at which it is too high to be useful, in turn, drawn as GATK draws it.

    GATK replaces QD of 35 and above by a draw around 30 from java.util.Random with a fixed seed. Walking the same
    sites in the same order gives the same draws.
    """

    def __init__(self) -> None:
        self._state: NDArray[np.int64] = seeded()
        self._spare: float | None = None

    def draw(self) -> float:
        """QD of the next site at which one is drawn."""
        return _IDEAL_QD + self._gaussian() * _QD_JITTER

    def _gaussian(self) -> float:
        """``Random.nextGaussian``: Marsaglia's polar method, two draws at a time."""
        if self._spare is not None:
            value, self._spare = self._spare, None
            return value
        while True:
            first, second = 2.0 * self._double() - 1.0, 2.0 * self._double() - 1.0
            square = first * first + second * second
            if 0.0 < square < 1.0:
                break
        scale = math.sqrt(-2.0 * math.log(square) / square)
        self._spare = second * scale
        return first * scale

    def _double(self) -> float:
        return ((self._bits(26) << 27) + self._bits(27)) / (1 << 53)

    def _bits(self, count: int) -> int:
        state = (int(self._state[0]) * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        self._state[0] = state
        return state >> (48 - count)
