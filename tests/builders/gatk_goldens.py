"""GATK's own results on NA12878, chr20:10,000,001-10,100,000, and the reads and sequence they are of."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam
from numpy.typing import NDArray

START, END = 9_999_999, 10_100_000
CONTIG = "chr20"


@dataclass(frozen=True)
class Golden:
    """Where the goldens and their inputs are."""

    data: Path

    @property
    def reads(self) -> Path:
        return self.data / "na12878_chr20_10m" / "NA12878_S1.chr20.10_10p1mb.bam"

    def lines(self, name: str) -> Iterator[str]:
        """Lines of a golden file, headers left out."""
        with gzip.open(self.data / "gatk_goldens" / name, "rt") as stream:
            yield from (line.rstrip("\n") for line in stream if not line.startswith("#"))

    def sequence(self, start: int, end: int) -> NDArray[np.uint8]:
        """Upper-case bases of chr20, 0-based half-open."""
        with pysam.FastaFile(str(self.data / "b37_chr20_ref" / "20.fa.gz")) as fasta:
            return np.frombuffer(bytearray(fasta.fetch("20", start, end).upper(), "ascii"), np.uint8)

    def regions(self, name: str) -> list[tuple[int, int, bool]]:
        """Assembly regions as (start, end, active), 0-based half-open."""
        rows = [line.split("\t") for line in self.lines(name)]
        return [
            (int(row[1]), int(row[2]), float(row[4]) > 0) for row in rows if len(row) > 4 and row[3].startswith("size=")
        ]

    def trimmed_spans(self) -> list[tuple[int, int, int, int]]:
        """Active regions with events of the first 20 kb: start, end, and the padded span of their events."""
        spans: list[tuple[int, int, int, int]] = []
        region = (0, 0)
        for line in self.lines("na12878_20kb/genotyper.txt.gz"):
            if line.startswith("calling for region: "):
                region = _place(line)
            elif line.startswith("Padded and trimmed the region to this span: "):
                spans.append((*region, *_place(line)))
        return spans


def _place(line: str) -> tuple[int, int]:
    """The 1-based inclusive place at the end of a line, as 0-based half-open."""
    start, end = line.rsplit(":", 1)[1].split("-")
    return int(start) - 1, int(end)
