"""Which criteria data decide: each by what the guidelines say, and by the mistakes that others made."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.acmg.combination import VariantClass, combine
from engine.acmg.criteria import CODES, Criterion, Strength
from engine.acmg.decide import DECIDED, decide
from engine.acmg.facts import Partner, Population, Seen
from engine.acmg.gather import Place
from engine.acmg.grantham import grantham
from engine.acmg.rule_set import rule_set
from engine.annotate.edit import Edit
from engine.annotate.gene_model import Transcript
from tests.builders.acmg import TRANSCRIPT, TRUNCATIONS, decided, facts, known, met

STOP = {"protein": "p.(Arg34Ter)", "known": TRUNCATIONS}


def test_a_stop_that_leads_to_decay_is_very_strong_where_loss_of_function_is_known() -> None:
    (pvs1,) = decide(facts("stop_gained", **STOP))
    assert str(pvs1.criterion) == "PVS1=VS"
    assert "residue 34 of 300" in pvs1.sentence and "5 pathogenic" in pvs1.sentence
    assert (pvs1.version, pvs1.record) == ("2024-12-15", "T1.1")


def test_without_known_truncations_loss_of_function_is_no_mechanism() -> None:
    assert decided("stop_gained", protein="p.(Arg34Ter)", known=TRUNCATIONS[:2]) == []
    missense = tuple(known(str(number), 1100 + number, "missense_variant") for number in range(9))
    assert decided("stop_gained", protein="p.(Arg34Ter)", known=missense) == []


@pytest.mark.parametrize(
    ("protein", "at", "strength"),
    [
        ("p.(Arg184Ter)", 2250, "VS"),  # base 549: 52 before the junction behind 601
        ("p.(Arg185Ter)", 2253, "S"),  # base 552: 49 before it, and a third of the protein is lost
        ("p.(Arg150fsTer60)", 2147, "S"),  # the frame is shifted far before, and the stop lies in the last exon
        ("p.(Arg150fsTer20)", 2147, "VS"),
        ("p.(Arg290Ter)", 3270, "M"),  # 4% of the protein, of which no pathogenic allele is known
    ],
)
def test_where_the_new_stop_lies_decides(protein: str, at: int, strength: str) -> None:
    assert decided("stop_gained", at=at, protein=protein, known=TRUNCATIONS) == [f"PVS1={strength}"]


def test_a_lost_part_is_critical_where_pathogenic_alleles_lie_in_it() -> None:
    critical = (*TRUNCATIONS, known("77", 3290, "missense_variant"))
    (pvs1,) = decide(facts("stop_gained", at=3270, protein="p.(Arg290Ter)", known=critical))
    assert pvs1.criterion.strength is Strength.STRONG and "ClinVar 77" in pvs1.sentence


def test_downstream_of_every_known_truncation_nothing_is_met() -> None:
    """As auto-acmg#235: beyond the last critical residue a truncation is harmless until shown otherwise."""
    many = tuple(known(str(number), 1000 + 20 * number, "stop_gained") for number in range(1, 12))
    assert decided("stop_gained", at=3270, protein="p.(Arg290Ter)", known=many) == []
    assert decided("stop_gained", protein="p.(Arg34Ter)", known=many) == ["PVS1=VS"]


def test_what_a_panel_says_of_the_last_critical_residue_and_of_the_mechanism_holds() -> None:
    assert decided("stop_gained", gene="BRCA2", protein="p.(Lys3326Ter)", known=TRUNCATIONS) == []
    assert decided("stop_gained", gene="MYH7", **STOP) == []


@pytest.mark.parametrize(
    ("terms", "at", "strength"),
    [
        (("splice_donor_variant",), 1300, "S"),  # the exon with the start codon
        (("splice_acceptor_variant",), 1998, "VS"),  # 301 bases: the frame is shifted
        (("splice_donor_variant",), 2302, "VS"),
        (("splice_acceptor_variant",), 2999, "S"),  # the last exon: no decay, a third is lost
    ],
)
def test_a_lost_splice_site_skips_its_exon(terms: tuple[str, ...], at: int, strength: str) -> None:
    assert decided(*terms, at=at, known=TRUNCATIONS) == [f"PVS1={strength}"]


def test_a_skipped_exon_in_frame_is_judged_by_what_is_lost() -> None:
    frame = replace(TRANSCRIPT, exons=((1000, 1300), (2000, 2030), (3000, 3573)), coding=(1000, 3573))
    assert decided("splice_donor_variant", at=2030, transcript=frame, known=TRUNCATIONS) == ["PVS1=M"]
    within = (*TRUNCATIONS, known("88", 2010, "missense_variant"))
    assert decided("splice_donor_variant", at=2030, transcript=frame, known=within) == ["PVS1=S"]


