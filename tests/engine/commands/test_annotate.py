"""``genomics-engine annotate``."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pysam
import pytest

from engine import cli
from tests.builders.small_genome import Gene, bases

SEQUENCE = bases(2_000)
CODING = ((101, 160), (301, 420))
HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=2000>\n"
GT = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A reference with one gene, calls, ClinVar and frequencies of one allele."""
    fasta, genes, calls = (tmp_path / name for name in ("ref.fa", "genes.gff3", "calls.vcf"))
    fasta.write_text(f">chr1\n{SEQUENCE}\n")
    genes.write_text("##gff-version 3\n" + "\n".join(Gene("GENE", CODING, CODING).lines()) + "\n")
    ref, alt = SEQUENCE[349], other(SEQUENCE[349])
    calls.write_text(f"{HEADER}{GT}{COLUMNS}\tFORMAT\tS1\nchr1\t350\trs5\t{ref}\t{alt}\t50\tPASS\t.\tGT\t0/1\n")
    clinvar, frequencies = tmp_path / "clinvar.vcf", tmp_path / "gnomad.vcf"
    facts = "CLNSIG=Pathogenic;CLNREVSTAT=reviewed_by_expert_panel;CLNDN=Disease;CLNDISDB=OMIM:1"
    clinvar.write_text(f"{HEADER}##fileDate=2025-01-01\n{COLUMNS}\nchr1\t350\t77\t{ref}\t{alt}\t.\t.\t{facts}\n")
    numbers = {"AF": "A", "AC": "A", "AN": "1", "nhomalt": "A", "AF_afr": "A", "AF_nfe": "A", "AF_grpmax": "A"}
    declared = "".join(
        f'##INFO=<ID={name},Number={number},Type=Float,Description="">\n'
        for name, number in {**numbers, "AF_XX": "A", "grpmax": "A"}.items()
    )
    info = "AF=0.25,0.01;AC=50,2;AN=200;nhomalt=5,0;AF_afr=0.5,0;AF_nfe=0.1,0.02;AF_grpmax=0.5,0.02;grpmax=afr,nfe"
    info += ";AF_XX=1,1"
    third = next(base for base in "ACGT" if base not in (ref, alt))
    frequencies.write_text(f"{HEADER}{declared}{COLUMNS}\n1\t350\trs9\t{ref}\t{third},{alt}\t.\tAC0\t{info}\n")
    return {"reference": fasta, "gene-model": genes, "clinvar": clinvar, "frequencies": frequencies, "input": calls}


def other(base: str) -> str:
    return "ACGT"["ACGT".index(base) - 1]


def annotate(files: dict[str, Path], *more: str) -> int:
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    return cli.main(["annotate", *options, *more])


def test_names_clinvar_and_frequencies_stand_in_the_vcf_and_in_the_table(
    files: dict[str, Path], tmp_path: Path
) -> None:
    vcf, table = tmp_path / "out.vcf.gz", tmp_path / "out.parquet"
    assert annotate(files, "--output", str(vcf), "--table", str(table), "--quiet") == 0
    (row,) = pq.read_table(table).to_pylist()
    assert (row["gene"], row["clinvar_variation_id"], row["rs"]) == ("GENE", "77", "rs9")
    assert (row["frequency"], row["frequency_count"], row["frequency_number"], row["frequency_homozygotes"]) == (
        0.01,
        2,
        200,
        0,
    )
    assert (row["popmax"], row["popmax_frequency"], row["frequency_filter"]) == ("nfe", 0.02, "AC0")
    assert [(one["population"], one["frequency"]) for one in row["populations"]] == [("afr", 0.0), ("nfe", 0.02)]
    with pysam.VariantFile(str(vcf)) as opened:
        (record,) = opened.fetch("chr1", 349, 350)
    told = {name: record.info[name] for name in ("GENE", "CLNVARID", "POPAC", "POPMAX", "POPS")}
    assert told == {
        "GENE": "GENE", "CLNVARID": "77", "POPAC": 2, "POPMAX": "nfe", "POPS": ("afr|0|||", "nfe|0.02|||"),
    }  # fmt: skip
    assert record.info["ANN"][0].split("|")[3] == "GENE"


