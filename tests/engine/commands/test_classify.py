"""``genomics-engine classify``."""

import gzip
from pathlib import Path

import pytest

from engine import cli


def test_criteria_of_one_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classify", "--criteria", "PVS1,PM2=P"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True)) == {
        "met": "PVS1,PM2=P",
        "points": "9",
        "points_class": "Likely Pathogenic",
        "rules2015_class": "Uncertain Significance",
    }


def test_a_table_gets_three_columns_and_one_that_it_had_is_made_anew(tmp_path: Path) -> None:
    table, output = tmp_path / "in.tsv.gz", tmp_path / "out.tsv"
    rows = ["gene\tpoints\tcodes", "A\told\tBA1;BP4", 'B "b"\told\t', "C\told\tPS1;PM1"]
    table.write_bytes(gzip.compress("".join(f"{row}\n" for row in rows).encode()))
    assert cli.main(["classify", "--table", str(table), "--column", "codes", "--output", str(output)]) == 0
    assert [line.split("\t") for line in output.read_text().splitlines()] == [
        ["gene", "codes", "points", "points_class", "rules2015_class"],
        ["A", "BA1;BP4", "BA", "Benign", "Benign"],
        ['B "b"', "", "0", "Uncertain Significance", "Uncertain Significance"],
        ["C", "PS1;PM1", "6", "Likely Pathogenic", "Likely Pathogenic"],
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("gene\tmet\nA\tPVS1\nB\tPXS1\n", ["in.tsv, line 3", "'PXS1' is no ACMG/AMP criterion"]),
        ("gene\tmet\nA\n", ["in.tsv, line 2", "1 columns where the header has 2"]),
        ("gene,met\nA,PVS1\n", ["in.tsv, line 1", "no column 'met', but 'gene,met'", "parted by tabs"]),
        ("", ["in.tsv", "Remedy: "]),
        ("met\nPVS", ["in.tsv", "Remedy: "]),
    ],
)
def test_a_table_that_cannot_be_read_leaves_the_output_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, told: list[str]
) -> None:
    table, output = tmp_path / "in.tsv", tmp_path / "out.tsv"
    table.write_text(content)
    output.write_text("yesterday's")
    assert cli.main(["classify", "--table", str(table), "--output", str(output)]) == 1
    error = capsys.readouterr().err
    assert all(part in error for part in told), error
    assert output.read_text() == "yesterday's"


@pytest.mark.parametrize("options", [[], ["--criteria", "PVS1", "--table", "x.tsv"]])
def test_neither_or_both_is_wrong_usage(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classify", *options]) == 2
    assert "give either --criteria or --table" in capsys.readouterr().err
