"""GATK's haplotypes on NA12878, chr20:10,000,001-10,020,000: each region untrimmed and trimmed, and a line's parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.call.haplotype.alignment.cigar import packed, text
from engine.call.haplotype.columns import HaplotypeColumns
from tests.builders.gatk_goldens import Golden


@dataclass(frozen=True)
class AssembledHaplotype:
    """One haplotype as GATK prints it: 0-based half-open span, 0 for the k of the reference."""

    start: int
    end: int
    kmer_size: int
    cigar: str
    is_reference: bool
    bases: str


@dataclass(frozen=True)
class AssembledRegion:
    """An assembly region with variants, and the span it was trimmed to, 0-based half-open."""

    start: int
    end: int
    padded_start: int
    padded_end: int
    untrimmed: list[AssembledHaplotype]
    trimmed: list[AssembledHaplotype]


def assembled_regions(golden: Golden, name: str = "na12878_20kb/genotyper.txt.gz") -> Iterator[AssembledRegion]:
    """The regions of a genotyper debug file, in its order."""
    lines = golden.lines(name)
    span = (0, 0)
    for line in lines:
        if padded := re.match(r"Padded and trimmed the region to this span: \w+:(\d+)-(\d+)", line):
            span = (int(padded[1]) - 1, int(padded[2]))
        if region := re.match(r"assemblyRegion: \w+:(\d+)-(\d+)", line):
            untrimmed = _haplotypes_below(lines, "Unclipped")
            trimmed = _haplotypes_below(lines, "Clipped")
            yield AssembledRegion(int(region[1]) - 1, int(region[2]), *span, untrimmed, trimmed)


def _haplotypes_below(lines: Iterator[str], heading: str) -> list[AssembledHaplotype]:
    while not next(lines).startswith(heading):
        pass
    haplotypes = []
    while row := re.match(r"\[(\d+)-(\d+)\] k=(\d+) len: \d+ ([\dMID]+)(ref)?$", next(lines)):
        start, end, kmer_size, cigar, reference = row.groups()
        haplotypes.append(
            AssembledHaplotype(int(start) - 1, int(end), int(kmer_size), cigar, reference is not None, next(lines))
        )
    return haplotypes


def haplotype_columns(haplotypes: list[AssembledHaplotype]) -> HaplotypeColumns:
    """The same as columns; scores are not printed, so all are NaN."""
    cigars = [packed(haplotype.cigar) for haplotype in haplotypes]
    return HaplotypeColumns(
        haplotypes[0].start,
        haplotypes[0].end,
        [haplotype.is_reference for haplotype in haplotypes].index(True),
        np.cumsum([0] + [len(haplotype.bases) for haplotype in haplotypes]),
        np.frombuffer(bytearray("".join(haplotype.bases for haplotype in haplotypes), "ascii"), np.uint8),
        np.cumsum([0] + [cigar.size for cigar in cigars]),
        np.concatenate(cigars),
        np.array([haplotype.kmer_size for haplotype in haplotypes], np.int32),
        np.full(len(haplotypes), np.nan),
    )


def haplotype_rows(columns: HaplotypeColumns) -> list[AssembledHaplotype]:
    """Columns as the rows that GATK prints."""
    return [
        AssembledHaplotype(
            columns.start,
            columns.end,
            int(columns.kmer_size[i]),
            text(columns.cigar[columns.cigar_offset[i] : columns.cigar_offset[i + 1]]),
            i == columns.reference,
            columns.bases[columns.base_offset[i] : columns.base_offset[i + 1]].tobytes().decode(),
        )
        for i in range(len(columns.kmer_size))
    ]
