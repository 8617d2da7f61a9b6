"""``genomics-engine relate``."""

import random
from pathlib import Path

import pytest

from engine import cli
from tests.engine.identity.test_relatedness import write_gvcf, write_sites

PLACES = range(100, 60_000, 100)


def write_person(folder: Path, name: str, haplotypes: tuple[str, str]) -> str:
    """A gVCF of one whose two copies have ALT (``1``) or REF (``0``) at each place."""
    lines = []
    for place, one, other in zip(PLACES, *haplotypes, strict=True):
        alternate, end = ("<NON_REF>", f"END={place + 20}") if one == other == "0" else ("C,<NON_REF>", ".")
        lines.append(f"chr1 {place} . A {alternate} . . {end} GT:GQ:DP {one}/{other}:50:30")
    return str(write_gvcf(folder / f"{name}.g.vcf", lines, name))


@pytest.fixture
def family(tmp_path: Path) -> list[str]:
    numbers = random.Random(1)
    copies = ["".join(numbers.choices("01", k=len(PLACES))) for _ in range(4)]
    people = {
        "mother": (copies[0], copies[1]),
        "child": (copies[0], copies[2]),
        "stranger": (copies[2][::-1], copies[3]),
    }
    options = ["--sites", str(write_sites(tmp_path / "sites.vcf", [("chr1", place, "A", "C") for place in PLACES]))]
    for name, haplotypes in people.items():
        options += ["--gvcf", write_person(tmp_path, name, haplotypes)]
    return options


def test_a_table_of_pairs(family: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "pairs.tsv"
    assert cli.main(["relate", *family, "--output", str(output)]) == 0
    header, *rows = [line.split("\t") for line in output.read_text().splitlines()]
    assert header[:5] == ["a", "b", "kinship", "ibs0", "relation"]
    told = {(row[0], row[1]): dict(zip(header, row, strict=True)) for row in rows}
    assert list(told) == [("mother", "child"), ("mother", "stranger"), ("child", "stranger")]
    assert told["mother", "child"]["relation"] == "parent and child"
    assert float(told["mother", "child"]["ibs0"]) == 0
    assert told["mother", "stranger"]["relation"] == "unrelated"
    assert "mother: 599 of 599 sites are known" in capsys.readouterr().err


def test_one_sample_twice_is_told_apart_by_the_file(family: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    copy = Path(family[3]).with_name("again.g.vcf")
    copy.write_bytes(Path(family[3]).read_bytes())
    assert cli.main(["relate", *family[:4], "--gvcf", str(copy), "--quiet"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split("\t")
    assert row[:2] == ["mother (mother.g.vcf)", "mother (again.g.vcf)"]
    assert row[4] == "same person or twin"


def test_one_gvcf_is_wrong_usage(family: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["relate", *family[:4]]) == 2
    assert "give --gvcf twice or more" in capsys.readouterr().err
