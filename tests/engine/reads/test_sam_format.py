import tarfile
from pathlib import Path

import pysam
import pytest

from engine.errors import AlignmentFileError
from engine.reads.bam import check_alignment_file
from engine.reads.sam_format import FormatError, HeaderRules

CONTRADICTION = "hdr.HD3.sam"
"""The corpus has the same header (VN:1.6 GO:none, legal by the specification) among the good and among the bad."""


@pytest.fixture(scope="session")
def corpus(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for archive in ("hts-specs_sam_bam_vcf.tar.gz", "samtools_quickcheck_etc.tar.gz"):
        with tarfile.open(shared_data / "adversarial" / archive) as tar:
            tar.extractall(folder, filter="data")
    return folder


def files(corpus: Path, kind: str) -> list[Path]:
    found = sorted((corpus / "src/test/resources/htsjdk/hts-specs/test" / kind).iterdir())
    assert found
    return found


def test_every_bad_file_of_the_specification_is_refused_with_its_line(corpus: Path) -> None:
    refused = 0
    for path in files(corpus, "sam/failed"):
        if path.name == CONTRADICTION:
            continue
        with pytest.raises(AlignmentFileError) as caught:
            check_alignment_file(path)
        assert caught.value.file == str(path)
        assert caught.value.place is not None or "refers to a program" in caught.value.problem, path.name
        refused += 1
    assert refused == 108


def test_every_good_file_of_the_specification_is_read(corpus: Path) -> None:
    for kind in ("sam/passed", "bam/passed"):
        for path in files(corpus, kind):
            contents = check_alignment_file(path)
            with pysam.AlignmentFile(str(path), check_sq=False) as file:
                assert contents.records == sum(1 for _ in file.fetch(until_eof=True)), path.name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("1.quickcheck.badeof.bam", "truncated"),
        ("2.quickcheck.badheader.bam", "damaged"),
        ("5.quickcheck.scramble30.truncated.cram", "truncated"),
        ("8.quickcheck.cram21.truncated.cram", "truncated"),
        ("9.quickcheck.cram30.truncated.cram", "truncated"),
    ],
)
def test_damaged_binary_files_are_refused(corpus: Path, name: str, problem: str) -> None:
    with pytest.raises(AlignmentFileError, match=problem):
        check_alignment_file(corpus / "test" / "quickcheck" / name)


def test_sound_binary_files_are_read(corpus: Path) -> None:
    contents = check_alignment_file(corpus / "test" / "quickcheck" / "3.quickcheck.ok.bam")
    assert (contents.format, contents.records, contents.mapped, contents.sorted) == ("BAM", 40, 38, True)
    assert contents.contigs == {"insert": 599, "ref1": 45, "ref2": 40, "ref3": 4}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("r\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII", None),
        ("r\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\t*", None),
        ("r\t0\tc\t1\t0\t2H2S2M\t*\t0\t0\tACGT\tIIII\tNM:i:0\tXB:B:c,-1,2\tXF:f:1e-3", None),
        ("r\t0\tc\t1\t0\t3M\t*\t0\t0\tACGT\tIIII", "CIGAR takes 3 bases and SEQ has 4"),
        ("r\t0\tc\t1\t0\t2M1S1M\t*\t0\t0\tACGT\tIIII", "clips in the middle"),
        ("r\t0\td\t1\t0\t4M\t*\t0\t0\tACGT\tIIII", "RNAME is not in the header"),
        ("r\t0\tc\t1\t0\t4M\td\t0\t0\tACGT\tIIII", "RNEXT is not in the header"),
        ("r\t0\tc\t-1\t0\t4M\t*\t0\t0\tACGT\tIIII", "POS is not between"),
        ("r\t0\tc\t1\t256\t4M\t*\t0\t0\tACGT\tIIII", "MAPQ is not between"),
        ("r\t4096\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII", "FLAG is not between"),
        ("r\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIII\x1f", "QUAL has illegal letters"),
        ("r\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII\tNM:i:0\tNM:i:0", "there twice"),
        ("r\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT", "fewer than 11 fields"),
    ],
)
def test_an_alignment_line(line: str, problem: str | None) -> None:
    rules = HeaderRules()
    rules.add("@SQ\tSN:c\tLN:100")
    found = rules.problem_of_alignment(line)
    assert found is None if problem is None else found is not None and problem in found


def test_a_header_line_twice_or_out_of_place_is_refused() -> None:
    rules = HeaderRules()
    rules.add("@SQ\tSN:c\tLN:100\tAN:chrC")
    with pytest.raises(FormatError, match="two @SQ lines"):
        rules.add("@SQ\tSN:chrC\tLN:100")
    with pytest.raises(FormatError, match="not the first line"):
        rules.add("@HD\tVN:1.6")


def bam(folder: Path, *lines: str, order: str = "coordinate") -> Path:
    sam, path = folder / "x.sam", folder / "x.bam"
    sam.write_text("\n".join([f"@HD\tVN:1.6\tSO:{order}", "@SQ\tSN:c\tLN:100", *lines, ""]))
    pysam.view("-b", "-o", str(path), str(sam), catch_stdout=False)
    return path


def test_a_bam_that_says_sorted_and_is_not_is_refused(tmp_path: Path) -> None:
    lines = [f"r{start}\t0\tc\t{start}\t0\t4M\t*\t0\t0\tACGT\tIIII" for start in (9, 5)]
    with pytest.raises(AlignmentFileError, match="the records are not"):
        check_alignment_file(bam(tmp_path, *lines))
    assert not check_alignment_file(bam(tmp_path, *lines, order="unsorted")).sorted


def test_a_quality_out_of_range_in_a_bam_is_refused(tmp_path: Path) -> None:
    path = bam(tmp_path, "r\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII")
    with (
        pysam.AlignmentFile(str(path)) as file,
        pysam.AlignmentFile(str(tmp_path / "y.bam"), "wb", template=file) as out,
    ):
        for read in file:
            read.query_qualities = [30, 30, 120, 30]
            out.write(read)
    with pytest.raises(AlignmentFileError, match="quality of 120") as caught:
        check_alignment_file(tmp_path / "y.bam")
    assert caught.value.place == "record 1 (r)"


def test_a_bam_cut_within_a_block_is_refused(tmp_path: Path) -> None:
    path = bam(tmp_path, *(f"r{i}\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII" for i in range(5000)))
    whole = path.read_bytes()
    end = whole[-28:]
    for kept in (10, 200, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:kept] + end)
        with pytest.raises(AlignmentFileError):
            check_alignment_file(path)


def test_a_file_that_is_empty_or_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.bam").touch()
    with pytest.raises(AlignmentFileError, match="empty"):
        check_alignment_file(tmp_path / "empty.bam")
    with pytest.raises(AlignmentFileError, match="cannot be read"):
        check_alignment_file(tmp_path / "none.bam")
