"""dbSNP as knowledge: the id of each allele, from NCBI's VCF, whose contigs are RefSeq accessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.annotate.allele_table import ALLELE, Key, Placed, VcfSource, read_alleles, write_alleles
from engine.annotate.frequency_table import told_release
from engine.reference.bundle import Contig
from engine.tables import Column

DBSNP = "dbsnp.parquet"
DBSNP_COLUMNS = (*ALLELE, Column("rs", "VARCHAR", "dbSNP id; absent where the record has none"))


@dataclass(frozen=True)
class DbsnpMeasures(Placed):
    """What a table of ids holds.

    Attributes:
        release: date or name, empty where neither the declaration nor the file tells.
    """

    release: str


def build_dbsnp(
    source: Path, fasta: Path, contigs: Sequence[Contig], folder: Path, *, release: str | None
) -> DbsnpMeasures:
    """Write :data:`DBSNP` into ``folder``; errors as of :func:`engine.annotate.allele_table.write_alleles`."""
    import pyarrow as pa

    vcf = VcfSource(source)
    release = release or told_release(vcf)
    placed = write_alleles(
        vcf,
        fasta,
        contigs,
        folder / DBSNP,
        DBSNP_COLUMNS[len(ALLELE) :],
        lambda rows: [pa.array([row[5][2] if row[5][2].startswith("rs") else None for row in rows], pa.string())],
        lambda: {"release": release},
    )
    return DbsnpMeasures(**vars(placed), release=release)


def read_ids(table: Path, alleles: Iterable[Key]) -> dict[Key, str]:
    """The id of each allele that has one; of several the lowest."""
    found = read_alleles(table, alleles, order="length(rs) DESC NULLS FIRST, rs DESC")
    return {key: row["rs"] for key, row in found.items() if row["rs"]}