def test_same_input_same_bytes_and_everything_declared(files: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert annotate(files, "--output", str(tmp_path / f"{name}.vcf.gz"), "--quiet") == 0
    text = gzip.decompress((tmp_path / "a.vcf.gz").read_bytes()).decode()
    assert (tmp_path / "a.vcf.gz").read_bytes() == (tmp_path / "b.vcf.gz").read_bytes()
    *header, record = text.splitlines()
    assert (tmp_path / "a.vcf.gz.tbi").exists()
    for item in record.split("\t")[7].split(";"):
        assert any(line.startswith(f"##INFO=<ID={item.partition('=')[0]},") for line in header), item


def test_frequencies_of_another_build_are_refused(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = (
        files["frequencies"].read_text().replace("1\t350\t", "1\t351\t" if SEQUENCE[350] != SEQUENCE[349] else "1\t1\t")
    )
    files["frequencies"].write_text(wrong)
    assert annotate(files, "--output", str(tmp_path / "out.vcf.gz")) == 1
    assert "REF disagrees with the reference at 1 of 1 records" in capsys.readouterr().err
    assert not (tmp_path / "out.vcf.gz").exists()


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("AF=0.25,0.01", "AF=0.25,1.01", "a frequency is 1.01, and not from 0 to 1"),
        ("AF=0.25,0.01", "AF=0.25,often", "often"),
        ("AC=50,2", "AC=50,201", "an allele was seen 201 times among 200"),
        ("nhomalt=5,0", "nhomalt=5,-1", "a count is below 0"),
    ],
)
def test_frequencies_that_are_none_are_refused_with_their_place(
    was: str, now: str, told: str, files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files["frequencies"].write_text(files["frequencies"].read_text().replace(was, now))
    assert annotate(files, "--output", str(tmp_path / "out.vcf.gz")) == 1
    said = capsys.readouterr().err
    assert told in said and "gnomad.vcf, chr1:" in said and "Remedy: " in said
    assert not (tmp_path / "out.vcf.gz").exists()


def test_records_of_one_allele_that_contradict_each_other_are_told(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    *head, record = files["frequencies"].read_text().splitlines()
    other = record.replace("AF=0.25,0.01;AC=50,2;AN=200", "AF=0.5,0.1;AC=50,10;AN=100")
    files["frequencies"].write_text("\n".join([*head, other, record, ""]))
    *head, known = files["clinvar"].read_text().splitlines()
    fields = known.split("\t")
    again = "\t".join([*fields[:2], "99", *fields[3:]]).replace("CLNSIG=Pathogenic", "CLNSIG=Benign")
    files["clinvar"].write_text("\n".join([*head, known, again, ""]))
    assert annotate(files, "--output", str(tmp_path / "out.vcf.gz"), "--table", str(tmp_path / "t"), "--quiet") == 0
    said = capsys.readouterr().err
    assert "of 1 alleles ClinVar says different things" in said and "variation 99 Benign" in said
    assert "the file of frequencies says different things" in said and "of 100 alleles" in said
    (row,) = pq.read_table(tmp_path / "t").to_pylist()
    assert (row["frequency_number"], row["clinvar_classification"]) == (200, "conflicting")


def test_a_frequency_where_nobody_was_called_is_not_known(files: dict[str, Path], tmp_path: Path) -> None:
    told = files["frequencies"].read_text().replace("AF=0.25,0.01;AC=50,2;AN=200", "AF=nan,NaN;AC=0,0;AN=0")
    files["frequencies"].write_text(told)
    assert annotate(files, "--output", str(tmp_path / "out.vcf.gz"), "--table", str(tmp_path / "t"), "--quiet") == 0
    (row,) = pq.read_table(tmp_path / "t").to_pylist()
    assert (row["frequency"], row["frequency_number"]) == (None, 0)


def test_nothing_is_written_over_what_is_read(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in files.values()}
    (tmp_path / "link.vcf").symlink_to(files["input"])
    for outputs in (
        ["--output", str(files["input"])],
        ["--output", str(tmp_path / "." / "link.vcf")],
        ["--output", str(tmp_path / "out.vcf"), "--table", str(files["clinvar"])],
        ["--output", str(tmp_path / "out.vcf"), "--table", str(tmp_path / "out.vcf")],
    ):
        assert annotate(files, *outputs) == 2
        assert "are one file" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in files.values()} == before and not (tmp_path / "out.vcf").exists()


def test_a_file_of_several_people_needs_a_name(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = files["input"].read_text().replace("\tS1\n", "\tS1\tS2\n").replace("\t0/1\n", "\t0/1\t0/0\n")
    files["input"].write_text(lines)
    assert annotate(files, "--output", str(tmp_path / "out.vcf.gz")) == 1
    assert "the calls of 2 people (S1, S2)" in capsys.readouterr().err
    assert annotate(files, "--output", str(tmp_path / "out.vcf.gz"), "--sample", "S2", "--quiet") == 0
    with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as opened:
        assert list(opened.header.samples) == ["S2"] and list(opened) == []


def test_of_a_file_without_calls_every_allele_is_annotated(files: dict[str, Path], tmp_path: Path) -> None:
    ref = SEQUENCE[349]
    alts = [base for base in "ACGT" if base != ref]
    sites = f"chr1\t350\t.\t{ref}\t{','.join(alts)}\t.\t.\t.\n"
    sites += f"chr1\t1500\t.\t{SEQUENCE[1499]}\t{other(SEQUENCE[1499])}\t.\t.\tX=1\n"
    declared = '##INFO=<ID=X,Number=1,Type=Integer,Description="">\n'
    files["input"].write_text(f"{HEADER}{declared}{COLUMNS}\n{sites}")
    vcf, table = tmp_path / "out.vcf.gz", tmp_path / "out.parquet"
    assert annotate(files, "--output", str(vcf), "--table", str(table), "--quiet") == 0
    rows = pq.read_table(table).to_pylist()
    assert [(row["position"], row["alt"], row["genotype"]) for row in rows] == [
        *((350, alt, None) for alt in alts),
        (1500, other(SEQUENCE[1499]), None),
    ]
    lines = gzip.decompress(vcf.read_bytes()).decode().splitlines()
    assert lines[-1].split("\t")[7] == "X=1;CONSEQUENCE=intergenic_variant"
    assert {len(line.split("\t")) for line in lines if not line.startswith("##")} == {8}
    assert not any(line.startswith("##FORMAT") for line in lines)


def test_bcf_is_read_as_vcf_is(files: dict[str, Path], tmp_path: Path) -> None:
    with (
        pysam.VariantFile(str(files["input"])) as calls,
        pysam.VariantFile(str(tmp_path / "calls.bcf"), "wb", header=calls.header) as written,
    ):
        for record in calls:
            written.write(record)
    assert annotate(files, "--output", str(tmp_path / "a.vcf"), "--quiet") == 0
    assert annotate(files | {"input": tmp_path / "calls.bcf"}, "--output", str(tmp_path / "b.vcf"), "--quiet") == 0
    records = [(tmp_path / name).read_text().splitlines()[-1] for name in ("a.vcf", "b.vcf")]
    assert records[0] == records[1] and "CLNVARID=77" in records[0]


def test_a_frequency_that_is_not_that_of_its_counts_is_told(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = files["frequencies"].read_text()
    for text, is_told in ((told, False), (told.replace("AF=0.25,0.01;", "AF=0.25,0.31;"), True)):
        files["frequencies"].write_text(text)
        assert annotate(files, "--output", str(tmp_path / "out.vcf.gz"), "--quiet") == 0
        assert ("frequency 0.31, 2 of 200 alleles" in capsys.readouterr().err) == is_told
