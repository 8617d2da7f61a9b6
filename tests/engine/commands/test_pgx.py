"""``genomics-engine pgx``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.pharmacogenomics.pypgx import packaged_definitions, packaged_tables
from tests.builders.pharmacogenes import definition, whole, write_calls, write_definitions, write_genome


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


def test_the_gvcf_settles_what_has_no_record(tmp_path: Path) -> None:
    calls = write_calls(tmp_path / "c.vcf", whole("-", "-", "0/2", "-"))
    head = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1"])
    blocks = [
        f"chr2\t{start}\t.\t{ref}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ\t0/0:30:60"
        for start, ref, end in ((1, "A", 19), (23, "T", 59))
    ]
    gvcf = tmp_path / "s.g.vcf"
    gvcf.write_text("\n".join(["##fileformat=VCFv4.2", head, *blocks]) + "\n")
    gene = only(run(tmp_path, calls, "--gvcf", str(gvcf)))
    assert (gene["status"], gene["phenotype"], gene["missing_positions"]) == ("called", "Intermediate Metabolizer", [])
    gvcf.write_text(gvcf.read_text().replace(":30:60", ":30:5"))
    gene = only(run(tmp_path, calls, "--gvcf", str(gvcf)))
    assert {one["reason"] for one in gene["missing_positions"]} == {"no record, and the gVCF does not call it"}
    assert gene["status"] == "indeterminate" and gene["phenotypes"][0]["phenotype"] == "Intermediate Metabolizer"


def test_every_sample_of_a_file(tmp_path: Path) -> None:
    records = ["5 T C 0/0 1/1", "10 C T 0/0 0/0", "20 GTA G 0/0 0/0", "40 C G 0/0 0/0"]
    document = run(tmp_path, write_calls(tmp_path / "c.vcf", records, samples=("A", "B")))
    told = {one["sample"]: one["genes"][0]["diplotypes"][0]["diplotype"] for one in document["samples"]}
    assert told == {"A": "*1/*1", "B": "*2/*2"}


def test_combinations_stand_apart_from_named_solutions(tmp_path: Path) -> None:
    gene = only(run(tmp_path, write_calls(tmp_path / "c.vcf", whole("1|1", "0|0", "0|2", "0|0"))))
    assert (gene["status"], gene["diplotypes"]) == ("not called", [])
    assert gene["combinations"] == ["*2/[*2 + *28]"] and gene["recommendations"] == []


X: dict[str, Any] = {
    "contig": "chrX",
    "places": [(5, "T", ["C"], "rs1")],
    "alleles": {"B (reference)": ["T"], "Chatham": ["C"]},
}


@pytest.mark.parametrize(
    ("genotype", "sex", "diplotypes", "phenotype"),
    [
        ("1", "unknown", ["Chatham"], "G6PD Deficient"),
        ("1/1", "male", ["Chatham"], "G6PD Deficient"),
        ("1/1", "unknown", ["Chatham/Chatham"], "G6PD Deficient"),
        ("0/1", "female", ["B (reference)/Chatham"], "G6PD Variable"),
        ("0/1", "male", [], None),
        ("1", "female", [], None),
    ],
)
def test_a_gene_on_x(tmp_path: Path, genotype: str, sex: str, diplotypes: list[str], phenotype: str | None) -> None:
    folder = write_definitions(tmp_path / "definitions", definition("G6PD", **X))
    calls = write_calls(tmp_path / "c.vcf", [f"X:5 T C {genotype}"])
    gene = only(
        run(tmp_path, calls, "--sex", sex, "--definitions", str(folder), genome=write_genome(tmp_path, contig="chrX"))
    )
    assert ([one["diplotype"] for one in gene["diplotypes"]], gene["phenotype"]) == (diplotypes, phenotype)


def test_the_packaged_definitions(tmp_path: Path) -> None:
    tables = packaged_tables()
    (known,) = packaged_definitions(tables, {"MT-RNR1"})
    bases = ["N"] * 16_569
    for locus in known.loci:
        bases[locus.position - 1 : locus.position - 1 + len(locus.ref)] = locus.ref
    genome = write_genome(tmp_path, contig="MT", bases="".join(bases))
    records = [
        f"chrM:{locus.position} {locus.ref} {','.join(locus.alternates)} {'1' if locus.position == 1555 else '0'}"
        for locus in known.loci
    ]
    gene = only(run(tmp_path, write_calls(tmp_path / "c.vcf", records), "--genes", "MT-RNR1", genome=genome))
    assert [one["diplotype"] for one in gene["diplotypes"]] == ["m.1555A>G"]
    assert gene["phenotype"] == "Increased Risk of Aminoglycoside-Induced Hearing Loss"
    assert gene["definition"]["source"] == f"PyPGx {tables.version}" and gene["definition"]["build"] == "GRCh38"
    absent = only(run(tmp_path, tmp_path / "c.vcf", "--genes", "CYP2D6", genome=genome))
    assert (absent["status"], absent["diplotypes"]) == ("not called", [])
    assert absent["missing_positions"][0]["reason"] == "the reference has no such contig"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"records": ["5 A C 0/1"]}, "REF is A, where the reference reads T"),
        ({"bases": "A" * 60}, "have T at rs1 (chr2:5), the reference reads A"),
        ({"header": "##contig=<ID=chr20,length=63025520>"}, "the calls are of GRCh37"),
        ({"genes": "UGT1A1,BRCA1"}, "no allele definition of BRCA1"),
        ({"definitions": "{"}, "this is not JSON"),
        ({"definitions": '{"gene": "UGT1A1"}'}, "no allele definition of PharmCAT's format"),
        ({"definitions": None}, "the folder holds no allele definition"),
        ({"gvcf": "S2"}, "the gVCF is of S2, the calls are of S1"),
        ({"gvcf": "S1", "samples": ("S1", "S2"), "records": ["5 T C 0/1 0/1"]}, "these are of several"),
    ],
)
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, said: str) -> None:
    folder = write_definitions(tmp_path / "definitions")
    if "definitions" in change:
        (file,) = folder.iterdir()
        file.unlink() if change["definitions"] is None else file.write_text(change["definitions"])
    calls = write_calls(
        tmp_path / "c.vcf",
        change.get("records", ["5 T C 0/1"]),
        samples=change.get("samples", ("S1",)),
        header=change.get("header", ""),
    )
    genome = write_genome(tmp_path, **({"bases": change["bases"]} if "bases" in change else {}))
    options = ["--reference", str(genome), "--input", str(calls), "--definitions", str(folder)]
    if "gvcf" in change:
        options += ["--gvcf", str(write_calls(tmp_path / "s.g.vcf", ["5 T C 0/1"], samples=(change["gvcf"],)))]
    if "genes" in change:
        options += ["--genes", change["genes"]]
    output = tmp_path / "out.json"
    assert cli.main(["pgx", *options, "--output", str(output)]) == 1
    error = capsys.readouterr().err
    assert said in error and "Remedy: " in error and not output.exists()


@pytest.mark.parametrize("options", [["--genes", ","], ["--sex", "x"]])
def test_wrong_usage(options: list[str]) -> None:
    try:
        code = cli.main(["pgx", "--reference", "r", "--input", "c", *options])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2


def test_the_page_explains_every_field(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "pharmacogenomics.md").read_text()
    rows = page.partition("| field | meaning |\n")[2].partition("\n\n")[0].splitlines()[1:]
    fields = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    document = run(tmp_path, write_calls(tmp_path / "c.vcf", whole("0/0", "0/0", "2/2", "0/0")))
    assert fields == list(only(document))
    assert set(document) == {"format", "tool", "guidelines", "samples"}
    for name, told in only(document).items():
        nested = told if isinstance(told, dict) else told[0] if told and isinstance(told, list) else None
        for inner in nested if isinstance(nested, dict) else ():
            assert f"`{inner}`" in page, (name, inner)
