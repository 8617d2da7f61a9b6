"""Rare variants of a gene taken together: burden, where all act alike, and SKAT, where they may act either way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.cohort.analysis.association import ROUNDING, Effect, Numbers, firth, fitted, linear, varies
from engine.identity.components import MISSING, Dosages

_BINARY = frozenset({0.0, 1.0})


def weights_of(dosages: Dosages) -> Numbers:
    """Weight of each allele by its frequency among those called: the density of Beta(1, 25), as SKAT has by default."""
    called = dosages != MISSING
    copies = np.where(called, dosages, 0).sum(axis=1)
    frequency = copies / np.maximum(2 * called.sum(axis=1), 1)
    weights: Numbers = 25.0 * (1 - np.minimum(frequency, 1 - frequency)) ** 24
    return weights


def burden(trait: Numbers, dosages: Dosages, covariates: Numbers | None = None) -> Effect:
    """A regression on each person's weighted sum of rare copies; Firth's where the trait is 0 or 1.

    Args:
        trait: of each person.
        dosages: alleles by persons; a missing genotype counts as none.
        covariates: persons by covariates, without the constant.
    """
    score = weights_of(dosages) @ np.where(dosages == MISSING, 0, dosages)
    return (firth if _is_binary(trait) else linear)(trait, score, covariates)


def skat(trait: Numbers, dosages: Dosages, covariates: Numbers | None = None) -> float:
    """p value of the sequence kernel association test with the linear weighted kernel.

    Q is a mixture of chi-squares (Wu et al. 2011, doi:10.1016/j.ajhg.2011.05.029), whose tail is taken from a
    chi-square of the same skewness (Liu, Tang and Zhang 2009, doi:10.1016/j.csda.2008.11.025). Arguments as of
    :func:`burden`; nan where no allele varies, or the trait does not, or the covariates tell all of it.
    """
    design = np.ones((len(trait), 1))
    if covariates is not None:
        design = _independent(np.column_stack([design, np.asarray(covariates, float).reshape(len(trait), -1)]))
    null = _null(trait, design)
    if null is None:
        return float("nan")
    expected, spread = null
    weighted = (weights_of(dosages)[:, None] * np.where(dosages == MISSING, 0, dosages)).T
    score = weighted.T @ (trait - expected)
    scaled = np.sqrt(spread)[:, None] * weighted
    basis, _ = np.linalg.qr(np.sqrt(spread)[:, None] * design)
    scaled = scaled - basis @ (basis.T @ scaled)
    values = np.linalg.eigvalsh(scaled.T @ scaled)
    values = values[values > values.max(initial=0) * 1e-10]
    return _tail(float(score @ score), values) if len(values) else float("nan")


def _independent(design: Numbers) -> Numbers:
    """Columns that span the same, none of which the others tell."""
    left, singular, _ = np.linalg.svd(design, full_matrices=False)
    return np.asarray(left[:, singular > singular.max() * ROUNDING])


def _is_binary(trait: Numbers) -> bool:
    return set(np.unique(trait).tolist()) <= _BINARY


def _null(trait: Numbers, design: Numbers) -> tuple[Numbers, Numbers] | None:
    """What is expected of each person without the gene, and its variance; absent where that cannot be told."""
    if _is_binary(trait):
        if (found := fitted(trait, design)) is None:
            return None
        chance = 1 / (1 + np.exp(-design @ found[0]))
        return chance, chance * (1 - chance)
    freedom = len(trait) - design.shape[1]
    if freedom < 1 or not varies(trait, design):
        return None
    beta, *_ = np.linalg.lstsq(design, trait, rcond=None)
    expected = design @ beta
    return expected, np.full(len(trait), ((trait - expected) ** 2).sum() / freedom)


def _tail(value: float, mixed: NDArray[np.float64]) -> float:
    from scipy.stats import ncx2

    first, second, third, fourth = (float((mixed**power).sum()) for power in (1, 2, 3, 4))
    skew, excess = third / second**1.5, fourth / second**2
    if skew**2 > excess:
        root = 1 / (skew - np.sqrt(skew**2 - excess))
        shift = skew * root**3 - root**2
        freedom = root**2 - 2 * shift
    else:
        root, shift, freedom = 1 / skew, 0.0, 1 / skew**2
    standard = (value - first) / np.sqrt(2 * second)
    return float(ncx2.sf(standard * np.sqrt(2) * root + freedom + shift, freedom, max(shift, 1e-12)))
