"""What a sample adds to the cohort: alleles it carries, and where it was not called."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.cohort.contribution import contribute
from engine.errors import ReferenceMismatchError
from engine.person import Sex
from engine.reference.bundle import Contig, ReferenceBundle
from tests.builders.people import person

HEADER = """##fileformat=VCFv4.3
##FILTER=<ID=LowGQ,Description="low">
##contig=<ID=chr20,length=1000>
##contig=<ID=chrX,length=156040895>
##INFO=<ID=END,Number=1,Type=Integer,Description="end">
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="quality">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="least depth">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="depths">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="likelihoods">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1
"""
CHR20 = (Contig("chr20", 1000, ""),)
SEQUENCE = "C" * 100 + "A" + "T" * 399 + "C" * 500


def vcf(path: Path, *records: str) -> Path:
    path.write_text(HEADER + "".join("\t".join(record.split()) + "\n" for record in records))
    return path


def block(start: int, end: int, quality: int = 60, depth: int = 30, contig: str = "chr20") -> str:
    """A reference block from start to end, 1-based, both included."""
    ref = SEQUENCE[start - 1 : start] or "C"
    return f"{contig} {start} . {ref} <NON_REF> . . END={end} GT:GQ:MIN_DP 0/0:{quality}:{depth}"


def reference(folder: Path, contigs: tuple[Contig, ...]) -> ReferenceBundle:
    """A reference of which only the first bases are written: enough to normalise what lies there."""
    fasta = folder / "reference.fa"
    lengths = {contig.name: min(contig.length, 1000) for contig in contigs}
    fasta.write_text("".join(f">{name}\n{SEQUENCE[:length]}\n" for name, length in lengths.items()))
    return ReferenceBundle("test", "GRCh38", fasta, contigs, Path(), None, None, None, None, {})


def rows(tmp_path: Path, variants: list[str], blocks: list[str], contigs=CHR20, sex="female"):
    tables = contribute(
        vcf(tmp_path / "v.vcf", *variants),
        vcf(tmp_path / "g.vcf", *blocks),
        reference(tmp_path, contigs),
        sample="S1",
        person=person(sex=Sex(sex)),
        caller="bcftools",
        measures={"variants": {"snps": 3, "titv": None}},
        scratch=tmp_path,
    )
    assert [row["value"] for row in tables["measures"].to_pylist()] == [3.0]
    missing = [(row["start"], row["end"], row["missing_copies"]) for row in tables["no_calls"].to_pylist()]
    return tables["calls"].to_pylist(), missing


def test_a_passing_call_is_a_row_with_its_dosage(tmp_path: Path) -> None:
    calls, missing = rows(
        tmp_path, ["chr20 101 . A G 50 PASS . GT:GQ:DP:AD:PL 0/1:99:30:14,16:440,0,390"], [block(1, 1000)]
    )
    assert calls == [
        {
            "sample_id": "S1", "contig": "chr20", "bin": 0, "position": 101, "ref": "A", "alt": "G",
            "copies": 1, "ploidy": 2, "genotype_quality": 99, "depth": 30, "alt_depth": 16,
            "ref_depth": 14, "likelihood_ref": 440, "likelihood_het": 0, "likelihood_alt": 390,
        }
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (block(5, 9).replace(" C ", " G "), "REF is G, and the reference reads C"),
        (block(5, 1001), "has 1,000 bases there"),
        (block(5, 9, contig="20"), "has no such contig"),
        ("chr20 101 . T G,<NON_REF> 50 . . GT:GQ:DP:PL 0/1:99:30:9,0,9,9,9,9", "REF is T, and the reference reads A"),
    ],
)
def test_a_gvcf_of_another_build_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, problem: str
) -> None:
    """By its own header each of them is sound: there the contig is longer."""
    monkeypatch.setattr(f"{__name__}.HEADER", HEADER.replace("length=1000", "length=1200"))
    with pytest.raises(ReferenceMismatchError, match="reference") as caught:
        rows(tmp_path, [], [block(1, 3), line])
    assert problem in str(caught.value) and caught.value.sample == "S1" and caught.value.place


def test_what_no_confident_block_covers_is_missing(tmp_path: Path) -> None:
    blocks = [block(101, 200), block(201, 300, quality=19), block(301, 400, depth=0), block(401, 1000)]
    _, missing = rows(tmp_path, [], blocks)
    assert missing == [(0, 100, 2), (200, 400, 2)]


def test_a_call_that_did_not_pass_is_missing_not_reference(tmp_path: Path) -> None:
    calls, missing = rows(tmp_path, ["chr20 101 . AT A 50 LowGQ . GT:GQ:DP:AD 0/1:9:30:14,16"], [block(1, 1000)])
    assert calls == []
    assert missing == [(100, 102, 2)]


def test_a_passing_call_of_low_quality_is_missing_and_not_counted(tmp_path: Path) -> None:
    """Else one person's doubtful allele would be counted where nobody was called."""
    variants = ["chr20 101 . A G 50 PASS . GT:GQ:DP:AD 0/1:19:3:2,1"]
    assert rows(tmp_path, variants, [block(1, 1000)]) == ([], [(100, 101, 2)])


