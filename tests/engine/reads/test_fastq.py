import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.errors import FastqError
from engine.files.bgzf import compress_block
from engine.reads.fastq import PairBatch, Reads, read_fastq, read_pairs


def fastq(*reads: tuple[str, str, str]) -> bytes:
    return "".join(f"@{name}\n{bases}\n+\n{qualities}\n" for name, bases, qualities in reads).encode()


def many(count: int, mate: int, length: int = 50) -> bytes:
    rng = np.random.default_rng(mate)
    bases = rng.choice(np.frombuffer(b"ACGT", dtype=np.uint8), (count, length))
    return fastq(*((f"r{i} {mate}:N:0:AC", bases[i].tobytes().decode(), "F" * length) for i in range(count)))


@pytest.fixture
def write(tmp_path: Path):
    def to_file(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return to_file


def only(batches) -> Reads | PairBatch:
    (batch,) = batches
    return batch


def test_names_bases_and_qualities_of_a_plain_file(write) -> None:
    path = write("a.fq", fastq(("r1/1", "ACGTN", "!I~#5"), ("r2 1:N:0:ACGT", "acgtRY.", "IIIIIII")))
    reads = only(read_fastq(path))
    assert [reads.name(0), reads.name(1)] == ["r1", "r2"]
    assert [reads.sequence(0), reads.sequence(1)] == ["ACGTN", "acgtRY."]
    assert reads.phred(0).tolist() == [0, 40, 93, 2, 20]
    assert reads.mate.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("header", "name", "mate"),
    [
        ("x", "x", 0),
        ("x/2", "x", 2),
        ("x/3", "x/3", 0),
        ("x\tBC:Z:A", "x", 0),
        ("x 2:Y:18:1", "x", 2),
        ("x 12:a", "x", 0),
        ("/1", "/1", 0),
    ],
)
def test_a_header_line_gives_name_and_mate_number(write, header: str, name: str, mate: int) -> None:
    reads = only(read_fastq(write("a.fq", fastq((header, "A", "I")))))
    assert (reads.name(0), reads.mate[0]) == (name, mate)


def test_the_same_reads_from_plain_gzip_bgzf_and_several_gzip_members(write, tmp_path: Path) -> None:
    content = many(30_000, 1, 150)
    plain, half = write("a.fq", content), content.index(b"@r15000 ")
    gzipped = write("a.fq.gz", gzip.compress(content, 1))
    members = write("m.fq.gz", gzip.compress(content[:half], 1) + gzip.compress(content[half:], 1))
    pysam.tabix_compress(str(plain), str(tmp_path / "b.fq.gz"))
    expected = list(read_fastq(plain, batch_bases=1_000_000))
    assert len(expected) == 5
    for path in (gzipped, members, tmp_path / "b.fq.gz"):
        found = list(read_fastq(path, batch_bases=1_000_000))
        assert [len(reads) for reads in found] == [len(reads) for reads in expected]
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.names, other.names)
            assert np.array_equal(one.bases, other.bases)
            assert np.array_equal(one.qualities, other.qualities)
            assert np.array_equal(one.base_offset, other.base_offset)


def test_a_batch_of_pairs_ends_with_the_pair_that_fills_it(write) -> None:
    read1, read2 = write("1.fq", many(10, 1, 50)), write("2.fq", many(10, 2, 40))
    batches = list(read_pairs(read1, read2, batch_bases=181))
    assert [(batch.first, len(batch)) for batch in batches] == [(0, 3), (3, 3), (6, 3), (9, 1)]
    assert batches[2].read2.name(1) == "r7"


def test_windows_line_ends_empty_lines_at_the_end_and_a_missing_last_newline_are_accepted(write) -> None:
    expected = ["ACG", "", "TT"]
    content = fastq(("a", "ACG", "III"), ("b", "", ""), ("c", "TT", "II"))
    for name, text in {
        "windows": content.replace(b"\n", b"\r\n"),
        "empty lines": content + b"\n\r\n\n",
        "no last newline": content[:-1],
    }.items():
        reads = only(read_fastq(write(name, text)))
        assert [reads.sequence(i) for i in range(3)] == expected, name


def test_reads_longer_than_a_block_are_read(write) -> None:
    bases = "ACGT" * 3_000_000
    reads = only(read_fastq(write("long.fq", fastq(("a", "A", "I"), ("long", bases, "I" * len(bases))))))
    assert reads.lengths.tolist() == [1, 12_000_000]
    assert reads.sequence(1) == bases


