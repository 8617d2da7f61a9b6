import pytest

from engine.call.ploidy import ploidy_of
from engine.reference.intervals import Interval

GRCH37_X, GRCH38_X, GRCH38_Y = 155_270_560, 156_040_895, 57_227_415


def copies(contig, start, end, length, sex):
    parts = ploidy_of(Interval(contig, start, end), length, sex)
    return [(part.interval.start, part.interval.end, part.copies) for part in parts]


@pytest.mark.parametrize("sex", ["female", "male", "unknown"])
def test_autosomes_are_diploid_and_the_mitochondrion_is_haploid(sex):
    assert copies("chr20", 0, 100, 64_444_167, sex) == [(0, 100, 2)]
    assert copies("MT", 0, 16_569, 16_569, sex) == [(0, 16_569, 1)]


def test_a_male_has_two_copies_in_the_pseudo_autosomal_regions_only():
    assert copies("chrX", 2_781_000, 2_782_000, GRCH38_X, "male") == [
        (2_781_000, 2_781_479, 2),
        (2_781_479, 2_782_000, 1),
    ]
    assert copies("X", 2_699_519, 2_699_521, GRCH37_X, "male") == [
        (2_699_519, 2_699_520, 2),
        (2_699_520, 2_699_521, 1),
    ]
    assert copies("chrY", 5_000_000, 5_000_001, GRCH38_Y, "male") == [(5_000_000, 5_000_001, 1)]


def test_a_female_has_no_y_and_an_unknown_sex_is_called_diploid():
    assert copies("chrX", 5_000_000, 5_000_010, GRCH38_X, "female") == [(5_000_000, 5_000_010, 2)]
    assert copies("chrY", 5_000_000, 5_000_010, GRCH38_Y, "female") == [(5_000_000, 5_000_010, 0)]
    assert copies("chrY", 5_000_000, 5_000_010, GRCH38_Y, "unknown") == [(5_000_000, 5_000_010, 2)]


def test_a_contig_that_only_bears_the_name_is_diploid():
    assert copies("chrX", 0, 1_000, 1_000, "male") == [(0, 1_000, 2)]
