"""Cards of drug response: shown where every solution agrees, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from engine.exchange.cds_hooks import cards
from engine.report.drug_response import DrugResponse
from tests.builders.drugs import AMBIGUOUS, POOR, drug_response

SIGNED = "Dr A, 2026-11-23"


def shown(said: DrugResponse) -> dict[str, list[str]]:
    """Summaries of the cards, by drug."""
    drugs = {one.drug for one in said.advice}
    told = {drug: [card["summary"] for card in cards(said, drug, signed_by=SIGNED)] for drug in drugs}
    return {drug: summaries for drug, summaries in told.items() if summaries}


def test_a_poor_metabolizer_has_a_card_by_name_and_by_rxnorm(tmp_path: Path) -> None:
    said = drug_response(tmp_path, POOR)
    (advice,) = [one for one in said.advice if one.drug.casefold() == "clopidogrel" and one.matters][:1]
    found = cards(said, "clopidogrel", signed_by=SIGNED)
    assert found and found[0]["summary"].startswith(f"{advice.drug}: CYP2C19 Poor Metabolizer")
    assert all(len(one["summary"]) < 140 and SIGNED in one["detail"] and one["source"]["label"] for one in found)
    if advice.rxnorm:
        assert cards(said, advice.rxnorm, signed_by=SIGNED) == found
    assert cards(said, "", signed_by=SIGNED) == [] and cards(said, "aspirin", signed_by=SIGNED) == []


def test_the_usual_phenotype_has_none(tmp_path: Path) -> None:
    assert shown(drug_response(tmp_path, {})) == {}


def test_solutions_that_disagree_give_no_card(tmp_path: Path) -> None:
    said = drug_response(tmp_path, AMBIGUOUS)
    (gene,) = [one for one in said.genes if one.gene == "TPMT"]
    assert len({one.phenotype for one in gene.possible}) > 1
    assert not any("TPMT" in summary for summaries in shown(said).values() for summary in summaries)


def test_a_position_that_was_not_called_takes_the_card_away(tmp_path: Path) -> None:
    """Without one position *2 and *35 are not told apart, and both are poor; without two nothing is decided."""
    told = {}
    for count, missing in ((1, ("rs4244285",)), (2, ("rs4244285", "rs12769205"))):
        said = drug_response(tmp_path / str(count), POOR, missing=missing)
        summaries = [summary for several in shown(said).values() for summary in several]
        told[count] = any("CYP2C19" in summary for summary in summaries)
    assert told == {1: True, 2: False}
