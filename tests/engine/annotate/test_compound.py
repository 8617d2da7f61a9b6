"""Variants of one chromosome told together, and one variant's parts: names, consequence and ClinVar of the whole."""

from pathlib import Path
from typing import Any

import pysam
import pytest

from engine.annotate.edit import reverse_complement
from tests.builders.small_genome import Gene, annotate, bases, call, clinvar_line, genome

#         M  A  S  G  K  W  D  S  E  E  *
CODING = "ATGGCTTCGGGAAAATGGGATAGCGAAGAATAA"
BEFORE, AFTER = bases(60, 5), bases(60, 7)
START = len(BEFORE)
SIZE = START + len(CODING) + len(AFTER)
C8, C9 = (START + 8, "C", "G"), (START + 9, "G", "A")
"""TCG (Ser3): TGG is Trp, TCA is Ser, both together TGA: a stop."""


def annotated(folder: Path, *calls: str, clinvar: tuple[str, ...] = (), strand: str = "+") -> list[dict[str, Any]]:
    sequence = BEFORE + CODING + AFTER
    exon, cds = (11, SIZE - 20), (START + 1, START + len(CODING))
    if strand == "-":
        sequence = reverse_complement(sequence)
        exon, cds = (SIZE + 1 - exon[1], SIZE + 1 - exon[0]), (SIZE + 1 - cds[1], SIZE + 1 - cds[0])
    bundle = genome(folder, {"chr1": sequence}, [Gene("AAA", (exon,), (cds,), strand)], clinvar or None)
    return annotate(folder, bundle, *calls)[0]


def phased(*variants: tuple[int, str, str], genotype: str = "0|1", ps: int = 7) -> list[str]:
    return [call(*variant, genotype, PS=ps) for variant in variants]


def test_two_substitutions_of_one_codon_are_told_together_beside_both(tmp_path: Path) -> None:
    known = clinvar_line(START + 8, "CG", "GA", 21)
    rows = annotated(tmp_path, *phased(C8, C9), clinvar=(known,))
    assert [row["consequence"] for row in rows] == ["missense_variant", "synonymous_variant"]
    for row in rows:
        (whole,) = row["compounds"]
        assert whole["members"] == [one["allele"] for one in rows]
        assert (whole["allele"], whole["hgvs_c"].partition(":")[2]) == (f"1-{START + 8}-CG-GA", "c.8_9delinsGA")
        assert (whole["hgvs_p"], whole["consequence"], whole["impact"]) == ("P-AAA:p.(Ser3Ter)", "stop_gained", "HIGH")
        assert (whole["clinvar_variation_id"], whole["clinvar_classification"]) == ("21", "pathogenic")
        assert (whole["copies"], whole["haplotypes"]) == (1, [1])


def test_the_vcf_says_so_too(tmp_path: Path) -> None:
    annotated(tmp_path, *phased(C8, C9), clinvar=(clinvar_line(START + 8, "CG", "GA", 21),))
    with pysam.VariantFile(str(tmp_path / "S1.annotated.vcf.gz")) as vcf:
        for record in vcf:
            (told,) = record.info["COMPOUND"]
            fields = told.split("|")
            assert fields[:4] == [
                f"1-{START + 8}-CG-GA", f"1-{START + 8}-C-G+1-{START + 9}-G-A", "stop_gained", "AAA",
            ]  # fmt: skip
            assert fields[-4:] == ["P-AAA:p.(Ser3Ter)", "21", "Pathogenic", "cis"]


def test_on_the_other_strand(tmp_path: Path) -> None:
    mirrored = [(SIZE + 1 - place, reverse_complement(ref), reverse_complement(alt)) for place, ref, alt in (C8, C9)]
    rows = annotated(tmp_path, *phased(*mirrored), strand="-")
    assert [row["compounds"][0]["hgvs_c"].partition(":")[2] for row in rows] == ["c.8_9delinsGA"] * 2
    assert rows[0]["compounds"][0]["hgvs_p"] == "P-AAA:p.(Ser3Ter)"


def test_three_substitutions_of_one_codon_are_one_change(tmp_path: Path) -> None:
    rows = annotated(tmp_path, *phased((START + 7, "T", "C"), C8, C9))
    assert [[whole["hgvs_p"] for whole in row["compounds"]] for row in rows] == [["P-AAA:p.(Ser3Arg)"]] * 3


