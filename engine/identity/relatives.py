"""Who of a deployment's other samples is related to a person otherwise than the sheet says.

Every other sample is compared, and only what contradicts the sheet is told: one person under two subjects, two persons
under one, a stated parent who is none, close relatives of other families. What the sheet says is no news.

A pair is told only where the sites known of both lie in :data:`LEAST_STRETCHES` stretches of a megabase: in a small
part of the genome strangers may have inherited the same, and siblings nothing alike. That somebody is *not* a parent
shows there too, by sites at which parent and child have no allele in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.identity.relatedness import Pair, Persons
from engine.identity.sketch import Sketch, unpack
from engine.person import Person
from engine.receipt import Measure

LEAST_STRETCHES: Final = 20
"""Stretches of a megabase with sites known of both, from which a relation is told."""
LEAST_KNOWN: Final = 200
"""Sites known of both, from which it is told that somebody is no parent."""
_MOST_OPPOSITE: Final = 0.01
"""Share of sites with no allele in common, which errors make of parent and child; strangers have some percent."""
_CLOSE: Final = frozenset({"same person or twin", "parent and child", "siblings"})
Trouble = Literal["one_person_twice", "two_persons", "wrong_parent", "undeclared_relative"]
TROUBLES: Final[tuple[Trouble, ...]] = ("one_person_twice", "two_persons", "wrong_parent", "undeclared_relative")


@dataclass(frozen=True)
class Sketched:
    """A sample with what the sheet says of it.

    Attributes:
        sample: sample id.
        person: as stated.
        sketch: of its genotypes.
    """

    sample: str
    person: Person
    sketch: Sketch


@dataclass(frozen=True)
class Contradiction:
    """What a comparison says against the sheet.

    Attributes:
        trouble: which kind.
        other: the other sample.
        relation: what the genotypes tell.
        kinship: the estimate, absent where it is none.
        opposite: share of sites with no allele in common.
        sites: known of both.
        told: in a sentence, with what to do.
    """

    trouble: Trouble
    other: str
    relation: str
    kinship: float | None
    opposite: float
    sites: int
    told: str


@dataclass(frozen=True)
class Comparison:
    """One sample beside all others.

    Attributes:
        compared: how many others there were.
        told_of: to how many of them a relation can be told: 0 where the sample is known in too few places.
        parents_told: of how many stated parents the genotypes say whether they are.
        contradictions: in the order of the samples.
    """

    compared: int
    told_of: int
    parents_told: int
    contradictions: tuple[Contradiction, ...]


def compare(own: Sketched, others: Sequence[Sketched], stretch: NDArray[np.int64]) -> Comparison:
    """Compare a sample with all others.

    Args:
        own: the sample.
        others: all of the same panel.
        stretch: int64[n], of each site the number of its megabase.
    """
    persons = Persons.of_sketches([other.sample for other in others], [other.sketch for other in others])
    pairs = persons.against_sketch(own.sample, own.sketch)
    judged = [_judged(own, other, pair, stretch) for other, pair in zip(others, pairs, strict=True)]
    found = [one for one, _ in judged if one]
    parents = {own.person.father_id, own.person.mother_id}
    told_parents = [told for other, (_, told) in zip(others, judged, strict=True) if other.sample in parents]
    told_of = len(others) if _stretches(own.sketch, own.sketch, stretch) >= LEAST_STRETCHES else 0
    return Comparison(len(others), told_of, sum(told_parents), tuple(found))


def _judged(
    own: Sketched, other: Sketched, pair: Pair, stretch: NDArray[np.int64]
) -> tuple[Contradiction | None, bool]:
    """What a pair says against the sheet, and whether it would have said so."""
    is_parent = other.sample in (own.person.father_id, own.person.mother_id)
    one_subject = own.person.subject_id == other.person.subject_id
    if not (is_parent or one_subject or pair.relation in _CLOSE):
        return None, False
    spread = pair.relation != "unknown" and _stretches(own.sketch, other.sketch, stretch) >= LEAST_STRETCHES
    excluded = pair.sites >= LEAST_KNOWN and pair.ibs0 > _MOST_OPPOSITE
    told = spread or (is_parent and pair.sites >= LEAST_KNOWN)
    trouble = _trouble(own, other, pair, spread=spread, excluded=excluded)
    return trouble and _contradiction(trouble, own, other, pair), told


def _trouble(own: Sketched, other: Sketched, pair: Pair, *, spread: bool, excluded: bool) -> Trouble | None:
    is_parent = other.sample in (own.person.father_id, own.person.mother_id)
    one_subject = own.person.subject_id == other.person.subject_id
    same = pair.relation == "same person or twin"
    if spread and same and not one_subject:
        return "one_person_twice"
    if one_subject and (excluded or (spread and not same)):
        return "two_persons"
    if is_parent and (excluded or (spread and pair.relation != "parent and child")):
        return "wrong_parent"
    if spread and pair.relation in _CLOSE and not one_subject and not _declared_kin(own, other):
        return "undeclared_relative"
    return None


def _declared_kin(own: Sketched, other: Sketched) -> bool:
    """Whether the sheet puts both into one family, or names one as the other's parent."""
    families = {own.person.family_id, other.person.family_id}
    parents = (own.person.father_id, own.person.mother_id), (other.person.father_id, other.person.mother_id)
    return (families != {None} and len(families) == 1) or other.sample in parents[0] or own.sample in parents[1]


