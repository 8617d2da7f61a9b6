"""Every kind of resource, component and mark that the guide has for what a report tells, made at least once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.fhir.bundle import build_bundle
from engine.fhir.check import check_bundle, faults
from engine.fhir.codes import PROFILE, RELATED_ARTIFACT, SECONDARY_FINDING
from engine.fhir.report_document import Document
from engine.person import Identity
from engine.receipt import ArtifactFile
from engine.report.issue import issue_of
from engine.report.risk import risk_of
from engine.risk.distribution import Distribution
from engine.risk.score import SampleScore
from tests.builders.annotated import variant
from tests.builders.drugs import drug_response
from tests.builders.statements import LINEAGE, receipt, sign_out, statement
from tests.engine.fhir.test_further import EVERYTHING

JsonObject = dict[str, Any]

PROFILES = (
    *("genomic-report", "genomic-study", "genomic-study-analysis", "genomic-data-file", "variant"),
    *("molecular-consequence", "diagnostic-implication", "therapeutic-implication", "genotype", "haplotype"),
    *("sequence-phase-relationship", "followup-recommendation"),
)
PLAIN = (
    *("Patient", "Specimen", "ServiceRequest", "Organization", "Practitioner", "Device", "Provenance"),
    *("DocumentReference", "RiskAssessment"),
)
EXTENSIONS = (
    *(PROFILE + name for name in ("genomic-report-note", "recommended-action", "genomic-risk-assessment")),
    *(PROFILE + f"genomic-study-analysis-{name}" for name in ("regions", "genome-build", "method-type", "device")),
    *(SECONDARY_FINDING, RELATED_ARTIFACT),
)
COMPONENTS = {
    **{"48018-6": "gene", "81290-9": "genomic HGVS", "48004-6": "c. name", "48005-3": "p. name", "48013-7": "sequence"},
    **{"81254-5": "place", "69547-8": "reference allele", "69551-0": "alternate allele", "53034-5": "allelic state"},
    **{"82121-5": "depth of the allele", "81258-6": "its share", "81252-9": "ClinVar and dbSNP"},
    **{"48019-4": "type of change", "feature-consequence": "Sequence Ontology", "53037-8": "class"},
    **{"81259-4": "condition", "condition-inheritance": "inheritance", "82155-3": "copies", "repeat-motif": "motif"},
    **{"repeat-number": "units", "81302-2": "inner ends", "81301-4": "outer ends"},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> JsonObject:
    """One person of whom everything is told."""
    folder: Path = tmp_path_factory.mktemp("everything")
    rows = (variant("PANK2", 3_888_572), variant("PANK2", 3_888_579), variant("BRCA1", 3_300_000))
    risks = [risk_of(SampleScore("S1", "PGS000001", 1.5, 76, 77), "breast carcinoma", Distribution(1.0, 0.25), "women")]
    calls = replace(receipt("variants", inputs={"aligned_reads": "v"}), files=(ArtifactFile("S1.vcf.gz", "4" * 64, 9),))
    said = statement(
        folder,
        *rows,
        lineage=replace(LINEAGE, receipts=(*LINEAGE.receipts, calls)),
        drugs=drug_response(folder),
        further=EVERYTHING,
        risks=risks,
        ordered_genes=("PANK2",),
        secondary_findings_consent=True,
        phenotype=("HP:0001332",),
    )
    issue = issue_of((sign_out(said),), said.digest)
    page = Document("S1.report.html", b"<!DOCTYPE html>")
    built = build_bundle(said, issue, Identity("P1", name="Jane Doe", birth_date="1980-01-31"), document=page)
    assert [str(fault) for fault in faults(built)] == [] and not check_bundle(built).problems
    return built


def test_every_kind_of_resource_is_made(bundle: JsonObject) -> None:
    resources = [entry["resource"] for entry in bundle["entry"]]
    followed = {url for one in resources for url in one.get("meta", {}).get("profile", ())}
    assert {PROFILE + name for name in PROFILES} - followed == set()
    plain = {one["resourceType"] for one in resources if "profile" not in one.get("meta", {})}
    assert set(PLAIN) - plain == set()


def test_every_mark_and_component_is_made(bundle: JsonObject) -> None:
    urls = {str(one["url"]) for one in _all(bundle) if "url" in one}
    assert set(EXTENSIONS) - urls == set()
    codes = {one["code"]["coding"][0]["code"] for part in _all(bundle) for one in part.get("component", ())}
    assert {name: what for name, what in COMPONENTS.items() if name not in codes} == {}


def test_files_of_calls_are_told_beside_the_report(bundle: JsonObject) -> None:
    files = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "DocumentReference"]
    titles = {content["attachment"]["title"] for one in files for content in one["content"]}
    assert {"S1.report.html", "S1_R1.fastq.gz", "S1.vcf.gz"} <= titles


def _all(part: Any) -> Iterator[JsonObject]:
    """Every object within."""
    if isinstance(part, dict):
        yield part
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _all(one)