def test_what_lies_on_two_chromosomes_is_never_told_together(tmp_path: Path) -> None:
    known = clinvar_line(START + 8, "CG", "GA", 21)
    rows = annotated(tmp_path, call(*C8, "0|1", PS=7), call(*C9, "1|0", PS=7), clinvar=(known,))
    assert [row["compounds"] for row in rows] == [[], []]


UNPHASED = [
    (("0|1", {"PS": 7}), ("0|1", {"PS": 9})),
    (("0/1", {}), ("0/1", {})),
    (("0|1", {"PS": 7}), ("0/1", {})),
]


@pytest.mark.parametrize(("one", "other"), UNPHASED)
def test_what_may_be_an_allele_that_clinvar_knows_is_told_as_what_it_may_be(
    tmp_path: Path, one: tuple[str, dict[str, int]], other: tuple[str, dict[str, int]]
) -> None:
    known = clinvar_line(START + 8, "CG", "GA", 21)
    calls = [call(*C8, one[0], **one[1]), call(*C9, other[0], **other[1])]
    for row in annotated(tmp_path, *calls, clinvar=(known,)):
        (whole,) = row["compounds"]
        assert (whole["phased"], whole["clinvar_variation_id"], whole["hgvs_p"]) == (False, "21", "P-AAA:p.(Ser3Ter)")
        assert (whole["copies"], whole["phase_set"], whole["haplotypes"]) == (1, None, None)
    with pysam.VariantFile(str(tmp_path / "S1.annotated.vcf.gz")) as vcf:
        assert {record.info["COMPOUND"][0].split("|")[-1] for record in vcf} == {"unknown"}


@pytest.mark.parametrize(("one", "other"), UNPHASED)
def test_what_nobody_has_phased_and_clinvar_does_not_know_is_not_told_together(
    tmp_path: Path, one: tuple[str, dict[str, int]], other: tuple[str, dict[str, int]]
) -> None:
    calls = [call(*C8, one[0], **one[1]), call(*C9, other[0], **other[1])]
    assert [row["compounds"] for row in annotated(tmp_path, *calls)] == [[], []]


def test_three_neighbours_of_which_two_may_be_one_allele(tmp_path: Path) -> None:
    """The third lies on the other chromosome than the first: with it nothing is tried."""
    third = call(START + 10, "G", "C", "1|0", PS=7)
    known = clinvar_line(START + 8, "CG", "GA", 21), clinvar_line(START + 8, "CGG", "GGC", 22)
    rows = annotated(tmp_path, call(*C8, "0|1", PS=7), call(*C9), third, clinvar=known)
    assert [[one["clinvar_variation_id"] for one in row["compounds"]] for row in rows] == [["21"], ["21"], []]


@pytest.mark.parametrize(
    ("genotypes", "copies"),
    [(("1/1", "1/1"), 2), (("1/1", "0|1"), 1), (("1|1", "0|1"), 1)],
)
def test_what_lies_on_both_chromosomes_lies_on_each(tmp_path: Path, genotypes: tuple[str, str], copies: int) -> None:
    rows = annotated(tmp_path, call(*C8, genotypes[0]), call(*C9, genotypes[1], PS=7))
    assert [[whole["copies"] for whole in row["compounds"]] for row in rows] == [[copies]] * 2


def test_gatks_phase_is_read(tmp_path: Path) -> None:
    rows = annotated(tmp_path, call(*C8, PGT="0|1", PID="7_C_G"), call(*C9, PGT="0|1", PID="7_C_G"))
    assert [len(row["compounds"]) for row in rows] == [1, 1]


def test_substitutions_of_neighbouring_codons_are_not_told_together_unless_clinvar_knows_them(tmp_path: Path) -> None:
    pair = phased(C9, (START + 10, "G", "C"))
    assert [row["compounds"] for row in annotated(tmp_path, *pair)] == [[], []]
    (tmp_path / "known").mkdir()
    rows = annotated(tmp_path / "known", *pair, clinvar=(clinvar_line(START + 9, "GG", "AC", 5),))
    assert [row["compounds"][0]["clinvar_variation_id"] for row in rows] == ["5", "5"]
    assert rows[0]["compounds"][0]["hgvs_p"] == "P-AAA:p.(Gly4Arg)"


