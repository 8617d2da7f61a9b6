"""What is found beside small variants, in the report and as Variant Observations that the guide's profile takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.classify.further import Further, FurtherFinding, smn_findings, with_accessions
from engine.classify.question import Question
from engine.fhir.bundle import build_bundle
from engine.fhir.check import check_bundle, faults
from engine.report.issue import Issue
from engine.report.page import render
from engine.report.statement import Statement
from engine.report.statement_file import read_statement, write_statement
from engine.structural.smn import SmnCopies
from tests.builders.annotated import variant
from tests.builders.statements import statement

GONE = FurtherFinding(
    "structural|1",
    "structural variant",
    ("AVP",),
    "AVP: heterozygous deletion",
    "It touches 1 exon of AVP.",
    ("Confirm it.",),
    contig="20",
    position=3_063_000,
    end=3_064_000,
    type="DEL",
    copies=1,
    inner=(3_063_020, 3_063_980),
    outer=(3_062_980, 3_064_020),
    zygosity="heterozygous",
)
LONG = FurtherFinding(
    "repeat|HD", "repeat expansion", ("HTT",), "HTT: 45 units", "It is long.",
    contig="4", position=3_076_604, end=3_076_660, motif="CAG", units=45.0, least_units=42.0, most_units=50.0,
)  # fmt: skip
MIXED = FurtherFinding(
    "mitochondrial|3242", "mitochondrial variant", (), "MT: m.3243A>G", "ClinVar calls it pathogenic.",
    contig="MT", position=3_243, end=3_243, fraction=0.31, ref="A", alt="G",
    accession="NC_012920.1",
)  # fmt: skip
RUNS = FurtherFinding("homozygosity", "homozygosity", (), "6.2% lie in runs", "Parents are related.")
(LOST,) = smn_findings(
    SmnCopies("5", 70_247_773, 3.0, 0, 45, 0, 3, 1.0, (0,)), Question(("SMN1",), None, is_open=False)
)
EVERYTHING = Further(
    (GONE, LONG, MIXED, RUNS, LOST), ("structural variants", "repeats"), (("homozygosity", "too little"),)
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Statement:
    return statement(tmp_path_factory.mktemp("said"), further=EVERYTHING)


@pytest.fixture(scope="module")
def observations(said: Statement) -> list[dict[str, Any]]:
    bundle = build_bundle(said)
    assert [str(fault) for fault in faults(bundle)] == [] and not check_bundle(bundle).problems
    resources = [entry["resource"] for entry in bundle["entry"]]
    return [one for one in resources if one.get("meta", {}).get("profile", [""])[0].endswith("/variant")]


def values(observation: dict[str, Any]) -> dict[str, Any]:
    return {
        part["code"]["coding"][0]["code"]: next(value for name, value in part.items() if name.startswith("value"))
        for part in observation["component"]
    }


def test_a_structural_variant_has_copies_and_both_ranges(observations: list[dict[str, Any]]) -> None:
    told = values(observations[0])
    assert told["82155-3"]["value"] == 1 and told["48019-4"]["coding"][0]["code"] == "SO:0000159"
    assert told["81302-2"] == {"low": {"value": 3_063_020}, "high": {"value": 3_063_980}}
    assert told["81301-4"] == {"low": {"value": 3_062_980}, "high": {"value": 3_064_020}}
    assert "81254-5" not in told and told["53034-5"]["coding"][0]["code"] == "LA6706-1"


def test_a_repeat_has_motif_and_number(observations: list[dict[str, Any]]) -> None:
    told = values(observations[1])
    assert told["repeat-motif"] == "CAG" and told["repeat-number"]["value"] == 45.0


def test_heteroplasmy_is_a_share_and_a_state(observations: list[dict[str, Any]]) -> None:
    told = values(observations[2])
    assert told["81258-6"]["value"] == 0.31 and told["53034-5"]["coding"][0]["code"] == "LA6703-8"
    assert (told["69547-8"], told["69551-0"]) == ("A", "G")
    assert "48000-4" not in told, "LOINC has no code for the mitochondrion: its sequence names the place"
    assert told["48013-7"]["coding"][0]["code"] == "NC_012920.1"
    assert told["81290-9"]["coding"][0]["code"] == "NC_012920.1:m.3243A>G"
    assert len(observations) == 4, "runs of homozygosity are no variant"


def test_a_lost_copy_of_smn1_is_no_deletion_of_the_one_base_that_tells_it(observations: list[dict[str, Any]]) -> None:
    told = values(observations[3])
    assert told["82155-3"]["value"] == 0 and "81254-5" not in told
    assert told["53034-5"]["coding"][0]["code"] == "LA6705-3"
    assert told["81302-2"] == {"low": {"value": 70_247_773}, "high": {"value": 70_247_773}}
    assert told["81301-4"] == {"low": {"value": 70_242_773}, "high": {"value": 70_252_773}}


def test_a_contig_has_the_name_that_ncbi_has_for_it_and_what_was_signed_stays_signed(tmp_path: Path) -> None:
    unnamed = [replace(one, accession="") for one in EVERYTHING.findings]
    named = list(with_accessions(unnamed, "GRCh38", {"MT": 16_569, "4": 190_214_555}))
    assert [one.accession for one in named] == ["NC_000020.11", "NC_000004.12", "NC_012920.1", "", "NC_000005.10"]
    (older,) = with_accessions([MIXED], "GRCh37", {"MT": 16_571})
    assert older.accession == "NC_001807.4"
    without = [replace(one, zygosity="") for one in unnamed]
    digests = {
        statement(tmp_path, further=replace(EVERYTHING, findings=tuple(found))).digest
        for found in (unnamed, named, without)
    }
    assert len(digests) == 1


def test_the_report_says_them_and_is_not_negative(said: Statement, tmp_path: Path) -> None:
    assert said.outcome == "inconclusive"
    for one in EVERYTHING.findings:
        assert any(one.headline in sentence for sentence in said.conclusion)
    page = render(said, Issue())
    assert "Beside small variants" in page and "42.0 to 50.0 of CAG" in page and "31.0%" in page
    assert any("Not looked for: homozygosity (too little)" in one for one in said.limits)
    write_statement(said, tmp_path / "s.json")
    assert read_statement(tmp_path / "s.json").further == EVERYTHING


def test_where_nothing_was_looked_for_a_report_is_as_it_was(tmp_path: Path) -> None:
    before = statement(tmp_path / "a", variant("AVP"))
    after = statement(tmp_path / "b", variant("AVP"), further=Further((), (), (("repeats", "no loci"),)))
    assert before.digest == after.digest and before.limits == after.limits
    other = statement(tmp_path / "c", variant("AVP"), further=Further((GONE,), ("structural variants",)))
    assert other.digest != before.digest
