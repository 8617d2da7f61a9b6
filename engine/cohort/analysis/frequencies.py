"""How common alleles are, and whether genotypes are as random mating makes them.

>>> round(hardy_weinberg(57, 14, 50), 9) == round(hardy_weinberg(57, 50, 14), 9)
True
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.identity.components import MISSING, Dosages

Counts = NDArray[np.int64]


def genotype_counts(dosages: Dosages) -> Counts:
    """How many samples have each genotype.

    Args:
        dosages: alleles by samples.

    Returns:
        int64, alleles by three: with no, one and two copies of ALT; missing genotypes count nowhere.
    """
    return np.stack([(dosages == copies).sum(axis=1) for copies in (0, 1, 2)], axis=1).astype(np.int64)


def frequency_spectrum(dosages: Dosages) -> Counts:
    """How many alleles are there in each number of copies of the rarer one, from 0 (int64, up to half the alleles).

    Only alleles that every sample was called for are counted, so that numbers of copies mean the same.
    """
    complete = dosages[(dosages != MISSING).all(axis=1)]
    copies = complete.sum(axis=1, dtype=np.int64)
    rarer = np.minimum(copies, 2 * dosages.shape[1] - copies)
    return np.bincount(rarer, minlength=dosages.shape[1] + 1)


@lru_cache(maxsize=100_000)
def hardy_weinberg(heterozygotes: int, homozygotes: int, others: int) -> float:
    """p value of the exact test of Hardy-Weinberg proportions.

    The probability, given both alleles' counts, of as many heterozygotes or of any number that is no more probable
    (Wigginton, Cutler and Abecasis 2005, doi:10.1086/429864).

    Args:
        heterozygotes: samples with one copy.
        homozygotes: samples with two copies.
        others: samples with none.
    """
    total = heterozygotes + homozygotes + others
    rare = heterozygotes + 2 * min(homozygotes, others)
    if rare == 0:
        return 1.0
    possible = np.arange(rare % 2, rare + 1, 2)
    both = (rare - possible) // 2
    rest = total - possible - both
    steps = 4.0 * both[:-1] * rest[:-1] / ((possible[:-1] + 2.0) * (possible[:-1] + 1.0))
    logs = np.concatenate([[0.0], np.cumsum(np.log(steps))])
    chances = np.exp(logs - logs.max())
    observed = chances[np.flatnonzero(possible == heterozygotes)[0]]
    return float(min(1.0, chances[chances <= observed * (1 + 1e-9)].sum() / chances.sum()))
