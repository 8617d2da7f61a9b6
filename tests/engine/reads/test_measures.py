import gzip
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pysam
import pytest

from engine.reads import measure_kernels as kernels
from engine.reads.duplicates import Duplicates
from engine.reads.measures import (
    DEPTHS,
    AlignmentHistograms,
    AlignmentMeasures,
    Measurement,
    insert_size_figures,
    measure_records,
    median_of,
)
from engine.reads.picard_metrics import write_metrics
from engine.reads.records import Records
from engine.reference.intervals import Interval
from tests.builders.packed import records_from_sam, records_of

NO_DUPLICATES = Duplicates(np.zeros(1, dtype=np.uint8), (), np.zeros((3, 2), dtype=np.int64))


def measure(
    records: Records, contigs: list[str], territory: list[Interval], *, size: int = 1 << 30
) -> tuple[AlignmentMeasures, AlignmentHistograms]:
    measurement = Measurement(contigs, territory)
    for first in range(0, len(records), size):
        offset = records.offset[first : first + size + 1]
        measurement.add(measure_records(Records(records.data[offset[0] : offset[-1]], offset - offset[0])))
    return measurement.finish(NO_DUPLICATES)


def slow_depth(bam: Path, contig: str, length: int, reads: int) -> np.ndarray:
    """Depth of the first reads of a file as CollectHsMetrics counts it, base by base with pysam."""
    depth = np.zeros(length, dtype=np.int64)
    with pysam.AlignmentFile(str(bam)) as file:
        for read in islice(file, reads):
            if read.is_unmapped or read.is_secondary or read.is_duplicate or read.is_qcfail:
                continue
            if read.mapping_quality < 20 or read.reference_name != contig:
                continue
            stop = length
            if read.is_paired and not read.mate_is_unmapped and read.next_reference_id == read.reference_id:
                mate = read.next_reference_start
                if mate > read.reference_start or (mate == read.reference_start and not read.is_read1):
                    stop = mate
            qualities = read.query_qualities
            assert qualities is not None
            for base, position in read.get_aligned_pairs(matches_only=True):
                if position < stop and qualities[base] >= 20:
                    depth[position] += 1
    return depth


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Path:
    return shared_data / "gatk_goldens" / "na12878_100kb"


def test_every_measured_column_of_the_alignment_summary_is_picards(real: Path, tmp_path: Path) -> None:
    _, histograms = measure(records_of(real / "in.bam"), ["chr20"], [], size=5000)
    write_metrics("S", histograms, (), (), tmp_path)
    ours = _table((tmp_path / "S.alignment_summary_metrics.txt").read_text())
    with gzip.open(real / "CollectAlignmentSummaryMetrics.txt.gz", "rt") as file:
        theirs = _table(file.read())
    compared = 0
    for row, golden in zip(ours, theirs, strict=True):
        for column, value in row.items():
            if value != "?" and column != "SAMPLE":
                assert value == golden[column], column
                compared += 1
    assert compared == 3 * 29


def _table(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("## METRICS CLASS")) + 1
    columns = lines[start].split("\t")
    rows = lines[start + 1 : lines.index("", start)]
    return [dict(zip(columns, row.split("\t"), strict=True)) for row in rows]


def test_coverage_is_what_counting_base_by_base_gives(real: Path) -> None:
    territory = [Interval("chr20", 9_999_000, 10_014_000), Interval("chr20", 10_016_000, 10_200_000)]
    whole = records_of(real / "in.bam")
    records = Records(whole.data[: whole.offset[12_000]], whole.offset[:12_001])
    depth = slow_depth(real / "in.bam", "chr20", 10_300_000, reads=12_000)
    assert depth.max() > 50
    for size in (700, 60_000):
        measures, histograms = measure(records, ["chr20"], territory, size=size)
        inside = np.concatenate([depth[each.start : each.end] for each in territory])
        assert np.array_equal(np.bincount(inside, minlength=len(histograms.depths)), histograms.depths)
        assert measures.mean_coverage == pytest.approx(inside.mean())
        assert measures.median_coverage == np.median(inside)
        assert measures.fraction_20x == pytest.approx((inside >= 20).mean())
        for entry in histograms.intervals:
            here = depth[entry.interval.start : entry.interval.end]
            assert entry.mean == pytest.approx(here.mean())
            assert entry.fractions == pytest.approx([(here >= threshold).mean() for threshold in DEPTHS])


