"""What a report says beside the findings: whose sample, ordered and examined by whom, and what was looked at.

Identity is optional: without it the bundle names the person by pseudonym only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine.errors import ReportError
from engine.person import Identity, Person

TOLD_OF_THE_PERSON = (
    *("subject_id", "sex", "order_id", "phenotype"),
    *("ordered_genes", "panel", "secondary_findings_consent"),
)
"""Fields of :class:`engine.person.Person` that a report tells of or depends on; a change of another amends nothing."""

Status = Literal["preliminary", "final", "amended", "corrected"]


@dataclass(frozen=True)
class Laboratory:
    """Who answers for the report.

    Attributes:
        name: of the laboratory.
        system: URI below which its identifiers are unique; ids of resources derive from it, so it never changes.
    """

    name: str = "Genomics laboratory"
    system: str = "https://laboratory.invalid/genomics"


@dataclass(frozen=True)
class Clinician:
    """Who signs the report.

    Attributes:
        id: identifier within the laboratory.
        name: as it is to be shown.
    """

    id: str
    name: str


@dataclass(frozen=True)
class Gene:
    """A gene that was looked at; the HGNC id is absent where it is not known."""

    symbol: str
    hgnc_id: str | None = None


@dataclass(frozen=True)
class Regions:
    """What was looked at, and how well.

    Attributes:
        description: in words, such as ``5 intervals, 202,000 bases``.
        studied: genes within the targets; empty where they are too many to list.
        uncalled: genes with target bases that could not be called.
        uncalled_bases: target bases that could not be called, absent where that was not measured.
        mean_coverage: mean depth over the targets, absent where not measured.
        fraction_20x: share of target bases covered 20 times or more, absent where not measured.
    """

    description: str
    studied: tuple[Gene, ...] = ()
    uncalled: tuple[Gene, ...] = ()
    uncalled_bases: int | None = None
    mean_coverage: float | None = None
    fraction_20x: float | None = None


@dataclass(frozen=True)
class CaseFacts:
    """One sample's case.

    Attributes:
        sample: sample id.
        person: whose it is, by pseudonyms, with what the order says.
        regions: what was looked at.
        overridden_checks: in words, the quality checks that failed and that a person let pass all the same.
        identity: who the person is, absent in a pseudonymous bundle.
        laboratory: who answers for the report.
        interpreter: who signs it, absent while nobody has.
        status: of report and observations.
        collected: when the specimen was taken, ISO 8601, absent where not known.
    """

    sample: str
    person: Person
    regions: Regions
    overridden_checks: tuple[str, ...] = ()
    identity: Identity | None = None
    laboratory: Laboratory = field(default_factory=Laboratory)
    interpreter: Clinician | None = None
    status: Status = "preliminary"
    collected: str | None = None

    def __post_init__(self) -> None:
        if self.identity and self.identity.subject_id != self.person.subject_id:
            raise ReportError(
                f"the identity is that of subject {self.identity.subject_id!r}, the report is about "
                f"{self.person.subject_id!r}",
                sample=self.sample,
                remedy="look up the identity of the sample's own subject",
            )
