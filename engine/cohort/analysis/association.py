"""Whether a trait goes with an allele: regression with covariates, Firth's for what is rare, and Fisher's exact test.

All take persons as rows. A test that cannot be made (nothing varies, no end is found) tells nan, never a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_ROUNDS, _ENOUGH, _MOST_STEP, _LEAST_INFORMATION = 200, 1e-9, 5.0, 1e-6
ROUNDING = 1e-12
"""Share of the largest number, below which a difference is one of rounding."""


@dataclass(frozen=True)
class Effect:
    """What one more copy does to a trait.

    Attributes:
        beta: of the trait's own unit, or of the logarithm of the odds.
        error: its standard error.
        p: two-sided p value.
    """

    beta: float
    error: float
    p: float


NOTHING = Effect(*[float("nan")] * 3)


def fisher(carriers: int, others: int, carriers_without: int, others_without: int) -> float:
    """p value of Fisher's exact test, two-sided.

    Args:
        carriers: with the trait, who carry.
        others: with the trait, who do not.
        carriers_without: without the trait, who carry.
        others_without: without the trait, who do not.
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact([[carriers, others], [carriers_without, others_without]])[1])


def linear(trait: Numbers, copies: Numbers, covariates: Numbers | None = None) -> Effect:
    """Least squares of a measured trait, with a t test of the copies' effect.

    Args:
        trait: of each person.
        copies: of the allele, or any score.
        covariates: persons by covariates, without the constant.
    """
    from scipy.stats import t

    design = _design(copies, covariates)
    freedom = len(trait) - design.shape[1]
    if freedom < 1 or np.linalg.matrix_rank(design) < design.shape[1] or not varies(trait, design[:, 1:]):
        return NOTHING
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ trait
    error = float(np.sqrt(((trait - design @ beta) ** 2).sum() / freedom * inverse[0, 0]))
    if error == 0:
        return NOTHING
    return Effect(float(beta[0]), error, float(2 * t.sf(abs(beta[0] / error), freedom)))


def logistic(trait: Numbers, copies: Numbers, covariates: Numbers | None = None) -> Effect:
    """Maximum likelihood of a trait that is there (1) or not (0), with Wald's test; nan where a group is told apart.

    Arguments as of :func:`linear`.
    """
    design = _design(copies, covariates)
    found = fitted(trait, design)
    if found is None:
        return NOTHING
    beta, inverse, _ = found
    error = float(np.sqrt(inverse[0, 0]))
    return Effect(float(beta[0]), error, _normal(float(beta[0]) / error))


def firth(trait: Numbers, copies: Numbers, covariates: Numbers | None = None) -> Effect:
    """As :func:`logistic` with Firth's penalty, which has an end where the allele is seen on one side only.

    The p value is that of the penalised likelihood ratio (Firth 1993, doi:10.1093/biomet/80.1.27; Heinze and Schemper
    2002, doi:10.1002/sim.1047).
    """
    from scipy.stats import chi2

    design = _design(copies, covariates)
    whole = fitted(trait, design, firth=True)
    without = fitted(trait, design, firth=True, held=True)
    if whole is None or without is None:
        return NOTHING
    beta, inverse, likelihood = whole
    p = chi2.sf(max(0.0, 2 * (likelihood - without[2])), 1)
    return Effect(float(beta[0]), float(np.sqrt(inverse[0, 0])), float(p))


