"""Counting for recalibration: as GATK counts on real reads, and as a slow count does on reads of every shape."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.errors import AlignmentFileError, GenomicsError, KnowledgeError, ReferenceMismatchError
from engine.recalibrate.gatk_report import write_report
from engine.recalibrate.known_sites import read_known_sites
from engine.recalibrate.recalibration import recalibrate
from engine.recalibrate.table import CONTEXTS, RecalibrationTable, add_tables
from tests.builders.recalibration import shaped_reads, slow_count, write_reads


@pytest.fixture(scope="session")
def chr20(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference of the goldens: chr20 with N outside the 100 kb that the reads lie on."""
    fasta = tmp_path_factory.mktemp("reference") / "chr20.fa"
    with pysam.FastaFile(str(shared_data / "b37_chr20_ref" / "20.fa.gz")) as source:
        start, end, length = 9_990_000, 10_110_000, 63_025_520
        fasta.write_text(f">chr20\n{'N' * start}{source.fetch('20', start, end)}{'N' * (length - end)}\n")
    return fasta


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> Path:
    return shared_data / "gatk_goldens" / "na12878_100kb"


@pytest.fixture(scope="session")
def table(golden: Path, chr20: Path) -> RecalibrationTable:
    return recalibrate(golden / "in.bam", [golden / "known.vcf.gz"], chr20)


def test_the_report_is_that_of_gatk_byte_for_byte(golden: Path, table: RecalibrationTable, tmp_path: Path) -> None:
    write_report(table, tmp_path / "bqsr.table")
    assert (tmp_path / "bqsr.table").read_bytes() == gzip.decompress((golden / "bqsr.table.gz").read_bytes())


def test_the_counts_of_real_reads_are_those_of_gatk(table: RecalibrationTable) -> None:
    assert (table.read_groups, table.observations, table.mismatches) == (("NA12878",), 5_161_802, 9_309)
    assert table.reported_quality.tolist() == [26.8175]


def test_threads_make_no_difference(golden: Path, chr20: Path, table: RecalibrationTable) -> None:
    again = recalibrate(golden / "in.bam", [golden / "known.vcf.gz"], chr20, threads=3)
    assert np.array_equal(again.by_cycle, table.by_cycle)
    assert np.array_equal(again.by_context, table.by_context)


@pytest.mark.parametrize("seed", range(6))
def test_reads_of_every_shape_are_counted_as_the_slow_count_does(tmp_path: Path, seed: int) -> None:
    shaped = shaped_reads(tmp_path, seed)
    table = recalibrate(shaped.bam, [shaped.known], shaped.fasta)
    slow = slow_count(shaped)
    assert table.read_groups == ("c", "unit1")
    names = [str(cycle) for cycle in range(-table.maximum_cycle, table.maximum_cycle + 1)]
    found = {}
    for counts, values in ((table.by_cycle, names), (table.by_context, CONTEXTS)):
        for group, quality, value in np.argwhere(counts[..., 0] > 0).tolist():
            row = counts[group, quality, value]
            found[table.read_groups[group], quality, values[value]] = (int(row[0]), int(row[1]))
    assert found == {key: (bases, slow.mismatches[key]) for key, bases in slow.bases.items()}
    assert len(found) > 100
    assert table.observations == sum(bases for (_, _, key), bases in slow.bases.items() if key not in CONTEXTS)


def test_tables_of_parts_add_up_to_the_table_of_the_whole(tmp_path: Path) -> None:
    shaped = shaped_reads(tmp_path, 7)
    whole = recalibrate(shaped.bam, [shaped.known], shaped.fasta)
    parts = []
    for group in ("a", "b", "c"):
        part = tmp_path / f"{group}.bam"
        pysam.view("-b", "-r", group, "-o", str(part), str(shaped.bam), catch_stdout=False)
        parts.append(recalibrate(part, [shaped.known], shaped.fasta))
    total = add_tables(*parts)
    assert total.read_groups == whole.read_groups
    assert np.array_equal(total.by_cycle, whole.by_cycle)
    assert np.array_equal(total.by_quality, whole.by_quality)


