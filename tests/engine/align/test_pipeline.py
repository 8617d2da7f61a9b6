import gzip
import random
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pysam
import pytest

from engine.align.aligner import Aligner, open_aligner
from engine.align.index import build_index
from engine.align.pipeline import AlignedReads, AlignmentOptions, align_reads
from engine.errors import FastqError, ToolError
from engine.progress import Progress
from engine.reads.conventions import QualityEncoding, UmiSource
from engine.reads.lane import Lane
from engine.reference.genome import Reference, open_reference
from engine.reference.intervals import Interval
from tests.builders.alignments import random_sequence
from tests.builders.sequencing import Pair, cut_pair, cut_pairs, write_lane


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Aligner]:
    folder = tmp_path_factory.mktemp("genome")
    one, two = random_sequence(30_000, seed=1), random_sequence(20_000, seed=2)
    fasta = folder / "ref.fa"
    fasta.write_text(f">1\n{'N' * 4000}{one}\n>X\n{two}{'N' * 5000}\n")
    reference = open_reference(fasta)
    index = build_index(reference, folder / "index")
    return reference, open_aligner("bwa-mem3", index.prefix, reference.contigs)


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> list[Lane]:
    """Two lanes; a tenth of the pairs of the first are there again in the second."""
    folder = tmp_path_factory.mktemp("lanes")
    one, two = random_sequence(30_000, seed=1), random_sequence(20_000, seed=2)
    first = cut_pairs(one, 2000, prefix="M:1:FC:1:1101") + cut_pairs(two, 500, seed=2, prefix="M:1:FC:1:1102")
    again = cut_pairs(one, 200, prefix="M:1:FC:2:1101") + cut_pairs(one, 300, seed=3, prefix="M:1:FC:2:1102")
    return [write_lane(folder, first, "L001"), write_lane(folder, again, "L002")]


def run(
    genome: tuple[Reference, Aligner], lanes: list[Lane], folder: Path, name: str = "S1.bam", **options: object
) -> AlignedReads:
    folder.mkdir(exist_ok=True)
    reference, aligner = genome
    chosen = AlignmentOptions(**{"batch_bases": 50_000} | options)  # type: ignore[arg-type]
    return align_reads(lanes, "S1", reference, aligner, folder / name, options=chosen)


def test_a_sample_becomes_one_sorted_marked_and_indexed_bam(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path
) -> None:
    aligned = run(genome, lanes, tmp_path)
    with pysam.AlignmentFile(str(aligned.path)) as file:
        header = file.header.to_dict()
        reads = list(file.fetch(until_eof=True))
        on_x = sum(1 for _ in file.fetch("X"))
    assert header["HD"] == {"VN": "1.6", "SO": "coordinate"}
    assert [(line["SN"], line["LN"], line["M5"]) for line in header["SQ"]] == [
        (contig.name, contig.length, contig.md5) for contig in genome[0].contigs
    ]
    assert header["RG"] == [
        {"ID": f"S1.L00{lane}", "SM": "S1", "LB": "S1", "PL": "ILLUMINA", "PU": f"FC.{lane}"} for lane in (1, 2)
    ]
    assert [line["ID"] for line in header["PG"]] == ["bwa-mem3", "genomics-engine"]
    assert "/" not in str(file.header)
    places = [(read.reference_id % 99, read.reference_start) for read in reads]
    assert places == sorted(places)
    assert len(reads) == aligned.records
    assert aligned.pairs == 3000
    assert {read.get_tag("RG") for read in reads} == {"S1.L001", "S1.L002"}
    assert on_x == sum(read.reference_name == "X" for read in reads) > 900
    assert aligned.index.name == "S1.bam.bai"
    marked = {str(read.query_name) for read in reads if read.is_duplicate}
    assert 190 <= len(marked) <= 230
    (library,) = aligned.duplication
    assert library.read_pair_duplicates == len(marked)
    assert aligned.measures.duplicate_fraction == pytest.approx(len(marked) / 3000, abs=0.003)
    assert aligned.measures.reads == 6000
    assert aligned.measures.mapped_fraction > 0.99
    assert aligned.histograms.contig_coverage["1"] > aligned.histograms.contig_coverage["X"] > 2
    assert aligned.measures.x_coverage == aligned.histograms.contig_coverage["X"]


