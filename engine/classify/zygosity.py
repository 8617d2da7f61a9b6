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

from engine.call.ploidy import ploidy_of
from engine.person import Sex
from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval

HOMOPLASMIC_FROM = 0.95
"""Share of reads from which a mitochondrial variant counts as homoplasmic; sequencing errors leave about that much."""


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
