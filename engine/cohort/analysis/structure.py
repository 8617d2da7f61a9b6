"""How people of a cohort are alike: kinship of every pair, and who is there twice.

Their principal components are in :mod:`engine.identity.components`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.identity.components import MISSING, Dosages, parts

Numbers = NDArray[np.float64]
TWICE, FIRST, SECOND, THIRD = (2.0**-power for power in (1.5, 2.5, 3.5, 4.5))
"""Least kinship of one person (or twins), and of relatives of the first to third degree (Manichaikul 2010, table 1)."""


def kinship(dosages: Dosages) -> Numbers:
    """KING's robust kinship of every pair, from heterozygotes shared and opposite homozygotes (float64, symmetric).

    Equation 11 of Manichaikul et al. 2010 (doi:10.1093/bioinformatics/btq559), over alleles at which both are called;
    nothing is known of a pair in which one has no heterozygote there (nan).

    Args:
        dosages: alleles by samples, of autosomes.
    """
    opposite = opposite_homozygotes(dosages)
    shared, own = np.zeros_like(opposite), np.zeros_like(opposite)
    for part in parts(dosages):
        het, called = ((part == 1).astype(np.float32), (part != MISSING).astype(np.float32))
        shared += het.T @ het
        own += het.T @ called
    fewer, sum_of_both = np.minimum(own, own.T), own + own.T
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Numbers = (shared - 2 * opposite) / (2 * fewer) + 0.5 - sum_of_both / (4 * fewer)
    found[fewer == 0] = np.nan
    np.fill_diagonal(found, 0.5)
    return found


def opposite_homozygotes(dosages: Dosages) -> Numbers:
    """At how many alleles of each pair one has both copies and the other none (IBS0; float64, symmetric)."""
    found = np.zeros((dosages.shape[1], dosages.shape[1]))
    for part in parts(dosages):
        none, both = ((part == copies).astype(np.float32) for copies in (0, 2))
        found += none.T @ both + both.T @ none
    return found


def related_pairs(found: Numbers, least: float = THIRD) -> list[tuple[int, int, float]]:
    """Pairs of samples of at least a kinship, the nearest first: their numbers and their kinship.

    A pair of whom nothing is known (nan) is not among them, and need not be unrelated.
    """
    first, second = np.triu_indices(len(found), 1)
    values = found[first, second]
    near = np.flatnonzero(values >= least)
    order = near[np.argsort(-values[near], kind="stable")]
    return [(int(first[one]), int(second[one]), float(values[one])) for one in order]


def groups_of_one_person(found: Numbers) -> list[tuple[int, ...]]:
    """Samples that seem to be one person's, or of identical twins, each group in order."""
    of = {number: {number} for number in range(len(found))}
    for first, second, _ in related_pairs(found, TWICE):
        together = of[first] | of[second]
        for one in together:
            of[one] = together
    return sorted({tuple(sorted(group)) for group in of.values() if len(group) > 1})
