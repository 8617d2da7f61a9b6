"""Scoring files of the PGS Catalog's format, and calls to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

COLUMNS = ("rsID", "chr_name", "chr_position", "effect_allele", "other_allele", "effect_weight")


def write_score(
    path: Path, rows: Sequence[str], *, columns: Sequence[str] = COLUMNS, facts: Sequence[str] = ()
) -> Path:
    """Write a scoring file; rows are parted by blanks, ``-`` stands for an empty field."""
    head = ["###PGS CATALOG SCORING FILE", "#pgs_id=PGS9", *(f"#{fact}" for fact in facts)]
    body = ["\t".join("" if field == "-" else field for field in row.split()) for row in rows]
    path.write_text("\n".join([*head, "\t".join(columns), *body]) + "\n")
    return path


def write_calls(path: Path, records: Sequence[str], *, samples: Sequence[str] = ("S1",), length: int = 0) -> Path:
    """Write a VCF; a record is ``contig position id ref alt genotypes...``."""
    contig = [f"##contig=<ID=chr20,length={length}>"] if length else []
    header = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples])
    lines = []
    for record in records:
        fields = record.split()
        lines.append("\t".join([*fields[:5], ".", "PASS", ".", "GT", *fields[5:]]))
    path.write_text("\n".join(["##fileformat=VCFv4.2", *contig, header, *lines]) + "\n")
    return path
