"""Which conditions a variant causes, and how they are inherited."""

from typing import Any

import pytest

from engine.classify.inheritance import Condition, conditions_of
from engine.phenotype.conditions import GeneCondition
from tests.builders.annotated import known_phenotypes

MIXED = {
    "G": (
        GeneCondition("OMIM:100000", "Recessive", "AR"),
        GeneCondition("OMIM:200000", "Dominant", "AD"),
        GeneCondition("ORPHA:7", "Not stated", "unknown"),
    )
}
ALIKE = {"G": (GeneCondition("OMIM:100000", "One", "AR"), GeneCondition("ORPHA:7", "Another", "AR"))}


@pytest.mark.parametrize("ids", ["OMIM:100000", "MedGen:C1,OMIM:100000", "MONDO:MONDO:0000001,OMIM:100000"])
def test_the_number_that_clinvar_gives_tells_the_condition(ids: str) -> None:
    (told,) = conditions_of("G", ["As ClinVar writes it"], [ids], MIXED)
    assert (told.name, told.omim, told.inheritance) == ("As ClinVar writes it", "OMIM:100000", "AR")


def test_orphanets_number_tells_it_too() -> None:
    (told,) = conditions_of("G", ["X"], ["Orphanet:7"], ALIKE)
    assert (told.orphanet, told.inheritance) == ("ORPHA:7", "AR")


def test_a_condition_of_which_the_gene_is_not_known_takes_no_mode_of_another() -> None:
    (told,) = conditions_of("G", ["X"], ["OMIM:300000"], MIXED)
    assert told == Condition("X", None, "OMIM:300000", None, "unknown")


def test_where_all_are_inherited_alike_it_does_not_matter_which_is_meant() -> None:
    assert [one.inheritance for one in conditions_of("G", ["X"], ["OMIM:300000"], ALIKE)] == ["AR", "AR"]


def test_a_variant_that_clinvar_does_not_know_may_cause_any_of_the_genes_conditions() -> None:
    told = conditions_of("G", [], [], MIXED)
    assert [(one.name, one.omim, one.inheritance) for one in told] == [
        ("Recessive", "OMIM:100000", "AR"),
        ("Dominant", "OMIM:200000", "AD"),
    ]


@pytest.mark.parametrize(
    ("gene", "mode"),
    [("PANK2", "AR"), ("AVP", "AD"), ("JAG1", "AD"), ("DMD", "XL"), ("OTC", "XL"), ("MT-ND1", "MT"), ("GJB1", "XL")],
)
def test_the_packaged_release_knows_how_genes_are_inherited(gene: str, mode: str) -> None:
    from engine.phenotype.conditions import read_conditions

    known: Any = read_conditions(known_phenotypes(), {gene})
    assert mode in {one.inheritance for one in conditions_of(gene, [], [], known)}


def test_a_gene_that_hpo_lacks_has_what_the_list_of_secondary_findings_states() -> None:
    assert {one.inheritance for one in conditions_of("BRCA2", [], [], {})} == {"AD"}
