"""The records of a gVCF one by one, for tests that look at single ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.call.gvcf import gvcf_columns


class GvcfRecord(NamedTuple):
    """One row of :class:`engine.call.gvcf.GvcfColumns`."""

    contig: str
    start: int
    end: int
    is_variant: bool
    genotype_quality: int
    depth: int


def gvcf_records(gvcf: Path) -> Iterator[GvcfRecord]:
    """Every record of a gVCF of one sample."""
    for columns in gvcf_columns(gvcf):
        rows = zip(*(column.tolist() for column in columns[1:6]), strict=True)
        yield from (GvcfRecord(columns.contig, *row) for row in rows)
