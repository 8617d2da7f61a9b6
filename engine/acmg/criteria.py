"""The criteria of the ACMG/AMP guidelines: their codes, for or against, and how much each weighs.

Source: Richards et al. 2015 (10.1038/gim.2015.30), tables 3 and 4. A code carries its own strength in its name (PVS1
is very strong, PM2 moderate); where the evidence is weaker or stronger than usual, an expert counts it at another one,
which is written behind it.

>>> [str(criterion) for criterion in parse_criteria("PVS1;PM2=P, PP3")]
['PVS1=VS', 'PM2=P', 'PP3=P']
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import ClassificationError


class Strength(StrEnum):
    """How much a criterion weighs, by the letters that ClinGen's evidence repository writes."""

    STAND_ALONE = "A"
    VERY_STRONG = "VS"
    STRONG = "S"
    MODERATE = "M"
    SUPPORTING = "P"


CODES = (
    *("PVS1", "PS1", "PS2", "PS3", "PS4", "PM1", "PM2", "PM3", "PM4", "PM5", "PM6"),
    *("PP1", "PP2", "PP3", "PP4", "PP5"),
    *("BA1", "BS1", "BS2", "BS3", "BS4", "BP1", "BP2", "BP3", "BP4", "BP5", "BP6", "BP7"),
)
"""All codes, those for pathogenicity first, each by falling weight."""
_OWN_STRENGTH = re.compile(r"[PB](A|VS|S|M|P)\d")
_SEPARATOR = re.compile(r"[;,]")


@dataclass(frozen=True)
class Criterion:
    """A criterion that is met, at the strength at which it counts.

    Attributes:
        code: one of :data:`CODES`.
        strength: its own, or the one that an expert gave it.

    Raises:
        ClassificationError: there is no such code, or it cannot have that strength: only benign evidence stands alone.
    """

    code: str
    strength: Strength

    def __post_init__(self) -> None:
        if self.code not in CODES:
            nearest = difflib.get_close_matches(self.code.upper(), CODES, n=2)
            raise ClassificationError(
                f"{self.code!r} is no ACMG/AMP criterion",
                remedy=f"write {' or '.join(nearest)}" if nearest else f"write one of {', '.join(CODES)}",
            )
        if self.strength is Strength.STAND_ALONE and not self.is_benign:
            raise ClassificationError(
                f"{self} cannot be: only evidence for a benign variant stands alone",
                remedy="write VS, S, M or P behind the equals sign",
            )

    @property
    def is_benign(self) -> bool:
        """Whether it speaks for a benign variant."""
        return self.code.startswith("B")

    def __str__(self) -> str:
        return f"{self.code}={self.strength}"


def own_strength(code: str) -> Strength:
    """The strength that a code's name tells.

    >>> own_strength("PM2")
    <Strength.MODERATE: 'M'>
    """
    told = _OWN_STRENGTH.fullmatch(code)
    return Strength(told[1]) if told else Strength.SUPPORTING


def parse_criteria(text: str) -> tuple[Criterion, ...]:
    """Read criteria as people write them: ``PVS1;PM2=P``, parted by semicolons or commas; none where there is no text.

    Raises:
        ClassificationError: a code or strength does not exist, or a criterion is met twice.
    """
    criteria = tuple(_parse(part.strip()) for part in _SEPARATOR.split(text) if part.strip())
    twice = [code for code, times in Counter(criterion.code for criterion in criteria).items() if times > 1]
    if twice:
        raise ClassificationError(
            f"{', '.join(twice)} is given more than once in {text!r}",
            remedy="give each criterion once, at one strength",
        )
    return criteria


def _parse(text: str) -> Criterion:
    code, equals, strength = (part.strip() for part in text.partition("="))
    if not equals:
        return Criterion(code, own_strength(code))
    try:
        return Criterion(code, Strength(strength))
    except ValueError:
        raise ClassificationError(
            f"{strength!r} in {text!r} is no strength",
            remedy="write A (stand alone), VS (very strong), S (strong), M (moderate) or P (supporting)",
        ) from None