@pytest.mark.parametrize(
    "options",
    [{"threads": 3}, {"memory": 200_000}, {"memory": 3_000, "threads": 2}],
    ids=["threads", "runs", "many runs"],
)
def test_threads_and_memory_do_not_change_a_byte(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path, options: dict[str, int]
) -> None:
    expected, other = run(genome, lanes, tmp_path / "a"), run(genome, lanes, tmp_path / "b", **options)
    assert other.path.read_bytes() == expected.path.read_bytes()
    assert other.index.read_bytes() == expected.index.read_bytes()
    assert other.measures == expected.measures
    assert other.duplication == expected.duplication
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["S1.bam", "S1.bam.bai"]


def test_cram_holds_the_same_alignments(genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path) -> None:
    bam = run(genome, lanes, tmp_path)
    cram = run(genome, lanes, tmp_path, "S1.cram", format="cram")
    assert cram.index.name == "S1.cram.crai"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["S1.bam", "S1.bam.bai", "S1.cram", "S1.cram.crai"]
    with (
        pysam.AlignmentFile(str(bam.path)) as one,
        pysam.AlignmentFile(str(cram.path), reference_filename=str(genome[0].fasta)) as other,
    ):
        assert other.header.to_dict()["PG"] == one.header.to_dict()["PG"]
        for read, again in zip(one, other, strict=True):
            assert (read.query_name, read.flag, read.reference_start, read.cigarstring, read.query_sequence) == (
                again.query_name,
                again.flag,
                again.reference_start,
                again.cigarstring,
                again.query_sequence,
            )


def test_a_cram_that_cannot_be_written_is_told(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ToolError, match=r"the CRAM cannot be written: .*taken"):
        run(genome, lanes, tmp_path, "taken", format="cram")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_coverage_is_measured_over_the_targets(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path
) -> None:
    reference, aligner = genome
    targets = [Interval("1", 10_000, 12_000), Interval("1", 20_000, 20_500)]
    aligned = align_reads(lanes, "S1", reference, aligner, tmp_path / "S1.bam", targets=targets)
    assert [entry.interval for entry in aligned.histograms.intervals] == targets
    assert int(aligned.histograms.depths.sum()) == 2_500
    assert aligned.measures.x_coverage is None


