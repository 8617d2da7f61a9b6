"""Evaluating an artifact's measures against the threshold table with Great Expectations.

The result is a value; what a breach stops is decided by the caller. A measure that a threshold names and the artifact
lacks is a breach: what was not measured has not passed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.quality.thresholds import Threshold
from engine.receipt import Measure


@dataclass(frozen=True)
class CheckResult:
    """The verdict on one threshold.

    Attributes:
        threshold: the row of the table.
        observed: the measured value, absent where it was not measured or is undefined.
        passed: whether the value lies within the bounds, or the check does not apply.
        applies: False where there is too little evidence to judge.
    """

    threshold: Threshold
    observed: float | None
    passed: bool
    applies: bool

    @property
    def blocks(self) -> bool:
        """Whether this verdict stops the sample."""
        return not self.passed and self.threshold.severity == "block"

    def __str__(self) -> str:
        observed = "not measured" if self.observed is None else f"{self.observed:g}"
        if not self.applies:
            row = self.threshold
            return f"{row.name}: does not apply ({row.given} below {row.given_at_least:g}; observed {observed})"
        return f"{self.threshold.name}: observed {observed}, expected {self.threshold.expectation}"


def evaluate(thresholds: Sequence[Threshold], measures: Mapping[str, Measure]) -> tuple[CheckResult, ...]:
    """Judge measures against thresholds, in their order.

    Args:
        thresholds: rows of one asset.
        measures: an artifact's measures by name.
    """
    observed = {row.name: _number(measures.get(row.measure)) for row in thresholds}
    applicable = tuple(row for row in thresholds if _applies(row, measures))
    passed = _validate(applicable, tuple(observed[row.name] for row in applicable)) if applicable else {}
    return tuple(
        CheckResult(row, observed[row.name], passed.get(row.name, True), row.name in passed) for row in thresholds
    )


def _applies(threshold: Threshold, measures: Mapping[str, Measure]) -> bool:
    if threshold.given is None:
        return True
    evidence = _number(measures.get(threshold.given))
    return evidence is not None and evidence >= threshold.given_at_least


def _number(value: Measure) -> float | None:
    return float(value) if isinstance(value, int | float) else None


# A run asks for the same verdict at every later step: 44 validations a sample, 0.2 CPU s each, of which 5 differ.
@lru_cache(maxsize=256)
def _validate(thresholds: tuple[Threshold, ...], observed: tuple[float | None, ...]) -> Mapping[str, bool]:
    """Whether each observed value lies within the bounds of its row, by the row's name."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # a clinical platform calls nobody
    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations import ExpectColumnValuesToBeBetween, ExpectColumnValuesToNotBeNull
    from great_expectations.expectations.metadata_types import FailureSeverity

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    suite = gx.ExpectationSuite(name=thresholds[0].asset)
    for row in thresholds:
        severity = FailureSeverity.CRITICAL if row.severity == "block" else FailureSeverity.WARNING
        suite.add_expectation(ExpectColumnValuesToNotBeNull(column=row.name, severity=severity))
        suite.add_expectation(
            ExpectColumnValuesToBeBetween(
                column=row.name, min_value=row.minimum, max_value=row.maximum, severity=severity
            )
        )
    values = zip(thresholds, observed, strict=True)
    frame = pd.DataFrame({row.name: pd.array([value], dtype="Float64") for row, value in values})
    batch = context.data_sources.pandas_default.read_dataframe(frame)
    verdict = {row.name: True for row in thresholds}
    for result in batch.validate(suite).results:
        assert result.expectation_config is not None
        verdict[result.expectation_config.kwargs["column"]] &= bool(result.success)
    return verdict