def _contradiction(trouble: Trouble, own: Sketched, other: Sketched, pair: Pair) -> Contradiction:
    share = f"no allele in common at {pair.ibs0:.2%} of {pair.sites:,} sites"
    kinship = "" if pair.kinship is None else f"kinship {pair.kinship:.3f}, "
    role = "father" if other.sample == own.person.father_id else "mother"
    told = {
        "one_person_twice": f"{own.sample} and {other.sample} are one person or twins, and the sheet names two "
        "subjects: find out which tube is whose, then withdraw the wrong sample or correct the sheet's subject_id",
        "two_persons": f"{own.sample} and {other.sample} are two persons, and the sheet names one subject: find out "
        "which tube is whose, then withdraw the wrong sample or correct the sheet's subject_id",
        "wrong_parent": f"{other.sample}, on the sheet the {role} of {own.sample}, is {_as_relation(pair)}: look for a "
        "swapped tube, or correct the sheet's parents",
        "undeclared_relative": f"{own.sample} and {other.sample} are {pair.relation}, and the sheet puts them into no "
        "common family: look for a swapped tube, or add the family to the sheet",
    }[trouble]
    return Contradiction(
        trouble, other.sample, pair.relation, pair.kinship, pair.ibs0, pair.sites, f"{told} ({kinship}{share})"
    )


def _as_relation(pair: Pair) -> str:
    if pair.relation in ("unknown", "parent and child"):
        return "no parent"
    if pair.relation == "unrelated":
        return "unrelated"
    return f"related as {pair.relation}"


def _stretches(one: Sketch, other: Sketch, stretch: NDArray[np.int64]) -> int:
    """In how many stretches a site is known of both."""
    known = (unpack(one, stretch.size) >= 0) & (unpack(other, stretch.size) >= 0)
    return int(np.unique(stretch[known]).size)


def measures_of(found: Comparison) -> dict[str, Measure]:
    """Figures for checks: of each kind of trouble how many there are, and what they say in words."""
    measures: dict[str, Measure] = {
        "compared_samples": found.compared,
        "told_samples": found.told_of,
        "told_parents": found.parents_told,
        "wrong_parents": [one.other for one in found.contradictions if one.trouble == "wrong_parent"],
    }
    for trouble in TROUBLES:
        told = [one.told for one in found.contradictions if one.trouble == trouble]
        measures |= {trouble: len(told), f"{trouble}_told": "; ".join(told)}
    return measures