def test_a_lost_start_is_moderate_where_pathogenic_alleles_lie_before_the_next() -> None:
    assert decided("start_lost", at=1001, protein="p.(Met1?)", known=TRUNCATIONS, next_methionine=40) == ["PVS1=M"]
    assert decided("start_lost", at=1001, protein="p.(Met1?)", known=TRUNCATIONS, next_methionine=5) == ["PVS1=P"]


def test_the_minus_strand_is_read_backwards() -> None:
    minus = replace(TRANSCRIPT, strand=-1)
    near_start = tuple(known(str(number), 3301 - 30 * number, "stop_gained") for number in range(1, 6))
    assert decided("stop_gained", at=3200, transcript=minus, protein="p.(Arg34Ter)", known=near_start) == ["PVS1=VS"]
    assert decided("stop_gained", at=1030, transcript=minus, protein="p.(Arg290Ter)", known=near_start) == ["PVS1=M"]
    assert decided("splice_acceptor_variant", at=2301, transcript=minus, known=near_start) == ["PVS1=VS"]


SAME = known("10", 1100, "missense_variant", protein="p.(Arg34Cys)")
OTHER = known("11", 1101, "missense_variant", protein="p.(Arg34His)", pathogenic=False)


def test_the_same_change_of_the_protein_is_ps1_and_names_its_record() -> None:
    (ps1,) = decide(facts("missense_variant", at=1102, protein="p.(Arg34Cys)", known=(SAME, OTHER)))
    assert (str(ps1.criterion), ps1.record, ps1.source) == ("PS1=S", "10", "ClinVar")
    (ps1,) = decide(facts("missense_variant", at=1102, protein="p.(Arg34His)", known=(OTHER,)))
    assert str(ps1.criterion) == "PS1=M"


def test_another_change_of_the_residue_is_pm5() -> None:
    assert decided("missense_variant", protein="p.(Arg34Trp)", known=(OTHER,)) == ["PM5=P"]
    assert decided("missense_variant", protein="p.(Arg34Cys)", known=(replace(OTHER, is_pathogenic=True),)) == ["PM5=M"]


def test_a_change_to_a_nearer_amino_acid_counts_less_where_the_panel_says_so() -> None:
    """Arginine and histidine lie 29 apart, arginine and cysteine 180 (Grantham 1974)."""
    for pathogenic, lowered in ((True, "PM5=P"), (False, "PM5=P")):
        nearer = (replace(SAME, is_pathogenic=pathogenic, stars=3),)
        assert decided("missense_variant", protein="p.(Arg34His)", known=nearer) == [lowered]
        assert decided("missense_variant", gene="HNF1A", protein="p.(Arg34His)", known=nearer) == [lowered]
        assert decided("missense_variant", gene="APC", protein="p.(Arg34His)", known=nearer) == []


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("Leu", "Ile", 5), ("Arg", "His", 29), ("Arg", "Cys", 180), ("Tyr", "Cys", 194), ("Pro", "Leu", 98)],
)
def test_distances_of_amino_acids_are_grantham_s(one: str, other: str, distance: int) -> None:
    assert grantham(one, other) == grantham(other, one) == distance
    assert grantham(one, "Xaa") is None


@pytest.mark.parametrize(
    "protein", ["p.(Arg34Ter)", "p.(Arg34fs)", "p.(Arg34del)", "p.(Arg34_Gly35delinsCys)", "p.(Arg34=)", None]
)
def test_pm5_is_fed_by_missense_comparators_alone(protein: str | None) -> None:
    """As AutoGVP#100: a nonsense allele at the residue says nothing of another amino acid there."""
    comparator = known("12", 1100, "stop_gained", "missense_variant", protein=protein)
    assert decided("missense_variant", protein="p.(Arg34Leu)", known=(comparator,)) == []


def test_a_comparator_is_another_allele_with_a_review() -> None:
    own = replace(SAME, edit=Edit(1100, 1101, "A"))
    assert decided("missense_variant", protein="p.(Arg34Cys)", known=(own,)) == []
    assert decided("missense_variant", at=1102, protein="p.(Arg34Cys)", known=(SAME,), variation_id="10") == []
    assert decided("missense_variant", at=1102, protein="p.(Arg34Cys)", known=(replace(SAME, stars=0),)) == []


def seen(frequency: float, number: int = 150_000, homozygotes: int | None = None) -> dict[str, Any]:
    return {
        "population": Population(
            "gnomAD", "4.1", 1_600_000, Seen(frequency, number, round(frequency * number), "nfe", homozygotes)
        )
    }


