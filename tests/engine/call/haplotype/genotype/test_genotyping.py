"""Genotypes from likelihoods of haplotypes: kernels against their definitions, and whole calls built by hand."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.call.haplotype.columns import HaplotypeColumns, ReadColumns
from engine.call.haplotype.genotype.genotype_index import genotype_alleles, genotype_counts
from engine.call.haplotype.genotype.genotyping import GenotypingSettings, OpenDeletion, RegionCalls, call_region
from engine.call.haplotype.genotype.genotyping_kernels import fill_non_reference, genotype_phred, supported_alleles
from engine.call.haplotype.likelihood.read_likelihoods import explained
from engine.call.haplotype.likelihood.realignment import best_haplotype
from engine.call.haplotype.numerics import LOG10_SUM_TABLE
from engine.call.haplotype.trimming.events import events_of
from engine.call.haplotype.trimming.trimmed_region import TrimmedRegion
from tests.builders.gatk_haplotypes import AssembledHaplotype, haplotype_columns

REFERENCE = "TTGACCTGAATCGTCCATGGCTAACTGATTCGCAGTACCTTGAGCATCGATTGCACT"


def reads_of(sequences: list[tuple[int, str]], quality: int = 35) -> ReadColumns:
    """Forward and reverse reads, turn about, at 0-based starts; all aligned without indels."""
    n = len(sequences)
    start = np.array([start for start, _ in sequences], np.int64)
    sizes = [len(bases) for _, bases in sequences]
    return ReadColumns(
        start=start,
        end=start + np.array(sizes, np.int64),
        flag=np.array([16 * (row % 2) for row in range(n)], np.uint16),
        mapq=np.full(n, 60, np.uint8),
        mate_start=np.full(n, -1, np.int64),
        mate_contig=np.full(n, -1, np.int32),
        template_length=np.zeros(n, np.int32),
        name=np.arange(n, dtype=np.int32),
        base_offset=np.cumsum([0, *sizes]),
        bases=np.frombuffer("".join(bases for _, bases in sequences).encode(), np.uint8),
        qualities=np.full(sum(sizes), quality, np.uint8),
        cigar_offset=np.arange(n + 1),
        cigar=np.array([size << 4 for size in sizes], np.uint32),
    )


def region_of(*haplotypes: tuple[str, str]) -> TrimmedRegion:
    """Haplotypes given as (bases, CIGAR), and the reference."""
    size = len(REFERENCE)
    rows = [AssembledHaplotype(0, size, 10, cigar, False, bases) for bases, cigar in haplotypes]
    rows.append(AssembledHaplotype(0, size, 0, f"{size}M", True, REFERENCE))
    rows.sort(key=lambda row: (len(row.bases), row.bases))
    columns: HaplotypeColumns = haplotype_columns(rows)
    letters = np.frombuffer(REFERENCE.encode(), np.uint8)
    return TrimmedRegion(0, size, 0, size, columns, events_of(columns, letters, 0))


def call(
    region: TrimmedRegion,
    reads: ReadColumns,
    settings: GenotypingSettings | None = None,
    *,
    start: int = 0,
    upstream: tuple[OpenDeletion, ...] = (),
) -> RegionCalls:
    return call_region(
        reads,
        reads_of([]),
        region,
        start=start,
        end=len(REFERENCE),
        reference=np.frombuffer(REFERENCE.encode(), np.uint8),
        reference_start=0,
        settings=settings or GenotypingSettings(),
        upstream=upstream,
    )


SNP = REFERENCE[:28] + "G" + REFERENCE[29:]
DELETION = REFERENCE[:21] + REFERENCE[25:]
SIZE = len(REFERENCE)


def test_half_the_reads_with_a_snp_make_a_heterozygote() -> None:
    outcome = call(region_of((SNP, f"{SIZE}M")), reads_of([(0, REFERENCE)] * 10 + [(0, SNP)] * 10))
    (made,) = outcome.calls
    assert (made.start, made.alleles, made.genotype) == (28, ("T", "G", "<NON_REF>"), (0, 1))
    assert (made.allele_depths, made.strand_counts) == ((10, 10, 0), (5, 5, 5, 5))
    assert made.phred_likelihoods[1] == 0
    assert made.annotations.depth == 20


def test_one_copy_of_the_contig_has_one_allele() -> None:
    settings = GenotypingSettings(ploidy=1)
    (made,) = call(region_of((SNP, f"{SIZE}M")), reads_of([(0, SNP)] * 8), settings).calls
    assert (made.genotype, len(made.phred_likelihoods), made.allele_counts) == ((1,), 3, (1, 0))
    assert made.annotations.excess_het is None


def test_without_reference_confidence_doubtful_sites_are_not_called() -> None:
    region, doubtful = region_of((SNP, f"{SIZE}M")), reads_of([(0, REFERENCE)] * 20 + [(0, SNP)])
    assert call(region, doubtful, GenotypingSettings(reference_confidence=False)).calls == ()
    (kept,) = call(region, doubtful).calls
    assert kept.genotype == (0, 0)


def test_without_a_read_the_genotype_cannot_be_told() -> None:
    outcome = call(region_of((SNP, f"{SIZE}M")), reads_of([]))
    (made,) = outcome.calls
    assert not outcome.has_genotype
    assert (made.genotype, made.genotype_depth, made.phred_likelihoods) == ((), None, (0,) * 6)
    assert (made.annotations.depth, made.annotations.quality_by_depth) == (0, None)
    assert all(map(math.isnan, made.allele_frequencies))


def test_reads_that_fit_no_haplotype_are_left_out() -> None:
    noise = REFERENCE[::-1]
    outcome = call(region_of((SNP, f"{SIZE}M")), reads_of([(0, SNP)] * 6 + [(0, noise)] * 3))
    assert outcome.reads.start.size == 6


def test_reads_lie_on_the_reference_by_way_of_their_haplotype() -> None:
    outcome = call(region_of((DELETION, f"21M4D{SIZE - 25}M")), reads_of([(0, DELETION)] * 6))
    (made,) = outcome.calls
    assert made.alleles[:2] == (REFERENCE[made.start : made.start + 5], REFERENCE[made.start])
    assert set(outcome.reads.end.tolist()) == {SIZE}
    assert outcome.reads.cigar.size == 3 * 6


def test_a_deletion_from_before_the_region_counts_only_where_it_was_called() -> None:
    """The SNP lies in the deletion; the region begins behind the deletion's first base."""
    snp_in_it = REFERENCE[:23] + "T" + REFERENCE[24:]
    region = region_of((DELETION, f"21M4D{SIZE - 25}M"), (snp_in_it, f"{SIZE}M"))
    reads = reads_of([(0, DELETION)] * 8 + [(0, snp_in_it)] * 8)
    alone = call(region, reads, start=22)
    assert alone.depends_on_upstream
    assert alone.calls[0].alleles == ("A", "T", "<NON_REF>")
    known = call(region, reads, start=22, upstream=(OpenDeletion(20, 25),))
    assert set(known.calls[0].alleles) == {"A", "T", "*", "<NON_REF>"}
    whole = call(region, reads)
    assert [sorted(one.alleles) for one in whole.calls][1] == sorted(known.calls[0].alleles)
    assert not whole.depends_on_upstream


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.floats(-12, 0), min_size=3, max_size=3), min_size=1, max_size=12),
    st.integers(1, 4),
)
def test_a_genotype_is_as_likely_as_reads_drawn_from_its_alleles(values: list[list[float]], ploidy: int) -> None:
    expected = []
    for genotype in genotype_alleles(ploidy, 3):
        expected.append(sum(math.log10(sum(10 ** row[allele] for allele in genotype) / ploidy) for row in values))
    phred = genotype_phred(np.array(values), genotype_counts(ploidy, 3), LOG10_SUM_TABLE)
    assert phred.min() == 0
    assert phred == pytest.approx([-10 * (one - max(expected)) for one in expected], abs=0.51 + 1e-3 * len(values))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([-9.0, -6.5, -4.0, -1.0]), min_size=1, max_size=6))
