"""Time until something happens, by strata: Kaplan and Meier's curves and the log-rank test.

>>> both = survival([1, 2, 3, 4], [True, True, False, True])
>>> [round(float(one), 4) for one in both.fraction]
[0.75, 0.5, 0.0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Survival:
    """A curve.

    Attributes:
        times: at which it falls, in the unit of what was given.
        fraction: of persons to whom it has not happened, after each of these times.
    """

    times: Numbers
    fraction: Numbers


def survival(times: Sequence[float], happened: Sequence[bool]) -> Survival:
    """Kaplan and Meier's estimate (1958).

    Args:
        times: of each person: when it happened, or until when it had not.
        happened: whether it did.
    """
    at, event = np.asarray(times, float), np.asarray(happened, bool)
    falls = np.unique(at[event])
    under_risk = (at[None, :] >= falls[:, None]).sum(axis=1)
    events = ((at[None, :] == falls[:, None]) & event).sum(axis=1)
    return Survival(falls, np.cumprod(1 - events / under_risk))


def logrank(strata: Mapping[str, tuple[Sequence[float], Sequence[bool]]]) -> float:
    """p value of Mantel's log-rank test that all strata's curves are one, with the hypergeometric variance.

    Args:
        strata: times and whether it happened, as of :func:`survival`, by stratum; at least two.

    Returns:
        nan where it happened to nobody.
    """
    from scipy.stats import chi2

    times = np.concatenate([np.asarray(one, float) for one, _ in strata.values()])
    happened = np.concatenate([np.asarray(one, bool) for _, one in strata.values()])
    if not happened.any():
        return float("nan")
    group = np.repeat(np.arange(len(strata)), [len(one) for one, _ in strata.values()])
    difference, variance = np.zeros(len(strata)), np.zeros((len(strata), len(strata)))
    for at in np.unique(times[happened]):
        risk = np.bincount(group[times >= at], minlength=len(strata)).astype(float)
        events = np.bincount(group[(times == at) & happened], minlength=len(strata)).astype(float)
        all_risk, all_events = risk.sum(), events.sum()
        share = risk / all_risk
        difference += events - all_events * share
        if all_risk > 1:
            spread = all_events * (all_risk - all_events) / (all_risk - 1)
            variance += spread * (np.diag(share) - np.outer(share, share))
    statistic = difference[:-1] @ np.linalg.pinv(variance[:-1, :-1]) @ difference[:-1]
    return float(chi2.sf(statistic, len(strata) - 1))
