"""``genomics dataset``: data of others come in normalised and named, and are never mixed in unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pysam
import pytest
import yaml

from console.cli import main
from engine.cohort.dataset import CALLS, FREQUENCIES
from engine.htslib import run_bcftools
from engine.ops.knowledge import reference_genome
from engine.receipt import Recipe
from resources.environment import Resources, build_resources
from tests.builders.deployment import START, tiny_deployment

HEADER = '##fileformat=VCFv4.2\n##contig=<ID={contig}{length}>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


class House:
    """A deployment whose genome is built, and the bases where others' alleles lie."""

    def __init__(self, folder: Path) -> None:
        deployment = tiny_deployment(folder)
        self.folder, self.variables = folder, deployment.variables
        self.platform: Resources = build_resources(deployment.settings)
        reference_genome.make(self.platform, "", log=lambda _: None)
        (contig,) = self.platform.knowledge.bundle("reference_genome").contigs
        self.contig, self.length = contig.name, contig.length
        with pysam.FastaFile(str(self.platform.knowledge.bundle("reference_genome").fasta)) as fasta:
            self.bases = fasta.fetch(self.contig, START, START + 2_000).upper()
        run = next(n for n in range(50, 1_900) if self.bases[n] == self.bases[n + 1] != self.bases[n - 1])
        self.run = START + run
        """0-based first of two equal bases: a deletion of the second is written at the base before the first."""

    def base(self, place: int) -> str:
        return self.bases[place - START]

    def declared(self, name: str, file: str, **more: str) -> str:
        told = {
            "name": name, "file": file, "build": "GRCh38", "source": "a study of others", "licence": "CC-BY-4.0",
            "consent": "GRU", "release": "1", **more,
        }  # fmt: skip
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in told.items() if value}))
        return str(path)

    def vcf(self, name: str, rows: list[str], samples: str = "A\tB\tC", contig: str = "", length: str = "") -> str:
        head = HEADER.format(contig=contig or self.contig.removeprefix("chr"), length=length)
        columns = f"{COLUMNS}\tFORMAT\t{samples}" if samples else COLUMNS
        info = '##FILTER=<ID=LowQual,Description="">\n'
        info += (
            '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n##INFO=<ID=AN,Number=1,Type=Integer,Description="">\n'
        )
        (self.folder / name).write_text("\n".join([head + info + columns, *rows, ""]))
        return name


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"))