def score_tests(trait: Numbers, copies: Numbers, covariates: Numbers | None = None) -> Numbers:
    """p value of each allele's score test in a logistic regression, given the covariates (float64, one an allele).

    One fit of the covariates alone, then one product for all alleles (Chen et al. 2016,
    doi:10.1016/j.ajhg.2016.02.012): for many alleles at once. Of rare alleles or unequal sides it is too ready to see
    something. nan of an allele that does not vary beside the covariates, and of all where these have no fit.

    Args:
        trait: 0 or 1 of each person.
        copies: persons by alleles.
        covariates: persons by covariates, without the constant.
    """
    from scipy.stats import chi2

    rest = [] if covariates is None else [np.asarray(covariates, float).reshape(len(copies), -1)]
    design = np.column_stack([np.ones(len(copies)), *rest])
    p: Numbers = np.full(copies.shape[1], np.nan)
    found = fitted(trait, design)
    if found is None:
        return p
    chance = 1 / (1 + np.exp(-design @ found[0]))
    weight = (chance * (1 - chance))[:, None]
    left = copies - design @ (found[1] @ ((design * weight).T @ copies))
    score, information = left.T @ (trait - chance), (left**2 * weight).sum(axis=0)
    usable = information > _LEAST_INFORMATION
    p[usable] = chi2.sf(score[usable] ** 2 / information[usable], 1)
    return p


def varies(trait: Numbers, design: Numbers) -> bool:
    """Whether persons differ in a measured trait by more than what is known of them, and than rounding, tells."""
    beta, *_ = np.linalg.lstsq(design, trait, rcond=None)
    return float(np.abs(trait - design @ beta).max()) > ROUNDING * float(np.abs(trait).max())


def _design(copies: Numbers, covariates: Numbers | None) -> Numbers:
    """The tested column first, then the constant and the covariates."""
    rest = [] if covariates is None else [np.asarray(covariates, float).reshape(len(copies), -1)]
    return np.column_stack([np.asarray(copies, float), np.ones(len(copies)), *rest])


def fitted(
    trait: Numbers, design: Numbers, *, firth: bool = False, held: bool = False
) -> tuple[Numbers, Numbers, float] | None:
    """Logistic regression by Newton's method: coefficients, inverse information and log likelihood.

    Args:
        trait: 0 or 1 of each person.
        design: persons by what is known of them, the constant among it.
        firth: whether the likelihood is penalised.
        held: keeps the first coefficient at 0, while the penalty stays that of the whole model.

    Returns:
        Nothing where it has no end, or where all persons have the trait, or none.
    """
    if np.linalg.matrix_rank(design) < design.shape[1] or len(np.unique(trait)) < 2:
        return None
    free = slice(1, None) if held else slice(None)
    beta: Numbers = np.zeros(design.shape[1])
    inverse: Numbers
    likelihood = _likelihood(trait, design, beta, firth)
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-design @ beta))
        weight = chance * (1 - chance)
        information = (design * weight[:, None]).T @ design
        try:
            inverse = np.linalg.inv(information).astype(float)
            residual = trait - chance
            if firth:
                leverage = weight * np.einsum("ij,jk,ik->i", design, inverse, design)
                residual = residual + leverage * (0.5 - chance)
            step = np.zeros_like(beta)
            step[free] = np.linalg.solve(information[free, free], (design.T @ residual)[free])
        except np.linalg.LinAlgError:
            return None
        step *= min(1.0, _MOST_STEP / max(np.abs(step).max(), 1e-300))
        while _likelihood(trait, design, beta + step, firth) < likelihood - _ENOUGH and np.abs(step).max() > _ENOUGH:
            step /= 2
        beta, likelihood = beta + step, _likelihood(trait, design, beta + step, firth)
        if np.abs(step).max() < _ENOUGH:
            return beta, inverse, likelihood
    return None


def _likelihood(trait: Numbers, design: Numbers, beta: Numbers, firth: bool) -> float:
    score = design @ beta
    whole = float((trait * score - np.logaddexp(0, score)).sum())
    if not firth:
        return whole
    chance = 1 / (1 + np.exp(-score))
    sign, logarithm = np.linalg.slogdet((design * (chance * (1 - chance))[:, None]).T @ design)
    return whole + 0.5 * float(logarithm) if sign > 0 else -np.inf


def _normal(z: float) -> float:
    from scipy.stats import norm

    return float(2 * norm.sf(abs(z)))