@pytest.mark.parametrize(
    ("known_of_it", "modes", "expected"),
    [
        (seen(0.06), {"AD"}, ["BA1=A"]),
        (seen(0.05), {"AD"}, ["BS1=S"]),
        (seen(0.02), {"AR"}, ["BS1=S"]),
        (seen(0.007), {"AR"}, []),
        (seen(0.007), {"AD"}, ["BS1=S"]),
        (seen(0.007), set(), ["BS1=S"]),
        (seen(0.00001), {"AD"}, ["PM2=P"]),
        (seen(0.00005), {"AD"}, []),
        (seen(0.00005), {"AR"}, ["PM2=P"]),
        (seen(0.3, number=1_006), {"AD"}, []),
        (seen(0.02, homozygotes=6), {"AR"}, ["BS1=S", "BS2=S"]),
        (seen(0.001, homozygotes=6), {"XL"}, ["BS2=S"]),
        (seen(0.001, homozygotes=6), {"AD"}, []),
        ({"population": Population("gnomAD", "4.1", 1_600_000)}, {"AD"}, ["PM2=P"]),
        ({"population": Population("a panel", "1", 1_006)}, {"AD"}, []),
        ({}, {"AD"}, []),
    ],
)
def test_frequencies(known_of_it: dict[str, Any], modes: set[str], expected: list[str]) -> None:
    assert decided("missense_variant", protein="p.(Arg34Leu)", modes=frozenset(modes), **known_of_it) == expected


def test_the_exceptions_of_ba1_are_named() -> None:
    assert decided("missense_variant", protein="p.(Arg34Leu)", variation_id="17023", **seen(0.08)) == []


def test_a_length_that_changes_is_pm4_and_in_a_repeat_bp3() -> None:
    assert decided("inframe_deletion", protein="p.(Arg34del)") == ["PM4=M"]
    assert decided("inframe_deletion", protein="p.(Arg34del)", repeat_copies=6) == ["BP3=P"]
    assert decided("stop_lost", protein="p.(Ter301ArgextTer9)", repeat_copies=6) == ["PM4=M"]
    assert decided("stop_gained", "inframe_deletion", **STOP) == ["PVS1=VS"]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.95, ["PP3=S"]), (0.8, ["PP3=M"]), (0.7, ["PP3=P"]), (0.5, []),
        (0.29, ["BP4=P"]), (0.1, ["BP4=M"]), (0.01, ["BP4=S"]), (0.001, ["BP4=VS"]),
    ],
)  # fmt: skip
def test_a_calibrated_score_counts_at_its_strength(score: float, expected: list[str]) -> None:
    assert decided("missense_variant", protein="p.(Arg34Leu)", predictions={"REVEL": score, "CADD": 30.0}) == expected
    assert decided("synonymous_variant", at=1150, predictions={"REVEL": score}) == ["BP7=P"]


@pytest.mark.parametrize(
    ("terms", "at", "expected"),
    [
        (("synonymous_variant",), 1150, ["BP7=P"]),
        (("synonymous_variant",), 1296, ["BP7=P"]),
        (("synonymous_variant",), 1297, []),
        (("synonymous_variant",), 2002, []),
        (("synonymous_variant",), 1000, ["BP7=P"]),
        (("intron_variant",), 1306, []),
        (("intron_variant",), 1307, ["BP7=P"]),
        (("intron_variant",), 1979, []),
        (("intron_variant",), 1978, ["BP7=P"]),
        (("splice_region_variant",), 1306, []),
        (("splice_region_variant",), 1307, ["BP7=P"]),
        (("splice_region_variant", "splice_acceptor_variant"), 1978, []),
        (("splice_region_variant", "missense_variant"), 1298, []),
    ],
)
def test_a_silent_change_is_bp7_away_from_splice_sites(terms: tuple[str, ...], at: int, expected: list[str]) -> None:
    assert decided(*terms, at=at) == expected


def partner(phase: str, *, pathogenic: bool = True) -> tuple[Partner, ...]:
    return (Partner("99", pathogenic, phase),)


@pytest.mark.parametrize(
    ("modes", "more", "expected"),
    [
        ({"AR"}, {"partners": partner("trans")}, ["PM3=M"]),
        ({"AR"}, {"partners": partner("unknown")}, ["PM3=P"]),
        ({"AR"}, {"partners": partner("unknown", pathogenic=False)}, []),
        ({"AR"}, {"partners": partner("cis")}, ["BP2=P"]),
        ({"AR"}, {"homozygous": True}, ["PM3=P"]),
        ({"AD"}, {"partners": partner("trans")}, ["BP2=P"]),
        ({"AD", "AR"}, {"partners": partner("trans")}, ["PM3=M"]),
        (set(), {"partners": partner("trans")}, []),
    ],
)
def test_what_lies_on_the_other_chromosome(modes: set[str], more: dict[str, Any], expected: list[str]) -> None:
    assert decided("missense_variant", protein="p.(Arg34Leu)", modes=frozenset(modes), **more) == expected


