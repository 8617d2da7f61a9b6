from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.files.bgzf import BLOCK_LIMIT, compress_block
from engine.reads.bam_writer import write_bam
from engine.reads.header import Program, ReadGroup, bam_header, header_text
from engine.reads.records import Records
from engine.reference.bundle import Contig
from tests.builders.packed import records_from_sam, records_of

CONTIGS = (Contig("1", 300_000_000, "a" * 32), Contig("empty", 1000, "b" * 32), Contig("2", 200_000, "c" * 32))
LENGTHS = {contig.name: contig.length for contig in CONTIGS}


def header() -> bytes:
    groups = [ReadGroup("S.L1", "S", "lib", "F.1")]
    return bam_header(header_text(CONTIGS, groups, [Program("a", "1", "a x"), Program("b", "2", "b")]), CONTIGS)


def sorted_records(count: int, *, seed: int = 1) -> Records:
    rng = np.random.default_rng(seed)
    places = sorted(
        (int(rng.integers(0, 2)), int(rng.integers(1, 150_000)), i, int(rng.integers(1, 300))) for i in range(count)
    )
    lines = []
    for contig, position, i, length in places:
        sequence = rng.choice(list("ACGT"), length)
        quality = "".join(map(chr, rng.integers(35, 74, length)))
        cigar = f"{length}M" if length < 40 else f"10M{int(rng.integers(1, 40_000))}N{length - 10}M"
        name = CONTIGS[2 * contig].name
        lines.append(f"r{i}\t0\t{name}\t{position}\t60\t{cigar}\t*\t0\t0\t{''.join(sequence)}\t{quality}")
        if i % 50 == 0:
            lines.append(f"u{i}\t69\t{name}\t{position}\t0\t*\t=\t{position}\t0\tACGT\tIIII")
    lines += [f"n{i}\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\tIIII" for i in range(500)]
    return records_from_sam(lines, LENGTHS)


def chunks(records: Records, size: int) -> list[Records]:
    found = []
    for first in range(0, len(records), size):
        offset = records.offset[first : first + size + 1]
        found.append(Records(records.data[offset[0] : offset[-1]], offset - offset[0]))
    return found


def write(path: Path, records: Records, *, size: int = 700, threads: int = 1, level: int = 1) -> int:
    index = path.with_name(f"{path.name}.bai")
    lengths = list(LENGTHS.values())
    return write_bam(path, header(), lengths, chunks(records, size), level=level, threads=threads, index=index)


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize("content", [b"", b"A" * BLOCK_LIMIT, np.random.default_rng(1).bytes(BLOCK_LIMIT)])
def test_a_block_holds_what_was_put_in(level: int, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(compress_block(content, level))
    assert path.stat().st_size <= 0x10000
    with pysam.BGZFile(str(path)) as file:
        assert file.read() == content


def test_htslib_reads_back_every_record(tmp_path: Path) -> None:
    records = sorted_records(4000)
    assert write(tmp_path / "x.bam", records) == len(records)
    pysam.quickcheck("-v", str(tmp_path / "x.bam"))
    back = records_of(tmp_path / "x.bam")
    assert np.array_equal(back.data, records.data)
    with pysam.AlignmentFile(str(tmp_path / "x.bam")) as file:
        assert sum(1 for _ in file.fetch(until_eof=True)) == len(records)
        assert file.header.to_dict()["RG"] == [{"ID": "S.L1", "SM": "S", "LB": "lib", "PL": "ILLUMINA", "PU": "F.1"}]
        assert [line["ID"] for line in file.header.to_dict()["PG"]] == ["a", "b"]


def test_bytes_do_not_depend_on_threads_or_on_the_chunks_in_which_records_come(tmp_path: Path) -> None:
    records = sorted_records(4000)
    write(tmp_path / "a.bam", records, size=700)
    for name, size, threads in (("b.bam", 1, 2), ("c.bam", 5000, 3)):
        write(tmp_path / name, records, size=size, threads=threads)
        assert (tmp_path / name).read_bytes() == (tmp_path / "a.bam").read_bytes()
        assert (tmp_path / f"{name}.bai").read_bytes() == (tmp_path / "a.bam.bai").read_bytes()


def test_the_index_finds_what_htslibs_index_finds(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "x.bam", tmp_path / "htslib.bai"
    write(ours, sorted_records(6000))
    pysam.index(str(ours), str(theirs))
    rng = np.random.default_rng(2)
    with (
        pysam.AlignmentFile(str(ours)) as one,
        pysam.AlignmentFile(str(ours), index_filename=str(theirs)) as other,
    ):
        assert one.get_index_statistics() == other.get_index_statistics()
        assert one.nocoordinate == other.nocoordinate == 500
        for _ in range(300):
            contig = str(rng.choice(["1", "2", "empty"]))
            start = int(rng.integers(0, 190_000)) if contig != "empty" else 0
            end = start + int(rng.choice([1, 100, 20_000]))
            found = [read.query_name for read in one.fetch(contig, start, end)]
            assert found == [read.query_name for read in other.fetch(contig, start, end)]


def test_a_record_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    lines = [
        f"r{i}\t0\t1\t{1000 + i}\t60\t{length}M\t*\t0\t0\t{'A' * length}\t{'I' * length}"
        for i, length in enumerate((100, 150_000, 50, 60_000, 43_000, 43_500, 10))
    ]
    records = records_from_sam(lines, LENGTHS)
    write(tmp_path / "x.bam", records, size=2)
    assert np.array_equal(records_of(tmp_path / "x.bam").data, records.data)
    with pysam.AlignmentFile(str(tmp_path / "x.bam")) as file:
        assert [read.query_name for read in file.fetch("1", 100_000, 100_001)] == ["r1"]


def test_a_file_without_records(tmp_path: Path) -> None:
    assert write(tmp_path / "x.bam", records_from_sam([], LENGTHS)) == 0
    with pysam.AlignmentFile(str(tmp_path / "x.bam")) as file:
        assert list(file.fetch("1")) == []
