"""``genomics-engine pgx``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from tests.builders.pharmacogenes import whole, write_calls, write_definitions, write_genome


def run(folder: Path, calls: Path, *options: str, genome: Path | None = None) -> Any:
    """The document of a run that must succeed, with definitions of ``folder``."""
    output = folder / "calls.json"
    reference = genome or write_genome(folder)
    fixed = ["--reference", str(reference), "--input", str(calls), "--output", str(output)]
    if "--definitions" not in options and "--genes" not in options:
        options = (*options, "--definitions", str(write_definitions(folder / "definitions")))
    assert cli.main(["pgx", *fixed, *options]) == 0
    return json.loads(output.read_text())


def only(document: Any) -> Any:
    """The one gene of the one sample."""
    (sample,) = document["samples"]
    (gene,) = sample["genes"]
    return gene


def test_a_gene_is_called_with_its_phenotype_and_recommendation(tmp_path: Path) -> None:
    gene = only(run(tmp_path, write_calls(tmp_path / "c.vcf", whole("0/0", "0/0", "2/2", "0/0"))))
    assert (gene["gene"], gene["status"], gene["phenotype"]) == ("UGT1A1", "called", "Poor Metabolizer")
    assert gene["diplotypes"] == [{"diplotype": "*28/*28", "alleles": ["*28", "*28"], "score": 2, "preferred": True}]
    (allele,) = gene["alleles"]
    assert allele["function"] == "Decreased Function"
    assert allele["defined_by"] == [
        {"contig": "chr2", "position": 20, "ref": "GTA", "rsid": "rs3", "allele": "GTATA", "any_of": []}
    ]
    drugs = {one["drug"]: one for one in gene["recommendations"]}
    assert drugs["atazanavir"]["source"] == "pypgx" and drugs["atazanavir"]["version"]
    assert gene["definition"]["source"] == "TEST" and gene["definition"]["version"] == "2026-01-01"


def test_unphased_genotypes_give_every_solution_and_phased_ones_fewer(tmp_path: Path) -> None:
    unphased = only(run(tmp_path, write_calls(tmp_path / "c.vcf", whole("0/1", "0/1", "0/0", "0/0"))))
    assert [one["diplotype"] for one in unphased["diplotypes"]] == ["*1/*4", "*2/*3"]
    phased = only(run(tmp_path, write_calls(tmp_path / "c.vcf", whole("0|1", "0|1", "0/0", "0/0"))))
    assert [one["diplotype"] for one in phased["diplotypes"]] == ["*1/*4"]


def test_a_position_without_a_record_is_missing_until_the_gvcf_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = write_calls(tmp_path / "c.vcf", whole("0/0", "0/0", "0/1", "-"))
    gene = only(run(tmp_path, calls))
    assert gene["missing_positions"][0]["position"] == 40
    assert gene["missing_positions"][0]["reason"] == "no record, and nothing that shows it to be the reference"
    assert gene["not_excluded"] == ["*9"] and gene["status"] == "indeterminate" and gene["phenotype"] is None
    assert "1 positions have no record" in capsys.readouterr().err
