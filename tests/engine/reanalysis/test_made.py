"""What was made with which knowledge, kept from one look to the next, and what is confirmed by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.reanalysis.confirmation import confirmations_in, confirms, read_confirmations, write_confirmations
from engine.reanalysis.made import Made, made_with, read_made, write_made
from engine.receipt import Receipt, Recipe

READERS = {"annotated_variants": {"clinvar", "gene_model"}, "findings": {"panels"}}
NOW = {"clinvar": "c2", "gene_model": "g1", "panels": "p1"}
RELEASES = {"clinvar": "2025-02"}


def receipt(sample: str, asset: str, version: str, inputs: Mapping[str, str], **parameters: object) -> Receipt:
    recipe = Recipe(inputs=inputs, knowledge={"clinvar": "2025-01"} if "clinvar" in inputs else {})
    recipe = Recipe(recipe.inputs, recipe.tools, recipe.knowledge, parameters)
    return Receipt(asset, sample, version, (), 1, recipe, {}, "2025-01-15T00:00:00+00:00")


def annotated(sample: str, version: str, clinvar: str) -> Receipt:
    return receipt(sample, "annotated_variants", version, {"clinvar": clinvar, "gene_model": "g1"})


def look(read: list[Receipt], **known: object) -> Made:
    samples = {str(one.sample) for one in read}
    given = {"kept": None, "again": samples, "taking_part": {"S1", "S2", "S3"}, "confirmations": None} | known
    return Made(read=made_with(read, READERS), now=NOW, **given)  # type: ignore[arg-type]


def test_what_was_made_with_an_earlier_release_is_behind_and_confirmed_unless_touched(tmp_path: Path) -> None:
    made = look([annotated("S1", "a1", "c1"), annotated("S2", "a2", "c1"), annotated("S3", "a3", "c2")])
    assert made.behind() == {("clinvar", "c1", "2025-01"): ["S1", "S2"]}
    rows, count = made.confirmed({"S2"}, releases=RELEASES, when="now", code="code")
    write_confirmations(rows, tmp_path / "confirmations.parquet")
    (one,) = confirmations_in(read_confirmations(tmp_path / "confirmations.parquet"))
    assert (count, one.sample_id, one.stands_under, one.release_after) == (1, "S1", "c2", "2025-02")
    assert confirms(one, annotated("S1", "a1", "c1"))
    assert not confirms(one, annotated("S1", "a9", "c1")), "another version of it was not looked at"


def test_what_is_confirmed_is_behind_no_more_and_stays_confirmed() -> None:
    read = [annotated("S1", "a1", "c1"), annotated("S2", "a2", "c1")]
    first, _ = look(read).confirmed({"S2"}, releases=RELEASES, when="now", code="code")
    again = look(read, confirmations=first)
    assert again.behind() == {("clinvar", "c1", "2025-01"): ["S2"]}
    assert again.confirmed({"S2"}, releases=RELEASES, when="later", code="code") == (first, 0)
    made_anew = look([annotated("S1", "a5", "c1")], confirmations=first)
    assert made_anew.behind(), "a confirmation speaks of one version of an artifact"
    assert made_anew.confirmed({"S1"}, releases=RELEASES, when="later", code="code")[0].num_rows == 0


def test_of_samples_in_which_nothing_happened_the_kept_rows_count(tmp_path: Path) -> None:
    first = look([annotated("S1", "a1", "c1"), annotated("S2", "a2", "c1"), annotated("S3", "a3", "c1")])
    write_made(first.table(), tmp_path / "made.parquet")
    kept = read_made(tmp_path / "made.parquet")
    news = look([annotated("S2", "b2", "c2")], kept=kept, again={"S2"}, taking_part={"S1", "S2"})
    assert news.versions("annotated_variants") == {"S1": "a1", "S2": "b2"}
    assert news.behind() == {("clinvar", "c1", "2025-01"): ["S1"]}
    gone = look([], kept=kept, again={"S1"})
    assert "S1" not in gone.versions("annotated_variants"), "nothing of it is published any more"


def test_whose_findings_tell_a_persons_decision_is_known() -> None:
    told = receipt("S1", "findings", "f1", {"panels": "p0"}, decisions={"1-5-A-G": "row"})
    plain = receipt("S2", "findings", "f2", {"panels": "p0"}, decisions={})
    made = look([told, plain])
    assert made.decided() == {"S1"}
    assert made.last_made({"S1"}) == {"S1": "2025-01-15T00:00:00+00:00"}