@pytest.fixture(autouse=True)
def _deployment(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in house.variables.items():
        if name.startswith(("GENOMICS_", "XDG_")):
            monkeypatch.setenv(name, value)


def run(*words: str) -> int:
    return main(["dataset", *words])


def snv(house: House, *genotypes: str, place: int = 10) -> str:
    ref = house.base(START + place)
    alt = "A" if ref != "A" else "C"
    contig = house.contig.removeprefix("chr")
    return "\t".join([contig, str(START + place + 1), ".", ref, alt, ".", ".", ".", "GT", *genotypes])


def deletion(house: House, *genotypes: str) -> str:
    """Of the second of two equal bases, as a caller that does not left-align writes it."""
    ref = house.base(house.run) + house.base(house.run + 1)
    contig = house.contig.removeprefix("chr")
    return "\t".join([contig, str(house.run + 1), ".", ref, ref[0], ".", ".", ".", "GT", *genotypes])


def test_genotypes_are_counted_normalised_and_kept_under_prefixed_ids(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [snv(house, "0/1", "1|1", "./."), deletion(house, "0/0", "0/1", "./1")]
    declared = house.declared("partner", house.vcf("partner.vcf", rows), sample_prefix="p1-")
    assert run("import", declared, "--json", "--person", "Dr A") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["alleles"], told["samples"], told["licence"], told["repeated"]) == (2, 3, "CC-BY-4.0", 0)
    receipt = house.platform.lake.require("dataset_partner")
    counts = pq.read_table(house.platform.lake.path(receipt, FREQUENCIES)).to_pylist()
    assert {(row["source"], row["allele_count"], row["allele_number"]) for row in counts} == {
        ("partner", 3, 4),
        ("partner", 2, 5),
    }
    moved = next(row for row in counts if len(row["ref"]) == 2)
    assert moved["position"] == house.run, "one base to the left, before the first of the two"
    calls = pq.read_table(house.platform.lake.path(receipt, CALLS)).to_pylist()
    assert {row["sample_id"] for row in calls} == {"p1-A", "p1-B", "p1-C"}
    assert run("import", declared) == 0 and house.platform.lake.require("dataset_partner") == receipt
    told = [one.event for one in house.platform.audit.entries_of("dataset imported")]
    assert told[0].who == "Dr A" and told[0].details["dataset"] == "partner"


def test_a_bcf_is_imported_as_the_vcf_that_it_was(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    vcf = house.vcf("text.vcf", [snv(house, "0/1", "1|1", "./.", place=60), deletion(house, "0/0", "0/1", "./1")])
    run_bcftools("view", "--no-version", "-O", "b", "-o", str(house.folder / "binary.bcf"), str(house.folder / vcf))
    found = {}
    for name, file in (("text", vcf), ("binary", "binary.bcf")):
        assert run("import", house.declared(name, file, sample_prefix="b-")) == 0
        assert f"{name}: 2 alleles of 3 samples" in capsys.readouterr().out
        receipt = house.platform.lake.require(f"dataset_{name}")
        tables = [pq.read_table(house.platform.lake.path(receipt, table)) for table in (FREQUENCIES, CALLS)]
        assert [set(table["source"].to_pylist()) for table in tables] == [{name}] * 2
        found[name] = [table.drop_columns("source").to_pylist() for table in tables]
    assert found["binary"] == found["text"] and [len(rows) for rows in found["text"]] == [2, 4]


def test_sources_stand_side_by_side_and_are_added_up_where_that_is_asked(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, ref, alt = snv(house).split("\t")[:5]
    row = {"contig": house.contig, "position": START + 11, "ref": ref, "alt": alt}
    table = pa.Table.from_pylist([{**row, "allele_count": 30, "allele_number": 1_000}])
    pq.write_table(table, house.folder / "public.parquet")
    assert run("import", house.declared("public", "public.parquet")) == 0
    assert (
        run(
            "import",
            house.declared(
                "secret",
                house.vcf("s.vcf", [snv(house, "0/1", "0/0", "0/0")]),
                sample_prefix="s-",
                consent="DS:MONDO:0005027",
            ),
        )
        == 0
    )
    assert (
        run(
            "import",
            house.declared("partner", house.vcf("partner.vcf", [snv(house, "0/1", "1|1", "./.")]), sample_prefix="p1-"),
        )
        == 0
    )
    with house.platform.lake.work("cohort_tables") as work:
        own = {**row, "allele_count": 1, "allele_number": 4}
        pq.write_table(pa.Table.from_pylist([own]), work.folder / "cohort_allele_frequency.parquet")
        work.publish(records=1, recipe=Recipe(), measures={})
    capsys.readouterr()
    allele = f"{house.contig}-{START + 11}-{ref}-{alt}"
    assert run("frequencies", allele, "--json") == 0
    said = capsys.readouterr()
    assert {row["source"]: (row["allele_count"], row["allele_number"]) for row in json.loads(said.out)} == {
        "cohort": (1, 4),
        "partner": (3, 4),
        "public": (30, 1_000),
    }
    assert "left out, for their consent does not cover GRU: secret" in said.err
    assert run("frequencies", allele, "--union", "--source", "public", "--source", "cohort", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["source"], row["allele_count"], row["allele_number"]) for row in rows][-1] == (
        *("union of cohort, public", 31),
        1_004,
    )
    assert run("frequencies", allele, "--source", "secret", "--purpose", "DS:MONDO:0005027") == 0
    assert run("frequencies", allele, "--source", "secret") == 1
    assert "secret may not be used for GRU" in capsys.readouterr().err
    assert run("frequencies", "20-5-A-C") == 0 and "no source knows it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("declared", "rows", "told"),
    [
        ({"build": "GRCh37"}, None, "is of GRCh37, the reference of GRCh38"),
        ({"licence": ""}, None, "it does not say licence"),
        ({"sample_prefix": ""}, None, "has samples, and no sample_prefix"),
        ({"consent": "anything"}, None, "consent is 'anything'"),
        ({"name": "../x"}, None, "name is '../x'"),
        ({"name": "cohort"}, None, "cohort is the name of the deployment's own samples"),
        ({"file": "gone.vcf"}, None, "the dataset's file is not there"),
        ({}, "wrong base", "does not go with the reference"),
        ({}, "wrong length", "the reference's"),
        ({}, "other contig", "none of the reference's contigs"),
        ({}, "no counts", "has neither genotypes nor AC and AN"),
        ({}, "a filter that nobody declared", "is not defined in the header"),
        ({}, "more than there are", "AC 9 of AN 4 is no count of one allele"),
        ({"file": "holes.parquet"}, None, "none of them absent"),
    ],
)
def test_what_does_not_belong_here_is_refused(
    house: House, capsys: pytest.CaptureFixture[str], declared: dict[str, str], rows: str | None, told: str
) -> None:
    good = snv(house, "0/1", "1|1", "./.")
    fields = good.split("\t")
    wrong = "\t".join([*fields[:3], fields[4], fields[3], *fields[5:]])
    files = {
        None: lambda: house.vcf("x.vcf", [good]),
        "wrong base": lambda: house.vcf("x.vcf", [wrong]),
        "wrong length": lambda: house.vcf("x.vcf", [good], length=",length=5"),
        "other contig": lambda: house.vcf("x.vcf", [good.replace(fields[0], "GL1", 1)], contig="GL1"),
        "no counts": lambda: house.vcf("x.vcf", ["\t".join(fields[:8])], samples=""),
        "a filter that nobody declared": lambda: house.vcf("x.vcf", ["\t".join([*fields[:6], "q7", *fields[7:]])]),
        "more than there are": lambda: house.vcf("x.vcf", ["\t".join([*fields[:7], "AC=9;AN=4"])], samples=""),
    }
    row = {"contig": house.contig, "position": START + 11, "ref": fields[3], "alt": fields[4], "allele_count": 1}
    pq.write_table(pa.Table.from_pylist([{**row, "allele_number": None}]), house.folder / "holes.parquet")
    said = {"file": files[rows](), "sample_prefix": "x-", **declared}
    path = house.declared(said.pop("name", "wrong"), said.pop("file"), **said) if "name" not in declared else ""
    if not path:
        path = str(house.folder / "named.yaml")
        Path(path).write_text(
            Path(house.declared("named", said["file"])).read_text().replace("named", declared["name"])
        )
    assert run("import", path) == 1
    assert told in capsys.readouterr().err
    assert "dataset_wrong" not in house.platform.lake.assets()


def test_of_an_allele_that_stands_twice_one_record_is_kept_with_its_calls(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    structural = snv(house, "0/1", "0/1", "0/1", place=20).split("\t")
    structural[4] = "<DEL>"
    marked = snv(house, "0/1", "0/1", "0/1", place=30).split("\t")
    marked[6] = "LowQual"
    uncalled = [snv(house, "./.", "./.", ".", place=place) for place in (40, 50)]
    rows = [
        snv(house, "0/1", "./.", "./."),
        snv(house, "0/0", "0/1", "1/1"),
        *("\t".join(one) for one in (structural, marked)),
        *uncalled,
    ]
    declared = house.declared("twice", house.vcf("twice.vcf", rows), sample_prefix="t-")
    assert run("import", declared, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["alleles"], told["repeated"], told["not_sequence"]) == (1, 1, 1)
    assert (told["not_passed"], told["not_called"]) == (1, 2)
    receipt = house.platform.lake.require("dataset_twice")
    (row,) = pq.read_table(house.platform.lake.path(receipt, FREQUENCIES)).to_pylist()
    calls = pq.read_table(house.platform.lake.path(receipt, CALLS)).to_pylist()
    assert (row["allele_count"], row["allele_number"]) == (3, 6)
    assert {call["sample_id"]: call["copies"] for call in calls} == {"t-B": 1, "t-C": 2} and len(calls) == 2
    assert run("import", declared) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" of ")[0].partition(" that ")[0] for line in said] == [
        "left out: 1 records",
        "left out: 1 alleles",
        "left out: 1 alleles in records",
        "left out: 2 alleles at which nobody is called (AN 0)",
    ]
