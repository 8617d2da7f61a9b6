"""Gains and losses by depth: the published deletion that no read pair shows, and planted ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from engine.person import Sex
from engine.reference.bundle import Contig
from engine.reference.intervals import Interval
from engine.structural.depth import BIN, DepthEvent, Depths, copies_along, count_depths, find_depth_events
from engine.structural.sample import gains_and_losses

SEQUENCED = {"chr16": Interval("chr16", 1_000_000, 1_600_000), "chr14": Interval("chr14", 400_000, 1_000_000)}


@pytest.mark.parametrize("sample", ["PosCon1", "PosCon2", "PosCon3"])
def test_published_deletions_are_found_by_depth(shared_data: Path, sample: str) -> None:
    folder = shared_data / "sv_deletions"
    with (folder / "truth.tsv").open() as file:
        truth = next(row for row in csv.DictReader(file, delimiter="\t") if row["sample"] == sample)
    depths = count_depths(folder / f"{sample}.bam")
    events = find_depth_events(depths, within=[SEQUENCED[truth["found_slice_contig"]]])
    assert events is not None
    start, end = int(truth["found_start"]) - 1, int(truth["found_end"])
    (found,) = [event for event in events if event.start < end and start < event.end]
    assert found.copies == 0
    assert abs(found.start - start) <= 500 and abs(found.end - end) <= 500


def drawn(events: list[tuple[int, int, int]], *, length: int = 3_000_000, depth: float = 30.0, seed: int = 1) -> Depths:
    """Reads of 150 bases, Poisson distributed, at a depth that follows the copies of planted stretches."""
    numbers = np.random.default_rng(seed)
    rate = np.full(length // BIN, depth)
    for start, end, copies in events:
        rate[start // BIN : end // BIN] *= copies / 2
    starts = numbers.poisson(rate * BIN / 150)
    smoothed = np.convolve(starts * 150, [2 / 3, 1 / 3], mode="full")[: starts.size]
    bins = smoothed.astype(np.int64)
    return Depths((("chr1", length),), np.array([0, length // BIN]), bins, bins)


PLANTED = [
    (200_000, 204_000, 1),
    (400_000, 402_000, 0),
    (700_000, 706_000, 3),
    (1_000_000, 1_040_000, 1),
    (1_500_000, 1_503_000, 4),
    (2_000_000, 2_100_000, 3),
]


def overlapping(events: list[DepthEvent], start: int, end: int) -> list[DepthEvent]:
    return [event for event in events if event.start < end and start < event.end]


def test_planted_gains_and_losses_are_found_and_nothing_else() -> None:
    events = find_depth_events(drawn(PLANTED))
    assert events is not None
    for start, end, copies in PLANTED:
        (found,) = overlapping(events, start, end)
        assert found.copies == copies
        assert abs(found.start - start) <= 300 and abs(found.end - end) <= 300
    assert len(events) == len(PLANTED)


def test_the_median_of_a_stretch_tells_its_copies() -> None:
    copies = copies_along(drawn(PLANTED))
    assert copies is not None
    for start, end, planted in PLANTED:
        found = copies.median(Interval("chr1", start, end))
        assert (found is None) == (end - start < 2_000) and (found is None or round(found) == planted)
    assert copies.median(Interval("chr1", 100_000, 2_900_000)) == pytest.approx(2, abs=0.1)
    assert copies.median(Interval("chr1", 100_000, 101_900)) is None


def test_a_man_has_one_x() -> None:
    depths = drawn([(0, 3_000_000, 2)])
    half = drawn([], depth=15.0, seed=2)
    bins, limits = np.r_[depths.bins, half.bins], np.array([0, 30_000, 60_000])
    both = Depths((("chr1", 3_000_000), ("chrX", 3_000_000)), limits, bins, bins)
    assert find_depth_events(both, usual=lambda contig, _: 1 if contig == "chrX" else 2) == []
    (whole,) = find_depth_events(both) or []
    assert (whole.contig, whole.copies, whole.start, whole.end) == ("chrX", 1, 0, 3_000_000)


def test_of_targets_nothing_is_told() -> None:
    targets = drawn([(0, 1_500_000, 0)])
    assert find_depth_events(targets) is None
    assert find_depth_events(drawn([], depth=2.0)) is None


def test_a_repeat_does_not_look_like_a_loss() -> None:
    """Reads over it fit elsewhere as well: their places are not certain, and they are not gone."""
    depths = drawn([])
    certain = depths.bins.copy()
    certain[10_000:10_080] = 0
    assert find_depth_events(Depths(depths.contigs, depths.first_bin, certain, depths.every)) == []
    (gone,) = find_depth_events(Depths(depths.contigs, depths.first_bin, certain, certain)) or []
    assert (gone.start, gone.end, gone.copies) == (1_000_000, 1_008_000, 0)


def test_a_loss_is_written_as_one_that_depth_claims(tmp_path: Path) -> None:
    import pysam

    from engine.structural.events import write_events
    from engine.structural.sample import as_variant

    fasta = tmp_path / "r.fa"
    fasta.write_text(">chr1\n" + "ACGT" * 25_000 + "\n")
    pysam.faidx(str(fasta))
    events = [as_variant(DepthEvent("chr1", 10_000, 50_000, copies, 1.0, 80, 150), 2) for copies in (1, 0, 3)]
    with pysam.FastaFile(str(fasta)) as bases:
        assert write_events(tmp_path / "d.vcf.gz", "S", events, bases, source="depth alone") == 3
    with pysam.VariantFile(str(tmp_path / "d.vcf.gz")) as calls:
        told = [
            (one.alts[0], one.pos, one.stop, one.info["SVCLAIM"], one.samples[0]["CN"]) for one in calls if one.alts
        ]
    assert sorted(told) == [
        ("<DEL>", 10_000, 50_000, ("D",), 0.0),
        ("<DEL>", 10_000, 50_000, ("D",), 1.0),
        ("<DUP>", 10_000, 50_000, ("D",), 3.0),
    ]


SEXED = (Contig("chr1", 3_000_000, ""), Contig("chrX", 156_040_895, ""), Contig("chrM", 16_569, ""))


def of_a_male(lost: Interval | None = None) -> Depths:
    """Depth 30 of two copies: X has one but for the ends that it shares with Y, and the mitochondrion thousands."""
    numbers = np.random.default_rng(3)
    rates = [np.full(contig.length // BIN + (contig.length % BIN > 0), 30.0) for contig in SEXED]
    rates[1][:] = 15.0
    for start, end in ((10_000, 2_781_479), (155_701_382, 156_030_895)):
        rates[1][start // BIN : end // BIN] = 30.0
    rates[2][:] = 30_000.0
    if lost:
        rates[1][lost.start // BIN : lost.end // BIN] = 0.0
    bins = np.concatenate([numbers.poisson(rate * BIN / 150) * 150 for rate in rates]).astype(np.int64)
    first = np.cumsum([0, *map(len, rates)])
    return Depths(tuple((contig.name, contig.length) for contig in SEXED), first, bins, bins)


def test_neither_the_mitochondrion_nor_the_shared_ends_of_x_are_a_gain() -> None:
    """Reports would tell every male's 2.8 million bases, and everybody's mitochondrial genes, as doubled."""
    assert gains_and_losses(of_a_male(), SEXED, Sex.MALE) == []
    assert gains_and_losses(of_a_male(), SEXED, Sex.UNKNOWN) == []
    (lost,) = gains_and_losses(of_a_male(Interval("chrX", 31_000_000, 31_050_000)), SEXED, Sex.MALE) or ()
    assert (lost.kind, lost.copies, lost.contig) == ("DEL", 0, "chrX") and abs(lost.end - 31_050_000) <= 500
    (shox,) = gains_and_losses(of_a_male(Interval("chrX", 600_000, 650_000)), SEXED, Sex.MALE) or ()
    assert (shox.kind, shox.copies, shox.genotype) == ("DEL", 0, "1/1")
