"""``genomics-engine segregation``."""

from pathlib import Path

import pytest

from engine import cli

PED = """#family person father mother sex phenotype
F1 dad 0 0 1 0
F1 mum 0 0 2 2
F1 child dad mum 1 2
F1 sister dad mum 2 2
F1 brother dad mum 1 2
F1 aunt 0 0 2 1
"""
NAMES = ("dad", "mum", "child", "sister", "brother")


def joint(folder: Path, calls: str) -> Path:
    vcf = folder / "joint.vcf"
    columns = "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *NAMES))
    record = "\t".join(("chr20", "100", ".", "A", "T,G", "50", "PASS", ".", "GT:GQ", *calls.split()))
    vcf.write_text(f"##fileformat=VCFv4.2\n##contig=<ID=chr20>\n{columns}\n{record}\n")
    return vcf


def run(folder: Path, calls: str, *options: str, variant: str = "20-100-A-G") -> int:
    pedigree = folder / "family.ped"
    if not pedigree.exists():
        pedigree.write_text(PED)
    told = ["--pedigree", str(pedigree), "--input", str(joint(folder, calls)), "--variant", variant]
    return cli.main(["segregation", *told, *(options or ("--proband", "child"))])


def test_ill_carriers_are_counted_and_the_criterion_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "./.:. 0/2:60 0|2:60 0/2:99 1/2:30") == 0
    header, row = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert dict(zip(header, row, strict=True)) == {
        "proband": "child",
        "affected_carriers": "mum,sister,brother",
        "affected_without_it": "",
        "affected_unknown": "",
        "well_carriers": "",
        "chance": "0.125",
        "met": "PP1=P",
    }


def test_a_doubtful_genotype_is_not_counted_and_an_ill_person_without_it_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "./.:. 0/2:60 0/2:60 0/2:19 0/1:60") == 0
    row = capsys.readouterr().out.splitlines()[1].split("\t")
    assert row == ["child", "mum", "brother", "sister", "", "0.5", ""]


@pytest.mark.parametrize(
    ("options", "variant", "code", "told"),
    [
        (("--proband", "child"), "20-101-A-G", 1, ["has no record", "Remedy: "]),
        (("--proband", "nobody"), "20-100-A-G", 1, ["'nobody' is in no family", "family.ped"]),
        (("--proband", "aunt"), "20-100-A-G", 1, ["'aunt' is not known to be ill", "family.ped"]),
        (("--proband", "child", "--proband", "sister"), "20-100-A-G", 1, ["both of the family F1", "family.ped"]),
        (("--proband", "child", "--proband", "child"), "20-100-A-G", 1, ["which would count twice"]),
        (("--proband", "child"), "20:100", 2, ["is no variant"]),
        (("--proband", "child"), "X-100-A-G", 2, ["X is no autosome"]),
    ],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    variant: str,
    code: int,
    told: list[str],
) -> None:
    assert run(tmp_path, "./.:. 0/2:60 0/2:60 0/2:60 0/2:60", *options, variant=variant) == code
    error = capsys.readouterr().err
    assert all(part in error for part in told), error


def test_a_person_of_two_families_is_the_proband_of_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "family.ped").write_text(PED + "F2 child 0 0 1 2\n")
    assert run(tmp_path, "0/0:60 0/2:60 0/2:60 0/2:60 0/2:60") == 1
    assert "'child' is in 2 families (F1, F2)" in capsys.readouterr().err


def test_a_line_that_is_none_of_a_pedigree_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "family.ped").write_text(PED + "F1 uncle 0 0 1 ill\n")
    assert run(tmp_path, "0/0:60 0/2:60 0/2:60 0/2:60 0/2:60") == 1
    assert "family.ped, line 8" in capsys.readouterr().err


@pytest.mark.parametrize(("old", "new"), [("dad 0 0 1 0", "dad 0 0 2 0"), ("child dad mum", "child mum dad")])
def test_a_father_who_is_a_woman_is_refused(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "family.ped").write_text(PED.replace(old, new))
    assert run(tmp_path, "./.:. 0/2:60 0/2:60 0/2:60 0/1:60") == 1
    said = capsys.readouterr().err
    assert "is the father of 'child' and of sex 2" in said and "family F1" in said and "Remedy: " in said


@pytest.mark.parametrize("sex", ["7", "3", "male", "F", "-1", "01", "."])
def test_a_sex_that_ped_does_not_know_is_refused_with_its_line(
    sex: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "family.ped").write_text(PED.replace("sister dad mum 2", f"sister dad mum {sex}"))
    assert run(tmp_path, "./.:. 0/2:60 0/2:60 0/2:60 0/1:60") == 1
    said = capsys.readouterr().err
    assert f"PED has no sex {sex!r}" in said and "family.ped, line 5" in said and "Remedy: " in said


@pytest.mark.parametrize("sex", ["0", "-9"])
def test_a_sex_may_be_unknown(sex: str, tmp_path: Path) -> None:
    (tmp_path / "family.ped").write_text(PED.replace("sister dad mum 2", f"sister dad mum {sex}"))
    assert run(tmp_path, "./.:. 0/2:60 0/2:60 0/2:60 0/1:60") == 0
