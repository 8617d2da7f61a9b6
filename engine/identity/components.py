"""Principal components of genotypes, and where on known ones a person stands of whom not every site is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MISSING: Final = -1
"""Copies where nobody knows them."""
_LEAST: Final = 1e-12
_AT_ONCE: Final = 5_000
"""Sites that are taken into floating point at once."""

Dosages = NDArray[np.int8]
"""Sites by persons, copies of the alternate allele or :data:`MISSING`."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Principal components.

    Attributes:
        coordinates: of each sample, by component; float64, samples by components, each of unit length.
        shares: of the variance that each explains, of all.
    """

    coordinates: Numbers
    shares: Numbers


def principal_components(dosages: Dosages, count: int = 10) -> Components:
    """Principal components of genotypes, each site scaled by the spread that its frequency gives.

    As EIGENSTRAT (Patterson, Price and Reich 2006, doi:10.1371/journal.pgen.0020190, equations 2 and 3); a missing
    genotype is taken as the mean. Sites that do not vary are left out. A component's sign is such that its largest
    coordinate is positive.

    Args:
        dosages: sites by samples.
        count: components, at most as many as samples.
    """
    from scipy.linalg import eigh

    samples = dosages.shape[1]
    if not samples or not count:
        return Components(np.zeros((samples, 0)), np.zeros(0))
    covariance, used = np.zeros((samples, samples)), 0
    for part in parts(dosages):
        scaled = _scaled(part).astype(np.float32)  # a fifth of the time; sums of parts are in double precision
        covariance += scaled.T @ scaled
        used += len(scaled)
    covariance /= max(used, 1)
    values, vectors = eigh(covariance, subset_by_index=(max(samples - count, 0), samples - 1))
    values, chosen = values[::-1].clip(0), vectors[:, ::-1]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(len(values))])
    return Components(chosen * signs, values / max(float(np.trace(covariance)), _LEAST))


def parts(dosages: Dosages) -> Iterator[Dosages]:
    """As many sites as are taken into floating point at once."""
    for start in range(0, len(dosages), _AT_ONCE):
        yield dosages[start : start + _AT_ONCE]


def _scaled(dosages: Dosages) -> Numbers:
    called = dosages != MISSING
    copies = np.where(called, dosages, 0).astype(float)
    mean = copies.sum(axis=1) / np.maximum(called.sum(axis=1), 1)
    spread = _spread(mean)
    varies = spread > 0
    centred = np.where(called, copies - mean[:, None], 0.0)
    scaled: Numbers = centred[varies] / spread[varies, None]
    return scaled


def _spread(mean: Numbers) -> Numbers:
    """What a site's mean copies make of its standard deviation, but for a factor that all sites have."""
    spread: Numbers = np.sqrt(mean / 2 * (1 - mean / 2))
    return spread


@dataclass(frozen=True)
class Loadings:
    """How sites lead to components.

    Attributes:
        mean: float64[n], copies of ALT of those whom the components were made of.
        spread: float64[n], by which what differs from the mean is divided; above 0.
        weights: float64[n, k], of unit length by component over all sites that they were made of.
    """

    mean: Numbers
    spread: Numbers
    weights: Numbers

    def some(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Loadings:
        """Those of some sites."""
        return Loadings(self.mean[chosen], self.spread[chosen], self.weights[chosen])

    def places(self, dosages: NDArray[np.int8] | NDArray[np.uint8]) -> Numbers:
        """Where persons stand who are known at all these sites (float64, persons by components).

        By least squares over the sites that there are, not by a sum over all: a site that is missing neither pulls to
        the middle nor anywhere else, it only makes the place less certain (as ``lsqproject`` of EIGENSOFT).

        Args:
            dosages: sites by persons, 0 to 2; as many sites as there are components at least.
        """
        scaled = self.weights / self.spread[:, None]
        summed = np.zeros((self.weights.shape[1], dosages.shape[1]))
        for start in range(0, len(dosages), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            summed += scaled[here].T.astype(np.float32) @ dosages[here].astype(np.float32)
        summed -= (scaled.T @ self.mean)[:, None]
        found = np.linalg.lstsq(self.weights.T @ self.weights, summed, rcond=None)[0]
        return np.asarray(found.T, np.float64)


def loadings(dosages: Dosages, count: int) -> Loadings:
    """The loadings of the first principal components of persons known at every site; every site must vary.

    Args:
        dosages: sites by persons, 0 to 2.
        count: components.
    """
    coordinates = principal_components(dosages, count).coordinates
    mean = dosages.mean(axis=1, dtype=np.float64)
    weights = np.concatenate([_scaled(part) @ coordinates for part in parts(dosages)])
    return Loadings(mean, _spread(mean), weights / np.linalg.norm(weights, axis=0))