def test_a_frame_shifted_and_restored_is_one_change(tmp_path: Path) -> None:
    shift, back = (START + 12, "A", "AC"), (START + 19, "GA", "G")
    rows = annotated(tmp_path, *phased(shift, back))
    assert all("frameshift_variant" in row["consequence"] for row in rows)
    (whole,) = rows[0]["compounds"]
    assert whole["hgvs_p"] == "P-AAA:p.(Lys5_Trp6delinsGlnMet)" or "fs" not in whole["hgvs_p"]
    assert whole["consequence"] in ("missense_variant", "protein_altering_variant")


def test_a_frame_that_stays_shifted_is_told_by_its_own_record(tmp_path: Path) -> None:
    rows = annotated(tmp_path, *phased((START + 12, "A", "AC"), (START + 18, "G", "T")))
    assert [row["compounds"] for row in rows] == [[], []]


def test_a_codon_that_an_intron_divides(tmp_path: Path) -> None:
    intron = "GT" + bases(200, 11) + "AG"
    sequence = BEFORE + CODING[:8] + intron + CODING[8:] + AFTER
    behind = START + 8 + len(intron)
    gene = Gene(
        "AAA",
        ((11, START + 8), (behind + 1, behind + 40)),
        ((START + 1, START + 8), (behind + 1, behind + len(CODING) - 8)),
    )
    bundle = genome(tmp_path, {"chr1": sequence}, [gene])
    rows, _ = annotate(tmp_path, bundle, *phased((START + 8, "C", "G"), (behind + 1, "G", "A")))
    for row in rows:
        (whole,) = row["compounds"]
        assert (whole["hgvs_c"].partition(":")[2], whole["hgvs_p"]) == ("c.[8C>G;9G>A]", "P-AAA:p.(Ser3Ter)")
        assert "stop_gained" in whole["consequence"] and whole["ref"] is None
        assert whole["hgvs_g"].endswith(f"g.[{START + 8}C>G;{behind + 1}G>A]")


def test_parts_of_a_substitution_of_several_bases_are_looked_up(tmp_path: Path) -> None:
    known = clinvar_line(START + 17, "G", "A", 22)  # TGG (Trp6) to TAG
    (row,) = annotated(tmp_path, call(START + 17, "GG", "AC"), clinvar=(known,))
    (part,) = row["known_parts"]
    assert (row["hgvs_p"], row["clinvar_variation_id"]) == ("P-AAA:p.(Trp6Tyr)", None)
    assert (part["allele"], part["members"]) == (f"1-{START + 17}-G-A", [row["allele"]])
    assert (part["hgvs_p"], part["consequence"]) == ("P-AAA:p.(Trp6Ter)", "stop_gained")


def test_an_indel_written_at_two_places_is_one_allele(tmp_path: Path) -> None:
    sequence = bases(100) + "CTTTTTTG" + bases(100, 3)
    bundle = genome(tmp_path, {"chr1": sequence}, [Gene("AAA", ((11, 190),))])
    once, again = call(101, "CT", "C", "0/1", GQ=40), call(104, "TT", "T", "0/1", GQ=60)
    (row,), summary = annotate(tmp_path, bundle, once, again)
    assert (row["allele"], row["copies"], row["genotype_quality"]) == ("1-101-CT-C", 1, 60)
    assert (summary.records, summary.duplicates) == (1, 1)


def test_an_indel_phased_to_either_chromosome_is_homozygous(tmp_path: Path) -> None:
    sequence = bases(100) + "CTTTTTTG" + bases(100, 3)
    bundle = genome(tmp_path, {"chr1": sequence}, [Gene("AAA", ((11, 190),))])
    (row,), _ = annotate(tmp_path, bundle, call(101, "CT", "C", "0|1", PS=9), call(104, "TT", "T", "1|0", PS=9))
    assert (row["genotype"], row["copies"], row["haplotypes"]) == ("1|1", 2, [0, 1])


def test_reads_of_a_site_stay_together_when_its_alleles_are_taken_apart(tmp_path: Path) -> None:
    place = START + 4
    ref = CODING[3]
    one, other = [base for base in "ACGT" if base != ref][:2]
    rows = annotated(tmp_path, call(place, ref, f"{one},{other}", "1/2", AD="0,15,14", DP=30))
    assert [(row["alt_depth"], row["informative_depth"]) for row in rows] == [(15, 29), (14, 29)]
    (tmp_path / "star").mkdir()
    (row,) = annotated(tmp_path / "star", call(place, ref, f"{one},*", "1/2", AD="0,14,16", DP=30))
    assert (row["alt_depth"], row["informative_depth"]) == (14, 30)
