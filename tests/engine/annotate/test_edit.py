"""Edits: trimmed, shifted and left-aligned, beside bcftools norm."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.annotate.edit import Edit, left_aligned, shifted, trimmed
from engine.htslib import run_bcftools

BASES = st.text("ACG", min_size=1, max_size=6)
SEQUENCE = st.text("ACG", min_size=12, max_size=40)


def applied(edit: Edit, sequence: str) -> str:
    return sequence[: edit.start] + edit.alt + sequence[edit.end :]


@given(SEQUENCE, st.integers(1, 8), st.integers(1, 5), BASES, st.sampled_from([1, -1]))
def test_a_shifted_edit_means_the_same_and_cannot_go_further(
    sequence: str, start: int, length: int, alt: str, strand: int
) -> None:
    ref = sequence[start : start + length]
    edit = trimmed(start, ref, alt)
    moved = shifted(edit, sequence, strand)
    assert applied(moved, sequence) == applied(edit, sequence)
    if bool(moved.alt) != (moved.end > moved.start):
        further = Edit(moved.start + strand, moved.end + strand, _turned(moved.alt, strand))
        inside = further.start >= 0 and further.end <= len(sequence)
        assert not inside or applied(further, sequence) != applied(edit, sequence)


def _turned(alt: str, strand: int) -> str:
    return alt[strand:] + alt[:strand]


@pytest.mark.parametrize("strand", [1, -1])
def test_shifting_stops_at_the_limits(strand: int) -> None:
    edit = trimmed(4, "A", "AA")
    moved = shifted(edit, "AAAAAAAAAA", strand, limits=(2, 8))
    assert moved == Edit(8 if strand == 1 else 2, 8 if strand == 1 else 2, "A")


def test_alleles_are_left_aligned_as_bcftools_norm_does(tmp_path: Path) -> None:
    rng = random.Random(7)
    sequence = "".join(rng.choices("AC", k=120)) + "".join(rng.choices("ACGT", k=200)) + "ACGT" + "CAG" * 30 + "T"
    (tmp_path / "r.fa").write_text(f">1\n{sequence}\n")
    given, ours = [], []
    for _ in range(600):
        start = rng.randrange(1, len(sequence) - 8)
        ref = sequence[start : start + rng.randint(1, 6)]
        alt = "".join(rng.choices("ACG", k=rng.randint(1, 6)))
        if rng.random() < 0.5:
            alt = ref[0] + alt
        if ref != alt:
            given.append(f"1\t{start + 1}\t{len(given)}\t{ref}\t{alt}\t.\t.\t.\n")
            ours.append(left_aligned(start, ref, alt, sequence))
    header = (
        f"##fileformat=VCFv4.2\n##contig=<ID=1,length={len(sequence)}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    (tmp_path / "in.vcf").write_text(header + "".join(given))
    run_bcftools("norm", "-f", str(tmp_path / "r.fa"), "-o", str(tmp_path / "out.vcf"), str(tmp_path / "in.vcf"))
    lines = [line.split("\t") for line in (tmp_path / "out.vcf").read_text().splitlines() if line[0] != "#"]
    theirs = {int(line[2]): (int(line[1]), line[3], line[4]) for line in lines}
    assert [theirs[number] for number in range(len(ours))] == ours


def test_an_insertion_before_the_first_base_takes_the_base_after() -> None:
    assert left_aligned(0, "A", "GA", "ACGT") == (1, "A", "GA")
    assert left_aligned(0, "AC", "C", "ACGT") == (1, "AC", "C")
