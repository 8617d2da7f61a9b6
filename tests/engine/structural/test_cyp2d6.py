"""Copies of CYP2D6 by depth: planted ones, and those of a person whose genotype is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.reference.bundle import Contig
from engine.reference.genome import Reference
from engine.structural.cyp2d6 import Cyp2d6Copies, count_cyp2d6, why_not_named

LENGTH = 51_304_566
START, END = 42_510_000, 42_553_000
GENE, CYP2D7 = (42_521_500, 42_531_500), (42_535_500, 42_541_500)
READ = 100


def reference(folder: Path) -> Reference:
    """Of chromosome 22's length; its bases are not read where BAM files are."""
    fasta = folder / "genome.fa"
    return Reference(fasta, fasta, None, fasta, (Contig("22", LENGTH, ""),))


def reads(folder: Path, *changed: tuple[int, int, float], depth: float = 30, quality: int = 60) -> Path:
    """Reads at depth 30 in two copies, and in stretches at so many copies."""
    path = folder / "reads.bam"
    starts = np.random.default_rng(5)
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "22", "LN": LENGTH}]}
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for start in range(START, END, 10):
            copies = next((copies for first, last, copies in changed if first <= start < last), 2.0)
            for _ in range(starts.poisson(depth * 10 / READ * copies / 2)):
                one = pysam.AlignedSegment(file.header)
                one.query_name, one.reference_id, one.reference_start = "r", 0, start
                one.query_sequence, one.mapping_quality, one.cigarstring = "A" * READ, quality, f"{READ}M"
                file.write(one)
    pysam.index(str(path))
    return path


@pytest.mark.parametrize("copies", [0, 1, 2, 3, 4])
def test_planted_copies_are_told(tmp_path: Path, copies: int) -> None:
    found = count_cyp2d6(reads(tmp_path, (*GENE, copies)), reference(tmp_path), "GRCh37")
    assert isinstance(found, Cyp2d6Copies) and found.copies == copies
    assert bool(why_not_named(found)) == (copies != 2)


def test_a_hybrid_has_another_number_of_one_half_or_of_its_neighbour(tmp_path: Path) -> None:
    half = count_cyp2d6(reads(tmp_path, (42_521_500, 42_524_700, 1)), reference(tmp_path), "GRCh37")
    assert isinstance(half, Cyp2d6Copies) and half.copies is None and "hybrids with CYP2D7" in why_not_named(half)
    other = count_cyp2d6(reads(tmp_path, (*CYP2D7, 3)), reference(tmp_path), "GRCh37")
    assert isinstance(other, Cyp2d6Copies) and other.copies is None


def test_where_depth_does_not_tell_it_is_said(tmp_path: Path) -> None:
    genome = reference(tmp_path)
    assert "fewer than 15 reads" in why_not_named(count_cyp2d6(reads(tmp_path, depth=10), genome, "GRCh37"))
    assert "fewer than 15 reads" in why_not_named(count_cyp2d6(reads(tmp_path, quality=0), genome, "GRCh37"))
    targets = reads(tmp_path, (42_514_000, 42_516_000, 0), (42_542_000, 42_545_000, 0))
    assert "targets were sequenced" in why_not_named(count_cyp2d6(targets, genome, "GRCh37"))
    assert "no chromosome 22" in why_not_named(count_cyp2d6(targets, genome, None))


def test_hg00436_has_three_copies(shared_data: Path, tmp_path: Path) -> None:
    # *2x2/*71 by Gaedigk et al. 2019 (10.1016/j.jmoldx.2019.06.007)
    found = count_cyp2d6(shared_data / "chrM_cyp2d6" / "nf.test.PGx.CYP2D6.bam", reference(tmp_path), "GRCh37")
    assert isinstance(found, Cyp2d6Copies) and found.copies == 3
    assert found.in_copies[:2] == pytest.approx((3, 3), abs=0.1)
