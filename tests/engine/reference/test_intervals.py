import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KnowledgeError, ReferenceMismatchError
from engine.reference.intervals import (
    Interval,
    intersect,
    merge,
    parse_region,
    read_bed,
    select_intervals,
    shards,
)

LENGTHS = {"chr1": 5_000, "chr2": 3_000, "HLA-A*01:01": 100}


def test_a_region_is_one_based_with_both_ends_included():
    assert parse_region("chr1:1,001-2,000", LENGTHS) == Interval("chr1", 1_000, 2_000)
    assert parse_region("chr1:1001", LENGTHS) == Interval("chr1", 1_000, 5_000)
    assert parse_region("chr2", LENGTHS) == Interval("chr2", 0, 3_000)
    assert parse_region("HLA-A*01:01", LENGTHS) == Interval("HLA-A*01:01", 0, 100)
    assert parse_region("HLA-A*01:01:5-6", LENGTHS) == Interval("HLA-A*01:01", 4, 6)
    assert Interval("chr1", 1_000, 2_000).region == "chr1:1001-2000"


@pytest.mark.parametrize("region", ["chr3", "chr3:1-5", "chr1:0-5", "chr1:9-5", "chr1:1-5001", "chr1:a-b"])
def test_a_region_outside_the_reference_is_refused(region):
    with pytest.raises(ReferenceMismatchError, match=region.split(":")[0]):
        parse_region(region, LENGTHS)


def test_bed_lines_are_sorted_in_contig_order_and_joined(tmp_path):
    bed = tmp_path / "targets.bed.gz"
    with gzip.open(bed, "wt") as lines:
        lines.write("track name=x\n#c\nchr2\t10\t20\nchr1\t50\t60\tname\n\nchr1\t40\t50\n")
    assert read_bed(bed, LENGTHS) == [Interval("chr1", 40, 60), Interval("chr2", 10, 20)]


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("chr1\t5", KnowledgeError, "not BED"),
        ("chr1\tx\t5", KnowledgeError, "not BED"),
        ("chr1\t1_0\t50", KnowledgeError, "not BED"),
        ("chr1\t+1\t5", KnowledgeError, "not BED"),
        ("chr1\t\u0661\t\u0665", KnowledgeError, "not BED"),
        ("chr1\t5\t5", KnowledgeError, "base 5 alone is 4 to 5"),
        ("chr9\t1\t5", ReferenceMismatchError, "no contig 'chr9'"),
        ("chr1\t1\t5001", ReferenceMismatchError, "not within chr1"),
    ],
)
def test_a_wrong_bed_line_is_named(tmp_path, line, error, said):
    bed = tmp_path / "targets.bed"
    bed.write_text(f"chr1\t1\t2\n{line}\n")
    with pytest.raises(error, match=said) as caught:
        read_bed(bed, LENGTHS)
    assert caught.value.place == "line 2"


def test_targets_and_region_narrow_each_other(tmp_path):
    bed = tmp_path / "targets.bed"
    bed.write_text("chr1\t100\t200\nchr1\t300\t400\nchr2\t0\t10\n")
    assert select_intervals(LENGTHS, targets=bed, region="chr1:151-350") == [
        Interval("chr1", 150, 200),
        Interval("chr1", 300, 350),
    ]
    with pytest.raises(KnowledgeError, match="no target"):
        select_intervals(LENGTHS, targets=bed, region="chr2:1000-2000")
    assert len(select_intervals(LENGTHS)) == 3


spans = st.lists(
    st.builds(
        lambda contig, start, length: Interval(contig, start, start + length),
        st.sampled_from(["chr1", "chr2"]),
        st.integers(0, 900),
        st.integers(1, 90),
    ),
    max_size=12,
)


def bases(intervals):
    return {(each.contig, place) for each in intervals for place in range(each.start, each.end)}


@given(spans, spans)
def test_intersection_and_shards_keep_every_base_once(first, second):
    first, second = merge(first, LENGTHS), merge(second, LENGTHS)
    assert bases(intersect(first, second)) == bases(first) & bases(second)
    pieces = [each for shard in shards(first, size=100) for each in shard]
    assert bases(pieces) == bases(first)
    assert sum(map(len, pieces)) == len(bases(first))


@given(spans)
def test_shards_cut_at_the_same_coordinates_whatever_else_is_called(intervals):
    merged = merge(intervals, LENGTHS)
    for shard in shards(merged, size=100):
        windows = {(each.contig, each.start // 100, (each.end - 1) // 100) for each in shard}
        assert len(windows) == 1 and all(first == last for _, first, last in windows)