GOOD = fastq(("a", "ACGT", "IIII"))


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (b"", None, "holds no reads"),
        (b"\n\n", None, "holds no reads"),
        (GOOD + b">b\nACGT\n+\nIIII\n", "read 2 (line 5)", "begin with '@'"),
        (GOOD + b"@\nACGT\n+\nIIII\n", "read 2 (line 5)", "no read name"),
        (GOOD + b"@b\nAC*T\n+\nIIII\n", "read 2 (line 6)", "not a base"),
        (GOOD + b"@b\nACGT\n-\nIIII\n", "read 2 (line 7)", "begin with '+'"),
        (GOOD + b"@b\nACGT\n+a\nIIII\n", "read 2 (line 7)", "names another read"),
        (GOOD + b"@b\nACGT\n+bc\nIIII\n", "read 2 (line 7)", "names another read"),
        (GOOD + b"@b\nACUT\n+\nIIII\n", "read 2 (line 6)", "not a base of DNA"),
        (GOOD + b"@b\nACGT\n+\nIII\n" + GOOD, "read 2 (line 8)", "more or fewer qualities"),
        (GOOD + b"@b\nACGT\n+\nIIIII\n", "read 2 (line 8)", "more or fewer qualities"),
        (GOOD + b"@b\nACGT\n+\nII\x1fI\n", "read 2 (line 8)", "outside the range"),
        (GOOD + b"@b\nACGT\n+\n", "after read 1", "truncated"),
        (GOOD + b"@b", "after read 1", "truncated"),
        (b"BZh91AY", None, "bzip2"),
    ],
)
def test_a_bad_record_is_refused_with_its_place(write, content: bytes, place: str | None, problem: str) -> None:
    path = write("bad.fq", content)
    with pytest.raises(FastqError, match=problem.replace("+", r"\+")) as caught:
        list(read_fastq(path))
    assert caught.value.file == str(path)
    assert caught.value.place == place


@pytest.mark.parametrize("plus", ["+", "+b/1", "+b/1 1:N:0", "+b", "+ 1:N:0", "+b/1\r"])
def test_the_third_line_may_name_the_read_again(write, plus: str) -> None:
    """In full, or as it was before a program appended a UMI or a mate number to the first line."""
    assert only(read_fastq(write("a.fq", f"@b/1 1:N:0\nACGT\n{plus}\nIIII\n".encode()))).name(0) == "b"


NO_FASTQ = {
    "BAM": (compress_block(b"BAM\1" + b"\0" * 40, 1), "samtools fastq"),
    "SAM": (b"@HD\tVN:1.6\n@SQ\tSN:1\tLN:9\nr\t4\n", "samtools fastq"),
    "FASTA": (gzip.compress(b">chr1\nACGT\n"), "that the sequencer wrote"),
    "HTML": (b"<!DOCTYPE html>\n<p>404</p>\n", "download the file again"),
    "twice compressed": (gzip.compress(gzip.compress(GOOD)), "unpack it once"),
    "compress": (b"\x1f\x9d\x90abc", "unpack it"),
    "SRA": (b"NCBI.sra\0\0", "fasterq-dump"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n", "git lfs pull"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "without a byte order mark"),
    "tar": (gzip.compress(b"a.fastq".ljust(257, b"\0") + b"ustar  " + b"\0" * 255 + GOOD), "tar -xf"),
    "empty line first": (b"\n" + GOOD, "remove it"),
    "lines as on old Macs": (GOOD.replace(b"\n", b"\r"), "tr "),
    "reads over several lines": (b"@a\nACGT\nACGT\n+\nIIII\nIIII\n", "seqtk seq"),
    "RNA": (b"@a\nACUU\n+\nIIII\n", "DNA"),
}


@pytest.mark.parametrize(("content", "remedy"), NO_FASTQ.values(), ids=NO_FASTQ)
def test_what_is_no_fastq_is_told_what_it_is(write, content: bytes, remedy: str) -> None:
    with pytest.raises(FastqError) as caught:
        list(read_fastq(write("S1_R1.fastq.gz", content)))
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.9999])
def test_a_truncated_gzip_is_refused(write, kept: float) -> None:
    whole = gzip.compress(many(20_000, 1), 1)
    path = write("cut.fq.gz", whole[: int(len(whole) * kept)])
    with pytest.raises(FastqError, match="truncated") as caught:
        list(read_fastq(path))
    assert caught.value.file == str(path)


def test_a_damaged_gzip_is_refused(write) -> None:
    whole = bytearray(gzip.compress(many(20_000, 1), 1))
    whole[len(whole) // 2] ^= 0x55
    with pytest.raises(FastqError):
        list(read_fastq(write("damaged.fq.gz", bytes(whole))))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FastqError, match="does not exist"):
        list(read_fastq(tmp_path / "none.fq"))


@pytest.mark.parametrize(("short", "long"), [(1, 2), (2, 1)])
def test_a_file_that_ends_before_its_mate_is_named(write, short: int, long: int) -> None:
    files = {short: write("short.fq", many(40_000, short)), long: write("long.fq", many(90_000, long))}
    with pytest.raises(FastqError, match=r"ends 50,000 reads before its mate file long\.fq") as caught:
        list(read_pairs(files[1], files[2]))
    assert (caught.value.file, caught.value.place) == (str(files[short]), "read 40,000")


