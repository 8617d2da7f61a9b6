"""Both aligners, and the way back from pieces to contigs, on made-up and on real reads."""

import os
import platform
import random
import shutil
import subprocess
from pathlib import Path

import pysam
import pytest

from engine.align import processor
from engine.align.aligner import Aligner, open_aligner
from engine.align.index import build_index
from engine.errors import FastqError, ToolError
from engine.reads.fastq import read_pairs
from engine.reads.header import bam_header
from engine.reads.lane import Lane
from engine.reads.records import Records
from engine.reference.genome import Reference, open_reference, read_sequences
from tests.builders.alignments import random_sequence
from tests.builders.packed import names_of
from tests.builders.sequencing import Pair, cut_pair, cut_pairs, reverse_complement, write_lane

needs_bwa = pytest.mark.skipif(shutil.which("bwa") is None, reason="bwa is not on PATH")
BOTH = [pytest.param("bwa-mem3"), pytest.param("bwa", marks=needs_bwa)]


def align(aligner: Aligner, lane: Lane, *, threads: int = 1, batch_bases: int = 10_000_000) -> list[Records]:
    batches = read_pairs(lane.read1, lane.read2, batch_bases=batch_bases)
    return list(aligner.align(batches, read_group="rg", threads=threads))


def as_sam(batches: list[Records], reference: Reference, folder: Path, *, without: tuple[str, ...] = ()) -> list[str]:
    """The records as SAM lines, some tags left out."""
    bam = folder / "records.bam"
    with pysam.BGZFile(str(bam), "wb") as file:
        file.write(bam_header("@HD\tVN:1.6\n", reference.contigs))
        for records in batches:
            file.write(records.data.tobytes())
    lines = pysam.view(str(bam)).splitlines()
    return ["\t".join(field for field in line.split("\t") if field[:2] not in without) for line in lines]


def bwa_mem(prefix: Path, lane: Lane) -> list[str]:
    bwa = shutil.which("bwa")
    assert bwa is not None
    command = [bwa, "mem", "-K", "10000000", "-R", r"@RG\tID:rg", str(prefix), str(lane.read1), str(lane.read2)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if not line.startswith("@")]


@pytest.fixture(scope="module")
def split_contigs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Lane]:
    """Two contigs, one with a gap and a repeat on both sides of it; pairs within, across and split over pieces."""
    folder = tmp_path_factory.mktemp("split")
    left, right, other = (random_sequence(20_000, seed=seed) for seed in (1, 2, 3))
    right = right[:5_000] + left[3_000:4_000] + right[6_000:]
    fasta = folder / "ref.fa"
    fasta.write_text(f">chrA\n{'N' * 1500}{left}{'N' * 3000}{right}\n>b\n{other}\n")
    rng = random.Random(5)
    pairs = (
        cut_pairs(left, 400, seed=1)
        + cut_pairs(right, 400, seed=2, prefix="M:1:F:1:1102")
        + cut_pairs(other, 300, prefix="M:1:F:1:1103")
    )
    for i in range(60):
        here, there = rng.randrange(19_000), rng.randrange(19_000)
        read1, read2 = left[here : here + 100], reverse_complement(right[there : there + 100])
        split = left[here : here + 60] + right[there : there + 60]
        pairs.append(Pair(f"across:{i}", read1, read2, "I" * 100, "F" * 100))
        pairs.append(Pair(f"back:{i}", read2, read1, "I" * 100, "F" * 100))
        pairs.append(cut_pair(f"split:{i}", split + right[there + 60 : there + 200], 120, rng=rng))
        pairs.append(Pair(f"half:{i}", read1, random_sequence(100, seed=i), "I" * 100, "F" * 100))
    rng.shuffle(pairs)
    return open_reference(fasta), write_lane(folder, pairs)


@needs_bwa
@pytest.mark.parametrize("name", BOTH)
def test_alignments_to_pieces_are_those_to_whole_contigs(
    name: str, split_contigs: tuple[Reference, Lane], tmp_path: Path
) -> None:
    reference, lane = split_contigs
    index = build_index(reference, tmp_path / "pieces", aligner=name)
    assert len(index.pieces) == 3
    ours = as_sam(
        align(open_aligner(name, index.prefix, reference.contigs), lane), reference, tmp_path, without=("MQ", "HN")
    )
    subprocess.run([str(shutil.which("bwa")), "index", str(reference.fasta)], check=True, capture_output=True)
    expected = bwa_mem(reference.fasta, lane)
    assert sum("SA:Z:chrA" in line for line in expected) > 50
    assert sum("XA:Z:chrA" in line for line in expected) > 20
    across = [line.split("\t") for line in expected if line.startswith("across")]
    assert {fields[6] for fields in across} == {"="}
    assert sorted(ours) == sorted(expected)


@pytest.mark.parametrize("name", BOTH)
def test_records_come_in_input_order_whatever_the_threads(
    name: str, split_contigs: tuple[Reference, Lane], tmp_path: Path
) -> None:
    reference, lane = split_contigs
    index = build_index(reference, tmp_path / "pieces", aligner=name)
    aligner = open_aligner(name, index.prefix, reference.contigs, batch_bases=20_000)
    one = align(aligner, lane, threads=1, batch_bases=20_000)
    three = align(aligner, lane, threads=3, batch_bases=20_000)
    assert b"".join(records.data.tobytes() for records in one) == b"".join(records.data.tobytes() for records in three)
    names = [name for records in one for name in names_of(records)]
    in_input = [batch.read1.name(i) for batch in read_pairs(lane.read1, lane.read2) for i in range(len(batch))]
    assert list(dict.fromkeys(names)) == in_input