def plain(start: int = 10, **facts: object) -> dict[str, object]:
    return {"start": start, "cigar": [(0, 4)], "bases": "ACGT", "qualities": [30] * 4, "group": "a", **facts}


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    fasta = tmp_path / "reference.fa"
    fasta.write_text(">chr1\n" + "ACGT" * 25 + "\n>chr2\n" + "ACGT" * 25 + "\n")
    return fasta


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "known.vcf"
    path.write_text("##fileformat=VCFv4.3\nchr1\t90\t.\tA\tC\t.\t.\t.\n")
    return path


CONTIGS = (("chr1", 100), ("chr2", 100))


def test_contigs_are_each_compared_with_their_own_sequence(tmp_path: Path, reference: Path, known: Path) -> None:
    reads = [plain(12), plain(13), plain(12, contig=1), plain(0, contig=-1, flag=4, cigar=None)]
    write_reads(tmp_path / "r.bam", reads[:3], CONTIGS)
    table = recalibrate(tmp_path / "r.bam", [known], reference)
    assert (table.observations, table.mismatches) == (12, 4)


@pytest.mark.parametrize(
    ("reads", "problem"),
    [
        ([plain(50), plain(10)], None),
        ([plain(10, contig=1), plain(10)], "not sorted by coordinate"),
        ([plain(98)], "aligned beyond the end of its contig"),
        ([plain(10, qualities=[94] * 4)], "base quality above 93"),
        ([plain(10, cigar=[(0, 60)], bases="A" * 60, qualities=[30] * 60)], "longer than the largest cycle, 50"),
    ],
)
def test_reads_that_cannot_be_counted(
    tmp_path: Path, reference: Path, known: Path, reads: list[dict[str, object]], problem: str | None
) -> None:
    write_reads(tmp_path / "r.bam", reads, CONTIGS, sort=False)
    if problem is None:
        assert recalibrate(tmp_path / "r.bam", [known], reference, maximum_cycle=50).observations == 8
        return
    with pytest.raises(AlignmentFileError, match=problem):
        recalibrate(tmp_path / "r.bam", [known], reference, maximum_cycle=50)


def test_reads_without_qualities_bases_or_group_count_nothing(tmp_path: Path, reference: Path, known: Path) -> None:
    reads = [
        plain(10, group=None),
        plain(10, cigar=[(5, 4)], bases=None, qualities=None),
        plain(10, cigar=[(0, 2), (3, 5), (0, 2)]),
    ]
    write_reads(tmp_path / "r.bam", reads, CONTIGS)
    table = recalibrate(tmp_path / "r.bam", [known], reference)
    assert (table.read_groups, table.observations) == ((), 0)


def test_a_file_without_read_groups(tmp_path: Path, reference: Path, known: Path) -> None:
    write_reads(tmp_path / "r.bam", [plain()], CONTIGS, groups=())
    with pytest.raises(AlignmentFileError, match="no read groups"):
        recalibrate(tmp_path / "r.bam", [known], reference)


@pytest.mark.parametrize("contigs", [(("chr1", 99),), (("chr3", 100),)])
def test_another_reference(tmp_path: Path, reference: Path, known: Path, contigs: tuple[tuple[str, int], ...]) -> None:
    write_reads(tmp_path / "r.bam", [plain()], contigs)
    with pytest.raises(ReferenceMismatchError, match=f"contig '{contigs[0][0]}'"):
        recalibrate(tmp_path / "r.bam", [known], reference)


def test_no_known_sites(tmp_path: Path, reference: Path) -> None:
    write_reads(tmp_path / "r.bam", [plain()], CONTIGS)
    with pytest.raises(KnowledgeError, match="needs known sites"):
        recalibrate(tmp_path / "r.bam", [], reference)


@pytest.mark.parametrize("cut", [10, 40, 200, -100, -28, -5])
def test_a_truncated_file(tmp_path: Path, cut: int) -> None:
    shaped = shaped_reads(tmp_path, 1)
    shaped.bam.write_bytes(shaped.bam.read_bytes()[:cut])
    with pytest.raises(AlignmentFileError, match=r"truncated|neither BAM nor CRAM"):
        recalibrate(shaped.bam, [shaped.known], shaped.fasta)


def test_a_file_that_ends_within_a_record(tmp_path: Path) -> None:
    shaped = shaped_reads(tmp_path, 1)
    whole = pysam.BGZFile(str(shaped.bam)).read()
    with pysam.BGZFile(str(tmp_path / "cut.bam"), "wb") as file:
        file.write(whole[:-7])
    with pytest.raises(AlignmentFileError, match="ends within a record"):
        recalibrate(tmp_path / "cut.bam", [shaped.known], shaped.fasta)