def sam(name: str, flag: int, contig: str, position: int, cigar: str, mate: tuple[str, int, int], **more: str) -> str:
    length = sum(int(n) for n, op in _elements(cigar) if op in "MIS=X")
    bases, quality = more.get("bases", "A" * length), more.get("quality", "I" * length)
    fields = [name, flag, contig, position, more.get("mapq", "60"), cigar, *mate, bases, quality]
    return "\t".join([*map(str, fields), *more.get("tags", "NM:i:0").split()])


def _elements(cigar: str) -> list[tuple[str, str]]:
    import re

    return re.findall(r"(\d+)([MIDNSHP=X])", cigar)


def test_reads_on_several_contigs_and_contigs_without_any() -> None:
    lines = [
        sam("a", 0, "1", 101, "50M", ("*", 0, 0)),
        sam("b", 0, "X", 11, "10M5D10M", ("*", 0, 0)),
        sam("c", 0, "X", 5_000_001, "10M", ("*", 0, 0)),
        sam("d", 0, "Y", 1, "10M", ("*", 0, 0), mapq="19"),
    ]
    contigs = {"1": 1000, "2": 1000, "X": 6_000_000, "Y": 100}
    territory = [Interval(name, 0, length) for name, length in contigs.items() if name != "2"]
    measures, histograms = measure(records_from_sam(lines, contigs), list(contigs), territory)
    assert histograms.contig_coverage == {"1": 50 / 1000, "X": 30 / 6_000_000, "Y": 0.0}
    assert (measures.autosome_coverage, measures.x_coverage, measures.y_coverage) == (0.05, 5e-6, 0.0)
    assert int(histograms.depths.sum()) == 6_001_100


def test_overlapping_mates_count_once_and_duplicates_and_poor_bases_not_at_all() -> None:
    lines = [
        sam("a", 99, "1", 101, "50M", ("=", 131, 80)),
        sam("dup", 1024, "1", 101, "50M", ("*", 0, 0)),
        sam("poor", 0, "1", 111, "20M", ("*", 0, 0), quality="4" * 10 + "5" * 10),
        sam("a", 147, "1", 131, "50M", ("=", 101, -80)),
        sam("secondary", 256, "1", 131, "50M", ("*", 0, 0)),
    ]
    _, histograms = measure(records_from_sam(lines, {"1": 1000}), ["1"], [Interval("1", 100, 200)])
    assert Counter({0: 20, 1: 70, 2: 10}) == Counter(
        {depth: int(count) for depth, count in enumerate(histograms.depths) if count}
    )


def test_insert_sizes_by_orientation_quality_by_cycle_and_base_content() -> None:
    lines = [
        sam("fr", 99, "1", 101, "10M", ("=", 301, 210)),
        sam("fr", 147, "1", 301, "10M", ("=", 101, -210), quality="ABCDEFGHIJ", bases="GGGGGNAAAA"),
        sam("rf", 81, "1", 501, "10M", ("=", 701, 192)),
        sam("rf", 161, "1", 701, "10M", ("=", 501, -192)),
        sam("tandem", 65, "1", 801, "10M", ("=", 901, 101)),
        sam("tandem", 129, "1", 901, "10M", ("=", 801, -101), quality="IIIIIIIIII"),
        sam("elsewhere", 65, "1", 950, "10M", ("2", 5, 0), tags="NM:i:3 SA:Z:2,5,+,10M,60,0;"),
    ]
    measures, histograms = measure(records_from_sam(lines, {"1": 1000, "2": 1000}), ["1", "2"], [])
    assert {row: np.flatnonzero(histograms.insert_sizes[row]).tolist() for row in range(3)} == {
        kernels.FR: [210],
        kernels.RF: [192],
        kernels.TANDEM: [101],
    }
    first_cycle = histograms.quality_by_cycle[1][0]
    assert first_cycle == pytest.approx((ord("J") - 33 + 40 + 40) / 3)
    assert measures.gc_fraction == pytest.approx(5 / 69)
    assert measures.n_fraction == pytest.approx(1 / 70)
    assert measures.mismatch_rate == pytest.approx(3 / 70)
    assert measures.median_insert_size == 210
    assert measures.chimera_fraction == pytest.approx(5 / 7)