def test_an_unseen_allele_is_as_likely_as_the_median_of_the_worse_ones(row: list[float]) -> None:
    likelihoods = np.array([[*row, 0.0]])
    fill_non_reference(likelihoods, np.ones(len(row) + 1, np.bool_))
    worse = [value for value in row if value < max(row)]
    assert likelihoods[0, -1] == pytest.approx(statistics.median(worse) if worse else max(row))


def test_a_read_supports_an_allele_only_by_a_clear_margin() -> None:
    likelihoods = np.array([[0.0, -0.25, -5.0], [0.0, -0.15, -5.0], [-5.0, -0.3, 0.0]])
    assert supported_alleles(likelihoods, np.ones(3, np.bool_)).tolist() == [0, -1, 2]
    assert supported_alleles(likelihoods, np.array([True, True, False])).tolist() == [0, -1, 1]


def test_likelihoods_are_capped_and_hopeless_reads_dropped() -> None:
    """Up to 50 bases one error of 10**-4 is allowed, beyond that two; NaN stands for less than -64."""
    values = np.array([[-1.0, -9.0], [-3.9, np.nan], [-4.1, -5.0], [-7.9, np.nan], [np.nan, np.nan]])
    kept = explained(np.cumsum([0, 50, 50, 50, 51, 51]), values)
    assert kept.rows.tolist() == [0, 1, 3]
    assert kept.values.tolist() == [[-1.0, -5.5], [-3.9, -8.4], [-7.9, -12.4]]


def test_a_read_goes_to_the_simplest_of_equally_good_haplotypes() -> None:
    priority = np.array([1, -1, 0])
    assert best_haplotype(np.array([-1.1, -1.0, -1.0]), priority) == 0
    assert best_haplotype(np.array([-1.3, -1.0, -1.0]), priority) == 2
    assert best_haplotype(np.array([-1.3, -1.0, -1.2]), np.array([1, 0, 0])) == 1
