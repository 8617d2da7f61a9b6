"""Genotypes of many samples as a matrix, read from a VCF or BCF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import VariantFileError

Dosages = NDArray[np.int8]
MISSING = -1


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
    """Records with one ALT of a diploid contig; a genotype of which an allele is missing is missing.

    Args:
        vcf: VCF or BCF; with index where a region is given.
        region: as htslib takes it, 1-based and inclusive.

    Raises:
        VariantFileError: the file is damaged or a genotype is not of two alleles that the record has.
    """
    from cyvcf2 import VCF

    alleles, rows = [], []
    try:
        reader = VCF(str(vcf), gts012=True)
        samples = tuple(reader.samples)
        for record in reader(region) if region else reader:
            if len(record.ALT) == 1:
                alleles.append(f"{record.CHROM}-{record.POS}-{record.REF}-{record.ALT[0]}")
                if record.ploidy != 2:
                    raise ValueError(f"{alleles[-1]} has genotypes of ploidy {record.ploidy}")
                if record.genotype.array()[:, :2].max(initial=0) > 1:
                    raise ValueError(f"{alleles[-1]} has genotypes of an allele that it does not have")
                rows.append(record.gt_types.astype(np.int8))
    except (OSError, ValueError) as error:
        raise VariantFileError(
            f"the genotypes cannot be read: {error}", file=vcf, remedy="give a whole VCF or BCF of a diploid contig"
        ) from error
    dosages = np.array(rows, np.int8).reshape(len(rows), len(samples))
    dosages[dosages == 3] = MISSING
    return DosageMatrix(samples, tuple(alleles), dosages)
