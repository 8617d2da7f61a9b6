"""What a release of knowledge would say otherwise of cases that are signed, before it becomes the current one.

>>> trial = Trial("clinvar", "d1", "2025-02", "2025-02-03T04:05:06+00:00", 40, 50, (), 5)
>>> trial.is_held
False
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from engine.reanalysis.changes import ABSENT
from engine.report.wording import name

if TYPE_CHECKING:
    from engine.report.statement import StatedFinding, Statement

FEWEST_FLIPS = 2
"""Of so many classifications a release is held at least: that one changes is what releases are for."""


@dataclass(frozen=True)
class Flip:
    """A classification in a signed report that would be another, absent or new under a release.

    Attributes:
        sample: sample id.
        gene: symbol, empty where it lies in none.
        variant: its name.
        before: the class as signed, ``not reported`` where there is none.
        after: the class under the release, ``not reported`` where there is none.
    """

    sample: str
    gene: str
    variant: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.sample}: {self.gene or 'intergenic'} {self.variant}: {self.before} to {self.after}"


@dataclass(frozen=True)
class Trial:
    """What came of interpreting signed cases under a release that is not current yet.

    Attributes:
        part: of the knowledge.
        data_version: of the release as it was built.
        release: what people call it.
        tried: UTC time, ISO 8601 to the second.
        cases: signed cases that were interpreted.
        classifications: in their signed reports, and those that would be new.
        flips: those that would change.
        most_percent: of the classifications may change before the release is held.
        failed: cases that could not be interpreted, with why; each counts as if all of it changed.
    """

    part: str
    data_version: str
    release: str
    tried: str
    cases: int
    classifications: int
    flips: tuple[Flip, ...]
    most_percent: int
    failed: tuple[str, ...] = ()

    @property
    def is_held(self) -> bool:
        """Whether a person has to decide."""
        changed = len(self.flips)
        too_many = changed >= FEWEST_FLIPS and 100 * changed > self.most_percent * self.classifications
        return too_many or bool(self.failed)

    @property
    def summary(self) -> str:
        """In one line."""
        told = (
            f"{self.part} {self.release}: of {self.classifications:,} classifications in {self.cases:,} signed cases "
            f"{len(self.flips):,} would change; {self.most_percent}% may"
        )
        return f"{told}; {len(self.failed):,} cases could not be interpreted" if self.failed else told

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """What :meth:`to_json` wrote."""
        told = json.loads(text)
        flips = tuple(Flip(**one) for one in told.pop("flips"))
        return cls(**(told | {"flips": flips, "failed": tuple(told["failed"])}))


def flips(signed: Statement, then: Statement) -> tuple[int, list[Flip]]:
    """How many classifications two statements of one sample tell, and those that they tell otherwise."""
    before, after = ({one.id: one for one in said.findings} for said in (signed, then))
    return len(before | after), list(_between(signed.case.sample, before, after))


def _between(sample: str, before: dict[str, StatedFinding], after: dict[str, StatedFinding]) -> Iterator[Flip]:
    for finding, told in (before | after).items():
        was, becomes = (side[finding].classification if finding in side else ABSENT for side in (before, after))
        if was != becomes:
            yield Flip(sample, str(told.row["gene"] or ""), name(told.row), was, becomes)
