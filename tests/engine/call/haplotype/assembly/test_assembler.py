"""Assembly of single regions by hand, and of every region of 20 kb against GATK."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.call.haplotype.activity.regions import PADDING
from engine.call.haplotype.assembly.assembler import assemble
from engine.call.haplotype.columns import HaplotypeColumns, ReadColumns
from engine.call.haplotype.reads.finalization import finalize_region
from engine.call.haplotype.reads.source import ReadSource, WantedReads
from tests.builders.gatk_goldens import CONTIG, START, Golden
from tests.builders.gatk_haplotypes import assembled_regions, haplotype_rows


def _random_sequence(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


REFERENCE = _random_sequence(400, seed=5)


def _bases(sequence: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytearray(sequence, "ascii"), np.uint8)


def _reads(*reads: str | tuple[str, list[int]], cigars: list[list[int]] | None = None) -> ReadColumns:
    """Reads given as bases, or bases and qualities; only what assembly looks at is meaningful."""
    pairs = [(read, [30] * len(read)) if isinstance(read, str) else read for read in reads]
    count = len(pairs)
    elements = cigars or [[len(bases) << 4] for bases, _ in pairs]
    zeros = np.zeros(count, np.int64)
    return ReadColumns(
        start=zeros,
        end=zeros,
        flag=np.zeros(count, np.uint16),
        mapq=np.full(count, 60, np.uint8),
        mate_start=zeros,
        mate_contig=np.zeros(count, np.int32),
        template_length=np.zeros(count, np.int32),
        name=np.arange(count, dtype=np.int32),
        base_offset=np.cumsum([0] + [len(bases) for bases, _ in pairs]),
        bases=_bases("".join(bases for bases, _ in pairs)),
        qualities=np.array([q for _, qualities in pairs for q in qualities], np.uint8),
        cigar_offset=np.cumsum([0] + [len(row) for row in elements]),
        cigar=np.array([element for row in elements for element in row], np.uint32),
    )


def _windows(haplotype: str, length: int = 100, step: int = 10) -> list[str]:
    """Reads that tile a haplotype."""
    return [haplotype[i : i + length] for i in range(0, len(haplotype) - length + 1, step)]


def _rows(columns: HaplotypeColumns) -> list[tuple[str, str, int]]:
    return [(row.bases, row.cigar, row.kmer_size) for row in haplotype_rows(columns)]


def _found(reads: ReadColumns, reference: str = REFERENCE) -> list[tuple[str, str, int]]:
    return _rows(assemble(reads, _bases(reference), 1_000))


SNP = REFERENCE[:200] + ("A" if REFERENCE[200] != "A" else "C") + REFERENCE[201:]
INSERTION = REFERENCE[:150] + "TTGACCAGT" + REFERENCE[150:]
DELETION = REFERENCE[:250] + REFERENCE[280:]


def test_without_reads_there_is_only_the_reference() -> None:
    columns = assemble(_reads(), _bases(REFERENCE), 1_000)
    assert (columns.start, columns.end, columns.reference) == (1_000, 1_400, 0)
    assert _rows(columns) == [(REFERENCE, "400M", 0)]
    assert np.isnan(columns.score[0])


@pytest.mark.parametrize(("haplotype", "cigar"), [(SNP, "400M"), (INSERTION, "150M9I250M"), (DELETION, "250M30D120M")])
def test_a_variant_that_reads_span_is_assembled(haplotype: str, cigar: str) -> None:
    found = _found(_reads(*_windows(haplotype), *_windows(REFERENCE)))
    assert [bases for bases, _, _ in found] == [haplotype, REFERENCE]
    assert found[0][2] == 10
    assert found[1] == (REFERENCE, "400M", 0)
    consumed = sum(int(n) for n in cigar.replace("D", "M").replace("9I", "").split("M") if n)
    assert consumed == 400


def test_one_read_is_too_little_support() -> None:
    assert _found(_reads(SNP[150:250], *_windows(REFERENCE))) == [(REFERENCE, "400M", 0)]


def test_two_reads_are_enough() -> None:
    assert _found(_reads(SNP[150:250], SNP[150:250]))[0][0] == SNP


def test_bases_of_low_quality_and_soft_clips_are_no_evidence() -> None:
    low = [30] * 50 + [9] + [30] * 49
    assert len(_found(_reads((SNP[150:250], low), (SNP[150:250], low)))) == 1
    clipped = [[55 << 4 | 4, 45 << 4]] * 2
    assert len(_found(_reads(SNP[150:250], SNP[150:250], cigars=clipped))) == 1


def test_branches_that_end_or_begin_within_a_variant_are_joined() -> None:
    for haplotype, reads in ((SNP, [SNP[120:207]] * 3), (SNP, [SNP[194:290]] * 3)):
        assert _found(_reads(*reads))[0][0] == haplotype


def test_a_reference_that_repeats_k_mers_needs_a_larger_k() -> None:
    unit = _random_sequence(30, seed=9)
    reference = REFERENCE[:150] + unit + REFERENCE[150:250] + unit + REFERENCE[250:]
    changed = reference[:165] + ("A" if reference[165] != "A" else "C") + reference[166:]
    found = _found(_reads(*_windows(changed, 120)), reference)
    assert [(bases, k) for bases, _, k in found] == [(changed, 35), (reference, 0)]


def test_a_tandem_repeat_longer_than_any_k_is_left_to_the_last_try() -> None:
    reference = REFERENCE[:150] + "CA" * 60 + REFERENCE[150:]
    found = _found(_reads(*_windows(reference)), reference)
    assert found[-1] == (reference, "520M", 0)


def test_unknown_bases_in_the_reference_are_carried_along() -> None:
    reference = REFERENCE[:60] + "N" * 12 + REFERENCE[72:]
    snp = reference[:200] + SNP[200] + reference[201:]
    found = _found(_reads(*[SNP[150:250]] * 3), reference)
    assert [bases for bases, _, _ in found] == [snp, reference]


def test_more_paths_than_are_kept_end_with_the_best() -> None:
    """Eight heterozygous SNPs a k-mer apart give 256 paths; 128 stay, ordered by score, then bases downwards."""
    sites = range(40, 361, 40)
    other = list(REFERENCE)
    for site in sites:
        other[site] = "A" if REFERENCE[site] != "A" else "C"
    reads = [haplotype[i : i + 35] for haplotype in (REFERENCE, "".join(other)) for i in range(0, 366, 3)]
    columns = assemble(_reads(*reads), _bases(REFERENCE), 0)
    scores = columns.score[~np.isnan(columns.score)]
    tens = scores[columns.kmer_size[~np.isnan(columns.score)] == 10]
    assert 120 < tens.size <= 128
    assert (np.diff(tens) <= 0).all()
    assert len({row.bases for row in haplotype_rows(columns)}) == columns.score.size


def test_a_reference_shorter_than_k_is_all_there_is() -> None:
    assert _found(_reads(*["ACGTTGCAAG"] * 3), "ACGTTGCAAG") == [("ACGTTGCAAG", "10M", 0)]


def test_every_haplotype_is_that_of_gatk(shared_data: Path) -> None:
    """All 60 regions: sequences, CIGARs, k and order."""
    golden = Golden(shared_data)
    source = ReadSource(golden.reads, fasta=golden.reads, sample=None, reads_per_start=50)
    contig = source.contig_names.index(CONTIG)
    wanted = WantedReads(contig, START - 1_000, START + 21_000, np.array([START - 100]), np.array([START + 20_101]))
    reads = source.fetch(wanted)
    regions = list(assembled_regions(golden))
    assert len(regions) == 60
    for region in regions:
        start, end = region.start - PADDING, region.end + PADDING
        haplotypes = assemble(finalize_region(reads, start, end), golden.sequence(start, end), start)
        assert haplotype_rows(haplotypes) == region.untrimmed
