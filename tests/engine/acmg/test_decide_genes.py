"""Criteria by what is known of the gene and of splicing: PM1, PP2, the mechanism of PVS1, PP3, BP4 and BP7."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.acmg.combination import combine
from engine.acmg.constraint import GeneConstraint
from engine.acmg.decide import decide
from engine.acmg.facts import Missense
from engine.acmg.rule_set import rule_set
from tests.builders.acmg import TRUNCATIONS, decided, facts

HOT = Missense(harmful=(28, 30, 34, 40), harmless=(90,))
CONSTRAINED = GeneConstraint(loeuf=0.2, missense_z=3.5, release="4.1")
PROTEIN = "p.(Arg34Cys)"


def test_a_hot_spot_is_where_many_alleles_harm_and_none_does_not() -> None:
    (pm1,) = decide(facts("missense_variant", protein=PROTEIN, missense=HOT))
    assert (str(pm1.criterion), pm1.source, pm1.version) == ("PM1=M", "ClinVar", "2024-12-15")
    assert "within 8 residues of residue 34 ClinVar has 4" in pm1.sentence


@pytest.mark.parametrize(
    "missense",
    [
        Missense(HOT.harmful[:3]),
        replace(HOT, harmless=(42,)),
        Missense((25, 26, 43, 44, 45)),
        Missense(),
    ],
)
def test_elsewhere_there_is_no_hot_spot(missense: Missense) -> None:
    assert decided("missense_variant", protein=PROTEIN, missense=missense) == []


def test_of_a_truncation_a_hot_spot_says_nothing() -> None:
    assert decided("stop_gained", protein="p.(Arg34Ter)", missense=HOT, constraint=CONSTRAINED) == []


@pytest.mark.parametrize(
    ("gene", "protein", "expected"),
    [
        ("TP53", "p.(Arg175His)", ["PM1=M"]),
        ("TP53", "p.(Arg176His)", []),
        ("RYR1", "p.(Arg552Trp)", ["PM1=M"]),
        ("RYR1", "p.(Arg4700Trp)", ["PM1=P"]),
        ("RUNX1", "p.(Arg107Cys)", ["PM1=M"]),
        ("RUNX1", "p.(Arg108Cys)", ["PM1=P"]),
        ("BRCA1", "p.(Arg34Cys)", []),
    ],
)
def test_where_a_panel_names_residues_its_word_holds(gene: str, protein: str, expected: list[str]) -> None:
    assert decided("missense_variant", gene=gene, protein=protein, missense=HOT) == expected


def test_every_stretch_of_a_panel_is_one() -> None:
    for gene, said in rule_set().at("genes").items():
        told = said.get("PM1", "none")
        stretches = [] if told == "none" else [one for stretch in told.values() for one in stretch]
        assert all(first <= last for first, last in stretches) and said["source"], gene


def test_pp2_needs_a_gene_that_bears_little_missense_and_falls_ill_by_it() -> None:
    spread = Missense((10, 100, 200), ())
    assert decided("missense_variant", protein=PROTEIN, missense=spread, constraint=CONSTRAINED) == ["PP2=P"]
    for missense, constraint in (
        (spread, replace(CONSTRAINED, missense_z=3.0)),
        (spread, GeneConstraint()),
        (Missense((10, 100), ()), CONSTRAINED),
        (replace(spread, harmless=(5,)), CONSTRAINED),
    ):
        assert decided("missense_variant", protein=PROTEIN, missense=missense, constraint=constraint) == []


def test_sufficient_evidence_of_dosage_shows_loss_of_function_without_truncations_in_clinvar() -> None:
    (pvs1,) = decide(facts("stop_gained", protein="p.(Arg34Ter)", constraint=GeneConstraint(haploinsufficiency=3)))
    assert str(pvs1.criterion) == "PVS1=VS" and "haploinsufficiency score is 3" in pvs1.sentence
    for score in (None, 2, 30, 40):
        known = GeneConstraint(haploinsufficiency=score)
        assert decided("stop_gained", protein="p.(Arg34Ter)", constraint=known) == []


@pytest.mark.parametrize(
    ("score", "expected"), [(0.05, ["BP4=P", "BP7=P"]), (0.15, []), (0.2, ["PP3=P"]), (None, ["BP7=P"])]
)
def test_splicing_that_is_predicted_decides_of_a_silent_change(score: float | None, expected: list[str]) -> None:
    scores = {} if score is None else {"SpliceAI": score}
    assert decided("synonymous_variant", at=2100, protein="p.(Arg134=)", splicing=scores) == expected


def test_of_a_missense_variant_the_stronger_prediction_counts_and_splicing_alone_clears_nothing() -> None:
    def missense(revel: float, splicing: float) -> list[str]:
        scores = {"predictions": {"REVEL": revel}, "splicing": {"SpliceAI": splicing}}
        return decided("missense_variant", protein=PROTEIN, **scores)

    assert missense(0.8, 0.9) == ["PP3=M"] and missense(0.1, 0.9) == ["PP3=P"]
    assert missense(0.5, 0.0) == [] and missense(0.1, 0.0) == ["BP4=M"] and missense(0.1, 0.15) == []


def test_of_a_lost_splice_site_nothing_is_predicted_beside_pvs1() -> None:
    found = decided("splice_acceptor_variant", at=1998, known=TRUNCATIONS, splicing={"SpliceAI": 0.99})
    assert found == ["PVS1=VS"]


@given(
    harmful=st.lists(st.integers(1, 80), max_size=8),
    more=st.integers(26, 42),
    score=st.floats(0, 1),
    revel=st.floats(0, 1),
)
def test_more_that_harms_never_lowers_the_class(harmful: list[int], more: int, score: float, revel: float) -> None:
    before = facts(
        "missense_variant",
        protein=PROTEIN,
        missense=Missense(tuple(harmful)),
        constraint=CONSTRAINED,
        predictions={"REVEL": revel},
        splicing={"SpliceAI": score},
    )
    after = replace(
        before,
        missense=Missense((*harmful, more)),
        splicing={"SpliceAI": (score + 1) / 2},
        predictions={"REVEL": (revel + 1) / 2},
    )
    ranks = [combine(one.criterion for one in decide(each)).by_points.rank for each in (before, after)]
    assert ranks[0] <= ranks[1]