def test_progress_is_told_with_rate_and_time_left(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.align.pipeline.Progress", partial(Progress, interval=0.0))
    lines: list[str] = []
    reference, aligner = genome
    align_reads(
        lanes,
        "S1",
        reference,
        aligner,
        tmp_path / "S1.bam",
        options=AlignmentOptions(batch_bases=50_000),
        expected_pairs=3000,
        log=lines.append,
    )
    assert any(line.startswith("aligning: ") and "s left" in line for line in lines)
    assert any(line.startswith("writing: ") and "(100%)" in line for line in lines)


def test_a_damaged_lane_names_sample_and_file_and_leaves_no_temporary_file(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path
) -> None:
    cut = tmp_path / "cut_R2.fastq.gz"
    cut.write_bytes(lanes[0].read2.read_bytes()[:-50])
    output = tmp_path / "out"
    with pytest.raises(FastqError, match="truncated") as caught:
        run(genome, [Lane("L1", lanes[0].read1, cut)], output, memory=3000)
    assert (caught.value.sample, caught.value.file) == ("S1", str(cut))
    assert list(output.iterdir()) == []


def test_two_lanes_of_one_name_or_none_are_refused(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path
) -> None:
    with pytest.raises(FastqError, match="two lanes have one name"):
        run(genome, [lanes[0], lanes[0]], tmp_path)
    with pytest.raises(FastqError, match="no lane"):
        run(genome, [], tmp_path)


def test_reads_that_all_stay_unmapped(genome: tuple[Reference, Aligner], tmp_path: Path) -> None:
    foreign = cut_pairs(random_sequence(5_000, seed=77), 300)
    blank = [Pair(f"n{i}", "N" * 100, "N" * 100, "#" * 100, "#" * 100) for i in range(20)]
    aligned = run(genome, [write_lane(tmp_path, foreign + blank)], tmp_path / "out")
    assert aligned.records == 640
    assert (aligned.measures.mapped_fraction, aligned.measures.mean_coverage) == (0.0, 0.0)
    assert aligned.measures.median_insert_size is None
    assert aligned.duplication[0].unmapped_reads == 640
    with pysam.AlignmentFile(str(aligned.path)) as file:
        assert file.nocoordinate == 640


def test_a_deep_pile_of_one_amplicon_on_a_small_circle(tmp_path: Path) -> None:
    """20,000 copies of one fragment and reads across the circle's origin: marked, in bounded time."""
    circle = random_sequence(16_569, seed=9)
    fasta = tmp_path / "chrM.fa"
    fasta.write_text(f">chrM\n{circle}\n")
    reference = open_reference(fasta)
    aligner = open_aligner("bwa-mem3", build_index(reference, tmp_path / "index").prefix, reference.contigs)
    rng = random.Random(3)
    pairs = [
        cut_pair(f"M:1:F:1:1101:{rng.randrange(30_000)}:{i}", circle[5_000:5_250], 100, rng=rng) for i in range(20_000)
    ]
    origin = circle[-150:] + circle[:150]
    pairs += [cut_pair(f"origin:{i}", origin[i : i + 250], 100, rng=rng) for i in range(50)]
    aligned = run((reference, aligner), [write_lane(tmp_path, pairs)], tmp_path / "out", batch_bases=1_000_000)
    (library,) = aligned.duplication
    assert library.read_pair_duplicates >= 19_998
    assert library.read_pair_optical_duplicates > 1_000
    with pysam.AlignmentFile(str(aligned.path)) as file:
        assert all(read.reference_end <= 16_569 for read in file if not read.is_unmapped)
        kept = [read for read in file.fetch("chrM", 5_000, 5_250) if not read.is_duplicate]
    assert len(kept) <= 4


@pytest.fixture(scope="module")
def copies() -> list[Pair]:
    """Forty molecules, each seen six times: three times each with two UMIs."""
    sequence = random_sequence(30_000, seed=1)
    molecules = cut_pairs(sequence, 40, errors=0.0)
    return [
        replace(molecule, name=f"A00488:61:HMLG:4:1101:{1000 * copy}:{number}:{'ACGT' if copy % 2 else 'TTGA'}+CCAA")
        for number, molecule in enumerate(molecules)
        for copy in range(6)
    ]


@pytest.mark.parametrize(("umi", "kept"), [(UmiSource.NONE, 1), (UmiSource.NAME, 2), (UmiSource.COMMENT, 2)])
def test_reads_of_one_place_and_two_umis_are_two_molecules(
    genome: tuple[Reference, Aligner], copies: list[Pair], tmp_path: Path, umi: UmiSource, kept: int
) -> None:
    lane = write_lane(tmp_path, copies)
    if umi is UmiSource.COMMENT:
        for path in (lane.read1, lane.read2):
            text = gzip.decompress(path.read_bytes()).decode()
            path.write_text(re.sub(r"(?m)^(@A\S+):([ACGT+]+) (.*)$", r"\1 \3\tBC:Z:AAA\tRX:Z:\2", text))
    aligned = run(genome, [lane], tmp_path / "out", umi=umi)
    assert aligned.duplication[0].read_pair_duplicates == 40 * (6 - kept)
    with pysam.AlignmentFile(str(aligned.path)) as file:
        assert file.header.to_dict()["RG"][0]["PU"] == "HMLG.4"
        told = [(str(read.query_name), read.get_tag("RX") if read.has_tag("RX") else None) for read in file]
    assert all(re.search(r"[:_][ACGT]{4}\+CCAA$", name) for name, _ in told)
    if umi is UmiSource.NONE:
        assert {tag for _, tag in told} == {None}
    else:
        assert all(tag == re.split("[:_]", name)[-1].replace("+", "-") for name, tag in told)


@pytest.mark.parametrize(("umi_errors", "kept"), [(False, 3), (True, 2)])
def test_a_umi_that_was_misread_is_another_molecule_unless_errors_are_allowed_for(
    genome: tuple[Reference, Aligner], copies: list[Pair], tmp_path: Path, umi_errors: bool, kept: int
) -> None:
    misread = [
        replace(copy, name=copy.name.replace("ACGT+", "ACGA+")) if number % 6 == 1 else copy
        for number, copy in enumerate(copies)
    ]
    aligned = run(genome, [write_lane(tmp_path, misread)], tmp_path / "out", umi=UmiSource.NAME, umi_errors=umi_errors)
    assert aligned.duplication[0].read_pair_duplicates == 40 * (6 - kept)
    with pysam.AlignmentFile(str(aligned.path)) as file:
        assert ("--umi-errors" in file.header.to_dict()["PG"][-1]["CL"]) == umi_errors


@pytest.mark.parametrize(("umi", "told"), [(UmiSource.NAME, "does not end in one"), (UmiSource.COMMENT, "no RX:Z:")])
def test_a_read_without_the_umi_it_should_have_is_refused(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path, umi: UmiSource, told: str
) -> None:
    with pytest.raises(FastqError, match=told) as caught:
        run(genome, lanes, tmp_path, umi=umi)
    assert (caught.value.sample, caught.value.file) == ("S1", str(lanes[0].read1))


def test_the_read_group_has_the_platform_and_every_unit_that_the_names_tell(
    genome: tuple[Reference, Aligner], tmp_path: Path
) -> None:
    sequence = random_sequence(30_000, seed=1)
    prefixes = {
        "L001": ["A00488:61:HMLG:1:1101", "A00488:61:HMLG:2:1101"],
        "L002": ["AV100203:Spring:2305070001:1:10102"],
        "L003": ["SRR1770413"],
    }
    lanes = [
        write_lane(tmp_path, [pair for prefix in given for pair in cut_pairs(sequence, 300, prefix=prefix)], name)
        for name, given in prefixes.items()
    ]
    aligned = run(genome, lanes, tmp_path / "out")
    with pysam.AlignmentFile(str(aligned.path)) as file:
        groups = {(line["PL"], line["PU"]) for line in file.header.to_dict()["RG"]}
    assert groups == {("ILLUMINA", "HMLG.1,HMLG.2"), ("ELEMENT", "2305070001.1"), ("ILLUMINA", "L003")}


def test_reads_of_two_platforms_in_one_file_are_refused(genome: tuple[Reference, Aligner], tmp_path: Path) -> None:
    sequence = random_sequence(30_000, seed=1)
    pairs = cut_pairs(sequence, 300) + cut_pairs(sequence, 300, prefix="AV100203:Spring:23050:1:10102")
    with pytest.raises(FastqError, match="two platforms, ILLUMINA and ELEMENT"):
        run(genome, [write_lane(tmp_path, pairs)], tmp_path / "out")


def test_old_qualities_align_as_the_same_reads_with_new_ones(
    genome: tuple[Reference, Aligner], lanes: list[Lane], tmp_path: Path
) -> None:
    new = [lanes[1]]
    expected = run(genome, new, tmp_path / "new")
    folder = tmp_path / "old"
    folder.mkdir()
    paths = []
    for path in (new[0].read1, new[0].read2):
        lines = gzip.decompress(path.read_bytes()).split(b"\n")
        lines[3::4] = [bytes(letter + 31 for letter in line) for line in lines[3::4]]
        paths.append(folder / path.name)
        paths[-1].write_bytes(gzip.compress(b"\n".join(lines), 1))
    with pytest.raises(FastqError, match=r"Phred\+64"):
        run(genome, [Lane("L002", *paths)], folder)
    found = run(genome, [Lane("L002", *paths, quality_encoding=QualityEncoding.PHRED64)], folder)
    assert found.path.read_bytes() == expected.path.read_bytes()


def test_the_second_aligner_goes_the_same_way(lanes: list[Lane], tmp_path: Path) -> None:
    if shutil.which("bwa") is None:
        pytest.skip("bwa is not on PATH")
    fasta = tmp_path / "ref.fa"
    fasta.write_text(f">1\n{random_sequence(30_000, seed=1)}\n>X\n{random_sequence(20_000, seed=2)}\n")
    reference = open_reference(fasta)
    found = {}
    for name in ("bwa-mem3", "bwa"):
        index = build_index(reference, tmp_path / name, aligner=name)
        output = tmp_path / f"{name}.bam"
        aligner = open_aligner(name, index.prefix, reference.contigs)
        found[name] = align_reads(lanes, "S1", reference, aligner, output)
        assert found[name].aligner.startswith(f"{name} ")
    assert found["bwa"].measures == found["bwa-mem3"].measures
    assert found["bwa"].duplication == found["bwa-mem3"].duplication
