"""A case as a Phenopacket: read back by GA4GH's own library, and what it calls causative."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from phenopackets.schema.v2 import phenopackets_pb2

from engine.exchange.phenopacket import phenopacket
from engine.report.issue import issue_of
from tests.builders.annotated import variant
from tests.builders.statements import sign_out, statement


def told(folder: Path, *rows: dict[str, Any], signed: bool = False, **facts: Any) -> dict[str, Any]:
    said = statement(folder, *rows, **facts)
    issue = issue_of((sign_out(said),) if signed else (), said.digest)
    return phenopacket(said, issue, "2024-12-12", lambda contig, position, ref, alt: f"ga4gh:VA.{position}{ref}{alt}")


def test_the_packet_is_one_of_the_schema(tmp_path: Path) -> None:
    packet = told(tmp_path, variant("PANK2", genotype="1/1", copies=2), phenotype=("HP:0001300",))
    read = ParseDict(packet, phenopackets_pb2.Phenopacket())
    assert MessageToDict(read)["subject"] == {"id": "P1", "sex": "FEMALE"}
    (interpretation,) = read.interpretations
    (genomic,) = interpretation.diagnosis.genomic_interpretations
    shown = genomic.variant_interpretation.variation_descriptor
    assert shown.id == "ga4gh:VA.3899000CT" and shown.gene_context.symbol == "PANK2"
    assert (shown.vcf_record.pos, shown.vcf_record.ref, shown.allelic_state.label) == (3_899_000, "C", "homozygous")
    assert read.phenotypic_features[0].type.id == "HP:0001300"


@pytest.mark.parametrize(
    ("copies", "signed", "status", "progress"),
    [
        (2, False, "CANDIDATE", "IN_PROGRESS"),
        (2, True, "CAUSATIVE", "COMPLETED"),
        (1, True, "UNKNOWN_STATUS", "COMPLETED"),
    ],
)
def test_nothing_is_causative_before_somebody_signed(
    tmp_path: Path, copies: int, signed: bool, status: str, progress: str
) -> None:
    genotype = "1/1" if copies == 2 else "0/1"
    packet = told(tmp_path, variant("PANK2", genotype=genotype, copies=copies), signed=signed)
    (one,) = packet["interpretations"]
    assert one["progressStatus"] == progress
    assert one["diagnosis"]["genomicInterpretations"][0]["interpretationStatus"] == status


@pytest.mark.parametrize(
    ("row", "told_as"),
    [
        ({}, "PATHOGENIC"),
        ({"clinvar_classification": "pathogenic_low_penetrance", "acmg_class": "benign"}, "NOT_PROVIDED"),
        ({"category": "candidate", "clinvar_classification": "uncertain_significance", "acmg_class": "pathogenic"},
         "PATHOGENIC"),
        ({"category": "uncertain", "clinvar_classification": None, "acmg_class": "likely_benign"},
         "UNCERTAIN_SIGNIFICANCE"),
        ({"decided_class": "likely_pathogenic"}, "LIKELY_PATHOGENIC"),
    ],
)  # fmt: skip
def test_the_class_is_the_one_that_the_report_tells(tmp_path: Path, row: dict[str, Any], told_as: str) -> None:
    said = statement(tmp_path, variant("PANK2"))
    (one,) = said.findings
    changed = replace(said, findings=(replace(one, row={**one.row, **row}),))
    packet = phenopacket(changed, issue_of((), said.digest), "", lambda *_: None)
    (genomic,) = packet["interpretations"][0]["diagnosis"]["genomicInterpretations"]
    assert genomic["variantInterpretation"]["acmgPathogenicityClassification"] == told_as


def test_a_case_without_findings_has_none(tmp_path: Path) -> None:
    packet = told(tmp_path)
    assert packet["interpretations"] == [] and ParseDict(packet, phenopackets_pb2.Phenopacket()).id.startswith("S1.")
