"""What a study asks for is read as it is meant, and every criterion leaves exactly those who fulfil it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cohort.study import Candidate, StudyError, define, select
from engine.consent import ConsentError, permits
from engine.errors import ClassificationError
from engine.person import Person, Sex

TODAY = "2026-06-01"
SEIZURE, FOCAL, OTHER = "HP:0001250", "HP:0007359", "HP:0001263"


def candidate(**facts: Any) -> Candidate:
    measures = facts.pop(
        "measures", {"aligned_reads.mean_coverage": 30.0, "gvcf.records": 5.0, "variants.records": 9.0}
    )
    return Candidate(Person("P", **{"research_consent": ("HMB",), **facts}), measures)


EVERYBODY = {
    "boy": candidate(sex=Sex.MALE, phenotype=(FOCAL,), ancestry="eur"),
    "girl": candidate(sex=Sex.FEMALE, phenotype=(SEIZURE, OTHER), ancestry="AFR"),
    "healthy": candidate(),
    "shallow": candidate(measures={"aligned_reads.mean_coverage": 9.5}),
    "unmeasured": candidate(measures={}),
    "asked nobody": candidate(research_consent=()),
}
AGREED = ["boy", "girl", "healthy", "shallow", "unmeasured"]


@pytest.mark.parametrize(
    ("criteria", "members"),
    [
        ({}, AGREED),
        ({"sexes": ["Female"]}, ["girl"]),
        ({"sexes": ["female", "male"]}, ["boy", "girl"]),
        ({"ancestries": ["EUR"]}, ["boy"]),
        ({"phenotypes": [SEIZURE]}, ["boy", "girl"]),
        ({"phenotypes": [FOCAL]}, ["boy"]),
        ({"without": [SEIZURE]}, ["healthy", "shallow", "unmeasured"]),
        ({"phenotypes": [SEIZURE], "without": [OTHER]}, ["boy"]),
        ({"quality": ["mean_coverage>=9.5"]}, ["boy", "girl", "healthy", "shallow"]),
        ({"quality": ["aligned_reads.mean_coverage > 9.5"]}, ["boy", "girl", "healthy"]),
        ({"genes": ["pank2"]}, ["girl", "healthy"]),
        ({"genes": ["pank2"], "sexes": ["unknown"]}, ["healthy"]),
    ],
)
def test_each_criterion_leaves_those_who_fulfil_it(criteria: dict[str, list[str]], members: list[str]) -> None:
    asked = define("study", "hmb", **criteria)
    carriers = ("girl", "healthy", "asked nobody")
    found = select(asked, EVERYBODY, on=TODAY, kinds={SEIZURE: {SEIZURE, FOCAL}}, carriers=carriers)
    assert list(found.members) == members
    assert [step.left for step in found.steps][:2] == [len(EVERYBODY), len(AGREED)]
    assert found.steps[-1].left == len(members) and len(found.steps) == 2 + sum(map(len, asked.criteria.items())) // 2


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ({"phenotypes": ["seizures"]}, "'seizures' cannot be asked for"),
        ({"sexes": ["woman"]}, "write one of female, male, unknown"),
        ({"variants": ["20-5-C"]}, "is no allele"),
        ({"variants": ["20-5-C-C"]}, "is no allele"),
        ({"variants": ["20-0-C-T"]}, "is no allele"),
        ({"zygosities": ["hom"]}, "a zygosity is asked for of no allele"),
        ({"variants": ["20-5-C-T"], "zygosities": ["biallelic"]}, "biallelic is asked for in no gene"),
        ({"quality": ["good"]}, "'good' cannot be asked for"),
        ({"quality": ["records>3"]}, "write one of these measures: gvcf.records, variants.records"),
        ({"quality": ["deph>3"]}, "'deph' is measured of no sample"),
    ],
)
def test_what_has_no_meaning_is_refused(criteria: dict[str, list[str]], told: str) -> None:
    with pytest.raises(StudyError) as caught:
        select(define("study", "HMB", **criteria), EVERYBODY, on=TODAY)
    assert told in str(caught.value)


def test_a_name_a_purpose_and_a_class_are_read_too() -> None:
    with pytest.raises(StudyError, match="cannot be the name of a cohort"):
        define("../Epilepsy", "HMB")
    with pytest.raises(ConsentError, match="'science' is no purpose of research"):
        define("study", "science")
    with pytest.raises(ClassificationError):
        define("study", "HMB", classes=["bad"])


def test_the_order_in_which_values_are_given_makes_no_other_definition() -> None:
    one = define("study", "GRU", genes=["tp53", "PANK2"], variants=["chrM-5-c-t", "20-7-A-AT"], classes=["LP", "p"])
    other = define("study", "gru", genes=["PANK2", "TP53"], variants=["20-7-A-AT", "MT-5-C-T"], classes=["P", "lp"])
    assert one == other and one.digest == other.digest
    assert one.digest != define("study", "HMB", **one.criteria).digest


@pytest.mark.parametrize(
    ("consent", "purpose", "holds"),
    [
        ("NRES", "GRU", True),
        ("GRU", "HMB", True),
        ("GRU", "NRES", False),
        ("HMB", "GRU", False),
        ("HMB", "DS:MONDO:0005027", True),
        ("DS:MONDO:0005027", "DS:MONDO:0005027", True),
        ("DS:MONDO:0005027", "DS:MONDO:0005028", False),
        ("DS:MONDO:0005027", "HMB", False),
        ("HMB 2026-06-01", "HMB", True),
        ("HMB 2026-06-02", "HMB", False),
        ("HMB 2025-01-01/2026-06-01", "HMB", True),
        ("HMB 2025-01-01/2026-05-31", "HMB", False),
    ],
)
def test_a_consent_covers_its_purpose_and_narrower_ones_while_it_holds(consent: str, purpose: str, holds: bool) -> None:
    assert permits((consent,), purpose, TODAY) is holds
    assert permits(("DS:MONDO:0000001", consent), purpose, TODAY) is holds
