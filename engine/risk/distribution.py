"""The distribution of a score in a population, from the file of a risk model (``.prs``, as CanRisk publishes them).

Its first lines name mean, standard deviation and alpha (the square root of the share of the polygenic variance that the
score explains); the score's variants follow, parted by commas. https://canrisk.atlassian.net/wiki/spaces/FAQS/pages/35979266
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError
from engine.files.text import text_lines

_FACT = re.compile(r"[#\s]*([A-Za-z]+)\s*[=:,\s]\s*([-+.0-9eE]+)\s*,*")
_NAMES = {"mean": "mean", "mu": "mean", "sd": "sd", "sigma": "sd", "alpha": "alpha"}


@dataclass(frozen=True)
class Distribution:
    """How a score is distributed.

    Attributes:
        mean: of the sums.
        sd: standard deviation of the sums, above 0.
        alpha: square root of the share of the polygenic variance that the score explains, absent where not told.
    """

    mean: float
    sd: float
    alpha: float | None = None

    def z(self, total: float) -> float:
        """How many standard deviations a sum lies above the mean."""
        return (total - self.mean) / self.sd


def percentile(z: float) -> float:
    """The share of people, in percent, below so many standard deviations, where sums are distributed normally.

    >>> round(percentile(0), 1), round(percentile(1.96), 1), round(percentile(-1), 1)
    (50.0, 97.5, 15.9)
    """
    return 50 * math.erfc(-z / math.sqrt(2))


def read_distribution(path: Path) -> Distribution:
    """Read the first lines of a model's file.

    Raises:
        KnowledgeError: it is damaged, or names no mean or no standard deviation above 0.
    """
    facts: dict[str, float] = {}
    for line in text_lines(path):
        told = _FACT.fullmatch(line.strip())
        if told and told[1].lower() in _NAMES:
            try:
                facts[_NAMES[told[1].lower()]] = float(told[2])
            except ValueError:
                continue
    return checked_distribution(facts, path)


def checked_distribution(facts: Mapping[str, float], path: Path) -> Distribution:
    """The distribution that a file tells of; KnowledgeError where it names no mean, or no sd above 0."""
    mean, sd = facts.get("mean", math.nan), facts.get("sd", math.nan)
    if not (math.isfinite(mean) and math.isfinite(sd) and sd > 0):
        raise KnowledgeError(
            "the model names no mean, or no standard deviation above 0",
            file=path,
            remedy="write the lines mean=... and sd=... at its head, from the model's publication",
        )
    return Distribution(mean, sd, facts.get("alpha"))
