"""Each command of ``genomics-engine`` says in one message what is wrong with a file, and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from engine import cli
from engine.files.bgzf import END_OF_FILE
from tests.builders.alignments import Haplotype, random_sequence, write_bam, write_reference
from tests.builders.damage import bgzf, blocks

SEQUENCE = random_sequence(4_000, 2)
HEAD = '##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description="x">\n##contig=<ID=chr20,length=4000>\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
CALL = "GT:AD:DP:GQ:PL\t0/1:14,16,0:30:99:385,0,350,427,398,725\n"
GVCF = HEAD + COLUMNS + "".join(
    f"chr20\t{at}\t.\t{SEQUENCE[at - 1]}\t{'ACGT'['CGTA'.index(SEQUENCE[at - 1])]},<NON_REF>\t55\t.\tDP=30\t{CALL}"
    for at in range(50, 3_000, 50)
)  # fmt: skip
ENDLESS = bgzf(GVCF.encode())[: -len(END_OF_FILE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reference = write_reference(tmp_path, {"chr20": SEQUENCE})
    write_bam(tmp_path / "S1.bam", reference, [Haplotype("chr20", SEQUENCE)] * 2)
    (tmp_path / "good.g.vcf.gz").write_bytes(bgzf(GVCF.encode()))
    (tmp_path / "cut.g.vcf.gz").write_bytes(ENDLESS)
    (tmp_path / "cut.bed").write_text("chr20\t10\t20\nchr20\t300\t4")
    (tmp_path / "spaces.vcf").write_text(
        HEAD + COLUMNS.replace("S1", "S2") + GVCF.splitlines()[-1].replace("\t", " ") + "\n"
    )
    (tmp_path / "report.txt").write_text("#:GATKReport.v1.1:5\n#:GATKTable:2:17:%s")
    return tmp_path


def twice(folder: Path) -> None:
    parts = blocks((folder / "S1.bam").read_bytes())
    (folder / "S1.bam").write_bytes(b"".join([*parts[:2], parts[1], *parts[2:], END_OF_FILE]))
    Path(f"{folder}/S1.bam.bai").unlink()


def replaced(folder: Path) -> None:
    """The reads are replaced after they were indexed."""
    reference = write_reference(folder, {"chr20": SEQUENCE})
    index = (folder / "S1.bam.bai").read_bytes()
    write_bam(folder / "S1.bam", reference, [Haplotype("chr20", SEQUENCE)], step=23)
    (folder / "S1.bam.bai").write_bytes(index)


def older(folder: Path) -> None:
    facts = (folder / "S1.bam").stat()
    os.utime(folder / "S1.bam.bai", (facts.st_atime - 60, facts.st_mtime - 60))


def nothing(_: Path) -> None:
    """The files are as the fixture wrote them."""


@pytest.mark.parametrize(
    ("command", "damage", "file", "told"),
    [
        ("genotype --gvcf cut.g.vcf.gz --output out", nothing, "cut.g.vcf.gz", "end-of-file block is missing"),
        ("genotype --gvcf good.g.vcf.gz --gvcf spaces.vcf --output out", nothing, "spaces.vcf", "not a gVCF record"),
        ("gather --gvcf cut.g.vcf.gz --output out", nothing, "cut.g.vcf.gz", "end-of-file block is missing"),
        ("compare --truth good.g.vcf.gz --query cut.g.vcf.gz --output out", nothing, "cut.g.vcf.gz", "end-of-file"),
        ("compare --truth good.g.vcf.gz --query spaces.vcf --output out", nothing, "spaces.vcf", "it has 1 columns"),
        ("call --reads S1.bam --intervals cut.bed --output out", nothing, "cut.bed", "no line end"),
        ("call --reads S1.bam --recalibration report.txt --output out", nothing, "report.txt", "no line end"),
        ("call --reads S1.bam --output out", replaced, "S1.bam", "of another file"),
        ("call --reads S1.bam --output out", older, "S1.bam", "is older than the file"),
        ("metrics --reads S1.bam --output out", twice, "S1.bam", "holds a block twice"),
        ("coverage --reads S1.bam --output out", replaced, "S1.bam", "of another file"),
    ],
)
def test_one_message_says_what_is_wrong(
    command: str, damage: Callable[[Path], None], file: str, told: str, folder: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    damage(folder)
    monkeypatch.chdir(folder)
    name, *rest = command.split()
    reference = [] if name == "gather" else ["--reference", "reference.fa"]
    assert cli.main([name, *reference, "--quiet", *rest]) == 1
    out, said = capsys.readouterr()
    (line,) = said.splitlines()
    assert line.startswith("genomics-engine: error: ") and file in line and "Remedy: " in line
    assert told in line
    assert not out and not (folder / "out").exists()


def test_an_index_made_anew_is_taken(folder: Path) -> None:
    replaced(folder)
    pysam.index(str(folder / "S1.bam"))
    arguments = ["--reference", folder / "reference.fa", "--reads", folder / "S1.bam", "--output", folder / "out"]
    assert cli.main(["coverage", "--quiet", *map(str, arguments)]) == 0
