"""Evaluating an artifact's measures against the threshold table.

The result is a value; what a breach stops is decided by the caller. A measure that a threshold names and the artifact
lacks is a breach: what was not measured has not passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.quality.thresholds import Threshold
from engine.receipt import Measure

TOLD = "_told"
"""What the name of a measure ends in that says in words what another one, of the name before it, says in figures."""


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one threshold.

    Attributes:
        threshold: the row of the table.
        observed: the measured value, absent where it was not measured or is undefined.
        passed: whether the value lies within the bounds, or the check does not apply.
        applies: False where there is too little evidence to judge.
        told: what the artifact says of its value in words, with what to do; empty where it says nothing.
    """

    threshold: Threshold
    observed: float | None
    passed: bool
    applies: bool
    told: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this verdict stops the sample."""
        return not self.passed and self.threshold.severity == "block"

    def __str__(self) -> str:
        observed = "not measured" if self.observed is None else f"{self.observed:g}"
        if not self.applies:
            row = self.threshold
            return f"{row.name}: does not apply ({row.given} below {row.given_at_least:g}; observed {observed})"
        told = f" ({self.told})" if self.told and not self.passed else ""
        return f"{self.threshold.name}: observed {observed}, expected {self.threshold.expectation}{told}"


def evaluate(thresholds: Sequence[Threshold], measures: Mapping[str, Measure]) -> tuple[CheckResult, ...]:
    """Judge measures against thresholds, in their order.

    Args:
        thresholds: rows of one asset.
        measures: an artifact's measures by name.
    """
    return tuple(_judge(row, _number(measures.get(row.measure)), measures) for row in thresholds)


def _judge(row: Threshold, observed: float | None, measures: Mapping[str, Measure]) -> CheckResult:
    applies = _applies(row, measures)
    told = measures.get(f"{row.measure}{TOLD}")
    return CheckResult(row, observed, not applies or _within(row, observed), applies, str(told or ""))


def _within(row: Threshold, observed: float | None) -> bool:
    """Whether a value was measured, is a number, and lies within the bounds, the bounds themselves included."""
    if observed is None or math.isnan(observed):
        return False
    return (row.minimum is None or observed >= row.minimum) and (row.maximum is None or observed <= row.maximum)


def _applies(threshold: Threshold, measures: Mapping[str, Measure]) -> bool:
    if threshold.given is None:
        return True
    evidence = _number(measures.get(threshold.given))
    return evidence is not None and evidence >= threshold.given_at_least


def _number(value: Measure) -> float | None:
    return float(value) if isinstance(value, int | float) else None
