"""``genomics-engine phenotype``."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import cli
from tests.builders.ontology import write_ontology


@pytest.fixture(scope="module")
def ontology(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_ontology(tmp_path_factory.mktemp("ontology")))


def test_a_table_of_ranks(ontology: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "rank.tsv"
    options = ["--ontology", ontology, "--hpo", "HP:0000102;HP:7777777", "--exclude", "HP:0000201"]
    assert cli.main(["phenotype", *options, "--output", str(output)]) == 0
    header, first, *others = [line.split("\t") for line in output.read_text().splitlines()]
    assert (
        header[:3] == ["rank", "gene", "score"] and first[:2] == ["1", "LQT"] and float(first[2]) > float(others[0][2])
    )
    told = capsys.readouterr().err
    assert "left out, no sign in HPO 2024-02-29: HP:7777777" in told and "4 genes ranked by 1 signs" in told


def test_named_genes_and_the_genes_of_calls(ontology: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = tmp_path / "calls.vcf"
    header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    calls.write_text(header + "chr1\t5\t.\tA\tG\t9\tPASS\tANN=G|x|HIGH|SKIN|g|transcript|t\n")
    options = ["--ontology", ontology, "--hpo", "HP:0000102"]
    assert cli.main(["phenotype", *options, "--genes", "SQT, NOSUCH"]) == 0
    told = capsys.readouterr()
    assert [line.split("\t")[1] for line in told.out.splitlines()] == ["gene", "SQT", "NOSUCH"]
    assert "no disease of it is known in HPO 2024-02-29: NOSUCH" in told.err
    assert cli.main(["phenotype", *options, "--input", str(calls)]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["gene", "SKIN"]


@pytest.mark.parametrize(
    "options",
    [
        ["--hpo", "HP:1"],
        ["--hpo", "HP:٠٠٠٠١٠٢"],
        ["--hpo", ","],
        ["--hpo", "HP:0000102", "--genes", "A", "--input", "x"],
    ],
)
def test_wrong_usage(options: list[str]) -> None:
    try:
        code = cli.main(["phenotype", *options])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2


def test_signs_that_nobody_knows_are_an_error(ontology: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["phenotype", "--ontology", ontology, "--hpo", "HP:7777777"]) == 1
    assert "none of the signs is one in HPO 2024-02-29" in capsys.readouterr().err
