"""``genomics-engine score``."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import cli
from tests.builders.alignments import write_reference
from tests.builders.scores import write_calls, write_score


def test_a_row_for_each_sample_and_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score = write_score(tmp_path / "s.txt", ["- 20 5 G A 0.5", "- 20 6 C T 1"])
    calls = write_calls(tmp_path / "c.vcf", ["20 5 . A G 0/1 1/1", "20 6 . T C 0/0 ./."], samples=("S1", "S2"))
    model = tmp_path / "m.prs"
    model.write_text("mean=0.1\nsd=0.2\n")
    options = ["--score", str(score), "--input", str(calls), "--model", str(model)]
    assert cli.main(["score", *options]) == 0
    told = capsys.readouterr()
    assert [line.split("\t") for line in told.out.splitlines()] == [
        ["sample", "score_id", "sum", "matched", "variants", "z"],
        ["S1", "PGS9", "0.5", "2", "2", "2"],
        ["S2", "PGS9", "", "1", "2", ""],
    ]
    assert "warning: no sum for S2, PGS9: 1 of 2 variants are known; 75% are needed" in told.err
    assert cli.main(["score", *options, "--least-matched", "0.5"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "S2\tPGS9\t1\t1\t2\t4.5"


def test_too_little_known_of_everyone_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score, output = write_score(tmp_path / "s.txt", ["- 20 5 G A 0.5"]), tmp_path / "out.tsv"
    calls = write_calls(tmp_path / "c.vcf", ["20 9 . A G 0/1"])
    assert cli.main(["score", "--score", str(score), "--input", str(calls), "--output", str(output)]) == 1
    assert "0 of 1 variants are known" in capsys.readouterr().err and not output.exists()


def test_a_score_of_another_build_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score = write_score(tmp_path / "s.txt", ["- 20 5 G A 0.5"], facts=["genome_build=GRCh37"])
    calls = write_calls(tmp_path / "c.vcf", ["chr20 5 . A G 0/1"], length=64_444_167)
    assert cli.main(["score", "--score", str(score), "--input", str(calls)]) == 1
    assert "the score's places are of GRCh37, the calls" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("genotype", "sex", "total"), [("0", "unknown", "3"), ("0/0", "unknown", "4"), ("0", "female", "4")]
)
def test_the_gvcf_or_the_sex_says_how_many_copies_of_x_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], genotype: str, sex: str, total: str
) -> None:
    """Reference on chromosome 20, of which everybody has two copies, and on X."""
    reference = write_reference(tmp_path, {"chr20": "AC" * 50, "chrX": "AC" * 50})
    score = write_score(tmp_path / "s.txt", ["- 20 5 A G 1", "- X 5 A G 1"])
    calls = write_calls(tmp_path / "c.vcf", ["chr20 9 . A G 0/1"])
    gvcf = tmp_path / "c.g.vcf"
    blocks = "\t1\t.\tA\t<NON_REF>\t.\t.\tEND=90\tGT:DP:GQ\t"
    records = [f"chr20{blocks}0/0:30:50", f"chrX{blocks}{genotype}:30:50"]
    gvcf.write_text("\n".join([*calls.read_text().splitlines()[:2], *records]) + "\n")
    options = ["--score", str(score), "--input", str(calls), "--gvcf", str(gvcf), "--reference", str(reference.fasta)]
    assert cli.main(["score", *options, "--sex", sex]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[2] == total


@pytest.mark.parametrize(
    "options", [["--gvcf", "x"], ["--reference", "x"], ["--model", "x", "--score", "z"], ["--least-matched", "2"]]
)
def test_wrong_usage(options: list[str]) -> None:
    try:
        code = cli.main(["score", "--score", "s", "--input", "c", *options])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
