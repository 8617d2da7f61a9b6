"""What the parents tell: where a variant comes from, what is new, and what their genotypes cannot be at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine.classify.findings import select_reportable
from engine.classify.phase import Parent
from tests.builders.annotated import bundle, variant, write_annotated, write_parent
from tests.builders.people import subject

Rows = list[dict[str, Any]]
HET, OTHER = variant("PANK2", 3_888_572), variant("PANK2", 3_899_342)
HOM = variant("PANK2", 3_888_572, genotype="1/1", copies=2, ref_depth=0, alt_depth=30)


@pytest.fixture
def find(tmp_path: Path) -> Callable[..., Rows]:
    def run(*rows: dict[str, Any], **known: Any) -> Rows:
        select_reportable(write_annotated(tmp_path / "a.parquet", *rows), subject(**known), bundle(), tmp_path, "S1")
        return list(pq.read_table(tmp_path / "S1.findings.parquet").to_pylist())

    return run


@pytest.fixture
def parent(tmp_path: Path) -> Callable[..., Parent]:
    made = []

    def make(*carried: dict[str, Any], **gvcf: Any) -> Parent:
        made.append(write_parent(tmp_path / f"parent{len(made)}", *carried, **gvcf))
        return made[-1]

    return make


def test_one_copy_that_neither_parent_carries_is_new(find: Any, parent: Any) -> None:
    (row,) = find(variant("PRNP", 3_888_572), father=parent(), mother=parent())
    assert row["origin"] == "de novo"
    assert row["origin_basis"] == (
        "child GQ 99, father GQ 90 at depth 30, without it, mother GQ 90 at depth 30, without it"
    )
    assert row["cautions"] == []


@pytest.mark.parametrize("doubt", [{"genotype_quality": 15}, {"genotype_quality": None}, {"filter": "LowQual"}])
def test_a_call_that_is_not_certain_is_not_new(find: Any, parent: Any, doubt: dict[str, Any]) -> None:
    (row,) = find(variant("PRNP", 3_888_572, **doubt), father=parent(), mother=parent())
    assert (row["origin"], row["origin_basis"]) == ("unknown", None)
    assert "not called de novo" in row["cautions"][0]


def test_a_parent_who_was_not_seen_there_makes_nothing_new(find: Any, parent: Any) -> None:
    unseen = parent(unseen=(3_888_572, 3_888_572))
    (row,) = find(variant("PRNP", 3_888_572), father=unseen, mother=parent())
    assert (row["origin"], row["cautions"]) == ("unknown", [])
    (row,) = find(variant("PRNP", 3_888_572), mother=parent())
    assert (row["origin"], row["cautions"]) == ("unknown", [])


def test_two_copies_come_from_both_parents(find: Any, parent: Any) -> None:
    (row,) = find(HOM, father=parent(HET), mother=parent(HET))
    assert (row["origin"], row["cautions"]) == ("both parents", [])


@pytest.mark.parametrize(("lacking", "other"), [("father", "mother"), ("mother", "father")])
def test_two_copies_of_which_one_parent_has_none_are_told_to_be_odd(
    find: Any, parent: Any, lacking: str, other: str
) -> None:
    (row,) = find(HOM, **{lacking: parent(), other: parent(HET)})
    (caution,) = row["cautions"]
    assert row["origin"] == "unknown"
    for word in (f"the {lacking} was seen without it", "deletion", f"uniparental disomy of the {other}'s", "another"):
        assert word in caution
    (alone,) = find(HOM, **{lacking: parent()})
    assert alone["cautions"] == row["cautions"]


def test_two_copies_that_neither_parent_carries_question_the_parents(find: Any, parent: Any) -> None:
    (row,) = find(HOM, father=parent(), mother=parent())
    assert row["origin"] == "unknown" and "may not be the parents" in row["cautions"][0]


def test_a_new_variant_says_nothing_of_the_phase_to_an_inherited_one(find: Any, parent: Any) -> None:
    rows = find(HET, OTHER, father=parent(), mother=parent(HET))
    assert [(row["origin"], row["phase"]) for row in rows] == [("maternal", "unknown"), ("de novo", "unknown")]


def test_what_only_one_parent_passes_on_needs_that_parent_alone(tmp_path: Path, find: Any) -> None:
    on_x = variant("OTC", 38_226_614, contig="X", genotype="1", copies=1, ploidy=1)
    father, mother = (write_parent(tmp_path / name, *rows) for name, rows in (("f", ()), ("m", (on_x,))))
    (row,) = find(on_x, sex="male", secondary_findings_consent=True, mother=mother)
    assert row["origin"] == "maternal"
    (row,) = find(on_x, sex="male", secondary_findings_consent=True, father=father)
    assert row["origin"] == "unknown"
    on_m = variant("MT-TL1", 3_243, contig="MT", genotype="1", ploidy=1)
    mother = write_parent(tmp_path / "mm", on_m)
    (row,) = find(on_m, mother=mother)
    assert row["origin"] == "maternal"


def test_alternates_of_one_site_lie_on_different_chromosomes(find: Any) -> None:
    written = "20|3888572|C|T,G"
    rows = find(
        variant("PANK2", 3_888_572, genotype="1/0", original=f"{written}|1"),
        variant("PANK2", 3_888_572, alt="G", genotype="0/1", original=f"{written}|2"),
    )
    assert {(row["category"], row["phase"], row["phase_basis"]) for row in rows} == {
        ("compound_heterozygote", "trans", "genotype")
    }


def test_two_deletions_of_the_same_bases_lie_on_different_chromosomes(find: Any) -> None:
    rows = find(variant("PANK2", 3_888_572, ref="CAAA", alt="C"), variant("PANK2", 3_888_574, ref="AA", alt="A"))
    assert {(row["phase"], row["phase_basis"]) for row in rows} == {("trans", "genotype")}


def test_each_pair_has_a_phase_of_its_own(find: Any) -> None:
    """A and B in cis, A and C in trans: what is known of A and C is not told of A and B."""
    a = variant("PANK2", 3_888_572, phase_set="5", haplotypes=[0])
    b = variant("PANK2", 3_888_600, phase_set="5", haplotypes=[0])
    c = variant("PANK2", 3_888_700, phase_set="5", haplotypes=[1])
    d = variant("PANK2", 3_899_342)
    rows = find(a, b, c, d)
    names = {row["finding_id"]: letter for row, letter in zip(rows, "abcd", strict=True)}
    told = {
        (names[row["finding_id"]], names[pair["partner"]]): (pair["phase"], pair["basis"])
        for row in rows
        for pair in row["pairs"]
    }
    by_set, unknown = "phase set", ("unknown", None)
    assert (told["a", "b"], told["a", "c"], told["b", "c"]) == (("cis", by_set), ("trans", by_set), ("trans", by_set))
    assert told["a", "d"] == told["d", "c"] == unknown
    assert [row["partners"] for row in rows] == [[pair["partner"] for pair in row["pairs"]] for row in rows]
