"""What a trio's joint calls say of the trio itself: do they fit a child and its parents?

Counted are sites where child, father and mother have a confident diploid genotype and somebody varies. A
genotype of which no copy can come from the father, or none from the mother, is a Mendelian error: a new variant or a
wrong call at a few sites, a wrong parent at many.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CONFIDENT_FROM = 20
"""Genotype quality, phred, from which a genotype is compared."""


@dataclass(frozen=True)
class TrioMeasures:
    """What was counted.

    Attributes:
        compared_sites: sites that were compared.
        mendelian_errors: of them those that do not fit.
        mendelian_error_fraction: their share, absent where nothing was compared.
    """

    compared_sites: int
    mendelian_errors: int
    mendelian_error_fraction: float | None


def measure_trio(joint: Path, child: str, father: str, mother: str) -> TrioMeasures:
    """Count the sites of a joint VCF at which three of its samples can be compared, and those that do not fit.

    Args:
        joint: of one contig or many, bgzip.
        child: name of the child's column.
        father: name of the father's.
        mother: name of the mother's.
    """
    from cyvcf2 import VCF

    compared = errors = 0
    records = VCF(str(joint), samples=[child, father, mother])
    order = [records.samples.index(name) for name in (child, father, mother)]
    for record in records:
        genotypes = record.genotypes
        copies = [genotypes[column][:-1] for column in order]
        if min(record.gt_quals[order]) >= CONFIDENT_FROM and all(len(two) == 2 and min(two) >= 0 for two in copies):
            compared += 1
            errors += not _fits(*copies)
    records.close()
    return TrioMeasures(compared, errors, errors / compared if compared else None)


def _fits(child: list[int], father: list[int], mother: list[int]) -> bool:
    """Whether one copy can come from each parent.

    >>> _fits([0, 1], [0, 0], [1, 1]), _fits([1, 1], [0, 0], [1, 1])
    (True, False)
    """
    one, other = child
    return (one in father and other in mother) or (other in father and one in mother)