def test_mates_with_different_names_are_refused(write) -> None:
    read1 = write("1.fq", many(70_000, 1))
    read2 = write("2.fq", many(70_000, 2).replace(b"@r65001 2", b"@other 2"))
    with pytest.raises(FastqError, match=r"'other' stands where its mate file 1\.fq has 'r65001'") as caught:
        list(read_pairs(read1, read2, batch_bases=1_000_000))
    assert (caught.value.file, caught.value.place) == (str(read2), "read 65,002")


def test_an_empty_mate_file_is_refused(write) -> None:
    with pytest.raises(FastqError, match="holds no reads") as caught:
        list(read_pairs(write("1.fq", many(3, 1)), write("2.fq", b"")))
    assert caught.value.file.endswith("2.fq")


def named(*names: str) -> bytes:
    """Reads of different bases by name."""
    return fastq(*((name, "ACGT"[i % 4] * 8, "I" * 8) for i, name in enumerate(names)))


@pytest.mark.parametrize("form", ["SRR1.{}.{}", "read{}_{}", "r{}-{}", "r{}:{}", "SRR1.{}/{}", "ERR12.{}.{} length=8"])
def test_mate_numbers_that_archives_append_are_no_part_of_the_name(write, form: str) -> None:
    files = [write(f"{mate}.fq", named(*(form.format(i, mate) for i in range(30)))) for mate in (1, 2)]
    batches = list(read_pairs(*files, batch_bases=100))
    assert len(batches) > 2
    assert {int(mate) for batch in batches for mate in batch.read1.mate} == {1}
    assert {int(mate) for batch in batches for mate in batch.read2.mate} == {2}
    names = [batch.read1.name(i) for batch in batches for i in range(len(batch))]
    assert names[7] == form.split()[0].format(7, "")[:-1]


def test_mate_numbers_behind_a_block_are_taken_off_too(write) -> None:
    files = [
        write(
            f"{mate}.fq", b"".join(b"@r%d.%d\n%b\n+\n%b\n" % (i, mate, b"A" * 100, b"F" * 100) for i in range(50_000))
        )
        for mate in (1, 2)
    ]
    batches = list(read_pairs(*files, batch_bases=1_000_000))
    assert sum(map(len, batches)) == 50_000
    assert batches[-1].read2.name(len(batches[-1]) - 1) == "r49999"


def test_exchanged_files_are_told_by_the_mate_numbers_that_archives_append(write) -> None:
    files = [write(f"{mate}.fq", named(*(f"SRR1.{i}.{3 - mate}" for i in range(9)))) for mate in (1, 2)]
    (batch,) = read_pairs(*files)
    assert (batch.read1.mate[0], batch.read2.mate[0]) == (2, 1)


def test_the_number_of_a_spot_is_no_mate_number(write) -> None:
    """A file whose first read is lost is out of step, though SRR1.1 and SRR1.2 look like mates."""
    one, two = write("1.fq", named("SRR1.1", "SRR1.2")), write("2.fq", named("SRR1.2", "SRR1.3"))
    with pytest.raises(FastqError, match=r"'SRR1\.2' stands where its mate file 1\.fq has 'SRR1\.1'"):
        list(read_pairs(one, two))
    same = write("a.fq", named("SRR1.1", "SRR1.2")), write("b.fq", named("SRR1.1", "SRR1.2"))
    (batch,) = read_pairs(*same)
    assert [batch.read1.name(i) for i in range(2)] == ["SRR1.1", "SRR1.2"]


def test_names_out_of_step_are_told_as_they_are_although_they_end_in_mate_numbers(write) -> None:
    one, two = write("1.fq", named("a.1", "b.1", "c.1")), write("2.fq", named("a.2", "c.2", "b.2"))
    with pytest.raises(FastqError, match="'c' stands where its mate file") as caught:
        list(read_pairs(one, two))
    assert caught.value.place == "read 2"


def test_a_name_as_long_as_bam_allows_is_read_and_a_longer_one_refused(write) -> None:
    assert only(read_fastq(write("a.fq", named("x" * 254)))).name(0) == "x" * 254
    assert only(read_pairs(write("1.fq", named("x" * 254 + ".1")), write("2.fq", named("x" * 254 + ".2")))).read1.name(
        0
    )
    assert only(read_fastq(write("b.fq", named("x" * 254 + "/1", "y " + "z" * 400)))).name(1) == "y"
    path = write("c.fq", named("short", "x" * 255))
    with pytest.raises(FastqError, match="a read name of 255 letters: BAM holds 254") as caught:
        list(read_fastq(path))
    assert (caught.value.file, caught.value.place) == (str(path), "read 2 (line 5)")
    assert "behind a space" in caught.value.remedy


@pytest.mark.parametrize("name", ["a\0b", "a\x7f", "M\xfcller", "tab\x01"])
def test_a_name_that_sam_does_not_allow_is_refused(write, name: str) -> None:
    path = write("a.fq", f"@ok\nA\n+\nI\n@{name}\nA\n+\nI\n".encode("latin-1"))
    with pytest.raises(FastqError, match="a read name holds the byte 0x") as caught:
        list(read_fastq(path))
    assert caught.value.place == "read 2 (line 5)"
