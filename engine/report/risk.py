"""What a report says of polygenic scores, where there are any.

A sum, how much of the score was known, and where it lies among people, as far as a distribution of the same score is
declared. What nobody declared is not said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.errors import ReportError
from engine.risk.distribution import Distribution, percentile
from engine.risk.score import SampleScore

LIMIT = (
    "Polygenic scores add up common variants of small effect; rare variants, family history and way of life are not in "
    "them. Where a sum lies holds for the population that is named, and is no diagnosis."
)


ANCESTRY = "ancestry by genotype"
NOT_SCORED = "Polygenic scores were asked for and not computed: the laboratory declares none"


@dataclass(frozen=True)
class StatedRisk:
    """A polygenic score of the person.

    Attributes:
        score_id: as the PGS Catalog has it.
        trait: what it is a score of.
        total: the weights added up, absent where too little of the score is known.
        matched: variants that are known of the person.
        variants: variants of the score.
        z: standard deviations above the population's mean, absent where no distribution is declared.
        population: of the distribution, absent where none is declared.
        ancestry: whom the person is like by genotype, in words; empty where that is not known.
    """

    score_id: str
    trait: str
    total: float | None
    matched: int
    variants: int
    z: float | None = None
    population: str | None = None
    ancestry: str = ""

    @property
    def sentence(self) -> str:
        """What is said of it, without full stop.

        >>> StatedRisk("PGS1", "stature", None, 3, 10).sentence
        'Polygenic score PGS1 (stature): not computed, 3 of 10 variants are known'
        >>> StatedRisk("PGS1", "stature", 1.5, 9, 10).sentence
        'Polygenic score PGS1 (stature): sum 1.5 by 9 of 10 variants; where it lies among people is not known here'
        """
        named = f"Polygenic score {self.score_id} ({self.trait})"
        known = f"{self.matched:,} of {self.variants:,} variants"
        if self.total is None:
            return f"{named}: not computed, {known} are known"
        return f"{named}: sum {self.total:.6g} by {known}; {self.standing}"

    @property
    def standing(self) -> str:
        """Where the sum lies among people, or that it is not known."""
        if self.z is None:
            return "where it lies among people is not known here"
        side = "above" if self.z >= 0 else "below"
        place = f"{abs(self.z):.2f} standard deviations {side} the mean of {self.population}, {_among(self.z)}"
        return f"{place}; {ANCESTRY}: {self.ancestry}" if self.ancestry else place


def _among(z: float) -> str:
    """The percentile in words, if sums are distributed normally."""
    share = percentile(z)
    if share < 1 or share > 99:
        return "below percentile 1" if share < 1 else "above percentile 99"
    return f"percentile {share:.0f}"


def risk_of(
    score: SampleScore, trait: str, distribution: Distribution | None = None, population: str | None = None
) -> StatedRisk:
    """A score of a sample as it is said.

    Args:
        score: of the sample.
        trait: what it is a score of.
        distribution: of the same score, absent where none is declared.
        population: in which it is distributed so; there where the distribution is.
    """
    z = distribution.z(score.total) if distribution and population and score.total is not None else None
    known = population if z is not None else None
    return StatedRisk(score.score_id, trait, score.total, score.matched, score.variants, z, known)


def read_risks(path: Path) -> tuple[StatedRisk, ...]:
    """What is said of the scores that :func:`engine.risk.sample.score_sample` wrote.

    Raises:
        ReportError: the file is damaged.
    """
    try:
        return tuple(_stated(told) for told in json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(
            "the polygenic scores cannot be read", file=path, remedy="materialize polygenic_scores again"
        ) from error


def _stated(told: Mapping[str, Any]) -> StatedRisk:
    """A trait that the file does not name is said not to be known."""
    population = told["population"]
    distribution = Distribution(**population["distribution"]) if population else None
    trait = told["trait"] or "a trait that its file does not name"
    risk = risk_of(SampleScore(**told["score"]), trait, distribution, population and population["name"])
    return replace(risk, ancestry=told.get("ancestry", ""))


def risk_differences(before: Sequence[StatedRisk], after: Sequence[StatedRisk]) -> Iterator[str]:
    """What is said of scores otherwise than before, in sentences."""
    earlier, later = ({one.score_id: one for one in said} for said in (before, after))
    for name in sorted({*earlier, *later}):
        was, is_ = (found[name].sentence if name in found else "not told" for found in (earlier, later))
        if was != is_:
            yield f"Polygenic score {name}: was {was}; is {is_}."


def risks_told(risks: Sequence[StatedRisk]) -> list[Mapping[str, Any]]:
    """What is said of scores, as JSON holds it; an ancestry counts only where it says something."""
    told = [asdict(one) for one in risks]
    return [{name: value for name, value in one.items() if name != "ancestry" or value} for one in told]
