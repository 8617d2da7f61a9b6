"""PP1: chances counted by hand, and the limits of Jarvik and Browning 2016."""

from __future__ import annotations

import pytest

from engine.acmg.cosegregation import LARGEST, Relative, Segregation, cosegregates, segregation
from engine.errors import ClassificationError

ILL, WELL = True, False


def child(name: str, affected: bool | None = ILL, carries: bool | None = True) -> Relative:
    return Relative(name, "father", "mother", affected, carries)


PARENTS = [Relative("father"), Relative("mother")]


@pytest.mark.parametrize(("siblings", "met"), [(2, None), (3, "PP1=P"), (4, "PP1=M"), (5, "PP1=S"), (9, "PP1=S")])
def test_each_ill_sibling_who_carries_it_halves_the_chance(siblings: int, met: str | None) -> None:
    family = [*PARENTS, child("proband"), *(child(f"sibling {number}") for number in range(siblings))]
    told = segregation(family, "proband")
    assert told.chance == 0.5**siblings and len(told.counted) == siblings
    assert str(cosegregates([told]) or "") == (met or "")


def test_cousins_share_it_by_chance_once_in_eight() -> None:
    family = [
        Relative("grandfather"), Relative("grandmother"), *PARENTS[:1], Relative("aunt's husband"),
        Relative("mother", "grandfather", "grandmother"), Relative("aunt", "grandfather", "grandmother"),
        child("proband"), Relative("cousin", "aunt's husband", "aunt", ILL, True),
    ]  # fmt: skip
    assert segregation(family, "proband").chance == 0.125
    assert segregation(list(reversed(family)), "proband").chance == 0.125


def test_a_parent_who_is_ill_and_carries_it_gives_a_half_and_one_known_without_it_no_more() -> None:
    ill = [Relative("father"), Relative("mother", affected=ILL, carries=True), child("proband")]
    assert segregation(ill, "proband").chance == 0.5
    well = [Relative("father", affected=WELL, carries=False), ill[1], child("proband")]
    assert segregation(well, "proband").chance == 1, "that it came from her was known before"


def test_who_is_well_counts_neither_for_nor_against_it() -> None:
    family = [*PARENTS, child("proband"), child("brother"), child("sister", WELL, True), child("another", WELL, False)]
    told = segregation(family, "proband")
    assert (told.chance, told.counted, told.well) == (0.5, ("brother",), ("sister",))


def test_an_ill_relative_without_it_speaks_against_it_and_one_of_unknown_genotype_says_nothing() -> None:
    siblings = [child(f"sibling {number}") for number in range(5)]
    family = [*PARENTS, child("proband"), *siblings, child("unknown", ILL, None)]
    told = segregation(family, "proband")
    assert told.unknown == ("unknown",) and str(cosegregates([told])) == "PP1=S"
    against = segregation([*family, child("without", ILL, False)], "proband")
    assert against.lacking == ("without",) and cosegregates([against]) is None


def test_two_families_say_more_than_one_of_the_same_chance() -> None:
    one = Segregation("a", ("b", "c"), (), (), (), 0.25)
    nobody = Segregation("d", (), (), (), (), 1.0)
    halves = [Segregation(name, ("b",), (), (), (), 0.5) for name in "ab"]
    assert cosegregates([one]) is None and cosegregates([one, nobody]) is None
    assert str(cosegregates(halves)) == "PP1=P"
    assert str(cosegregates([one, halves[0]])) == "PP1=M"


def test_a_large_family_is_gone_through_at_once() -> None:
    line = [Relative("f0"), Relative("m0")]
    for number in range(1, LARGEST // 2):
        line += [Relative(f"f{number}"), Relative(f"m{number}", f"f{number - 1}", f"m{number - 1}")]
    line[-1] = Relative(line[-1].name, line[-1].father, line[-1].mother, ILL, True)
    line[1] = Relative("m0", affected=ILL, carries=True)
    last = segregation(line, line[-1].name)
    assert last.chance == pytest.approx(0.5 ** (LARGEST // 2 - 1), rel=0.01)


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ([*PARENTS], "not in the family"),
        ([*PARENTS, child("proband", WELL)], "not known to be ill"),
        ([*PARENTS, child("proband", None)], "not known to be ill"),
        ([*PARENTS, child("proband", carries=None)], "not known to carry it"),
        ([*PARENTS, child("proband"), child("proband")], "there twice"),
        ([child("proband")], r"parents are missing \(father, mother\)"),
        ([Relative("father", "proband"), PARENTS[1], child("proband")], "own ancestor"),
        ([*PARENTS, child("proband"), Relative("stranger", affected=ILL, carries=True)], "no founder"),
        ([*PARENTS, child("proband"), *(Relative(str(one)) for one in range(LARGEST))], "too many"),
    ],
)
def test_a_family_that_cannot_be_is_refused(family: list[Relative], told: str) -> None:
    with pytest.raises(ClassificationError, match=told):
        segregation(family, "proband")
