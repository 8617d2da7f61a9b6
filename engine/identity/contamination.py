"""How much of a sample's reads is another person's: the model of VerifyBamID2, without knowing either genotype.

At a site with ALT frequency *f*, the intended sample's and the contaminating sample's genotypes are drawn in
Hardy-Weinberg proportion, each with the frequency that its own ancestry (principal components) gives the site. A base
comes from the contaminating sample with probability alpha. It is wrong with the probability of its quality: REF is then
read as ALT with 1/3 and as another base with 2/3, a heterozygote's as REF or ALT with 1/6 each. The likelihood of a
site is the sum over the nine pairs of genotypes; alpha and both ancestries are where the product over sites is largest.

Source: Zhang et al., Genome Research 2020, doi:10.1101/gr.246934.118.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.identity.panel import SitePanel
from engine.identity.simplex import downhill
from engine.identity.site_bases import SiteBases

Numbers = NDArray[np.float64]

COMPONENTS = 2
"""Of the ancestry, as VerifyBamID2 uses by default."""
_LEAST_FREQUENCY = 0.00005
_RIGHT = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0]])
"""By genotype (copies of ALT) and kind of base (REF, ALT, other): its probability without error."""
_WRONG = np.array([[0, 1, 2], [0.5, 0.5, 2], [1, 0, 2]]) / 3
"""The same where the base is wrong."""
_START_ALPHA, _START_COMPONENT = 0.03, 0.01
"""Where VerifyBamID2 begins."""
_TOLD_APART = 2.0
"""Log-likelihood; answers nearer each other than this are alike as far as the bases can tell."""
_STARTS = (0.002, 0.01, 0.03, 0.08, 0.15, 0.25, 0.4, 0.48)
_BEST_STARTS = 3


@dataclass(frozen=True)
class Contamination:
    """What the reads say of a mixture.

    Attributes:
        freemix: the share of bases that are the contaminating person's, 0 to 0.5.
        free_lk1: log-likelihood of this.
        free_lk0: log-likelihood of no contamination at the contaminating person's ancestry, as VerifyBamID2 tells it.
        contaminating: the contaminating person's principal components.
        intended: the sample's own.
        sites: how many sites of the panel had a base.
        bases: how many bases there were.
    """

    freemix: float
    free_lk1: float
    free_lk0: float
    contaminating: tuple[float, ...]
    intended: tuple[float, ...]
    sites: int
    bases: int

    @property
    def average_depth(self) -> float:
        """Bases a site that has any."""
        return self.bases / self.sites


@dataclass(frozen=True)
class _Mixture:
    """One answer: the share and both persons' components in the model's units."""

    alpha: float
    contaminating: Numbers
    intended: Numbers
    log_likelihood: float

    @staticmethod
    def at(model: _Model, alpha: float, contaminating: Numbers, intended: Numbers) -> _Mixture:
        return _Mixture(alpha, contaminating, intended, model.log_likelihood(alpha, contaminating, intended)[0])


class _Model:
    """The likelihood of one sample's bases, with its slope.

    Parameters are ``(alpha, contaminating components, intended components)``, components in units in which a site's
    expected dosage changes by about one, so that all parameters are alike in size.
    """

    def __init__(self, bases: SiteBases, panel: SitePanel, components: int) -> None:
        from scipy.sparse import csr_array

        sites, row = np.unique(bases.site, return_inverse=True)
        sort, column = np.unique(bases.quality * 3 + bases.kind, return_inverse=True)
        self._counts = csr_array((bases.count.astype(np.float64), (row, column)))  # [site, sort of base]
        kind, error = sort % 3, 10.0 ** (-(sort // 3)[:, None] / 10)
        self._base = _RIGHT[:, kind].T * (1 - error) + _WRONG[:, kind].T * error  # [sort of base, genotype]
        self._mean = panel.mean_dosage[sites]
        loadings = panel.loadings[sites, :components]
        self.unit = 1 / np.maximum(np.sqrt((loadings**2).mean(axis=0)), 1e-12)
        self._loadings = loadings * self.unit
        self.components = components

    def log_likelihood(self, alpha: float, contaminating: Numbers, intended: Numbers) -> tuple[float, Numbers]:
        """The log-likelihood and its slope by alpha, then by each component of either person."""
        theirs_of_base, own_of_base = self._base[:, :, None], self._base[:, None, :]
        pairs = np.maximum((alpha * theirs_of_base + (1 - alpha) * own_of_base).reshape(-1, 9), 1e-300)
        bases = self._counts @ np.log(pairs)  # [site, pair of genotypes]
        theirs, their_slope = self._genotypes(contaminating)
        own, own_slope = self._genotypes(intended)
        largest = bases.max(axis=1, keepdims=True)
        likelihood = np.exp(bases - largest).reshape(-1, 3, 3)
        by_theirs = np.einsum("sij,sj->si", likelihood, own)
        by_own = np.einsum("sij,si->sj", likelihood, theirs)
        site = np.maximum((by_theirs * theirs).sum(axis=1), 1e-300)
        slope_of_site = ((by_theirs * their_slope).sum(axis=1) / site, (by_own * own_slope).sum(axis=1) / site)
        by_alpha = self._counts @ ((theirs_of_base - own_of_base).reshape(-1, 9) / pairs)
        posterior = likelihood * theirs[:, :, None] * own[:, None, :] / site[:, None, None]
        slopes = [self._loadings.T @ slope for slope in slope_of_site]
        slope = np.concatenate([[float((posterior.reshape(-1, 9) * by_alpha).sum())], *slopes])
        return float((np.log(site) + largest[:, 0]).sum()), slope

    def _genotypes(self, components: Numbers) -> tuple[Numbers, Numbers]:
        """float64[site, 3]: the genotypes' probabilities, and how they change with the site's dosage."""
        raw = (self._loadings @ components + self._mean) / 2
        f = np.clip(raw, _LEAST_FREQUENCY, 1 - _LEAST_FREQUENCY)
        free = np.where(f == raw, 0.5, 0.0)
        slope = np.stack([-2 * (1 - f), 2 - 4 * f, 2 * f], axis=1) * free[:, None]
        return np.stack([(1 - f) ** 2, 2 * f * (1 - f), f**2], axis=1), slope


def estimate_contamination(bases: SiteBases, panel: SitePanel, *, components: int = COMPONENTS) -> Contamination:
    """Find the share of another person's bases and both persons' ancestries.

    The search is VerifyBamID2's, a downhill simplex from its starting point, so that figures can be compared with its.
    It can end on a lesser hill; slopes are therefore followed from several shares too, and where that leads to what the
    bases tell from it (:data:`_TOLD_APART`), it is taken instead.

    Args:
        bases: what the reads say.
        panel: the sites they are of.
        components: how many principal components an ancestry has; at most the panel's.
    """
    model = _Model(_of_usual_depth(bases), panel, min(components, panel.components))
    usual, best = _by_simplex(model), _by_slope(model)
    mixture = best if best.log_likelihood > usual.log_likelihood + _TOLD_APART else usual
    return Contamination(
        mixture.alpha,
        mixture.log_likelihood,
        model.log_likelihood(0.0, mixture.contaminating, mixture.contaminating)[0],
        tuple(float(value) for value in mixture.contaminating * model.unit),
        tuple(float(value) for value in mixture.intended * model.unit),
        bases.sites,
        bases.bases,
    )


def log_likelihood(
    bases: SiteBases, panel: SitePanel, alpha: float, contaminating: tuple[float, ...], intended: tuple[float, ...]
) -> float:
    """The log-likelihood of a given share and given ancestries (as many components as either has)."""
    model = _Model(bases, panel, len(intended))
    return model.log_likelihood(alpha, np.array(contaminating) / model.unit, np.array(intended) / model.unit)[0]


def _of_usual_depth(bases: SiteBases) -> SiteBases:
    """Without sites further than three standard deviations from the mean depth: copies of several places lie there."""
    _, index = np.unique(bases.site, return_inverse=True)
    depth = np.bincount(index, weights=bases.count)
    usual = np.abs(depth - depth.mean()) <= 3 * depth.std()
    kept = usual[index] if usual.any() else np.ones(index.size, bool)
    return SiteBases(bases.site[kept], bases.kind[kept], bases.quality[kept], bases.count[kept])


def _by_simplex(model: _Model) -> _Mixture:
    """As VerifyBamID2 searches: both persons of one ancestry first, then each of its own from there."""
    width = model.components
    best = _Mixture.at(model, 0.5, np.zeros(width), np.zeros(width))

    def loss(parameters: Numbers, *, one_ancestry: bool) -> float:
        nonlocal best
        contaminating = parameters[:width] / model.unit
        intended = contaminating if one_ancestry else parameters[width:-1] / model.unit
        mixture = _Mixture.at(model, 1 / (1 + math.exp(-parameters[-1])), contaminating, intended)
        if mixture.log_likelihood > best.log_likelihood:
            best = mixture
        return -mixture.log_likelihood

    start = np.array([*[_START_COMPONENT] * width, math.log(_START_ALPHA / (1 - _START_ALPHA))])
    end = downhill(lambda parameters: loss(parameters, one_ancestry=True), start)
    downhill(lambda parameters: loss(parameters, one_ancestry=False), np.concatenate([end[:width], end]))
    return (
        best if best.alpha < 0.5 else _Mixture(1 - best.alpha, best.intended, best.contaminating, best.log_likelihood)
    )


def _by_slope(model: _Model) -> _Mixture:
    """The best of what slopes lead to from several shares, each begun with one ancestry for both persons."""
    alone = _uphill(model, _Mixture.at(model, 0.0, *[np.zeros(model.components)] * 2), alpha=0.0)
    starts = [_Mixture.at(model, alpha, alone.intended, alone.intended) for alpha in _STARTS]
    starts.sort(key=lambda start: -start.log_likelihood)
    found = [_uphill(model, start) for start in starts[:_BEST_STARTS]]
    return max([alone, *found], key=lambda mixture: mixture.log_likelihood)


def _uphill(model: _Model, start: _Mixture, *, alpha: float | None = None) -> _Mixture:
    from scipy.optimize import minimize

    width = model.components

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        value, slope = model.log_likelihood(float(parameters[0]), parameters[1 : 1 + width], parameters[1 + width :])
        return -value, -slope

    bounds: Any = [(0.0, 0.5) if alpha is None else (alpha, alpha), *([(None, None)] * 2 * width)]
    begin = np.concatenate([[start.alpha], start.contaminating, start.intended])
    end = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-7}).x
    return _Mixture.at(model, float(end[0]), end[1 : 1 + width], end[1 + width :])