@needs_bwa
def test_real_reads_align_as_with_bwa(shared_data: Path, tmp_path: Path) -> None:
    """NA12878 chr20:10.0-10.1 Mb: every record equal in every field, bwa-mem3's extra tags MQ and HN aside."""
    ((_, sequence),) = read_sequences(shared_data / "b37_chr20_ref" / "20.fa.gz")
    fasta = tmp_path / "slice.fa"
    fasta.write_bytes(b">20\n" + b"N" * 2000 + sequence[9_900_000:10_200_000] + b"\n")
    reference = open_reference(fasta)
    lane = _lane_of(shared_data / "na12878_chr20_10m" / "NA12878_S1.chr20.10_10p1mb.bam", tmp_path, every=4)
    index = build_index(reference, tmp_path / "pieces")
    ours = as_sam(
        align(open_aligner("bwa-mem3", index.prefix, reference.contigs), lane),
        reference,
        tmp_path,
        without=("MQ", "HN"),
    )
    whole = build_index(reference, tmp_path / "bwa", aligner="bwa")
    theirs = as_sam(align(open_aligner("bwa", whole.prefix, reference.contigs), lane), reference, tmp_path)
    assert len(ours) > 12_000
    assert ours == theirs


def _lane_of(bam: Path, folder: Path, *, every: int) -> Lane:
    """The pairs of a BAM, every so many of them, in the order of their names."""
    reads: dict[str, dict[bool, pysam.AlignedSegment]] = {}
    with pysam.AlignmentFile(str(bam)) as file:
        for read in file:
            if not read.is_secondary and not read.is_supplementary:
                reads.setdefault(str(read.query_name), {})[read.is_read1] = read
    pairs = []
    for name in sorted(name for name, mates in reads.items() if len(mates) == 2)[::every]:
        first, second = reads[name][True], reads[name][False]
        pairs.append(Pair(name, *(_bases(read) for read in (first, second)), *(_qualities(r) for r in (first, second))))
    return write_lane(folder, pairs)


def _bases(read: pysam.AlignedSegment) -> str:
    return str(read.get_forward_sequence())


def _qualities(read: pysam.AlignedSegment) -> str:
    return "".join(chr(quality + 33) for quality in read.get_forward_qualities() or ())


@pytest.mark.parametrize("name", BOTH)
def test_reads_of_one_base_and_of_ten_thousand_and_without_any(
    name: str, split_contigs: tuple[Reference, Lane], tmp_path: Path
) -> None:
    reference, _ = split_contigs
    index = build_index(reference, tmp_path / "pieces", aligner=name)
    long = random_sequence(20_000, seed=3)[2_000:12_000]
    pairs = [
        Pair("one", "A", "C", "I", "I"),
        Pair("long", long, reverse_complement(long), "I" * 10_000, "I" * 10_000),
        Pair("ambiguous", "NRYSWKMBDHV" * 9, "N" * 99, "I" * 99, "#" * 99),
    ]
    lane = write_lane(tmp_path, pairs)
    lines = as_sam(align(open_aligner(name, index.prefix, reference.contigs), lane), reference, tmp_path)
    fields = {(line.split("\t")[0], int(line.split("\t")[1]) >> 6 & 3): line.split("\t") for line in lines}
    assert fields["one", 1][9] == "A"
    assert int(fields["one", 1][1]) & 4
    assert fields["long", 1][2:6] == ["b", "2001", "60", "10000M"]
    assert fields["ambiguous", 1][9] == "N" * 99


@pytest.mark.parametrize("name", BOTH)
def test_a_damaged_fastq_stops_the_aligner_with_its_own_error(
    name: str, split_contigs: tuple[Reference, Lane], tmp_path: Path
) -> None:
    reference, lane = split_contigs
    index = build_index(reference, tmp_path / "pieces", aligner=name)
    cut = tmp_path / "cut.fastq.gz"
    cut.write_bytes(lane.read2.read_bytes()[:-100])
    with pytest.raises(FastqError, match="truncated"):
        align(open_aligner(name, index.prefix, reference.contigs), Lane("L", lane.read1, cut), batch_bases=20_000)


def test_the_aligner_is_quiet_and_other_messages_are_heard_again(
    split_contigs: tuple[Reference, Lane], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reference, lane = split_contigs
    index = build_index(reference, tmp_path / "pieces")
    align(open_aligner("bwa-mem3", index.prefix, reference.contigs), lane, threads=2, batch_bases=50_000)
    assert capfd.readouterr().err == ""
    pysam.set_verbosity(3)
    with pytest.raises(OSError, match="No such file"):
        pysam.AlignmentFile(str(tmp_path / "none.bam"))
    assert "none.bam" in capfd.readouterr().err


def test_an_aligner_that_is_not_there_is_named(
    split_contigs: tuple[Reference, Lane], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = split_contigs
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    with pytest.raises(ToolError, match="bwa is not on PATH"):
        build_index(reference, tmp_path / "pieces", aligner="bwa")
    with pytest.raises(ToolError, match="no aligner 'minimap'"):
        open_aligner("minimap", tmp_path / "pieces", reference.contigs)


def test_a_processor_without_avx2_is_told_before_any_work(
    split_contigs: tuple[Reference, Lane], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = split_contigs
    index = build_index(reference, tmp_path / "pieces")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(processor, "host_features", lambda: {"sse4.2": True, "avx": True, "avx2": False})
    with pytest.raises(ToolError, match=r"AVX2.*choose the aligner bwa"):
        open_aligner("bwa-mem3", index.prefix, reference.contigs)
    with pytest.raises(ToolError, match="AVX2"):
        build_index(reference, tmp_path / "again")
    assert not list(tmp_path.glob("again*"))
