"""Criteria add up to the class that points and the rules of 2015 give."""

import csv
import gzip
import itertools
import random
from pathlib import Path

import pytest

from engine.acmg.combination import Classification, VariantClass, combine
from engine.acmg.criteria import CODES, Criterion, Strength, parse_criteria

MADE_UP = 4_000
"""Sets of criteria drawn at random to show that more evidence never turns a class the other way."""


def classified(text: str) -> Classification:
    return combine(parse_criteria(text))


@pytest.mark.parametrize(
    ("criteria", "points", "by_points", "by_rules"),
    [
        ("", 0, "Uncertain Significance", "Uncertain Significance"),
        ("PVS1", 8, "Likely Pathogenic", "Uncertain Significance"),
        ("PVS1;PM2", 10, "Pathogenic", "Likely Pathogenic"),
        ("PVS1;PM2=P", 9, "Likely Pathogenic", "Uncertain Significance"),
        ("PVS1;PM2;PP3", 11, "Pathogenic", "Pathogenic"),
        ("PVS1;PP1;PP3", 10, "Pathogenic", "Pathogenic"),
        ("PS1;PS3", 8, "Likely Pathogenic", "Pathogenic"),
        ("PS1;PM1", 6, "Likely Pathogenic", "Likely Pathogenic"),
        ("PS1;PP1;PP3", 6, "Likely Pathogenic", "Likely Pathogenic"),
        ("PS1;PM1;PM2;PM5", 10, "Pathogenic", "Pathogenic"),
        ("PM1;PM2;PM5", 6, "Likely Pathogenic", "Likely Pathogenic"),
        ("PM1;PP1;PP2;PP3;PP4", 6, "Likely Pathogenic", "Likely Pathogenic"),
        ("PM1;PP1;PP2;PP3", 5, "Uncertain Significance", "Uncertain Significance"),
        ("BA1;PVS1;PS1", None, "Benign", "Uncertain Significance"),
        ("BA1", None, "Benign", "Benign"),
        ("BS1;BS2", -8, "Benign", "Benign"),
        ("BS1", -4, "Likely Benign", "Uncertain Significance"),
        ("BS1;BP4", -5, "Likely Benign", "Likely Benign"),
        ("BP4;BP7", -2, "Likely Benign", "Likely Benign"),
        ("BP4", -1, "Likely Benign", "Uncertain Significance"),
        ("PS1;PM1;BP4;BP7", 4, "Uncertain Significance", "Uncertain Significance"),
    ],
)
def test_points_and_rules_side_by_side(criteria: str, points: int | None, by_points: str, by_rules: str) -> None:
    told = classified(criteria)
    assert (told.points, told.by_points, told.by_rules) == (points, by_points, by_rules)


def test_very_strong_evidence_for_a_benign_variant_is_at_least_strong() -> None:
    assert classified("BS1=VS;BP4").by_rules is VariantClass.LIKELY_BENIGN
    assert classified("BS1=VS;BS2").by_rules is VariantClass.BENIGN


def test_more_evidence_never_turns_the_class_the_other_way() -> None:
    choose = random.Random(14)
    for _ in range(MADE_UP):
        codes = choose.sample(CODES, choose.randrange(1, 9))
        *before, added = [Criterion(code, choose.choice(_strengths(code))) for code in codes]
        less, more = combine(before), combine([*before, added])
        for one, other in ((less.by_points, more.by_points), (less.by_rules, more.by_rules)):
            assert (other.rank <= one.rank) if added.is_benign else (other.rank >= one.rank), (before, added)


def test_stronger_evidence_for_pathogenicity_never_lowers_the_class() -> None:
    choose = random.Random(15)
    for _ in range(MADE_UP):
        codes = choose.sample(CODES[:16], choose.randrange(1, 9))
        *others, code = codes
        rest = [Criterion(other, choose.choice(_strengths(other))) for other in others]
        told = [combine([*rest, Criterion(code, strength)]) for strength in ("P", "M", "S", "VS")]  # type: ignore[arg-type]
        for weaker, stronger in itertools.pairwise(told):
            assert weaker.by_points.rank <= stronger.by_points.rank and weaker.by_rules.rank <= stronger.by_rules.rank


def _strengths(code: str) -> list[Strength]:
    return [strength for strength in Strength if code.startswith("B") or strength is not Strength.STAND_ALONE]


def test_the_experts_codes_give_the_experts_class(shared_data: Path) -> None:
    """As often as every correct combiner: 6,405 and 6,203 of 6,768 (shared/data/clingen_expert_panel)."""
    with gzip.open(shared_data / "clingen_expert_panel" / "clingen_expert_panel.tsv.gz", "rt") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    told = [(row, classified(row["met"])) for row in rows]
    assert len(told) == 6_768
    assert sum(made.by_points == row["expert_class"] for row, made in told) == 6_405
    assert sum(made.by_rules == row["expert_class"] for row, made in told) == 6_203
    assert all((made.by_points, made.by_rules) == (row["points_class"], row["rules2015_class"]) for row, made in told)