def test_records_whose_lengths_disagree(tmp_path: Path) -> None:
    shaped = shaped_reads(tmp_path, 1)
    whole = bytearray(pysam.BGZFile(str(shaped.bam)).read())
    at = whole.index(b"r0\0") - 36 if b"r0\0" in whole else 0
    whole[at + 20 : at + 24] = (1 << 20).to_bytes(4, "little")
    with pysam.BGZFile(str(tmp_path / "bad.bam"), "wb") as file:
        file.write(bytes(whole))
    with pytest.raises(AlignmentFileError, match="no BAM record"):
        recalibrate(tmp_path / "bad.bam", [shaped.known], shaped.fasta)


@pytest.mark.parametrize("content", [b"", b"CRAM\3\0" + b"x" * 40, b"@HD\tVN:1.6\n", b"\x1f\x8b\x08\x00" + b"x" * 60])
def test_files_that_are_no_bam(tmp_path: Path, reference: Path, known: Path, content: bytes) -> None:
    (tmp_path / "r.bam").write_bytes(content)
    with pytest.raises(AlignmentFileError, match=r"neither BAM nor CRAM|truncated"):
        recalibrate(tmp_path / "r.bam", [known], reference)


def test_the_samtools_corpus_is_refused_or_counted(
    shared_data: Path, tmp_path: Path, reference: Path, known: Path
) -> None:
    import tarfile

    outcomes = {}
    with tarfile.open(shared_data / "adversarial" / "samtools_quickcheck_etc.tar.gz") as corpus:
        for member in corpus.getmembers():
            if member.name.endswith(".bam"):
                path = tmp_path / Path(member.name).name
                path.write_bytes(corpus.extractfile(member).read())
                try:
                    recalibrate(path, [known], reference)
                    outcomes[path.name] = "counted"
                except GenomicsError as error:
                    outcomes[path.name] = error.problem
    assert len(outcomes) == 5
    assert "truncated" in outcomes["1.quickcheck.badeof.bam"]
    assert "no BGZF block" in outcomes["2.quickcheck.badheader.bam"]
    assert all("contig" in outcomes[f"{number}.quickcheck.ok.bam"] for number in (3, 4))


LENGTHS = {"chr1": 100, "chr2": 100}


def vcf(folder: Path, *rows: str, name: str = "sites.vcf") -> Path:
    path = folder / name
    text = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\n" + "".join(row.replace(" ", "\t") + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


def test_known_sites_of_several_files_are_joined_where_they_overlap(tmp_path: Path) -> None:
    first = vcf(tmp_path, "chr1 20 . ACG A", "chr1 22 . G C", "chr2 5 . A T", "other 5 . A T")
    second = vcf(tmp_path, "chr1 10 rs1 A C", "chr1 21 . C T", "chr1 23 . T G", name="more.vcf.gz")
    sites = read_known_sites([first, second], LENGTHS)
    assert {contig: np.stack(spans).T.tolist() for contig, spans in sites.items()} == {
        "chr1": [[9, 10], [19, 22], [22, 23]],
        "chr2": [[4, 5]],
    }


@pytest.mark.parametrize(
    ("row", "kind", "problem"),
    [
        ("chr1 x . A C", KnowledgeError, "no VCF record"),
        ("chr1", KnowledgeError, "no VCF record"),
        ("chr1 5 .", KnowledgeError, "no VCF record"),
        ("other 5 . A T", ReferenceMismatchError, "no known site lies on a contig"),
        ("chr1 101 . A T", ReferenceMismatchError, "beyond the contig's 100 bases"),
    ],
)
def test_known_sites_that_cannot_be_used(tmp_path: Path, row: str, kind: type[GenomicsError], problem: str) -> None:
    with pytest.raises(kind, match=problem):
        read_known_sites([vcf(tmp_path, row)], LENGTHS)


def test_damaged_known_sites(tmp_path: Path) -> None:
    path = vcf(tmp_path, "chr1 5 . A T", name="sites.vcf.gz")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(KnowledgeError, match="cannot be read"):
        read_known_sites([path], LENGTHS)
    with pytest.raises(KnowledgeError, match="cannot be read"):
        read_known_sites([tmp_path / "absent.vcf"], LENGTHS)
