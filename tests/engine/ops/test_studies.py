"""A study's cohort selected among a family that has come to its end: from HPO, gene model, ClinVar and calls."""

from __future__ import annotations

import pytest

from engine.cohort.study import StudyError, define
from engine.ops.studies import ASSET, MEMBERS, look, refresh
from tests.engine.ops.conftest import CHILD, FATHER, Family

CENTRAL, INSIPIDUS, ENDOCRINE, SEIZURE = "HP:0000863", "HP:0000873", "HP:0000818", "HP:0001250"
"""Central diabetes insipidus, which father and child have; what it is a kind of, and that again; another sign."""


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, {FATHER, CHILD}),
        ({"genes": ["AVP"], "classes": ["pathogenic", "likely_pathogenic"]}, {FATHER, CHILD}),
        ({"genes": ["AVP"]}, {FATHER, CHILD}),
        ({"genes": ["AVP"], "zygosities": ["hom"]}, set()),
        ({"classes": ["pathogenic"], "zygosities": ["het"], "sexes": ["male"]}, {FATHER}),
    ],
)
def test_who_agreed_and_carries_it_is_found(family: Family, criteria: dict[str, list[str]], expected: set[str]) -> None:
    selection, versions = look(family.resources, define("family", "HMB", **criteria))
    assert set(selection.members) == expected, selection.steps
    assert {"calls", "samples", "measures", "persons"} <= set(versions)
    assert ("clinvar" in versions) == ("classes" in criteria)


@pytest.mark.parametrize("term", [CENTRAL, INSIPIDUS, ENDOCRINE])
def test_a_sign_is_asked_for_with_its_kinds(family: Family, term: str) -> None:
    resources = family.resources
    assert {CENTRAL} == {CENTRAL}.intersection(resources.registry.sample(CHILD).person.phenotype)
    found, versions = look(resources, define("x", "HMB", phenotypes=[term, SEIZURE]))
    assert set(found.members) == {FATHER, CHILD} and "phenotypes" in versions
    assert look(resources, define("x", "HMB", without=[term]))[0].members == ()
    assert look(resources, define("x", "HMB", phenotypes=[SEIZURE]))[0].members == ()


def test_a_sign_that_is_not_known_is_refused(family: Family) -> None:
    with pytest.raises(StudyError, match="has no sign HP:9999999"):
        look(family.resources, define("x", "HMB", phenotypes=["HP:9999999"]))


def test_a_gene_that_is_not_known_is_refused(family: Family) -> None:
    with pytest.raises(StudyError, match="no gene 'AVPP'") as caught:
        look(family.resources, define("x", "HMB", genes=["AVPP"]))
    assert "did you mean AVP?" in caught.value.remedy


def test_what_is_kept_is_published_as_a_table(family: Family) -> None:
    resources = family.resources
    selection, versions = look(resources, define("published", "HMB"))
    kept = resources.studies.keep(selection, versions, person="Dr A", reason="to be published")
    receipt, made = refresh(resources)
    assert made == [] and receipt.asset == ASSET and receipt.records == len(resources.studies.every())
    assert refresh(resources)[0] == receipt
    assert resources.studies.members(kept) == (CHILD, FATHER) and len(resources.warehouse.files(MEMBERS)) == 1