@pytest.mark.parametrize(
    ("parents", "rank", "expected"),
    [
        (("father", "mother"), 3, "PS2=M"),
        (("father", "mother"), 900, "PS2=P"),
        (("father", "mother"), None, "PS2=P"),
        (("mother",), 3, "PM6=P"),
    ],
)
def test_a_new_variant_counts_by_who_was_seen_without_it(
    parents: tuple[str, ...], rank: int | None, expected: str
) -> None:
    basis = "child GQ 99"
    assert decided("intron_variant", at=1302, de_novo=parents, de_novo_basis=basis, phenotype_rank=rank) == [expected]


def test_another_laboratorys_word_is_no_criterion() -> None:
    assert not {"PP5", "BP6"} & set(DECIDED) and set(rule_set().off) == {"PP5", "BP6"}
    assert set(DECIDED) < set(CODES)


def test_a_novel_truncation_is_likely_pathogenic_by_itself() -> None:
    (pvs1,) = decide(facts("stop_gained", **STOP))
    assert combine([pvs1.criterion]).by_points is VariantClass.LIKELY_PATHOGENIC


def test_very_strong_evidence_lowers_nothing() -> None:
    """As scout#6417: Very Strong made a pathogenic variant uncertain; and AutoGVP#307: a table lowered PVS1."""
    strong = [Criterion("PS1", Strength.STRONG), Criterion("PS2", Strength.STRONG)]
    more = combine([*strong, Criterion("PVS1", Strength.VERY_STRONG)])
    assert more.by_points is more.by_rules is VariantClass.PATHOGENIC
    alone = combine([Criterion("PVS1", Strength.VERY_STRONG), Criterion("PM2", Strength.SUPPORTING)])
    assert alone.points == 9 and Criterion("PVS1", Strength.VERY_STRONG) in alone.criteria


def test_strong_and_supporting_benign_evidence_is_likely_benign() -> None:
    """As varfish#359."""
    added = combine([Criterion("BS1", Strength.STRONG), Criterion("BP4", Strength.SUPPORTING)])
    assert added.by_points is added.by_rules is VariantClass.LIKELY_BENIGN


@given(st.lists(st.sampled_from(TRUNCATIONS), unique=True), st.integers(2, 299), st.booleans())
def test_more_known_truncations_never_lower_a_truncation_short_of_them(shown: Any, stop: int, critical: bool) -> None:
    """Of a stop before the last known truncation, knowing more of the gene never says less."""
    later = known("900", 3299, "stop_gained")
    base = 1000 + (stop - 1) * 3
    at = base if base < 1300 else base + 700 if base < 1601 else base + 1399
    few = (*shown, *TRUNCATIONS[:3], *((later,) if critical else ()))
    more = (*dict.fromkeys((*few, *TRUNCATIONS, later)),)
    protein = f"p.(Arg{stop}Ter)"
    less, further = (
        combine([one.criterion for one in decide(facts("stop_gained", at=at, protein=protein, known=its))])
        for its in (few, more)
    )
    assert further.by_points.rank >= less.by_points.rank


def test_every_piece_of_evidence_names_its_source_in_a_sentence() -> None:
    told = [
        *decide(facts("stop_gained", **STOP)),
        *decide(facts("missense_variant", protein="p.(Arg34Leu)", known=(SAME,), predictions={"REVEL": 0.9})),
        *decide(facts("inframe_deletion", protein="p.(Arg34del)", repeat_copies=6, **seen(0.06))),
        *decide(facts("synonymous_variant", at=1150, homozygous=True, modes=frozenset({"AR"}))),
    ]
    assert len(met(told)) == 7
    for one in told:
        assert one.sentence[0].isupper() or one.sentence.startswith("p.")
        assert len(one.sentence) > 15 and one.source and not one.sentence.endswith(".")


REPEAT = "TTT" + "CAG" * 6 + "ACGTACGATG"


def test_a_repeat_is_counted_about_the_change() -> None:
    coding = Transcript("T", "T", "G", "G", None, "protein_coding", "1", 1, ((0, 31),), (0, 31))
    place = Place(coding, 0, REPEAT)
    assert place.repeat_copies(Edit(6, 9, "")) == place.repeat_copies(Edit(9, 9, "CAG")) == 6
    assert place.repeat_copies(Edit(22, 25, "")) == 1 and place.repeat_copies(Edit(22, 23, "T")) == 0


def test_the_next_start_codon_is_counted_in_residues() -> None:
    bases = "ATGAAACATGGATGTGA"
    coding = Transcript("T", "T", "G", "G", None, "protein_coding", "1", 1, ((0, 17),), (0, 17))
    assert Place(coding, 0, bases).next_methionine() is None
    in_frame = "ATGAAACATATGTGA"
    assert Place(replace(coding, exons=((0, 15),), coding=(0, 15)), 0, in_frame).next_methionine() == 4
