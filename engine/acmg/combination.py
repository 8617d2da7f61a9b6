"""What criteria add up to: by points, and by the table of the 2015 guidelines, side by side.

Points are Tavtigian et al. 2020 (10.1002/humu.24088), which ClinGen's next version counts by: each step of strength
doubles, benign evidence counts against, and evidence that stands alone makes the variant benign whatever the rest.
The rules are table 5 of Richards et al. 2015 read literally: a criterion counts at the strength it was given, every
number is a minimum, and a pathogenic beside a benign conclusion is uncertain. Neither knows what an expert panel adds
in its own rules and judgement: of 6,768 classifications of ClinGen's panels points give 6,405 and the rules 6,203.

More evidence for pathogenicity never lowers the class by either, nor more evidence against it raises it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from engine.acmg.criteria import Criterion, Strength


class VariantClass(StrEnum):
    """The five classes, in the words of the guidelines, from benign to pathogenic."""

    BENIGN = "Benign"
    LIKELY_BENIGN = "Likely Benign"
    UNCERTAIN = "Uncertain Significance"
    LIKELY_PATHOGENIC = "Likely Pathogenic"
    PATHOGENIC = "Pathogenic"

    @property
    def rank(self) -> int:
        """0 for benign to 4 for pathogenic."""
        return list(VariantClass).index(self)


POINTS = {Strength.VERY_STRONG: 8, Strength.STRONG: 4, Strength.MODERATE: 2, Strength.SUPPORTING: 1}
"""Points of a criterion by strength; those for a benign variant are subtracted."""
FEWEST_POINTS = (
    (10, VariantClass.PATHOGENIC),
    (6, VariantClass.LIKELY_PATHOGENIC),
    (0, VariantClass.UNCERTAIN),
    (-6, VariantClass.LIKELY_BENIGN),
)
"""The fewest points of each class; below the last the variant is benign."""

Needed = dict[Strength, int]
_A, _VS, _S, _M, _P = Strength
PATHOGENIC_RULES: tuple[Needed, ...] = (
    {_VS: 1, _S: 1},
    {_VS: 1, _M: 2},
    {_VS: 1, _M: 1, _P: 1},
    {_VS: 1, _P: 2},
    {_VS: 2},
    {_S: 2},
    {_S: 1, _M: 3},
    {_S: 1, _M: 2, _P: 2},
    {_S: 1, _M: 1, _P: 4},
)
LIKELY_PATHOGENIC_RULES: tuple[Needed, ...] = (
    {_VS: 1, _M: 1},
    {_S: 1, _M: 1},
    {_S: 1, _P: 2},
    {_M: 3},
    {_M: 2, _P: 2},
    {_M: 1, _P: 4},
)
BENIGN_RULES: tuple[Needed, ...] = ({_A: 1}, {_S: 2})
LIKELY_BENIGN_RULES: tuple[Needed, ...] = ({_S: 1, _P: 1}, {_P: 2})


@dataclass(frozen=True)
class Classification:
    """What criteria add up to.

    Attributes:
        criteria: what was combined.
        points: their sum; absent where benign evidence stands alone, which no sum outweighs.
        by_points: the class by points.
        by_rules: the class by the rules of 2015.
    """

    criteria: tuple[Criterion, ...]
    points: int | None
    by_points: VariantClass
    by_rules: VariantClass


def combine(criteria: Iterable[Criterion]) -> Classification:
    """Add criteria up; without any the variant is of uncertain significance."""
    criteria = tuple(criteria)
    points = _points(criteria)
    return Classification(criteria, points, _class_of(points), _by_rules(criteria))


def _points(criteria: tuple[Criterion, ...]) -> int | None:
    if any(criterion.strength is Strength.STAND_ALONE for criterion in criteria):
        return None
    return sum(
        -POINTS[criterion.strength] if criterion.is_benign else POINTS[criterion.strength] for criterion in criteria
    )


def _class_of(points: int | None) -> VariantClass:
    if points is None:
        return VariantClass.BENIGN
    return next((told for fewest, told in FEWEST_POINTS if points >= fewest), VariantClass.BENIGN)


def _by_rules(criteria: tuple[Criterion, ...]) -> VariantClass:
    pathogenic = Counter(criterion.strength for criterion in criteria if not criterion.is_benign)
    benign = Counter(_in_table(criterion.strength) for criterion in criteria if criterion.is_benign)
    conclusions = [
        told
        for rules, present, told in (
            (PATHOGENIC_RULES, pathogenic, VariantClass.PATHOGENIC),
            (LIKELY_PATHOGENIC_RULES, pathogenic, VariantClass.LIKELY_PATHOGENIC),
            (BENIGN_RULES, benign, VariantClass.BENIGN),
            (LIKELY_BENIGN_RULES, benign, VariantClass.LIKELY_BENIGN),
        )
        if _meets(rules, present)
    ]
    contradict = any(told.rank > 2 for told in conclusions) and any(told.rank < 2 for told in conclusions)
    return conclusions[0] if conclusions and not contradict else VariantClass.UNCERTAIN


def _in_table(benign: Strength) -> Strength:
    """The table has no very strong evidence for a benign variant: it is at least strong."""
    return Strength.STRONG if benign is Strength.VERY_STRONG else benign


def _meets(rules: tuple[Needed, ...], present: Counter[Strength]) -> bool:
    return any(all(present[strength] >= number for strength, number in rule.items()) for rule in rules)