def test_insert_figures_leave_out_the_far_tail() -> None:
    histogram = np.zeros(10_001, dtype=np.int64)
    histogram[[298, 299, 300, 301, 302]] = 20
    histogram[9_000] = 1
    figures = insert_size_figures(histogram)
    assert figures is not None
    assert (figures.median, figures.mad, figures.mean, figures.largest) == (300, 1, 300, 9_000)
    assert insert_size_figures(np.zeros(5, dtype=np.int64)) is None


@pytest.mark.parametrize("values", [[3], [1, 2], [1, 1, 2, 7], [0, 5, 5, 9, 9, 9]])
def test_median_of_a_histogram(values: list[int]) -> None:
    assert median_of(np.bincount(values)) == np.median(values)


def test_no_reads_at_all() -> None:
    measures, histograms = measure(records_from_sam([], {"1": 1000}), ["1"], [Interval("1", 0, 1000)])
    assert (measures.reads, measures.mapped_fraction, measures.mean_coverage) == (0, 0.0, 0.0)
    assert measures.median_insert_size is None
    assert int(histograms.depths[0]) == 1000


def test_metrics_files_are_readable_and_hold_no_path_or_date(real: Path, tmp_path: Path) -> None:
    territory = [Interval("chr20", 10_000_000, 10_100_000)]
    _, histograms = measure(records_of(real / "in.bam"), ["chr20"], territory)
    files = write_metrics("NA12878", histograms, (), (), tmp_path)
    texts = {path.name: path.read_text() for path in files}
    assert not any("/" in text or "Started" in text for text in texts.values())
    (insert,) = _table(texts["NA12878.insert_size_metrics.txt"])
    assert (insert["MEDIAN_INSERT_SIZE"], insert["PAIR_ORIENTATION"]) == ("319", "FR")
    (coverage,) = _table(texts["NA12878.wgs_metrics.txt"])
    assert coverage["GENOME_TERRITORY"] == "100000"
    assert 49 < float(coverage["MEAN_COVERAGE"]) < 51
    by_cycle = texts["NA12878.quality_by_cycle_metrics.txt"].splitlines()
    assert by_cycle[1].startswith("# MeanQualityByCycle")
    assert sum(line[:1].isdigit() for line in by_cycle) == 202


def test_what_is_not_counted_as_coverage_is_told_by_its_reason(real: Path, tmp_path: Path) -> None:
    """Beside Picard's CollectWgsMetrics on the same reads, which also leaves out reads without a mate, and counts reads
    that are unmapped, but placed beside their mates, as of low mapping quality."""
    territory = [Interval("chr20", 0, 63_025_520)]
    measures, histograms = measure(records_of(real / "in.bam"), ["chr20"], territory)
    write_metrics("S", histograms, (), (), tmp_path)
    (ours,) = _table((tmp_path / "S.wgs_metrics.txt").read_text())
    with gzip.open(real / "CollectWgsMetrics.txt.gz", "rt") as file:
        (theirs,) = _table(file.read())
    assert float(ours["PCT_EXC_DUPE"]) == pytest.approx(float(theirs["PCT_EXC_DUPE"]), rel=0.002)
    for column in ("PCT_EXC_BASEQ", "PCT_EXC_OVERLAP"):
        assert float(ours[column]) == pytest.approx(float(theirs[column]), rel=0.15), column
    with pysam.AlignmentFile(str(real / "in.bam")) as file:
        mapped = [read for read in file if not read.is_unmapped]
    bases = [len(read.get_aligned_pairs(matches_only=True)) for read in mapped]
    low = sum(count for count, read in zip(bases, mapped, strict=True) if read.mapping_quality < 20)
    counts = histograms.counts.sum(axis=0)
    assert (counts[kernels.EXAMINED_BASES], counts[kernels.LOW_MAPQ_BASES]) == (sum(bases), low)
    left_out = counts[kernels.LOW_MAPQ_BASES : kernels.OVERLAPPING_BASES + 1].sum()
    assert round(measures.mean_coverage * 63_025_520) == counts[kernels.EXAMINED_BASES] - left_out