def test_a_call_beneath_a_deletion_that_failed_is_counted_and_its_site_is_called(tmp_path: Path) -> None:
    variants = [
        "chr20 101 . ATTTTTTTTT A 50 LowGQ . GT:GQ:DP:AD 0/1:9:30:14,16",
        "chr20 103 . T G 50 PASS . GT:GQ:DP:AD 1/1:60:30:0,30",
    ]
    calls, missing = rows(tmp_path, variants, [block(1, 1000)])
    assert [call["position"] for call in calls] == [103]
    assert missing == [(100, 102, 2), (103, 110, 2)]


def test_a_genotype_without_alleles_is_missing(tmp_path: Path) -> None:
    calls, missing = rows(tmp_path, ["chr20 101 . A G 50 PASS . GT:GQ:DP:AD ./.:.:0:0,0"], [block(1, 1000)])
    assert (calls, missing) == ([], [(100, 101, 2)])


def test_overlapping_records_that_failed_are_cut_out_once(tmp_path: Path) -> None:
    failed = [
        "chr20 101 . ATTTTTTTTT A 50 LowGQ . GT:GQ:DP:AD 0/1:9:30:14,16",
        "chr20 103 . T G 50 LowGQ . GT:GQ:DP:AD 0/1:9:30:14,16",
        "chr20 500 . T G 50 LowGQ . GT:GQ:DP:AD 0/1:9:30:14,16",
    ]
    _, missing = rows(tmp_path, failed, [block(1, 1000)])
    assert missing == [(100, 110, 2), (499, 500, 2)]


def test_calls_that_overlap_are_carried_each_and_nothing_is_missing(tmp_path: Path) -> None:
    variants = [
        "chr20 101 . ATTTTTTTTT A 50 PASS . GT:GQ:DP:AD 0/1:60:30:14,16",
        "chr20 103 . T G 50 PASS . GT:GQ:DP:AD 0/1:60:30:14,16",
    ]
    calls, missing = rows(tmp_path, variants, [block(1, 1000)])
    assert [(call["position"], call["copies"]) for call in calls] == [(101, 1), (103, 1)]
    assert missing == []


@pytest.mark.parametrize(("second", "copies"), [("0/1", [1]), ("1/1", [])])
def test_an_allele_written_at_two_places_is_carried_once_or_not_called(
    tmp_path: Path, second: str, copies: list[int]
) -> None:
    """A deletion of one T of many is the same wherever it is written; two that disagree say nothing."""
    variants = [
        "chr20 101 . AT A 50 PASS . GT:GQ:DP:AD 0/1:60:30:14,16",
        f"chr20 111 . TT T 50 PASS . GT:GQ:DP:AD {second}:60:30:14,16",
    ]
    calls, missing = rows(tmp_path, variants, [block(1, 1000)])
    assert [(call["position"], call["ref"], call["copies"]) for call in calls] == [(101, "AT", one) for one in copies]
    assert missing == ([] if copies else [(100, 102, 2)])


def test_blocks_that_overlap_cover_what_either_does_once(tmp_path: Path) -> None:
    blocks = [block(1, 300), block(200, 600), block(250, 400, quality=5), block(500, 700)]
    assert rows(tmp_path, [], blocks) == ([], [(700, 1000, 2)])


def test_the_single_x_of_a_male_counts_as_one_missing_copy(tmp_path: Path) -> None:
    contigs = (Contig("chrX", 156_040_895, ""),)
    _, missing = rows(tmp_path, [], [block(1, 156_040_895, contig="chrX")], contigs, sex="male")
    assert missing == [(0, 10_000, 1), (2_781_479, 155_701_382, 1), (156_030_895, 156_040_895, 1)]


def test_a_variant_in_the_padding_that_the_calls_leave_out_is_missing_not_reference(tmp_path: Path) -> None:
    """Another sample, with wider targets, may carry it; this one is not to be counted as looked at and reference."""
    (tmp_path / "targets.bed").write_text("chr20\t200\t300\n")
    bundle = replace(reference(tmp_path, CHR20), targets=tmp_path / "targets.bed")
    gvcf = [
        block(101, 149), "chr20 150 . T G,<NON_REF> 50 . . GT:GQ:DP 0/1:99:30", block(151, 199),
        "chr20 200 . TT T,<NON_REF> 50 . . GT:GQ:DP 0/1:99:30", block(202, 400),
    ]  # fmt: skip
    tables = contribute(
        vcf(tmp_path / "v.vcf", "chr20 200 . TT T 50 PASS . GT:GQ:DP:AD 0/1:99:30:14,16"),
        vcf(tmp_path / "g.vcf", *gvcf), bundle, sample="S1", person=person(),
        caller="haplotype", measures={}, scratch=tmp_path,
    )  # fmt: skip
    missing = [(row["start"], row["end"]) for row in tables["no_calls"].to_pylist()]
    assert missing == [(0, 100), (149, 150), (400, 1000)]
