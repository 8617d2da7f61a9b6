"""Runs of homozygosity as bcftools' own tests expect them, and which of them are told."""

from __future__ import annotations

import csv
import shlex
import shutil
from pathlib import Path

import pysam
import pytest

from engine.errors import VariantFileError
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


HAPLOID = "chrX\t9000\t.\tA\tG\t50\tPASS\t.\tGT\t1\nchrM\t9\t.\tA\tG\t50\tPASS\t.\tGT\t1\n"


def some_calls(folder: Path, more: str, of: str = "0/1") -> Path:
    header = "".join(f"##contig=<ID={name},length=100000>\n" for name in ("chr1", "chr2", "chrX", "chrM"))
    header = f'##fileformat=VCFv4.2\n{header}##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
    rows = "".join(f"chr1\t{1000 * at}\t.\tA\tG\t50\tPASS\t.\tGT\t1/1\n" for at in range(1, 60))
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    (folder / "calls.vcf").write_text(f"{header}{columns}{rows}chr2\t5000\t.\tA\tG\t50\tPASS\t.\tGT\t{of}\n{more}")
    pysam.tabix_compress(str(folder / "calls.vcf"), str(folder / "calls.vcf.gz"), force=True)
    return folder / "calls.vcf.gz"


def test_contigs_of_one_copy_are_passed_over(tmp_path: Path) -> None:
    """As a man's X and everybody's mitochondrion have them: bcftools roh ends on them without a word."""
    (run,) = find_runs(some_calls(tmp_path, ""))
    assert (run.contig, run.start, run.end, run.markers) == ("chr1", 999, 59_000, 59)
    assert find_runs(some_calls(tmp_path, HAPLOID)) == [run]
    assert find_runs(some_calls(tmp_path, HAPLOID, of="1")) == [run]


def test_what_no_run_can_be_found_in_is_refused_by_its_file(tmp_path: Path) -> None:
    with pytest.raises(VariantFileError, match="more than two copies") as caught:
        find_runs(some_calls(tmp_path, "", of="0/1/1"))
    assert caught.value.file == str(tmp_path / "calls.vcf.gz")


@pytest.mark.parametrize("samples", [("S1", "S2"), ()])
def test_runs_are_those_of_one_person(samples: tuple[str, ...], tmp_path: Path) -> None:
    """bcftools told those of the first of several as if they were everybody's."""
    some_calls(tmp_path, "")
    calls = tmp_path / "calls.vcf"
    lines = []
    for line in calls.read_text().splitlines():
        *fixed, _ = line.split("\t")
        more = samples if line.startswith("#CHROM") else ["1/1"] * len(samples)
        lines.append(line if line.startswith("##") else "\t".join([*(fixed if samples else fixed[:8]), *more]))
    calls.write_text("\n".join(lines) + "\n")
    with pytest.raises(VariantFileError, match=f"the calls of {len(samples)} samples") as caught:
        find_runs(calls)
    assert caught.value.file == str(calls) and caught.value.remedy


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
