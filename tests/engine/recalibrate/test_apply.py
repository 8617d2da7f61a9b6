"""Recalibrated qualities: GATK's on real reads, and only qualities change."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pysam
import pytest
from numpy.typing import NDArray

from engine.call.caller import call_gvcf
from engine.call.haplotype.reads.source import ReadSource, WantedReads
from engine.errors import AlignmentFileError
from engine.recalibrate.apply import apply_recalibration
from engine.recalibrate.gatk_report import read_report
from engine.recalibrate.recalibration import recalibrate
from engine.recalibrate.table import CONTEXTS, RecalibrationTable
from engine.reference.bundle import Contig
from tests.builders.recalibration import ShapedReads, shaped_reads, write_reads


def records(path: Path) -> list[pysam.AlignedSegment]:
    with pysam.AlignmentFile(str(path), check_sq=False) as bam:
        return list(bam.fetch(until_eof=True))


@pytest.fixture(scope="session")
def gatk_table(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RecalibrationTable:
    path = tmp_path_factory.mktemp("report") / "bqsr.table"
    golden = shared_data / "gatk_goldens" / "na12878_100kb" / "bqsr.table.gz"
    path.write_bytes(gzip.decompress(golden.read_bytes()))
    return read_report(path)


def test_the_qualities_of_real_reads_are_those_of_gatk(
    shared_data: Path, gatk_table: RecalibrationTable, tmp_path: Path
) -> None:
    folder = shared_data / "gatk_goldens" / "na12878_100kb"
    output = tmp_path / "recalibrated.bam"
    assert apply_recalibration(folder / "in.bam", gatk_table, output, threads=2).reads == 52_005
    found: dict[tuple[str, int, int], str] = {}
    with pysam.AlignmentFile(str(output)) as bam:
        for read in bam.fetch("chr20", 10_049_000, 10_053_000):
            found[read.query_name, read.flag, read.reference_start + 1] = pysam.qualities_to_qualitystring(
                read.query_qualities
            )
    bases = 0
    golden = gzip.decompress((folder / "bqsr.qualities.10050000_10052000.tsv.gz").read_bytes()).decode()
    for line in golden.splitlines():
        name, flag, position, qualities = line.split("\t")
        assert found[name, int(flag), int(position)] == qualities
        bases += len(qualities)
    assert bases == 106_959


def small_table() -> RecalibrationTable:
    """Quality 30 is really 20 everywhere, but 10 in cycle 2 and of read 2."""
    by_cycle = np.zeros((1, 94, 21, 2), dtype=np.int64)
    for cycle in range(1, 11):
        by_cycle[0, 30, 10 + cycle] = 10**6, 10**5 if cycle == 2 else 10**4
        by_cycle[0, 30, 10 - cycle] = 10**6, 10**4
    by_context = np.zeros((1, 94, 16, 2), dtype=np.int64)
    by_context[0, 30, :] = by_cycle[0, 30].sum(axis=0) // 16
    by_context[0, 30, CONTEXTS.index("GT")] = 10**7, 10**3
    return RecalibrationTable(("unit1",), by_cycle, by_context, by_cycle.sum(axis=2))


def read(flag: int, bases: str, qualities: list[int], **facts: object) -> dict[str, object]:
    whole = [(0, len(bases))]
    return {"start": 10, "flag": flag, "cigar": whole, "bases": bases, "qualities": qualities, "group": "a", **facts}


CONTIGS = (("chr1", 100),)
FORWARD_READ_1, REVERSE_READ_1, FORWARD_READ_2 = 65, 81, 129


def test_the_shifts_of_the_small_table() -> None:
    corrections = small_table().corrections
    assert corrections.quality[0, 30] == 18
    assert corrections.cycle_shift[0, 30, 10:13].tolist() == [0, 2, -8]
    assert corrections.context_shift[0, 30, [CONTEXTS.index("AA"), CONTEXTS.index("GT"), 16]].tolist() == [0, 22, 0]


@pytest.mark.parametrize(
    ("flag", "bases", "expected"),
    [
        (FORWARD_READ_1, "AAAA", [20, 10, 20, 20]),
        (REVERSE_READ_1, "AAAA", [20, 20, 10, 20]),
        (FORWARD_READ_2, "AAAA", [20, 20, 20, 20]),
        (FORWARD_READ_1, "AGTA", [20, 10, 42, 20]),
        (REVERSE_READ_1, "TACT", [20, 42, 10, 20]),
        (FORWARD_READ_1, "NGTN", [20, 10, 42, 20]),
    ],
)
def test_the_covariates_follow_the_order_of_sequencing(
    tmp_path: Path, flag: int, bases: str, expected: list[int]
) -> None:
    """18 for the quality, shifted by 2, in cycle 2 by -8, and after G for a T by 22."""
    assert applied(tmp_path, read(flag, bases, [30] * 4)) == [expected]


def applied(folder: Path, *reads: dict[str, object], table: RecalibrationTable | None = None) -> list[list[int]]:
    write_reads(folder / "r.bam", reads, CONTIGS)
    apply_recalibration(folder / "r.bam", table or small_table(), folder / "out.bam")
    return [list(each.query_qualities or ()) for each in records(folder / "out.bam")]


def test_qualities_below_6_stay_and_mask_the_context_at_the_ends(tmp_path: Path) -> None:
    qualities = [5, 30, 2, 30, 2]
    assert applied(tmp_path, read(FORWARD_READ_1, "GTGTA", qualities)) == [[5, 32, 2, 42, 2]]
    assert applied(tmp_path, read(FORWARD_READ_1, "GT", [2, 30])) == [[2, 10]]


def test_every_read_is_recalibrated_whatever_its_flags(tmp_path: Path) -> None:
    flags = [FORWARD_READ_1 | extra for extra in (0, 4, 256, 512, 1024, 2048)]
    reads = [read(flag, "AAAA", [30] * 4, mapq=0, start=10 + i) for i, flag in enumerate(flags)]
    assert applied(tmp_path, *reads) == [[20, 10, 20, 20]] * len(flags)


def test_clipped_bases_count_as_cycles(tmp_path: Path) -> None:
    clipped = read(FORWARD_READ_1, "AAAA", [30] * 4, cigar=[(5, 3), (4, 2), (0, 2)])
    assert applied(tmp_path, clipped) == [[20, 10, 20, 20]]


def test_reads_without_qualities_or_bases_pass(tmp_path: Path) -> None:
    reads = [read(FORWARD_READ_1, "AAAA", [30] * 4, start=12)]
    reads.append({"start": 10, "cigar": [(0, 4)], "bases": "ACGT", "qualities": None, "group": None})
    reads.append({"start": 11, "cigar": [(0, 4)], "bases": None, "qualities": None, "group": None})
    assert applied(tmp_path, *reads) == [[], [], [20, 10, 20, 20]]


def test_a_read_group_that_the_table_does_not_know(tmp_path: Path) -> None:
    for group in ("c", None):
        with pytest.raises(AlignmentFileError, match=r"read 'r' is of no read group that the table knows \(unit1\)"):
            applied(tmp_path, read(FORWARD_READ_1, "AAAA", [30] * 4, group=group))


def test_a_read_longer_than_the_largest_cycle(tmp_path: Path) -> None:
    with pytest.raises(AlignmentFileError, match="longer than the largest cycle, 10"):
        applied(tmp_path, read(FORWARD_READ_1, "A" * 11, [30] * 11))


def test_a_file_that_is_not_sorted(tmp_path: Path) -> None:
    reads = [read(FORWARD_READ_1, "AAAA", [30] * 4, start=start) for start in (20, 10)]
    write_reads(tmp_path / "r.bam", reads, CONTIGS, sort=False)
    with pytest.raises(AlignmentFileError, match="not sorted by coordinate"):
        apply_recalibration(tmp_path / "r.bam", small_table(), tmp_path / "out.bam")


def test_only_qualities_change_and_the_bytes_are_the_same_for_any_number_of_threads(tmp_path: Path) -> None:
    shaped = shaped_reads(tmp_path, 3, count=4000)
    table = recalibrate(shaped.bam, [shaped.known], shaped.fasta)
    outputs = [tmp_path / "one.bam", tmp_path / "three.bam"]
    for output, threads in zip(outputs, (1, 3), strict=True):
        assert apply_recalibration(shaped.bam, table, output, threads=threads).reads == 4000
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert (tmp_path / "one.bam.bai").exists()
    changed = 0
    for before, after in zip(records(shaped.bam), records(outputs[0]), strict=True):
        changed += list(before.query_qualities) != list(after.query_qualities)
        after.query_qualities = before.query_qualities
        assert before.to_string() == after.to_string()
    assert changed > 3000


def test_the_header_says_what_was_done_and_nothing_of_when_or_where(tmp_path: Path) -> None:
    applied(tmp_path, read(FORWARD_READ_1, "AAAA", [30] * 4))
    apply_recalibration(tmp_path / "out.bam", small_table(), tmp_path / "twice.bam")
    with pysam.AlignmentFile(str(tmp_path / "twice.bam")) as bam:
        assert bam.header.to_dict()["PG"] == [
            {"ID": "recalibrate", "PN": "genomics-engine"},
            {"ID": "recalibrate.1", "PN": "genomics-engine", "PP": "recalibrate"},
        ]


def test_the_caller_sees_the_qualities_of_the_file(tmp_path: Path) -> None:
    """Reads of every shape, decoded with the table, are those of the recalibrated file; from CRAM as from BAM."""
    shaped = shaped_reads(tmp_path, 5)
    table = recalibrate(shaped.bam, [shaped.known], shaped.fasta)
    cram = tmp_path / "reads.cram"
    pysam.view("-C", "-T", str(shaped.fasta), "-o", str(cram), str(shaped.bam), catch_stdout=False)
    for path in (shaped.bam, cram):
        pysam.index(str(path))
    apply_recalibration(shaped.bam, table, tmp_path / "out.bam")
    expected = fetched(tmp_path / "out.bam", shaped, None)
    assert not np.array_equal(fetched(shaped.bam, shaped, None), expected)
    for path in (shaped.bam, cram):
        assert np.array_equal(fetched(path, shaped, table), expected)
    with pytest.raises(AlignmentFileError, match="longer than the largest cycle, 10"):
        fetched(shaped.bam, shaped, small_table())


def fetched(path: Path, shaped: ShapedReads, table: RecalibrationTable | None) -> NDArray[np.uint8]:
    source = ReadSource(path, fasta=shaped.fasta, sample=None, reads_per_start=0, recalibration=table)
    return source.fetch(WantedReads(0, 0, 400, np.array([0]), np.array([400]))).columns.qualities


def test_cram_is_counted_and_recalibrated_as_bam_is(tmp_path: Path) -> None:
    shaped = shaped_reads(tmp_path, 7)
    cram = tmp_path / "reads.cram"
    pysam.view("-C", "-T", str(shaped.fasta), "-o", str(cram), str(shaped.bam), catch_stdout=False)
    tables = [recalibrate(path, [shaped.known], shaped.fasta) for path in (shaped.bam, cram)]
    assert np.array_equal(tables[0].by_cycle, tables[1].by_cycle)
    apply_recalibration(shaped.bam, tables[0], tmp_path / "bam.bam")
    apply_recalibration(cram, tables[0], tmp_path / "cram.bam", fasta=shaped.fasta)
    ours, theirs = (records(tmp_path / name) for name in ("cram.bam", "bam.bam"))
    assert [each.query_qualities for each in ours] == [each.query_qualities for each in theirs]
    with pytest.raises(AlignmentFileError, match="read with its reference"):
        apply_recalibration(cram, tables[0], tmp_path / "x.bam")
    whole = cram.read_bytes()
    cram.write_bytes(whole[:-38])
    with pytest.raises(AlignmentFileError, match="truncated: its end-of-file block is missing"):
        recalibrate(cram, [shaped.known], shaped.fasta)
    cram.write_bytes(whole[: len(whole) // 2] + bytes(40) + whole[len(whole) // 2 + 40 :])
    with pytest.raises(AlignmentFileError, match="cannot be decoded"):
        recalibrate(cram, [shaped.known], shaped.fasta)


@pytest.mark.parametrize("caller", ["haplotype", "bcftools"])
def test_calls_while_recalibrating_are_those_of_the_recalibrated_file(
    shared_data: Path, gatk_table: RecalibrationTable, tmp_path: Path, caller: str
) -> None:
    """Real reads; and the calls do change."""
    reads = shared_data / "gatk_goldens" / "na12878_100kb" / "in.bam"
    apply_recalibration(reads, gatk_table, tmp_path / "recalibrated.bam")
    fasta = shared_data / "na12878_chr20_10m" / "ucsc.hg19.chr20.unittest.fasta.gz"
    with pysam.FastaFile(str(fasta)) as sequences:
        reference = SimpleNamespace(fasta=fasta, contigs=(Contig("chr20", sequences.lengths[0], ""),))
    calls = {
        "given": (tmp_path / "recalibrated.bam", None),
        "on the way": (reads, gatk_table),
        "without": (reads, None),
    }
    text = {}
    for name, (file, table) in calls.items():
        output = tmp_path / f"{name}.g.vcf.gz"
        call_gvcf(
            file, reference, output, caller=caller, region="chr20:10002001-10008000", recalibration=table, threads=2
        )
        text[name] = gzip.decompress(output.read_bytes())
    assert text["on the way"] == text["given"] != text["without"]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == sorted([".bam", ".bai", *[".gz", ".tbi"] * 3])
