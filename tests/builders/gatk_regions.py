"""GATK's assembled regions of NA12878's first 20 kb, with the reads that its genotyper saw there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.call.haplotype.columns import ReadColumns
from engine.call.haplotype.reads.finalization import evidence_in, finalize_region
from engine.call.haplotype.reads.source import ReadSource, WantedReads
from engine.call.haplotype.trimming.trimmed_region import TrimmedRegion, trim
from tests.builders.gatk_goldens import CONTIG, Golden
from tests.builders.gatk_haplotypes import assembled_regions, haplotype_columns

START, END = 9_999_999, 10_020_000
_PADDING, _REFERENCE_PADDING = 100, 500


@dataclass(frozen=True)
class GenotyperInput:
    """A region as it comes to the genotyper, 0-based half-open."""

    start: int
    end: int
    reads: ReadColumns
    filtered: ReadColumns
    trimmed: TrimmedRegion
    reference: NDArray[np.uint8]
    reference_start: int


def genotyper_inputs(golden: Golden) -> Iterator[GenotyperInput]:
    """Every region with events, haplotypes from GATK, reads made ready by our own finalisation."""
    source = ReadSource(golden.reads, fasta=golden.reads, sample=None, reads_per_start=50)
    contig = source.contig_names.index(CONTIG)
    stretch = (START - _PADDING, END + _PADDING)
    reads = source.fetch(WantedReads(contig, START - 500, END + 500, *(np.array([place]) for place in stretch)))
    for region in assembled_regions(golden):
        padded_start, padded_end = region.start - _PADDING, region.end + _PADDING
        reference_start = padded_start - _REFERENCE_PADDING
        reference = golden.sequence(reference_start, padded_end + _REFERENCE_PADDING)
        haplotypes = haplotype_columns(region.untrimmed)
        trimmed = trim(haplotypes, reference, reference_start, region.start, region.end, padded_start, padded_end)
        assert trimmed is not None
        final = finalize_region(reads, padded_start, padded_end)
        evidence, filtered = evidence_in(reads, final, trimmed.padded_start, trimmed.padded_end, contig)
        yield GenotyperInput(region.start, region.end, evidence, filtered, trimmed, reference, reference_start)
