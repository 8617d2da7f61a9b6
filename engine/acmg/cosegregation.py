"""PP1: whether a variant is passed on with a dominant disease in families, and how likely that is by chance.

Source: Jarvik and Browning 2016 (10.1016/j.ajhg.2016.04.003): the chance that every affected relative carries the
variant, given that the proband does, if it has nothing to do with the disease. The variant came into the family once,
with one of the founders, each as likely; who inherits it from a carrier does so with one half. Counted are affected
relatives whose genotype is certain. Those who are well count neither for nor against it, since not everybody who
carries a variant falls ill; what is known of their genotypes is taken as given, which makes chance the likelier.

>>> family = [Relative("grandfather"), Relative("grandmother"),
...           Relative("aunt", "grandfather", "grandmother", True, True),
...           Relative("mother", "grandfather", "grandmother"), Relative("father"),
...           Relative("child", "father", "mother", True, True)]
>>> segregation(family, "child").chance
0.25
>>> family[3] = Relative("mother", "grandfather", "grandmother", False, True)  # it is known to come from her
>>> segregation(family, "child").chance
0.5
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Final

from engine.acmg.criteria import Criterion, Strength
from engine.acmg.rule_set import RuleSet, rule_set
from engine.errors import ClassificationError

LARGEST: Final = 60
"""People of a family at most: the ways in which a variant can run through it are gone through one by one."""
_INHERITED = (0.0, 0.5, 0.75)
"""Chance to carry it by how many of the parents do."""


@dataclass(frozen=True)
class Relative:
    """Somebody of a family.

    Attributes:
        name: as the calls name him or her.
        father: his or her name, absent of founders.
        mother: the same.
        affected: whether he or she has the disease; absent where it is not known.
        carries: whether he or she has the variant; absent where it is not known.
    """

    name: str
    father: str | None = None
    mother: str | None = None
    affected: bool | None = None
    carries: bool | None = None


@dataclass(frozen=True)
class Segregation:
    """How a variant runs through one family.

    Attributes:
        proband: by whom the family was found.
        counted: affected relatives who carry it.
        lacking: affected relatives who do not: evidence against it.
        unknown: affected relatives of whom it is not known.
        well: carriers who are not ill.
        chance: that the counted all carry it by chance, given that the proband does; 1 where nobody is counted.
    """

    proband: str
    counted: tuple[str, ...]
    lacking: tuple[str, ...]
    unknown: tuple[str, ...]
    well: tuple[str, ...]
    chance: float


def segregation(family: Sequence[Relative], proband: str) -> Segregation:
    """Count affected relatives of a family, and how likely it is by chance that they carry the variant.

    Args:
        family: in any order, everybody through whom the relatives are related among them.
        proband: name of the person by whom the family was found, who is ill and carries it.

    Raises:
        ClassificationError: the proband is missing, not ill or no carrier; somebody is there twice or his or her own
            ancestor; a parent is missing; or no single founder can have brought the variant in.
    """
    people = _by_name(family)
    first = people.get(proband)
    if first is None or not (first.affected and first.carries):
        ill = "is not known to carry it" if first and first.affected else "is not known to be ill"
        raise ClassificationError(
            f"the proband {proband!r} {ill if first else 'is not in the family'}",
            remedy="name somebody of the family who has the disease and carries the variant",
        )
    others = [one for one in people.values() if one.affected and one.name != proband]
    counted = tuple(one.name for one in others if one.carries)
    lacking = tuple(one.name for one in others if one.carries is False)
    given = {one.name: one.carries for one in people.values() if one.carries is not None and not one.affected}
    given[proband] = True
    all_of_them = given | dict.fromkeys(counted, True)
    founders = [one.name for one in people.values() if one.father is None and one.mother is None]
    before = sum(_chance(people, founder, given) for founder in founders)
    if not before or not (together := sum(_chance(people, founder, all_of_them) for founder in founders)):
        raise ClassificationError(
            "no founder of the family can have passed the variant on to all who carry it",
            remedy="correct the pedigree, or add the relatives through whom they are related",
        )
    return Segregation(
        proband,
        counted,
        lacking,
        tuple(one.name for one in others if one.carries is None),
        tuple(one.name for one in people.values() if one.carries and one.affected is False),
        together / before,
    )


def _by_name(family: Sequence[Relative]) -> dict[str, Relative]:
    """The people, parents before their children."""
    waiting = {one.name: one for one in family}
    if len(waiting) < len(family):
        raise _wrong("somebody is there twice")
    if missing := {parent for one in family for parent in (one.father, one.mother) if parent} - set(waiting):
        raise _wrong(f"parents are missing ({', '.join(sorted(missing))})")
    if len(family) > LARGEST:
        raise _wrong(f"{len(family)} people are too many: {LARGEST} can be looked at")
    ordered: dict[str, Relative] = {}
    while waiting:
        ready = [one for one in waiting.values() if {one.father, one.mother} <= {None, *ordered}]
        if not ready:
            raise _wrong(f"somebody is his or her own ancestor ({', '.join(sorted(waiting))})")
        ordered |= {one.name: waiting.pop(one.name) for one in ready}
    return ordered


def _wrong(what: str) -> ClassificationError:
    return ClassificationError(
        f"of the family {what}", remedy="correct the pedigree: everybody once, with both parents"
    )


def _chance(people: Mapping[str, Relative], founder: str, known: Mapping[str, bool | None]) -> float:
    """That all who are known are as they are, if one founder brought the variant in."""
    order = list(people.values())
    needed = {parent: place for place, one in enumerate(order) for parent in (one.father, one.mother)}

    @cache
    def on(place: int, carriers: frozenset[str | None]) -> float:
        """That those from a place on are as they are; carriers are those before it who have children there."""
        if place == len(order):
            return 1.0
        one, said = order[place], known.get(order[place].name)
        parents = sum(parent in carriers for parent in (one.father, one.mother))
        inherits = 1.0 if one.name == founder else _INHERITED[parents]
        chance = 0.0
        for carries, share in ((True, inherits), (False, 1 - inherits)):
            if share and said in (None, carries):
                those = carriers | {one.name} if carries else carriers
                chance += share * on(place + 1, frozenset(name for name in those if needed.get(name, -1) > place))
        return chance

    return on(0, frozenset())


def cosegregates(families: Sequence[Segregation], rules: RuleSet | None = None) -> Criterion | None:
    """PP1 at the strength that the families together give; absent where they give none.

    An affected relative who lacks the variant speaks against it, and PP1 is not met: what that means (BS4, or a disease
    of another cause) a person decides.

    Args:
        families: each once, by one proband; by two of them its chance would count twice.
        rules: the rule set, ours by default.
    """
    rules = rules or rule_set()
    if any(one.lacking for one in families):
        return None
    chance = prod(one.chance for one in families)
    told = sum(bool(one.counted) for one in families)
    limits: Mapping[str, float] = rules.at("PP1", "one_family" if told < 2 else "several_families")
    met = [Strength(strength) for strength, limit in limits.items() if chance <= limit]
    return Criterion("PP1", met[-1]) if met else None
