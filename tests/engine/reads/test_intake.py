"""Verifying and measuring a sample's reads: each kind of bad delivery has its own error, and the counts are exact."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import FastqError
from engine.reads.intake import ReadsSummary, expected_reads, verify_reads
from engine.reads.intake_kernels import ADAPTER, BASE_CODES, CYCLES, count_reads
from engine.reads.lane import Lane


@dataclass(frozen=True)
class Pair:
    """A read pair to be written; both reads random unless given."""

    name: str
    bases1: str
    bases2: str
    quality: str = "I"


def random_pairs(count: int, length: int = 100, seed: int = 1) -> list[Pair]:
    letters = random.Random(f"{seed}-{length}")
    return [
        Pair(f"r{seed}:{number}", *("".join(letters.choices("ACGT", k=length)) for _ in "12"))
        for number in range(count)
    ]


def write_lane(
    folder: Path, pairs: Sequence[Pair], *, name: str = "L001", comments: tuple[str, str] = (" 1:N:0:1", " 2:N:0:1")
) -> Lane:
    paths = folder / f"{name}_R1.fastq.gz", folder / f"{name}_R2.fastq.gz"
    for mate, (path, comment) in enumerate(zip(paths, comments, strict=True)):
        records = []
        for pair in pairs:
            bases = (pair.bases1, pair.bases2)[mate]
            records.append(f"@{pair.name}{comment}\n{bases}\n+\n{pair.quality * len(bases)}\n")
        path.write_bytes(gzip.compress("".join(records).encode(), 1, mtime=0))
    return Lane(name, *paths)


def verify(*lanes: Lane, **options: object) -> ReadsSummary:
    return verify_reads("S1", lanes, **options)  # type: ignore[arg-type]


def refusal(*lanes: Lane, **options: object) -> FastqError:
    with pytest.raises(FastqError) as caught:
        verify(*lanes, **options)
    assert caught.value.sample == "S1"
    assert caught.value.file is not None
    return caught.value


def test_good_lanes_are_measured_and_digested(tmp_path: Path) -> None:
    lanes = [write_lane(tmp_path, random_pairs(30, seed=n), name=f"L00{n}") for n in (1, 2)]
    md5 = hashlib.md5(lanes[0].read1.read_bytes()).hexdigest()
    stated = Lane("L001", lanes[0].read1, lanes[0].read2, md5_read1=md5.upper())
    summary = verify(stated, lanes[1])
    assert [(lane.name, lane.pairs) for lane in summary.lanes] == [("L001", 30), ("L002", 30)]
    assert summary.pairs == summary.read1.reads == summary.read2.reads == 60
    assert summary.bases == 60 * 200
    assert (summary.q30_fraction, summary.n_fraction, summary.mean_quality) == (1.0, 0.0, 40.0)
    assert [(file.lane, file.mate) for file in summary.files] == [("L001", 1), ("L001", 2), ("L002", 1), ("L002", 2)]
    first = summary.files[0]
    assert first.md5 == md5
    assert first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.bytes == first.path.stat().st_size


def test_the_result_is_the_same_for_any_number_of_threads_and_any_batches(tmp_path: Path) -> None:
    lanes = [write_lane(tmp_path, random_pairs(200, seed=n), name=f"L00{n}") for n in (1, 2, 3)]
    expected = verify(*lanes)
    assert verify(*lanes, threads=4) == expected
    assert verify(*lanes, batch_bases=1000) == expected


def test_the_measures_are_flat_and_have_the_names_that_thresholds_and_plots_use(tmp_path: Path) -> None:
    summary = verify(
        write_lane(tmp_path, [Pair("a", "ACGTN", "GG", quality="#"), Pair("b", "AAAAA", "CC", quality="?")])
    )
    measures = summary.measures()
    assert (measures["pairs"], measures["bases"], measures["lanes"]) == (2, 14, 1)
    assert measures["q30_fraction"] == 0.5
    assert measures["n_fraction"] == pytest.approx(1 / 14)
    assert measures["gc_fraction"] == pytest.approx(6 / 13)
    assert measures["mean_quality"] == pytest.approx(16.0)
    assert measures["read1_quality_by_cycle"] == [16.0] * 5
    assert measures["read1_a_by_cycle"] == [1.0, 0.5, 0.5, 0.5, 0.5]
    assert measures["read1_n_by_cycle"] == [0.0, 0.0, 0.0, 0.0, 0.5]
    assert measures["read2_g_by_cycle"] == [0.5, 0.5]
    assert (measures["read1_length_maximum"], measures["read2_length_mean"]) == (5, 2.0)


def test_reads_that_hold_the_adapter_are_counted_once_each(tmp_path: Path) -> None:
    adapter = ADAPTER.decode()
    pairs = [
        Pair("at the start", adapter + "TTTT", "A" * 20),
        Pair("twice", adapter * 2, "T" + adapter),
        Pair("broken by N", adapter[:6] + "N" + adapter[6:], "C" * 20),
        Pair("one base short", "G" + adapter[:-1], "C" * 20),
        Pair("lower case", "C" * 20, adapter.lower()),
    ]
    summary = verify(write_lane(tmp_path, pairs))
    assert (summary.read1.adapter_reads, summary.read2.adapter_reads) == (2, 2)
    assert summary.adapter_fraction == 0.4


def test_md5_mismatch(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(3))
    error = refusal(Lane("L001", lane.read1, lane.read2, md5_read2="0" * 32))
    assert error.problem.startswith("md5 mismatch: the file has ")
    assert error.file == str(lane.read2)


def test_missing_file(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(3))
    lane.read2.unlink()
    assert "cannot be read (No such file or directory)" in refusal(lane).problem


def test_truncated_gzip(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(2000))
    lane.read1.write_bytes(lane.read1.read_bytes()[:-1000])
    error = refusal(lane)
    assert "truncated" in error.problem
    assert error.file == str(lane.read1)


def test_empty_file_inside_its_compression(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, [])
    lane.read2.write_bytes(gzip.compress(b"\n"))
    assert refusal(lane).problem == "the file holds no reads"


def test_mates_out_of_step(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(9))
    other = write_lane(tmp_path, random_pairs(9)[1:], name="short")
    error = refusal(Lane("L001", lane.read1, other.read2))
    assert "stands where its mate file" in error.problem
    assert error.place == "read 1"


def test_one_file_ends_before_the_other(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(9))
    other = write_lane(tmp_path, random_pairs(9)[:-2], name="short")
    assert "ends 2 reads before its mate file" in refusal(Lane("L001", lane.read1, other.read2)).problem


@pytest.mark.parametrize("comments", [(" 2:N:0:1", " 1:N:0:1"), ("/2", "/1")])
def test_mates_swapped(tmp_path: Path, comments: tuple[str, str]) -> None:
    error = refusal(write_lane(tmp_path, random_pairs(9), comments=comments))
    assert error.problem == "read 1 and read 2 are swapped, as the read names tell"
    assert error.remedy == "exchange the two files"


@pytest.mark.parametrize("mate", [1, 2])
def test_the_same_mate_twice_as_the_names_tell(tmp_path: Path, mate: int) -> None:
    error = refusal(write_lane(tmp_path, random_pairs(9), comments=(f"/{mate}", f"/{mate}")))
    assert error.problem.startswith(f"read {mate} is given twice")


def test_a_copy_of_read_1_as_read_2(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(9))
    lane.read2.write_bytes(lane.read1.read_bytes())
    assert "have the same content" in refusal(lane).problem


def test_read_1_compressed_anew_as_read_2(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(9), comments=("", ""))
    lane.read2.write_bytes(gzip.compress(gzip.decompress(lane.read1.read_bytes()), 9))
    assert refusal(lane).problem == "read 1 is given twice: both files hold the same reads"


def test_the_same_lane_twice(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(9))
    again = write_lane(tmp_path, random_pairs(9), name="L002")
    error = refusal(lane, again)
    assert error.problem == "the same lane twice: the file has the content of read 1 of lane L001"
    assert error.file == str(again.read1)


def packed_anew(lane: Lane, name: str, *, times: int = 1, more: Sequence[Pair] = ()) -> Lane:
    """The reads of a lane, so many times, behind others, in files of other bytes."""
    before = write_lane(lane.read1.parent, more, name=f"{name}-before")
    paths = []
    for mate, path in (("1", lane.read1), ("2", lane.read2)):
        first = (before.read1, before.read2)[int(mate) - 1].read_bytes()
        text = gzip.decompress(first) + gzip.decompress(path.read_bytes()) * times
        paths.append(path.with_name(f"{name}_R{mate}.fastq.gz"))
        paths[-1].write_bytes(gzip.compress(text, 6, mtime=0))
    return Lane(name, *paths)


def test_a_lane_packed_anew_under_another_name(tmp_path: Path) -> None:
    lane = write_lane(tmp_path, random_pairs(300))
    for again in (packed_anew(lane, "L002"), packed_anew(lane, "L003", more=random_pairs(900, seed=2))):
        error = refusal(lane, again)
        assert "the same reads twice" in error.problem and "of lane L001" in error.problem
        assert error.file == str(again.read1) and error.remedy == "give each lane once"


def test_a_lane_appended_to_itself(tmp_path: Path) -> None:
    error = refusal(packed_anew(write_lane(tmp_path, random_pairs(30)), "L002", times=2))
    assert "of the same file again" in error.problem and error.place == "read 31"


def test_lanes_that_number_their_reads_anew_share_names_and_no_reads(tmp_path: Path) -> None:
    pairs = [random_pairs(200, seed=seed) for seed in (1, 2)]
    renamed = [[Pair(f"r{row}", pair.bases1, pair.bases2) for row, pair in enumerate(lane)] for lane in pairs]
    assert verify(*(write_lane(tmp_path, lane, name=f"L00{i}") for i, lane in enumerate(renamed))).pairs == 400


def test_read_1_in_the_place_of_read_2_from_some_read_on(tmp_path: Path) -> None:
    pairs = random_pairs(1000)
    pairs[700:] = [Pair(pair.name, pair.bases1, pair.bases1) for pair in pairs[700:]]
    error = refusal(write_lane(tmp_path, pairs, comments=("", "")))
    assert (error.place, "given twice" in error.problem) == ("read 701", True)


def test_reads_of_one_base_throughout_may_be_equal(tmp_path: Path) -> None:
    """Clusters that stay dark are G in both mates on two-colour sequencers."""
    dark = [Pair(f"dark{row}", "G" * 100, "G" * 100) for row in range(200)]
    assert verify(write_lane(tmp_path, random_pairs(300) + dark, comments=("", ""))).pairs == 500
    nothing = [Pair(f"n{row}", "N" * 100, "N" * 100, "#") for row in range(200)]
    assert verify(write_lane(tmp_path, nothing, name="L002", comments=(" a", " b"))).n_fraction == 1.0


@pytest.mark.parametrize(("first", "second", "mate"), [(8, 100, 1), (151, 12, 2), (98, 28, 2)])
def test_index_reads_umis_and_barcodes_are_no_mates(tmp_path: Path, first: int, second: int, mate: int) -> None:
    ones, twos = random_pairs(200, first), random_pairs(200, second, seed=2)
    pairs = [Pair(one.name, one.bases1, two.bases2) for one, two in zip(ones, twos, strict=True)]
    error = refusal(write_lane(tmp_path, pairs))
    assert f"reads {mate} have at most {min(first, second)} bases" in error.problem


def test_reads_without_bases(tmp_path: Path) -> None:
    assert "no read has a base" in refusal(write_lane(tmp_path, [Pair("a", "", "")])).problem


def test_lanes_of_different_read_length(tmp_path: Path) -> None:
    lanes = (write_lane(tmp_path, random_pairs(9, 151)), write_lane(tmp_path, random_pairs(9, 101, 2), name="L002"))
    error = refusal(*lanes)
    assert error.problem == "mixed read lengths: read 1 has 101 bases in lane L002 and 151 in lane L001"
    assert verify(*lanes, allow_mixed_lengths=True).pairs == 18


@pytest.mark.parametrize("order", ["one after the other", "shuffled"])
def test_runs_of_different_length_in_one_file(tmp_path: Path, order: str) -> None:
    pairs = random_pairs(1200, 60) + random_pairs(1200, 90, 2)
    if order == "shuffled":
        random.Random(1).shuffle(pairs)
    lane = write_lane(tmp_path, pairs)
    error = refusal(lane, batch_bases=150_000)
    assert error.problem == "mixed read lengths: the file holds runs of 60 and of 90 bases"
    assert verify(lane, allow_mixed_lengths=True).pairs == 2400


def test_trimmed_reads_are_one_run(tmp_path: Path) -> None:
    cut = random.Random(1)
    pairs = [
        Pair(pair.name, pair.bases1[: cut.choice([90] * 4 + list(range(20, 90)))], pair.bases2)
        for pair in random_pairs(3000, 90)
    ]
    summary = verify(write_lane(tmp_path, pairs), batch_bases=200_000)
    assert min(summary.read1.lengths) < 30
    assert summary.read1.longest == 90


def test_the_first_problem_in_the_order_of_lanes_is_told(tmp_path: Path) -> None:
    slow = write_lane(tmp_path, random_pairs(4000), name="slow")
    slow.read2.write_bytes(slow.read2.read_bytes()[:-100])
    quick = write_lane(tmp_path, random_pairs(3, seed=2), name="quick", comments=("/2", "/1"))
    assert {refusal(slow, quick, threads=2).file for _ in range(3)} == {str(slow.read2)}


def test_reads_longer_than_the_cycles_counted(tmp_path: Path) -> None:
    summary = verify(write_lane(tmp_path, random_pairs(2, CYCLES + 500)))
    assert summary.bases == 4 * (CYCLES + 500)
    assert len(summary.read1.quality_by_cycle) == CYCLES


def test_progress_tells_reads_and_time_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.progress.Progress.__init__.__kwdefaults__", progress_at_once())
    lines: list[str] = []
    verify(write_lane(tmp_path, random_pairs(500)), batch_bases=20_000, log=lines.append)
    assert any(line.startswith("digesting read files: ") for line in lines)
    assert any("verifying and measuring reads: 200 of 1,0" in line and "s left" in line for line in lines)


def progress_at_once() -> dict[str, object]:
    """The defaults of Progress with no pause between two lines."""
    from engine.progress import Progress

    return {**(Progress.__init__.__kwdefaults__ or {}), "interval": 0.0}


@pytest.mark.parametrize("members", [1, 7])
def test_the_number_of_reads_is_guessed_from_the_start_of_a_file(tmp_path: Path, members: int) -> None:
    text = "".join(f"@{pair.name}\n{pair.bases1}\n+\n{'I' * 100}\n" for pair in random_pairs(4000))
    step = len(text) // members + 1
    path = tmp_path / "reads.fastq.gz"
    path.write_bytes(b"".join(gzip.compress(text[i : i + step].encode()) for i in range(0, len(text), step)))
    assert expected_reads(path) == 4000
    assert expected_reads(path, look_at=50_000) == pytest.approx(4000, rel=0.05)
    plain = tmp_path / "reads.fastq"
    plain.write_text(text)
    assert expected_reads(plain, look_at=10_000) == pytest.approx(4000, rel=0.05)
    assert expected_reads(tmp_path / "absent") == 0


reads_strategy = st.lists(
    st.lists(st.tuples(st.sampled_from("ACGTNacgtnRY."), st.integers(0, 93)), min_size=0, max_size=40).map(
        lambda read: read + [(letter, 30) for letter in ADAPTER.decode()] if len(read) % 3 == 0 else read
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(reads_strategy)
def test_the_kernel_counts_as_a_scalar_count_does(reads: list[list[tuple[str, int]]]) -> None:
    offset = np.cumsum([0] + [len(read) for read in reads]).astype(np.int64)
    bases = np.frombuffer("".join(letter for read in reads for letter, _ in read).encode(), dtype=np.uint8)
    qualities = np.array([quality for read in reads for _, quality in read], dtype=np.uint8)
    totals = np.zeros(5, dtype=np.int64)
    by_cycle = np.zeros((CYCLES, 5), dtype=np.int64)
    quality_sums = np.zeros(CYCLES, dtype=np.int64)
    quality_counts = np.zeros(256, dtype=np.int64)
    found = count_reads(offset, bases, qualities, BASE_CODES, totals, by_cycle, quality_sums, quality_counts)

    texts = ["".join(letter for letter, _ in read).upper() for read in reads]
    letters = Counter("".join(texts))
    assert found == sum(ADAPTER.decode() in text for text in texts)
    assert totals.tolist() == [
        *(letters[base] for base in "ACGT"),
        letters["N"] + letters["R"] + letters["Y"] + letters["."],
    ]
    for cycle in range(60):
        here = [(text[cycle], read[cycle][1]) for text, read in zip(texts, reads, strict=True) if len(text) > cycle]
        assert by_cycle[cycle, :4].tolist() == [sum(base == letter for letter, _ in here) for base in "ACGT"]
        assert quality_sums[cycle] == sum(quality for _, quality in here)
    assert quality_counts.sum() == len(bases)
    assert quality_counts[30:].sum() == (qualities >= 30).sum()


def test_real_reads(shared_data: Path, tmp_path: Path) -> None:
    """Pairs of NA12878: the counts are those of the BAM they were taken from."""
    import pysam

    mates: dict[str, dict[int, str]] = {}
    bam = shared_data / "na12878_chr20_10m" / "NA12878_S1.chr20.10_10p1mb.bam"
    with pysam.AlignmentFile(str(bam)) as file:
        for read in file.fetch(until_eof=True):
            if not read.is_secondary and not read.is_supplementary:
                qualities = "".join(chr(phred + 33) for phred in read.get_forward_qualities())
                record = f"{read.get_forward_sequence()}\n+\n{qualities}"
                mates.setdefault(read.query_name, {})[1 + read.is_read2] = record
    whole = {name: pair for name, pair in mates.items() if len(pair) == 2}
    paths = tmp_path / "R1.fastq", tmp_path / "R2.fastq"
    for mate, path in enumerate(paths, 1):
        path.write_text("".join(f"@{name}/{mate}\n{pair[mate]}\n" for name, pair in whole.items()))
    summary = verify(Lane("L001", *paths), threads=2)
    assert summary.pairs == len(whole) > 10_000
    letters, phreds = Counter[str](), Counter[str]()
    for pair in whole.values():
        for record in pair.values():
            bases, _, quality = record.split("\n")
            letters.update(bases)
            phreds.update(quality)
    assert summary.bases == letters.total()
    assert summary.gc_fraction == (letters["G"] + letters["C"]) / (letters.total() - letters["N"])
    assert summary.q30_fraction == sum(count for q, count in phreds.items() if ord(q) >= 63) / letters.total()


def test_a_file_whose_end_nothing_proves_is_told_with_its_number_of_reads(tmp_path: Path) -> None:
    """Sequencers write gzip members one after the other, and no end block: cut between two it reads well."""
    lane = write_lane(tmp_path, random_pairs(40))
    assert verify_reads("S1", [lane], log=lambda _: None).measures()["files_of_unproven_end"] == 0
    text = gzip.decompress(lane.read1.read_bytes())
    half = text.index(b"\n@", len(text) // 2) + 1
    lane.read1.write_bytes(gzip.compress(text[:half]) + gzip.compress(text[half:]))
    told: list[str] = []
    summary = verify_reads("S1", [lane], log=told.append)
    assert summary.unproven == (lane.read1,)
    (line,) = [line for line in told if "nothing proves" in line]
    assert "L001_R1.fastq.gz of lane L001 holds 40 reads" in line and "md5" in line
    stated = Lane(lane.name, lane.read1, lane.read2, hashlib.md5(lane.read1.read_bytes()).hexdigest())
    assert verify_reads("S1", [stated], log=lambda _: None).unproven == ()
