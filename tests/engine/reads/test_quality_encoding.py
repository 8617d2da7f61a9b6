"""Old encodings are told from today's, whatever bins a sequencer uses, and converted when a person says so."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from engine.errors import FastqError
from engine.reads.conventions import QualityEncoding
from engine.reads.fastq import PairBatch, read_fastq, read_pairs
from engine.reads.intake import verify_reads
from engine.reads.lane import Lane
from engine.reads.quality_encoding import EncodingJudge, Verdict


def write(path: Path, lines: list[str], length: int = 44) -> Path:
    """Reads whose quality line is each of ``lines`` repeated to the length."""
    text = "".join(
        f"@r{number}\n{'ACGT' * (length // 4)}\n+\n{(line * length)[:length]}\n" for number, line in enumerate(lines)
    )
    path.write_bytes(gzip.compress(text.encode(), 1))
    return path


def first(path: Path, encoding: QualityEncoding = QualityEncoding.DETECT) -> PairBatch:
    return next(iter(read_pairs(path, path, encoding=encoding)))


PHRED33 = {
    "NovaSeq X, 2 levels": "#I",
    "NovaSeq, RTA3, 4 levels": "#,:F",
    "HiSeq X, 8 levels": "#'-27<AF",
    "40 levels": "".join(map(chr, range(33, 75))),
    "AVITI up to Q50": "!*5BLQS",
    "one level, as simulated": "I",
    "all bases good, as simulated": "FFFFJJ",
    "PacBio HiFi and consensus reads up to 93": "+5I]~",
    "all at 93": "~",
    "lowest quality only": "!",
    "lowest quality in older pipelines": "#",
}


@pytest.mark.parametrize("letters", PHRED33.values(), ids=PHRED33)
def test_every_sequencers_bins_are_read_as_they_are(tmp_path: Path, letters: str) -> None:
    reads = next(iter(read_fastq(write(tmp_path / "a.fq.gz", [letters] * 20))))
    assert set(reads.qualities.tolist()) == {ord(letter) - 33 for letter in letters}


PHRED64 = {
    "Illumina 1.5 with its tails of B": ["h" * 25 + "B" * 19, "ghhfhB"],
    "Illumina 1.3": ["hgfe@", "hhhh"],
    "Solexa": ["hhZ;", "h^;<"],
    "all at 40": ["h"],
    "all at 30": ["^"],
    "up to 41": ["iihB"],
}


@pytest.mark.parametrize("lines", PHRED64.values(), ids=PHRED64)
def test_an_encoding_with_64_is_refused_with_the_remedy(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path / "a.fq.gz", lines * 10)
    with pytest.raises(FastqError, match=r"Phred\+64, not of Phred\+33") as caught:
        list(read_fastq(path))
    assert caught.value.file == str(path)
    assert "phred64" in caught.value.remedy


POOR = {"poor reads of Phred+64": "YVUSPLGB", "bins up to 29": "B[]", "odd Phred+33": "FSU"}


@pytest.mark.parametrize("letters", POOR.values(), ids=POOR)
def test_what_may_be_either_encoding_is_asked_for_and_never_guessed(tmp_path: Path, letters: str) -> None:
    """No letter below ';' in the whole file, none as high as good reads have with 64, and higher than 33 explains."""
    path = write(tmp_path / "a.fq.gz", [letters] * 20)
    with pytest.raises(FastqError, match=r"may be poor ones of Phred\+64") as caught:
        list(read_fastq(path))
    assert "phred64" in caught.value.remedy and "phred33" in caught.value.remedy
    assert len(first(path, QualityEncoding.PHRED64)) == len(first(path, QualityEncoding.PHRED33)) == 20
    assert len(list(read_fastq(write(tmp_path / "b.fq.gz", [letters, "#"] * 20)))) == 1


def test_either_mate_and_any_lane_may_be_the_old_one(tmp_path: Path) -> None:
    new = write(tmp_path / "new.fq.gz", ["FF:,#"] * 5)
    old = write(tmp_path / "old.fq.gz", ["hhgB"] * 5)
    for lanes in ([Lane("L1", new, old)], [Lane("L1", old, new)]):
        with pytest.raises(FastqError, match=r"Phred\+64") as caught:
            verify_reads("S1", lanes)
        assert (caught.value.sample, caught.value.file) == ("S1", str(old))


def test_a_file_of_both_is_refused_in_any_order(tmp_path: Path) -> None:
    mixture = ["FFF:,#"] * 300 + ["hhhgB"] * 300
    random.Random(1).shuffle(mixture)
    with pytest.raises(FastqError, match=r"both Phred\+33 and Phred\+64"):
        list(read_fastq(write(tmp_path / "a.fq.gz", mixture)))
    end_to_end = write(tmp_path / "b.fq.gz", ["FFF:,#"] * 90_000 + ["hhhgB"] * 90_000)
    with pytest.raises(FastqError, match=r"both Phred\+33 and Phred\+64"):
        list(read_fastq(end_to_end))


def test_phred64_is_converted_when_the_lane_says_so(tmp_path: Path) -> None:
    batch = first(write(tmp_path / "a.fq.gz", ["hgB@"]), QualityEncoding.PHRED64)
    assert batch.read1.phred(0)[:4].tolist() == [40, 39, 2, 0]


def test_solexas_odds_become_probabilities(tmp_path: Path) -> None:
    """The values of Cock et al. 2010, table 2."""
    scores = {"h": 40, "J": 10, "I": 10, "@": 3, ";": 1}
    batch = first(write(tmp_path / "a.fq.gz", ["".join(scores)]), QualityEncoding.SOLEXA64)
    assert batch.read1.phred(0)[:5].tolist() == list(scores.values())


@pytest.mark.parametrize(
    ("encoding", "line", "remedy"),
    [
        (QualityEncoding.PHRED64, "hh#h", "leave quality_encoding empty"),
        (QualityEncoding.SOLEXA64, "hh:h", "leave quality_encoding empty"),
        (QualityEncoding.PHRED64, "hh;h", "say solexa64"),
    ],
)
def test_letters_that_the_stated_encoding_has_not_are_refused(
    tmp_path: Path, encoding: QualityEncoding, line: str, remedy: str
) -> None:
    with pytest.raises(FastqError, match="is below") as caught:
        first(write(tmp_path / "a.fq.gz", ["hhhh", line]), encoding)
    assert caught.value.place == "read 2"
    assert remedy in caught.value.remedy


def test_a_person_may_say_that_it_is_phred33(tmp_path: Path) -> None:
    batch = first(write(tmp_path / "a.fq.gz", ["hhhh"]), QualityEncoding.PHRED33)
    assert set(batch.read1.qualities.tolist()) == {71}


def test_converted_qualities_are_measured_as_what_they_are(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"R{mate}.fq.gz", [letter * 44] * 9) for mate, letter in ((1, "h"), (2, "B"))]
    summary = verify_reads("S1", [Lane("L1", *paths, quality_encoding=QualityEncoding.PHRED64)])
    assert (summary.q30_fraction, summary.mean_quality) == (0.5, 21.0)


def test_reads_without_bases_say_nothing() -> None:
    judge = EncodingJudge()
    judge.see(np.array([0, 0, 4, 4], np.int64), np.frombuffer(b"hhBB", np.uint8) - np.uint8(33))
    assert judge.verdict is Verdict.PHRED64
