"""Which sex the coverage of X and Y speaks for, beside the sex on the sample sheet: how a swap of samples shows.

>>> judge_sex("female", autosomes=30.0, x=15.2, y=14.8)
SexJudgement(observed='male', evidence=1, mismatch=1)
>>> judge_sex("unknown", autosomes=30.0, x=29.0, y=0.1)
SexJudgement(observed='female', evidence=1, mismatch=0)
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_COVERAGE = 5.0
"""Mean coverage of the autosomes below which a ratio says little."""
TWO_X = 0.8
ONE_X = 0.65
SOME_Y = 0.2
"""Coverage over that of the autosomes: a second X gives about 1.0 against 0.5; a Y about 0.4 of mappable sequence."""


@dataclass(frozen=True)
class SexJudgement:
    """What coverage says of a person's sex.

    Attributes:
        observed: ``female``, ``male``, or ``unknown`` where X and Y do not agree or were not sequenced.
        evidence: 1 where coverage tells a sex, else 0.
        mismatch: 1 where it is not the one on the sample sheet, else 0.
    """

    observed: str
    evidence: int
    mismatch: int


def judge_sex(stated: str, *, autosomes: float | None, x: float | None, y: float | None) -> SexJudgement:
    """Judge from mean coverages over the targets on the autosomes, X and Y; each absent where there are no targets."""
    observed = "unknown"
    if autosomes is not None and x is not None and autosomes >= LEAST_COVERAGE:
        has_y = None if y is None else y / autosomes >= SOME_Y
        if x / autosomes >= TWO_X and not has_y:
            observed = "female"
        elif x / autosomes <= ONE_X and has_y is not False:
            observed = "male"
    evidence = int(observed != "unknown")
    return SexJudgement(observed, evidence, int(evidence and stated not in ("unknown", observed)))
