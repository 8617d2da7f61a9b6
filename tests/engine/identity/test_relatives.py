"""A sample beside all others of a deployment: what contradicts the sheet, and what the gate then says."""

from __future__ import annotations

import numpy as np
import pytest

from engine.identity.relatives import Comparison, Sketched, compare, measures_of
from engine.identity.sketch import pack, unpack
from engine.person import Person
from engine.quality.evaluation import evaluate
from engine.quality.thresholds import load_thresholds
from tests.engine.identity.test_relatedness import SITES, Family, Haplotypes

WIDE = np.arange(SITES, dtype=np.int64) // 80
"""Each stretch has eighty sites, as a genome's panel has them."""
NARROW = np.zeros(SITES, np.int64)


class House:
    """A deployment: two parents, their children, a stranger."""

    def __init__(self) -> None:
        self.family = Family(seed=5)
        self.father, self.mother, self.stranger = (self.family.stranger() for _ in range(3))
        self.child, self.sister = (self.family.child(self.mother, self.father) for _ in range(2))

    def sketched(self, sample: str, haplotypes: Haplotypes, **stated: str) -> Sketched:
        facts = {"subject_id": f"subject-{sample}", **stated}
        return Sketched(sample, Person(**facts), pack(self.family.genotypes(sample, haplotypes).copies))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def house() -> House:
    return House()


def said(found: Comparison) -> dict[str, str]:
    """Failed checks of the gate by name, as it words them."""
    verdicts = evaluate(load_thresholds().of("relatedness"), measures_of(found))
    return {verdict.threshold.name: str(verdict) for verdict in verdicts if not verdict.passed}


def trio(house: House, *, father: Haplotypes, mother: Haplotypes) -> tuple[Sketched, list[Sketched]]:
    child = house.sketched("child", house.child, family_id="F1", father_id="dad", mother_id="mum")
    return child, [
        house.sketched("dad", father, family_id="F1"),
        house.sketched("mum", mother, family_id="F1"),
        house.sketched("else", house.stranger),
    ]


def test_what_the_sheet_says_is_no_news(house: House) -> None:
    child, others = trio(house, father=house.father, mother=house.mother)
    found = compare(child, others, WIDE)
    assert (found.compared, found.told_of, found.parents_told, found.contradictions) == (3, 3, 2, ())
    assert not said(found)
    for one in others[:2]:
        rest = [child, *(other for other in others if other is not one)]
        assert compare(one, rest, WIDE).contradictions == ()


def test_a_wrong_parent_stops_the_gate(house: House) -> None:
    child, others = trio(house, father=house.stranger, mother=house.mother)
    told = said(compare(child, others[:2], WIDE))
    assert set(told) == {"wrong_parent"}
    assert "dad, on the sheet the father of child, is unrelated: look for a swapped tube" in told["wrong_parent"]
    assert measures_of(compare(child, others[:2], WIDE))["wrong_parents"] == ["dad"]


def test_a_swapped_trio_stops_the_gate(house: House) -> None:
    """The child's tube bears the father's name, and his the child's: his father is then no parent of hers."""
    child = house.sketched("child", house.father, family_id="F1", father_id="dad", mother_id="mum")
    others = [
        house.sketched("dad", house.child, family_id="F1"),
        house.sketched("mum", house.mother, family_id="F1"),
    ]
    told = said(compare(child, others, WIDE))
    assert "mum, on the sheet the mother of child, is unrelated" in told["wrong_parent"]


def test_in_a_small_part_of_the_genome_a_parent_is_excluded_and_nobody_recognised(house: House) -> None:
    child, others = trio(house, father=house.stranger, mother=house.mother)
    again = house.sketched("again", house.child)
    found = compare(child, [*others, again], NARROW)
    assert (found.told_of, found.parents_told) == (0, 2)
    assert [(one.trouble, one.other) for one in found.contradictions] == [("wrong_parent", "dad")]


def test_a_sample_given_twice_stops_the_gate(house: House) -> None:
    first, again = house.sketched("S1", house.child), house.sketched("S2", house.child)
    told = said(compare(again, [first], WIDE))
    assert set(told) == {"one_person_twice"}
    assert "S2 and S1 are one person or twins, and the sheet names two subjects" in told["one_person_twice"]
    assert "withdraw the wrong sample" in told["one_person_twice"]
    same = house.sketched("S3", house.child, subject_id="subject-S1")
    assert compare(same, [first], WIDE).contradictions == ()


def test_two_persons_under_one_subject_stop_the_gate(house: House) -> None:
    first = house.sketched("S1", house.child)
    other = house.sketched("S2", house.stranger, subject_id="subject-S1")
    assert set(said(compare(other, [first], WIDE))) == {"two_persons"}


def test_a_relative_of_another_family_is_told_and_does_not_stop(house: House) -> None:
    one, sister = house.sketched("S1", house.child), house.sketched("S2", house.sister, family_id="F2")
    found = compare(sister, [one], WIDE)
    assert "S2 and S1 are siblings" in said(found)["undeclared_relative"]
    verdicts = evaluate(load_thresholds().of("relatedness"), measures_of(found))
    assert not any(verdict.blocks for verdict in verdicts)


def test_a_sketch_keeps_the_genotypes() -> None:
    copies = np.random.default_rng(1).integers(-1, 3, 1_003).astype(np.int8)
    assert unpack(pack(copies), copies.size).tolist() == copies.tolist()
