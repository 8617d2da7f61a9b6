"""Number primitives that every stage of the caller shares: phred, log10 sums, Java's rounding and random.

Nothing here knows of reads or alleles. Results must equal GATK's to the last digit, so each primitive says
which approximation it keeps (``MathUtils``, ``QualityUtils`` and ``JacobianLogTable`` of GATK).

>>> format_half_up(0.125, 2), format_quality(630.0), format_quality(629.6449)
('0.13', '630', '629.64')
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernel import kernel

MINIMUM_USABLE_QUALITY: Final = 6
"""Base qualities at or below it are not evidence in the reference model."""
UNAVAILABLE_MAPQ: Final = 255
"""MAPQ that says "not available" (SAM specification 1.4)."""
MAXIMUM_GENOTYPE_QUALITY: Final = 99
"""GQ is capped here when it is written."""
RANDOM_SEED: Final = 47382911
"""Seed of GATK's one random generator."""

LOG10_2: Final = math.log10(2.0)
LOG10_ONE_THIRD: Final = -math.log10(3.0)

_STEP = 1e-4
_TOLERANCE = 8.0


def _log10_sum_table() -> NDArray[np.float64]:
    size = int(_TOLERANCE / _STEP) + 1
    return np.array([math.log10(1.0 + math.pow(10.0, -k * _STEP)) for k in range(size)])


def _error_probability() -> NDArray[np.float64]:
    return np.array([math.pow(10.0, -quality / 10.0) for quality in range(256)])


LOG10_SUM_TABLE: Final = _log10_sum_table()
"""float64[80001], ``log10(1 + 10**-(k / 10000))``; handed to the kernels that sum likelihoods."""
ERROR_PROBABILITY: Final = _error_probability()
"""float64[256], probability of an error by phred quality."""
LOG10_ERROR: Final = np.array([quality * -0.1 for quality in range(256)])
"""float64[256], log10 of the error probability by phred quality."""
LOG10_CORRECT: Final = np.array([math.log10(1.0 - p) if p < 1.0 else -math.inf for p in ERROR_PROBABILITY])
"""float64[256], log10 of one minus the error probability by phred quality; -inf at 0."""


@kernel
def approximate_log10_sum(a: float, b: float, table: NDArray[np.float64]) -> float:
    """``log10(10**a + 10**b)`` to the nearest table entry, as GATK adds likelihoods.

    Args:
        a: log10 of the one term, may be -inf.
        b: log10 of the other.
        table: float64[80001], :data:`LOG10_SUM_TABLE`, an argument so that the kernels do not each embed 640 kB.
    """
    low, high = (a, b) if a < b else (b, a)
    if low == -np.inf:
        return high
    difference = high - low
    if difference >= 8.0:
        return high
    total: float = high + table[int(difference * 10000.0 + 0.5)]
    return total


@kernel
def java_round(value: float) -> int:
    """Nearest integer, halves towards plus infinity, as ``Math.round``."""
    return math.floor(value + 0.5)


@kernel
def phred_scaled(log10_likelihoods: NDArray[np.float64], phred: NDArray[np.int64]) -> None:
    """Fill ``phred`` with the PLs of ``log10_likelihoods``: rounded, the best genotype at 0.

    Args:
        log10_likelihoods: float64[genotypes].
        phred: int64[genotypes], filled.
    """
    best = log10_likelihoods.max()
    for i in range(log10_likelihoods.size):
        scaled = -10.0 * (log10_likelihoods[i] - best)
        phred[i] = java_round(scaled) if scaled < 2147483647.0 else 2147483647


@kernel
def log10_sum(values: NDArray[np.float64]) -> float:
    """Exact ``log10(sum(10**values))`` anchored at the largest; -inf for none.

    Args:
        values: float64[n], log10.
    """
    if values.size == 0:
        return -np.inf
    best: float = values.max()
    if best == -np.inf:
        return -np.inf
    total = 0.0
    for value in values:
        total += 10.0 ** (value - best)
    return best + math.log10(total)


_MULTIPLIER = 0x5DEECE66D
_MASK = (1 << 48) - 1


def seeded(seed: int = RANDOM_SEED) -> NDArray[np.int64]:
    """The state of a ``java.util.Random``, an int64[1] that :func:`next_int` advances."""
    return np.array([(seed ^ _MULTIPLIER) & _MASK], dtype=np.int64)


@kernel
def _next_bits(state: NDArray[np.int64], bits: int) -> int:
    state[0] = (state[0] * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
    drawn: int = state[0] >> (48 - bits)
    return drawn


@kernel
def next_int(state: NDArray[np.int64], bound: int) -> int:
    """The next ``Random.nextInt(bound)``: uniform in ``[0, bound)``, ``0 < bound < 2**31``.

    Args:
        state: int64[1], of the generator, advanced.
    """
    if bound & (bound - 1) == 0:
        return (bound * _next_bits(state, 31)) >> 31
    while True:
        bits = _next_bits(state, 31)
        value = bits % bound
        if bits - value + (bound - 1) < 2147483648:
            return value


def format_half_up(value: float, decimals: int) -> str:
    """``String.format("%.nf")`` of Java: rounds the shortest decimal expansion, halves away from zero."""
    return str(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))


def format_quality(value: float) -> str:
    """QUAL as htsjdk writes it: two decimals, none when both are zero."""
    return format_half_up(value, 2).removesuffix(".00")
