"""What a trio's joint calls say of the trio itself: do they fit a child and its parents?

Counted are sites where child, father and mother have a confident diploid genotype and somebody varies. A
genotype of which no copy can come from the father, or none from the mother, is a Mendelian error: a new variant or a
wrong call at a few sites, a wrong parent at many.

Where father and mother are different homozygotes, the child has one allele of each. A contig on which it has both of
one parent at nearly all such sites came from that parent twice (uniparental disomy), whether as two copies of one
chromosome or as both of his or hers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CONFIDENT_FROM = 20
"""Genotype quality, phred, from which a genotype is compared."""

LEAST_TELLING: Final = 20
"""Sites of a contig where the parents are different homozygotes, from which it is told whose it is."""
TOO_FEW: Final = f"on no contig are father and mother different homozygotes at {LEAST_TELLING} sites"
"""Why it is not told of any contig whose it is."""
UNIPARENTAL_FROM: Final = 0.8
"""Their share at which the child has nothing of one parent, from which the contig is the other's alone."""


@dataclass(frozen=True)
class TrioMeasures:
    """What was counted.

    Attributes:
        compared_sites: sites that were compared.
        mendelian_errors: of them those that do not fit.
        mendelian_error_fraction: their share, absent where nothing was compared; contigs of one parent left out.
        telling_contigs: contigs of which is told whose they are.
        uniparental_contigs: of them those that came from one parent.
        uniparental_contigs_told: which and whose, in words.
    """

    compared_sites: int
    mendelian_errors: int
    mendelian_error_fraction: float | None
    telling_contigs: int = 0
    uniparental_contigs: int = 0
    uniparental_contigs_told: str = ""


def measure_trio(joint: Path, child: str, father: str, mother: str) -> TrioMeasures:
    """Count the sites of a joint VCF at which three of its samples can be compared, and those that do not fit.

    Args:
        joint: of one contig or many, bgzip.
        child: name of the child's column.
        father: name of the father's.
        mother: name of the mother's.
    """
    from cyvcf2 import VCF

    counts: dict[str, _Counts] = {}
    records = VCF(str(joint), samples=[child, father, mother])
    order = [records.samples.index(name) for name in (child, father, mother)]
    for record in records:
        genotypes = record.genotypes
        copies = [genotypes[column][:-1] for column in order]
        if min(record.gt_quals[order]) >= CONFIDENT_FROM and all(len(two) == 2 and min(two) >= 0 for two in copies):
            counts.setdefault(record.CHROM, _Counts()).add(*copies)
    records.close()
    return _measures(counts)


@dataclass
class _Counts:
    """Sites of one contig."""

    compared: int = 0
    errors: int = 0
    telling: int = 0
    of_father: int = 0
    of_mother: int = 0

    def add(self, child: list[int], father: list[int], mother: list[int]) -> None:
        self.compared += 1
        self.errors += not _fits(child, father, mother)
        if father[0] == father[1] != mother[0] == mother[1]:
            self.telling += 1
            self.of_father += child == father
            self.of_mother += child == mother

    @property
    def only_parent(self) -> str:
        """``father`` or ``mother`` where the contig is of him or her alone, else empty."""
        if self.telling < LEAST_TELLING:
            return ""
        shares = {"father": self.of_father / self.telling, "mother": self.of_mother / self.telling}
        return next((parent for parent, share in shares.items() if share >= UNIPARENTAL_FROM), "")


def _measures(counts: Mapping[str, _Counts]) -> TrioMeasures:
    alone = {contig: found for contig, found in counts.items() if found.only_parent}
    if len(alone) == len(counts):
        alone = {}  # nothing of one parent anywhere is no parent, not a disomy of everything
    ordinary = [found for contig, found in counts.items() if contig not in alone]
    compared, errors = sum(found.compared for found in ordinary), sum(found.errors for found in ordinary)
    told = [
        f"{contig} came from the {found.only_parent} alone, by {max(found.of_father, found.of_mother):,} of "
        f"{found.telling:,} telling sites"
        for contig, found in alone.items()
    ]
    return TrioMeasures(
        compared,
        errors,
        errors / compared if compared else None,
        sum(found.telling >= LEAST_TELLING for found in counts.values()),
        len(alone),
        "; ".join(told) + (": look for imprinted genes and recessive variants there" if told else ""),
    )


def _fits(child: list[int], father: list[int], mother: list[int]) -> bool:
    """Whether one copy can come from each parent.

    >>> _fits([0, 1], [0, 0], [1, 1]), _fits([1, 1], [0, 0], [1, 1])
    (True, False)
    """
    one, other = child
    return (one in father and other in mother) or (other in father and one in mother)
