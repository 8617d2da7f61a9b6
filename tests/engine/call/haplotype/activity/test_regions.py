"""Reads to activity to regions: every one of GATK's 541 regions, however the profile is cut into pieces."""

from pathlib import Path

import numpy as np
import pytest

from engine.call.haplotype.activity.profile import Activity, activity
from engine.call.haplotype.activity.regions import RegionCutter
from engine.call.haplotype.reads.source import ReadSource, WantedReads
from tests.builders.gatk_goldens import CONTIG, END, START, Golden


def _regions(profile: Activity, contig_length: int, piece: int) -> list[tuple[int, int, bool]]:
    cutter = RegionCutter(profile.start, contig_length)
    size = profile.probability.size
    found = []
    for begin in range(0, size, piece):
        end = min(begin + piece, size)
        part = Activity(profile.start + begin, profile.probability[begin:end], profile.spread[begin:end])
        regions = cutter.feed(part, last=end == size)
        found += list(zip(*(column.tolist() for column in regions), strict=True))
    return found


@pytest.mark.parametrize("piece", [200_000, 7_777, 500])
def test_regions_are_gatks_for_any_piece_size(shared_data: Path, piece: int) -> None:
    golden = Golden(shared_data)
    source = ReadSource(golden.reads, fasta=golden.reads, sample=None, reads_per_start=50)
    contig = source.contig_names.index(CONTIG)
    wanted = WantedReads(contig, START - 1000, END + 600, np.array([START - 100]), np.array([END + 100]))
    reads = source.fetch(wanted).columns
    profile = activity(reads, golden.sequence(START, END), START)
    of_one_copy = activity(reads, golden.sequence(START, END), START, ploidy=1)
    assert np.array_equal(of_one_copy.probability, profile.probability)
    regions = _regions(profile, source.contig_lengths[contig], piece)
    assert regions == golden.regions("na12878_100kb/regions.igv.gz")


def test_a_quiet_interval_is_cut_into_full_inactive_regions() -> None:
    profile = Activity(1_000, np.zeros(700), np.zeros(700, np.int16))
    assert _regions(profile, 10_000, 700) == [
        (1_000, 1_300, False),
        (1_300, 1_600, False),
        (1_600, 1_700, False),
    ]


def test_one_active_position_makes_one_region_of_a_kernels_width() -> None:
    profile = Activity(0, np.zeros(1_000), np.zeros(1_000, np.int16))
    profile.probability[500] = 1.0
    (before, region, *_) = _regions(profile, 10_000, 1_000)[1:]
    assert before[1] == region[0]
    assert region[2]
    assert (region[0] + region[1] - 1) / 2 == 500


def test_activity_at_the_contigs_start_stays_on_the_contig() -> None:
    profile = Activity(0, np.zeros(200), np.zeros(200, np.int16))
    profile.probability[0] = 1.0
    profile.spread[0] = 30
    assert _regions(profile, 200, 200)[0][0] == 0
