"""The vocabulary of consequences: Ensembl's order, csq's short names, and words nobody has listed yet."""

from pathlib import Path

import pytest

from engine.annotate import terms
from engine.annotate.consequence import parse_bcsq
from engine.annotate.terms import TERMS, by_severity, so_terms, term
from tests.builders.small_genome import Gene, annotate, bases, call, genome


def test_every_term_that_csq_can_write_is_known() -> None:
    written = (
        "intergenic intron splice_region splice_acceptor splice_donor coding_sequence synonymous missense stop_lost "
        "stop_gained inframe_deletion inframe_insertion inframe_altering frameshift start_lost stop_retained "
        "start_retained non_coding 3_prime_utr 5_prime_utr feature_elongation feature_truncation NMD_transcript"
    )
    assert [short for short in written.split() if so_terms(short)[0] not in TERMS] == []


def test_a_term_nobody_listed_is_passed_on_and_is_the_least_severe() -> None:
    (hit,) = parse_bcsq("brand_new&missense|G|T1|protein_coding").hits
    assert hit.terms == ("missense_variant", "brand_new") and hit.impact == "MODERATE"
    (alone,) = parse_bcsq("brand_new|G|T1|protein_coding").hits
    assert (alone.terms, alone.impact, term("brand_new").so) == (("brand_new",), "MODIFIER", None)
    assert by_severity(["brand_new", "intergenic_variant"]) == ("intergenic_variant", "brand_new")


def test_a_term_nobody_listed_is_counted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(terms._SHORT, "missense", "newer_than_this_list")
    terms.so_terms.cache_clear()
    sequence = bases(40) + "ATGGCTGCTTAA" + bases(40)
    bundle = genome(tmp_path, {"chr1": sequence}, [Gene("AAA", ((31, 60),), ((41, 52),))])
    (row,), summary = annotate(tmp_path, bundle, call(45, "C", "A"))
    terms.so_terms.cache_clear()
    assert (row["consequence"], row["impact"], summary.unlisted_terms) == (
        "newer_than_this_list", "MODIFIER", ["newer_than_this_list"],
    )  # fmt: skip


def test_what_csq_tells_of_one_transcript_in_two_items_is_one_hit() -> None:
    (hit,) = parse_bcsq("missense|G|T1|protein_coding|+|1A>1B|31A>C,splice_region|G|T1|protein_coding").hits
    assert hit.terms == ("missense_variant", "splice_region_variant")
