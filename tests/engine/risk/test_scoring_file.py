"""The PGS Catalog's files, raw and harmonised."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from engine.risk.scoring_file import read_scoring_file
from tests.builders.scores import COLUMNS, write_score


def test_a_row_counts_an_allele(tmp_path: Path) -> None:
    score = read_scoring_file(write_score(tmp_path / "s.txt", ["rs1 chr20 5 a G 0.5"], facts=["genome_build=hg19"]))
    allele = score.alleles[0]
    assert (score.score_id, score.build, score.variants) == ("PGS9", "GRCh37", 1)
    assert (allele.contig, allele.position, allele.effect, allele.others) == ("20", 5, "A", ("G",))
    assert allele.weights == (0.0, 0.5, 1.0)


def test_the_harmonised_place_counts_and_a_row_without_one_goes_by_its_id(tmp_path: Path) -> None:
    columns = (*COLUMNS[:4], "effect_weight", "hm_rsID", "hm_chr", "hm_pos", "hm_inferOtherAllele")
    rows = ["rs1 20 5 A 1 rs1 20 77 G/T", "rs2 20 6 C 1 rs2 - - -"]
    facts = ["genome_build=GRCh37", "HmPOS_build=GRCh38"]
    score = read_scoring_file(write_score(tmp_path / "s.txt", rows, columns=columns, facts=facts))
    placed, unplaced = score.alleles
    assert score.build == "GRCh38" and (placed.position, placed.others, placed.rsid) == (77, ("G", "T"), None)
    assert (unplaced.contig, unplaced.position, unplaced.rsid) == (None, None, "rs2")


@pytest.mark.parametrize(
    ("extra", "fields", "weights"),
    [
        (("is_dominant", "is_recessive"), "True False", (0.0, 0.5, 0.5)),
        (("is_dominant", "is_recessive"), "FALSE TRUE", (0.0, 0.0, 0.5)),
        (("dosage_0_weight", "dosage_1_weight", "dosage_2_weight"), "-1 2 3.5", (-1.0, 2.0, 3.5)),
    ],
)
def test_copies_may_weigh_differently(
    tmp_path: Path, extra: tuple[str, ...], fields: str, weights: tuple[float, float, float]
) -> None:
    path = write_score(tmp_path / "s.txt", [f"rs1 20 5 A G 0.5 {fields}"], columns=(*COLUMNS, *extra))
    assert read_scoring_file(path).alleles[0].weights == weights


def test_what_is_no_single_allele_is_counted_apart(tmp_path: Path) -> None:
    rows = ["- 6 - HLA-B*57:01 - -0.92 TRUE", "rs1 6 9 A;C - 1 FALSE", "rs2 6 9 A G 1 True", "rs3 6 9 A G 1 False"]
    score = read_scoring_file(write_score(tmp_path / "s.txt", rows, columns=(*COLUMNS, "is_haplotype")))
    assert (len(score.alleles), score.complex_rows, score.variants) == (1, 3, 4)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("#pgs_id=X\n", "this is no scoring file"),
        ("rsID\tweight\nrs1\t1\n", "this is no scoring file"),
        ("effect_allele\teffect_weight\nA\n", "1 columns where the header has 2"),
        ("effect_allele\teffect_weight\nA\theavy\n", "effect_weight is no number"),
        ("effect_allele\teffect_weight\nA\tnan\n", "effect_weight is no number"),
        ("effect_allele\teffect_weight\teffect_weight\nA\t1\t2\n", "the column effect_weight stands there twice"),
        ("#variants_number=2\neffect_allele\teffect_weight\nA\t1\n", "1 variants, the header says 2"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "s.txt"
    path.write_text(content)
    with pytest.raises(KnowledgeError) as refused:
        read_scoring_file(path)
    assert problem in str(refused.value) and "s.txt" in str(refused.value)


def test_a_last_line_without_an_end_is_whole_where_its_columns_are(tmp_path: Path) -> None:
    """As the catalog's harmonised files are."""
    path = tmp_path / "s.txt"
    path.write_text("#variants_number=1\neffect_allele\teffect_weight\thm_inferOtherAllele\nA\t1\t")
    assert read_scoring_file(path).variants == 1


HARMONISED = ("rsID", "hm_chr", "hm_pos", "effect_allele", "other_allele", "effect_weight", "is_dominant")
TWICE = {
    "the same row": ["rs1 20 5 A G 0.5 -", "rs1 20 5 A G 0.5 -"],
    "on the reverse strand": ["rs1 20 5 A G 0.5 -", "rs1 20 5 T C 0.50 -"],
    "in small letters, with chr": ["rs1 20 5 A G 0.5 -", "rs1 chr20 5 a g 0.5 False"],
    "without the other allele": ["rs1 20 5 A G 0.5 -", "rs1 20 5 A - 0.5 -"],
    "by an id": ["rs1 - - A G 0.5 -", "rs1 - - A G 0.5 -"],
    "farther on": ["rs1 20 5 A G 0.5 -", "rs2 20 9 A G 0.5 -", "rs1 20 5 A G 0.5 -"],
    "an insertion": ["rs1 20 5 AT A 0.5 -", "rs1 20 5 AT A 0.5 -"],
}


