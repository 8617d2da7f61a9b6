"""Findings made of several calls, or a part of one: found, told with a caution, no partner of themselves."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from engine.annotate.columns import COMBINED
from engine.classify.findings import select_reportable
from engine.report.wording import headline, notes
from tests.builders.annotated import bundle, variant, write_annotated, write_parent
from tests.builders.people import subject

UNKNOWN_TO_CLINVAR = {
    "clinvar_classification": None, "clinvar_variation_id": None, "clinvar_significance": None, "clinvar_stars": None,
}  # fmt: skip


def find(folder: Path, *rows: dict[str, Any], **known: Any) -> list[dict[str, Any]]:
    select_reportable(write_annotated(folder / "a.parquet", *rows), subject(**known), bundle(), folder, "S1")
    return list(pq.read_table(folder / "S1.findings.parquet").to_pylist())


def combined(members: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    """The allele that members on chromosome 20 make, known to ClinVar unless told otherwise."""
    whole = variant("PANK2", members[0]["position"], ref="CG", alt="TA", hgvs_p="P:p.(Arg34Ter)", **changed)
    whole["members"], whole["phased"] = [member["allele"] for member in members], changed.get("phased", True)
    return {column.name: whole[column.name] for column in COMBINED}


def pair(**changed: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    one = variant("PANK2", 3_888_572, **changed)
    other = variant("PANK2", 3_888_573, ref="G", alt="A", **UNKNOWN_TO_CLINVAR)
    return one, other


def test_what_clinvar_knows_as_one_allele_is_found_in_two_calls(tmp_path: Path) -> None:
    one, other = pair(**UNKNOWN_TO_CLINVAR)
    for row in (one, other):
        row["compounds"] = [combined([one, other])]
    (finding,) = find(tmp_path, one, other)
    assert (finding["allele"], finding["is_compound"]) == ("20-3888572-CG-TA", True)
    assert (finding["members"], finding["category"]) == ([one["allele"], other["allele"]], "carrier")
    assert (finding["hgvs_p"], finding["partners"]) == ("P:p.(Arg34Ter)", [])
    assert "on one chromosome" in finding["cautions"][0]


def unphased() -> tuple[dict[str, Any], dict[str, Any]]:
    """Two calls that are an allele of ClinVar's, if they lie on one chromosome."""
    one, other = pair(**UNKNOWN_TO_CLINVAR)
    for row in (one, other):
        row["compounds"] = [combined([one, other], phased=False)]
    return one, other


def test_what_may_be_one_allele_is_found_and_is_to_be_confirmed(tmp_path: Path) -> None:
    (finding,) = find(tmp_path, *unphased())
    assert (finding["allele"], finding["needs_confirmation"]) == ("20-3888572-CG-TA", True)
    assert "nobody knows whether they lie on one chromosome" in finding["cautions"][0]
    assert "needs confirmation: phase unknown" in headline(finding)
    assert "Needs confirmation: nobody knows the phase." in notes(finding)


def test_the_parents_tell_whether_it_is_one_allele(tmp_path: Path) -> None:
    one, other = unphased()
    alone = [row | {"compounds": []} for row in (one, other)]
    both, neither = write_parent(tmp_path / "both", *alone), write_parent(tmp_path / "neither")
    (finding,) = find(tmp_path, one, other, mother=both, father=neither)
    assert not finding["needs_confirmation"] and "on one chromosome by the parents" in finding["cautions"][0]
    first, second = write_parent(tmp_path / "first", alone[0]), write_parent(tmp_path / "second", alone[1])
    assert find(tmp_path, one, other, mother=first, father=second) == []
    (finding,) = find(tmp_path, one, other, mother=both)
    assert finding["needs_confirmation"]


def test_a_parent_in_whom_nobody_has_phased_them_is_not_said_to_carry_the_whole(tmp_path: Path) -> None:
    one, other = pair(**UNKNOWN_TO_CLINVAR)
    for row in (one, other):
        row["compounds"] = [combined([one, other])]
    mother = write_parent(tmp_path / "m", *unphased())
    (finding,) = find(tmp_path, one, other, mother=mother, father=write_parent(tmp_path / "f"))
    assert finding["origin"] == "unknown"


def test_a_pathogenic_call_beside_one_that_may_lie_with_it_is_told_with_a_caution(tmp_path: Path) -> None:
    one, other = pair()
    for row in (one, other):
        row["compounds"] = [combined([one, other], phased=False, **UNKNOWN_TO_CLINVAR)]
    (finding,) = find(tmp_path, one, other)
    assert "may lie on the same chromosome" in finding["cautions"][0] and not finding["needs_confirmation"]


def test_a_pathogenic_call_within_a_compound_is_told_with_a_caution(tmp_path: Path) -> None:
    one, other = pair()
    for row in (one, other):
        row["compounds"] = [combined([one, other], **UNKNOWN_TO_CLINVAR)]
    (finding,) = find(tmp_path, one, other)
    assert (finding["allele"], finding["is_compound"]) == (one["allele"], False)
    assert other["allele"] in finding["cautions"][0] and "ClinVar does not know it" in finding["cautions"][0]


def test_a_compound_and_its_member_are_no_pair(tmp_path: Path) -> None:
    one, other = pair()
    for row in (one, other):
        row["compounds"] = [combined([one, other])]
    rows = find(tmp_path, one, other)
    assert len(rows) == 2
    assert {(row["category"], row["phase"], tuple(row["partners"])) for row in rows} == {("carrier", None, ())}


def test_a_known_part_of_a_substitution_of_several_bases_is_found(tmp_path: Path) -> None:
    whole = variant("PANK2", 3_888_572, ref="CG", alt="TA", **UNKNOWN_TO_CLINVAR)
    part = variant("PANK2", 3_888_572)
    part["members"], part["phased"] = [whole["allele"]], True
    whole["known_parts"] = [{column.name: part[column.name] for column in COMBINED}]
    (finding,) = find(tmp_path, whole)
    assert (finding["allele"], finding["members"]) == (part["allele"], [whole["allele"]])
    assert "does not know the whole" in finding["cautions"][0]


def test_low_penetrance_is_found_and_keeps_its_name(tmp_path: Path) -> None:
    (finding,) = find(tmp_path, variant("AVP", clinvar_classification="pathogenic_low_penetrance"))
    assert finding["clinvar_classification"] == "pathogenic_low_penetrance"
    assert find(tmp_path, variant("AVP", clinvar_classification="risk_allele")) == []


def test_a_parent_has_a_compound_only_if_it_lies_on_one_chromosome(tmp_path: Path) -> None:
    one, other = pair(**UNKNOWN_TO_CLINVAR)
    apart = [dict(row) for row in (one, other)]
    for row in (one, other):
        row["compounds"] = [combined([one, other])]
    mother, lacking = write_parent(tmp_path / "m", one, other), write_parent(tmp_path / "f", apart[0])
    (finding,) = find(tmp_path, one, other, mother=mother, father=lacking)
    assert finding["origin"] == "maternal"
    unphased = write_parent(tmp_path / "u", *apart)
    (finding,) = find(tmp_path, one, other, mother=mother, father=unphased)
    assert finding["origin"] == "unknown"
