"""Codes and strengths of the ACMG/AMP criteria."""

import pytest

from engine.acmg.criteria import CODES, Criterion, Strength, own_strength, parse_criteria
from engine.errors import ClassificationError


@pytest.mark.parametrize(
    ("code", "strength"), [("PVS1", "VS"), ("PS4", "S"), ("PM6", "M"), ("PP5", "P"), ("BA1", "A"), ("BP7", "P")]
)
def test_a_code_alone_has_the_strength_in_its_name(code: str, strength: str) -> None:
    assert own_strength(code) == strength and parse_criteria(code) == (Criterion(code, Strength(strength)),)


def test_every_code_of_the_guidelines_is_known_and_no_other() -> None:
    assert len(CODES) == len(set(CODES)) == 28
    assert sum(Criterion(code, own_strength(code)).is_benign for code in CODES) == 12


@pytest.mark.parametrize("text", ["PVS1;PM2=P", "PVS1=VS, PM2=P", " PVS1 ,, PM2 = P ;"])
def test_criteria_are_read_as_people_write_them(text: str) -> None:
    assert [str(criterion) for criterion in parse_criteria(text)] == ["PVS1=VS", "PM2=P"]


def test_no_text_is_no_criterion() -> None:
    assert parse_criteria("") == parse_criteria(" ; ") == ()


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("PSV1", "'PSV1' is no ACMG/AMP criterion", "PVS1"),
        ("pvs1", "'pvs1' is no ACMG/AMP criterion", "write PVS1"),
        ("benign", "is no ACMG/AMP criterion", "write one of PVS1, PS1"),
        ("PM2=Q", "'Q' in 'PM2=Q' is no strength", "P (supporting)"),
        ("PM2=", "'' in 'PM2=' is no strength", "P (supporting)"),
        ("PVS1=A", "only evidence for a benign variant stands alone", "write VS"),
        ("PM2;PM2=P", "PM2 is given more than once", "once"),
    ],
)
def test_what_has_no_meaning_is_refused_with_what_to_write(text: str, problem: str, remedy: str) -> None:
    with pytest.raises(ClassificationError) as refused:
        parse_criteria(text)
    assert problem in refused.value.problem and remedy in refused.value.remedy