@pytest.mark.parametrize("rows", TWICE.values(), ids=TWICE)
def test_a_row_that_is_there_again_counts_once(tmp_path: Path, rows: list[str]) -> None:
    columns = (*COLUMNS, "is_dominant")
    score = read_scoring_file(write_score(tmp_path / "s.txt", rows, columns=columns))
    once = read_scoring_file(write_score(tmp_path / "t.txt", rows[:-1], columns=columns))
    assert [*score.alleles] == [*once.alleles]
    assert (score.repeated, score.contradicted, score.variants) == (1, 0, len(rows) - 1)


CONTRADICTED = {
    "another weight": ["rs1 20 5 A G 0.5 -", "rs1 20 5 A G 0.4 -"],
    "another sign": ["rs1 20 5 A G 0.5 -", "rs1 20 5 A G -0.5 -"],
    "on the reverse strand": ["rs1 20 5 A G 0.5 -", "rs1 20 5 T C 0.4 -"],
    "without the other allele": ["rs1 20 5 A G 0.5 -", "rs1 20 5 A - 0.4 -"],
    "three of them, two alike": ["rs1 20 5 A G 0.5 -", "rs1 20 5 A G 0.5 -", "rs1 20 5 A G 0.4 -"],
    "both dominant": ["rs1 20 5 A G 0.5 True", "rs1 20 5 A G 0.4 True"],
}


@pytest.mark.parametrize("rows", CONTRADICTED.values(), ids=CONTRADICTED)
def test_rows_that_give_an_allele_different_weights(tmp_path: Path, rows: list[str]) -> None:
    """The authors' own are refused; what harmonising laid upon each other is not known."""
    others = ["rs9 20 3 C T 1 -", "rs9 20 7 C T 1 -"]
    with pytest.raises(KnowledgeError, match="the allele A different weights") as caught:
        read_scoring_file(write_score(tmp_path / "s.txt", [*rows, *others], columns=(*COLUMNS, "is_dominant")))
    assert caught.value.file == str(tmp_path / "s.txt") and caught.value.place == "20:5" and caught.value.remedy
    score = read_scoring_file(write_score(tmp_path / "h.txt", [*rows, *others], columns=HARMONISED))
    assert [one.position for one in score.alleles] == [3, 7]
    assert (score.repeated, score.contradicted, score.variants) == (0, 1, 3)


@pytest.mark.parametrize(
    "rows",
    [
        ["rs1 20 5 A G 0.5 -", "rs1 20 5 A G 0.3 True"],  # each copy, and the first besides: one model
        ["rs1 20 5 A G 0.5 -", "rs1 20 5 G A 0.3 -"],  # the other allele
        ["rs1 20 5 A G 0.5 -", "rs1 20 5 A C 0.3 -"],  # of another variant of the place
        ["rs1 20 5 A T 0.5 -", "rs1 20 5 T A 0.5 -"],  # alike from both strands: two alleles
        ["rs1 20 5 A AT 0.5 -", "rs1 20 5 T TA 0.3 -"],  # insertions have one strand
        ["rs1 20 5 A G 0.5 -", "rs1 X 5 A G 0.3 -"],
    ],
)
def test_rows_that_say_different_things_both_count(tmp_path: Path, rows: list[str]) -> None:
    score = read_scoring_file(write_score(tmp_path / "s.txt", rows, columns=(*COLUMNS, "is_dominant")))
    assert (len(score.alleles), score.repeated, score.contradicted) == (2, 0, 0)


@pytest.mark.parametrize("columns", [COLUMNS, (*COLUMNS[:4], "hm_inferOtherAllele", "effect_weight")])
def test_an_effect_allele_that_is_the_other_allele_is_refused_by_its_line(
    tmp_path: Path, columns: tuple[str, ...]
) -> None:
    rows = ["rs1 20 5 A G 0.5", "rs2 20 6 c T/C 0.5"]
    with pytest.raises(KnowledgeError) as refused:
        read_scoring_file(write_score(tmp_path / "s.txt", rows, columns=columns))
    assert "the effect allele C is the other allele, too" in refused.value.problem
    assert (refused.value.file, refused.value.place) == (str(tmp_path / "s.txt"), "line 5")


def test_the_catalogs_own_files_are_read(shared_data: Path) -> None:
    sizes = {path.name.partition("_")[0]: read_scoring_file(path) for path in (shared_data / "pgs").glob("*GRCh38*")}
    assert sizes["PGS000001"].variants == 77 and sizes["PGS001229"].variants == 51_209
    assert all(score.build == "GRCh38" for name, score in sizes.items() if name != "PGS001229")
