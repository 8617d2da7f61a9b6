"""Runs of homozygosity as bcftools' own tests expect them, and which of them are told."""

from __future__ import annotations

import csv
import shlex
import shutil
from pathlib import Path

import pytest

from engine.genotype.homozygosity import (
    FREQUENCY,
    GENOTYPE_QUALITY,
    Run,
    find_runs,
    read_runs,
    share_of_autosomes,
    told_runs,
)
from engine.htslib import run_bcftools

LINES = [str(number) for number in range(1065, 1072)]


@pytest.fixture(scope="module")
def goldens(shared_data: Path) -> Path:
    return shared_data / "bcftools_goldens"


def command(goldens: Path, line: str) -> dict[str, str]:
    with (goldens / "commands.tsv").open() as file:
        return next(row for row in csv.DictReader(file, delimiter="\t") if row["test_pl_line"] == line)


@pytest.mark.parametrize("line", LINES)
def test_bcftools_gives_what_its_tests_expect(goldens: Path, tmp_path: Path, line: str) -> None:
    """By this release of bcftools the quality stands one row later than when the expectation was written."""
    row = command(goldens, line)
    for file in goldens.glob("roh.*"):
        shutil.copyfile(file, tmp_path / file.name)
    words = [str(tmp_path / word) if word.startswith("roh.1") else word for word in shlex.split(row["command_line"])]
    run_bcftools(*words[1:], "-o", str(tmp_path / "out"))
    shifted = goldens / row["expected"].replace(".out", ".bcftools-1.24.out")
    expected = (shifted if shifted.exists() else goldens / row["expected"]).read_text().splitlines()
    found = [text for text in (tmp_path / "out").read_text().splitlines() if not text.startswith("#")]
    assert found == [text for text in expected if not text.startswith("#")]


def test_runs_are_read_as_bcftools_told_them(goldens: Path, tmp_path: Path) -> None:
    for name in ("roh.1.vcf.gz", "roh.1.vcf.gz.csi"):
        shutil.copyfile(goldens / name, tmp_path / name)
    first = (goldens / "roh.1.1.out").read_text().splitlines()[0].split("\t")
    assert (f"-G{GENOTYPE_QUALITY}", FREQUENCY) == ("-G30", 0.4), "as that expectation was made"
    run = find_runs(tmp_path / "roh.1.vcf.gz")[0]
    assert run == Run(first[2], int(first[3]) - 1, int(first[4]), int(first[6]), float(first[7]))
    assert run.end - run.start == int(first[5])


def test_long_runs_of_autosomes_are_told(tmp_path: Path) -> None:
    rows = [
        "RG\tS\tchr1\t1000001\t5000000\t4000000\t900\t80.0",
        "RG\tS\tchr2\t1\t500000\t500000\t900\t80.0",  # short
        "RG\tS\tchr3\t1\t5000000\t5000000\t20\t80.0",  # of few variants
        "RG\tS\tchrX\t1\t5000000\t5000000\t900\t80.0",  # of which a man has one copy
    ]
    (tmp_path / "runs").write_text("# header\n" + "\n".join(rows) + "\n")
    told = told_runs(read_runs(tmp_path / "runs"))
    assert told == [Run("chr1", 1_000_000, 5_000_000, 900, 80.0)]
    assert share_of_autosomes(told, {"chr1": 30_000_000, "chr2": 10_000_000, "chrX": 9_000_000}) == 0.1
