"""ACMG SF v3.3 against the published counts and an independent copy of v3.1."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from engine.classify.acmg_secondary_findings import secondary_findings_genes

ADDED_SINCE_3_1 = {"CALM1", "CALM2", "CALM3", "ABCD1", "CYP27A1", "PLN"}


def test_84_genes_by_category() -> None:
    counted = Counter(gene.category for gene in secondary_findings_genes().values())
    assert counted == {"cancer": 28, "cardiovascular": 41, "metabolic": 5, "other": 10}


def test_agrees_with_version_3_1(shared_data: Path) -> None:
    with (shared_data / "acmg_hgvs" / "acmg_sf.tsv").open() as table:
        older = {row["gene_symbol"]: row for row in csv.DictReader(table, delimiter="\t")}
    ours = secondary_findings_genes()
    assert set(ours) - set(older) == ADDED_SINCE_3_1 and set(older) <= set(ours)
    for symbol, row in older.items():
        assert (ours[symbol].hgnc_id, ours[symbol].inheritance) == (row["hgnc_id"], row["inheritance"].strip()), symbol
        rules = {"P and LP (2 variants)": "biallelic", "p.C282Y homozygotes only": "c282y_homozygous"}
        if row["variants_to_report"] in rules:
            assert ours[symbol].report == rules[row["variants_to_report"]]


@pytest.mark.parametrize(
    ("gene", "genotype", "reported"),
    [
        ("TP53", {}, True),
        ("MUTYH", {}, False),
        ("MUTYH", {"biallelic": True}, True),
        ("TTN", {}, False),
        ("TTN", {"terms": frozenset({"stop_gained"})}, True),
        ("HFE", {"biallelic": True, "protein": "p.(Cys282Tyr)"}, False),
        ("HFE", {"homozygous": True, "biallelic": True, "protein": "ENSP1:p.(Cys282Tyr)"}, True),
        ("HFE", {"homozygous": True, "biallelic": True, "protein": "ENSP1:p.(His63Asp)"}, False),
        ("GLA", {}, True),
    ],
)
def test_what_each_rule_reports(gene: str, genotype: dict[str, object], reported: bool) -> None:
    given = {"biallelic": False, "homozygous": False, "terms": frozenset({"missense_variant"}), "protein": None}
    assert secondary_findings_genes()[gene].reports(**(given | genotype)) is reported  # type: ignore[arg-type]
