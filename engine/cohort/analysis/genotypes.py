"""Genotypes of many samples as a matrix, read from a VCF or BCF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.errors import VariantFileError
from engine.files.index_fit import index_beside
from engine.files.variant_lines import require_variants
from engine.identity.components import MISSING, Dosages

_UNKNOWN: Final = 3
"""As cyvcf2 writes it."""
_DIPLOID: Final = 2


@dataclass(frozen=True)
class DosageMatrix:
    """Alleles by samples.

    Attributes:
        samples: ids, in the order of the columns.
        alleles: ``contig-position-ref-alt`` of each row, position 1-based.
        dosages: copies of ALT, 0 to 2, or :data:`MISSING`; int8, alleles by samples.
    """

    samples: tuple[str, ...]
    alleles: tuple[str, ...]
    dosages: Dosages


def read_genotypes(vcf: Path, region: str | None = None) -> DosageMatrix:
    """Alleles of records with one ALT of a diploid contig; a genotype of which an allele is missing is missing.

    A record that is there again is one row.

    Args:
        vcf: VCF or BCF; with index where a region is given.
        region: as htslib takes it, 1-based and inclusive.

    Raises:
        VariantFileError: the file is damaged, its index is missing or of another file, it lacks the region's contig, a
            genotype is not of two alleles that the record has, or two records of one allele differ.
    """
    from cyvcf2 import VCF

    require_variants(vcf)
    try:
        reader = VCF(str(vcf), gts012=True)
        if region:
            _require_region(vcf, reader, region)
        rows: dict[str, Dosages] = {}
        for record in reader(region) if region else reader:
            if len(record.ALT) == 1:
                _add(rows, record)
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the genotypes cannot be read: {error}", file=vcf, remedy="give a whole VCF or BCF of a diploid contig"
        ) from error
    dosages = np.array(list(rows.values()), np.int8).reshape(len(rows), len(reader.samples))
    dosages[dosages == _UNKNOWN] = MISSING
    return DosageMatrix(tuple(reader.samples), tuple(rows), dosages)


def _require_region(vcf: Path, reader: Any, region: str) -> None:
    """Refuse what htslib would take for a region without records."""
    if index_beside(vcf) is None:
        raise VariantFileError(
            "it has no index by which the region could be found",
            file=vcf,
            place=region,
            remedy="index it (bcftools index)",
        )
    if not {region, region.rpartition(":")[0]} & set(reader.seqnames):
        raise VariantFileError(
            "its header does not have the region's contig", file=vcf, place=region, remedy="name it as the file does"
        )


def _add(rows: dict[str, Dosages], record: Any) -> None:
    allele = f"{record.CHROM}-{record.POS}-{record.REF.upper()}-{record.ALT[0].upper()}"
    if record.ploidy != _DIPLOID:
        raise ValueError(f"{allele} has genotypes of ploidy {record.ploidy}")
    dosages = record.gt_types.astype(np.int8)
    if not np.array_equal(rows.setdefault(allele, dosages), dosages):
        raise ValueError(f"two records of {allele} have different genotypes")
