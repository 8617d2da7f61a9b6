"""Population frequencies as a table: by normalised allele, of the reference's build, or refused in a sentence."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pysam
import pytest

from demo.reference import DATA
from engine.annotate.frequency_table import (
    FREQUENCIES,
    FrequencyMeasures,
    build_frequencies,
    read_frequencies,
    read_source,
)
from engine.errors import GenomicsError, KnowledgeError, ReferenceMismatchError
from engine.reference.genome import open_reference

SEQUENCE = "ACGTACGTTTTTTACGCAGCAGCAGTACGATCGGCTAAACCCGGGTTT"
HEAD = (
    "##fileformat=VCFv4.2\n##fileDate=2024-04-19\n"
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n##INFO=<ID=AN,Number=1,Type=Integer,Description="">\n'
    '##INFO=<ID=AF,Number=A,Type=Float,Description="">\n##INFO=<ID=nhomalt,Number=A,Type=Integer,Description="">\n'
    '##INFO=<ID=AC_nfe,Number=A,Type=Integer,Description="">\n##INFO=<ID=AN_nfe,Number=1,Type=Integer,Description="">\n'
    '##INFO=<ID=AF_nfe,Number=A,Type=Float,Description="">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)
RECORDS = (
    "20\t2\trs1\tC\tA,T\t.\tPASS\tAC=3,10;AN=2000;AF=0.0015,0.005;nhomalt=0,1;AC_nfe=1,9;AN_nfe=1000;AF_nfe=0.001,0.009",
    "20\t12\t.\tTT\tT\t.\tPASS\tAC=4;AN=1990;AF=0.002;nhomalt=0",
    "20\t20\t.\tC\t<DEL>\t.\tPASS\tAC=1;AN=2000;AF=0.0005;nhomalt=0",
    "21\t5\t.\tA\tG\t.\tPASS\tAC=1;AN=2000;AF=0.0005;nhomalt=0",
)


@pytest.fixture
def build(tmp_path: Path) -> Any:
    def run(*records: str, head: str = HEAD, contig: str = "chr20", **told: str | None) -> FrequencyMeasures:
        fasta, source = tmp_path / "r.fa", tmp_path / "f.vcf"
        fasta.write_text(f">{contig}\n{SEQUENCE}\n")
        source.write_text(head + "".join(f"{record}\n" for record in records))
        facts = {"release": None, "licence": None} | told
        return build_frequencies(source, fasta, open_reference(fasta).contigs, tmp_path, **facts)  # type: ignore[arg-type]

    return run


def rows(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / FREQUENCIES).to_pylist()


@pytest.mark.parametrize("contig", ["chr20", "20"])
def test_alleles_are_split_left_aligned_and_counted(build: Any, tmp_path: Path, contig: str) -> None:
    measures = build(*RECORDS, contig=contig, licence="CC0")
    assert measures == FrequencyMeasures(3, 1, 1, 0, 2000, 0, [], "2024-04-19", "CC0")
    first, second, deletion = rows(tmp_path)
    assert (first["contig"], first["position"], first["alt"], first["frequency"], first["rs"]) == (
        "20",
        2,
        "A",
        0.0015,
        "rs1",
    )
    assert (second["alt"], second["count"], second["frequency_number"], second["frequency_homozygotes"]) == (
        "T",
        10,
        2000,
        1,
    )
    assert (second["popmax"], second["popmax_frequency"], second["popmax_count"], second["popmax_number"]) == (
        "nfe", 0.009, 9, 1000,
    )  # fmt: skip
    assert (deletion["position"], deletion["ref"], deletion["alt"]) == (7, "GT", "G")
    assert read_source(tmp_path / FREQUENCIES).largest == 2000


def test_an_allele_is_found_by_its_key_and_another_is_not(build: Any, tmp_path: Path) -> None:
    build(*RECORDS, release="4.1")
    found = read_frequencies(tmp_path / FREQUENCIES, [("20", 2, "C", "T"), ("20", 2, "C", "G"), ("20", 7, "GT", "G")])
    assert {key: row["count"] for key, row in found.items()} == {("20", 2, "C", "T"): 10, ("20", 7, "GT", "G"): 4}
    assert read_frequencies(tmp_path / FREQUENCIES, []) == {}
    assert read_source(tmp_path / FREQUENCIES).release == "4.1"


@pytest.mark.parametrize(
    ("records", "head", "kind", "said"),
    [
        ((RECORDS[1], RECORDS[0]), HEAD, KnowledgeError, "not sorted by place: 20:2 comes behind 12"),
        (
            (RECORDS[0], "20\t3\t.\tG\tA\t.\t.\tAC=x;AN=9;AF=0.1"),
            HEAD,
            KnowledgeError,
            "the frequencies are none: .*'x'",
        ),
        (("20\t3\t.\tG\tA\t.\t.\tAC=1;AN=9;AF=1.5",), HEAD, KnowledgeError, "a frequency is 1.5, and not from 0 to 1"),
        (("20\t3\t.\tG\tA\t.\t.\tAC=1;AN=9;AF=-0.1",), HEAD, KnowledgeError, "a frequency is -0.1"),
        (("20\t3\t.\tG\tA\t.\t.\tAC=10;AN=9;AF=0.1",), HEAD, KnowledgeError, "seen 10 times among 9"),
        (("20\t3\t.\tG\tA\t.\t.\tAC=-1;AN=9;AF=0.1",), HEAD, KnowledgeError, "a count is below 0"),
        (
            ("20\t2\t.\tG\tA\t.\t.\tAC=1;AN=9;AF=0.1",),
            HEAD,
            ReferenceMismatchError,
            "REF disagrees .* at 1 of 1 records",
        ),
        (("7\t2\t.\tC\tA\t.\t.\tAC=1;AN=9;AF=0.1",), HEAD, ReferenceMismatchError, "no record lies on a contig"),
        (("20\t2\t.\tC\tA,T\t.\t.\tAC=1;AN=9;AF=0.1,0.2",), HEAD, KnowledgeError, r"AC has 1 values \(1\) for 2 alt"),
        (("20\t2\t.\tC\tA,T\t.\t.\tAC=1,1;AN=9;AF=0.1",), HEAD, KnowledgeError, "AF has 1 values"),
        (("20\t2\t.\tC\tA\t.\t.\tAC=1;AN=9;AF=0.1,0.2",), HEAD, KnowledgeError, "AF has 2 values"),
        (
            ("20\t2\t.\tC\tA,T\t.\t.\tAC=1,1;AN=9;AF=0.1",),
            HEAD.replace("ID=AF,Number=A", "ID=AF,Number=1"),
            KnowledgeError,
            "one AF for all alternates",
        ),
        (("20\t2\t.\tC\tA\t.\t.\tAC=1.5;AN=9;AF=0.1",), HEAD, KnowledgeError, "a count is no whole number"),
        (("20\t2\t.\tC\tA\t.\t.\tAC=1;AN=99999999999;AF=0.1",), HEAD, KnowledgeError, "no whole number up to 2,1"),
        ((), HEAD, ReferenceMismatchError, "no record lies on a contig"),
        (RECORDS, HEAD.replace("ID=A", "ID=B"), KnowledgeError, "declares neither AF nor AC and AN"),
        (RECORDS, "", KnowledgeError, "declares neither AF nor AC and AN"),
        (("20\t2\t.\tC",), HEAD, KnowledgeError, "no VCF record"),
    ],
)
def test_what_cannot_be_used_is_refused(
    build: Any, records: tuple[str, ...], head: str, kind: type[GenomicsError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        build(*records, head=head)


def test_a_contig_that_comes_twice_is_not_sorted(build: Any, tmp_path: Path) -> None:
    fasta, source = tmp_path / "two.fa", tmp_path / "two.vcf"
    fasta.write_text(f">1\n{SEQUENCE}\n>2\n{SEQUENCE}\n")
    source.write_text(HEAD + "".join(f"{contig}\t2\t.\tC\tA\t.\t.\tAC=1;AN=9;AF=0.1\n" for contig in "121"))
    with pytest.raises(KnowledgeError, match="1 comes twice, with another contig between"):
        build_frequencies(source, fasta, open_reference(fasta).contigs, tmp_path, release=None, licence=None)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    fasta, source = tmp_path / "r.fa", tmp_path / "f.vcf.gz"
    fasta.write_text(f">20\n{SEQUENCE}\n")
    with pysam.BGZFile(str(source), "wb") as file:
        file.write((HEAD + "".join(f"{record}\n" for record in RECORDS) * 50).encode())
    source.write_bytes(source.read_bytes()[:-40])
    with pytest.raises(KnowledgeError, match=r"cut|truncat"):
        build_frequencies(source, fasta, open_reference(fasta).contigs, tmp_path, release=None, licence=None)


def test_the_demos_frequencies_agree_with_its_known_sites() -> None:
    def alleles(name: str) -> dict[tuple[str, ...], float]:
        with gzip.open(DATA / name, "rt") as vcf:
            fields = [line.rstrip("\n").split("\t") for line in vcf if not line.startswith("#")]
        return {
            tuple(one[1:2] + one[3:5]): float(one[7].partition("AF=")[2].partition(";")[0])
            for one in fields
            if "AF=" in one[7]
        }

    common, every = alleles("known_sites.vcf.gz"), alleles("frequencies.vcf.gz")
    shared = common.keys() & every.keys()
    assert len(shared) >= len(common) - 2
    assert all(abs(common[one] - every[one]) < 0.0001 for one in shared)


def test_records_of_one_allele_that_contradict_each_other_are_told(build: Any, tmp_path: Path) -> None:
    """Two files put one behind the other, of exomes and of genomes: the one with more alleles called counts."""
    same, other = "AC=5;AN=100;AF=0.05", "AC=1;AN=1000;AF=0.001"
    measures = build(*(f"20\t2\t.\tC\tA\t.\t.\t{info}" for info in (same, same)))
    assert measures.contradictions == 0
    measures = build(*(f"20\t2\t.\tC\tA\t.\t.\t{info}" for info in (other, same)))
    assert measures.contradictions == 1
    (example,) = measures.contradiction_examples
    assert example.startswith("20:2 C>A: ") and "1 of 1000 alleles" in example and "5 of 100 alleles" in example
    key = ("20", 2, "C", "A")
    assert read_frequencies(tmp_path / FREQUENCIES, [key])[key]["count"] == 1
    for infos in (("AC=5;AN=100;AF=0.05", "AC=1;AN=100;AF=0.01"), ("AC=1;AN=100;AF=0.01", "AC=5;AN=100;AF=0.05")):
        assert build(*(f"20\t2\t.\tC\tA\t.\t.\t{info}" for info in infos)).contradictions == 1
        assert read_frequencies(tmp_path / FREQUENCIES, [key])[key]["count"] == 1


@pytest.mark.parametrize(
    ("info", "contradictions"),
    [("AC=1;AN=100;AF=0.5", 1), ("AC=1;AN=3;AF=0.33", 0), ("AC=1;AN=100", 0), ("AF=0.5", 0), ("AC=0;AN=0;AF=.", 0)],
)
def test_a_frequency_that_is_not_that_of_its_counts_is_told(build: Any, info: str, contradictions: int) -> None:
    measures = build(f"20\t2\t.\tC\tA\t.\t.\t{info}")
    assert measures.contradictions == contradictions
    assert measures.contradiction_examples == ["20:2 C>A: frequency 0.5, 1 of 100 alleles"] * contradictions
