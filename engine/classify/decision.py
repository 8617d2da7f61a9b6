"""A person's judgement of an allele, which stands above what ClinVar says and criteria add up to.

The laboratory keeps its decisions by build and allele, so that they hold for whoever carries the allele. A decision is
never changed: a later one takes its place.

>>> one = Decision("GRCh38", "20-100-A-T", "likely_pathogenic", ("PVS1=VS", "PM2=P"), "Seen in two families", "Dr A")
>>> standing({"clinvar_classification": "benign", **told_of(one)}), standing({"clinvar_classification": "benign"})
('likely_pathogenic', 'benign')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.acmg.combination import VariantClass, combine
from engine.acmg.criteria import parse_criteria
from engine.errors import ClassificationError
from engine.tables import Column

CLASSES = tuple(str(one).lower().replace(" ", "_") for one in reversed(VariantClass))
"""The five classes as tables write them, from pathogenic to benign."""
CAUSES_DISEASE = CLASSES[:2]
DECISION_COLUMNS = (
    Column("decided_class", "VARCHAR", "Class that a person of the laboratory gave the allele", values=CLASSES),
    Column("decided_criteria", "VARCHAR[]", "Criteria that the person applied, as CODE=STRENGTH"),
    Column("decided_comment", "VARCHAR", "Why, in the person's words"),
    Column("decided_by", "VARCHAR", "Who decided"),
    Column("decided_at", "VARCHAR", "When, UTC, ISO 8601"),
)
"""What a finding tells of the decision that stands; absent without one."""


@dataclass(frozen=True)
class Decision:
    """What a person decided of an allele.

    Attributes:
        build: ``GRCh37`` or ``GRCh38``.
        allele: ``contig-position-ref-alt``, normalised, contig without ``chr``.
        classification: one of :data:`CLASSES`.
        criteria: that the person applied, as ``CODE=STRENGTH``.
        comment: why.
        person: who decided.
        recorded: UTC time, ISO 8601.
        sample: in whose report the question came up.
        number: in the order of decisions, 0 of one that is not kept yet.
        supersedes: number of the decision whose place it takes, absent for the first on the allele.
    """

    build: str
    allele: str
    classification: str
    criteria: tuple[str, ...]
    comment: str
    person: str
    recorded: str = ""
    sample: str | None = None
    number: int = 0
    supersedes: int | None = None


def decided_class(text: str) -> str:
    """One of :data:`CLASSES` as people write it; ClassificationError where it is none.

    >>> decided_class("Likely pathogenic"), decided_class("VUS"), decided_class("lb")
    ('likely_pathogenic', 'uncertain_significance', 'likely_benign')
    """
    word = text.strip().lower().replace(" ", "_").replace("-", "_")
    word = _SHORT.get(word, word)
    if word in CLASSES:
        return word
    raise ClassificationError(f"{text!r} is no class", remedy=f"write one of {', '.join(CLASSES)}")


_SHORT = {"p": "pathogenic", "lp": "likely_pathogenic", "lb": "likely_benign", "b": "benign"} | dict.fromkeys(
    ("vus", "uncertain"), "uncertain_significance"
)


def applied(text: str) -> tuple[str, ...]:
    """Criteria as people write them, each with its strength; ClassificationError where one is none."""
    return tuple(map(str, parse_criteria(text)))


def points_class(criteria: Iterable[str]) -> str:
    """The class that criteria add up to by points, to be compared with the one that was given."""
    return str(combine(parse_criteria(";".join(criteria))).by_points).lower().replace(" ", "_")


def told_of(decision: Decision | None) -> dict[str, Any]:
    """The values of :data:`DECISION_COLUMNS`."""
    if decision is None:
        return {column.name: None for column in DECISION_COLUMNS}
    return {
        "decided_class": decision.classification,
        "decided_criteria": list(decision.criteria),
        "decided_comment": decision.comment,
        "decided_by": decision.person,
        "decided_at": decision.recorded,
    }


def standing(row: Mapping[str, Any]) -> str:
    """The class that holds: the laboratory's own, else ClinVar's; empty where neither has one."""
    return str(row.get("decided_class") or row["clinvar_classification"] or "")
