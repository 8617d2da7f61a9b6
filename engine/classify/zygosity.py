"""What a genotype means on the contig it lies on: zygosity, in the words of LOINC's allelic state (53034-5).

>>> from engine.reference.intervals import Interval
>>> zygosity(1, 2, 0.48, at=Interval("chr20", 9, 10), contig_length=64_444_167, sex="female")
'heterozygous'
>>> zygosity(2, 2, 1.0, at=Interval("X", 5_000_000, 5_000_001), contig_length=155_270_560, sex="male")
'hemizygous'
>>> zygosity(1, 1, 0.4, at=Interval("chrM", 8, 9), contig_length=16_569, sex="male")
'heteroplasmic'
"""

from __future__ import annotations

import math

from engine.call.ploidy import ploidy_of
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval

HOMOPLASMIC_FROM = 0.95
"""Share of reads from which a mitochondrial variant counts as homoplasmic; sequencing errors leave about that much."""


_SNV_SHARE, _INDEL_SHARE = 0.47, 0.35
"""Of the reads, with one of two alleles: another base costs few of them, an insertion or deletion many."""
_UNLIKELY = 0.003
"""Chance of so few reads with one of two alleles, below which the variant may be in a part of the cells alone."""


def zygosity(
    copies: int, called_ploidy: int, alt_fraction: float | None, *, at: Interval, contig_length: int, sex: Sex
) -> str:
    """Heterozygous, homozygous, hemizygous, heteroplasmic or homoplasmic.

    Args:
        copies: of the allele in the genotype.
        called_ploidy: alleles in the genotype.
        alt_fraction: share of the reads that carry the allele, absent where the caller does not tell.
        at: the variant's place.
        contig_length: tells the assembly, and with it the pseudo-autosomal regions.
        sex: of the person.
    """
    if bare_contig(at.contig) == "MT":
        partial = alt_fraction is not None and alt_fraction < HOMOPLASMIC_FROM
        return "heteroplasmic" if partial or copies < called_ploidy else "homoplasmic"
    if copies < called_ploidy:
        return "heterozygous"
    expected = ploidy_of(at, contig_length, sex)[0].copies
    return "hemizygous" if expected == 1 or called_ploidy == 1 else "homozygous"


def mosaic_caution(copies: int, called_ploidy: int, carrying: int | None, depth: int, *, is_snv: bool) -> str | None:
    """What is to be said where fewer reads carry an allele than one of two copies explains; absent where it does.

    Args:
        copies: of the allele in the genotype.
        called_ploidy: alleles in the genotype.
        carrying: reads that carry it, absent where the caller does not tell.
        depth: reads that tell of the site.
        is_snv: whether it is one base for another.

    >>> mosaic_caution(1, 2, 6, 40, is_snv=True)
    '6 of 40 reads carry it, fewer than one of two copies explains: it may be in a part of the cells alone (mosaic), \
or come from a like sequence elsewhere'
    >>> mosaic_caution(1, 2, 16, 40, is_snv=True) or mosaic_caution(2, 2, 6, 40, is_snv=True)
    """
    if copies != 1 or called_ploidy != 2 or carrying is None or carrying >= depth:
        return None
    if _at_most(carrying, depth, _SNV_SHARE if is_snv else _INDEL_SHARE) >= _UNLIKELY:
        return None
    return (
        f"{carrying} of {depth} reads carry it, fewer than one of two copies explains: it may be in a part of the "
        "cells alone (mosaic), or come from a like sequence elsewhere"
    )


def _at_most(count: int, of: int, share: float) -> float:
    """Chance of so many or fewer, binomially distributed."""
    yes, no, all_ways = math.log(share), math.log1p(-share), math.lgamma(of + 1)
    return math.fsum(
        math.exp(all_ways - math.lgamma(one + 1) - math.lgamma(of - one + 1) + one * yes + (of - one) * no)
        for one in range(count + 1)
    )
