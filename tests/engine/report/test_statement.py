"""What is said: it is one value, it comes back from its file as it was, and its digest changes with what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ReportError
from engine.receipt import DATA_VERSION
from engine.reference.panels import Panel
from engine.report.case import CaseFacts, Gene
from engine.report.issue import Issue
from engine.report.next_steps import next_steps
from engine.report.page import render
from engine.report.statement import Outcome, state
from engine.report.statement_file import read_statement, write_statement
from tests.builders.annotated import variant
from tests.builders.people import person
from tests.builders.statements import LINEAGE, MADE, REGIONS, receipt, statement, with_kin


def test_a_statement_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    regions = replace(REGIONS, uncalled=(Gene("AVP", "HGNC:894"),), beyond=("PRNP",), unknown=("NONE1",))
    said = statement(
        tmp_path,
        variant("PANK2", 3_888_572, phase_set="1", haplotypes=[0]),
        variant("PANK2", 3_888_600, phase_set="1", haplotypes=[1], filter="StrandBias"),
        regions=regions,
        overridden_checks=("aligned_reads, mean_coverage: let through by Dr B (one gene)",),
        phenotype=("HP:0001332",),
        father_id="DAD",
        ordered_genes=("PANK2", "NONE1"),
    )
    said = replace(said, case=replace(said.case, panel=Panel("Ataxia", ("PANK2",), "1.0"), written="23/0816"))
    write_statement(said, tmp_path / "a")
    back = read_statement(tmp_path / "a")
    assert back == said
    write_statement(back, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_statement_of_an_earlier_release_is_read_and_shown(tmp_path: Path) -> None:
    """What was signed stays readable: columns that came later are absent in it."""
    path = tmp_path / "a.statement.json"
    said = statement(tmp_path, variant("PRNP", 4_680_000))
    write_statement(said, path)
    told = json.loads(path.read_text())
    for finding in told["findings"]:
        del finding["evidence"]
        later = {"partners", "phase_basis", "origin_basis", "is_compound"}
        finding["row"] = {name: value for name, value in finding["row"].items() if name not in later}
        for condition in finding["row"]["conditions"]:
            del condition["orphanet"]
    path.write_text(json.dumps(told))
    back = read_statement(path)
    assert back.digest == said.digest and back.findings[0].row.keys() >= said.findings[0].row.keys()
    assert "Fatal familial insomnia" in render(back, Issue())


def test_a_damaged_statement_is_refused_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "S1.statement.json"
    for text in ("", "[]", '{"case": {}}'):
        path.write_text(text)
        with pytest.raises(ReportError, match=r"S1\.statement\.json.*cannot be read.*Remedy: materialize statement"):
            try:
                read_statement(path)
            except ReportError as error:
                raise ReportError(str(error), remedy="") from error


def test_the_digest_is_of_what_is_said_and_of_nothing_else(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP"), phenotype=("HP:0001332",))
    newer = replace(LINEAGE, receipts=LINEAGE.receipts[:1])
    rows = [finding.row for finding in said.findings]
    assert state(rows, said.case, newer, "GRCh37", "2027-01-01T00:00:00+00:00").digest == said.digest
    asked_more = replace(said.case, person=replace(said.case.person, phenotype=("HP:0001250",)))
    assert state(rows, asked_more, LINEAGE, "GRCh37", MADE).digest != said.digest
    assert state([], said.case, LINEAGE, "GRCh37", MADE).digest != said.digest


def test_a_report_made_before_the_parents_says_so_and_the_later_one_says_something_else(tmp_path: Path) -> None:
    parents = {"father_id": "DAD", "mother_id": "MUM"}
    before = statement(tmp_path, variant("AVP"), **parents)
    assert before.awaited == ("father", "mother") and before.compared == ()
    assert "Not compared with the father and mother, whose calls were not there yet." in before.conclusion
    assert any("amended" in step.text for step in before.next_steps)
    after = statement(tmp_path, variant("AVP"), lineage=with_kin(LINEAGE, "father", "mother"), **parents)
    assert after.awaited == () and after.compared == ("father", "mother")
    assert after.digest != before.digest
    alone = statement(tmp_path, variant("AVP"))
    assert alone.digest == after.digest, "whom the findings were compared with, the findings say"


def test_the_method_is_told_in_the_words_of_a_clinician(tmp_path: Path) -> None:
    """Digests that stand for releases belong to the list of versions."""
    known = {"gene_model": f"{DATA_VERSION} 036d286b1140", "clinvar": "2024-12-15", "build": "GRCh37"}
    said = statement(tmp_path, lineage=replace(LINEAGE, receipts=(*LINEAGE.receipts, receipt("f", knowledge=known))))
    assert said.methods.endswith("named by HGVS, and judged with ClinVar 2024-12-15, gene model.")
    assert "036d286b1140" in render(said, Issue())


def test_names_of_signs_come_back_and_neither_they_nor_predictions_are_what_is_signed(tmp_path: Path) -> None:
    said = statement(tmp_path, variant("AVP"), phenotype=("HP:0001332",))
    rows = [finding.row for finding in said.findings]
    predicted = [{**row, "predictions": [{"predictor": "REVEL", "score": 0.9, "release": None}]} for row in rows]
    named = state(rows, said.case, LINEAGE, "GRCh37", MADE, {"HP:0001332": "Dystonia"})
    assert state(predicted, said.case, LINEAGE, "GRCh37", MADE).digest == said.digest
    assert named.digest == said.digest and named.signs == {"HP:0001332": "Dystonia"}
    write_statement(named, tmp_path / "a")
    assert read_statement(tmp_path / "a") == named


def test_the_ids_of_kin_are_not_told(tmp_path: Path) -> None:
    write_statement(statement(tmp_path, variant("AVP"), father_id="DAD-17", family_id="FAM-3"), tmp_path / "a")
    assert "DAD-17" not in (tmp_path / "a").read_text() and "FAM-3" not in (tmp_path / "a").read_text()


def test_every_step_says_what_it_is_about(tmp_path: Path) -> None:
    said = statement(
        tmp_path,
        variant("PRNP", 4_680_000, filter="StrandBias"),
        variant("PANK2", 3_888_572),
        variant("PANK2", 3_899_342),
        regions=replace(REGIONS, uncalled=(Gene("AVP"),)),
        ordered_genes=("PRNP", "PANK2", "AVP"),
    )
    kinds = {step.kind: step for step in said.next_steps}
    assert said.outcome is Outcome.POSITIVE
    (doubtful,) = kinds["confirmatory_testing"].reasons
    assert said.finding(doubtful).row["gene"] == "PRNP"
    texts = " ".join(step.text for step in said.next_steps)
    assert "Test the parents" in texts and "not called throughout: AVP" in texts
    assert {reason for step in said.next_steps for reason in step.reasons} == {one.id for one in said.findings}


def test_where_nothing_was_found_the_report_says_what_may_come_next() -> None:
    (step,) = next_steps([], unassessed=(), awaited=(), leaves_genes_out=False)
    assert "re-analysis" in step.text


def test_whose_identity_it_is_is_asked_of_the_case() -> None:
    from engine.person import Identity

    case = CaseFacts("S1", person(), REGIONS)
    case.require_own(Identity("P1"))
    with pytest.raises(ReportError, match="the identity is that of subject 'P2'"):
        case.require_own(Identity("P2"))
