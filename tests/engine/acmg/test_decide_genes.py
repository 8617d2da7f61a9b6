"""Criteria by what is known of the gene and of splicing: PM1, PP2, the mechanism of PVS1, PP3, BP4 and BP7."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.acmg.combination import combine
from engine.acmg.constraint import GeneConstraint
from engine.acmg.decide import decide
from engine.acmg.facts import Known, Missense
from engine.acmg.rule_set import rule_set
from engine.annotate.edit import Edit
from tests.builders.acmg import TRANSCRIPT, TRUNCATIONS, decided, facts, known

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
        ("RUNX1", "p.(Arg107Cys)", ["PM1=S"]),
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


LATE = {"at": 3100, "protein": "p.(Arg234Ter)"}
EARLY = {"at": 1100, "protein": "p.(Arg34Ter)"}


@pytest.mark.parametrize(
    ("gene", "terms", "more", "expected"),
    [
        ("CDH1", "stop_gained", EARLY, ["PVS1=VS", "PM5=P"]),
        ("ATM", "stop_gained", EARLY, ["PVS1=VS", "PM5=P"]),
        ("RUNX1", "stop_gained", EARLY, ["PVS1=VS", "PM5=P"]),
        ("RUNX1", "stop_gained", {"at": 1097, "protein": "p.(Arg33Ter)"}, ["PVS1=VS"]),
        ("CDH1", "stop_gained", {"at": 3300, "protein": "p.(Arg837Ter)"}, ["PVS1=M"]),
        ("CDH1", "splice_donor_variant", {"at": 2302}, ["PVS1=VS", "PM5=P"]),
        ("ATM", "splice_donor_variant", {"at": 2302}, ["PVS1=VS"]),
        ("MYOC", "stop_gained", LATE, ["PM4=M"]),
        ("MYOC", "stop_gained", {"at": 3280, "protein": "p.(Arg294Ter)"}, ["PM4=P"]),
        ("MYOC", "frameshift_variant", {"at": 3100}, ["PM4=M"]),
        ("MYOC", "stop_gained", EARLY, []),
        ("FOXG1", "stop_gained", {"at": 3300, "protein": "p.(Gly469Ter)"}, ["PVS1=S"]),
        ("FOXG1", "stop_gained", {"at": 3300, "protein": "p.(Trp481Ter)"}, ["PVS1=M"]),
        ("BRCA2", "stop_gained", {"at": 3300, "protein": "p.(Lys3326Ter)"}, []),
    ],
)
def test_what_panels_say_of_truncations_holds(gene: str, terms: str, more: dict[str, Any], expected: list[str]) -> None:
    assert decided(terms, gene=gene, known=TRUNCATIONS, **more) == expected


@pytest.mark.parametrize(
    ("gene", "residue", "expected"),
    [
        ("PTEN", 92, ["PM4=M"]),
        ("PTEN", 95, []),
        ("TP53", 175, []),
        ("RUNX1", 100, ["PM4=P"]),
        ("OTHER", 175, ["PM4=M"]),
    ],
)
def test_where_a_panel_says_so_a_length_counts_in_its_residues_alone(
    gene: str, residue: int, expected: list[str]
) -> None:
    assert decided("inframe_deletion", gene=gene, protein=f"p.(Arg{residue}del)") == expected


def test_up_to_the_residue_that_a_panel_names_a_stop_counts_though_none_is_known_behind_it() -> None:
    many = tuple(known(str(number), 1000 + 20 * number, "stop_gained") for number in range(1, 12))
    stop = {"at": 3270, "protein": "p.(Arg290Ter)", "known": many}
    assert decided("stop_gained", gene="OTHER", **stop) == []
    assert decided("stop_gained", gene="FOXG1", **stop) == ["PVS1=M"]


def test_a_lost_stop_counts_everywhere() -> None:
    assert decided("stop_lost", gene="PTEN", protein="p.(Ter404CysextTer8)") == ["PM4=M"]


@pytest.mark.parametrize(
    ("gene", "stars", "pathogenic", "expected"),
    [
        ("OTHER", 2, True, ["PM5=M"]),
        ("TP53", 2, True, []),
        ("TP53", 3, True, ["PM5=M"]),
        ("TP53", 3, False, []),
        ("PAH", 2, False, []),
        ("GCK", 3, False, ["PM5=P"]),
        ("PALB2", 3, True, []),
    ],
)
def test_panels_say_what_they_compare_with(gene: str, stars: int, pathogenic: bool, expected: list[str]) -> None:
    one = known("9", 1101, "missense_variant", protein="p.(Arg34His)", stars=stars, pathogenic=pathogenic)
    assert decided("missense_variant", gene=gene, protein="p.(Arg34Cys)", known=(one,)) == expected


@pytest.mark.parametrize(
    ("gene", "score", "expected"),
    [
        ("OTHER", 0.72, ["PP3=P"]),
        ("LDLR", 0.72, []),
        ("LDLR", 0.95, ["PP3=P"]),
        ("LDLR", 0.4, ["BP4=P"]),
        ("RYR1", 0.9, ["PP3=M"]),
        ("PALB2", 0.95, []),
    ],
)
def test_the_bounds_of_a_panel_stand_before_the_general_ones(gene: str, score: float, expected: list[str]) -> None:
    protein = "p.(Arg999Cys)"
    assert decided("missense_variant", gene=gene, protein=protein, predictions={"REVEL": score}) == expected


def test_of_a_predictor_that_a_panel_has_no_word_for_the_general_bounds_hold() -> None:
    protein = "p.(Arg999Cys)"
    assert decided("missense_variant", gene="LDLR", protein=protein, predictions={"VEST4": 0.9}) == ["PP3=M"]


def test_a_g_that_ends_an_exon_counts_where_the_panel_says_so() -> None:
    last = {"gene": "CDH1", "at": 1299, "protein": "p.(Glu100=)", "known": TRUNCATIONS}
    assert decided("synonymous_variant", **last, replaced="G") == ["PVS1=M"]
    assert decided("synonymous_variant", **last, replaced="C") == []
    assert decided("synonymous_variant", **(last | {"at": 1298}), replaced="G") == []
    assert decided("synonymous_variant", **(last | {"gene": "OTHER"}), replaced="G") == []
    minus = replace(TRANSCRIPT, strand=-1)
    assert decided("synonymous_variant", **(last | {"at": 2000}), transcript=minus, replaced="C") == ["PVS1=M"]


@pytest.mark.parametrize(
    ("strand", "at", "alt", "lost"),
    [
        (1, 2302, "T", False),  # GC, as one donor in a hundred has, to GT
        (1, 2302, "A", True),
        (1, 1999, "G", False),
        (-1, 1998, "A", False),  # the donor of the exon that is read backwards
        (-1, 1998, "T", True),
    ],
)
def test_a_splice_site_that_becomes_the_usual_one_is_not_lost(strand: int, at: int, alt: str, lost: bool) -> None:
    terms = "splice_donor_variant" if (at == 2302) == (strand == 1) else "splice_acceptor_variant"
    found = decided(
        terms,
        edit=Edit(at, at + 1, alt),
        transcript=replace(TRANSCRIPT, strand=strand),
        known=TRUNCATIONS if strand == 1 else tuple(replace(one, edit=Edit(3290, 3291, "T")) for one in TRUNCATIONS),
        replaced="C",
    )
    assert bool(found) == lost


HERE = replace(known("20", 2301, "splice_donor_variant"), edit=Edit(2301, 2302, "C"))


@pytest.mark.parametrize(
    ("gene", "edit", "other", "expected"),
    [
        ("HNF1A", Edit(2302, 2303, "A"), HERE, ["PVS1=VS", "PS1=P"]),
        ("OTHER", Edit(2302, 2303, "A"), HERE, ["PVS1=VS"]),
        ("HNF1A", Edit(2302, 2303, "C"), HERE, ["PVS1=VS"]),  # a donor of GC may go on as one
        ("HNF1A", Edit(2302, 2303, "A"), replace(HERE, is_pathogenic=False), ["PVS1=VS"]),
        ("HNF1A", Edit(2302, 2303, "A"), replace(HERE, edit=Edit(1300, 1301, "C")), ["PVS1=VS"]),  # another site
        ("HNF1A", Edit(2302, 2303, ""), HERE, ["PVS1=VS"]),
    ],
)
def test_another_base_of_the_same_splice_site_is_ps1_where_the_panel_says_so(
    gene: str, edit: Edit, other: Known, expected: list[str]
) -> None:
    found = decide(facts("splice_donor_variant", gene=gene, edit=edit, known=(*TRUNCATIONS, other)))
    assert [str(one.criterion) for one in found] == expected
    if "PS1=P" in expected:
        assert found[1].record == "20" and "two bases of this splice donor" in found[1].sentence


def test_beside_weaker_loss_of_function_the_same_splice_site_counts_more_and_not_where_nothing_is_predicted() -> None:
    in_frame = replace(TRANSCRIPT, exons=((1000, 1300), (2000, 2030), (3000, 3573)), coding=(1000, 3573))
    site = {"gene": "GCK", "edit": Edit(2031, 2032, "A"), "transcript": in_frame}
    comparators = (*TRUNCATIONS, replace(HERE, edit=Edit(2030, 2031, "C")))
    assert decided("splice_donor_variant", **site, known=comparators) == ["PVS1=S", "PS1=S"]
    silent = {"splicing": {"SpliceAI": 0.0}}
    assert decided("splice_donor_variant", **site, known=comparators, **silent) == ["PVS1=S"]


def comparators(*proteins: str, pathogenic: bool = True) -> tuple[Known, ...]:
    numbered = enumerate(proteins, 30)
    return tuple(
        known(str(number), 1101, "missense_variant", protein=protein, stars=3, pathogenic=pathogenic)
        for number, protein in numbered
    )


@pytest.mark.parametrize(
    ("gene", "residue", "pathogenic", "expected"),
    [
        ("MYH7", 200, True, ["PM5=M"]),
        ("MYH7", 200, False, ["PM1=M"]),
        ("MYH7", 100, False, ["PM5=P"]),
        ("RUNX1", 107, True, ["PM1=S"]),
        ("LDLR", 110, True, ["PM1=M", "PM5=M"]),
    ],
)
def test_a_residue_is_not_counted_twice_where_the_panel_says_so(
    gene: str, residue: int, pathogenic: bool, expected: list[str]
) -> None:
    others = comparators(f"p.(Arg{residue}His)", pathogenic=pathogenic)
    assert decided("missense_variant", gene=gene, protein=f"p.(Arg{residue}Cys)", known=others) == expected


@pytest.mark.parametrize(("gene", "expected"), [("TP53", "PM5=S"), ("PAH", "PM5=M"), ("OTHER", "PM5=M")])
def test_two_pathogenic_amino_acids_at_a_residue_are_strong_where_the_panel_says_so(gene: str, expected: str) -> None:
    two = comparators("p.(Arg34His)", "p.(Arg34Gly)")
    assert decided("missense_variant", gene=gene, protein="p.(Arg34Cys)", known=two) == [expected]
    again = comparators("p.(Arg34His)", "p.(Arg34His)")
    assert decided("missense_variant", gene=gene, protein="p.(Arg34Cys)", known=again) == ["PM5=M"]


@pytest.mark.parametrize(
    ("gene", "residue", "bases", "expected"),
    [
        ("FOXG1", 70, 6, []),
        ("FOXG1", 90, 6, ["PM4=M"]),
        ("GAA", 90, 6, ["PM4=M"]),
        ("GAA", 90, 3, ["PM4=P"]),
        ("OTHER", 90, 3, ["PM4=M"]),
    ],
)
def test_a_length_counts_by_what_the_panel_says_of_its_place_and_size(
    gene: str, residue: int, bases: int, expected: list[str]
) -> None:
    protein = f"p.(Arg{residue}del)"
    assert decided("inframe_deletion", gene=gene, protein=protein, edit=Edit(1100, 1100 + bases, "")) == expected
