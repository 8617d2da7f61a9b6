"""The reads at a finding's place speak for the allele that they carry, wherever the aligner wrote an indel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pysam
import pytest

from engine.errors import AlignmentFileError
from engine.report.pileup import MOST_READS, Pileup, pileups
from engine.report.statement_file import read_pileups, write_pileups
from tests.builders.alignments import random_sequence

SEQUENCE = random_sequence(400, seed=3)
SEQUENCE = SEQUENCE[:200] + "GATTTTTC" + SEQUENCE[208:]
OTHER = "ACGT".replace(SEQUENCE[150], "")[0]
SNV = {"finding_id": "f1", "contig": "1", "position": 151, "ref": SEQUENCE[150], "alt": OTHER}
DELETION = {"finding_id": "f2", "contig": "1", "position": 202, "ref": "AT", "alt": "A"}
INSERTION = {"finding_id": "f3", "contig": "1", "position": 202, "ref": "A", "alt": "AT"}


def read(start: int, cigar: str, bases: str, *, flag: int = 0, quality: int = 60) -> dict[str, Any]:
    return {"start": start, "cigar": cigar, "bases": bases, "flag": flag, "quality": quality}


def reference_read(start: int, length: int = 100, **options: Any) -> dict[str, Any]:
    return read(start, f"{length}M", SEQUENCE[start : start + length], **options)


def changed(start: int, position: int, base: str, length: int = 100) -> dict[str, Any]:
    bases = SEQUENCE[start:position] + base + SEQUENCE[position + 1 : start + length]
    return read(start, f"{length}M", bases)


def shown(folder: Path, finding: dict[str, Any], *reads: dict[str, Any]) -> Pileup:
    fasta = folder / "r.fa"
    fasta.write_text(f">1\n{SEQUENCE}\n")
    pysam.faidx(str(fasta))
    header = pysam.AlignmentHeader.from_dict(
        {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "1", "LN": len(SEQUENCE)}]}
    )
    with pysam.AlignmentFile(str(folder / "r.bam"), "wb", header=header) as file:
        for number, one in enumerate(sorted(reads, key=lambda one: one["start"])):
            segment = pysam.AlignedSegment(header)
            segment.query_name, segment.flag, segment.reference_id = f"r{number}", one["flag"], 0
            segment.reference_start, segment.mapping_quality = one["start"], one["quality"]
            segment.cigarstring, segment.query_sequence = one["cigar"], one["bases"]
            file.write(segment)
    pysam.index(str(folder / "r.bam"))
    (found,) = pileups([finding], folder / "r.bam", fasta)
    write_pileups((found,), folder / "p.json")
    assert read_pileups(folder / "p.json") == (found,)
    return found


def test_reads_are_counted_for_the_allele_that_they_carry(tmp_path: Path) -> None:
    found = shown(
        tmp_path, SNV, reference_read(80), changed(90, 150, SNV["alt"]), changed(100, 150, SNV["alt"]),
        changed(110, 150, next(base for base in "ACGT" if base not in (SNV["alt"], SNV["ref"]))),
    )  # fmt: skip
    assert (found.alternate, found.total) == (2, 4)
    assert [one.speaks for one in found.reads] == ["alternate", "alternate", "reference", "neither"]
    first, last = found.allele
    assert found.reference[first:last] == SNV["ref"] and found.depth[first] == 4


@pytest.mark.parametrize(("finding", "cigar"), [(DELETION, "{}M1D{}M"), (INSERTION, "{}M1I{}M")])
@pytest.mark.parametrize("shift", [0, 2, 4])
def test_an_indel_in_a_repeat_counts_wherever_the_aligner_wrote_it(
    tmp_path: Path, finding: dict[str, Any], cigar: str, shift: int
) -> None:
    before, rest = SEQUENCE[150:202], SEQUENCE[202:250]
    bases = before + (rest[1:] if finding is DELETION else "T" + rest)
    left = 52 + shift
    after = len(bases) - left - (0 if finding is DELETION else 1)
    found = shown(tmp_path, finding, read(150, cigar.format(left, after), bases), reference_read(150))
    assert (found.alternate, found.total) == (1, 2)


def test_duplicates_and_reads_of_unsure_place_are_left_out(tmp_path: Path) -> None:
    found = shown(
        tmp_path, SNV, reference_read(100), reference_read(100, flag=1024), reference_read(100, quality=19),
        reference_read(100, flag=256), reference_read(100, flag=2048), reference_read(100, flag=512),
    )  # fmt: skip
    assert found.total == 1 and max(found.depth) == 1


def test_of_many_reads_an_even_choice_is_shown_and_all_are_counted(tmp_path: Path) -> None:
    reads = [changed(100, 150, SNV["alt"]) if number % 4 == 0 else reference_read(100) for number in range(400)]
    found = shown(tmp_path, SNV, *reads)
    assert (found.alternate, found.total, len(found.reads)) == (100, 400, MOST_READS)
    assert sum(one.speaks == "alternate" for one in found.reads) == MOST_READS // 4


def test_a_place_at_the_contig_s_end_is_shown(tmp_path: Path) -> None:
    last = dict(SNV, position=400, ref=SEQUENCE[399], alt="ACGT".replace(SEQUENCE[399], "")[0])
    found = shown(tmp_path, last, reference_read(300))
    assert found.start + len(found.reference) == 400 and found.total == 1


def test_reads_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    shown(tmp_path, SNV, reference_read(100))
    (tmp_path / "r.bam").write_bytes(b"no BAM")
    with pytest.raises(AlignmentFileError, match="the reads at the findings cannot be read"):
        pileups([SNV], tmp_path / "r.bam", tmp_path / "r.fa")
